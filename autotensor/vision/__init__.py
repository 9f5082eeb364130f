"""What of torchvision loads and prepares images, and some of its networks.

An image is a uint8 array, (H, W) or (H, W, C), or a tensor (..., C, H, W); Pillow's images are
taken, too. Reading and writing image files needs Pillow (``pip install autotensor[images]``).
"""

from autotensor.vision import datasets, io, models, transforms, utils

__all__ = ["datasets", "io", "models", "transforms", "utils"]
