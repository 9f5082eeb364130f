"""Image files, read and written by Pillow."""

import enum

import numpy as np

from autotensor.tensor import Tensor

__all__ = ["ImageReadMode", "read_image"]


class ImageReadMode(enum.Enum):
    """What channels to read, under torchvision's names."""

    UNCHANGED = None
    GRAY = "L"
    GRAY_ALPHA = "LA"
    RGB = "RGB"
    RGB_ALPHA = "RGBA"


def pillow():
    """Pillow's module of images; ImportError that says how to get it."""
    try:
        from PIL import Image
    except ImportError:
        raise ImportError("image files need Pillow: pip install autotensor[images]") from None
    return Image


def read_array(path, mode="RGB"):
    """An image file as a uint8 array (H, W) or (H, W, C)."""
    with pillow().open(path) as image:
        return np.array(image if mode is None else image.convert(mode))


def read_image(path, mode=ImageReadMode.UNCHANGED):
    """An image file as a uint8 tensor (C, H, W)."""
    mode = ImageReadMode[mode.upper()] if isinstance(mode, str) else mode
    array = read_array(path, mode.value)
    array = array[..., None] if array.ndim == 2 else array
    return Tensor(np.ascontiguousarray(array.transpose(2, 0, 1)))


def write_array(array, path, format=None):
    """Write a uint8 array (H, W) or (H, W, C) to an image file; its suffix is the format."""
    pillow().fromarray(array).save(path, format=format)
