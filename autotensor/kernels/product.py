"""Matrix product in float32: panels of B are packed as they are needed, A is read in place.

A task makes some columns of C. NumPy's BLAS gives every product to all threads, which then wait
spinning; here threads are those of the other kernels, and small products stay on one.
"""

import numpy as np

from autotensor.kernels import scratch, threads
from autotensor.kernels.gemm import PANEL, ROWS, ZEROS, multiply_panel
from autotensor.kernels.jit import Kernel, serial
from autotensor.kernels.rows import copy_floats
from autotensor.kernels.simd import integers, load_scalar, store_scalar

_DEPTH = 384  # rows of a packed panel: with a block of A it stays in the first-level cache
_TASK_ROWS = 40 * ROWS


@serial
def _pack(panel, b, b_row, b_column, k, width):
    """B[k, width] -> (k, PANEL), filled up with zeros."""
    for i in range(k):
        if b_column == 1 and width == PANEL:
            copy_floats(panel + 4 * i * PANEL, b + 4 * i * b_row, PANEL)
        else:
            for j in range(PANEL):
                at = i * b_row + j * b_column
                value = load_scalar(b, at) if j < width else np.float32(0)
                store_scalar(panel, i * PANEL + j, value)


@serial
def _pack_lines(panel, b, b_column, k, width):
    """As `_pack`, where the columns of B are contiguous and read along."""
    for j in range(PANEL):
        column = b + 4 * j * b_column
        for i in range(k):
            value = load_scalar(column, i) if j < width else np.float32(0)
            store_scalar(panel, i * PANEL + j, value)


@Kernel
def _multiply(task, worker, arguments):
    """One panel of columns of C, for some of its rows."""
    a, a_row, a_k, b, b_row, b_column, c, m, n, k, memory, size, zeros = integers(arguments, 13)
    panels = -(-n // PANEL)
    packed = memory + 4 * size * worker
    part = packed + 4 * _DEPTH * PANEL
    column, top = task % panels * PANEL, task // panels * _TASK_ROWS
    rows, width = min(_TASK_ROWS, m - top), min(PANEL, n - column)
    to, step = (c + 4 * (top * n + column), n) if width == PANEL else (part, PANEL)
    for first in range(0, k, _DEPTH):
        depth = min(_DEPTH, k - first)
        at = b + 4 * (first * b_row + column * b_column)
        if b_row == 1:
            _pack_lines(packed, at, b_column, depth, width)
        else:
            _pack(packed, at, b_row, b_column, depth, width)
        multiply_panel(a + 4 * (top * a_row + first * a_k), a_row, a_k, packed, PANEL,
                       to, step, rows, depth, int(first > 0), zeros)  # fmt: skip
    if width < PANEL:
        for i in range(rows):
            copy_floats(c + 4 * ((top + i) * n + column), part + 4 * i * PANEL, width)


def multiply(a, b):
    """(M, K) * (K, N) -> (M, N) in float32, of any strides; nothing empty."""
    (m, k), n = a.shape, b.shape[1]
    out = np.empty((m, n), np.float32)
    size = -(-((_DEPTH + _TASK_ROWS) * PANEL) // 16) * 16
    tasks = -(-n // PANEL) * -(-m // _TASK_ROWS)
    with scratch.borrow(size * threads.get_num_threads()) as memory:
        steps = [step // 4 for step in (*a.strides, *b.strides)]
        threads.launch(_multiply, tasks, a.ctypes.data, *steps[:2], b.ctypes.data, *steps[2:],
                       out.ctypes.data, m, n, k, memory.ctypes.data, size,
                       ZEROS.ctypes.data)  # fmt: skip
    return out
