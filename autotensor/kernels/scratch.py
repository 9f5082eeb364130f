"""Scratch memory that outlives a call: fresh pages cost more than the work done in them."""

import os
import threading
from contextlib import contextmanager

import numpy as np

_KEEP_BYTES = 128 << 20  # idle memory above this goes back to the system
_ALIGN = 64


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
    """Give idle scratch memory back to the system."""
    with _pool.lock:
        _pool.idle.clear()
