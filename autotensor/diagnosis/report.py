"""What a profile shows: a table of sums, or every call on a line of time."""

import json
import os
import threading
from dataclasses import dataclass

_GROUPS = ("operation", "shape", "module")


@dataclass
class Row:
    """The sums of one operation, module or optimizer; times in seconds."""

    name: str
    shapes: tuple = ()
    calls: int = 0
    forward: float = 0.0
    own: float = 0.0
    backward_calls: int = 0
    backward: float = 0.0
    nbytes: int = 0
    work: int = 0

    time = property(lambda self: self.own + self.backward)
    speed = property(lambda self: self.work / self.time if self.time else 0.0)


_KEYS = {
    "time": lambda row: -row.time,
    "calls": lambda row: -row.calls,
    "forward": lambda row: -row.forward,
    "self": lambda row: -row.own,
    "backward": lambda row: -row.backward,
    "memory": lambda row: -row.nbytes,
    "gflop": lambda row: -row.work,
    "gflops": lambda row: -row.speed,
    "name": lambda row: row.name,
}


def table(profile, sort_by, row_limit, group_by):
    """See `autotensor.diagnosis.profiling.profile.table`."""
    for what, given, known in (("sort_by", sort_by, _KEYS), ("group_by", group_by, _GROUPS)):
        if given not in known:
            raise ValueError(f"profile: {what} is one of {', '.join(known)}, not {given!r}")
    rows = _sums(profile.spans, group_by)
    seconds = profile.seconds
    listed = sum(row.time for row in rows)
    rows = sorted(rows, key=_KEYS[sort_by])[:row_limit]
    headings = [group_by if group_by == "module" else "operation", "calls", "forward ms",
                "self ms", "backward", "backward ms", "memory", "GFLOP", "GFLOP/s",
                "share"]  # fmt: skip
    lines = [headings, *(_cells(row, seconds) for row in rows)]
    if group_by == "shape":
        shapes = [" ".join(str(shape).replace(" ", "") for shape in row.shapes) for row in rows]
        lines = [line + [last] for line, last in zip(lines, ["inputs", *shapes], strict=True)]
    share = f"{seconds * 1e3:.1f} ms in all, {listed / seconds:.0%} of it in what is listed"
    return f"{_aligned(lines)}\n{share}"


def _sums(spans, group_by):
    """Rows for the groups that the spans fall into."""
    rows = {}
    for span in spans:
        name, shapes = span.name, span.shapes if group_by == "shape" else ()
        if group_by == "module" and span.kind in ("forward", "backward"):
            name = span.module or "(no module)"
        if span.kind == "rule" or (span.kind == "module" and group_by != "module"):
            continue
        row = rows.setdefault((name, shapes), Row(name, shapes))
        row.work += span.work
        if span.kind in ("backward", "walk"):
            row.backward_calls += 1
            row.backward += span.own
            continue
        row.own += span.own
        if not _is_nested(span, name):
            row.nbytes += span.nbytes
            if span.name == name:
                row.calls += 1
                row.forward += span.duration
    return rows.values()


def _is_nested(span, name):
    """Whether it is called, at any depth, by one of its kind that the row ``name`` counts, too."""
    outer = span.within
    while outer is not None and (outer.kind != span.kind or name not in (outer.name, outer.module)):
        outer = outer.within
    return outer is not None


def _cells(row, seconds):
    """A row as text, empty where there is nothing."""
    times = [f"{t * 1e3:.3f}" if t else "" for t in (row.forward, row.own, row.backward)]
    return [
        row.name,
        str(row.calls or ""),
        times[0],
        times[1],
        str(row.backward_calls or ""),
        times[2],
        _memory(row.nbytes),
        f"{row.work / 1e9:.3f}" if row.work else "",
        f"{row.speed / 1e9:.1f}" if row.work else "",
        f"{row.time / seconds:.1%}",
    ]


def _memory(nbytes):
    """Bytes in the unit that leaves up to three digits before the point."""
    unit = "B"
    for larger in ("KB", "MB", "GB"):
        if nbytes < 1000:
            break
        nbytes, unit = nbytes / 1000, larger
    if not nbytes:
        return ""
    return f"{nbytes} B" if unit == "B" else f"{nbytes:.1f} {unit}"


def _aligned(lines):
    """Lines of cells in columns: names to the left, numbers to the right, inputs at the end."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    texts = []
    for line in lines:
        cells = [line[0].ljust(widths[0])]
        cells += [c.rjust(w) for c, w in zip(line[1:10], widths[1:10], strict=True)]
        texts.append("  ".join(cells + line[10:]).rstrip())
    texts.insert(1, "-" * max(map(len, texts)))
    return "\n".join(texts)


def write_trace(profile, path):
    """Write complete events ("X") in the Trace Event Format; times in microseconds."""
    place = {"pid": os.getpid(), "tid": threading.get_native_id()}
    events = []
    for span in profile.spans:
        details = {"shapes": [list(shape) for shape in span.shapes]} if span.shapes else {}
        details |= {"module": span.module} if span.module else {}
        details |= {"GFLOP": span.work / 1e9} if span.work else {}
        details |= {"bytes": span.nbytes} if span.nbytes else {}
        times = {"ts": (span.start - profile.begin) * 1e6, "dur": span.duration * 1e6}
        name = f"{span.name} backward" if span.kind == "backward" else span.name
        event = {"name": name, "cat": span.kind, "ph": "X", **times, **place, "args": details}
        events.append(event)
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"traceEvents": events, "displayTimeUnit": "ms"}, file)
