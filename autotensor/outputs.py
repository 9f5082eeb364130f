"""Operations of several results: one place in the graph that gathers their gradients.

Each result has a node of its own, which hands its gradient to the node of the operation. That one
is older than all of them, so the walk reaches it once, after the last; its one rule is given a
list, with None for a result that no gradient came to.
"""

import weakref

from autotensor.engine import Node, observers
from autotensor.tensor import Tensor, history, is_recorded


def record_outputs(arrays, inputs, rule, wants_outputs=False):
    """The tensors of an operation's values, with one gradient rule in the graph.

    ``rule`` takes a list, a gradient or None for each value, to a tuple with one for each input
    (None where none is needed); with ``wants_outputs`` it is also given the list of the values.
    Values of integer or boolean dtype need no gradient. Returns the tensors, and the node that
    ``rule`` belongs to (None where nothing is recorded).
    """
    values = [Tensor(array) for array in arrays]
    if not is_recorded(*inputs):
        return values, None

    count = len(values)
    kept = tuple([y.detach() for y in values]) if wants_outputs else ()
    owner = []  # the node of the operation, weakly: it owns the rule

    def joint(shares):
        gradients = [shares.by_number.get(number) for number in range(count)]
        if not wants_outputs:
            return rule(gradients)
        outputs = [y.attach(output_node(owner[0](), n, y)) for n, y in enumerate(kept)]
        return rule(gradients, outputs)

    joint.__qualname__ = rule.__qualname__  # what the node is called
    operation = Node((), None, [(tuple(map(history, inputs)), joint, False)])
    owner.append(weakref.ref(operation))
    for number, value in enumerate(values):
        if value.dtype.kind in "fc":
            value.node = output_node(operation, number, value)
    if observers:
        for value in values:
            observers[-1].recorded(value, [(inputs, rule)])
    return values, operation


def output_node(operation, number, value):
    """A node for result ``number`` of ``operation``; another one for the same result may exist."""

    def hand_over(g):
        return _Share(g, number)

    hand_over.__qualname__ = operation.edges[0][1].__qualname__
    return Node(value.shape, value.dtype, [(operation, hand_over, False)])


class _Share:
    """The gradient of one of several results."""

    __slots__ = ("g", "number")
    partial = True

    def __init__(self, g, number):
        self.g = g
        self.number = number

    def spread(self):
        """As the gradients of all results, so far."""
        return _Shares({self.number: self.g})


class _Shares:
    """The gradients of several results, by number."""

    __slots__ = ("by_number",)
    partial = made = False

    def __init__(self, by_number):
        self.by_number = by_number

    def accumulate(self, share):
        """Add the gradient of another result, or another gradient of the same."""
        so_far = self.by_number.get(share.number)
        self.by_number[share.number] = share.g if so_far is None else so_far + share.g
