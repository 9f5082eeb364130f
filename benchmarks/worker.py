"""A process of its own that trains network A: ``python -m benchmarks.worker THREADS NAME BATCH...``

Prints, as JSON, the time and the peak of memory after the import and after a training step with
each of the batch sizes.
"""

import json
import resource
import sys
import time
from pathlib import Path

from .libraries import batch_of, load
from .networks import network_a


def _peak_bytes():
    """The most memory this process has had.

    ``ru_maxrss`` starts from that of the parent on Linux; the kernel's own mark does not.
    """
    status = Path("/proc/self/status")
    if status.exists():
        [line] = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS


def _mark():
    return {"time": time.time(), "peak_bytes": _peak_bytes()}


def main(threads, name, *batches):
    """Train and print the marks."""
    library = load(name)
    marks = [_mark()]
    library.module.set_num_threads(int(threads))
    step = library.training_step(network_a, momentum=0.9, nesterov=True)
    for batch in map(int, batches):
        x, labels = batch_of((batch, 32, 32, 3))
        step(library.tensor(x), library.tensor(labels))
        marks.append(_mark())
    print(json.dumps(marks))


if __name__ == "__main__":
    main(*sys.argv[1:])
