"""Scratch memory that outlives a call: fresh pages cost more than the work done in them."""

import os
import threading

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
            for number, kept in enumerate(self.idle):
                if kept.nbytes >= size:
                    memory = self.idle.pop(number)
                    break
            else:
                memory = _aligned(size)
            self.in_use += memory.nbytes
            self.peak = max(self.peak, self.in_use + self.idle_bytes())
        return memory

    def give_back(self, memory):
        with self.lock:
            self.in_use -= memory.nbytes
            self.idle.append(memory)
            if len(self.idle) > 1:
                self.idle.sort(key=lambda kept: kept.nbytes)
            while self.idle_bytes() > _KEEP_BYTES:
                self.idle.pop(0)

    def idle_bytes(self):
        return sum([kept.nbytes for kept in self.idle])


def _aligned(size):
    """New float32 memory of ``size`` bytes that starts on a cache line."""
    memory = np.empty(size + _ALIGN, np.uint8)
    start = -memory.ctypes.data % _ALIGN
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
        lengths = [-(-4 * count // _ALIGN) * (_ALIGN // 4) for count in self.counts]
        self.memory = _pool.take(4 * sum(lengths))
        arrays, start = [], 0
        for count, length in zip(self.counts, lengths, strict=True):
            arrays.append(self.memory[start : start + count])
            start += length
        return arrays if len(arrays) > 1 else arrays[0]

    def __exit__(self, *exc):
        _pool.give_back(self.memory)


def memory_stats():
    """Bytes of the kernels' scratch memory: in use, kept idle for reuse, and the peak of both."""
    with _pool.lock:
        return {"in_use": _pool.in_use, "idle": _pool.idle_bytes(), "peak": _pool.peak}


def release_memory():
    """Give idle scratch memory back to the system."""
    with _pool.lock:
        _pool.idle.clear()
