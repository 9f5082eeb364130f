"""One application of a transform, which `autotensor.func` and ``autograd.functional`` share.

A function is differentiated with respect to variables: tensors on the memory of its inputs, each
with a leaf of its own in the graph. While the function runs nothing leads from a variable to the
input it stands for, so that derivatives of nested transforms, and of tensors the function closes
over, cannot be taken for each other. Afterwards the leaf is tied to the input, and what was
computed becomes a part of the outer graph, if there is one.
"""

import numpy as np

from autotensor.engine import Node, reach, tick
from autotensor.gradients import grad
from autotensor.modes import enable_grad
from autotensor.ops.joining import stack
from autotensor.ops.shape import movedim, reshape
from autotensor.pytree import flatten, map_leaves, unflatten
from autotensor.tensor import Tensor, history


class Level:
    """The variables of one transform, and the graph of the function between them and its value.

    ``inputs`` is a tree of tensors. With ``recording`` the results can be differentiated further.
    """

    def __init__(self, inputs, recording):
        sources, self.skeleton = flatten(inputs)
        for x in sources:
            _check_variable(x)
        self.since = tick()
        self.recording = recording
        self.variables = [_variable(x.array) for x in sources]
        self.sources = [history(x) for x in sources] if recording else []

    def tree(self, leaves):
        """One value for each variable, arranged as the inputs are."""
        return unflatten(self.skeleton, leaves)

    def run(self, func, args, kwargs):
        """``func(*args, **kwargs)``, recorded; the variables are tied to the inputs after it."""
        with enable_grad():
            value = func(*args, **kwargs)
        for x, source in zip(self.variables, self.sources, strict=False):
            if source is not None:
                x.node.edges = [(source, _identity, False)]
        return value

    def is_open(self, values):
        """Whether gradients of ``values`` lead to tensors outside, and are to be recorded."""
        if not self.recording:
            return False
        nodes = [x.node for x in _tracked(values)]
        return any(
            node.order < self.since or (node.edges == () and node.watch and node.watch.keep)
            for node in reach(nodes, self.since)
        )

    def pull(self, outputs, weights, record, retain=True):
        """Gradients of ``outputs``, weighed (None: by one), for the variables; zeros if none."""
        return pull(outputs, self.variables, weights, record, retain)

    def push(self, outputs, tangents, record):
        """The derivatives of ``outputs`` along tangents of the variables."""
        weights, pulled = self._pulled(outputs)
        return pull(pulled, weights, tangents, record)

    def rows(self, outputs, record):
        """The Jacobian by elements of the outputs: [output][variable], (*output, *variable)."""
        return _rows(outputs, self.variables, record)

    def columns(self, outputs, record):
        """The Jacobian as by `rows`, computed by elements of the variables."""
        weights, pulled = self._pulled(outputs)
        turned = _rows(pulled, weights, record)
        return [
            [
                _turned(blocks[number], x.ndim)
                for blocks, x in zip(turned, self.variables, strict=True)
            ]
            for number in range(len(outputs))
        ]

    def _pulled(self, outputs):
        """Weights for the outputs, and the gradients of the variables as functions of them.

        These are linear in the weights, and their own gradients the forward derivatives: what they
        are at is of no account, so the weights are 0.
        """
        weights = [_variable(np.zeros_like(y.array)) for y in outputs]
        return weights, self.pull(outputs, weights, True)

    def leave(self, tree):
        """`leave` for results of the function that are not differentiated."""
        return leave(tree, self.is_open(flatten(tree)[0]))


def _variable(array):
    """A leaf that nothing accumulates in."""
    return Tensor(array, Node(array.shape, array.dtype))


def _check_variable(x):
    if not isinstance(x, Tensor):
        raise ValueError(
            f"functions are differentiated with respect to Tensors, got {type(x).__name__}: leave "
            f"it out of argnums, or close over it"
        )
    if x.dtype.kind not in "fc":
        raise RuntimeError(
            f"only floating-point tensors have gradients, this one is {x.dtype}: convert it "
            f"first, e.g. x.float()"
        )


def _identity(g):
    return g


def _tracked(values):
    return [x for x in values if isinstance(x, Tensor) and x.requires_grad]


def pull(outputs, inputs, weights, record, retain=True):
    """`autotensor.grad` for outputs some or all of which may be constant: zeros where unused."""
    pairs = zip(outputs, weights, strict=True)
    pairs = [(y, weight) for y, weight in pairs if y.requires_grad]
    if not pairs or not inputs:
        return tuple(Tensor(np.zeros_like(x.array)) for x in inputs)
    outputs, weights = zip(*pairs, strict=True)
    return grad(outputs, inputs, weights, retain, record, materialize_grads=True)


def _rows(outputs, inputs, record):
    jacobian = []
    for y in outputs:
        found = [pull([y], inputs, [unit], record) for unit in _units(y)]
        with enable_grad():
            jacobian.append([_stacked([r[i] for r in found], y, x) for i, x in enumerate(inputs)])
    return jacobian


def _units(y):
    """Weights that pick one element of ``y`` after the other."""
    for place in range(y.array.size):
        unit = np.zeros(y.shape, y.dtype)
        unit.flat[place] = 1
        yield Tensor(unit)


def _stacked(parts, y, x):
    if not parts:
        return Tensor(np.zeros(y.shape + x.shape, x.dtype))
    return reshape(stack(parts), y.shape + x.shape)


def _turned(block, first):
    """(*x, *y) -> (*y, *x), where x has ``first`` dimensions."""
    with enable_grad():
        return movedim(block, tuple(range(first)), tuple(range(-first, 0))) if first else block


def leave(tree, is_open):
    """What leaves a level: tensors without history, unless gradients lead outside."""
    if is_open:
        return tree
    return map_leaves(lambda x: x.detach() if isinstance(x, Tensor) else x, tree)
