"""Measure autotensor beside PyTorch, in turns; memory formats of PyTorch: the better one."""

import argparse
import json
import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np

from autotensor.kernels import threads

from . import convolutions, images, layers, machine, processes, training
from .libraries import Setup, available
from .report import header

ROWS = {
    "machine": machine.limits,
    "train-a": training.train_a,
    "eval-a": training.eval_a,
    "layers-a": layers.by_layer,
    "kernels-a": layers.by_kernel,
    "convolutions-a": convolutions.network_a,
    "convolutions": convolutions.others,
    "pooling": images.pooling,
    "augmentation": images.augmentation,
    "perceptron": training.perceptron,
    "mlp": training.mlp,
    "separable": training.separable,
    "lstm": training.lstm,
    "resnet18": training.resnet18,
    "small": training.small_operations,
    "memory": processes.memory,
    "threads": training.threads,
    "busy": processes.busy,
    "cold-start": processes.cold_start,
}


def parse(arguments=None):
    """The options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=ROWS, default=list(ROWS), metavar="ROW",
                        help="of: " + ", ".join(ROWS))  # fmt: skip
    parser.add_argument("--threads", type=int, default=threads.get_num_threads())
    parser.add_argument("--rounds", type=int, default=15, help="runs of each candidate")
    parser.add_argument("--quick", action="store_true", help="3 rounds, a 20th of an MLP's epoch")
    parser.add_argument("--part", type=float, default=0.25, help="of an MLP's epoch: %(default)s")
    parser.add_argument("--alone", action="store_true", help="without PyTorch")
    parser.add_argument("--data", type=Path, help="folder of MNIST; random values without")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args(arguments)
    if options.rounds < 1 or not 0 < options.part <= 1:
        parser.error("--rounds must be 1 or more, --part above 0 and at most 1")
    if options.quick:
        options.rounds, options.part = 3, 0.05
    return options


def main():
    """Measure the rows asked for, print them, and keep the figures if asked to."""
    options = parse()
    names = available(options.alone)
    setup = Setup(names, options.rounds, options.threads, options.part, options.data)
    setup.set_threads(options.threads)
    figures = {
        "processor": machine.processor(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "torch": version("torch") if len(names) > 1 else None,
        "threads": options.threads,
        "rounds": options.rounds,
    }
    print(", ".join(f"{name} {value}" for name, value in figures.items()))
    header()
    for name in options.only:
        figures[name] = ROWS[name](setup)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
