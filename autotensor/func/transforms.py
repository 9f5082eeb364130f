"""Derivatives of functions, as functions: ``grad``, ``vjp``, ``jvp``, Jacobians and Hessians.

They nest in each other, and their results are part of the graph of tensors outside: those given,
and those that the function closes over. Inputs and outputs may be nested tuples, lists and dicts.
"""

import functools
import operator

from autotensor.func.level import Level, leave
from autotensor.modes import is_grad_enabled
from autotensor.pytree import flatten, unflatten
from autotensor.tensor import Tensor


def value_and_grad(func, argnums=0, has_aux=False):
    """A function like ``func``, which returns a scalar, that returns ``(value, gradients)``.

    Gradients are shaped as the argument ``argnums`` is, or a tuple of them where ``argnums`` is a
    tuple. With ``has_aux``, ``func`` returns ``(value, aux)``, and the first part is that pair.
    """

    @functools.wraps(func)
    def call(*args, **kwargs):
        level, args = _enter(args, argnums)
        value = level.run(func, args, kwargs)
        value, aux = _split(value, has_aux, "grad")
        _check_scalar(value)
        record = level.is_open([value])
        gradients = level.pull([value], [None], record, record or has_aux)
        gradients, value = leave((level.tree(gradients), value), record)
        return ((value, level.leave(aux)) if has_aux else value), gradients

    return call


def grad(func, argnums=0, has_aux=False):
    """A function like ``func``, which returns a scalar, that returns its gradients.

    Arguments as in `value_and_grad`; with ``has_aux`` it returns ``(gradients, aux)``.
    """
    compute = value_and_grad(func, argnums, has_aux)

    @functools.wraps(func)
    def call(*args, **kwargs):
        value, gradients = compute(*args, **kwargs)
        return (gradients, value[1]) if has_aux else gradients

    return call


def grad_and_value(func, argnums=0, has_aux=False):
    """`value_and_grad` in the order of PyTorch: ``(gradients, value)``."""
    compute = value_and_grad(func, argnums, has_aux)

    @functools.wraps(func)
    def call(*args, **kwargs):
        return compute(*args, **kwargs)[::-1]

    return call


def vjp(func, *primals, has_aux=False):
    """``(func(*primals), vjp_fn)``: what takes weights of the output to gradients of the primals.

    ``vjp_fn`` takes weights arranged as the output, returns a tuple with one part for each primal,
    and can be called any number of times. With ``has_aux``, ``func`` returns ``(output, aux)``, and
    ``aux`` is returned at the end.
    """
    level, args = _enter(primals, tuple(range(len(primals))))
    value, aux = _split(level.run(func, args, {}), has_aux, "vjp")
    outputs, skeleton = _outputs(value, "vjp")
    is_open = level.is_open(outputs)

    def vjp_fn(cotangents):
        weights = _matching(cotangents, skeleton, outputs, "vjp: cotangents")
        record = is_grad_enabled() and (is_open or any(w.requires_grad for w in weights))
        return leave(level.tree(level.pull(outputs, weights, record)), record)

    value = leave(value, is_open)
    return (value, vjp_fn, level.leave(aux)) if has_aux else (value, vjp_fn)


def jvp(func, primals, tangents, *, strict=False, has_aux=False):
    """``(func(*primals), derivative of the output along tangents)``, for tuples of inputs.

    By reverse mode twice (as in Townsend 2017, "A new trick for calculating Jacobian vector
    products"), which needs rules that can be differentiated again. With ``strict`` an output that
    does not depend on the primals raises RuntimeError instead of having the derivative 0.
    """
    for name, given in (("primals", primals), ("tangents", tangents)):
        if not isinstance(given, tuple):
            raise RuntimeError(f"jvp: expected {name} to be a tuple, got {type(given).__name__}")
    level, args = _enter(primals, tuple(range(len(primals))))
    directions = _matching(tangents, level.skeleton, level.variables, "jvp: tangents")
    value, aux = _split(level.run(func, args, {}), has_aux, "jvp")
    outputs, skeleton = _outputs(value, "jvp")
    if strict and not all(y.requires_grad for y in outputs):
        raise RuntimeError("jvp: an output is independent of the inputs, which strict=True refuses")
    is_open = level.is_open(outputs)
    record = is_open or (is_grad_enabled() and any(t.requires_grad for t in directions))
    along = leave(unflatten(skeleton, level.push(outputs, directions, record)), record)
    value = leave(value, is_open)
    return (value, along, level.leave(aux)) if has_aux else (value, along)


