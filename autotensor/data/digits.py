"""The UCI handwritten digits that come with the package: see files/digits-README.txt."""

from pathlib import Path

import numpy as np

from autotensor.data.idx import read_idx
from autotensor.data.images import ImageDataset

_FILES = Path(__file__).with_name("files")
_TRAIN = 1437  # four fifths


class Digits(ImageDataset):
    """1,797 handwritten digits of 8x8 pixels; needs no file and no network.

    The first 1,437 are for training, the last 360 for testing. The file goes from writer to
    writer, so most of the test images are by people not seen in training. ``images`` (N, 8, 8)
    uint8, the 17 grey values 0..16 spread over 0..255; ``labels`` (N,) int64.
    (Alpaydin, Kaynak 1998, doi:10.24432/C50P49, CC BY 4.0.)
    """

    def __init__(self, train=True, transform=None):
        rows = slice(None, _TRAIN) if train else slice(_TRAIN, None)
        grey = read_idx(_FILES / "digits-images-idx3-ubyte.gz", 3)[rows]
        labels = read_idx(_FILES / "digits-labels-idx1-ubyte.gz", 1)[rows]
        images = np.rint(grey * (255 / 16)).astype(np.uint8)
        super().__init__(images, labels, [str(digit) for digit in range(10)], transform)

    @classmethod
    def splits(cls, train_transform=None, test_transform=None):
        """(training set, test set)."""
        return cls(True, train_transform), cls(False, test_transform)
