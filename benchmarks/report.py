"""Rows of the table: a line on the screen, and the same figures as plain data for keeping.

A row is ``{"work", "unit", "autotensor": {"median", "min"}, "torch": ..., "ratio": ...}``, without
the last two where PyTorch was not measured.
"""

STATISTICS = ("median", "min")
_PER_SECOND = {"us": 1e6, "ms": 1e3, "s": 1}


def header():
    """Print the names of the columns."""
    print(f"{'median / min':48}{'':4}{'autotensor':>17}{'PyTorch':>17}{'ratio':>14}")


def best(samples):
    """``{library: {"median", "min"}}`` of ``{candidate: Sample}``.

    A candidate is a library, or a library and its memory format: the better figures are taken.
    """
    found = {}
    for candidate, sample in samples.items():
        figures = found.setdefault(candidate.split()[0], {})
        for what in STATISTICS:
            value = getattr(sample, what)
            figures[what] = min(value, figures.get(what, value))
    return found


def row(work, unit, samples):
    """Print and return the row of ``{candidate: Sample}``, times in seconds."""
    scale = _PER_SECOND.get(unit, 1)
    return _show(work, unit, best({name: sample * scale for name, sample in samples.items()}))


def total(work, rows):
    """Print and return the sum of ``rows``."""
    libraries = [name for name in ("autotensor", "torch") if name in rows[0]]
    sums = {
        name: {what: sum(row[name][what] for row in rows) for what in STATISTICS}
        for name in libraries
    }
    return _show(work, rows[0]["unit"], sums)


def _show(work, unit, figures):
    if unit != "x" and "torch" in figures:
        ours, theirs = figures["autotensor"], figures["torch"]
        ratio = {what: ours[what] / theirs[what] for what in STATISTICS if theirs[what]}
        figures = {**figures, "ratio": ratio}
    columns = [_pair(figures.get(name, {})) for name in ("autotensor", "torch", "ratio")]
    print("{:48}{:4}{:>17}{:>17}{:>14}".format(work, unit, *columns), flush=True)
    return {"work": work, "unit": unit, **figures}


def _pair(figures):
    return " / ".join(_number(figures[what]) for what in STATISTICS) if len(figures) > 1 else "-"


def _number(value):
    return f"{value:.{0 if value >= 100 else 1 if value >= 10 else 2}f}"
