"""What is to be done with a batch of images, gathered so that one pass does it."""

from dataclasses import dataclass, replace

import numpy as np

from autotensor import kernels


@dataclass(frozen=True, eq=False)
class Plan:
    """Where to read images (N, H, W, C), and what to make of the values; see `kernels.resample`."""

    images: np.ndarray
    places: np.ndarray
    size: tuple
    centre: np.ndarray | float = 0.0
    scale: np.ndarray | float = 1.0
    complete: bool = True  # all of each image is read as it is, or mirrored
    normalised: bool = False

    @property
    def shape(self):
        """The shape of the result."""
        return (len(self.images), *self.size, self.images.shape[3])

    def read(self, lines, size=None, whole=True):
        """Then read along ``lines`` (2, 2, N), scale and shift of rows and columns.

        ``whole`` lines are shifts and mirrors, and what they read beyond the edge is 0. Reading
        between pixels asks for the nearest beyond the edge, which the image itself can tell only if
        all of it was read. Where two readings are not one, the first is carried out.
        """
        if self.normalised or not (whole or self.complete):
            return _read_all(self.run()).read(lines, size, whole)
        complete = self.complete and whole and size is None
        size = self.size if size is None else tuple(size)
        scale, shift, first, stop = self.places
        places = np.empty_like(self.places)
        np.multiply(scale, lines[0], out=places[0])
        np.add(scale * lines[1], shift, out=places[1])
        places[2:] = _all_of(size) if not whole else _seen_through(*lines, first, stop, size)
        return replace(self, places=places, size=size, complete=complete)

    def normalise(self, mean, std):
        """Then ``(x - mean) / std`` by channel."""
        centre, scale = self.centre + mean / self.scale, self.scale / std
        return replace(self, centre=centre, scale=scale, normalised=True)

    def run(self):
        """Do it: float32 (N, *size, C)."""
        return kernels.resample(self.images, self.places, self.size, self.centre, self.scale)


def begin(images, name):
    """The plan to make floats of ``images``, or ``images`` if they are a plan; ``name`` asks."""
    if isinstance(images, Plan):
        return images
    if not isinstance(images, np.ndarray) or images.dtype not in (np.uint8, np.float32):
        found = getattr(images, "dtype", type(images).__name__)
        raise TypeError(f"{name}: images must be a NumPy array of uint8 or float32, got {found}")
    if images.ndim != 4:
        raise ValueError(f"{name}: images must have the shape (N, H, W, C), got {images.shape}")
    return _read_all(images)


def finish(images):
    """The images that a plan makes; images stay as they are."""
    return images.run() if isinstance(images, Plan) else images


def _read_all(images):
    size = images.shape[1:3]
    places = np.zeros((4, 2, len(images)))
    places[0] = 1
    places[2:] = _all_of(size)
    return Plan(images, places, size)


def _all_of(size):
    """The first row and column, and those behind the last: (2, 2, 1)."""
    return np.array([[[0], [0]], [[size[0]], [size[1]]]])


def _seen_through(scale, shift, first, stop, size):
    """Which of ``size`` places whole lines take into the range from ``first`` to ``stop``."""
    one, other = (first - shift) * scale, (stop - 1 - shift) * scale
    upright, ends = scale > 0, np.reshape(size, (2, 1))
    first = np.maximum(np.where(upright, one, other), 0)
    return first, np.minimum(np.where(upright, other, one) + 1, ends)
