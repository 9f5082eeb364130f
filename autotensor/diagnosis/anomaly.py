"""Where the first NaN or infinity comes from: every value and every gradient is looked at.

An operation is judged by what it returns to the user, not by what it computes on the way: a
logarithm of 0 that is cut off again is no fault. At fault is one whose result has NaN, or has
infinities although nothing it was given has; operations that only move values are not.
"""

import contextlib
import itertools
import math
import sys
import warnings
import weakref
from contextvars import ContextVar
from typing import NamedTuple

import numpy as np

from autotensor.deferred import Deferred
from autotensor.diagnosis.operations import arguments, operation_name
from autotensor.engine import apply_rules, observers
from autotensor.memory import user_frame
from autotensor.ops import (
    diagonals,
    indexing,
    inplace,
    joining,
    padding,
    placement,
    scattering,
    shape,
    strided,
)
from autotensor.tensor import Tensor, record_view

_MOVING = {module.__file__ for module in (diagonals, indexing, inplace, joining, padding, placement,
                                          scattering, shape, strided)}  # fmt: skip
_ARITHMETIC = {"put_added", "scatter_reduce", "trace"}  # that stand in those files
_in_rule = ContextVar("in_rule", default=False)


class detect_anomaly(contextlib.ContextDecorator):
    """Raise RuntimeError at the first operation that makes NaN or infinity, forward or backward.

    As a ``with`` block or a decorator. The message names the operation, the line that called it,
    shapes, dtypes, and which input was not finite before. NaN is reported wherever it is computed
    with; infinity where it arises from finite numbers, so that -inf in a mask may be there.
    ``check_inf=False`` looks for NaN alone. With ``check_nan=False`` nothing is looked at; then, as
    always, an error in backward comes with a warning that names the line of the forward call.
    """

    def __init__(self, check_nan=True, check_inf=True):
        self._checks = check_nan, check_inf
        self._entered = []

    def __enter__(self):
        self._entered.append(Anomaly(*self._checks))
        observers.append(self._entered[-1])
        return self

    def __exit__(self, *exc):
        ours = self._entered.pop()
        observers[:] = [observer for observer in observers if observer is not ours]


class set_detect_anomaly:
    """`detect_anomaly` from now on or not, by a truth value; as a ``with`` block, until its end."""

    def __init__(self, mode, check_nan=True, check_inf=True):
        self._before = observers[:]
        observers[:] = [Anomaly(check_nan, check_inf)] if mode else []

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        observers[:] = self._before


class Anomaly:
    """What `detect_anomaly` hangs into the graph."""

    def __init__(self, check_nan, check_inf):
        self.checks = bool(check_nan), bool(check_nan and check_inf)
        self.calls = weakref.WeakKeyDictionary()  # by node
        self.waiting = {}  # by id of a deferred value: it, weakly; its call; what it was given

    def recorded(self, value, terms):
        """A value has just been computed; ``terms`` as in `autotensor.tensor.record`."""
        first = sys._getframe(2)
        operation, call = _locate(first)
        if value.node is not None:
            self.calls[value.node] = call
            for parents, *_ in value.node.edges:
                if getattr(parents, "dtype", value.dtype) is None:  # a node of several results
                    self.calls[parents] = call
        if _in_rule.get() or not any(self.checks) or _only_moves(first):
            return
        if type(value) is Deferred and value.waits:
            self._wait_for(value, call, _given(operation, terms))
        elif not _is_finite(value.array):
            given = _looked_at(_given(operation, terms))
            if operation is not None and _can_wait():
                self._judge_result_of(operation, call, given)
            else:  # the user's own by record; or a profiler in C, which cannot be put back
                self._judge(call, given, value)

    def made(self, value):
        """A deferred value has just been made."""
        _, call, given = self.waiting.pop(id(value), (None, None, ()))
        if call is not None and not _is_finite(value.array):
            self._judge(call, _looked_at(given), value)

    def _wait_for(self, value, call, given):
        key, waiting = id(value), self.waiting
        waiting[key] = weakref.ref(value, lambda _: waiting.pop(key, None)), call, given

    def apply(self, node, gradient, give):
        """Use the rules of a node, looking at each gradient it gives to its inputs."""
        if _in_rule.get():  # a walk within a rule; what the rule returns is looked at
            apply_rules(node, gradient, give)
            return

        def look_and_give(parent, part):
            array = (part.g if part.partial else part).array
            if any(self.checks) and not _is_finite(array):
                self._judge_gradient(node, gradient, parent, array)
            give(parent, part)

        token = _in_rule.set(True)
        try:
            apply_rules(node, gradient, look_and_give)
        except AnomalyError:
            raise
        except Exception:
            warnings.warn(
                f"Error detected in the backward of {self._call(node)} see below", stacklevel=2
            )
            raise
        finally:
            _in_rule.reset(token)

    def _call(self, node):
        return self.calls.get(node) or _Call(node.name, "before detect_anomaly was on")

    def _judge_result_of(self, operation, call, given):
        """Judge what the frame ``operation`` returns, when it does."""
        before = sys.getprofile()

        def watch(frame, event, result):
            if before is not None:
                before(frame, event, result)
            if event == "return" and frame is operation:
                sys.setprofile(before)
                self._judge(call, given, result)

        if getattr(before, "operation", None) is not operation:
            watch.operation = operation
            sys.setprofile(watch)

    def _judge(self, call, given, result):
        """Raise if an operation that was ``given`` this is to blame for its result."""
        for part in result if isinstance(result, (tuple, list)) else (result,):
            if isinstance(part, Tensor) and not (type(part) is Deferred and part.waits):
                nan, infinite = counts = _count(part.array)
                may_be_infinite = not all(x.finite for x in given) or not self.checks[1]
                if (nan and self.checks[0]) or (infinite and not may_be_infinite):
                    raise AnomalyError(
                        f"{call} produced {_kinds(*counts)} in forward\n"
                        f"  result: {_described(part.array, *counts)}\n"
                        + "\n".join(f"  argument {x.text}" for x in given)
                    )

    def _judge_gradient(self, node, gradient, parent, array):
        """Raise for a gradient for ``parent`` that is not finite."""
        nan, infinite = counts = _count(array)
        if (nan and self.checks[0]) or (infinite and self.checks[1]):
            target = f"the result of {self._call(parent)}" if parent.edges else "a leaf,"
            came = "one for each of several results"
            if isinstance(gradient, Tensor):
                came = _described(gradient.array, *_count(gradient.array))
            raise AnomalyError(
                f"{self._call(node)} produced {_kinds(*counts)} in backward\n"
                f"  gradient for its input, {target} {_described(array, *counts)}\n"
                f"  gradient that came in: {came}"
            )


