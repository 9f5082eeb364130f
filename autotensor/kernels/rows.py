"""Runs of floats in memory, and images as kernels take them."""

import numpy as np

from autotensor.kernels.jit import serial
from autotensor.kernels.simd import (
    WIDTH,
    at_least,
    load,
    load_scalar,
    prefetch,
    prefetch_to_write,
    put,
    splat,
    store,
    store_scalar,
)


@serial
def copy_floats(to, source, count):
    """Copy ``count`` floats from address to address."""
    i = 0
    while i + WIDTH <= count:
        store(to, i, load(source, i))
        i += WIDTH
    while i < count:
        store_scalar(to, i, load_scalar(source, i))
        i += 1


@serial
def stream_floats(to, source, count):
    """Copy whole cache lines of floats past the caches (see `simd.put`)."""
    for i in range(0, count, WIDTH):
        put(to, i, load(source, i), 1)


@serial
def add_floats(to, source, count):
    """Add ``count`` floats to those at another address."""
    i = 0
    while i + WIDTH <= count:
        store(to, i, load(to, i) + load(source, i))
        i += WIDTH
    while i < count:
        store_scalar(to, i, load_scalar(to, i) + load_scalar(source, i))
        i += 1


@serial
def zero_floats(to, count):
    """Set ``count`` floats to zero."""
    i = 0
    while i + WIDTH <= count:
        store(to, i, splat(np.float32(0)))
        i += WIDTH
    while i < count:
        store_scalar(to, i, np.float32(0))
        i += 1


@serial
def rectify_floats(at, count):
    """Set those of ``count`` floats that are below 0 to 0; NaN stays."""
    i = 0
    while i + WIDTH <= count:
        store(at, i, at_least(load(at, i), splat(np.float32(0))))
        i += WIDTH
    while i < count:
        if load_scalar(at, i) < 0:
            store_scalar(at, i, np.float32(0))
        i += 1


@serial
def fetch_part(start, size, part, parts, write):
    """Bring near one of the parts of so many bytes, to read or to write them.

    Asked for all at once, they would hold up what the processor loads meanwhile.
    """
    for byte in range(start + size * part // parts, start + size * (part + 1) // parts, 64):
        if write:
            prefetch_to_write(byte)
        else:
            prefetch(byte)


def image_integers(x):
    """An (N, H, W, C) array, channels contiguous, as kernels take it."""
    n_step, h_step, w_step, _ = (step // 4 for step in x.strides)
    return (x.ctypes.data, n_step, h_step, w_step, *x.shape[1:])
