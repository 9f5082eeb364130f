"""Batches from a data set."""

from numbers import Integral

import numpy as np

from autotensor.creation import Generator, default_generator
from autotensor.data.dataset import get_batch, get_samples
from autotensor.data.prefetch import prefetch
from autotensor.data.sampler import BatchSampler, RandomSampler, SequentialSampler


class DataLoader:
    """Iterate over a data set in batches, in a new order each time with ``shuffle=True``.

    A batch is ``dataset.get_batch(indices, rng)``: arrays are indexed once per batch, other data
    are collected sample by sample. With a ``collate_fn`` it is ``collate_fn(samples)``.

    ``seed``, or a seeded ``generator``, fixes the order and everything that data sets draw from
    the ``rng`` of a batch, for any number of workers. ``num_workers`` threads each make
    ``prefetch_factor`` batches ahead, after one call of ``worker_init_fn(number)``.
    ``pin_memory`` and ``persistent_workers`` are taken for PyTorch's sake: memory needs no pinning
    on a CPU, and threads cost nothing to start.
    """

    def __init__(
        self,
        dataset,
        batch_size=1,
        shuffle=None,
        sampler=None,
        batch_sampler=None,
        num_workers=0,
        collate_fn=None,
        pin_memory=False,
        drop_last=False,
        *,
        worker_init_fn=None,
        generator=None,
        prefetch_factor=2,
        persistent_workers=False,
        seed=None,
    ):
        if batch_sampler is not None and (
            batch_size != 1 or shuffle or sampler is not None or drop_last
        ):
            raise ValueError(
                "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, "
                "and drop_last"
            )
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if not isinstance(num_workers, Integral) or num_workers < 0:
            raise ValueError(f"num_workers must be a whole number >= 0, got {num_workers!r}")
        if not isinstance(prefetch_factor, Integral) or prefetch_factor < 1:
            raise ValueError(f"prefetch_factor must be a whole number >= 1, got {prefetch_factor}")
        self.dataset = dataset
        self.num_workers = num_workers
        self.prefetch_factor = prefetch_factor
        self.worker_init_fn = worker_init_fn
        self.collate_fn = collate_fn
        self.generator = _generator(generator, seed)
        if batch_sampler is None:
            if sampler is None and shuffle:
                sampler = RandomSampler(dataset, generator=self.generator)
            elif sampler is None:
                sampler = SequentialSampler(dataset)
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.batch_sampler = batch_sampler

    batch_size = property(lambda self: getattr(self.batch_sampler, "batch_size", None))
    drop_last = property(lambda self: getattr(self.batch_sampler, "drop_last", False))
    sampler = property(lambda self: getattr(self.batch_sampler, "sampler", None))

    def __len__(self):
        return len(self.batch_sampler)

    def __iter__(self):
        # Batch k draws from a generator of its own: it matters not which thread makes it, nor when.
        seed = int((self.generator or default_generator).numpy.integers(2**63))
        jobs = ((indices, (seed, k)) for k, indices in enumerate(self.batch_sampler))
        if self.num_workers == 0:
            return self._load_all(jobs)
        ahead = self.num_workers * self.prefetch_factor
        return prefetch(self._load, jobs, self.num_workers, ahead, self.worker_init_fn)

    def _load_all(self, jobs):
        for job in jobs:
            yield self._load(job)

    def _load(self, job):
        indices, seed = job
        if self.collate_fn is not None:
            return self.collate_fn(get_samples(self.dataset, indices))
        return get_batch(self.dataset, indices, np.random.default_rng(seed))


def _generator(generator, seed):
    if seed is None:
        if generator is not None and not isinstance(generator, Generator):
            raise TypeError(
                f"generator must be an autotensor.Generator, got {type(generator).__name__}; "
                "or pass seed, an integer"
            )
        return generator
    if generator is not None:
        raise ValueError("seed option is mutually exclusive with generator")
    return Generator().manual_seed(seed)
