"""Where the time goes: operations, their gradients, modules and optimizers, as they are called.

Python's own profiling hook (`sys.setprofile`) sees every call; the functions that matter are known
by their code. So nothing is wrapped, and a program that is not being profiled pays nothing.
"""

import sys
import weakref
from time import perf_counter

from autotensor import engine
from autotensor.deferred import Deferred
from autotensor.diagnosis import report
from autotensor.diagnosis.operations import arguments, is_operation, operation_name
from autotensor.diagnosis.work import is_kernel, kernel_work
from autotensor.memory import owner
from autotensor.nn import Module
from autotensor.ops import conv
from autotensor.optim import Optimizer
from autotensor.tensor import Tensor


class Span:
    """One call of an operation, or of what else ``kind`` says.

    "forward" is an operation, "backward" the gradient rules of a node, "walk" a whole backward
    pass, "rule" what is called within these two; "module" and "optimizer".
    """

    __slots__ = ("end", "frame", "inner", "kind", "module", "name", "nbytes", "shapes", "start",
                 "within", "work")  # fmt: skip

    def __init__(self, kind, name, within, frame):
        self.kind, self.name, self.within, self.shapes = kind, name, within, ()
        self.module = None  # the path of the module it is called in
        if within is not None:
            self.module = within.name if within.kind == "module" else within.module
        self.frame = id(frame)  # by which its return is recognised
        self.inner = self.work = self.nbytes = 0
        self.start = self.end = perf_counter()

    duration = property(lambda self: self.end - self.start, doc="Seconds from call to return.")
    own = property(lambda self: self.duration - self.inner, doc="Without the calls within.")


_OUTER = {  # in which kinds of spans those of a kind are but parts of a rule
    "forward": ("walk", "backward", "rule"),
    "backward": ("backward", "rule"),
    "walk": ("backward", "rule"),
}


