from pathlib import Path

import numpy as np

from autotensor import data
from autotensor.data import Digits


def test_the_bundled_digits():
    train, test = Digits.splits()
    assert (len(train), len(test)) == (1437, 360)
    assert train.images.shape == (1437, 8, 8) and train.images.dtype == np.uint8
    assert len(np.unique(train.images)) == 17 and train.images.max() == 255
    assert np.bincount(test.labels).tolist() == [35, 36, 35, 37, 37, 37, 37, 36, 33, 37]
    assert (train.labels[:10] == range(10)).all() and train.classes == list("0123456789")
    grey = np.rint(train.images[0] * (16 / 255)).astype(int)  # the first line of the UCI file
    assert grey[0].tolist() == [0, 0, 5, 13, 9, 1, 0, 0]
    x, y = test.get_batch([0, 1])
    assert x.shape == (2, 1, 8, 8) and y.shape == (2,)


def test_the_digits_can_be_told_apart():
    """The nearest training image, in plain squared distance, is right about the label."""
    train, test = Digits.splits()
    a = test.images.reshape(360, 64).astype(float)
    b = train.images.reshape(1437, 64).astype(float)
    distance = (b**2).sum(1) - 2 * a @ b.T
    assert (train.labels[distance.argmin(1)] == test.labels).mean() > 0.95


def test_source_and_licence_lie_beside_the_files():
    text = Path(data.__file__).with_name("files").joinpath("digits-README.txt").read_text()
    assert "CC BY 4.0" in text and "10.24432/C50P49" in text
