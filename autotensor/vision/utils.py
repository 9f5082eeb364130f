"""Pictures of many images."""

import math

import numpy as np

from autotensor.tensor import Tensor
from autotensor.vision.io import write_array

__all__ = ["make_grid", "save_image"]


def make_grid(tensor, nrow=8, padding=2, normalize=False, value_range=None, scale_each=False,
              pad_value=0.0):  # fmt: skip
    """Images side by side, ``nrow`` in a row: (N, C, H, W), or a list of (C, H, W) -> (3, ...).

    ``normalize`` moves the values to 0..1: from ``value_range``, or from the smallest and the
    largest, of each image with ``scale_each``.
    """
    if isinstance(tensor, (list, tuple)):
        images = np.stack([x.detach().array for x in tensor])
    else:
        images = tensor.detach().array
    while images.ndim < 4:
        images = images[None]
    if images.shape[1] == 1:
        images = np.repeat(images, 3, axis=1)
    if normalize:
        images = images.astype(np.float32)
        axes = (1, 2, 3) if scale_each and value_range is None else None
        low, high = value_range or (
            images.min(axes, keepdims=True),
            images.max(axes, keepdims=True),
        )
        images = (np.clip(images, low, high) - low) / np.maximum(np.subtract(high, low), 1e-5)
    count, channels, height, width = images.shape
    if count == 1:
        return Tensor(images[0])
    columns = min(nrow, count)
    rows = math.ceil(count / columns)
    shape = (channels, rows * (height + padding) + padding, columns * (width + padding) + padding)
    grid = np.full(shape, pad_value, images.dtype)
    for number, image in enumerate(images):
        top = number // columns * (height + padding) + padding
        left = number % columns * (width + padding) + padding
        grid[:, top : top + height, left : left + width] = image
    return Tensor(grid)


def save_image(tensor, fp, format=None, **options):
    """Write images, values 0..1, side by side into one image file; ``options``: `make_grid`'s."""
    grid = make_grid(tensor, **options).array
    pixels = np.clip(grid * 255.0 + 0.5, 0, 255).astype(np.uint8).transpose(1, 2, 0)
    write_array(pixels[..., 0] if pixels.shape[-1] == 1 else pixels, fp, format)
