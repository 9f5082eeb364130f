"""Convolution of any geometry as matrix products, without making the matrix of windows.

In channels-last memory a line of a window is one run of numbers, and the windows of an output row
are a fixed step apart: the micro-kernels read them where they are. Only where there is padding are
a few lines of the image at a time copied between zeros first. Filters are packed once into panels
as wide as a micro-kernel. Groups are separate products.
"""

import math

from autotensor.kernels import scratch, threads
from autotensor.kernels.gemm import (
    ONE,
    PANEL,
    ROWS,
    ZEROS,
    multiply_panel,
    multiply_runs,
)
from autotensor.kernels.jit import Kernel, serial
from autotensor.kernels.layout import is_streamed
from autotensor.kernels.panels import matrices, pack, unpack, whole_panels
from autotensor.kernels.rows import (
    add_floats,
    copy_floats,
    fetch_part,
    image_integers,
    rectify_floats,
    stream_floats,
    zero_floats,
)
from autotensor.kernels.simd import integers, load_integer, prefetch_to_write, store_integer

_BLOCK_FLOATS = 1 << 15  # gradients of windows made at once: a quarter of the second-level cache
_BAND_FLOATS = 1 << 14  # padded lines copied at once
_BAND_PIXELS = 512  # positions of the output made by one task
_SUMMED_PIXELS = 64  # those whose gradients stay near while a weight gradient passes over them
_SUM_FLOATS = 3 << 20  # for partial sums of a weight gradient


@serial
def _copy_band(band, image, window, n, top, lines, line_floats):
    """Lines ``top ...`` of an image with their padding, (lines, padded width, channels)."""
    base, n_step, h_step, w_step, height, width, channels = integers(image, 7)
    pw = load_integer(window, 7)
    for row in range(top, top + lines):
        if 0 <= row < height:
            line = base + 4 * (n * n_step + row * h_step)
            zero_floats(band, pw * channels)
            if w_step == channels:
                copy_floats(band + 4 * pw * channels, line, width * channels)
            else:
                for col in range(width):
                    to = band + 4 * (pw + col) * channels
                    copy_floats(to, line + 4 * col * w_step, channels)
            filled = (pw + width) * channels
            zero_floats(band + 4 * filled, line_floats - filled)
        else:
            zero_floats(band, line_floats)
        band += 4 * line_floats


