"""Threads for kernels: how many there are, and handing them work.

A job is a number of tasks, each of which owns what it writes, so results do not depend on who runs
what. Helper threads look for tasks, yielding the processor, for a moment after each job, and then
sleep; the calling thread works too and never waits for a sleeper. When a second Python thread comes
while a job runs, it does its own job alone; so does a thread that prepares data, always.
"""

import ctypes
import os
import sys
import threading
from glob import glob
from pathlib import Path

import numpy as np

from autotensor.kernels import jit
from autotensor.kernels.background import is_background
from autotensor.kernels.lowlevel import (
    atomic_add,
    atomic_load,
    atomic_store,
    atomic_swap,
    call_kernel,
    call_plain,
    flush_denormals,
    restore_denormals,
)
from autotensor.kernels.simd import address, load_integer, store_integer

# The shared state is 64-bit integers, a cache line apart. _TICKET: tasks left, and above them (from
# bit _LIMIT_BIT on) how many threads may take one; taking is one compare-and-swap, so whoever has
# taken a task knows that the job it belongs to cannot end before.
_LINE = 8
_TICKET, _DONE, _KERNEL, _ARGUMENTS, _AWAKE = (i * _LINE for i in range(5))
_LIMIT_BIT = 32
_LOOKS = 300  # how often a helper looks for the next job before it sleeps: roughly 100 us

_libc = ctypes.WinDLL("kernel32") if sys.platform == "win32" else ctypes.CDLL(None)
_yield = getattr(_libc, "SwitchToThread" if sys.platform == "win32" else "sched_yield")
_YIELD = ctypes.cast(_yield, ctypes.c_void_p).value


@jit.serial
def _take(ticket, worker):
    """The number of a task that is now this worker's, or -1."""
    while True:
        seen = atomic_load(ticket)
        left = seen & ((1 << _LIMIT_BIT) - 1)
        if left == 0 or worker >= seen >> _LIMIT_BIT:
            return -1
        if atomic_swap(ticket, seen, seen - 1):
            return left - 1


@jit.serial
def _take_tasks(state, worker):
    """Run tasks until none is left; returns how many there were."""
    taken = 0
    task = _take(state + 8 * _TICKET, worker)
    while task >= 0:
        kernel, arguments = load_integer(state, _KERNEL), load_integer(state, _ARGUMENTS)
        call_kernel(kernel, task, worker, arguments)
        atomic_add(state + 8 * _DONE, 1)
        taken += 1
        task = _take(state + 8 * _TICKET, worker)
    return taken


@jit.serial
def _help(state, worker, give_way):
    """A helper's turn: take tasks as they come, until nothing came for a while."""
    base = address(state)
    old = flush_denormals()
    looks = 0
    while looks < _LOOKS:
        looks = 0 if _take_tasks(base, worker) else looks + 1
        call_plain(give_way)
    atomic_store(base + 8 * (_AWAKE + _LINE * worker), 0)
    restore_denormals(old)


# What marks NumPy's array objects among the arguments: no other integer is as large. An object
# keeps the address of its elements first of all, behind Python's own header, as part of NumPy's C
# interface; asking for `array.ctypes.data` or through ctypes costs as much as the rest of `launch`.
_MARK = 1 << 62
_HEADER = object.__basicsize__


@jit.serial
def _elements(arguments):
    """The address of a job's arguments, arrays replaced by the addresses of their elements."""
    for i in range(arguments.size):
        if arguments[i] >= _MARK:
            arguments[i] = load_integer(arguments[i] - _MARK + _HEADER, 0)
    return address(arguments)


@jit.serial
def _lead(state, kernel, arguments, tasks, workers, give_way):
    """Publish a job, work on it, and return when all of it is done."""
    base = address(state)
    old = flush_denormals()
    store_integer(base, _KERNEL, kernel)
    store_integer(base, _ARGUMENTS, _elements(arguments))
    atomic_store(base + 8 * _DONE, 0)
    atomic_store(base + 8 * _TICKET, (workers << _LIMIT_BIT) + tasks)
    _take_tasks(base, 0)
    while atomic_load(base + 8 * _DONE) < tasks:
        call_plain(give_way)
    restore_denormals(old)


