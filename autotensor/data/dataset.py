"""Data sets: samples by index, and whole batches where the data are arrays."""

import itertools
import math
from bisect import bisect_right

import numpy as np

from autotensor.creation import as_tensor, default_generator
from autotensor.data.collate import default_collate, reorder, take
from autotensor.tensor import Tensor


class Dataset:
    """Samples by index: define ``__getitem__(index)`` and ``__len__()``.

    A data set that can serve many samples faster at once than one by one overrides `get_batch`, or
    defines PyTorch's ``__getitems__(indices)``, which returns a list of samples.
    """

    def __getitem__(self, index):
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__(index)")

    def get_batch(self, indices, rng=None):
        """The samples at ``indices`` as one batch, already collated.

        What is drawn at random comes from ``rng``, a ``numpy.random.Generator`` that belongs to
        this batch (None: the default generator): batches then depend neither on the number of
        workers nor on the order in which they are made.
        """
        return default_collate(get_samples(self, indices))

    def __add__(self, other):
        return ConcatDataset([self, other])


def get_samples(dataset, indices):
    """The samples at ``indices`` as a list."""
    if hasattr(dataset, "__getitems__"):
        return dataset.__getitems__(indices)
    return [dataset[index] for index in indices]


def get_batch(dataset, indices, rng=None):
    """One collated batch from any indexable object, at once if it knows how."""
    if isinstance(dataset, Dataset):
        return dataset.get_batch(indices, rng)
    return default_collate(get_samples(dataset, indices))


class TensorDataset(Dataset):
    """Sample i is row i of every tensor (or NumPy array)."""

    def __init__(self, *tensors):
        self.tensors = tuple(as_tensor(x) for x in tensors)
        if not tensors or any(x.ndim == 0 for x in self.tensors):
            raise ValueError("TensorDataset needs tensors with at least one axis")
        if len({x.shape[0] for x in self.tensors}) > 1:
            raise ValueError(
                "TensorDataset: size mismatch between tensors: the first axes of "
                f"{', '.join(str(x.shape) for x in self.tensors)} must be equal"
            )

    def __getitem__(self, index):
        return tuple(x[index] for x in self.tensors)

    def __len__(self):
        return self.tensors[0].shape[0]

    def get_batch(self, indices, rng=None):
        rows = np.asarray(indices, dtype=np.int64)
        return [x[rows] if x.requires_grad else Tensor(take(x.array, rows)) for x in self.tensors]


class Subset(Dataset):
    """The samples of ``dataset`` at ``indices``."""

    def __init__(self, dataset, indices):
        self.dataset = dataset
        self.indices = indices.tolist() if hasattr(indices, "tolist") else indices

    def __getitem__(self, index):
        return self.dataset[self.indices[index]]

    def __getitems__(self, indices):
        return get_samples(self.dataset, [self.indices[i] for i in indices])

    def get_batch(self, indices, rng=None):
        return get_batch(self.dataset, [self.indices[i] for i in indices], rng)

    def __len__(self):
        return len(self.indices)


class ConcatDataset(Dataset):
    """Several data sets one after the other."""

    def __init__(self, datasets):
        self.datasets = list(datasets)
        if not self.datasets:
            raise ValueError("ConcatDataset needs at least one data set")
        self.cumulative_sizes = list(itertools.accumulate(len(d) for d in self.datasets))

    def __len__(self):
        return self.cumulative_sizes[-1]

    def __getitem__(self, index):
        part, row = self._place(index)
        return self.datasets[part][row]

    def get_batch(self, indices, rng=None):
        places = [self._place(index) for index in indices]
        rows = {}
        for part, row in places:
            rows.setdefault(part, []).append(row)
        if len(rows) == 1:
            [(part, only)] = rows.items()
            return get_batch(self.datasets[part], only, rng)
        batches = [get_batch(self.datasets[part], rows[part], rng) for part in rows]
        # Rows now lie data set by data set: a stable sort by data set tells which went where.
        numbers = {part: k for k, part in enumerate(rows)}
        parts = [numbers[part] for part, _ in places]
        return reorder(batches, np.argsort(np.argsort(parts, kind="stable")))

    def _place(self, index):
        """(number of the data set, index in it)."""
        if not -len(self) <= index < len(self):
            raise IndexError(f"index {index} is out of range for {len(self)} samples")
        index %= len(self)
        part = bisect_right(self.cumulative_sizes, index)
        return part, index - (self.cumulative_sizes[part - 1] if part else 0)


def random_split(dataset, lengths, generator=None):
    """Shuffle and cut into subsets of the given lengths, or fractions that sum to 1."""
    lengths = list(lengths)
    if math.isclose(sum(lengths), 1) and all(0 <= x <= 1 for x in lengths):
        fractions, lengths = lengths, [int(len(dataset) * x) for x in lengths]
        for k in range(len(dataset) - sum(lengths)):  # what rounding left over, one each
            lengths[k % len(fractions)] += 1
    if sum(lengths) != len(dataset):
        raise ValueError(
            f"random_split: the lengths {lengths} sum to {sum(lengths)}, "
            f"but the data set has {len(dataset)} samples"
        )
    order = (generator or default_generator).numpy.permutation(len(dataset)).tolist()
    ends = list(itertools.accumulate(lengths))
    return [Subset(dataset, order[end - n : end]) for end, n in zip(ends, lengths, strict=True)]
