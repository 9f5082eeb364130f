"""Winograd's convolution where tiles are few and channels many: deep layers of a network.

Transformed filters would then be larger than everything else, and pass through memory again for
each block of tiles (see `winograd`). So all tiles are transformed once, and a task makes one panel
of output channels of all of them: it transforms its own filters, some input channels at a time, and
these never leave the second-level cache. For the weight gradient it sums over all tiles at
once, and transforms back what it has: dU is never stored either.
"""

import numpy as np

from autotensor.kernels import scratch, threads
from autotensor.kernels.gemm import ONE, PANEL, multiply_panel, multiply_runs
from autotensor.kernels.jit import Kernel, serial
from autotensor.kernels.panels import whole_panels
from autotensor.kernels.rows import image_integers
from autotensor.kernels.simd import WIDTH, integers, load_integer, splat, store_integer
from autotensor.kernels.tiles import (
    AT_ONE,
    PAD,
    SMALL,
    TABLE,
    filter_integers,
    locate,
    transform_filters,
    transform_filters_back,
    transform_gradient,
    transform_input,
    transform_output,
)

_MOST_TILES = 256  # M of a task is then about half a megabyte
_DEPTH = 64  # input channels at a time: their filters take 147 KB
_IMAGE = 16  # floats that hold the integers of an image


