"""Pooling kernels beside PyTorch's, and augmentation, which PyTorch itself has not."""

from dataclasses import dataclass

import numpy as np

from autotensor import kernels
from autotensor.data import Compose, Normalize, RandomCrop, RandomHorizontalFlip, RandomZoom

from .libraries import load
from .report import row
from .timing import alternate


@dataclass(frozen=True)
class Pool:
    """Windows of ``kernel`` x ``kernel`` pixels, ``stride`` apart, on square images."""

    what: str  # "max" or "avg"
    batch: int
    size: int
    channels: int
    kernel: int
    stride: int

    @property
    def name(self):
        """In the table."""
        window = f"{self.kernel}x{self.kernel} stride {self.stride}"
        return f"{self.what} pool {window}, {self.size}x{self.size} {self.channels}"

    @property
    def windows(self):
        """As the kernels take them: start, stop and step."""
        start = np.arange(0, self.size - self.kernel + 1, self.stride)
        return np.stack([start, start + self.kernel, np.ones_like(start)], axis=1)


POOLS = [
    Pool(what, 128, size, channels, *window)
    for size, channels in ((32, 32), (16, 64))
    for what, window in (("max", (2, 2)), ("max", (3, 2)), ("avg", (2, 2)), ("avg", (size, size)))
]
_MEAN, _STD = (0.49, 0.48, 0.45), (0.25, 0.24, 0.26)
AUGMENTATIONS = {
    "crop, flip, normalise": [RandomCrop(32, padding=4), RandomHorizontalFlip()],
    "flip, zoom, normalise": [RandomHorizontalFlip(), RandomZoom(0.5, 1.5)],
    "normalise": [],
}


def _images(n, size, channels):
    images = np.random.default_rng(0).standard_normal((n, size, size, channels), np.float32)
    return images.transpose(0, 3, 1, 2)


def _candidates(pool, x, g):
    """autotensor's forward and backward."""
    windows = (pool.windows, pool.windows)
    if pool.what == "max":
        _, ordinals = kernels.max_pool2d(x, *windows)
        return (
            lambda: kernels.max_pool2d(x, *windows),
            lambda: kernels.max_pool2d_grad(g, ordinals, x.shape, *windows),
        )
    divisor = np.full(g.shape[2:], pool.kernel**2)
    return (
        lambda: kernels.avg_pool2d(x, *windows, divisor),
        lambda: kernels.avg_pool2d_grad(g, x.shape, *windows, divisor),
    )


def _torch_candidates(name, pool, x, g):
    """PyTorch's forward and backward in the memory format of ``name``."""
    library = load(name)
    torch, aten = library.module, library.module.ops.aten
    layout = {"memory_format": getattr(torch, library.memory_format)}
    x, g = (torch.tensor(array).contiguous(**layout) for array in (x, g))
    kernel, stride, padding = [pool.kernel] * 2, [pool.stride] * 2, [0, 0]
    if pool.what == "max":
        geometry = (kernel, stride, padding, [1, 1], False)
        _, positions = aten.max_pool2d_with_indices(x, *geometry)
        return (
            lambda: aten.max_pool2d_with_indices(x, *geometry),
            lambda: aten.max_pool2d_with_indices_backward(g, x, *geometry, positions),
        )
    if pool.kernel == pool.size:
        return (
            lambda: aten._adaptive_avg_pool2d(x, [1, 1]),
            lambda: aten._adaptive_avg_pool2d_backward(g, x),
        )
    geometry = (kernel, stride, padding, False, True, None)
    return (
        lambda: aten.avg_pool2d(x, *geometry),
        lambda: aten.avg_pool2d_backward(g, x, *geometry),
    )


def pooling(setup):
    """The largest value and the average of windows, kernels alone."""
    rows = []
    for pool in POOLS:
        x = _images(pool.batch, pool.size, pool.channels)
        g = _images(pool.batch, len(pool.windows), pool.channels)
        candidates = {"autotensor": _candidates(pool, x, g)}
        for name in setup.names[1:]:
            candidates[name] = _torch_candidates(name, pool, x, g)
        for i, direction in enumerate(("forward", "backward")):
            functions = {name: both[i] for name, both in candidates.items()}
            samples = alternate(functions, setup.rounds)
            rows.append(row(f"{pool.name} {direction}", "ms", samples))
    return rows


def augmentation(setup):
    """A batch of 128 images of CIFAR-10's size, from bytes to normalised floats."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (128, 32, 32, 3), dtype=np.uint8)
    rows = []
    for name, transforms in AUGMENTATIONS.items():
        transform = Compose([*transforms, Normalize(_MEAN, _STD)])
        samples = alternate({"autotensor": lambda: transform(images, rng)}, setup.rounds)
        rows.append(row(f"{name}, 128 images", "ms", samples))
    return rows
