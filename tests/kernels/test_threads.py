"""Thread counts, and launching kernels from several threads and after a fork."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from autotensor.kernels import background, jit, threads
from autotensor.kernels.simd import load_integer, store_integer


@jit.Kernel
def _square(task, worker, arguments):
    store_integer(load_integer(arguments, 0), task, task * task + load_integer(arguments, 1))


@jit.Kernel
def _count_workers(task, worker, arguments):
    total = 0
    for i in range(200000):
        total += i ^ task
    seen = load_integer(arguments, 0)
    store_integer(seen, 16 * worker, total)


@pytest.fixture(autouse=True)
def same_threads_after():
    before = threads.get_num_threads()
    yield
    threads.set_num_threads(before)


def squares(tasks, offset=0):
    out = np.full(tasks, -1, np.int64)
    threads.launch(_square, tasks, out.ctypes.data, offset)
    return out


@pytest.mark.parametrize("n", [1, 2, 3, 4])
@pytest.mark.parametrize("tasks", [0, 1, 2, 5, 1000])
def test_every_task_is_run(n, tasks):
    threads.set_num_threads(n)
    assert threads.get_num_threads() == n
    for _ in range(20):
        np.testing.assert_array_equal(squares(tasks), np.arange(tasks) ** 2)


@pytest.mark.parametrize("n", [1, 2])
def test_arrays_go_as_the_addresses_of_their_elements(n):
    threads.set_num_threads(n)
    out = np.zeros(9, np.int64)
    threads.launch(_square, 5, out[3:], -7)
    np.testing.assert_array_equal(out, [0, 0, 0, -7, -6, -3, 2, 9, 0])


def test_workers_stay_below_the_number_of_threads():
    threads.set_num_threads(4)
    squares(100)  # starts three helpers, which stay
    threads.set_num_threads(2)
    seen = np.zeros(16 * 4, np.int64)
    threads.launch(_count_workers, 50, seen.ctypes.data)
    assert not seen[32:].any()


def test_a_thread_that_prepares_data_leaves_the_pool_to_others():
    threads.set_num_threads(4)
    seen = np.zeros(16 * 4, np.int64)

    def prepare():
        background.enter()
        threads.launch(_count_workers, 50, seen.ctypes.data)

    thread = threading.Thread(target=prepare)
    thread.start()
    thread.join()
    assert seen[0]
    assert not seen[16:].any()


def test_launching_from_several_threads_at_once():
    threads.set_num_threads(3)
    wrong = []

    def work(offset):
        for _ in range(200):
            if not np.array_equal(squares(40, offset), np.arange(40) ** 2 + offset):
                wrong.append(offset)

    callers = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not wrong


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_kernels_work_in_a_forked_child():
    script = (
        "import os, numpy as np\n"
        "from autotensor import kernels\n"
        "from autotensor.kernels import conv\n"
        "kernels.set_num_threads(2)\n"
        "x = np.ones((4, 16, 16, 16), np.float32); w = np.ones((16, 16, 3, 3), np.float32)\n"
        "run = lambda: conv.conv2d(x, w, (1, 1), (1, 1), (1, 1), 1).sum()\n"
        "expected = run()\n"
        "child = os.fork()\n"
        "if child == 0: os._exit(0 if run() == expected else 1)\n"
        "assert os.waitpid(child, 0)[1] == 0\n"
        "assert run() == expected\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", script],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("n", "error"), [(0, RuntimeError), (-1, RuntimeError), (2.0, TypeError)])
def test_bad_thread_counts_are_refused(n, error):
    with pytest.raises(error, match="set_num_threads"):
        threads.set_num_threads(n)


def test_default_fits_the_machine():
    assert 1 <= threads.available_processors() <= os.cpu_count()
