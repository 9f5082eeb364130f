"""Activation checkpointing: a part of the forward pass is computed again in backward.

PyTorch's ``torch.utils.checkpoint``. What the gradient rules of the part would save is dropped
when the part is done, and made anew when backward comes to it (Chen et al. 2016, "Training deep
nets with sublinear memory cost"): one more forward pass for the memory of one part at a time.
"""

import operator
import zlib

from autotensor.creation import default_generator
from autotensor.engine import propagate, reach, tick
from autotensor.memory import check_unwritten, last_write
from autotensor.modes import enable_grad, is_grad_enabled
from autotensor.outputs import record_outputs
from autotensor.pytree import flatten, unflatten
from autotensor.tensor import Tensor

__all__ = ["checkpoint", "checkpoint_sequential"]


def checkpoint(
    function,
    *args,
    use_reentrant=None,
    preserve_rng_state=True,
    determinism_check="default",
    **kwargs,
):
    """``function(*args, **kwargs)``, computed again in backward instead of saving its values.

    Arguments and results may be nested tuples, lists and dicts. Gradients, of any order, flow to
    tensors among the arguments and to those that ``function`` closes over (parameters of modules),
    and are the same bits as without. Random numbers are drawn again the same from the default
    generator, unless ``preserve_rng_state`` is false.

    Where the second run gives other results than the first, backward raises RuntimeError, unless
    ``determinism_check`` is "none". Both runs move the running statistics of batch norm, as in
    PyTorch. ``use_reentrant`` is accepted: there is one way, which can do what PyTorch's two can.
    """
    if determinism_check not in ("default", "none"):
        raise ValueError(
            f"checkpoint: determinism_check is 'default' or 'none', not {determinism_check!r}"
        )
    if not is_grad_enabled():
        return function(*args, **kwargs)
    since = tick()
    state = default_generator.get_state() if preserve_rng_state else None
    leaves, skeleton = flatten(function(*args, **kwargs))
    _check_arguments((args, kwargs), since)
    results = _made_since(leaves, since)
    ends = _ends(results, since)
    prints = [_fingerprint(y) for y in results] if determinism_check == "default" else None

    def rule(gradients):
        record, again = is_grad_enabled(), tick()
        with enable_grad():
            value = _run_at(state, function, args, kwargs)
        results = _made_since(flatten(value)[0], again)
        _check_same(prints, results)
        pairs = [(y.node, g) for y, g in zip(results, gradients, strict=True) if g is not None]
        nodes, gradients = zip(*pairs, strict=True)
        walk = {"retain": record, "record": record, "check": check_unwritten, "since": again}
        return tuple(propagate(nodes, gradients, ends, **walk))

    rule.__qualname__ = "checkpoint"
    places = [Tensor(None, node) for node in ends]  # nodes are all that the graph wants to know
    made = record_outputs([_own_array(y) for y in results], places, rule)[0]
    made = {id(y): new for y, new in zip(results, made, strict=True)}
    return unflatten(skeleton, [made.get(id(leaf), leaf) for leaf in leaves])


def _made_since(leaves, since):
    """The tensors among ``leaves``, each once, that the function made and gradients flow to."""
    tracked = [x for x in leaves if isinstance(x, Tensor) and x.requires_grad]
    return list({id(x): x for x in tracked if x.node.order > since}.values())


def _ends(results, since):
    """The nodes older than ``since`` at which the graph of the results ends."""
    ends = []
    for node in reach([y.node for y in results], since):
        if node.order < since:
            ends.append(node)
        elif node.edges == () and node.watch is not None and node.watch.keep:
            raise RuntimeError(
                f"checkpoint: the function makes a leaf that requires a gradient, of shape "
                f"{node.shape}, which its second run would make anew: make it outside"
            )
    return ends


def _own_array(y):
    """The array of a result; a copy if a tensor in the function has the memory, too."""
    return y.array if y.origin is None else y.array.copy(order="K")


def _run_at(state, function, args, kwargs):
    """``function(*args, **kwargs)`` from this state of the default generator."""
    if state is None:
        return function(*args, **kwargs)
    before = default_generator.get_state()
    default_generator.set_state(state)
    try:
        return function(*args, **kwargs)
    finally:
        default_generator.set_state(before)


def _fingerprint(y):
    return y.shape, str(y.dtype), zlib.crc32(y.array.ravel("K").view("uint8"))


def _check_arguments(tree, since):
    for x in flatten(tree)[0]:
        if isinstance(x, Tensor) and last_write(x.array) > since:
            raise RuntimeError(
                f"checkpoint: the function writes in place to its argument of shape {x.shape}, and "
                f"would find it changed when it runs again: let it change a copy (x.clone())"
            )


def _check_same(prints, results):
    if prints is not None and prints != [_fingerprint(y) for y in results]:
        raise RuntimeError(
            "checkpoint: run again for backward, the function gave other results than at first. "
            "What it depends on must not change in between: parameters (optimizer.step() comes "
            "after backward()), train() and eval(), random numbers from generators of its own. "
            "determinism_check='none' takes the gradients of the second run"
        )


def checkpoint_sequential(functions, segments, input, use_reentrant=None, preserve_rng_state=True):
    """A chain of functions, or a ``Sequential``, in ``segments`` parts, all but the last of which
    are a `checkpoint`."""
    functions = list(functions.children() if hasattr(functions, "children") else functions)
    segments = operator.index(segments)
    if not 1 <= segments <= len(functions):
        raise ValueError(
            f"checkpoint_sequential: {segments} segments of {len(functions)} functions"
        )
    size = len(functions) // segments
    for start in range(0, size * (segments - 1), size):
        part = _chain(functions[start : start + size])
        input = checkpoint(part, input, preserve_rng_state=preserve_rng_state)
    return _chain(functions[size * (segments - 1) :])(input)


def _chain(functions):
    def run(x):
        for function in functions:
            x = function(x)
        return x

    return run
