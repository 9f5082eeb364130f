"""Alternating measurement: whatever else the machine does meets every candidate alike."""

import time
from dataclasses import dataclass, field
from statistics import median

PAUSE = 0.01  # seconds before each run: lets the other library's waiting threads go to sleep


@dataclass
class Sample:
    """What every run of one candidate gave: seconds, unless said otherwise."""

    values: list = field(default_factory=list)

    @property
    def median(self):
        """The run in the middle."""
        return median(self.values)

    @property
    def min(self):
        """The best run."""
        return min(self.values)

    def __mul__(self, factor):
        return Sample([factor * value for value in self.values])


def turns(candidates, rounds, prepare=None):
    """Yield the names of ``{name: function}`` in turns, A B A B ..., after one call of each.

    ``prepare(name)`` is called before each turn.
    """
    for function in candidates.values():
        function()  # compile, allocate
    for _ in range(rounds):
        for name in candidates:
            if prepare is not None:
                prepare(name)
            time.sleep(PAUSE)
            yield name


def alternate(candidates, rounds, prepare=None):
    """Time ``{name: function}`` in turns: ``{name: Sample}``."""
    samples = {name: Sample() for name in candidates}
    for name in turns(candidates, rounds, prepare):
        start = time.perf_counter()
        candidates[name]()
        samples[name].values.append(time.perf_counter() - start)
    return samples
