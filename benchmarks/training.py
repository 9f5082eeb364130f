"""Whole training steps, epochs and evaluations."""

from functools import partial

import numpy as np

from . import networks
from .convolutions import CLASS_MAPS, NETWORK_A
from .libraries import batch_of
from .machine import peak_gflops
from .report import best, row
from .timing import Sample, alternate

BATCH = 128
IMAGES = (BATCH, 32, 32, 3)
NESTEROV = {"momentum": 0.9, "nesterov": True}


def steps(libraries, build, shape, **options):
    """``{library: function}`` that make one training step on a random batch."""
    x, labels = batch_of(shape)
    return {
        library.name: partial(
            library.training_step(build, **options), library.tensor(x), library.tensor(labels)
        )
        for library in libraries
    }


def _step_row(setup, work, build, shape, images=True, **options):
    candidates = steps(setup.libraries(images), build, shape, **options)
    return row(f"{work}, training step", "ms", alternate(candidates, setup.rounds))


def train_a(setup):
    """A step of network A; and as a multiple of the time of its direct convolutions at peak."""
    candidates = steps(setup.libraries(), networks.network_a, IMAGES, **NESTEROV)
    samples = alternate(candidates, setup.rounds)
    found = row("network A, training step", "ms", samples)
    gflop = 3 * sum(layer.flop for layer in [*NETWORK_A, CLASS_MAPS]) / 1e9
    multiple = {name: sample * (peak_gflops() / gflop) for name, sample in samples.items()}
    return [found, row(f"  over {gflop:.1f} GFLOP at the machine's peak", "x", multiple)]


def eval_a(setup):
    """Network A without gradients, in evaluation mode."""
    x, _ = batch_of(IMAGES)
    candidates = {}
    for library in setup.libraries():
        model = library.network(networks.network_a).eval()
        candidates[library.name] = partial(_evaluate, library, model, library.tensor(x))
    return [row("network A, evaluation", "ms", alternate(candidates, setup.rounds))]


def _evaluate(library, model, x):
    with library.module.no_grad():
        return model(x).numpy()


def separable(setup):
    """Depthwise-separable network, 32 to 256 channels."""
    return [_step_row(setup, "depthwise-separable", networks.separable, IMAGES, **NESTEROV)]


def resnet18(setup):
    """ResNet-18 for CIFAR."""
    work = "ResNet-18, batch 32"
    return [_step_row(setup, work, networks.resnet18, (32, *IMAGES[1:]), **NESTEROV)]


def lstm(setup):
    """LSTM(28, 128) over 28 steps."""
    work, shape = "LSTM(28, 128), 28 steps", (BATCH, 28, 28)
    return [_step_row(setup, work, networks.lstm, shape, images=False, **NESTEROV)]


def _mnist(setup):
    """60,000 images as rows of 784 values in [0, 1), and labels: MNIST if there is a folder."""
    if setup.data is None:
        rng = np.random.default_rng(0)
        return rng.random((60000, 784), np.float32), rng.integers(10, size=60000)
    from autotensor.data import MNIST

    train = MNIST(setup.data)
    return train.images.reshape(-1, 784) / np.float32(255), train.labels


def _epoch_row(setup, work, build, x, target, part=1.0, **options):
    """An epoch over arrays in memory, in file order; or a part of it, scaled to the whole."""
    whole = -(-len(x) // BATCH)
    count = max(1, round(part * whole))
    candidates = {}
    for library in setup.libraries(images=False):
        step = library.training_step(build, **options)
        candidates[library.name] = partial(
            _epoch, step, library.tensor(x), library.tensor(target), count
        )
    samples = alternate(candidates, setup.rounds)
    scaled = {name: sample * (whole / count) for name, sample in samples.items()}
    work += ", epoch" if count == whole else f", epoch (from {count} of {whole} steps)"
    return row(work, "s", scaled)


def _epoch(step, x, target, count):
    for start in range(0, count * BATCH, BATCH):
        step(x[start : start + BATCH], target[start : start + BATCH])


def perceptron(setup):
    """An epoch of perceptron B: 784 -> 10, squared error."""
    x, labels = _mnist(setup)
    target = np.eye(10, dtype=np.float32)[labels]
    options = {"loss": "mse_loss", "lr": 0.5}
    return [_epoch_row(setup, "perceptron B", networks.perceptron, x, target, **options)]


def mlp(setup):
    """An epoch of the perceptron 784-512-512-10."""
    work = "784-512-512-10"
    return [_epoch_row(setup, work, networks.mlp, *_mnist(setup), setup.part, lr=0.1)]


def small_operations(setup):
    """Forward and backward of one small tracked operation, as part of a chain."""
    repeats, length = 20, 100
    rows = []
    for inputs, tracked in (("one", False), ("both", True)):
        candidates = {}
        for library in setup.libraries(images=False):
            x, y = (library.tensor(np.ones((4, 4), np.float32)) for _ in range(2))
            x.requires_grad_()
            y.requires_grad_(tracked)
            candidates[library.name] = partial(_chain, x, y, repeats, length)
        samples = alternate(candidates, setup.rounds)
        each = {name: sample * (1 / (repeats * length)) for name, sample in samples.items()}
        rows.append(row(f"4x4 multiply, {inputs} tracked, per operation", "us", each))
    return rows


def _chain(x, y, repeats, length):
    for _ in range(repeats):
        z = x
        for _ in range(length):
            z = z * y
        z.sum().backward()


def threads(setup):
    """A training step of network A on one thread and on two, and the speed-up."""
    names = {library.name: library for library in setup.libraries()}
    made = steps(names.values(), networks.network_a, IMAGES, **NESTEROV)
    candidates = {(n, name): step for n in (1, 2) for name, step in made.items()}
    samples = alternate(candidates, setup.rounds, lambda key: setup.set_threads(key[0]))
    setup.set_threads(setup.threads)
    one, two = ({name: samples[n, name] for name in names} for n in (1, 2))
    return [
        row("network A, training step, 1 thread", "ms", one),
        row("network A, training step, 2 threads", "ms", two),
        quotient("  speed-up", one, two),
    ]


def quotient(work, above, below):
    """The row of how many times more ``above`` took than ``below``."""
    above, below = best(above), best(below)
    return row(work, "x", {
        name: Sample([above[name]["median"] / below[name]["median"]]) for name in above
    })  # fmt: skip
