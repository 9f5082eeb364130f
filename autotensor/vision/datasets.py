"""Data sets with torchvision's interface: item ``(image, label)``, transformed one by one."""

import operator
from pathlib import Path

import numpy as np

from autotensor import data
from autotensor.tensor import Tensor
from autotensor.vision.io import read_array

__all__ = ["CIFAR10", "MNIST", "FakeData", "FashionMNIST", "ImageFolder", "VisionDataset"]

_ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")


class VisionDataset(data.Dataset):
    """Images and labels; ``transform`` takes an image, ``target_transform`` a label."""

    def __init__(self, root, transform=None, target_transform=None):
        self.root = root
        self.transform = transform
        self.target_transform = target_transform

    def __getitem__(self, index):
        image, label = self.image_of(index)
        image = image if self.transform is None else self.transform(image)
        return image, label if self.target_transform is None else self.target_transform(label)

    def __repr__(self):
        return f"Dataset {type(self).__name__}\n    Number of datapoints: {len(self)}\n" + (
            f"    Root location: {self.root}"
        )


class _InMemory(VisionDataset):
    """Images and labels in arrays, (N, H, W[, C]) and (N)."""

    def __len__(self):
        return len(self.images)

    def image_of(self, index):
        """The image and the label number ``index``; IndexError beyond the last."""
        return self.images[index], int(self.labels[index])

    def get_batch(self, indices, rng=None):
        """A batch, in one go where the transform can (`transforms.Compose.of_batch`)."""
        of_batch = getattr(self.transform, "of_batch", None)
        if of_batch is None or self.target_transform is not None:
            return data.default_collate([self[i] for i in indices])
        rows = np.asarray(indices, np.int64)
        return [of_batch(self.images[rows]), Tensor(self.labels[rows])]


class _Ours(_InMemory):
    """A data set of `autotensor.data` with torchvision's arguments and attributes."""

    source = None

    def __init__(self, root, train=True, transform=None, target_transform=None, download=False):
        super().__init__(root, transform, target_transform)
        self.train = train
        found = self.source(root, train, download=download)
        self.images, self.labels, self.classes = found.images, found.labels, found.classes
        self.class_to_idx = {name: i for i, name in enumerate(self.classes)}


class MNIST(_Ours):
    """MNIST in ``root`` or its MNIST/raw/; ``data`` (N, 28, 28) and ``targets`` are tensors."""

    source = data.MNIST

    @property
    def data(self):
        """The images, a uint8 tensor (N, 28, 28)."""
        return Tensor(self.images)

    @property
    def targets(self):
        """The labels, an int64 tensor (N)."""
        return Tensor(self.labels)


class FashionMNIST(MNIST):
    """Fashion-MNIST in ``root`` or its FashionMNIST/raw/."""

    source = data.FashionMNIST


class CIFAR10(_Ours):
    """CIFAR-10 in ``root``; ``data`` is an array (N, 32, 32, 3), ``targets`` a list."""

    source = data.CIFAR10

    @property
    def data(self):
        """The images, a uint8 array (N, 32, 32, 3)."""
        return self.images

    @property
    def targets(self):
        """The labels, a list of ints."""
        return self.labels.tolist()


class FakeData(VisionDataset):
    """Random images (H, W, C), the same for the same number, with random labels."""

    def __init__(self, size=1000, image_size=(3, 224, 224), num_classes=10, transform=None,
                 target_transform=None, random_offset=0):  # fmt: skip
        super().__init__(None, transform, target_transform)
        self.size, self.image_size, self.num_classes = size, image_size, num_classes
        self.random_offset = random_offset

    def __len__(self):
        return self.size

    def image_of(self, index):
        """The image and the label number ``index``; IndexError beyond the last."""
        if not 0 <= operator.index(index) < self.size:
            raise IndexError(f"FakeData index {index} out of range of {self.size}")
        rng = np.random.default_rng(index + self.random_offset)
        channels, height, width = self.image_size
        image = rng.integers(0, 256, (height, width, channels), dtype=np.uint8)
        return image, int(rng.integers(self.num_classes))


class ImageFolder(VisionDataset):
    """Image files in one folder for each class, in the order of the folders' names.

    ``loader(path)`` reads a file, by default to an RGB array (H, W, 3). FileNotFoundError for no
    folders, or a folder without images.
    """

    def __init__(self, root, transform=None, target_transform=None, loader=None,
                 is_valid_file=None):  # fmt: skip
        super().__init__(root, transform, target_transform)
        self.loader = loader or read_array
        wanted = is_valid_file or (lambda path: str(path).lower().endswith(_ENDINGS))
        folders = sorted(path for path in Path(root).iterdir() if path.is_dir())
        if not folders:
            raise FileNotFoundError(f"Couldn't find any class folder in {root}.")
        self.classes = [folder.name for folder in folders]
        self.class_to_idx = {name: i for i, name in enumerate(self.classes)}
        self.samples = []
        for label, folder in enumerate(folders):
            files = sorted(path for path in folder.rglob("*") if path.is_file() and wanted(path))
            if not files:
                raise FileNotFoundError(f"Found no valid file for the class {folder.name}.")
            self.samples += [(str(path), label) for path in files]
        self.imgs = self.samples
        self.targets = [label for _, label in self.samples]

    def __len__(self):
        return len(self.samples)

    def image_of(self, index):
        """The image and the label number ``index``; IndexError beyond the last."""
        path, label = self.samples[index]
        return self.loader(path), label
