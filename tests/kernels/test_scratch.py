"""Scratch memory: aligned, apart, reused and released."""

import platform

import numpy as np
import pytest

from autotensor.kernels import scratch


def test_arrays_are_aligned_and_apart():
    with scratch.borrow(3, 17, 5) as arrays:
        for number, array in enumerate(arrays):
            assert array.ctypes.data % 64 == 0
            array[:] = number
        assert [len(array) for array in arrays] == [3, 17, 5]
        assert [set(array) for array in arrays] == [{0}, {1}, {2}]


def test_memory_is_reused_and_released():
    scratch.release_memory()
    with scratch.borrow(1000) as first:
        address = first.ctypes.data
        assert scratch.memory_stats()["in_use"] >= 4000
    stats = scratch.memory_stats()
    assert stats["in_use"] == 0
    assert stats["peak"] >= stats["idle"] >= 4000
    with scratch.borrow(900) as second:
        assert second.ctypes.data == address
    scratch.release_memory()
    assert scratch.memory_stats()["idle"] == 0


def test_idle_memory_is_capped(monkeypatch):
    scratch.release_memory()
    monkeypatch.setattr(scratch, "_KEEP_BYTES", 10_000)
    with scratch.borrow(2000), scratch.borrow(2000):
        pass
    assert 0 < scratch.memory_stats()["idle"] <= 10_000


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the allocator is another")
def test_large_arrays_get_pages_that_were_used_before():
    import resource

    def faults():
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

    np.zeros(4 << 20, np.float32)[:] = 1
    before = faults()
    for _ in range(10):
        np.empty(4 << 20, np.float32)[:] = 1
    assert faults() - before < 10 * 100  # of 4096 pages of 4 KB each time
