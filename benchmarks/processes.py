"""What takes processes of its own: memory, cold start, and a busy neighbour."""

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from . import networks
from .report import row
from .timing import Sample, alternate
from .training import BATCH, IMAGES, NESTEROV, quotient, steps

ROOT = Path(__file__).resolve().parents[1]
STEPS = 5
STARTS = 3


def _train(setup, name, *batches, **environment):
    """Marks of a worker; their time is in seconds from the start of its process."""
    command = [sys.executable, "-m", "benchmarks.worker", str(setup.threads), name]
    start = time.time()
    done = subprocess.run(
        [*command, *map(str, batches)],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        check=True,
    )
    return [{**mark, "time": mark["time"] - start} for mark in json.loads(done.stdout)]


def memory(setup):
    """The peak of memory of a process that trains network A: whole, and above two marks.

    The step with one image loads what an import leaves until first use.
    """
    whole, above_import, above_start = {}, {}, {}
    for name in setup.names:
        _train(setup, name, 1, BATCH)  # compiles what is not in the cache yet
        imported, started, *trained = _train(setup, name, 1, *[BATCH] * STEPS)
        peak = trained[-1]["peak_bytes"]
        whole[name] = Sample([peak / 1e6])
        above_import[name] = Sample([(peak - imported["peak_bytes"]) / 1e6])
        above_start[name] = Sample([(peak - started["peak_bytes"]) / 1e6])
    return [
        row("network A, training: peak memory", "MB", whole),
        row("  above the import", "MB", above_import),
        row("  above a step with one image", "MB", above_start),
    ]


def _first_steps(setup, name, starts, **environment):
    """Seconds from the start of a process to the end of its first training step."""
    runs = [_train(setup, name, BATCH, **environment) for _ in range(starts)]
    return Sample([marks[-1]["time"] for marks in runs])


def cold_start(setup):
    """The first training step of network A ever, and the first of a later process."""
    with tempfile.TemporaryDirectory() as folder:
        cache = {"NUMBA_CACHE_DIR": folder}
        first = {name: _first_steps(setup, name, 1, **cache) for name in setup.names}
        later = {name: _first_steps(setup, name, STARTS, **cache) for name in setup.names}
    return [
        row("process start to first step, nothing cached", "s", first),
        row("process start to first step, cached", "s", later),
    ]


class _Neighbour:
    """A process that keeps one processor busy, or does not."""

    process = None

    def set_busy(self, busy):
        """Start it if wanted, end it if not."""
        if busy and self.process is None:
            self.process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
            time.sleep(0.2)  # until it runs
        elif not busy and self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@contextmanager
def _neighbour():
    neighbour = _Neighbour()
    try:
        yield neighbour
    finally:
        neighbour.set_busy(False)


def busy(setup):
    """A training step of network A while another process keeps a processor busy."""
    made = steps(setup.libraries(), networks.network_a, IMAGES, **NESTEROV)
    candidates = {(other, name): step for other in (False, True) for name, step in made.items()}
    with _neighbour() as neighbour:
        samples = alternate(candidates, setup.rounds, lambda key: neighbour.set_busy(key[0]))
    alone, beside = ({name: samples[other, name] for name in made} for other in (False, True))
    return [
        row("network A, training step, nobody else", "ms", alone),
        row("network A, training step, one busy process", "ms", beside),
        quotient("  slow-down", beside, alone),
    ]
