"""3x3 convolution at stride 1 by Winograd's F(4x4, 3x3): 36 products where 144 would be needed.

With V = B' x B for every 6x6 window of the image, U = G w G' for every filter, the 4x4 tile of the
output is y = A' (U V) A, where the product in the middle is, for each of the 36 entries apart, a
matrix product over channels (Lavin and Gray 2016, "Fast algorithms for convolutional neural
networks"). The weight gradient is the adjoint in w: dU = V (A dy A')', dw = G' dU G. The input
gradient is the same convolution with the filters turned by 180 degrees.

A task takes a block of tiles through all three steps, so that V and M stay in the second-level
cache. Lanes are channels.
"""

import numpy as np

from autotensor.kernels import scratch, threads
from autotensor.kernels.gemm import (
    ONE,
    PANEL,
    ROWS,
    multiply_panel,
    multiply_runs,
)
from autotensor.kernels.jit import Kernel, serial
from autotensor.kernels.layout import is_streamed
from autotensor.kernels.panels import whole_panels
from autotensor.kernels.rows import fetch_part, image_integers
from autotensor.kernels.simd import (
    WIDTH,
    integers,
    load_integer,
    splat,
)
from autotensor.kernels.tiles import (
    AT_ONE,
    PAD,
    PLACES,
    SMALL,
    TABLE,
    buffer_tile,
    filter_integers,
    locate,
    stream_tile,
    transform_filters,
    transform_filters_back,
    transform_gradient,
    transform_input,
    transform_output,
)

_BLOCK_FLOATS = 56 << 10  # V and M of a block: half of a second-level cache, or a bit more
_SUM_FLOATS = 5 << 18  # for partial sums of dU, all of which are read again to be added up
_LARGE_FLOATS = 1 << 18  # a dU to which adding, block by block, takes longest
_MANY_TILES = 32  # of a block then


@serial
def _prefetch_part(image, tiles_per_image, first, count, part, write):
    """Bring a 36th part of the pixels of some tiles near; roughly, as it is only a hint."""
    step = 4 * load_integer(image, 1) // tiles_per_image
    fetch_part(load_integer(image, 0) + first * step, count * step, part, 36, write)


@serial
def _multiply_planes(v, v_row, v_plane, u, m, m_plane, m_panel, rows, k, panels, bias,
                     zeros, image, out, tiles_per_image, first, count, streamed):  # fmt: skip
    """The 36 products of a block: M[rows, panels] = V[rows, k] U[k, panels], and the bias.

    Meanwhile memory fetches what comes next: the block's output, and the input after it.
    """
    for e in range(36):
        _prefetch_part(image, tiles_per_image, first + count, count, e, False)
        if not streamed:
            _prefetch_part(out, tiles_per_image, first, count, e, True)
        for p in range(panels):
            filters = u + 4 * (e * (panels * k * PANEL + PAD) + p * k * PANEL)
            to = m + 4 * (e * m_plane + p * m_panel)
            start = bias + 4 * p * PANEL if e == AT_ONE else zeros
            multiply_runs(v + 4 * e * v_plane, v_row, 1, filters, PANEL, to, PANEL,
                          start, 0, rows, 1, zeros, k)  # fmt: skip


