"""Memory that outlives a call: fresh pages cost more than the work done in them.

Scratch memory is pooled here. Results are NumPy's, so of the C library's allocator, which gives
each large array fresh pages and takes them away when it dies: it is told to keep them.
"""

import bisect
import ctypes
import itertools
import os
import threading

import numpy as np

_KEEP_BYTES = 128 << 20  # idle memory above this goes back to the system
_LINE = 16  # floats of a cache line, on which arrays start
# Of glibc: the largest array that comes from the heap (more than this is refused), and how much
# free memory at the heap's end is kept.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = (-1, 256 << 20), (-3, 32 << 20)

_libc = ctypes.CDLL(None) if os.name == "posix" else None
if hasattr(_libc, "mallopt") and hasattr(_libc, "malloc_trim"):  # glibc
    for _option in (_TRIM_THRESHOLD, _MMAP_THRESHOLD):
        _libc.mallopt(*map(ctypes.c_int, _option))


class _Pool:
    def __init__(self):
        self.lock = threading.Lock()
        self.idle = []  # smallest first
        self.idle_bytes = self.in_use = self.peak = 0

    def take(self, size):
        with self.lock:
            for number, memory in enumerate(self.idle):
                if memory.nbytes >= size:
                    del self.idle[number]
                    self.idle_bytes -= memory.nbytes
                    break
            else:
                memory = _aligned(size)
            self.in_use += memory.nbytes
            self.peak = max(self.peak, self.in_use + self.idle_bytes)
        return memory

    def give_back(self, memory):
        with self.lock:
            self.in_use -= memory.nbytes
            self.idle_bytes += memory.nbytes
            bisect.insort(self.idle, memory, key=len)
            while self.idle_bytes > _KEEP_BYTES:
                self.idle_bytes -= self.idle.pop(0).nbytes

    def clear(self):
        with self.lock:
            self.idle.clear()
            self.idle_bytes = 0


def _aligned(size):
    """New float32 memory of ``size`` bytes that starts on a cache line."""
    memory = np.empty(size + 4 * _LINE, np.uint8)
    start = -memory.ctypes.data % (4 * _LINE)
    return memory[start : start + size].view(np.float32)


_pool = _Pool()


def _renew_lock():
    _pool.lock = threading.Lock()  # a fork may have copied it while another thread held it


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


class borrow:
    """Uninitialised float32 arrays of these lengths, each starting on a cache line.

    A class, since entering a generator costs as much as all the rest.
    """

    def __init__(self, *counts):
        self.counts = counts

    def __enter__(self):
        ends = [*itertools.accumulate(-(-count // _LINE) * _LINE for count in self.counts)]
        self.memory = _pool.take(4 * ends[-1])
        starts = zip([0, *ends], self.counts, strict=False)
        arrays = [self.memory[start : start + count] for start, count in starts]
        return arrays if len(arrays) > 1 else arrays[0]

    def __exit__(self, *exc):
        _pool.give_back(self.memory)


def memory_stats():
    """Bytes of the kernels' scratch memory: in use, kept idle for reuse, and the peak of both."""
    with _pool.lock:
        return {"in_use": _pool.in_use, "idle": _pool.idle_bytes, "peak": _pool.peak}


def release_memory():
    """Give idle memory back to the system: scratch memory, and what the allocator keeps."""
    _pool.clear()
    if hasattr(_libc, "malloc_trim"):
        _libc.malloc_trim(0)
