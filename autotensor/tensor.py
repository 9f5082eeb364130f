"""The tensor: an array that remembers how it was made.

`record` turns the value of an operation and its gradient rules into a tensor. Operators and methods
are the functions of `autotensor.ops`, bound in `autotensor.ops.methods`; `backward` is that of
`autotensor.gradients`.
"""

import copy
import weakref

import numpy as np

from autotensor.devices import CPU
from autotensor.engine import Handle, Node, observers
from autotensor.memory import (
    View,
    base_of,
    before_write,
    owner,
    rerouted,
    wrote,
)
from autotensor.modes import enable_grad, is_grad_enabled

__all__ = [
    "Tensor",
    "is_recorded",
    "record",
    "record_view",
    "wrote",
]


class Tensor:
    """A NumPy array ``array`` with a place ``node`` in the graph (None: no gradient required).

    ``Tensor(array)`` wraps an array without copying or checking it; use `autotensor.tensor` to
    make one from data. ``origin`` is set where the memory belongs to another tensor.
    """

    __slots__ = ("__weakref__", "array", "node", "origin")
    __array_ufunc__ = None  # ndarray * Tensor is left to Tensor
    partial = made = False  # as a gradient: it is whole, unlike a Patch; others may know its memory

    def __init__(self, array, node=None):
        self.array = array
        self.node = node
        self.origin = None

    shape = property(lambda self: self.array.shape, doc="The sizes, a tuple.")
    dtype = property(lambda self: self.array.dtype, doc="The element type, a NumPy dtype.")
    ndim = property(lambda self: self.array.ndim, doc="The number of dimensions.")
    itemsize = property(lambda self: self.array.itemsize, doc="Bytes per element.")
    nbytes = property(lambda self: self.array.nbytes, doc="Bytes of all elements.")
    device = property(lambda self: CPU, doc="Where the memory is: always the CPU.")

    @property
    def requires_grad(self):
        """Whether gradients flow to this tensor."""
        return history(self) is not None

    @requires_grad.setter
    def requires_grad(self, wanted):
        self.requires_grad_(wanted)

    def requires_grad_(self, requires_grad=True):
        """Ask for this leaf's gradient, or no longer."""
        node = history(self)
        if requires_grad and node is None:
            if self.dtype.kind not in "fc":
                raise RuntimeError(
                    f"only floating-point tensors can require gradients, this one is "
                    f"{self.dtype}: convert it first, e.g. x.float()"
                )
            self.node = Node(self.shape, self.dtype)
            self.node.watched().keep = True
            rerouted(self)
        elif not requires_grad and node is not None:
            if not self.is_leaf:
                raise RuntimeError(
                    "requires_grad can be switched off for leaf tensors only; "
                    "use x.detach() for a tensor without history"
                )
            self.node = None
            rerouted(self)
        return self

    @property
    def is_leaf(self):
        """Whether this tensor was made by the user and not by a recorded operation."""
        node = history(self)
        return node is None or node.edges == ()

    @property
    def grad_fn(self):
        """The node of the operation that made this tensor; None for a leaf."""
        return None if self.is_leaf else self.node

    @property
    def grad(self):
        """The gradient that backward() has accumulated here; None before."""
        node = history(self)
        return None if node is None or node.watch is None else node.watch.grad

    @grad.setter
    def grad(self, value):
        if value is not None:
            if not isinstance(value, Tensor):
                raise TypeError(f"a gradient must be a Tensor or None, not {type(value).__name__}")
            if (value.shape, value.dtype) != (self.shape, self.dtype):
                raise RuntimeError(
                    f"a gradient has the shape and dtype of its tensor: got {value.shape} "
                    f"{value.dtype} for {self.shape} {self.dtype}"
                )
            if history(self) is None:
                raise RuntimeError("this tensor does not require a gradient: requires_grad_()")
        if history(self) is not None:
            self.node.watched().grad = value

    def retain_grad(self):
        """Keep this tensor's gradient in ``grad`` though it is not a leaf."""
        self._tracked("retain_grad").watched().keep = True

    @property
    def retains_grad(self):
        """Whether `retain_grad` was called on this non-leaf."""
        node = history(self)
        return not self.is_leaf and node.watch is not None and node.watch.keep

    def register_hook(self, hook):
        """Call ``hook(gradient)`` when the gradient is known; what it returns replaces it.

        Returns a handle whose ``remove()`` takes the hook away again.
        """
        return Handle(self._tracked("register_hook").watched().hooks, hook)

    def register_post_accumulate_grad_hook(self, hook):
        """Call ``hook(tensor)`` for this leaf when backward() has added to its ``grad``.

        Returns a handle whose ``remove()`` takes the hook away again.
        """
        if not self.is_leaf:
            raise RuntimeError(
                "register_post_accumulate_grad_hook: post accumulate grad hooks cannot be "
                "registered on non-leaf tensors; use register_hook"
            )
        watch = self._tracked("register_post_accumulate_grad_hook").watched()
        leaf = weakref.ref(self)  # the node must not hold its tensor
        return Handle(watch.after, lambda: leaf() is not None and hook(leaf()))

    def _tracked(self, method):
        node = history(self)
        if node is None:
            raise RuntimeError(f"{method}: this tensor does not require a gradient")
        return node

    @property
    def data(self):
        """A tensor on the same memory, without history."""
        return Tensor(self.array)

    @data.setter
    def data(self, value):
        if not isinstance(value, Tensor):
            raise TypeError(f"data must be a Tensor, not {type(value).__name__}")
        before_write(self.array)
        node = history(self)
        if node is not None and (node.shape, node.dtype) != (value.shape, value.dtype):
            self.node = self._replaced(value)
        self.array, self.origin = value.array, None
        wrote(self)  # whoever saved this tensor would see other values

    def _replaced(self, value):
        """A node for this leaf with the shape and dtype of ``value``; the old one may be in use."""
        old, new = self.node, Node(value.shape, value.dtype)
        if old.edges != ():
            raise RuntimeError(
                f"data of another shape or dtype ({value.shape} {value.dtype}) for a tensor with a "
                f"history ({old.shape} {old.dtype}): detach() it first"
            )
        new.watch, old.watch = old.watch, None
        Handle(old.watched().hooks, _outdated)
        return new

    def detach(self):
        """A tensor on the same memory that gradients do not pass."""
        return Tensor(self.array)

    def detach_(self):
        """Forget the history of this tensor, and that it requires a gradient."""
        if base_of(self) is not None:
            raise RuntimeError("detach_: a view cannot be detached in place; use x.detach()")
        if self.node is not None:
            self.node = None
            rerouted(self)
        return self

    def attach(self, node):
        """A tensor on the same memory with the place ``node`` in the graph."""
        return Tensor(self.array, node)

    def own(self):
        """A copy in memory of its own, without history."""
        return Tensor(self.array.copy(order="K"))

    def accumulate(self, other):
        """Add ``other``, a tensor or a `Patch`, to memory that nobody else knows of."""
        other.add_to(self.array)

    def add_to(self, array):
        """Add this tensor to ``array`` in place."""
        array += self.array

    def __deepcopy__(self, memo):
        if not self.is_leaf:
            raise RuntimeError(
                "only leaf tensors can be deep-copied: x.detach().clone() copies the values"
            )
        twin = copy.copy(self)
        twin.array = self.array.copy(order="K")
        memo[id(self)] = twin
        if self.grad is not None:
            twin.grad = copy.deepcopy(self.grad, memo)
        return twin

    def __reduce_ex__(self, protocol):
        if not self.is_leaf:
            raise RuntimeError("only leaf tensors can be copied or pickled: use x.detach()")
        return _rebuild, (type(self), self.array, self.requires_grad, getattr(self, "__dict__", {}))


