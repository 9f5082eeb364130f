from collections import Counter

import pytest

from autotensor import Generator, tensor
from autotensor.data import (
    BatchSampler,
    RandomSampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)


def seeded():
    return Generator().manual_seed(3)


def test_sequential():
    assert list(SequentialSampler("abc")) == [0, 1, 2]


def test_random_is_a_seeded_permutation():
    sampler = RandomSampler(range(50), generator=seeded())
    first, second = list(sampler), list(sampler)
    assert sorted(first) == list(range(50)) and first != second and len(sampler) == 50
    assert list(RandomSampler(range(50), generator=seeded())) == first


def test_random_with_a_number_of_samples():
    drawn = list(RandomSampler(range(4), num_samples=10, generator=seeded()))
    assert sorted(drawn[:4]) == sorted(drawn[4:8]) == [0, 1, 2, 3] and len(drawn) == 10
    drawn = list(RandomSampler(range(4), replacement=True, num_samples=100, generator=seeded()))
    assert set(drawn) == {0, 1, 2, 3} and len(drawn) == 100
    with pytest.raises(ValueError, match="num_samples=0"):
        RandomSampler([])


def test_subset_random():
    assert sorted(SubsetRandomSampler([5, 7, 9], generator=seeded())) == [5, 7, 9]


def test_weighted_draws_in_proportion():
    sampler = WeightedRandomSampler(tensor([1.0, 0.0, 3.0]), 4000, generator=seeded())
    counts = Counter(sampler)
    assert counts[1] == 0 and abs(counts[2] - 3000) < 150 and len(sampler) == 4000
    once = WeightedRandomSampler([1, 0, 3], 2, replacement=False, generator=seeded())
    assert sorted(once) == [0, 2]
    with pytest.raises(ValueError, match="without replacement from 2 weights over 0"):
        WeightedRandomSampler([1, 0, 3], 3, replacement=False)
    with pytest.raises(ValueError, match="finite numbers >= 0"):
        WeightedRandomSampler([1, -1], 1)


@pytest.mark.parametrize(("drop_last", "sizes"), [(False, [3, 3, 1]), (True, [3, 3])])
def test_batches(drop_last, sizes):
    sampler = BatchSampler(SequentialSampler(range(7)), 3, drop_last)
    assert [len(batch) for batch in sampler] == sizes and len(sampler) == len(sizes)
    for wrong in (0, -1, 2.0, True):
        with pytest.raises(ValueError, match="batch_size should be a positive integer"):
            BatchSampler(range(7), wrong, False)
