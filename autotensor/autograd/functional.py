"""PyTorch's older interface to derivatives of functions: of tensors or tuples of them, at once.

``inputs`` is a tensor or a tuple of tensors, and so is what ``func`` returns. Without
``create_graph`` the results have no history. ``strict`` raises RuntimeError where something does
not depend on an input, instead of returning zeros. `autotensor.func` is the newer interface.
"""

from autotensor.engine import reach
from autotensor.func.level import Level, leave
from autotensor.pytree import flatten, unflatten
from autotensor.tensor import Tensor

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]


def vjp(func, inputs, v=None, create_graph=False, strict=False):
    """``(outputs, vector-Jacobian product)``: gradients of the outputs weighed by ``v``.

    ``v`` is shaped as the outputs, and may be left out for a single number.
    """
    level, value, outputs = _run("vjp", func, inputs, create_graph, strict)
    found = level.pull(outputs, _vector("vjp", v, outputs), create_graph)
    return leave((value, level.tree(found)), create_graph)


def jvp(func, inputs, v=None, create_graph=False, strict=False):
    """``(outputs, Jacobian-vector product)``: derivatives of the outputs along ``v``.

    ``v`` is shaped as the inputs, and may be left out for a single number.
    """
    level, value, outputs = _run("jvp", func, inputs, create_graph, strict)
    found = level.push(outputs, _vector("jvp", v, level.variables), create_graph)
    return leave((value, unflatten(flatten(value)[1], found)), create_graph)


def jacobian(
    func, inputs, create_graph=False, strict=False, vectorize=False, strategy="reverse-mode"
):
    """The Jacobian: (*output, *input), in a tuple for each output and input that is in a tuple.

    ``strategy`` "reverse-mode" takes a pass for each element of the outputs, "forward-mode" one for
    each of the inputs (see `autotensor.func.jacfwd`). ``vectorize`` is accepted, and changes
    nothing.
    """
    blocks = _strategy("jacobian", strategy)
    level, value, outputs = _run("jacobian", func, inputs, create_graph, strict)
    found = blocks(level, outputs, create_graph)
    if strict and create_graph:
        for parts in found:
            _check_used("jacobian", level, parts, "the Jacobian", every=False)
    found = [level.tree(parts) for parts in found]
    return leave(unflatten(flatten(value)[1], found), create_graph)


def hessian(
    func,
    inputs,
    create_graph=False,
    strict=False,
    vectorize=False,
    outer_jacobian_strategy="reverse-mode",
):
    """The Hessian of ``func``, which returns a single number: (*input, *input).

    For a tuple of inputs, a tuple of tuples. The other arguments are those of `jacobian`.
    """
    blocks = _strategy("hessian", outer_jacobian_strategy)
    level, _, slopes = _run_slopes("hessian", func, inputs, create_graph, strict)
    found = level.tree([level.tree(parts) for parts in blocks(level, slopes, create_graph)])
    return leave(found, create_graph)


def hvp(func, inputs, v=None, create_graph=False, strict=False):
    """``(output, Hessian times v)`` of ``func``, which returns a single number.

    ``v`` is shaped as the inputs, and may be left out for a single number. Hessians are symmetric:
    `vhp` is the same function.
    """
    level, value, slopes = _run_slopes("hvp", func, inputs, create_graph, strict)
    found = level.pull(slopes, _vector("hvp", v, slopes), create_graph)
    return leave((value, level.tree(found)), create_graph)


vhp = hvp


def _run(name, func, inputs, create_graph, strict):
    """The level of ``func`` at ``inputs``, what it returned, and that as a tuple."""
    level = Level(_checked(name, inputs, "inputs"), create_graph)
    value = level.run(func, level.variables, {})
    outputs = _tuple(_checked(name, value, "outputs of the function"))
    if strict:
        _check_used(name, level, outputs, "an output of the function")
    return level, value, outputs


def _run_slopes(name, func, inputs, create_graph, strict):
    """Like `_run`; but the gradients in place of the output, to be differentiated again."""
    level, value, outputs = _run(name, func, inputs, create_graph, strict)
    if not isinstance(value, Tensor) or value.array.size != 1:
        raise RuntimeError(f"{name}: the function should return a Tensor of a single element")
    slopes = level.pull(outputs, [None], True)
    if strict:
        _check_used(name, level, slopes, "the Jacobian", every=False)
    return level, value, slopes


def _check_used(name, level, values, what, every=True):
    """Raise unless the ``values`` (each of them, or together) depend on each input."""
    tracked = [y.node for y in values if y.requires_grad]
    groups = [[y.node] if y.requires_grad else [] for y in values] if every else [tracked]
    for nodes in groups:
        reached = set(reach(nodes, level.since))
        for number, x in enumerate(level.variables):
            if x.node not in reached:
                raise RuntimeError(
                    f"{name}: {what} is independent of input {number}, which strict=True refuses"
                )


def _tuple(values):
    return (values,) if isinstance(values, Tensor) else values


def _checked(name, values, what):
    tensors = _tuple(values)
    if not isinstance(tensors, tuple) or not all(isinstance(x, Tensor) for x in tensors):
        raise TypeError(
            f"{name}: the {what} must be a Tensor or a tuple of Tensors, got "
            f"{type(values).__name__}"
        )
    return values


def _vector(name, v, targets):
    """``v`` as a tuple of tensors of the shapes of ``targets``; None stands for a single one."""
    if v is None:
        if len(targets) != 1 or targets[0].array.size != 1:
            raise RuntimeError(
                f"{name}: the vector v can only be None for a single Tensor of a single element"
            )
        return (None,)
    v = _tuple(_checked(name, v, "parts of v"))
    shapes, expected = [x.shape for x in v], [x.shape for x in targets]
    if shapes != expected:
        raise RuntimeError(f"{name}: v has invalid sizes: should be {expected}, got {shapes}")
    return v


def _strategy(name, strategy):
    known = {"reverse-mode": Level.rows, "forward-mode": Level.columns}
    if strategy not in known:
        raise RuntimeError(f"{name}: strategy is one of {sorted(known)}, not {strategy!r}")
    return known[strategy]
