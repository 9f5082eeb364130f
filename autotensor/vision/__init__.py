"""The part of torchvision that loads and prepares images.

An image is a uint8 array, (H, W) or (H, W, C), or a tensor (..., C, H, W); Pillow's images are
taken, too. Reading and writing image files needs Pillow (``pip install autotensor[images]``).
"""

from autotensor.vision import datasets, io, transforms, utils

__all__ = ["datasets", "io", "transforms", "utils"]
