import numpy as np
import pytest

from autotensor import Generator, Tensor, tensor
from autotensor.data import (
    ConcatDataset,
    Dataset,
    ImageDataset,
    Subset,
    TensorDataset,
    random_split,
)


class Squares(Dataset):
    def __init__(self, n):
        self.n = n

    def __len__(self):
        return self.n

    def __getitem__(self, index):
        if not 0 <= index < self.n:
            raise IndexError(index)
        return {"x": float(index), "y": index * index, "name": str(index)}


def test_tensor_dataset_serves_items_and_batches():
    x, y = np.arange(12.0).reshape(6, 2), tensor([0, 1, 2, 3, 4, 5])
    data = TensorDataset(x, y)
    assert len(data) == 6
    item = data[2]
    assert isinstance(item, tuple) and item[0].tolist() == [4, 5] and item[1].item() == 2
    batch = data.get_batch([5, 0])
    assert batch[0].tolist() == [[10, 11], [0, 1]] and batch[1].tolist() == [5, 0]
    assert len(list(data)) == 6


def test_batches_of_a_tensor_that_requires_grad_carry_its_gradient():
    x = tensor([1.0, 2.0, 3.0], requires_grad=True)
    (batch,) = TensorDataset(x).get_batch([2, 2, 0])
    batch.sum().backward()
    assert x.grad.tolist() == [1, 0, 2]


def test_tensor_dataset_needs_equal_sizes():
    with pytest.raises(ValueError, match=r"size mismatch .* \(3, 2\), \(4,\)"):
        TensorDataset(np.zeros((3, 2)), np.zeros(4))
    with pytest.raises(ValueError, match="at least one axis"):
        TensorDataset()


def test_default_batch_collates_samples_or_getitems():
    batch = Squares(5).get_batch([3, 1])
    assert batch["x"].dtype == np.float64
    assert batch["y"].tolist() == [9, 1] and batch["name"] == ["3", "1"]

    class Many(Squares):
        def __getitems__(self, indices):
            return [(i, 2 * i) for i in indices]

    assert [x.tolist() for x in Many(5).get_batch([3, 1])] == [[3, 1], [6, 2]]


def test_subset_is_a_view_of_indices():
    part = Subset(Squares(10), tensor([7, 3, 5]))
    assert len(part) == 3 and part[1]["y"] == 9
    assert part.get_batch([2, 0])["y"].tolist() == [25, 49]
    nested = Subset(part, [0, 2])
    assert nested.get_batch([1, 0])["name"] == ["5", "7"]
    assert Subset(["a", "b"], [1]).get_batch([0]) == ["b"]


def test_concat_finds_samples_and_joins_batches():
    both = Squares(3) + Squares(4)
    assert isinstance(both, ConcatDataset) and len(both) == 7
    assert [both[k]["y"] for k in range(7)] == [0, 1, 4, 0, 1, 4, 9]
    assert both[-1]["y"] == 9
    indices = [6, 0, 3, 2, 5, 1, 4, 6]
    batch = both.get_batch(indices)
    assert batch["y"].tolist() == [both[k]["y"] for k in indices]
    assert batch["name"] == [both[k]["name"] for k in indices]
    assert both.get_batch([4, 3])["name"] == ["1", "0"]
    for wrong in (7, -8):
        with pytest.raises(IndexError, match="out of range for 7 samples"):
            both[wrong]


def test_random_split_parts_the_data():
    parts = random_split(range(10), [7, 3], Generator().manual_seed(0))
    assert [len(part) for part in parts] == [7, 3]
    assert sorted(x for part in parts for x in part) == list(range(10))
    again = random_split(range(10), [7, 3], Generator().manual_seed(0))
    assert [p.indices for p in parts] == [p.indices for p in again]
    assert [len(p) for p in random_split(range(11), [0.5, 0.25, 0.25])] == [6, 3, 2]
    with pytest.raises(ValueError, match="sum to 9, but the data set has 10"):
        random_split(range(10), [7, 2])


def test_image_dataset_serves_float_channels_first():
    images = np.arange(2 * 4 * 5 * 3, dtype=np.uint8).reshape(2, 4, 5, 3)
    data = ImageDataset(images, np.array([1, 0], np.uint8), ["cat", "dog"])
    assert data.labels.dtype == np.int64 and len(data) == 2
    x, y = data.get_batch([1, 0])
    assert x.shape == (2, 3, 4, 5) and x.dtype == np.float32 and y.tolist() == [0, 1]
    assert x.array.transpose(0, 2, 3, 1).flags.c_contiguous
    expected = images[[1, 0]].transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255)
    np.testing.assert_array_equal(x.array, expected)
    image, label = data[1]
    np.testing.assert_array_equal(image.array, expected[0])
    assert isinstance(label, Tensor) and label.shape == () and label.item() == 0
    grey = ImageDataset(images[..., 0], [1, 0], ["cat", "dog"])
    assert grey.get_batch([0])[0].shape == (1, 1, 4, 5)
    assert repr(grey) == "ImageDataset(2 images 4x5, 2 classes)"


def test_image_dataset_draws_from_the_given_generator():
    def noisy(images, rng):
        return rng.random(images.shape, np.float32)

    data = ImageDataset(np.zeros((2, 4, 4), np.uint8), [0, 0], ["a"], noisy)
    first, _ = data.get_batch([0, 1], np.random.default_rng(5))
    again, _ = data.get_batch([0, 1], np.random.default_rng(5))
    np.testing.assert_array_equal(first.array, again.array)
    assert data.get_batch([0, 1])[0].array.std() > 0


def test_image_dataset_checks_its_arrays():
    images = np.zeros((3, 4, 4), np.uint8)
    with pytest.raises(ValueError, match=r"label 2 of image 1 is outside 0\.\.1"):
        ImageDataset(images, [0, 2, 0], ["a", "b"])
    with pytest.raises(ValueError, match=r"3 images need as many labels, got the shape \(2,\)"):
        ImageDataset(images, [0, 1], ["a", "b"])
    with pytest.raises(TypeError, match="labels must be integers, got float64"):
        ImageDataset(images, [0.0, 1.0, np.nan], ["a", "b"])
    with pytest.raises(ValueError, match=r"got \(3, 4\)"):
        ImageDataset(images[..., 0], [0, 1, 0], ["a", "b"])
    with pytest.raises(ValueError, match=r"must return 2 images .* got \(2, 4, 4\)"):
        ImageDataset(images, [0, 1, 0], ["a", "b"], lambda x, rng: x[..., 0]).get_batch([0, 1])
