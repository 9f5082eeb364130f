"""Batch normalisation in float32: statistics of each channel, normalised values, their gradient.

All take and return logical (N, C, ...) arrays of any strides and work on their channels-last rows
(R, C). Sums are made in float32 over blocks of rows, relative to a value of the channel itself, so
that a large mean costs no digits, and are combined in float64 (Chan, Golub, LeVeque 1979). Blocks
depend on the shape alone: results are the same for any number of threads.
"""

import numba
import numpy as np

from autotensor.kernels import threads
from autotensor.kernels.jit import Kernel, serial
from autotensor.kernels.lanes import load_like, over_channels, where_larger
from autotensor.kernels.layout import aligned, floats, from_rows, is_streamed, to_rows
from autotensor.kernels.simd import integers, put

_BLOCK = 1 << 14  # elements in one task: three operands of it fit the second-level cache
_LANES = 64  # fewer channels than this leave vector lanes empty


def channel_statistics(x):
    """Mean and variance (biased) of each channel: (N, C, ...) -> (C,), (C,) in float64."""
    rows = _widen(to_rows(x))
    step, blocks = _partition(rows)
    parts = np.empty((blocks, 2, rows.shape[1]), np.float32)
    threads.launch(_moments, blocks, rows.ctypes.data, *rows.shape, step, parts.ctypes.data)
    return _combined_moments(rows, step, parts, x.shape[1])


def channel_sum(x):
    """Sum of each channel: (N, C, ...) -> (C,)."""
    rows = _widen(to_rows(x))
    step, blocks = _partition(rows)
    parts = np.empty((blocks, rows.shape[1]), np.float32)
    threads.launch(_totals, blocks, rows.ctypes.data, *rows.shape, step, parts.ctypes.data)
    return parts.sum(0, dtype=np.float64).reshape(-1, x.shape[1]).sum(0).astype(np.float32)


def normalise(x, mean, scale, shift, floor=-np.inf):
    """``max((x - mean) * scale + shift, floor)`` by channel: (N, C, ...), (C,) -> (N, C, ...).

    The values per channel are float64: what float32 loses of the mean is put into the shift.
    """
    rows = _widen(to_rows(x))
    factors = _tile(rows, *_line(mean, scale, shift), np.full_like(mean, floor))
    y = aligned(rows.shape)
    step, blocks = _partition(rows)
    threads.launch(_normalise, blocks, rows, factors, y, *rows.shape, step, is_streamed(y))
    return from_rows(y, x.shape)


def _line(mean, scale, shift):
    """``near``, ``scale`` and ``shift`` of the line ``(x - near) * scale + shift`` in float32."""
    near = mean.astype(np.float32)
    return near, scale, shift - (mean - near) * scale


def batch_norm_grad(g, x, mean, inverse_std, weight, bias=0.0, floor=-np.inf):
    """Gradients in x, weight and bias where the mean and deviation are those of ``x`` itself.

    (N, C, ...), (N, C, ...), and (C,) in float64 -> (N, C, ...), (C,), (C,) in float32
    ``gx = weight / std * (g - average(g) - x^ * average(g * x^))`` with ``x^ = (x - mean) / std``
    (Ioffe and Szegedy 2015). ``g`` counts only where the normalised value was above ``floor``.
    """
    g_rows, x_rows = _widen(to_rows(g)), _widen(to_rows(x))
    near, scale, start = _line(mean, weight * inverse_std, bias)
    line = (near, scale, start, np.full_like(mean, floor))
    g_sum, product_sum = _gradient_sums(g_rows, x_rows, line)
    weight_grad = (product_sum - (mean - near) * g_sum) * inverse_std
    count = x.size // x.shape[1]
    slope = -scale * inverse_std * weight_grad / count
    shift = -scale * g_sum / count - slope * (mean - near)
    factors = _tile(x_rows, *line, slope, shift)
    gx = aligned(x_rows.shape)
    step, blocks = _partition(x_rows)
    threads.launch(_input_grad, blocks, g_rows, x_rows, factors, gx, *x_rows.shape, step,
                   is_streamed(gx))  # fmt: skip
    sums = (part.astype(np.float32) for part in (weight_grad, g_sum))
    return from_rows(gx, x.shape), *sums


def _gradient_sums(g, x, line):
    """Sums of ``g`` and of ``g * (x - near)`` for each channel, in float64."""
    step, blocks = _partition(x)
    parts = np.empty((blocks, 2, x.shape[1]), np.float32)
    factors = _tile(x, *line)
    addresses = (a.ctypes.data for a in (g, x, factors, parts))
    threads.launch(_sums, blocks, *addresses, *x.shape, step)
    return parts.sum(0, dtype=np.float64).reshape(2, -1, len(line[0])).sum(1)


