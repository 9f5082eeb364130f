import gc
import threading
import time
import traceback

import numpy as np
import pytest

from autotensor import Generator, manual_seed, tensor
from autotensor.data import (
    Compose,
    DataLoader,
    Dataset,
    ImageDataset,
    RandomCrop,
    RandomHorizontalFlip,
    SequentialSampler,
    TensorDataset,
)
from autotensor.data.prefetch import prefetch


def workers():
    return [thread for thread in threading.enumerate() if thread.name.startswith("DataLoader")]


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    assert workers() == []


@pytest.fixture
def images():
    pixels = np.random.default_rng(0).integers(0, 256, (20, 6, 6, 1), dtype=np.uint8)
    augment = Compose([RandomHorizontalFlip(), RandomCrop(6, padding=2)])
    return ImageDataset(pixels, np.arange(20) % 10, list("0123456789"), augment)


def test_batches_in_order():
    data = TensorDataset(np.arange(10), np.arange(10) * 2.0)
    loader = DataLoader(data, batch_size=4)
    batches = list(loader)
    assert [x.tolist() for x, _ in batches] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert len(loader) == 3 and loader.batch_size == 4
    assert len(list(DataLoader(data, batch_size=4, drop_last=True))) == 2


def test_any_sequence_of_samples_will_do():
    (batch,) = DataLoader([(1.0, "a"), (2.0, "b")], batch_size=2)
    assert batch[0].tolist() == [1, 2] and batch[1] == ["a", "b"]


def test_collate_fn_gets_the_samples():
    loader = DataLoader(range(5), batch_size=2, collate_fn=lambda samples: samples)
    assert list(loader) == [[0, 1], [2, 3], [4]]


def test_shuffle_follows_the_seed():
    def orders(**options):
        loader = DataLoader(range(30), batch_size=30, shuffle=True, **options)
        return [batch.tolist() for _ in range(2) for batch in loader]

    first, second = orders(seed=1)
    assert first != second and sorted(first) == sorted(second) == list(range(30))
    assert orders(seed=1) == [first, second] == orders(generator=Generator().manual_seed(1))
    assert orders(seed=2) != [first, second]
    manual_seed(7)
    drawn = orders()
    manual_seed(7)
    assert orders() == drawn


def test_order_and_augmentation_do_not_depend_on_workers(images):
    def pixels(num_workers):
        loader = DataLoader(images, 3, shuffle=True, seed=5, num_workers=num_workers)
        batches = [batch for _ in range(2) for batch in loader]
        return np.concatenate([x.array for x, _ in batches]), [y.tolist() for _, y in batches]

    x, y = pixels(0)
    for num_workers in (1, 3):
        x_threaded, y_threaded = pixels(num_workers)
        np.testing.assert_array_equal(x_threaded, x)
        assert y_threaded == y


class Slow(Dataset):
    """Early samples take longest; sample 5 fails if asked to."""

    def __init__(self, fails=False):
        self.fails = fails
        self.asked = []

    def __len__(self):
        return 12

    def __getitem__(self, index):
        self.asked.append(index)
        time.sleep(0.002 * (12 - index))
        if self.fails and index == 5:
            raise ArithmeticError("sample 5 is bad")
        return index


def test_workers_keep_the_order():
    loader = DataLoader(Slow(), num_workers=4)
    assert [batch.item() for batch in loader] == list(range(12))


def test_an_error_in_a_worker_is_raised_in_its_place_with_its_traceback():
    seen = []
    with pytest.raises(ArithmeticError, match="sample 5 is bad") as raised:
        for batch in DataLoader(Slow(fails=True), num_workers=3):
            seen.append(batch.item())
    assert seen == [0, 1, 2, 3, 4]
    frames = [frame.name for frame in traceback.extract_tb(raised.value.__traceback__)]
    assert frames[-1] == "__getitem__"