class profile:
    """Measure what runs in a ``with`` block: ``with at.profile() as p: ...; print(p)``.

    `table` sums up, `export_chrome_trace` writes the calls one by one. Measured is the thread that
    enters the block (kernels share their work out to others, and wait for them). One profiler can
    be on at a time, Python's own included: RuntimeError.
    """

    def __init__(self):
        self.spans = []
        self.begin, self.end = perf_counter(), None
        self._stack = []
        self._makers = weakref.WeakKeyDictionary()  # by node: the span it was made in
        self._deferred = {}  # by id of a value that waits: the span that put it off
        self._paths = {}  # by id of a module: its path from the module that was called first

    def __enter__(self):
        if sys.getprofile() is not None:
            raise RuntimeError("profile: another profiler is on in this thread already")
        if self.spans:
            raise RuntimeError("profile: measures one block: make another for another one")
        self.begin = perf_counter()
        sys.setprofile(self._observe)
        return self

    def __exit__(self, *exc):
        sys.setprofile(None)
        self.end = perf_counter()
        for held in (self._stack, self._makers, self._deferred, self._paths):
            held.clear()

    @property
    def seconds(self):
        """How long the block took; or takes, so far."""
        return (self.end or perf_counter()) - self.begin

    def table(self, sort_by="time", row_limit=None, group_by="operation"):
        """The sums as text, a row for each operation, or "shape" of its inputs, or "module".

        Greatest first, by "time" (all of it), "calls", "forward", "self", "backward", "memory",
        "gflop" or "gflops"; or by "name". ValueError for others. FLOP are those of the plain
        algorithm, a multiplication and an addition being two.
        """
        return report.table(self, sort_by, row_limit, group_by)

    def export_chrome_trace(self, path):
        """Write all calls to a JSON file that chrome://tracing and Perfetto show over time."""
        report.write_trace(self, path)

    def __str__(self):
        return self.table()

    def _observe(self, frame, event, value):
        if event == "call":
            code = frame.f_code
            known = _known.get(id(code))
            if known is None:
                known = _known[id(code)] = _entrance(code), code
            if known[0] is not None:
                known[0](self, frame)
        elif event == "return" and self._stack and self._stack[-1].frame == id(frame):
            self._leave(frame, value)

    def _open(self, kind, name, frame):
        within = self._stack[-1] if self._stack else None
        if within is not None and within.kind in _OUTER.get(kind, ()):
            kind = "rule"
        span = Span(kind, name, within, frame)
        self._stack.append(span)
        self.spans.append(span)
        return span

    def _leave(self, frame, value):
        span = self._stack.pop()
        span.end = perf_counter()
        if span.kind == "forward":
            span.nbytes = _new_memory(frame, value)
        if span.kind == "rule":
            span.within.work += span.work
        elif span.within is not None:
            span.within.inner += span.duration

    # What is done when a function that matters is called.

    def _enter_operation(self, frame):
        span = self._open("forward", operation_name(frame), frame)
        shapes = (x.shape for _, x in arguments(frame) if isinstance(x, Tensor))
        span.shapes = tuple(shapes)
        span.start = perf_counter()  # what it takes to look at the arguments is not the operation's

    def _note_deferred(self, frame):
        if self._stack:
            self._deferred[id(frame.f_locals["self"])] = self._stack[-1]

    def _enter_making(self, frame):
        value = frame.f_locals["self"]
        if value.waits:
            self._open_for(self._deferred.get(id(value)), frame)

    def _enter_fused(self, frame):
        """What a later operation makes in the same pass as a value that waits."""
        caller = frame.f_back
        if self._stack and self._stack[-1].frame == id(caller):
            return  # the value itself
        while caller is not None:
            for value in caller.f_locals.values():
                if isinstance(value, Deferred) and value.waits:
                    self._open_for(self._deferred.get(id(value)), frame)
                    return
            caller = caller.f_back

    def _open_for(self, maker, frame):
        """A span of its own for what the operation or the rules of the span ``maker`` put off."""
        if maker is None:
            return
        maker = maker.within if maker.kind == "rule" else maker
        span = self._open("deferred", maker.name, frame)
        span.kind, span.shapes, span.module = maker.kind, maker.shapes, maker.module

    def _enter_rules(self, frame):
        node = frame.f_locals["node"]
        maker = self._makers.get(node)
        span = self._open("backward", node.name if maker is None else maker.name, frame)
        if maker is not None:
            span.shapes, span.module = maker.shapes, maker.module

    def _enter_walk(self, frame):
        self._open("walk", "(walk of the graph)", frame)

    def _enter_module(self, frame):
        module = frame.f_locals["self"]
        if not any(span.kind == "module" for span in self._stack):
            root = type(module).__name__
            named = module.named_modules()
            self._paths = {id(m): f"{root}.{path}" if path else root for path, m in named}
        self._open("module", self._paths.get(id(module), type(module).__name__), frame)

    def _enter_step(self, frame):
        optimizer = frame.f_locals.get("self")  # or a schedule, which has a step as well
        if isinstance(optimizer, Optimizer):
            self._open("optimizer", f"{type(optimizer).__name__}.step", frame)

    def _note_node(self, frame):
        if self._stack and self._stack[-1].kind == "forward":
            self._makers[frame.f_locals["self"]] = self._stack[-1]

    def _add_work(self, frame):
        if self._stack:
            self._stack[-1].work += kernel_work(frame)


def _nested(function, name):
    """The code of the function ``name`` that is defined in ``function``."""
    inside = (c for c in function.__code__.co_consts if getattr(c, "co_name", None) == name)
    return next(inside)


_SPECIAL = {
    engine.apply_rules.__code__: profile._enter_rules,
    engine.propagate.__code__: profile._enter_walk,
    engine.Node.__init__.__code__: profile._note_node,
    Module.__call__.__code__: profile._enter_module,
    Deferred.__init__.__code__: profile._note_deferred,
    Deferred.array.fget.__code__: profile._enter_making,
    _nested(conv._deferred, "made"): profile._enter_fused,
    _nested(conv._to_be_normalised, "moments"): profile._enter_fused,
    _nested(conv._deferred_grad, "summed"): profile._enter_fused,
}


_known = {}  # by id of code: what is done when it is called; and the code, so that the id is kept


def _entrance(code):
    """What is done when ``code`` is called; None for nothing."""
    if is_operation(code):
        return profile._enter_operation
    if code.co_name == "step":  # every optimizer may have its own
        return profile._enter_step
    return profile._add_work if is_kernel(code) else _SPECIAL.get(code)


def _new_memory(frame, result):
    """Bytes of the tensors that an operation returns, without views of what it was given."""
    parts = result if isinstance(result, (tuple, list)) else (result,)
    arrays = [x.array for x in parts if _is_made(x)]
    if any(array.base is not None for array in arrays):
        given = {id(owner(x.array)) for _, x in arguments(frame) if _is_made(x)}
        arrays = [array for array in arrays if id(owner(array)) not in given]
    return sum(array.nbytes for array in arrays)


def _is_made(x):
    return isinstance(x, Tensor) and not (type(x) is Deferred and x.waits)