def _outdated(gradient):
    raise RuntimeError(
        f"a leaf of shape {gradient.shape} has been given data of another shape or dtype since it "
        f"was used: call backward() first"
    )


def _rebuild(cls, array, requires_grad, attributes):
    made = cls.__new__(cls)
    Tensor.__init__(made, array)
    for name, value in attributes.items():
        setattr(made, name, value)
    return made.requires_grad_(requires_grad)


class Made(Tensor):
    """A gradient as its rule has just made it, in new memory: it can be kept without a copy."""

    __slots__ = ()
    made = True


class Patch:
    """The gradient of ``x[index]`` where nothing else is recorded: ``g`` there, 0 elsewhere.

    The slices of one tensor then share one buffer instead of filling one each.
    """

    __slots__ = ("g", "index", "repeats", "shape")
    partial = True

    def __init__(self, g, index, shape, repeats):
        self.g = g
        self.index = index
        self.shape = shape
        self.repeats = repeats  # whether an element may be named by the index more than once

    def spread(self):
        """The whole gradient, in new memory."""
        array = np.zeros(self.shape, self.g.dtype)
        if self.repeats:
            self.add_to(array)
        else:
            array[self.index] = self.g.array
        return Tensor(array)

    def add_to(self, array):
        """Add this gradient to that of the whole, in place."""
        if self.repeats:
            np.add.at(array, self.index, self.g.array)
        else:
            array[self.index] += self.g.array