@jit.serial
def _alone(kernel, arguments, tasks):
    """The whole job on the calling thread."""
    old, base = flush_denormals(), _elements(arguments)
    for task in range(tasks - 1, -1, -1):
        call_kernel(kernel, task, 0, base)
    restore_denormals(old)


class _Pool:
    """The helper threads and the state they share with whoever leads a job."""

    def __init__(self):
        self.lock = threading.Lock()
        self.state = np.zeros(_AWAKE + _LINE * 1024, np.int64)
        self.wake = []  # helper i sleeps on wake[i - 1]

    def launch(self, kernel, arguments, tasks, workers):
        while len(self.wake) < workers - 1:
            self._add_helper()
        for worker in range(1, workers):
            awake = _AWAKE + _LINE * worker
            if not self.state[awake]:
                self.state[awake] = 1
                self.wake[worker - 1].release()
        _lead(self.state, kernel, arguments, tasks, workers, _YIELD)

    def _add_helper(self):
        wake = threading.Semaphore(0)
        self.wake.append(wake)
        arguments = (self.state, len(self.wake), wake)
        threading.Thread(target=_helper, args=arguments, daemon=True).start()


def _helper(state, worker, wake):
    while True:
        wake.acquire()
        _help(state, worker, _YIELD)


_pool = _Pool()


def _forget_pool():
    global _pool
    _pool = _Pool()  # threads do not survive a fork


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)


def launch(kernel, tasks, *arguments):
    """Run ``kernel(task, worker, arguments)`` for every task, on all threads.

    Arguments are integers, and arrays, which go as addresses; where the caller takes an address
    itself, it keeps the array alive. ``worker`` is below ``get_num_threads()``.
    """
    plain = [id(a) + _MARK if isinstance(a, np.ndarray) else a for a in arguments]
    words = np.array(plain, np.int64)  # under a name of its own: array objects must live on
    pool, workers = _pool, min(_threads, tasks)
    if workers > 1 and not is_background() and pool.lock.acquire(blocking=False):
        try:
            pool.launch(kernel.address, words, tasks, workers)
        finally:
            pool.lock.release()
    elif tasks > 0:
        _alone(kernel.address, words, tasks)


def _quota():
    """Processors that the container's CPU quota amounts to, or None."""
    try:
        limit, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
    except OSError:
        folder = Path("/sys/fs/cgroup/cpu")
        try:
            limit = (folder / "cpu.cfs_quota_us").read_text()
            period = (folder / "cpu.cfs_period_us").read_text()
        except OSError:
            return None
    return None if limit == "max" or int(limit) <= 0 else -(-int(limit) // int(period))


def available_processors():
    """Processors this process may use: its affinity mask, and its container's CPU quota."""
    has_mask = hasattr(os, "sched_getaffinity")
    allowed = len(os.sched_getaffinity(0)) if has_mask else os.cpu_count() or 1
    return max(1, min(allowed, _quota() or allowed))


def _blas_libraries():
    """OpenBLAS as it comes with NumPy; the same library that is already loaded."""
    home = Path(np.__file__).parent
    folders = (home.parent / "numpy.libs", home / ".dylibs")
    return [ctypes.CDLL(path) for folder in folders for path in glob(f"{folder}/*openblas*")]


def _set_blas_threads(n):
    names = ("scipy_openblas_set_num_threads64_", "openblas_set_num_threads64_",
             "scipy_openblas_set_num_threads", "openblas_set_num_threads")  # fmt: skip
    for library in _blas_libraries():
        for name in names:
            if hasattr(library, name):
                getattr(library, name)(ctypes.c_int(n))
                break


def set_num_threads(n):
    """Let kernels and NumPy's matrix products use ``n`` threads."""
    global _threads
    if not isinstance(n, int) or isinstance(n, bool):
        raise TypeError(f"set_num_threads: expected an int, got {type(n).__name__}")
    if not 1 <= n <= 1024:
        raise RuntimeError(f"set_num_threads: expected 1 to 1024 threads, got {n}")
    _threads = n
    _set_blas_threads(n)


def get_num_threads():
    """How many threads kernels use."""
    return _threads


_threads = 1
set_num_threads(available_processors())
