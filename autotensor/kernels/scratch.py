"""Memory that outlives a call: fresh pages cost more than the work done in them.

Scratch memory is pooled here. Results are NumPy's, so of the C library's allocator, which gives
each large array fresh pages and takes them away when it dies: it is told to keep them.
"""

import ctypes
import os
import threading
from contextlib import contextmanager

import numpy as np

_KEEP_BYTES = 128 << 20  # idle memory above this goes back to the system
_ALIGN = 64
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
        self.in_use = self.peak = 0

    def take(self, size):
        with self.lock:
            fits = next((i for i, kept in enumerate(self.idle) if kept.nbytes >= size), None)
            memory = self.idle.pop(fits) if fits is not None else np.empty(size, np.uint8)
            self.in_use += memory.nbytes
            self.peak = max(self.peak, self.in_use + self.idle_bytes())
        return memory

    def give_back(self, memory):
        with self.lock:
            self.in_use -= memory.nbytes
            self.idle.append(memory)
            self.idle.sort(key=lambda kept: kept.nbytes)
            while self.idle_bytes() > _KEEP_BYTES:
                self.idle.pop(0)

    def idle_bytes(self):
        return sum(kept.nbytes for kept in self.idle)


_pool = _Pool()


def _renew_lock():
    _pool.lock = threading.Lock()  # a fork may have copied it while another thread held it


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


@contextmanager
def borrow(*counts):
    """Uninitialised float32 arrays of these lengths, each starting on a cache line."""
    lengths = [-(-count * 4 // _ALIGN) * _ALIGN for count in counts]
    memory = _pool.take(sum(lengths) + _ALIGN)
    try:
        start = -memory.ctypes.data % _ALIGN
        arrays = []
        for count, length in zip(counts, lengths, strict=True):
            arrays.append(memory[start : start + 4 * count].view(np.float32))
            start += length
        yield arrays if len(arrays) > 1 else arrays[0]
    finally:
        _pool.give_back(memory)


def memory_stats():
    """Bytes of the kernels' scratch memory: in use, kept idle for reuse, and the peak of both."""
    with _pool.lock:
        return {"in_use": _pool.in_use, "idle": _pool.idle_bytes(), "peak": _pool.peak}


def release_memory():
    """Give idle memory back to the system: scratch memory, and what the allocator keeps."""
    with _pool.lock:
        _pool.idle.clear()
    if hasattr(_libc, "malloc_trim"):
        _libc.malloc_trim(0)