def history(x):
    """The node of ``x``, made anew if its memory was written through another tensor."""
    if not isinstance(x, Tensor):
        return None
    origin = x.origin
    if origin is not None and origin.base.node is not origin.seen:
        _follow(x, origin)
    return x.node


def _follow(x, origin):
    """Give a view the history that its base has got meanwhile."""
    base = base_of(x)
    if base is None or base.node is origin.seen:
        return
    if base.node is None and x.node is not None:
        raise RuntimeError(
            f"a view of shape {x.shape} is used whose base has been detached in place since, by "
            f"detach_() or requires_grad_(False): make the view anew"
        )
    if base.node is not None:
        if x.node is not None and x.node.edges == ():
            raise RuntimeError(
                f"a leaf tensor of shape {x.shape} that requires grad is a view of memory that has "
                f"been given a history since: make the leaf with x.detach().clone()"
            )
        with enable_grad():
            succeed(x, origin.replay(base).node)
    origin.seen = base.node


def succeed(x, node):
    """Give ``x`` the place ``node`` in the graph; what `retain_grad` asked for goes along."""
    old, x.node = x.node, node
    if old is not None and old.watch is not None and old.watch.keep:
        old.watch.keep = False
        node.watched().keep = True
        node.watch.grad = old.watch.grad


def is_recorded(*inputs):
    """Whether an operation on these inputs becomes a part of the graph."""
    if is_grad_enabled():
        for x in inputs:
            if isinstance(x, Tensor) and (x.node if x.origin is None else history(x)) is not None:
                return True
    return False


def record(array, *terms):
    """The tensor of an operation's value, with its gradient rules in the graph.

    A term is ``(x, rule)``: ``rule`` takes the gradient of the value to that of the input ``x``;
    ``((x, y, ...), rule)``: one rule for several inputs, returning a tuple; or
    ``(x, rule, True)``: the rule is called with the gradient and the operation's own output. Inputs
    that are no tensors or need no gradient drop out, and with them what only their rule mentions.
    A rule need not undo broadcasting or a change of dtype. The value may be a
    tensor already, a `Deferred` one.
    """
    if type(array) is np.ndarray:
        value = Tensor(array)
    else:  # NumPy returns scalars for 0-d results
        value = array if isinstance(array, Tensor) else Tensor(np.asarray(array))
    edges, output = [], None
    for term in terms if is_grad_enabled() else ():
        inputs, wants_output = term[0], len(term) == 3
        if isinstance(inputs, Tensor):
            parents = inputs.node if inputs.origin is None else history(inputs)
            if parents is None:
                continue
            if wants_output:
                output = value.detach()
        elif inputs.__class__ is tuple:
            parents = tuple([history(x) for x in inputs])
            if not any(parents):
                continue
        else:
            continue
        edges.append((parents, term[1], wants_output))
    if edges:
        value.node = Node(array.shape, array.dtype, edges, output)
    if observers:
        observers[-1].recorded(value, terms)
    return value


def record_view(array, x, rule, replay):
    """Like `record` for one input whose memory ``array`` may share: writes are then followed.

    ``replay`` takes any tensor of the shape of ``x`` to the same view of it.
    """
    value = record(array, (x, rule))
    memory = array.base
    if memory is None or not (
        memory is x.array or memory is x.array.base or owner(memory) is owner(x.array)
    ):
        return value
    cut = value.node is None and history(x) is not None
    base = base_of(x)
    if base is None:
        value.origin = View(x, replay, cut)
    else:
        first = x.origin.replay
        value.origin = View(base, lambda base: replay(first(base)), cut or x.origin.cut)
    return value


def conjugate(g):
    """A gradient as users see it from one as rules see it, or back: its conjugate if complex."""
    return g if g is None or g.dtype.kind != "c" else g.conj()
