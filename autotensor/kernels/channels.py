"""Rows of channels as kernels pass them on: normalised on the way in, summed on the way out.

An image that a convolution reads may be `Normalised`: its values are made when its rows are
fetched. And while rows that a kernel has just made are still near, sums of each channel over them
are gathered. Sums are in float32 over the rows of one task, and combined in float64.
"""

from typing import NamedTuple

import numpy as np

from autotensor.kernels.jit import serial
from autotensor.kernels.lanes import load_like, over_channels, where_above
from autotensor.kernels.rows import copy_floats, zero_floats
from autotensor.kernels.simd import at_least, integers, load_integer, prefetch, put, store

_LINE = 16  # floats of a cache line
_NEAR = 4  # rows that are taken at once from memory


class Normalised(NamedTuple):
    """The image ``max((x - near) * scale + shift, floor)``, not made yet."""

    x: np.ndarray  # (N, C, ...), or its pixels (N, ..., C)
    line: np.ndarray  # near, scale, shift and floor of each channel: (4, C) in float32

    shape = property(lambda self: self.x.shape)
    dtype = property(lambda self: self.x.dtype)


def parts_of(image):
    """The array that a kernel reads, and the line it is to be put on: (4, C), or 0 for none."""
    return image if isinstance(image, Normalised) else (image, 0)


@serial
def _normalise_lanes(zero, c, x, line, y, step, rows, width, streamed):
    near, scale = load_like(zero, line, c), load_like(zero, line, width + c)
    shift, floor = load_like(zero, line, 2 * width + c), load_like(zero, line, 3 * width + c)
    for i in range(rows):
        v = (load_like(zero, x, i * width + c) - near) * scale + shift
        put(y, i * step + c, at_least(v, floor), streamed)


_normalise = over_channels(_normalise_lanes)


@serial
def normalise_rows(x, line, y, step, rows, width, streamed):
    """Put rows that lie one after another on their line, and ``step`` floats apart."""
    for i in range(0, rows, _NEAR):
        _normalise(width, x + 4 * i * width, line, y + 4 * i * step, step, min(_NEAR, rows - i),
                   width, streamed)  # fmt: skip


@serial
def fetch_rows(x, line, to, step, rows, width):
    """Copy rows of an image (see `parts_of`) to where they are ``step`` floats apart."""
    if line:
        normalise_rows(x, line, to, step, rows, width, 0)
    else:
        for i in range(rows):
            copy_floats(to + 4 * i * step, x + 4 * i * width, width)


@serial
def _moments_lanes(zero, c, rows, step, count, width, sums):
    total, squares = load_like(zero, sums, c), load_like(zero, sums, width + c)
    first = load_like(zero, sums, 2 * width + c)
    for i in range(count):
        d = load_like(zero, rows, i * step + c) - first
        total = total + d
        squares = squares + d * d
    store(sums, c, total)
    store(sums, width + c, squares)


_moments = over_channels(_moments_lanes)


@serial
def start_moments(row, width, sums):
    """Begin sums of (3, width): of rows and of their squares, both relative to one of them."""
    zero_floats(sums, 2 * width)
    copy_floats(sums + 8 * width, row, width)


@serial
def add_moments(rows, step, count, width, sums):
    """Add rows that lie ``step`` floats apart."""
    for i in range(0, count, _NEAR):
        _moments(width, rows + 4 * i * step, step, min(_NEAR, count - i), width, sums)


@serial
def combined_moments(parts, counts, channels):
    """Mean and variance from the sums of tasks over so many rows: (tasks, 3, W) -> (C,), (C,).

    A row is W / C pixels. (Chan, Golub, LeVeque 1979)
    """
    mean, deviation, seen = np.zeros(channels), np.zeros(channels), np.zeros(channels)
    tasks, _, width = parts.shape
    for task in range(tasks):
        count = counts[task]
        for k in range(width):
            c = k % channels
            offset = np.float64(parts[task, 0, k]) / count
            seen[c] += count
            delta = parts[task, 2, k] + offset - mean[c]
            mean[c] += delta * count / seen[c]
            deviation[c] += max(parts[task, 1, k] - offset * parts[task, 0, k], 0.0)
            deviation[c] += delta * delta * count * (seen[c] - count) / seen[c]
    return mean, deviation / seen


@serial
def _products_lanes(zero, c, g, g_step, x, count, width, line, sums):
    near, scale = load_like(zero, line, c), load_like(zero, line, width + c)
    shift, floor = load_like(zero, line, 2 * width + c), load_like(zero, line, 3 * width + c)
    total, product = load_like(zero, sums, c), load_like(zero, sums, width + c)
    for i in range(count):
        d = load_like(zero, x, i * width + c) - near
        kept = where_above(d * scale + shift, floor, load_like(zero, g, i * g_step + c), 0)
        total = total + kept
        product = product + kept * d
    store(sums, c, total)
    store(sums, width + c, product)


_products = over_channels(_products_lanes)


@serial
def add_products(g, step, x, line, count, width, sums):
    """Add to sums of ``g`` and of ``g * (x - near)``, where ``x`` on its line is above the floor.

    The rows of ``g`` lie ``step`` floats apart, those of ``x`` one after another.
    """
    for i in range(0, count, _NEAR):
        _products(width, g + 4 * i * step, step, x + 4 * i * width, min(_NEAR, count - i), width,
                  line, sums)  # fmt: skip


@serial
def expect(output, first, count, width, part, parts):
    """Bring near a part of what `gather` will read beside these rows."""
    x = load_integer(output, 2)
    if x:
        x, lines = x + 4 * first * width, count * width // _LINE
        for line in range(part * lines // parts, (part + 1) * lines // parts):
            prefetch(x + 4 * line * _LINE)


@serial
def gather(output, task, first, rows, step, count, width, starts):
    """Add to a task's sums the ``count`` rows of the result that it has just made, from ``first``.

    They lie at ``rows``, ``step`` floats apart; ``starts`` with the task's first. What is summed
    is told by the arguments of an `Output`.
    """
    _, parts, x, line = integers(output, 4)
    if not parts:
        return
    sums = parts + 12 * task * width
    if starts:
        start_moments(rows, width, sums)
    if line:
        add_products(rows, step, x + 4 * first * width, line, count, width, sums)
    else:
        add_moments(rows, step, count, width, sums)


class Output:
    """Where a kernel writes its result, and what it gathers of each channel on the way.

    ``gathered`` is None; "moments"; or the image, `Normalised`, whose gradient the result is:
    then sums of the result and of its product with ``x - near``, as `add_products` has them.
    """

    def __init__(self, out, tasks, gathered):
        self.gathered, self.width = gathered, out.shape[-1]
        self.parts, of_image = 0, (0, 0)
        if gathered is not None:
            self.parts = np.empty((tasks, 3, self.width), np.float32)
        if isinstance(gathered, Normalised):
            of_image = gathered
        self.arguments = out, self.parts, *of_image

    def sums(self, counts):
        """Mean and variance, or both sums, in float64; the tasks made so many pixels each."""
        if self.gathered is None:
            return None
        if self.gathered == "moments":
            return combined_moments(self.parts, counts, self.width)
        return self.parts[:, :2].sum(0, dtype=np.float64)