def test_abandoned_iteration_ends_its_threads():
    data = Slow()
    for batch in DataLoader(data, num_workers=2, prefetch_factor=2):
        assert batch.item() == 0
        break
    del batch
    gc.collect()
    assert workers() == [] and len(data.asked) <= 6

    iterator = iter(DataLoader(data, num_workers=2))
    next(iterator)
    assert len(workers()) == 2
    cycle = [iterator]
    cycle.append(cycle)
    del iterator, cycle
    gc.collect()


def test_workers_run_ahead_only_so_far():
    data = Slow()
    iterator = iter(DataLoader(data, num_workers=2, prefetch_factor=2))
    next(iterator)
    deadline = time.monotonic() + 10
    while len(data.asked) < 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)
    assert len(data.asked) == 5
    iterator.close()


def test_a_worker_may_be_the_one_that_ends_an_abandoned_iteration():
    """The garbage collector runs in any thread; a thread must not wait for its own end."""
    abandoned, ready = [], threading.Event()

    def work(job):
        if job == 2:
            assert ready.wait(10)
            abandoned.pop().close()
        return job

    iterator = prefetch(work, range(10), workers=1, ahead=3)
    assert next(iterator) == 0
    abandoned.append(iterator)
    (thread,) = workers()
    ready.set()
    thread.join(10)
    assert workers() == [] and list(iterator) == []


def test_worker_init_fn_runs_once_in_every_worker():
    numbers = []
    loader = DataLoader(Slow(), num_workers=2, worker_init_fn=numbers.append)
    list(loader)
    assert sorted(numbers) == [0, 1]

    def fail(number):
        raise OSError("no licence")

    with pytest.raises(OSError, match="no licence"):
        list(DataLoader(Slow(), num_workers=1, worker_init_fn=fail))


def test_stop_iteration_in_a_data_set_does_not_end_the_loop_silently():
    class Broken(Slow):
        def __getitem__(self, index):
            raise StopIteration

    for num_workers in (0, 1):
        with pytest.raises(RuntimeError):
            list(DataLoader(Broken(), num_workers=num_workers))


def test_own_samplers():
    loader = DataLoader(range(6), batch_size=2, sampler=[5, 3, 1])
    assert [batch.tolist() for batch in loader] == [[5, 3], [1]]
    loader = DataLoader(range(6), batch_sampler=[[0], [1, 2]])
    assert [batch.tolist() for batch in loader] == [[0], [1, 2]] and len(loader) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size should be a positive integer value, .* batch_size=0"),
        ({"shuffle": True, "sampler": [0]}, "sampler option is mutually exclusive with shuffle"),
        ({"batch_sampler": [[0]], "shuffle": True}, "batch_sampler option is mutually exclusive"),
        ({"batch_sampler": [[0]], "batch_size": 2}, "batch_sampler option is mutually exclusive"),
        ({"seed": 1, "generator": Generator()}, "seed option is mutually exclusive"),
        ({"num_workers": -1}, "num_workers must be a whole number >= 0, got -1"),
        ({"prefetch_factor": 0}, "prefetch_factor must be a whole number >= 1, got 0"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        DataLoader(range(6), **options)


def test_generator_must_be_ours():
    with pytest.raises(TypeError, match=r"must be an autotensor\.Generator, got Generator"):
        DataLoader(range(6), shuffle=True, generator=np.random.default_rng(0))


def test_options_taken_for_pytorch():
    loader = DataLoader(tensor([1.0, 2.0]), pin_memory=True, persistent_workers=True)
    assert [batch.tolist() for batch in loader] == [[1], [2]]
    assert isinstance(loader.sampler, SequentialSampler) and loader.drop_last is False


def test_kernels_of_a_worker_leave_the_pool_to_others():
    from autotensor.kernels import background

    found = list(prefetch(lambda _: background.is_background(), range(3), 2, 2))
    assert found == [True, True, True]
    assert not background.is_background()
