"""Labelled images held as arrays and served as whole batches."""

import numpy as np

from autotensor.creation import default_generator
from autotensor.data.dataset import Dataset
from autotensor.data.transforms import ToFloat
from autotensor.io.files import DataError
from autotensor.tensor import Tensor


class ImageDataset(Dataset):
    """Images with class labels: item (C, H, W), label (); batch (N, C, H, W), labels (N,).

    ``images`` is a uint8 array (N, H, W) or (N, H, W, C), ``labels`` an integer array (N,), and
    ``classes`` names the labels. ``transform(images, rng)`` takes a batch (N, H, W, C) and returns
    it as float32, by default scaled to 0..1. Batches are channels-last in memory.
    """

    def __init__(self, images, labels, classes, transform=None):
        self.images = np.asarray(images)
        self.labels = np.asarray(labels)
        self.classes = list(classes)
        self.transform = ToFloat() if transform is None else transform
        if self.images.ndim not in (3, 4):
            raise ValueError(
                f"images must have the shape (N, H, W) or (N, H, W, C), got {self.images.shape}"
            )
        if self.labels.dtype.kind not in "iu":
            raise TypeError(f"labels must be integers, got {self.labels.dtype}")
        if self.labels.shape != self.images.shape[:1]:
            raise ValueError(
                f"{len(self.images)} images need as many labels, got the shape {self.labels.shape}"
            )
        check_labels(self.labels, self.classes, "ImageDataset")
        self.labels = self.labels.astype(np.int64)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        images, labels = self.get_batch([index])
        return Tensor(images.array[0]), Tensor(labels.array[0, ...])

    def get_batch(self, indices, rng=None):
        rows = np.asarray(indices, dtype=np.int64)
        images = self.images[rows]
        if images.ndim == 3:
            images = images[..., None]
        images = self.transform(images, default_generator.numpy if rng is None else rng)
        if images.ndim != 4 or len(images) != len(rows):
            raise ValueError(
                f"the transform must return {len(rows)} images as an array (N, H, W, C), got "
                f"{images.shape}"
            )
        return [Tensor(images.transpose(0, 3, 1, 2)), Tensor(self.labels[rows])]

    def __repr__(self):
        size = "x".join(map(str, self.images.shape[1:]))
        return f"{type(self).__name__}({len(self)} images {size}, {len(self.classes)} classes)"


def check_labels(labels, classes, where):
    """Raise DataError naming ``where`` if a label is not the number of one of the classes."""
    wrong = np.flatnonzero((labels < 0) | (labels >= len(classes)))
    if wrong.size:
        raise DataError(
            f"{where}: label {labels[wrong[0]]} of image {wrong[0]} is outside "
            f"0..{len(classes) - 1}; the labels are corrupt or belong to another data set"
        )