def _widen(rows):
    """View several rows of few channels as one, so that vector lanes are filled."""
    count, width = rows.shape
    factor = 1
    while width * factor < _LANES and count % (2 * factor) == 0:
        factor *= 2
    return rows.reshape(count // factor, width * factor)


def _tile(rows, *vectors):
    """Values per channel -> (vectors, width) in float32, repeated as `_widen` repeats channels."""
    factors = np.array(vectors, np.float32)
    repeats = rows.shape[1] // factors.shape[1]
    return np.tile(factors, repeats) if repeats > 1 else factors


def _partition(rows):
    """``(rows of a block, number of blocks)``."""
    step = max(1, _BLOCK // rows.shape[1])
    return step, -(-len(rows) // step)


@serial
def _combined_moments(rows, step, parts, channels):
    """Mean and variance from the sums of each block: (R, W), (blocks, 2, W) -> (C,), (C,)."""
    mean, deviation, seen = np.zeros(channels), np.zeros(channels), np.zeros(channels)
    blocks, _, width = parts.shape
    for block in range(blocks):
        count = min(step, len(rows) - block * step)
        for k in range(width):
            c = k % channels
            offset = np.float64(parts[block, 0, k]) / count
            seen[c] += count
            delta = rows[block * step, k] + offset - mean[c]
            mean[c] += delta * count / seen[c]
            deviation[c] += max(parts[block, 1, k] - offset * parts[block, 0, k], 0.0)
            deviation[c] += delta * delta * count * (seen[c] - count) / seen[c]
    return mean, deviation / seen


@serial
def _moments_block(x, total, squares):
    """Sums of ``x`` and its square, relative to the first row: (R, W) -> (W,), (W,)."""
    first, whole = x[0], len(x) - len(x) % 4
    total[:] = 0
    squares[:] = 0
    for i in range(0, whole, 4):  # four rows for each visit to the sums
        a, b, c, d = x[i], x[i + 1], x[i + 2], x[i + 3]
        for k in range(x.shape[1]):
            da, db, dc, dd = a[k] - first[k], b[k] - first[k], c[k] - first[k], d[k] - first[k]
            total[k] += (da + db) + (dc + dd)
            squares[k] += (da * da + db * db) + (dc * dc + dd * dd)
    for i in range(whole, len(x)):
        a = x[i]
        for k in range(x.shape[1]):
            da = a[k] - first[k]
            total[k] += da
            squares[k] += da * da


@serial
def _totals_block(x, total):
    whole = len(x) - len(x) % 4
    total[:] = 0
    for i in range(0, whole, 4):
        a, b, c, d = x[i], x[i + 1], x[i + 2], x[i + 3]
        for k in range(x.shape[1]):
            total[k] += (a[k] + b[k]) + (c[k] + d[k])
    for i in range(whole, len(x)):
        for k in range(x.shape[1]):
            total[k] += x[i, k]


@numba.njit(inline="always")
def _kept(g, v, floor):
    return np.float32(0) if v <= floor else g


@serial
def _normalise_lanes(zero, c, x, factors, y, width, streamed):
    near, scale = load_like(zero, factors, c), load_like(zero, factors, width + c)
    shift, floor = load_like(zero, factors, 2 * width + c), load_like(zero, factors, 3 * width + c)
    v = (load_like(zero, x, c) - near) * scale + shift
    put(y, c, where_larger(v, floor, v, floor), streamed)


@serial
def _sums_block(g, x, factors, total, product):
    """Sums of ``g`` and of ``g * (x - near)``: (R, W), (R, W) -> (W,), (W,)."""
    near, scale, shift, floor = factors[0], factors[1], factors[2], factors[3]
    whole = len(x) - len(x) % 2
    total[:] = 0
    product[:] = 0
    for i in range(0, whole, 2):
        a, b, ga, gb = x[i], x[i + 1], g[i], g[i + 1]
        for k in range(x.shape[1]):
            da, db = a[k] - near[k], b[k] - near[k]
            first = _kept(ga[k], da * scale[k] + shift[k], floor[k])
            second = _kept(gb[k], db * scale[k] + shift[k], floor[k])
            total[k] += first + second
            product[k] += first * da + second * db
    for i in range(whole, len(x)):
        a, ga = x[i], g[i]
        for k in range(x.shape[1]):
            da = a[k] - near[k]
            first = _kept(ga[k], da * scale[k] + shift[k], floor[k])
            total[k] += first
            product[k] += first * da


@serial
def _input_grad_lanes(zero, c, g, x, factors, gx, width, streamed):
    near, scale = load_like(zero, factors, c), load_like(zero, factors, width + c)
    start, floor = load_like(zero, factors, 2 * width + c), load_like(zero, factors, 3 * width + c)
    slope, shift = load_like(zero, factors, 4 * width + c), load_like(zero, factors, 5 * width + c)
    da = load_like(zero, x, c) - near
    first = where_larger(da * scale + start, floor, load_like(zero, g, c), 0)
    put(gx, c, scale * first + slope * da + shift, streamed)


_normalise_row = over_channels(_normalise_lanes)
_input_grad_row = over_channels(_input_grad_lanes)


@serial
def _block(address, task, rows, width, step):
    """The rows that belong to one task."""
    return floats(address, rows, width)[task * step : min((task + 1) * step, rows)]


@Kernel
def _moments(task, worker, arguments):
    x, rows, width, step, parts = integers(arguments, 5)
    part = floats(parts + task * 8 * width, 2, width)
    _moments_block(_block(x, task, rows, width, step), part[0], part[1])


@Kernel
def _totals(task, worker, arguments):
    x, rows, width, step, parts = integers(arguments, 5)
    _totals_block(_block(x, task, rows, width, step), floats(parts + task * 4 * width, 1, width)[0])


@Kernel
def _normalise(task, worker, arguments):
    x, factors, y, rows, width, step, streamed = integers(arguments, 7)
    for i in range(task * step, min((task + 1) * step, rows)):
        at = 4 * i * width
        _normalise_row(width, x + at, factors, y + at, width, streamed)


@Kernel
def _sums(task, worker, arguments):
    g, x, factors, parts, rows, width, step = integers(arguments, 7)
    part = floats(parts + task * 8 * width, 2, width)
    g, x = _block(g, task, rows, width, step), _block(x, task, rows, width, step)
    _sums_block(g, x, floats(factors, 4, width), part[0], part[1])


@Kernel
def _input_grad(task, worker, arguments):
    g, x, factors, gx, rows, width, step, streamed = integers(arguments, 8)
    for i in range(task * step, min((task + 1) * step, rows)):
        at = 4 * i * width
        _input_grad_row(width, g + at, x + at, factors, gx + at, width, streamed)
