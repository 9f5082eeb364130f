"""The order in which samples are drawn."""

from itertools import islice
from numbers import Integral

import numpy as np

from autotensor.creation import default_generator


class Sampler:
    """An iterable of sample indices: define ``__iter__()`` and ``__len__()``."""

    def __iter__(self):
        raise NotImplementedError(f"{type(self).__name__} must define __iter__()")


class SequentialSampler(Sampler):
    """0, 1, 2, ..."""

    def __init__(self, data_source):
        self.data_source = data_source

    def __iter__(self):
        return iter(range(len(self.data_source)))

    def __len__(self):
        return len(self.data_source)


class RandomSampler(Sampler):
    """Every index once in random order, or ``num_samples`` draws with ``replacement``.

    Without replacement, ``num_samples`` over the size of the data starts another round.
    """

    def __init__(self, data_source, replacement=False, num_samples=None, generator=None):
        self.data_source = data_source
        self.replacement = replacement
        self.num_samples = len(data_source) if num_samples is None else num_samples
        self.generator = generator
        _positive("num_samples", self.num_samples)

    def __iter__(self):
        rng = (self.generator or default_generator).numpy
        n, wanted = len(self.data_source), self.num_samples
        if self.replacement:
            return iter(rng.integers(0, n, wanted).tolist())
        rounds = [rng.permutation(n) for _ in range(-(-wanted // n))]
        return iter(np.concatenate(rounds)[:wanted].tolist())

    def __len__(self):
        return self.num_samples


class SubsetRandomSampler(Sampler):
    """The given indices in random order."""

    def __init__(self, indices, generator=None):
        self.indices = indices
        self.generator = generator

    def __iter__(self):
        rng = (self.generator or default_generator).numpy
        return iter([self.indices[k] for k in rng.permutation(len(self.indices)).tolist()])

    def __len__(self):
        return len(self.indices)


class WeightedRandomSampler(Sampler):
    """``num_samples`` indices, index i drawn with a probability proportional to ``weights[i]``."""

    def __init__(self, weights, num_samples, replacement=True, generator=None):
        self.weights = np.array(getattr(weights, "array", weights), dtype=np.float64)
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator
        _positive("num_samples", num_samples)
        if self.weights.ndim != 1 or not np.isfinite(self.weights).all() or min(self.weights) < 0:
            raise ValueError(
                "WeightedRandomSampler: weights must be a row of finite numbers >= 0, "
                f"got {self.weights}"
            )
        possible = np.count_nonzero(self.weights)
        if possible < (1 if replacement else num_samples):
            raise ValueError(
                f"WeightedRandomSampler: cannot draw {num_samples} samples "
                f"{'with' if replacement else 'without'} replacement from {possible} weights over 0"
            )

    def __iter__(self):
        rng = (self.generator or default_generator).numpy
        p = self.weights / self.weights.sum()
        return iter(rng.choice(len(p), self.num_samples, self.replacement, p).tolist())

    def __len__(self):
        return self.num_samples


class BatchSampler(Sampler):
    """Lists of ``batch_size`` indices; a shorter last one is left out with ``drop_last``."""

    def __init__(self, sampler, batch_size, drop_last):
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last
        _positive("batch_size", batch_size)

    def __iter__(self):
        indices = iter(self.sampler)
        while batch := list(islice(indices, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch

    def __len__(self):
        whole, rest = divmod(len(self.sampler), self.batch_size)
        return whole + (rest > 0 and not self.drop_last)


def _positive(name, value):
    if not isinstance(value, Integral) or isinstance(value, bool) or value <= 0:
        raise ValueError(f"{name} should be a positive integer value, but got {name}={value}")
