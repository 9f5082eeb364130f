"""The machine, and its limits: multiply-adds per second, and bytes copied per second."""

import platform
import time
from pathlib import Path

import numpy as np

from autotensor.kernels import jit, threads
from autotensor.kernels.rows import copy_floats
from autotensor.kernels.simd import WIDTH, fma, integers, load_integer, splat, store

_STEPS = 1 << 20
_COPY_FLOATS = 1 << 24


@jit.Kernel
def _multiply_add(task, worker, arguments):
    """Twelve sums that do not wait for one another, as many as hide the latency anywhere."""
    x, y = splat(np.float32(0.999)), splat(np.float32(0.1))
    a = b = c = d = e = f = x
    g = h = i = j = k = m = y
    for _ in range(_STEPS):
        a, b, c, d = fma(a, x, y), fma(b, x, y), fma(c, x, y), fma(d, x, y)
        e, f, g, h = fma(e, x, y), fma(f, x, y), fma(g, x, y), fma(h, x, y)
        i, j, k, m = fma(i, x, y), fma(j, x, y), fma(k, x, y), fma(m, x, y)
    total = a + b + c + d + e + f + g + h + i + j + k + m
    store(load_integer(arguments, 0) + 64 * worker, 0, total)


@jit.Kernel
def _copy(task, worker, arguments):
    """A 64th of the floats."""
    source, to, count = integers(arguments, 3)
    part = count // 64
    copy_floats(to + 4 * task * part, source + 4 * task * part, part)


def _best(function, rounds=9):
    function()
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def processor():
    """The processor's name, where the system tells."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def peak_gflops():
    """Measured now, on all threads: GFLOP/s of float32 multiply-adds."""
    n = threads.get_num_threads()
    out = np.zeros(16 * n + WIDTH, np.float32)
    tasks = 4 * n
    flop = 2 * 12 * WIDTH * _STEPS * tasks
    return flop / _best(lambda: threads.launch(_multiply_add, tasks, out.ctypes.data)) / 1e9


def copy_gbytes():
    """Measured now, on all threads: GB/s read plus written by a copy larger than the caches."""
    source, to = np.ones((2, _COPY_FLOATS), np.float32)
    addresses = source.ctypes.data, to.ctypes.data, _COPY_FLOATS
    return 2 * 4 * _COPY_FLOATS / _best(lambda: threads.launch(_copy, 64, *addresses)) / 1e9


def limits(setup):
    """Print and return both."""
    found = {"lanes": WIDTH, "peak_gflops": peak_gflops(), "copy_gbytes": copy_gbytes()}
    print("{lanes} lanes, {peak_gflops:.0f} GFLOP/s, copy {copy_gbytes:.1f} GB/s".format(**found))
    return found
