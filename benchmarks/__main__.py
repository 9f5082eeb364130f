"""``python -m benchmarks``: the machine's limits, then convolutions beside PyTorch's."""

import argparse
import json
import platform
from pathlib import Path

import numpy as np

from autotensor.kernels import threads

from . import convolutions
from .machine import limits


def _torch(n):
    """PyTorch's version, set to as many threads; None where it is not installed."""
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(n)
    return torch.__version__


def main():
    """Parse the command line, measure, print, and keep the figures if asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parts = ["machine", "network-a", "others"]
    parser.add_argument("--only", nargs="+", choices=parts, default=parts, metavar="PART",
                        help="of: " + ", ".join(parts))  # fmt: skip
    parser.add_argument("--threads", type=int, default=threads.get_num_threads())
    parser.add_argument("--rounds", type=int, default=15, help="runs of each candidate")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    threads.set_num_threads(options.threads)
    figures = {
        "processor": platform.processor() or platform.machine(),
        "numpy": np.__version__,
        "torch": _torch(options.threads),
        "threads": options.threads,
    }
    print(", ".join(f"{name} {value}" for name, value in figures.items()))
    if "machine" in options.only:
        figures["machine"] = limits()
        print("{peak_gflops:.0f} GFLOP/s, copy {copy_gbytes:.1f} GB/s".format(**figures["machine"]))
    for name, layers in (("network-a", convolutions.NETWORK_A), ("others", convolutions.OTHERS)):
        if name in options.only:
            figures[name] = convolutions.table(layers, options.rounds)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