@Kernel
def _convolve(task, worker, arguments):
    """Some blocks of tiles of the output, each from image to image."""
    image, out, grid, before = arguments, arguments + 56, arguments + 112, arguments + 136
    tiles, at_origin = load_integer(grid, 2), arguments + 152
    (block, u, memory, size, zeros, sink, share, bias, rectified,
     streamed) = integers(arguments + 168, 10)  # fmt: skip
    lowest = splat(np.float32(0 if rectified else -np.inf))
    channels, out_channels = load_integer(image, 6), load_integer(out, 6)
    v_row, panels = -(-channels // WIDTH) * WIDTH, -(-out_channels // PANEL)
    v_plane, m_panel = block * v_row + PAD, block * PANEL
    m_plane = panels * m_panel + PAD
    small = memory + 4 * size * worker
    v = small + 4 * SMALL
    m = v + 4 * 36 * v_plane
    tile = m + 4 * 36 * m_plane
    per_image = load_integer(grid, 0) * load_integer(grid, 1)
    for first in range(task * share, min(tiles, (task + 1) * share), block):
        count = min(block, tiles - first)
        for t in range(count):
            locate(small + 4 * TABLE, image, grid, first + t, before, 6, zeros)
            transform_input(small, channels, v + 4 * t * v_row, v_plane)
        rows = min(block, -(-count // ROWS) * ROWS)
        _multiply_planes(v, v_row, v_plane, u, m, m_plane, m_panel, rows, channels, panels,
                         bias, zeros, image, out, per_image, first, count, streamed)  # fmt: skip
        if streamed:
            buffer_tile(small, tile, out_channels)
        for t in range(count):
            places = small + 4 * (PLACES if streamed else TABLE)
            locate(places, out, grid, first + t, at_origin, 4, sink)
            transform_output(small, out_channels, m + 4 * t * PANEL, m_plane, m_panel, lowest)
            if streamed:
                stream_tile(places, tile, out_channels, sink)


@Kernel
def _weight_gradient(task, worker, arguments):
    """dU of one group of blocks, and the sum of its gradient, in the order of the tiles."""
    image, g, grid, before = arguments, arguments + 56, arguments + 112, arguments + 136
    tiles, at_origin = load_integer(grid, 2), arguments + 152
    block, du, memory, size, zeros, groups, sums, one = integers(arguments + 168, 8)
    channels, out_channels = load_integer(image, 6), load_integer(g, 6)
    v_row, panels = -(-channels // WIDTH) * WIDTH, -(-out_channels // PANEL)
    v_plane, m_panel = block * v_row + PAD, block * PANEL
    m_plane = panels * m_panel + PAD
    small = memory + 4 * size * worker
    v = small + 4 * SMALL
    m = v + 4 * 36 * v_plane
    per_image = load_integer(grid, 0) * load_integer(grid, 1)
    blocks = -(-tiles // block)
    begin, end = task * blocks // groups, (task + 1) * blocks // groups
    du += 4 * task * 36 * (panels * channels * PANEL + PAD)
    sums += 4 * task * panels * PANEL
    for first in range(begin * block, min(end * block, tiles), block):
        count = min(block, tiles - first)
        for t in range(count):
            locate(small + 4 * TABLE, image, grid, first + t, before, 6, zeros)
            transform_input(small, channels, v + 4 * t * v_row, v_plane)
            locate(small + 4 * TABLE, g, grid, first + t, at_origin, 4, zeros)
            transform_gradient(small, out_channels, m + 4 * t * PANEL, m_plane, m_panel)
        again = int(first > begin * block)
        for p in range(panels):
            multiply_panel(one, 0, 0, m + 4 * (AT_ONE * m_plane + p * m_panel), PANEL,
                           sums + 4 * p * PANEL, PANEL, 1, count, again, zeros)  # fmt: skip
        for e in range(36):
            _prefetch_part(image, per_image, first + count, count, e, False)
            _prefetch_part(g, per_image, first + count, count, e, False)
            for p in range(panels):
                to = du + 4 * (e * (panels * channels * PANEL + PAD) + p * channels * PANEL)
                multiply_panel(v + 4 * e * v_plane, 1, v_row, m + 4 * (e * m_plane + p * m_panel),
                               PANEL, to, PANEL, channels, count, again, zeros)  # fmt: skip


@Kernel
def _transform_filters(task, worker, arguments):
    """U of one input channel and all output channels, packed in panels."""
    channels, out_channels, u, memory = integers(arguments + 40, 4)
    panels = -(-out_channels // PANEL)
    plane = panels * channels * PANEL + PAD
    small = memory + 4 * SMALL * worker
    for n in range(0, panels * PANEL, WIDTH):
        to = u + 4 * ((n // PANEL * channels + task) * PANEL + n % PANEL)
        transform_filters(arguments, task, n, small, to, plane)


@Kernel
def _finish_weight_gradient(task, worker, arguments):
    """The gradient of one input channel's filters from dU, summed over the groups."""
    channels, out_channels, du, memory, groups = integers(arguments + 40, 5)
    panels = -(-out_channels // PANEL)
    plane = panels * channels * PANEL + PAD
    small = memory + 4 * SMALL * worker
    for n in range(0, out_channels, WIDTH):
        source = du + 4 * ((n // PANEL * channels + task) * PANEL + n % PANEL)
        transform_filters_back(arguments, task, n, small, source, plane, groups)


def _round_up(n, step):
    return -(-n // step) * step


def _tiles_in_block(tiles, channels, least):
    """Tiles that are taken through all steps together, whole rows of register blocks."""
    fitting = _BLOCK_FLOATS // (36 * channels * ROWS) * ROWS
    return min(max(fitting, least), _round_up(tiles, ROWS))


def _worker_floats(block, channels, out_channels):
    v_plane = block * _round_up(channels, WIDTH) + PAD
    m_plane = block * _round_up(out_channels, PANEL) + PAD
    return _round_up(SMALL + 36 * (v_plane + m_plane) + 16 * out_channels, 16)


def _filters(w, u):
    """Fill ``u`` with the transformed filters of ``w`` (C, O, 3, 3)."""
    with scratch.borrow(SMALL * threads.get_num_threads()) as memory:
        threads.launch(_transform_filters, w.shape[0], *filter_integers(w), u.ctypes.data,
                       memory.ctypes.data)  # fmt: skip


def convolve(x, w, out, padding, bias=None, rectified=False):
    """3x3 convolution (N, H, W, C) * (C, O, 3, 3) + (O,) -> (N, OH, OW, O), written to ``out``.

    If ``rectified``, what is below 0 becomes 0.
    """
    n, height, width, out_channels = out.shape
    channels = x.shape[3]
    grid = (-(-height // 4), -(-width // 4))
    tiles = n * grid[0] * grid[1]
    block = _tiles_in_block(tiles, channels + out_channels, least=ROWS)
    size = _worker_floats(block, channels, out_channels)
    planes = 36 * (channels * _round_up(out_channels, PANEL) + PAD)
    idle = max(channels, out_channels) + PANEL
    bias = whole_panels(bias, 1, out_channels)
    with scratch.borrow(planes, size * threads.get_num_threads(), idle, idle) as buffers:
        u, memory, zeros, sink = buffers
        zeros[:] = 0
        _filters(w, u)
        share = block * max(1, tiles // block // 32)
        threads.launch(_convolve, -(-tiles // share), *image_integers(x), *image_integers(out),
                       *grid, tiles, *padding, 0, 0, block, u.ctypes.data, memory.ctypes.data, size,
                       zeros.ctypes.data, sink.ctypes.data, share, bias.ctypes.data,
                       rectified, is_streamed(out))  # fmt: skip


def weight_gradient(x, g, out, padding):
    """Adjoint of `convolve` in its filters: (N, H, W, C) * (N, OH, OW, O) -> (C, O, 3, 3).

    Written to ``out``; returns the adjoint in the bias, (O,).
    """
    n, height, width, out_channels = g.shape
    channels = x.shape[3]
    grid = (-(-height // 4), -(-width // 4))
    tiles = n * grid[0] * grid[1]
    planes = 36 * (channels * _round_up(out_channels, PANEL) + PAD)
    # Sums of products over the tiles of a block are added to dU: few tiles are much adding.
    least = 2 * ROWS if planes <= _LARGE_FLOATS else _MANY_TILES
    block = _tiles_in_block(tiles, channels + out_channels, least)
    size = _worker_floats(block, channels, out_channels)
    groups = min(-(-tiles // block), max(4, min(16, _SUM_FLOATS // planes)))
    idle = max(channels, out_channels) + PANEL
    sums = np.empty((groups, _round_up(out_channels, PANEL)), np.float32)
    with scratch.borrow(groups * planes, size * threads.get_num_threads(), idle) as buffers:
        du, memory, zeros = buffers
        zeros[:] = 0
        threads.launch(_weight_gradient, groups, *image_integers(x), *image_integers(g),
                       *grid, tiles, *padding, 0, 0, block, du.ctypes.data,
                       memory.ctypes.data, size, zeros.ctypes.data, groups, sums.ctypes.data,
                       ONE.ctypes.data)  # fmt: skip
        threads.launch(_finish_weight_gradient, channels, *filter_integers(out), du.ctypes.data,
                       memory.ctypes.data, groups)  # fmt: skip
    return sums[:, :out_channels].sum(axis=0)  # the columns beyond were never written
