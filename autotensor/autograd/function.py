"""Operations of one's own: `Function`, PyTorch's way to write a value and its gradient.

A thin door to `autotensor.outputs.record_outputs`: what ``forward`` returns becomes the results
of one operation, and ``backward`` its gradient rule.
"""

import functools
import weakref

import numpy as np

from autotensor.engine import Node
from autotensor.memory import owner, wrote
from autotensor.modes import is_grad_enabled, no_grad
from autotensor.ops.inplace import check_leaf, rebase
from autotensor.outputs import output_node, record_outputs
from autotensor.tensor import Tensor, conjugate


class FunctionContext:
    """What ``forward`` leaves for ``backward``: saved tensors, and attributes of any name."""

    def __init__(self, needs_input_grad):
        self.needs_input_grad = needs_input_grad
        self._saved = ()
        self._outputs = {}  # by place among the saved tensors: which output is saved there
        self._dirty = ()
        self._constant = ()
        self._materialize = True
        self._operation = None  # the node, weakly: it owns the rule, which owns this context

    def save_for_backward(self, *tensors):
        """Keep tensors (inputs, outputs, others; or None) for ``backward``.

        Writing to one of them in place before then is noticed, which it is not for tensors kept
        as attributes.
        """
        for x in tensors:
            if x is not None and not isinstance(x, Tensor):
                raise TypeError(
                    f"save_for_backward takes tensors and None, not {type(x).__name__}: "
                    f"keep other things as attributes, ctx.name = value"
                )
        self._saved = tensors

    @property
    def saved_tensors(self):
        """The tensors of `save_for_backward`, outputs with their place in the graph."""
        operation = None if self._operation is None else self._operation()
        return tuple(
            Tensor(x.array, output_node(operation, self._outputs[place], x))
            if operation is not None and place in self._outputs
            else x
            for place, x in enumerate(self._saved)
        )

    def mark_dirty(self, *tensors):
        """Say that ``forward`` wrote to these inputs in place; it has to return them."""
        self._dirty = tensors

    def mark_non_differentiable(self, *outputs):
        """Say that no gradient flows through these outputs."""
        self._constant = outputs

    def set_materialize_grads(self, value):
        """Whether ``backward`` gets zeros, and not None, for an output without a gradient."""
        self._materialize = bool(value)

    def _detach_outputs(self, outputs):
        """Saved outputs without their nodes, which would close a cycle of references."""
        places = {id(y): number for number, y in enumerate(outputs)}
        saved = enumerate(self._saved)
        self._outputs = {place: places[id(x)] for place, x in saved if id(x) in places}
        self._saved = tuple(
            x.detach() if place in self._outputs else x for place, x in enumerate(self._saved)
        )


class Function:
    """An operation whose value and gradient the user writes, as static methods of a subclass.

    ``forward(ctx, *args)`` computes on tensors that record nothing, and returns a tensor or a
    tuple; ``backward(ctx, *gradients)`` takes the gradients of what it returned to those of
    ``args``, None for what is no tensor. Written in operations, ``backward`` can be differentiated
    again. Instead of ``ctx``, ``forward(*args)`` may leave it to
    ``setup_context(ctx, inputs, output)``. Call it by `apply`.
    """

    @staticmethod
    def forward(*args):
        """The value; a subclass has to define it."""
        raise NotImplementedError("a Function needs a static method forward(ctx, *args)")

    @staticmethod
    def backward(ctx, *gradients):
        """Gradients of the arguments; a subclass has to define it."""
        raise NotImplementedError("a Function needs a static method backward(ctx, *gradients)")

    @classmethod
    def apply(cls, *args, **kwargs):
        """Compute the value for ``args``, and record how to differentiate it."""
        if kwargs or (hasattr(cls, "setup_context") and cls.forward.__defaults__):
            args = cls._bound(args, kwargs)
        ctx = FunctionContext(tuple(isinstance(x, Tensor) and x.requires_grad for x in args))
        with no_grad():
            value = cls._compute(ctx, args)
        several = isinstance(value, (tuple, list))
        outputs = list(value) if several else [value]
        if is_grad_enabled() and any(ctx.needs_input_grad):
            outputs = _record(cls, ctx, args, outputs)
        return tuple(outputs) if several else outputs[0]

    @classmethod
    def _bound(cls, args, kwargs):
        """All arguments by position; with ``setup_context`` those left out have their defaults."""
        from inspect import signature  # takes long to load, and few programs need it

        if not hasattr(cls, "setup_context"):
            return signature(cls.forward).bind(None, *args, **kwargs).args[1:]
        bound = signature(cls.forward).bind(*args, **kwargs)
        bound.apply_defaults()
        return bound.args

    @classmethod
    def _compute(cls, ctx, args):
        """The value of ``forward``, in either of its two forms."""
        if not hasattr(cls, "setup_context"):
            return cls.forward(ctx, *args)
        value = cls.forward(*args)
        cls.setup_context(ctx, args, value)
        return value


