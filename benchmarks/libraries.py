"""The libraries under comparison, behind the few names that differ between them."""

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import numpy as np


@dataclass(frozen=True)
class Library:
    """A library and, for PyTorch, how it keeps images in memory."""

    name: str
    module: ModuleType
    memory_format: str | None = None

    def _arranged(self, method):
        """Call a method that takes PyTorch's ``memory_format``."""
        return method(memory_format=getattr(self.module, self.memory_format))

    def tensor(self, array):
        """The values of ``array``; images (N, H, W, C) become (N, C, H, W)."""
        if array.ndim < 4:
            return self.module.tensor(array)
        images = self.module.tensor(array.transpose(0, 3, 1, 2))
        return images if self.memory_format is None else self._arranged(images.contiguous)

    def network(self, build):
        """The network that ``build(nn)`` makes."""
        model = build(self.module.nn)
        return model if self.memory_format is None else self._arranged(model.to)

    def training_step(self, build, loss="cross_entropy", lr=0.01, **options):
        """A function of a batch and its targets: forward, backward, gradient descent."""
        model = self.network(build)
        criterion = getattr(self.module.nn.functional, loss)
        optimizer = self.module.optim.SGD(model.parameters(), lr=lr, **options)

        def step(x, target):
            optimizer.zero_grad()
            criterion(model(x), target).backward()
            optimizer.step()

        return step


def load(name):
    """The library of this name, such as "autotensor" or "torch channels_last"."""
    module, _, memory_format = name.partition(" ")
    return Library(name, import_module(module), memory_format or None)


def available(alone=False):
    """The names that `load` takes: autotensor, and PyTorch in two formats where installed."""
    if alone or find_spec("torch") is None:
        return ["autotensor"]
    return ["autotensor", "torch contiguous_format", "torch channels_last"]


@dataclass(frozen=True)
class Setup:
    """What the rows are told: whom to measure, how often, on how many threads, on which data."""

    names: list
    rounds: int
    threads: int
    part: float  # of the epoch of the multilayer perceptron
    data: Path | None

    def libraries(self, images=True):
        """The libraries; PyTorch once only where memory formats of images do not matter."""
        names = [name for name in self.names if images or "channels_last" not in name]
        return [load(name) for name in names]

    def set_threads(self, n):
        """Let all libraries use ``n`` threads."""
        for library in self.libraries(images=False):
            library.module.set_num_threads(n)


def batch_of(shape, classes=10, seed=0):
    """Normal values of ``shape``, and random labels."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal(shape, np.float32), rng.integers(classes, size=shape[0])
