"""Winograd's transforms of one tile, F(4x4, 3x3), all channels: window, output and gradient.

A tile's pixels are reached through a table of addresses, so that those outside the image may lie
elsewhere: zeros to read, or a place nobody reads to write. The matrices A, B and G are those of
Lavin and Gray 2016 (interpolation at 0, 1, -1, 2, -2 and infinity).
"""

import numpy as np

from autotensor.kernels.gemm import PANEL
from autotensor.kernels.jit import serial
from autotensor.kernels.rows import stream_floats
from autotensor.kernels.simd import (
    WIDTH,
    at_least,
    integers,
    load,
    load_integer,
    load_scalar,
    store,
    store_integer,
    store_scalar,
)

# The entry of a transformed tile that stands for the point (1, 1): a number added to it is added
# to the whole 4x4 tile of the output, and of a gradient's tile it is the sum.
AT_ONE = 7

PAD = 16  # between planes, in floats: powers of two would fall into the same cache sets

# A worker's small buffers, in floats from its start: half-transformed tile, tail lanes, tables.
_TAIL, TABLE = 36 * WIDTH, 72 * WIDTH
_TAIL_TABLE, PLACES, SMALL = TABLE + 72, TABLE + 144, TABLE + 224


@serial
def _input_line(d0, d1, d2, d3, d4, d5):
    """B' d."""
    a, b = d4 - d2 * 4, d3 - d1 * 4
    c, e = d4 - d2, (d3 - d1) * 2
    return d0 * 4 - d2 * 5 + d4, a + b, a - b, c + e, c - e, d1 * 4 - d3 * 5 + d5


@serial
def _output_line(m0, m1, m2, m3, m4, m5):
    """A' m."""
    a, b, c, e = m1 + m2, m1 - m2, m3 + m4, m3 - m4
    return m0 + a + c, b + e * 2, a + c * 4, b + e * 8 + m5


@serial
def _gradient_line(y0, y1, y2, y3):
    """A y."""
    a, b, c, e = y0 + y2, y1 + y3, y0 + y2 * 4, y1 * 2 + y3 * 8
    return y0, a + b, a - b, c + e, c - e, y3


@serial
def _filter_line(w0, w1, w2):
    """G w."""
    a, b = (w0 + w2) * (-1 / 6), w1 * (1 / 6)
    c, e = w0 * (1 / 24) + w2 * (1 / 6), w1 * (1 / 12)
    return w0 * 0.25, a - b, a + b, c + e, c - e, w2


@serial
def _filter_gradient_line(u0, u1, u2, u3, u4, u5):
    """G' u."""
    a, b, c, e = u1 + u2, u2 - u1, u3 + u4, u3 - u4
    first = u0 * 0.25 - a * (1 / 6) + c * (1 / 24)
    return first, b * (1 / 6) + e * (1 / 12), (c - a) * (1 / 6) + u5


