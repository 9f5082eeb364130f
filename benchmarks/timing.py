"""Alternating measurement: whatever else the machine does meets every candidate alike."""

import time
from dataclasses import dataclass, field
from statistics import median


@dataclass
class Timing:
    """Seconds of every run of one candidate."""

    runs: list = field(default_factory=list)

    @property
    def median(self):
        """The run in the middle."""
        return median(self.runs)

    @property
    def min(self):
        """The quickest run."""
        return min(self.runs)


def alternate(candidates, rounds, pause=0.01):
    """Time ``{name: function}`` in turns, A B A B ...: ``{name: Timing}``.

    The pause lets the other library's waiting threads go to sleep.
    """
    timings = {name: Timing() for name in candidates}
    for function in candidates.values():
        function()  # compile, allocate
    for _ in range(rounds):
        for name, function in candidates.items():
            time.sleep(pause)
            start = time.perf_counter()
            function()
            timings[name].runs.append(time.perf_counter() - start)
    return timings


def ratio(ours, others, what):
    """Ours over the best of the others, by median or minimum."""
    return getattr(ours, what) / min(getattr(other, what) for other in others)
