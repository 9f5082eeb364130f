"""Batch normalisation in float32: statistics of each channel, normalised values, their gradient.

All take and return logical (N, C, ...) arrays of any strides and work on their channels-last rows
(R, C). Sums are made in float32 over blocks of rows, relative to a value of the channel itself, so
that a large mean costs no digits, and are combined in float64 (Chan, Golub, LeVeque 1979). Blocks
depend on the shape alone: results are the same for any number of threads.
"""

import numpy as np

from autotensor.kernels import threads
from autotensor.kernels.channels import (
    Normalised,
    add_moments,
    add_products,
    combined_moments,
    normalise_rows,
    start_moments,
)
from autotensor.kernels.jit import Kernel, serial
from autotensor.kernels.lanes import load_like, over_channels, where_above
from autotensor.kernels.layout import aligned, floats, from_rows, is_streamed, to_rows
from autotensor.kernels.rows import zero_floats
from autotensor.kernels.simd import integers, put

_BLOCK = 1 << 14  # elements in one task: three operands of it fit the second-level cache
_LANES = 64  # fewer channels than this leave vector lanes empty


def channel_statistics(x):
    """Mean and variance (biased) of each channel: (N, C, ...) -> (C,), (C,) in float64."""
    rows = _widen(to_rows(x))
    step, blocks = _partition(rows)
    parts = np.empty((blocks, 3, rows.shape[1]), np.float32)
    threads.launch(_moments, blocks, rows, *rows.shape, step, parts)
    counts = np.minimum(step, len(rows) - step * np.arange(blocks))
    return combined_moments(parts, counts, x.shape[1])


def channel_sum(x):
    """Sum of each channel: (N, C, ...) -> (C,)."""
    rows = _widen(to_rows(x))
    step, blocks = _partition(rows)
    parts = np.empty((blocks, rows.shape[1]), np.float32)
    threads.launch(_totals, blocks, rows.ctypes.data, *rows.shape, step, parts.ctypes.data)
    return parts.sum(0, dtype=np.float64).reshape(-1, x.shape[1]).sum(0).astype(np.float32)


def normalised(x, mean, scale, shift, floor=-np.inf):
    """The image ``max((x - mean) * scale + shift, floor)`` by channel, for whoever reads it.

    The values per channel are float64: what float32 loses of the mean is put into the shift.
    """
    near = mean.astype(np.float32)
    line = near, scale, shift - (mean - near) * scale, np.full_like(mean, floor)
    return Normalised(x, np.array(line, np.float32))


def normalise(image):
    """The values of a `normalised` image: (N, C, ...), in new memory."""
    x, line = image
    rows = _widen(to_rows(x))
    y = aligned(rows.shape)
    step, blocks = _partition(rows)
    line = _tile(rows, line)
    threads.launch(_normalise, blocks, rows, line, y, *rows.shape, step, is_streamed(y))
    return from_rows(y, x.shape)


def batch_norm_grad(g, image, mean, inverse_std, sums=None):
    """Gradients in x, weight and bias where ``image`` is ``x`` normalised by its own statistics.

    (N, C, ...), (N, C, ...), and (C,) in float64 -> (N, C, ...), (C,), (C,) in float32
    ``gx = weight / std * (g - average(g) - x^ * average(g * x^))`` with ``x^ = (x - mean) / std``
    (Ioffe and Szegedy 2015). ``g`` counts only where the normalised value was above its floor.
    ``sums`` are those of ``g`` and of ``g * (x - near)``, if already known.
    """
    x, line = image
    near, scale = line[:2].astype(np.float64)
    g_rows, x_rows = _widen(to_rows(g)), _widen(to_rows(x))
    g_sum, product_sum = _gradient_sums(g_rows, x_rows, line) if sums is None else sums
    weight_grad = (product_sum - (mean - near) * g_sum) * inverse_std
    count = x.size // x.shape[1]
    slope = -scale * inverse_std * weight_grad / count
    shift = -scale * g_sum / count - slope * (mean - near)
    factors = _tile(x_rows, np.array((*line, slope, shift), np.float32))
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
    threads.launch(_sums, blocks, g, x, _tile(x, line), parts, *x.shape, step)
    return parts.sum(0, dtype=np.float64).reshape(2, -1, line.shape[1]).sum(1)


def _widen(rows):
    """View several rows of few channels as one, so that vector lanes are filled."""
    count, width = rows.shape
    factor = 1
    while width * factor < _LANES and count % (2 * factor) == 0:
        factor *= 2
    return rows.reshape(count // factor, width * factor)


def _tile(rows, factors):
    """Values per channel, (.., C) -> (.., width), repeated as `_widen` repeats channels."""
    repeats = rows.shape[1] // factors.shape[1]
    return np.tile(factors, repeats) if repeats > 1 else factors


def _partition(rows):
    """``(rows of a block, number of blocks)``."""
    step = max(1, _BLOCK // rows.shape[1])
    return step, -(-len(rows) // step)


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


@serial
def _input_grad_lanes(zero, c, g, x, factors, gx, width, streamed):
    near, scale = load_like(zero, factors, c), load_like(zero, factors, width + c)
    start, floor = load_like(zero, factors, 2 * width + c), load_like(zero, factors, 3 * width + c)
    slope, shift = load_like(zero, factors, 4 * width + c), load_like(zero, factors, 5 * width + c)
    da = load_like(zero, x, c) - near
    first = where_above(da * scale + start, floor, load_like(zero, g, c), 0)
    put(gx, c, scale * first + slope * da + shift, streamed)


_input_grad_row = over_channels(_input_grad_lanes)


@serial
def _block(address, task, rows, width, step):
    """The rows that belong to one task."""
    return floats(address, rows, width)[task * step : min((task + 1) * step, rows)]


@Kernel
def _moments(task, worker, arguments):
    x, rows, width, step, parts = integers(arguments, 5)
    sums, x = parts + task * 12 * width, x + 4 * task * step * width
    start_moments(x, width, sums)
    add_moments(x, width, min(step, rows - task * step), width, sums)


@Kernel
def _totals(task, worker, arguments):
    x, rows, width, step, parts = integers(arguments, 5)
    _totals_block(_block(x, task, rows, width, step), floats(parts + task * 4 * width, 1, width)[0])


@Kernel
def _normalise(task, worker, arguments):
    x, line, y, rows, width, step, streamed = integers(arguments, 7)
    at = 4 * task * step * width
    normalise_rows(x + at, line, y + at, width, min(step, rows - task * step), width, streamed)


@Kernel
def _sums(task, worker, arguments):
    g, x, line, parts, rows, width, step = integers(arguments, 7)
    sums, at = parts + task * 8 * width, 4 * task * step * width
    zero_floats(sums, 2 * width)
    add_products(g + at, width, x + at, line, min(step, rows - task * step), width, sums)


@Kernel
def _input_grad(task, worker, arguments):
    g, x, factors, gx, rows, width, step, streamed = integers(arguments, 8)
    for i in range(task * step, min((task + 1) * step, rows)):
        at = 4 * i * width
        _input_grad_row(width, g + at, x + at, factors, gx + at, width, streamed)
