"""Softmax and cross-entropy with class indices, in float32, each in one pass over the rows.

The classes are dimension 1 of (N, C, ...) as in losses, any strides. Every row is a sum of its own,
so results do not depend on the number of threads.
"""

import math

import numpy as np

from autotensor.kernels import threads
from autotensor.kernels.exponential import exp32
from autotensor.kernels.jit import Kernel, serial
from autotensor.kernels.layout import from_rows, to_rows
from autotensor.kernels.rows import zero_floats
from autotensor.kernels.simd import integers, load_integer, load_scalar, store_scalar

_BLOCK = 1 << 13  # elements in one task


def cross_entropy(x, target):
    """``-log softmax(x)[target]``, 0 where the target is negative, and what its gradient needs.

    (N, C, ...), int64 (N, ...) -> (N, ...), (2, N * ...): the second value holds, for each row, the
    largest element and the sum of ``exp(x - largest)``.
    """
    rows, target = to_rows(x), np.ascontiguousarray(target)
    losses, scales = np.empty(target.shape, np.float32), np.empty((2, len(rows)), np.float32)
    step, tasks = _partition(rows)
    threads.launch(_cross_entropy, tasks, rows, target, losses, scales, *rows.shape, step)
    return losses, scales


def cross_entropy_grad(g, x, target, scales):
    """Gradient of `cross_entropy` in x: ``(softmax(x) - onehot(target)) * g``, shape of x."""
    rows, target = to_rows(x), np.ascontiguousarray(target)
    g, gx = np.ascontiguousarray(g), np.empty_like(rows)
    step, tasks = _partition(rows)
    threads.launch(_cross_entropy_grad, tasks, rows, target, g, scales, gx, *rows.shape, step)
    return from_rows(gx, x.shape)


def _partition(rows):
    """``(rows of a task, number of tasks)``."""
    step = max(1, _BLOCK // rows.shape[1])
    return step, -(-len(rows) // step)


@serial
def _largest(row, width):
    """The largest of some floats, NaN left out: four in turns, that do not wait for one another."""
    a = b = c = d = np.float32(-np.inf)
    whole = width - width % 4
    for k in range(0, whole, 4):
        a, b = _larger(load_scalar(row, k), a), _larger(load_scalar(row, k + 1), b)
        c, d = _larger(load_scalar(row, k + 2), c), _larger(load_scalar(row, k + 3), d)
    for k in range(whole, width):
        a = _larger(load_scalar(row, k), a)
    return _larger(_larger(a, b), _larger(c, d))


@serial
def _larger(x, y):
    return x if x > y else y


@serial
def _sum_of_powers(row, width, high):
    total = np.float32(0)
    for k in range(width):
        total += exp32(load_scalar(row, k) - high)
    return total


@serial
def _powers(row, width, high, scale, out):
    for k in range(width):
        store_scalar(out, k, exp32(load_scalar(row, k) - high) * scale)


@Kernel
def _cross_entropy(task, worker, arguments):
    x, target, losses, scales, rows, width, step = integers(arguments, 7)
    for i in range(task * step, min((task + 1) * step, rows)):
        row, label, loss = x + 4 * i * width, load_integer(target, i), 0.0
        high = _largest(row, width)
        total = _sum_of_powers(row, width, high)
        if label >= 0:
            loss = math.log(np.float64(total)) + (high - load_scalar(row, label))
        store_scalar(losses, i, np.float32(loss))
        store_scalar(scales, i, high)
        store_scalar(scales, rows + i, total)


@Kernel
def _cross_entropy_grad(task, worker, arguments):
    x, target, g, scales, gx, rows, width, step = integers(arguments, 8)
    for i in range(task * step, min((task + 1) * step, rows)):
        out, label, share = gx + 4 * i * width, load_integer(target, i), load_scalar(g, i)
        if label < 0:
            zero_floats(out, width)
            continue
        high, total = load_scalar(scales, i), load_scalar(scales, rows + i)
        _powers(x + 4 * i * width, width, high, share / total, out)
        store_scalar(out, label, load_scalar(out, label) - share)