class _Call(NamedTuple):
    """One call of an operation: its name, and at which line of the user's."""

    name: str
    place: str

    def __str__(self):
        return f"{self.name}, called {self.place},"


class _Input(NamedTuple):
    """What an operation was given: a description, and whether it was finite."""

    text: str
    finite: bool


class AnomalyError(RuntimeError):
    """NaN or infinity was found; a class of its own, to be told from errors of gradient rules."""


def _locate(frame):
    """The frame of the operation that the user called (None: it is the user's own), and a `_Call`.

    Where nothing public is between the user and ``frame``, that is taken for the operation.
    """
    user, operation, name = user_frame(frame), None, None
    if user is not frame:
        operation, name = frame, frame.f_code.co_name.strip("_")
    while frame is not user:
        public = operation_name(frame)
        if public is not None:
            operation, name = frame, public
        frame = frame.f_back
    name = name or user.f_code.co_name
    return operation, _Call(name, f"at {user.f_code.co_filename}:{user.f_lineno}")


def _can_wait():
    """Whether the profiler that is on, if any, can be put aside and back: one in C cannot."""
    return sys.getprofile() is None or callable(sys.getprofile())


def _only_moves(frame):
    """Whether the function that records a value moves values, and computes none."""
    code = frame.f_code
    if code is record_view.__code__:
        return True
    return code.co_name == "where" or (
        code.co_filename in _MOVING and code.co_name not in _ARITHMETIC
    )


def _given(operation, terms):
    """Pairs of name and tensor, or number that is not finite, that ``operation`` was given.

    If that is None, the inputs that ``terms`` name.
    """
    if operation is None:
        inputs = [t[0] if isinstance(t[0], tuple) else t[:1] for t in terms]
        pairs = enumerate(itertools.chain.from_iterable(inputs))
    else:
        pairs = arguments(operation)
    return [
        (name, x)
        for name, x in pairs
        if isinstance(x, Tensor) or (isinstance(x, float) and not math.isfinite(x))
    ]


def _looked_at(given):
    """`_Input`s of pairs of name and tensor or number."""
    inputs = []
    for name, x in given:
        array = x.array if isinstance(x, Tensor) else np.asarray(x)
        counts = _count(array)
        inputs.append(_Input(f"{name}: {_described(array, *counts)}", not any(counts)))
    return inputs


def _is_finite(array):
    """Whether there is neither NaN nor infinity: one sum tells, unless that overflows."""
    if array.dtype.kind not in "fc" or not array.size:
        return True
    with np.errstate(all="ignore"):
        kind = np.float32 if array.dtype == np.float16 else array.dtype
        return bool(np.isfinite(array.sum(dtype=kind)) or np.isfinite(array).all())


def _count(array):
    """How many elements are NaN, and how many infinite."""
    if array.dtype.kind not in "fc":
        return 0, 0
    return int(np.isnan(array).sum()), int(np.isinf(array).sum())


def _kinds(nan, infinite):
    return " and ".join(["NaN"] * bool(nan) + ["infinity"] * bool(infinite))


def _described(array, nan, infinite):
    """Shape, dtype, and what is not finite."""
    if not nan and not infinite:
        return f"{array.shape} {array.dtype}, finite"
    counts = [f"{nan} NaN"] * bool(nan) + [f"{infinite} infinite"] * bool(infinite)
    return f"{array.shape} {array.dtype}, {' and '.join(counts)} of {array.size}"