def is_wide(shape):
    """Whether (N, OH, OW, O) is made sooner so: U of all filters is larger than V of all tiles."""
    n, height, width, out_channels = shape
    tiles = n * -(-height // 4) * -(-width // 4)
    return tiles < out_channels and tiles <= _MOST_TILES


@serial
def _part_of(image, to, channel):
    """An image's integers, for one panel of its channels; returns how many channels that is."""
    for i in range(1, 6):
        store_integer(to, i, load_integer(image, i))
    count = min(PANEL, load_integer(image, 6) - channel)
    store_integer(to, 0, load_integer(image, 0) + 4 * channel)
    store_integer(to, 6, count)
    return count


@Kernel
def _transform_tiles(task, worker, arguments):
    """V of one tile."""
    image, grid, before = arguments, arguments + 56, arguments + 80
    v, v_row, v_plane, memory, zeros = integers(arguments + 96, 5)
    small = memory + 4 * SMALL * worker
    locate(small + 4 * TABLE, image, grid, task, before, 6, zeros)
    transform_input(small, load_integer(image, 6), v + 4 * task * v_row, v_plane)


@Kernel
def _convolve(task, worker, arguments):
    """One panel of output channels."""
    out, grid, at_origin = arguments, arguments + 56, arguments + 80
    filters = arguments + 96
    v, v_row, v_plane, memory, size, zeros, sink, bias, rectified = integers(arguments + 152, 9)
    tiles, channels = load_integer(grid, 2), load_integer(filters, 5)
    lowest = splat(np.float32(0 if rectified else -np.inf))
    small = memory + 4 * size * worker
    part = small + 4 * SMALL
    m, m_plane = part + 4 * _IMAGE, tiles * PANEL + PAD
    u, u_plane = m + 4 * 36 * m_plane, _DEPTH * PANEL + PAD
    count = _part_of(out, part, task * PANEL)
    for first in range(0, channels, _DEPTH):
        depth = min(_DEPTH, channels - first)
        for c in range(depth):
            for n in range(0, PANEL, WIDTH):
                transform_filters(filters, first + c, task * PANEL + n, small,
                                  u + 4 * (c * PANEL + n), u_plane)  # fmt: skip
        for e in range(36):
            to = m + 4 * e * m_plane
            fresh = bias + 4 * task * PANEL if e == AT_ONE else zeros
            start, step = (fresh, 0) if first == 0 else (to, PANEL)
            multiply_runs(v + 4 * (e * v_plane + first), v_row, 1, u + 4 * e * u_plane, PANEL,
                          to, PANEL, start, step, tiles, 1, zeros, depth)  # fmt: skip
    for t in range(tiles):
        locate(small + 4 * TABLE, part, grid, t, at_origin, 4, sink)
        transform_output(small, count, m + 4 * t * PANEL, m_plane, 0, lowest)


@Kernel
def _weight_gradient(task, worker, arguments):
    """One panel of output channels."""
    g, grid, at_origin = arguments, arguments + 56, arguments + 80
    filters = arguments + 96
    v, v_row, v_plane, memory, size, zeros, sums, one = integers(arguments + 152, 8)
    tiles, channels = load_integer(grid, 2), load_integer(filters, 5)
    small = memory + 4 * size * worker
    part = small + 4 * SMALL
    m, m_plane = part + 4 * _IMAGE, tiles * PANEL + PAD
    du, u_plane = m + 4 * 36 * m_plane, _DEPTH * PANEL + PAD
    count = _part_of(g, part, task * PANEL)
    for t in range(tiles):
        locate(small + 4 * TABLE, part, grid, t, at_origin, 4, zeros)
        transform_gradient(small, count, m + 4 * t * PANEL, m_plane, 0)
    multiply_panel(one, 0, 0, m + 4 * AT_ONE * m_plane, PANEL, sums + 4 * task * PANEL, PANEL,
                   1, tiles, 0, zeros)  # fmt: skip
    for first in range(0, channels, _DEPTH):
        depth = min(_DEPTH, channels - first)
        for e in range(36):
            multiply_panel(v + 4 * (e * v_plane + first), 1, v_row, m + 4 * e * m_plane, PANEL,
                           du + 4 * e * u_plane, PANEL, depth, tiles, 0, zeros)  # fmt: skip
        for c in range(depth):
            for n in range(0, count, WIDTH):
                transform_filters_back(filters, first + c, task * PANEL + n, small,
                                       du + 4 * (c * PANEL + n), u_plane, 1)  # fmt: skip


def _layout(x, out):
    """Tiles down and across, and of all images; row and plane of V; floats of a worker."""
    n, height, width, _ = out.shape
    grid = (-(-height // 4), -(-width // 4))
    tiles = n * grid[0] * grid[1]
    v_row = -(-x.shape[3] // WIDTH) * WIDTH
    size = SMALL + _IMAGE + 36 * (tiles * PANEL + PAD) + 36 * (_DEPTH * PANEL + PAD)
    return (*grid, tiles), (v_row, tiles * v_row + PAD), -(-size // 16) * 16


def _transform(x, padding, v, layout, memory, zeros):
    grid, (v_row, v_plane), _ = layout
    threads.launch(_transform_tiles, grid[2], *image_integers(x), *grid, *padding, v.ctypes.data,
                   v_row, v_plane, memory.ctypes.data, zeros.ctypes.data)  # fmt: skip


def convolve(x, w, out, padding, bias=None, rectified=False):
    """3x3 convolution, as `winograd.convolve`."""
    grid, (v_row, v_plane), size = layout = _layout(x, out)
    zeros, sink = np.zeros((2, max(x.shape[3], PANEL) + PANEL), np.float32)
    out_channels = out.shape[3]
    bias = whole_panels(bias, 1, out_channels)
    with scratch.borrow(36 * v_plane, size * threads.get_num_threads()) as (v, memory):
        _transform(x, padding, v, layout, memory, zeros)
        threads.launch(_convolve, -(-out_channels // PANEL), *image_integers(out), *grid, 0, 0,
                       *filter_integers(w), v.ctypes.data, v_row, v_plane, memory.ctypes.data,
                       size, zeros.ctypes.data, sink.ctypes.data, bias.ctypes.data,
                       rectified)  # fmt: skip


def weight_gradient(x, g, out, padding):
    """Adjoint of `convolve` in its filters, as `winograd.weight_gradient`."""
    grid, (v_row, v_plane), size = layout = _layout(x, g)
    zeros = np.zeros(max(x.shape[3], PANEL) + PANEL, np.float32)
    out_channels = g.shape[3]
    sums = whole_panels(None, 1, out_channels)
    with scratch.borrow(36 * v_plane, size * threads.get_num_threads()) as (v, memory):
        _transform(x, padding, v, layout, memory, zeros)
        threads.launch(_weight_gradient, -(-out_channels // PANEL), *image_integers(g), *grid, 0, 0,
                       *filter_integers(out), v.ctypes.data, v_row, v_plane, memory.ctypes.data,
                       size, zeros.ctypes.data, sums.ctypes.data, ONE.ctypes.data)  # fmt: skip
    return sums[0, :out_channels]
