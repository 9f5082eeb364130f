import enum
from collections import OrderedDict, namedtuple

import numpy as np
import pytest

from autotensor import Tensor, tensor
from autotensor.data import default_collate
from autotensor.data.collate import take

Pair = namedtuple("Pair", "image label")


def test_tensors_and_arrays_are_stacked():
    batch = default_collate([tensor([1.0, 2.0]), tensor([3.0, 4.0])])
    assert isinstance(batch, Tensor) and batch.dtype == np.float32
    assert batch.tolist() == [[1, 2], [3, 4]]
    assert default_collate([np.uint8([1]), np.uint8([2])]).dtype == np.uint8


@pytest.mark.parametrize(
    ("samples", "dtype"),
    [
        ([1, 2, 3], "int64"),
        ([1.5, 2.5], "float64"),
        ([True, False], "bool"),
        ([np.float32(1), np.float32(2)], "float32"),
        ([np.int16(1), np.int16(2)], "int16"),
    ],
)
def test_numbers_become_a_tensor(samples, dtype):
    batch = default_collate(samples)
    assert batch.dtype == dtype and batch.tolist() == samples


def test_structure_is_kept():
    samples = [
        OrderedDict(x=tensor([float(k)]), more=(k, "abc"[k]), pair=Pair(k, [k, k]))
        for k in range(3)
    ]
    batch = default_collate(samples)
    assert type(batch) is OrderedDict and list(batch) == ["x", "more", "pair"]
    assert batch["x"].shape == (3, 1)
    assert isinstance(batch["more"], list)  # as in PyTorch
    assert batch["more"][0].tolist() == [0, 1, 2] and batch["more"][1] == ["a", "b", "c"]
    assert type(batch["pair"]) is Pair and batch["pair"].label[1].tolist() == [0, 1, 2]
    assert samples[0]["x"].shape == (1,)


def test_what_cannot_be_collated_says_why():
    with pytest.raises(RuntimeError, match=r"equal size, but got \[\(1,\), \(2,\)\]"):
        default_collate([tensor([1.0]), tensor([1.0, 2.0])])
    with pytest.raises(RuntimeError, match=r"equal size, got the sizes \[1, 2\]"):
        default_collate([(1,), (1, 2)])
    with pytest.raises(TypeError, match="found Colour"):
        default_collate([enum.Enum("Colour", "red").red])
    with pytest.raises(TypeError, match="object"):
        default_collate([np.array([None]), np.array([None])])
    with pytest.raises(ValueError, match="empty batch"):
        default_collate([])


def test_channels_last_memory_survives():
    image = np.arange(24.0).reshape(2, 4, 3).transpose(2, 0, 1)
    batch = default_collate([Tensor(image), Tensor(image)])
    assert batch.shape == (2, 3, 2, 4)
    assert batch.array.transpose(0, 2, 3, 1).flags.c_contiguous
    np.testing.assert_array_equal(batch.array[1], image)
    taken = take(batch.array, [1, 0, 1])
    assert taken.transpose(0, 2, 3, 1).flags.c_contiguous
    np.testing.assert_array_equal(taken, batch.array[[1, 0, 1]])
