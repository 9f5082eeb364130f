"""Data sets, loaders and transforms."""

from autotensor.data.cifar10 import CIFAR10
from autotensor.data.collate import default_collate
from autotensor.data.dataset import ConcatDataset, Dataset, Subset, TensorDataset, random_split
from autotensor.data.digits import Digits
from autotensor.data.fetch import download
from autotensor.data.idx import read_idx
from autotensor.data.images import ImageDataset
from autotensor.data.loader import DataLoader
from autotensor.data.mnist import MNIST, FashionMNIST
from autotensor.data.sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from autotensor.data.transforms import (
    Compose,
    Normalise,
    Normalize,
    RandomCrop,
    RandomHorizontalFlip,
    RandomZoom,
    ToFloat,
)
from autotensor.io.files import DataError

__all__ = [
    "CIFAR10",
    "MNIST",
    "BatchSampler",
    "Compose",
    "ConcatDataset",
    "DataError",
    "DataLoader",
    "Dataset",
    "Digits",
    "FashionMNIST",
    "ImageDataset",
    "Normalise",
    "Normalize",
    "RandomCrop",
    "RandomHorizontalFlip",
    "RandomSampler",
    "RandomZoom",
    "Sampler",
    "SequentialSampler",
    "Subset",
    "SubsetRandomSampler",
    "TensorDataset",
    "ToFloat",
    "WeightedRandomSampler",
    "default_collate",
    "download",
    "random_split",
    "read_idx",
]