@serial
def locate(table, image, grid, tile, before, size, outside):
    """List the addresses of a tile's pixels, from ``before`` above and left of its place."""
    base, n_step, h_step, w_step, height, width, _ = integers(image, 7)
    rows, cols = integers(grid, 2)
    row = tile // cols % rows * 4 - load_integer(before, 0)
    col = tile % cols * 4 - load_integer(before, 1)
    base += 4 * (tile // (rows * cols) * n_step)
    for i in range(size):
        line = base + 4 * ((row + i) * h_step + col * w_step)
        inside = 0 <= row + i < height
        for j in range(size):
            here = inside and 0 <= col + j < width
            store_integer(table, i * size + j, line + 4 * j * w_step if here else outside)


@serial
def _gather_tail(small, count, channel, lanes):
    """Copy the last few channels of all pixels to where whole vectors may be read."""
    table, tail, copy = small + 4 * TABLE, small + 4 * _TAIL_TABLE, small + 4 * _TAIL
    for pixel in range(count):
        here, there = load_integer(table, pixel), copy + 4 * WIDTH * pixel
        for lane in range(WIDTH):
            value = load_scalar(here, channel + lane) if lane < lanes else np.float32(0)
            store_scalar(there, lane, value)
        store_integer(tail, pixel, there)
    return tail


@serial
def _scatter_tail(small, count, channel, lanes):
    """Copy the last few channels of all pixels from where whole vectors were written."""
    table, copy = small + 4 * TABLE, small + 4 * _TAIL
    for pixel in range(count):
        for lane in range(lanes):
            value = load_scalar(copy + 4 * WIDTH * pixel, lane)
            store_scalar(load_integer(table, pixel), channel + lane, value)


@serial
def transform_input(small, channels, v, plane):
    """B' x B of the tile in the table: 36 planes of channels."""
    table = small + 4 * TABLE
    for c in range(0, channels, WIDTH):
        source, at = table, c
        if c + WIDTH > channels:
            source, at = _gather_tail(small, 36, c, channels - c), 0
        for i in range(6):
            row, half = source + 48 * i, small + 24 * WIDTH * i
            t0, t1, t2, t3, t4, t5 = _input_line(
                load(load_integer(row, 0), at), load(load_integer(row, 1), at),
                load(load_integer(row, 2), at), load(load_integer(row, 3), at),
                load(load_integer(row, 4), at), load(load_integer(row, 5), at),
            )  # fmt: skip
            store(half, 0, t0)
            store(half, WIDTH, t1)
            store(half, 2 * WIDTH, t2)
            store(half, 3 * WIDTH, t3)
            store(half, 4 * WIDTH, t4)
            store(half, 5 * WIDTH, t5)
        for j in range(6):
            half, to = small + 4 * WIDTH * j, v + 4 * (c + j * plane)
            t0, t1, t2, t3, t4, t5 = _input_line(
                load(half, 0), load(half, 6 * WIDTH), load(half, 12 * WIDTH),
                load(half, 18 * WIDTH), load(half, 24 * WIDTH), load(half, 30 * WIDTH),
            )  # fmt: skip
            store(to, 0, t0)
            store(to, 6 * plane, t1)
            store(to, 12 * plane, t2)
            store(to, 18 * plane, t3)
            store(to, 24 * plane, t4)
            store(to, 30 * plane, t5)


@serial
def transform_gradient(small, channels, m, plane, panel):
    """A dy A' of the 4x4 tile in the table: 36 planes of channels, in panels."""
    table = small + 4 * TABLE
    for c in range(0, channels, WIDTH):
        source, at = table, c
        if c + WIDTH > channels:
            source, at = _gather_tail(small, 16, c, channels - c), 0
        for i in range(4):
            row, half = source + 32 * i, small + 24 * WIDTH * i
            t0, t1, t2, t3, t4, t5 = _gradient_line(
                load(load_integer(row, 0), at), load(load_integer(row, 1), at),
                load(load_integer(row, 2), at), load(load_integer(row, 3), at),
            )  # fmt: skip
            store(half, 0, t0)
            store(half, WIDTH, t1)
            store(half, 2 * WIDTH, t2)
            store(half, 3 * WIDTH, t3)
            store(half, 4 * WIDTH, t4)
            store(half, 5 * WIDTH, t5)
        to = m + 4 * (c // PANEL * panel + c % PANEL)
        for j in range(6):
            half = small + 4 * WIDTH * j
            t0, t1, t2, t3, t4, t5 = _gradient_line(
                load(half, 0), load(half, 6 * WIDTH), load(half, 12 * WIDTH), load(half, 18 * WIDTH)
            )
            store(to, 0, t0)
            store(to, 6 * plane, t1)
            store(to, 12 * plane, t2)
            store(to, 18 * plane, t3)
            store(to, 24 * plane, t4)
            store(to, 30 * plane, t5)
            to += 4 * plane


@serial
def transform_output(small, channels, m, plane, panel, lowest):
    """A' m A, but at least ``lowest``, written to the 4x4 tile in the table."""
    for c in range(0, channels, WIDTH):
        target, at = small + 4 * TABLE, c
        if c + WIDTH > channels:
            target, at = _gather_tail(small, 16, c, 0), 0
        start = m + 4 * (c // PANEL * panel + c % PANEL)
        for j in range(6):
            half = small + 4 * WIDTH * j
            t0, t1, t2, t3 = _output_line(
                load(start, 0), load(start, 6 * plane), load(start, 12 * plane),
                load(start, 18 * plane), load(start, 24 * plane), load(start, 30 * plane),
            )  # fmt: skip
            store(half, 0, t0)
            store(half, 6 * WIDTH, t1)
            store(half, 12 * WIDTH, t2)
            store(half, 18 * WIDTH, t3)
            start += 4 * plane
        for i in range(4):
            half, row = small + 24 * WIDTH * i, target + 32 * i
            t0, t1, t2, t3 = _output_line(
                load(half, 0), load(half, WIDTH), load(half, 2 * WIDTH),
                load(half, 3 * WIDTH), load(half, 4 * WIDTH), load(half, 5 * WIDTH),
            )  # fmt: skip
            store(load_integer(row, 0), at, at_least(t0, lowest))
            store(load_integer(row, 1), at, at_least(t1, lowest))
            store(load_integer(row, 2), at, at_least(t2, lowest))
            store(load_integer(row, 3), at, at_least(t3, lowest))
        if c + WIDTH > channels:
            _scatter_tail(small, 16, c, channels - c)


@serial
def buffer_tile(small, tile, channels):
    """Let the table lead to a buffer for one tile of the output."""
    for pixel in range(16):
        store_integer(small + 4 * TABLE, pixel, tile + 4 * pixel * channels)


@serial
def stream_tile(places, tile, channels, sink):
    """Write a buffered tile to its places in the image, past the caches, a pixel at a time.

    Straight from the registers would be half a cache line here and half there, which costs more.
    """
    for pixel in range(16):
        place = load_integer(places, pixel)
        if place != sink:
            stream_floats(place, tile + 4 * pixel * channels, channels)


def filter_integers(w):
    """Filters (C, O, 3, 3) of any strides as kernels take them."""
    return (w.ctypes.data, *(step // 4 for step in w.strides), *w.shape[:2])


@serial
def transform_filters(filters, c, n, small, u, plane):
    """G w G' from input channel ``c`` to the output channels from ``n`` on, one in each lane."""
    w, k_step, n_step, h_step, w_step, _, out_channels = integers(filters, 7)
    w += 4 * c * k_step
    for lane in range(WIDTH):
        for i in range(9):
            at = (n + lane) * n_step + i // 3 * h_step + i % 3 * w_step
            value = load_scalar(w, at) if n + lane < out_channels else np.float32(0)
            store_scalar(small, i * WIDTH + lane, value)
    half = small + 4 * 9 * WIDTH
    for i in range(3):
        row, to = small + 12 * WIDTH * i, half + 4 * WIDTH * i
        t0, t1, t2, t3, t4, t5 = _filter_line(load(row, 0), load(row, WIDTH), load(row, 2 * WIDTH))
        store(to, 0, t0)
        store(to, 3 * WIDTH, t1)
        store(to, 6 * WIDTH, t2)
        store(to, 9 * WIDTH, t3)
        store(to, 12 * WIDTH, t4)
        store(to, 15 * WIDTH, t5)
    for j in range(6):
        row, to = half + 12 * WIDTH * j, u + 4 * j * plane
        t0, t1, t2, t3, t4, t5 = _filter_line(load(row, 0), load(row, WIDTH), load(row, 2 * WIDTH))
        store(to, 0, t0)
        store(to, 6 * plane, t1)
        store(to, 12 * plane, t2)
        store(to, 18 * plane, t3)
        store(to, 24 * plane, t4)
        store(to, 30 * plane, t5)


@serial
def transform_filters_back(filters, c, n, small, du, plane, parts):
    """dw = G' dU G of the same filters, where dU is the sum of parts of 36 planes each."""
    w, k_step, n_step, h_step, w_step, _, out_channels = integers(filters, 7)
    w += 4 * (c * k_step + n * n_step)
    for e in range(36):
        total = load(du, e * plane)
        for part in range(1, parts):
            total = total + load(du, (part * 36 + e) * plane)
        store(small, e * WIDTH, total)
    for j in range(6):
        column = small + 4 * WIDTH * j
        t0, t1, t2 = _filter_gradient_line(
            load(column, 0), load(column, 6 * WIDTH), load(column, 12 * WIDTH),
            load(column, 18 * WIDTH), load(column, 24 * WIDTH), load(column, 30 * WIDTH),
        )  # fmt: skip
        store(column, 0, t0)
        store(column, 6 * WIDTH, t1)
        store(column, 12 * WIDTH, t2)
    for i in range(3):
        row = small + 24 * WIDTH * i
        t0, t1, t2 = _filter_gradient_line(
            load(row, 0), load(row, WIDTH), load(row, 2 * WIDTH),
            load(row, 3 * WIDTH), load(row, 4 * WIDTH), load(row, 5 * WIDTH),
        )  # fmt: skip
        store(row, 0, t0)
        store(row, WIDTH, t1)
        store(row, 2 * WIDTH, t2)
        for lane in range(min(WIDTH, out_channels - n)):
            for j in range(3):
                at = lane * n_step + i * h_step + j * w_step
                store_scalar(w, at, load_scalar(row, j * WIDTH + lane))
