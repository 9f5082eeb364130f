"""Softmax and cross-entropy with class indices, in float32, each in one pass over the rows.

The classes are dimension 1 of (N, C, ...) as in losses, any strides. Every row is a sum of its own,
so results do not depend on the number of threads.
"""

import math

import numpy as np

from autotensor.kernels import threads
from autotensor.kernels.exponential import exp32
from autotensor.kernels.jit import Kernel, serial
from autotensor.kernels.layout import floats, from_rows, integers_at, to_rows
from autotensor.kernels.simd import integers

_BLOCK = 1 << 13  # elements in one task
_LANES = 64


def cross_entropy(x, target):
    """``-log softmax(x)[target]``, 0 where the target is negative, and what its gradient needs.

    (N, C, ...), int64 (N, ...) -> (N, ...), (2, N * ...): the second value holds, for each row, the
    largest element and the sum of ``exp(x - largest)``.
    """
    rows, target = to_rows(x), np.ascontiguousarray(target)
    losses, scales = np.empty(target.shape, np.float32), np.empty((2, len(rows)), np.float32)
    step, tasks = _partition(rows)
    addresses = (a.ctypes.data for a in (rows, target, losses, scales))
    threads.launch(_cross_entropy, tasks, *addresses, *rows.shape, step)
    return losses, scales


def cross_entropy_grad(g, x, target, scales):
    """Gradient of `cross_entropy` in x: ``(softmax(x) - onehot(target)) * g``, shape of x."""
    rows, target = to_rows(x), np.ascontiguousarray(target)
    g, gx = np.ascontiguousarray(g), np.empty_like(rows)
    step, tasks = _partition(rows)
    addresses = (a.ctypes.data for a in (rows, target, g, scales, gx))
    threads.launch(_cross_entropy_grad, tasks, *addresses, *rows.shape, step)
    return from_rows(gx, x.shape)


def _partition(rows):
    """``(rows of a task, number of tasks)``."""
    step = max(1, _BLOCK // rows.shape[1])
    return step, -(-len(rows) // step)


@serial
def _largest(row, top):
    """The largest element, NaN left out; ``top`` is scratch of `_LANES` floats."""
    largest, whole = row[0], len(row) - len(row) % _LANES
    if whole:
        top[:] = row[:_LANES]
        for start in range(_LANES, whole, _LANES):
            for k in range(_LANES):
                top[k] = row[start + k] if row[start + k] > top[k] else top[k]
        for k in range(_LANES):
            largest = max(largest, top[k])
    for k in range(whole, len(row)):
        largest = row[k] if row[k] > largest else largest
    return largest


@serial
def _cross_entropy_rows(x, target, losses, largest, totals):
    top = np.empty(_LANES, np.float32)
    for i in range(len(x)):
        row, high = x[i], _largest(x[i], top)
        total = np.float32(0)
        for k in range(len(row)):
            total += exp32(row[k] - high)
        largest[i], totals[i] = high, total
        losses[i] = math.log(np.float64(total)) + (high - row[target[i]]) if target[i] >= 0 else 0


@serial
def _cross_entropy_grad_rows(x, target, g, largest, totals, gx):
    for i in range(len(x)):
        row, out = x[i], gx[i]
        if target[i] < 0:
            out[:] = 0
            continue
        high, scale = largest[i], g[i] / totals[i]
        for k in range(len(row)):
            out[k] = exp32(row[k] - high) * scale
        out[target[i]] -= g[i]


@Kernel
def _cross_entropy(task, worker, arguments):
    x, target, losses, scales, rows, width, step = integers(arguments, 7)
    a, b = task * step, min((task + 1) * step, rows)
    scales = floats(scales, 2, rows)
    _cross_entropy_rows(
        floats(x, rows, width)[a:b],
        integers_at(target, rows)[a:b],
        floats(losses, 1, rows)[0][a:b],
        scales[0][a:b],
        scales[1][a:b],
    )


@Kernel
def _cross_entropy_grad(task, worker, arguments):
    x, target, g, scales, gx, rows, width, step = integers(arguments, 8)
    a, b = task * step, min((task + 1) * step, rows)
    scales = floats(scales, 2, rows)
    _cross_entropy_grad_rows(
        floats(x, rows, width)[a:b],
        integers_at(target, rows)[a:b],
        floats(g, 1, rows)[0][a:b],
        scales[0][a:b],
        scales[1][a:b],
        floats(gx, rows, width)[a:b],
    )
