"""Image transforms on whole batches: ``transform(images, rng)``, (N, H, W, C) -> (N, H, W, C).

Every transform takes uint8 or float32 and returns float32; uint8 pixels are divided by 255, once,
by whichever transform comes first. Random ones draw all their numbers from ``rng``, a
``numpy.random.Generator``, before any pixel is touched: the result does not depend on threads.
"""

from dataclasses import dataclass
from numbers import Integral

import numpy as np

from autotensor.data.plan import begin, finish


class _Planned:
    """A transform that can be done in one pass with its neighbours.

    ``extend(images, rng)`` takes images or a plan, and returns a plan (or images that stay).
    """

    def __call__(self, images, rng):
        return finish(self.extend(images, rng))


class _Fixed(_Planned):
    """One that draws nothing."""

    def __call__(self, images, rng=None):
        return super().__call__(images, rng)


@dataclass(frozen=True)
class Compose(_Planned):
    """One transform after the other, in as few passes over the images as give the same result.

    A transform of your own is any function of images and ``rng``.
    """

    transforms: tuple

    def __init__(self, transforms):
        object.__setattr__(self, "transforms", tuple(transforms))

    def extend(self, images, rng):
        for transform in self.transforms:
            if isinstance(transform, _Planned):
                images = transform.extend(images, rng)
            else:
                images = transform(finish(images), rng)
        return images


@dataclass(frozen=True)
class ToFloat(_Fixed):
    """uint8 pixels 0..255 -> float32 0..1; float32 stays as it is."""

    def extend(self, images, rng):
        plan = begin(images, "ToFloat")
        return images if plan.images.dtype == np.float32 else plan


@dataclass(frozen=True)
class Normalize(_Fixed):
    """``(x - mean) / std`` for every channel, in units of 0..1."""

    mean: tuple
    std: tuple

    def __post_init__(self):
        for name in ("mean", "std"):
            values = tuple(np.atleast_1d(getattr(self, name)).astype(float).tolist())
            object.__setattr__(self, name, values)
        if not all(value > 0 for value in self.std):
            raise ValueError(f"Normalize: std must be positive, got {self.std}")

    def extend(self, images, rng):
        plan = begin(images, "Normalize")
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in (1, plan.shape[3]):
                raise ValueError(
                    f"Normalize: {name} has {len(values)} values, "
                    f"the images {plan.shape} have {plan.shape[3]} channels"
                )
        return plan.normalise(np.array(self.mean), np.array(self.std))


@dataclass(frozen=True)
class RandomHorizontalFlip(_Planned):
    """Mirror each image left to right with probability ``p``."""

    p: float = 0.5

    def __post_init__(self):
        if not 0 <= self.p <= 1:
            raise ValueError(f"RandomHorizontalFlip: p must lie in 0..1, got {self.p}")

    def extend(self, images, rng):
        plan = begin(images, "RandomHorizontalFlip")
        n, _, width, _ = plan.shape
        flip = rng.random(n) < self.p
        lines = np.zeros((2, 2, n))
        lines[0] = 1
        lines[0, 1, flip], lines[1, 1, flip] = -1, width - 1
        return plan.read(lines)


@dataclass(frozen=True)
class RandomZoom(_Planned):
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

    def extend(self, images, rng):
        plan = begin(images, "RandomZoom")
        zoom = rng.uniform(self.low, self.high, (2, plan.shape[0]))
        centre = (np.reshape(plan.size, (2, 1)) - 1) / 2
        return plan.read(np.stack([zoom, centre * (1 - zoom)]), whole=False)


@dataclass(frozen=True)
class RandomCrop(_Planned):
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

    def extend(self, images, rng):
        plan = begin(images, "RandomCrop")
        room = np.array(plan.size) + 2 * self.padding - self.size
        if room.min() < 0:
            raise ValueError(
                f"RandomCrop: a window of {self.size} does not fit into images {plan.shape} "
                f"with padding {self.padding}"
            )
        start = rng.integers(0, room[:, None] + 1, (2, plan.shape[0])) - float(self.padding)
        return plan.read(np.stack([np.ones_like(start), start]), self.size)


Normalise = Normalize
