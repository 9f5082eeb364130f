"""The ledger of in-place writes, by which a saved value that was overwritten is noticed.

Writes and nodes are stamped by one clock. Memory is known by the array that owns it, which all its
views share; the ledger remembers the last write to each. A node older than the newest write
anywhere has the values its rules mention looked up; in ordinary training there is no such node and
the check costs one comparison of integers.
"""

import contextlib
import os
import sys
import weakref

import numpy as np

from autotensor.engine import tick
from autotensor.modes import is_grad_enabled

_OURS = (
    os.path.dirname(__file__) + os.sep,
    os.path.dirname(np.__file__) + os.sep,  # decorators of operations are of these two
    contextlib.__file__,
)
_writes = {}
unread = weakref.WeakValueDictionary()  # deferred values that still need other memory, by id
_newest = 0
_lent = weakref.WeakValueDictionary()  # memory that NumPy arrays outside share with tensors, by id


class _Write:
    """The last write to one piece of memory: when, and from which line of the user's.

    ``rerouted`` is when a tensor there last got or lost its place in the graph without a write.
    """

    __slots__ = ("code", "line", "memory", "order", "rerouted")

    def __init__(self, memory):
        key = id(memory)
        self.order = self.rerouted = 0
        self.memory = weakref.ref(memory, lambda _: _writes.pop(key, None))


def owner(array):
    """The array that owns the memory of ``array``."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def user_frame(frame):
    """The innermost frame of the user's at or below ``frame``."""
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_OURS):
        frame = frame.f_back
    return frame


def wrote(tensor):
    """Note that the memory of ``tensor`` has just been written; whoever writes in place says so."""
    global _newest
    write = _entry(tensor)
    frame = user_frame(sys._getframe(1))
    write.code, write.line = frame.f_code, frame.f_lineno
    write.order = _newest = tick()


def rerouted(tensor):
    """Note that a tensor has got or lost its place in the graph, by ``detach_()`` or the like.

    Rules that mention it would differentiate again by the new place.
    """
    global _newest
    _entry(tensor).rerouted = _newest = tick()


def _entry(tensor):
    memory = owner(tensor.array)
    write = _writes.get(id(memory))
    if write is None:
        write = _writes[id(memory)] = _Write(memory)
    return write


def before_write(array):
    """Make the deferred values that need the memory of ``array``, which is about to be written."""
    if not unread:
        return
    memory = owner(array)
    for value in list(unread.values()):
        if any(owner(source) is memory for source in value.sources):
            value.array  # noqa: B018


def overwrite(tensor, values):
    """Write ``values``, which broadcast, to the memory of ``tensor``, outside the graph."""
    before_write(tensor.array)
    tensor.array[...] = values
    wrote(tensor)


def lend(array):
    """Note that the user has ``array`` or gets it, and may write to its memory at any time."""
    before_write(array)
    memory = owner(array)
    _lent[id(memory)] = memory
    return array


def is_lent(array):
    """Whether the user has had a NumPy array of this memory."""
    return id(owner(array)) in _lent


def last_write(array):
    """When the memory of ``array`` was last written in place; 0 if it never was."""
    write = _writes.get(id(owner(array)))
    return 0 if write is None else write.order


def check_unwritten(node):
    """Raise RuntimeError if a value that the rules of ``node`` need was overwritten since."""
    if node.order > _newest:
        return
    values = [cell for _, rule, _ in node.edges for cell in _cells(rule)]
    for value in _arrays([*values, node.output]):
        write = _writes.get(id(owner(value)))
        if write is None:
            continue
        if write.order > node.order:
            raise RuntimeError(
                f"a value that the gradient of {node.name} needs, of shape {value.shape}, was "
                f"overwritten in place by {write.code.co_filename}:{write.line} before "
                f"backward(). Change a copy there (x = x.clone(), or x = x + y instead of "
                f"x += y), or call backward() first."
            )
        if write.rerouted > node.order and is_grad_enabled():
            raise RuntimeError(
                f"with create_graph=True the gradient of {node.name} needs the history of a tensor "
                f"of shape {value.shape}, which detach_() or requires_grad_() has changed since: "
                f"use x = x.detach() instead"
            )


def _cells(rule):
    for cell in rule.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # a name of the enclosing function that was never bound
            continue


def _arrays(values):
    """All arrays among ``values``: of tensors, in tuples, lists and dicts, in nested functions.

    Not those that deferred values still need: a write to them would have made the values.
    """
    for value in values:
        if id(value) in unread:
            continue
        if isinstance(value, np.ndarray):
            yield value
        elif isinstance(getattr(value, "array", None), np.ndarray):
            yield value.array
        elif isinstance(value, (tuple, list)):
            yield from _arrays(value)
        elif isinstance(value, dict):
            yield from _arrays(value.values())
        elif getattr(value, "__closure__", None):
            yield from _arrays(_cells(value))


class View:
    """Whose memory a tensor shows: ``replay(base)`` makes the view again from its base.

    A recorded write to the base (or to another of its views) gives the base a new history;
    ``seen`` is the one this view was made under. ``cut`` is true of a view that was made of a
    tracked tensor under ``no_grad``: it is a constant, until the base has a new history.
    """

    __slots__ = ("base", "cut", "memory", "replay", "seen")

    def __init__(self, base, replay, cut=False):
        self.base = base
        self.memory = base.array
        self.replay = replay
        self.seen = base.node
        self.cut = cut


def base_of(x):
    """The tensor whose memory ``x`` shows, None if that is its own.

    A base that has been given other memory (``base.data = ...``) is none any more; of one that is
    itself shown in another shape by now (``base.unsqueeze_(0)``), the base that it has.
    """
    origin = x.origin
    if origin is None:
        return None
    if origin.base.array is not origin.memory and origin.base.origin is not None:
        origin.base = origin.base.origin.base
    if origin.base.array is not origin.memory:
        x.origin = None
        return None
    return origin.base