def jacrev(func, argnums=0, *, has_aux=False, chunk_size=None):
    """A function that returns the Jacobian of ``func``, one reverse pass for each output element.

    For an output y and an input x it has the shape ``(*y, *x)``; arranged as the outputs are, and
    within that as the inputs. ``chunk_size`` is accepted, and changes nothing.
    """
    return _jacobian(func, argnums, has_aux, Level.rows)


def jacfwd(func, argnums=0, has_aux=False, *, randomness="error"):
    """`jacrev`, computed by one pass for each input element: for more outputs than inputs.

    By reverse mode twice, as `jvp`. ``func`` runs once, so ``randomness`` changes nothing.
    """
    return _jacobian(func, argnums, has_aux, Level.columns)


def _jacobian(func, argnums, has_aux, blocks):
    @functools.wraps(func)
    def call(*args, **kwargs):
        level, args = _enter(args, argnums)
        value, aux = _split(level.run(func, args, kwargs), has_aux, "jacobian")
        outputs, skeleton = _outputs(value, "jacobian")
        record = level.is_open(outputs)
        found = [level.tree(parts) for parts in blocks(level, outputs, record)]
        found = leave(unflatten(skeleton, found), record)
        return (found, level.leave(aux)) if has_aux else found

    return call


def hessian(func, argnums=0):
    """A function that returns the Hessian of ``func``: the Jacobian of its Jacobian.

    For a scalar of one input x, ``(*x, *x)``; arranged as the inputs, twice.
    """
    return jacrev(jacrev(func, argnums), argnums)


def hvp(func, primals, tangents):
    """The Hessian of the scalar ``func(*primals)`` times ``tangents``, both tuples.

    Returns a tuple, or for a single primal its own part. By reverse mode over reverse mode,
    at the cost of a few gradients (Pearlmutter 1994).
    """

    def slopes(*primals):
        return grad(func, tuple(range(len(primals))))(*primals)

    product = vjp(slopes, *primals)[1](tangents)
    return product if len(product) > 1 else product[0]


def _enter(args, argnums):
    """A level for the arguments ``argnums``, and the arguments with its variables in place."""
    numbers = _numbers(argnums, len(args))
    inputs = tuple(args[n] for n in numbers)
    level = Level(inputs if isinstance(argnums, tuple) else inputs[0], is_grad_enabled())
    twins = level.tree(level.variables)
    twins = twins if isinstance(argnums, tuple) else (twins,)
    given = list(args)
    for n, twin in zip(numbers, twins, strict=True):
        given[n] = twin
    return level, given


def _numbers(argnums, count):
    numbers = argnums if isinstance(argnums, tuple) else (argnums,)
    try:
        numbers = [operator.index(n) for n in numbers]
    except TypeError:
        raise RuntimeError(f"argnums must be an int or a tuple of ints, got {argnums!r}") from None
    for n in numbers:
        if not -count <= n < count:
            raise RuntimeError(f"got argnums={n}, but only {count} positional inputs")
    placed = [n % count for n in numbers]
    if len(set(placed)) != len(placed):
        raise RuntimeError(f"argnums must be unique, got {argnums}")
    return placed


def _split(value, has_aux, name):
    if not has_aux:
        return value, None
    if not (isinstance(value, tuple) and len(value) == 2):
        raise RuntimeError(f"{name}: with has_aux the function returns a tuple (output, aux)")
    return value


def _check_scalar(value):
    if not isinstance(value, Tensor):
        raise RuntimeError(
            f"grad: expected the function to return a Tensor, got {type(value).__name__}"
        )
    if value.ndim:
        raise RuntimeError(
            f"grad: expected the function to return a scalar Tensor, got shape {value.shape}: "
            f"reduce it, or use vjp or jacrev"
        )


def _outputs(value, name):
    outputs, skeleton = flatten(value)
    for y in outputs:
        if not isinstance(y, Tensor):
            raise RuntimeError(
                f"{name}: expected the function to return only Tensors, got {type(y).__name__}"
            )
        if y.dtype.kind not in "fc":
            raise RuntimeError(f"{name}: all outputs must be of a floating dtype, got {y.dtype}")
    return outputs, skeleton


def _matching(given, skeleton, tensors, name):
    """The leaves of ``given``, one for each of ``tensors`` and of its shape."""
    leaves, found = flatten(given)
    if found != skeleton:
        raise RuntimeError(f"{name} must be arranged as {skeleton}, got {found}")
    for leaf, x in zip(leaves, tensors, strict=True):
        if not isinstance(leaf, Tensor):
            raise RuntimeError(f"{name} must be Tensors, got {type(leaf).__name__}")
        if leaf.shape != x.shape:
            raise RuntimeError(f"{name}: expected shape {x.shape}, got {leaf.shape}")
    return leaves
