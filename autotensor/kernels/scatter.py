"""Sums of rows by number: the transpose of looking up rows of a table."""

import numpy as np

from autotensor.kernels import threads
from autotensor.kernels.jit import Kernel
from autotensor.kernels.rows import add_floats, zero_floats
from autotensor.kernels.simd import integers, load_integer

_BLOCK = 64  # columns of a task, which owns them: rows of one number are added in their order


def add_rows(rows, numbers, count):
    """(N, E), integers (N) below ``count`` -> (count, E): row i the sum of those numbered i."""
    if rows.dtype != np.float32:
        total = np.zeros((count, rows.shape[1]), rows.dtype)
        np.add.at(total, numbers, rows)
        return total
    total = np.empty((count, rows.shape[1]), np.float32)
    rows = np.ascontiguousarray(rows)
    numbers = np.ascontiguousarray(numbers, np.int64)
    threads.launch(_add_rows, -(-rows.shape[1] // _BLOCK), rows, numbers, total, *rows.shape, count)
    return total


@Kernel
def _add_rows(task, worker, arguments):
    rows, numbers, total, height, width, count = integers(arguments, 6)
    first = task * _BLOCK
    block = min(_BLOCK, width - first)
    for i in range(count):
        zero_floats(total + 4 * (i * width + first), block)
    for i in range(height):
        to = load_integer(numbers, i) * width + first
        add_floats(total + 4 * to, rows + 4 * (i * width + first), block)
