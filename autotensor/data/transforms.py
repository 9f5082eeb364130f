"""Image transforms on whole batches: ``transform(images, rng)``, (N, H, W, C) -> (N, H, W, C).

Every transform takes uint8 or float32 and returns float32; uint8 pixels are divided by 255, once,
by whichever transform comes first. Random ones draw all their numbers from ``rng``, a
``numpy.random.Generator``, before any pixel is touched: the result does not depend on threads.
"""

from dataclasses import dataclass
from numbers import Integral

import numpy as np

from autotensor import kernels


def _check(images, name):
    if not isinstance(images, np.ndarray) or images.dtype not in (np.uint8, np.float32):
        found = getattr(images, "dtype", type(images).__name__)
        raise TypeError(f"{name}: images must be a NumPy array of uint8 or float32, got {found}")
    if images.ndim != 4:
        raise ValueError(f"{name}: images must have the shape (N, H, W, C), got {images.shape}")
    return images


def _to_float(images, name):
    if _check(images, name).dtype == np.float32:
        return images
    return np.divide(images, np.float32(255), dtype=np.float32)


@dataclass(frozen=True)
class Compose:
    """One transform after the other."""

    transforms: tuple

    def __init__(self, transforms):
        object.__setattr__(self, "transforms", tuple(transforms))

    def __call__(self, images, rng):
        for transform in self.transforms:
            images = transform(images, rng)
        return images


@dataclass(frozen=True)
class ToFloat:
    """uint8 pixels 0..255 -> float32 0..1; float32 stays as it is."""

    def __call__(self, images, rng=None):
        return _to_float(images, "ToFloat")


@dataclass(frozen=True)
class Normalize:
    """``(x - mean) / std`` for every channel, in units of 0..1."""

    mean: tuple
    std: tuple

    def __post_init__(self):
        for name in ("mean", "std"):
            values = tuple(np.atleast_1d(getattr(self, name)).astype(float).tolist())
            object.__setattr__(self, name, values)
        if not all(value > 0 for value in self.std):
            raise ValueError(f"Normalize: std must be positive, got {self.std}")

    def __call__(self, images, rng=None):
        images = _to_float(images, "Normalize")
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in (1, images.shape[3]):
                raise ValueError(
                    f"Normalize: {name} has {len(values)} values, "
                    f"the images {images.shape} have {images.shape[3]} channels"
                )
        images = images - np.array(self.mean, np.float32)
        images /= np.array(self.std, np.float32)
        return images


@dataclass(frozen=True)
class RandomHorizontalFlip:
    """Mirror each image left to right with probability ``p``."""

    p: float = 0.5

    def __post_init__(self):
        if not 0 <= self.p <= 1:
            raise ValueError(f"RandomHorizontalFlip: p must lie in 0..1, got {self.p}")

    def __call__(self, images, rng):
        n, height, width, _ = _check(images, "RandomHorizontalFlip").shape
        flip = rng.random(n) < self.p
        columns = np.where(flip[:, None], [-1.0, width - 1.0], [1.0, 0.0])
        return kernels.resample(images, np.tile([1.0, 0.0], (n, 1)), columns, height, width)


@dataclass(frozen=True)
class RandomZoom:
    """Zoom height and width of each image by factors of their own, drawn from U(low, high).

    Output pixel p reads the input at ``z * (p - c) + c``, c the centre; bilinear, and beyond the
    edge the nearest pixel: the zoom of Keras's ImageDataGenerator. Over 1 shrinks the image.
    """

    low: float
    high: float

    def __post_init__(self):
        if not 0 < self.low <= self.high:
            raise ValueError(
                f"RandomZoom: 0 < low <= high must hold, got low={self.low}, high={self.high}"
            )

    def __call__(self, images, rng):
        n, height, width, _ = _check(images, "RandomZoom").shape
        zoom = rng.uniform(self.low, self.high, (2, n))
        centre = (np.array([[height], [width]]) - 1) / 2
        rows, columns = np.stack([zoom, centre * (1 - zoom)], axis=2)
        return kernels.resample(images, rows, columns, height, width)


@dataclass(frozen=True)
class RandomCrop:
    """Cut a window of ``size`` (a number or (height, width)) at a random place of each image.

    ``padding`` zeros are put around the image first.
    """

    size: int | tuple
    padding: int = 0

    def __post_init__(self):
        size = (self.size, self.size) if isinstance(self.size, Integral) else tuple(self.size)
        if len(size) != 2 or min(size) < 1 or self.padding < 0:
            raise ValueError(
                "RandomCrop: size must be positive and padding not negative, "
                f"got size={self.size}, padding={self.padding}"
            )
        object.__setattr__(self, "size", size)

    def __call__(self, images, rng):
        n, height, width, _ = _check(images, "RandomCrop").shape
        room = np.array([height, width]) + 2 * self.padding - self.size
        if room.min() < 0:
            raise ValueError(
                f"RandomCrop: a window of {self.size} does not fit into images {images.shape} "
                f"with padding {self.padding}"
            )
        start = rng.integers(0, room[:, None] + 1, (2, n)) - float(self.padding)
        rows, columns = np.stack([np.ones_like(start), start], axis=2)
        return kernels.resample(images, rows, columns, *self.size, zeros=True)


Normalise = Normalize