@serial
def _add_windows(rows, row_step, image, window, positions, first, count, channel, channels):
    """Adjoint of `_copy_windows`."""
    base, n_step, h_step, w_step, height, width, _ = integers(image, 7)
    kh, kw, sh, sw, dh, dw, ph, pw = integers(window, 8)
    out_h, out_w = integers(positions, 2)
    for t in range(first, first + count):
        top = t // out_w % out_h * sh - ph
        left = t % out_w * sw - pw
        start = base + 4 * (t // (out_h * out_w) * n_step + channel)
        for i in range(kh):
            row = top + i * dh
            if 0 <= row < height:
                for j in range(kw):
                    col = left + j * dw
                    if 0 <= col < width:
                        add_floats(start + 4 * (row * h_step + col * w_step),
                                   rows + 4 * (i * kw + j) * channels, channels)  # fmt: skip
        rows += 4 * row_step


@serial
def _load_band(task, band, image, window, positions):
    """Copy a task's part of an image, or find it where it is.

    Returns its address, floats per line, the first row of all output rows, how many rows, and
    floats per pixel.
    """
    base, n_step, h_step, w_step, _, width, channels = integers(image, 7)
    kh, _, sh, _, dh, _, ph, pw = integers(window, 8)
    out_h, _, band_rows, bands, in_place = integers(positions, 5)
    n, first = task // bands, task % bands * band_rows
    rows = min(band_rows, out_h - first)
    if in_place:
        start = base + 4 * (n * n_step + first * sh * h_step)
        return start, h_step, n * out_h + first, rows, w_step
    line_floats = (width + 2 * pw) * channels
    lines = (rows - 1) * sh + (kh - 1) * dh + 1
    _copy_band(band, image, window, n, first * sh - ph, lines, line_floats)
    return band, line_floats, n * out_h + first, rows, channels


@serial
def _window_runs(offsets, window, line_floats, pixel_floats, channels, all_channels):
    """List where the lines of a window start, in bytes; returns (runs, floats in each)."""
    kh, kw, _, _, dh, dw, _, _ = integers(window, 8)
    whole = dw == 1 and pixel_floats == channels == all_channels
    runs = 1 if whole else kw
    for i in range(kh):
        for j in range(runs):
            start = 4 * (i * dh * line_floats + j * dw * pixel_floats)
            store_integer(offsets, i * runs + j, start)
    return kh * runs, channels * (kw if whole else 1)


@Kernel
def _convolve(task, worker, arguments):
    """Some rows of one image of the output."""
    image, window, positions = arguments, arguments + 56, arguments + 120
    (groups, out_channels, out, filters, memory, size, bias, rectified,
     streamed) = integers(arguments + 160, 9)  # fmt: skip
    all_channels, out_w = load_integer(image, 6), load_integer(positions, 1)
    sh, sw = integers(window + 16, 2)
    channels, columns = all_channels // groups, out_channels // groups
    offsets = memory + 4 * size * worker
    part = offsets + 8 * load_integer(window, 0) * load_integer(window, 1)
    a, line, row, rows, pixel = _load_band(task, part + 4 * out_w * PANEL, image, window, positions)
    runs, run = _window_runs(offsets, window, line, pixel, channels, all_channels)
    panels = -(-columns // PANEL)
    for i in range(rows):
        c_line = out + 4 * (row + i) * out_w * out_channels
        if not streamed:
            for byte in range(0, 4 * out_w * out_channels, 64):
                prefetch_to_write(c_line + 4 * out_w * out_channels + byte)  # the next row
        for group in range(groups):
            for p in range(panels):
                b = filters + 4 * (group * panels + p) * runs * run * PANEL
                start = bias + 4 * (group * panels + p) * PANEL
                c, c_step = c_line + 4 * (group * columns + p * PANEL), out_channels
                width = min(PANEL, columns - p * PANEL)
                to, to_step = (part, PANEL) if streamed or width < PANEL else (c, c_step)
                multiply_runs(a + 4 * (i * sh * line + group * channels), sw * pixel, 1, b, PANEL,
                              to, to_step, start, 0, out_w, runs, offsets, run)  # fmt: skip
                if streamed:
                    if rectified:
                        rectify_floats(part, out_w * PANEL)
                    for t in range(out_w):
                        stream_floats(c + 4 * t * c_step, part + 4 * t * PANEL, PANEL)
                elif width < PANEL:
                    for t in range(out_w):
                        copy_floats(c + 4 * t * c_step, part + 4 * t * PANEL, width)
        if rectified and not streamed:
            rectify_floats(c_line, out_w * out_channels)


@serial
def _panel_of(g, part, pixels, step, width):
    """Columns of ``g`` as a whole panel: in place, or copied and filled up with zeros."""
    if width == PANEL:
        return g, step
    for t in range(pixels):
        copy_floats(part + 4 * t * PANEL, g + 4 * t * step, width)
        zero_floats(part + 4 * (t * PANEL + width), PANEL - width)
    return part, PANEL


@Kernel
def _weight_gradient(task, worker, arguments):
    """The filters' gradient from a share of the output's rows, in packed panels.

    The last row of a panel is the sum of the rows of ``g``, the bias's gradient.
    """
    image, window, positions = arguments, arguments + 56, arguments + 120
    groups, out_channels, g, filters, memory, size, tasks, shares, zeros, one = integers(
        arguments + 160, 10
    )
    all_channels = load_integer(image, 6)
    _, out_w, band_rows = integers(positions, 3)
    kh, kw, sh, sw = integers(window, 4)
    channels, columns = all_channels // groups, out_channels // groups
    offsets = memory + 4 * size * worker
    row_offsets = offsets + 8 * kh * kw
    part = row_offsets + 8 * band_rows
    panels = -(-columns // PANEL)
    entries = kh * kw * channels + 1
    filters += 4 * task * groups * panels * entries * PANEL
    begin, end = task * tasks // shares, (task + 1) * tasks // shares
    for band in range(begin, end):
        a, line, row, rows, pixel = _load_band(
            band, part + 4 * band_rows * out_w * PANEL, image, window, positions
        )
        runs, run = _window_runs(offsets, window, line, pixel, channels, all_channels)
        for i in range(rows):
            store_integer(row_offsets, i, 4 * i * sh * line)
        here, length = g + 4 * row * out_w * out_channels, 4 * rows * out_w * out_channels
        for group in range(groups):
            for p in range(panels):
                b, b_step = _panel_of(
                    here + 4 * (group * columns + p * PANEL),
                    part, rows * out_w, out_channels, min(PANEL, columns - p * PANEL),
                )  # fmt: skip
                c = filters + 4 * (group * panels + p) * entries * PANEL
                for r in range(runs):
                    # the gradients after these, a few at a time
                    fetch_part(here + length, length, (group * panels + p) * runs + r,
                               groups * panels * runs, False)  # fmt: skip
                    windows = a + 4 * group * channels + load_integer(offsets, r)
                    to = c + 4 * r * run * PANEL
                    start, step = (to, PANEL) if band > begin else (zeros, 0)
                    multiply_runs(windows, 1, sw * pixel, b, b_step, to, PANEL, start, step,
                                  run, rows, row_offsets, out_w)  # fmt: skip
                multiply_panel(one, 0, 0, b, b_step, c + 4 * (entries - 1) * PANEL, PANEL, 1,
                               rows * out_w, int(band > begin), zeros)  # fmt: skip


@Kernel
def _input_gradient(task, worker, arguments):
    """The gradient of one image: windows' gradients, added where the windows overlap."""
    image, window, positions = arguments, arguments + 56, arguments + 120
    total, groups, out_channels, block, g, filters, memory, size, zeros = integers(
        arguments + 136, 9
    )
    base, n_step, _, _, height, width, channels = integers(image, 7)
    zero_floats(base + 4 * task * n_step, height * width * channels)
    channels //= groups
    columns = out_channels // groups
    k = load_integer(window, 0) * load_integer(window, 1) * channels
    panels = -(-k // PANEL)
    rows = memory + 4 * size * worker
    for first in range(task * total, (task + 1) * total, block):
        count = min(block, (task + 1) * total - first)
        for group in range(groups):
            a = g + 4 * (first * out_channels + group * columns)
            for p in range(panels):
                b = filters + 4 * (group * panels + p) * columns * PANEL
                multiply_panel(a, out_channels, 1, b, PANEL, rows + 4 * p * PANEL,
                               panels * PANEL, count, columns, 0, zeros)  # fmt: skip
            _add_windows(rows, panels * PANEL, image, window, positions, first, count,
                         group * channels, channels)  # fmt: skip


def _positions(x, out, window, pixels):
    """(rows, columns, rows per band, bands per image, in place?) of a task, and a band's floats."""
    _, out_h, out_w, _ = out.shape
    kh, _, sh, _, dh, _, ph, pw = window
    line = (x.shape[2] + 2 * pw) * x.shape[3]
    reach = (kh - 1) * dh + 1
    rows = max(1, (_BAND_FLOATS // line - reach) // sh + 1)
    rows = min(rows, out_h, max(1, pixels // out_w))
    in_place = ph == pw == 0
    floats = 0 if in_place else ((rows - 1) * sh + reach) * line
    return (out_h, out_w, rows, -(-out_h // rows), in_place), floats


def _is_streamed(out, groups):
    """Whether panels go past the caches: those of wide pixels lie too far apart for that."""
    return is_streamed(out) and out.shape[3] <= 8 * PANEL and out.shape[3] // groups % PANEL == 0


def convolve(x, w, out, window, bias=None, rectified=False):
    """Convolution (N, H, W, C) * (G, O/G, C/G, KH, KW) + (O,) -> (N, OH, OW, O), put into ``out``.

    ``window`` is (KH, KW, stride h, w, dilation h, w, padding h, w). If ``rectified``, what is
    below 0 becomes 0.
    """
    filters = matrices(w, rows=(3, 4, 2), columns=(1,))
    bias = whole_panels(bias, len(w), len(filters.columns))
    positions, band = _positions(x, out, window, _BAND_PIXELS)
    size = _round_up(2 * window[0] * window[1] + out.shape[2] * PANEL + band)
    floats = math.prod(filters.packed_shape), size * threads.get_num_threads()
    with scratch.borrow(*floats) as (packed, memory):
        pack(filters, packed)
        threads.launch(_convolve, len(x) * positions[3], *image_integers(x), *window, *positions,
                       len(w), out.shape[3], out.ctypes.data, packed.ctypes.data,
                       memory.ctypes.data, size, bias.ctypes.data, rectified,
                       _is_streamed(out, len(w)))  # fmt: skip


def weight_gradient(x, g, out, window):
    """Adjoint of `convolve` in ``w``, written to ``out`` (G, O/G, C/G, KH, KW); ``g`` is dense.

    Returns the adjoint in the bias, (O,).
    """
    groups, columns, _, kh, kw = out.shape
    positions, band = _positions(x, g, window, _SUMMED_PIXELS)
    rows, tasks = positions[2], len(x) * positions[3]
    size = _round_up(2 * (kh * kw + rows) + rows * g.shape[2] * PANEL + band)
    filters = matrices(out, rows=(3, 4, 2), columns=(1,))
    panels, entries = filters.packed_shape[1], len(filters.rows) + 1
    part = groups * panels * entries * PANEL
    shares = min(tasks, max(2, min(16, _SUM_FLOATS // part)))
    with scratch.borrow(shares * part, size * threads.get_num_threads()) as (parts, memory):
        threads.launch(_weight_gradient, shares, *image_integers(x), *window, *positions,
                       groups, groups * columns, g.ctypes.data, parts.ctypes.data,
                       memory.ctypes.data, size, tasks, shares, ZEROS.ctypes.data,
                       ONE.ctypes.data)  # fmt: skip
        parts = parts.reshape(shares, groups, panels, entries, PANEL)
        sums = parts[..., -1, :].sum(axis=0).reshape(groups, -1)
        unpack(parts, filters)
    return sums[:, :columns].reshape(-1)


def _round_up(floats):
    return -(-floats // 16) * 16


def input_gradient(g, w, out, window):
    """Adjoint of `convolve` in ``x``, written to ``out`` (N, H, W, C), dense; ``g`` is dense."""
    n, out_h, out_w, out_channels = g.shape
    filters = matrices(w, rows=(1,), columns=(3, 4, 2))
    width = filters.packed_shape[1] * PANEL
    block = max(1, min(_BLOCK_FLOATS // width // ROWS, 40)) * ROWS
    block = min(block, -(-out_h * out_w // ROWS) * ROWS)
    size = _round_up(block * width)
    floats = math.prod(filters.packed_shape), size * threads.get_num_threads()
    with scratch.borrow(*floats) as (packed, memory):
        pack(filters, packed)
        threads.launch(_input_gradient, n, *image_integers(out), *window, out_h, out_w,
                       out_h * out_w, len(w), out_channels, block, g.ctypes.data,
                       packed.ctypes.data, memory.ctypes.data, size,
                       ZEROS.ctypes.data)  # fmt: skip