def once_differentiable(backward):
    """Decorate a ``backward`` that is not written in operations: differentiating it raises."""

    @functools.wraps(backward)
    def unrecorded(ctx, *gradients):
        with no_grad():
            return backward(ctx, *gradients)

    unrecorded.once_differentiable = True
    return unrecorded


def _record(cls, ctx, args, outputs):
    """``outputs`` with the tensors among them as results of one recorded operation."""
    places = [n for n, y in enumerate(outputs) if isinstance(y, Tensor)]
    tensors = [outputs[n] for n in places]
    for x in ctx._dirty:
        if all(x is not y for y in tensors):
            raise RuntimeError(f"{cls.__name__}: an input that is marked dirty must be returned")
        check_leaf(x)
        wrote(x)
    ctx._detach_outputs(tensors)
    saved, ctx._saved = ctx._saved, ()  # the rule keeps them, where writes to them are looked for
    metadata = [(y.shape, y.dtype) for y in tensors]
    shapes = [x.shape if isinstance(x, Tensor) else None for x in args]
    count = len(outputs)

    def rule(gradients):
        if ctx._materialize:
            gradients = [
                Tensor(np.zeros(*kind)) if g is None else g
                for g, kind in zip(gradients, metadata, strict=True)
            ]
        given = [None] * count
        for n, g in zip(places, gradients, strict=True):
            given[n] = conjugate(g)
        ctx._saved = saved
        found = _checked(cls.__name__, cls.backward(ctx, *given), shapes)
        found = tuple(map(conjugate, found))
        if is_grad_enabled() and getattr(cls.backward, "once_differentiable", False):
            return tuple(_differentiable_once(g, cls.__name__, ctx._operation()) for g in found)
        return found

    rule.__qualname__ = cls.__name__
    made, operation = record_outputs([_unshared(y, args, ctx) for y in tensors], args, rule)
    ctx._operation = weakref.ref(operation)
    for n, y, result in zip(places, tensors, made, strict=True):
        if any(y is x for x in ctx._constant):
            result.node = None
        if any(y is x for x in ctx._dirty):
            rebase(y, (result, lambda g: g))
            result = y
        outputs[n] = result
    ctx._dirty = ctx._constant = ()  # a tensor written to would close a cycle of references
    return outputs


def _unshared(y, args, ctx):
    """The array of an output; a copy if it is memory of an input, with which it would change."""
    if any(y is x for x in ctx._dirty):
        return y.array
    memory = owner(y.array)
    shared = any(isinstance(x, Tensor) and owner(x.array) is memory for x in args)
    return y.array.copy(order="K") if shared else y.array


def _checked(name, found, shapes):
    """What a ``backward`` returned, as one gradient or None for each argument."""
    found = found if isinstance(found, tuple) else (found,)
    if len(found) < len(shapes) or any(g is not None for g in found[len(shapes) :]):
        raise RuntimeError(
            f"{name}.backward returned an incorrect number of gradients: {len(found)} for "
            f"{len(shapes)} arguments (None for those that are no tensors)"
        )
    for number, (g, shape) in enumerate(zip(found, shapes, strict=False)):
        if g is None:
            continue
        if not isinstance(g, Tensor):
            raise TypeError(f"{name}.backward: gradient {number} is a {type(g).__name__}")
        if shape is None:
            raise RuntimeError(f"{name}.backward: argument {number} is no tensor: return None")
        spare = g.ndim - len(shape)
        fits = spare >= 0 and all(n in (1, m) for n, m in zip(shape, g.shape[spare:], strict=True))
        if not fits:
            raise RuntimeError(
                f"{name}.backward returned an invalid gradient at index {number}: got {g.shape} "
                f"but expected a shape compatible with {shape}"
            )
    return found[: len(shapes)]


def _differentiable_once(g, name, operation):
    """The gradient ``g`` with a place in the graph that raises when reached."""

    def rule(_):
        raise RuntimeError(
            f"trying to differentiate twice a function that was marked with "
            f"@once_differentiable: {name}.backward"
        )

    rule.__qualname__ = name
    parents = operation.edges[0][0]
    return None if g is None else Tensor(g.array, Node(g.shape, g.dtype, [(parents, rule, False)]))
