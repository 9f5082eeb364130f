import gzip
import struct

import numpy as np
import pytest

import autotensor as at
from autotensor.data import DataLoader
from autotensor.vision import datasets, io, transforms

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (12, 28, 28), dtype=np.uint8)
LABELS = RNG.integers(0, 10, 12, dtype=np.uint8)


@pytest.fixture
def root(tmp_path):
    """A folder as torchvision's downloads leave it."""
    for folder in ("MNIST", "FashionMNIST"):
        raw = tmp_path / folder / "raw"
        raw.mkdir(parents=True)
        for part in ("train", "t10k"):
            images = struct.pack(">4I", 2051, *IMAGES.shape) + IMAGES.tobytes()
            labels = struct.pack(">2I", 2049, len(LABELS)) + LABELS.tobytes()
            (raw / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
            (raw / f"{part}-labels-idx1-ubyte").write_bytes(labels)
    return tmp_path


@pytest.mark.parametrize("name", ["MNIST", "FashionMNIST"])
def test_mnist_as_torchvision_serves_it(root, name):
    found = getattr(datasets, name)(root, train=True, download=True)
    image, label = found[3]
    assert (image == IMAGES[3]).all() and label == LABELS[3] and type(label) is int
    assert found.data.dtype == at.uint8 and found.targets.tolist() == LABELS.tolist()
    assert len(found) == 12 and len(found.classes) == 10 and "12" in repr(found)
    assert found.class_to_idx[found.classes[4]] == 4


STEPS = [transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))]


@pytest.mark.parametrize("transform", [
    transforms.Compose(STEPS), transforms.ToTensor(),
    transforms.Compose([*STEPS, transforms.Lambda(lambda x: x)]),
])  # fmt: skip
def test_batches_at_once_are_those_of_single_images(root, transform):
    found = datasets.MNIST(root, False, transform)
    images, labels = next(iter(DataLoader(found, batch_size=5)))
    assert images.shape == (5, 1, 28, 28) and images.dtype == at.float32
    for i in range(5):
        np.testing.assert_allclose(images.array[i], found[i][0].array, rtol=1e-6)
        assert labels[i].item() == found[i][1]


def test_targets_may_be_transformed(root):
    found = datasets.MNIST(root, True, transforms.ToTensor(), lambda label: label + 100)
    _, labels = next(iter(DataLoader(found, batch_size=4)))
    assert labels.tolist() == [label + 100 for label in LABELS[:4].tolist()]


def test_missing_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="FashionMNIST: neither train-images"):
        datasets.FashionMNIST(tmp_path)


def test_cifar(public_data):
    found = datasets.CIFAR10(public_data, train=False)
    image, label = found[0]
    assert found.data.shape == (10000, 32, 32, 3) and len(found.targets) == 10000
    assert image.shape == (32, 32, 3) and found.classes[label] == "cat"


def test_fake_data_is_the_same_again():
    found = datasets.FakeData(5, (3, 8, 6), 4, transforms.ToTensor())
    assert found[2][0].shape == (3, 8, 6) and found[2][0].tolist() == found[2][0].tolist()
    assert len(found) == 5 and 0 <= found[4][1] < 4
    with pytest.raises(IndexError, match="5"):
        found[5]


def test_folders_of_images(tmp_path):
    pytest.importorskip("PIL")
    for name, value in (("dogs", 10), ("cats", 200)):
        (tmp_path / name).mkdir()
        for i in range(2):
            image = np.full((4, 5, 3), value + i, np.uint8)
            io.write_array(image, tmp_path / name / f"{i}.png")
        (tmp_path / name / "notes.txt").write_text("no image")
    found = datasets.ImageFolder(tmp_path, transforms.ToTensor())
    assert found.classes == ["cats", "dogs"] and found.targets == [0, 0, 1, 1]
    assert found[3][0].shape == (3, 4, 5) and abs(found[3][0].mean().item() * 255 - 11) < 1e-3
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="no valid file for the class empty"):
        datasets.ImageFolder(tmp_path)
    with pytest.raises(FileNotFoundError, match="any class folder"):
        datasets.ImageFolder(tmp_path / "cats")
