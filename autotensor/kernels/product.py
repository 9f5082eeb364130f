"""Matrix product in float32: panels of B are packed as they are needed, A is read in place.

Only a transposed A, whose lines lie far apart, is packed before, for all tasks.

A task makes some columns of C. NumPy's BLAS gives every product to all threads, which then wait
spinning; here threads are those of the other kernels, and small products stay on one.
"""

import numpy as np

from autotensor.kernels import dots, scratch, threads
from autotensor.kernels.gemm import PANEL, ROWS, ZEROS, multiply_panel
from autotensor.kernels.jit import Kernel, serial
from autotensor.kernels.rows import copy_floats
from autotensor.kernels.simd import (
    WIDTH,
    integers,
    load_scalar,
    prefetch,
    store_scalar,
    transpose,
)

_DEPTH = 384  # rows of a packed panel: with a block of A it stays in the first-level cache
_STRIP = 2 * ROWS  # rows of A that lie together when A is packed
_TASK_ROWS = 20 * _STRIP
_NARROW, _LONG = 24, 128  # columns of B at most, and K at least, for which dot products are quicker
_COLUMNS = 8 * PANEL  # of a task where B is read in place
_LINES = 32  # of B in turn then: as many pages as the processor knows the addresses of
_FEW = 4  # panels that are too few to make tasks of, and on which packing A is lost
_FEW_ROWS = 6 * _STRIP  # rows of a task then


@serial
def _pack(panel, b, b_row, b_column, k, width, columns):
    """B[k, width] -> (k, columns), filled up with zeros."""
    for i in range(k):
        if b_column == 1 and width == columns:
            # the panel before is next, and its lines are far apart
            prefetch(b + 4 * i * b_row - 4 * columns)
            copy_floats(panel + 4 * i * columns, b + 4 * i * b_row, columns)
        else:
            for j in range(columns):
                at = i * b_row + j * b_column
                value = load_scalar(b, at) if j < width else np.float32(0)
                store_scalar(panel, i * columns + j, value)


@serial
def pack_lines(panel, b, b_column, k, width):
    """As `_pack`, where the columns of B are contiguous and read along."""
    for half in range(0, PANEL, WIDTH):
        whole = k - k % WIDTH if half + WIDTH <= width else 0
        for i in range(0, whole, WIDTH):
            to, source = panel + 4 * (i * PANEL + half), b + 4 * (half * b_column + i)
            transpose(to, PANEL, source, b_column)
        for j in range(half, half + WIDTH):
            for i in range(whole, k):
                value = load_scalar(b, j * b_column + i) if j < width else np.float32(0)
                store_scalar(panel, i * PANEL + j, value)


@serial
def _pack_panel(panel, b, b_row, b_column, k, width):
    if b_row == 1:
        pack_lines(panel, b, b_column, k, width)
    else:
        _pack(panel, b, b_row, b_column, k, width, PANEL)


@Kernel
def _pack_rows(task, worker, arguments):
    """A strip of A whose columns are contiguous, as (k, _STRIP)."""
    a, a_k, m, k, packed = integers(arguments, 5)
    top = task * _STRIP
    width = min(_STRIP, m - top)
    _pack(packed + 4 * top * k, a + 4 * top, a_k, 1, k, width, _STRIP)


@Kernel
def _multiply(task, worker, arguments):
    """One panel of columns of C, for some of its rows."""
    (a, a_strip, a_row, a_k, b, b_row, b_column, c, m, n, k,
     task_rows, memory, size, zeros) = integers(arguments, 15)  # fmt: skip
    panels = -(-n // PANEL)
    packed = memory + 4 * size * worker
    part = packed + 4 * _DEPTH * PANEL
    column, top = task % panels * PANEL, task // panels * task_rows
    rows, width = min(task_rows, m - top), min(PANEL, n - column)
    to, step = (c + 4 * (top * n + column), n) if width == PANEL else (part, PANEL)
    blocks = -(-k // _DEPTH)  # of even depth, since a short one moves as much of C as a long one
    block = -(-k // (blocks * WIDTH)) * WIDTH
    for first in range(0, k, block):
        depth = min(block, k - first)
        _pack_panel(packed, b + 4 * (first * b_row + column * b_column), b_row, b_column, depth,
                    width)  # fmt: skip
        for i in range(0, rows, _STRIP):
            at = a + 4 * ((top + i) * a_strip + first * a_k)
            multiply_panel(at, a_row, a_k, packed, PANEL, to + 4 * i * step, step,
                           min(_STRIP, rows - i), depth, int(first > 0), zeros)  # fmt: skip
    if width < PANEL:
        for i in range(rows):
            copy_floats(c + 4 * ((top + i) * n + column), part + 4 * i * PANEL, width)


@Kernel
def _multiply_few_rows(task, worker, arguments):
    """Some columns of C where A has few rows: B is read in place, some lines of it at a time."""
    a, a_row, a_k, b, b_row, c, m, n, k, tasks, zeros = integers(arguments, 11)
    column = (tasks - 1 - task) * _COLUMNS  # in the order of memory, which is fetched ahead
    end = column + _COLUMNS if task else n
    for first in range(0, k, _LINES):
        for j in range(column, end, PANEL):
            start, to, depth = first, j, min(_LINES, k - first)
            if j + PANEL > end:  # the last columns, and some of those before once more, at the end
                if first + _LINES < k:
                    break
                start, to, depth = 0, end - PANEL, k
            at = b + 4 * (start * b_row + to)
            for i in range(depth):
                prefetch(at + 4 * (i * b_row + 2 * PANEL))
            multiply_panel(a + 4 * start * a_k, a_row, a_k, at, b_row, c + 4 * to, n, m, depth,
                           int(start > 0), zeros)  # fmt: skip


def multiply(a, b):
    """(M, K) * (K, N) -> (M, N) in float32, of any strides; nothing empty."""
    (m, k), n = a.shape, b.shape[1]
    out = np.empty((m, n), np.float32)
    a_row, a_k, b_row, b_column = [step // 4 for step in (*a.strides, *b.strides)]
    if a_k == b_row == 1 and min(m, n) <= _NARROW and k >= _LONG:
        dots.multiply(a, b, out)
        return out
    if m <= _STRIP and b_column == 1 and n >= PANEL:
        tasks = max(1, n // _COLUMNS)
        threads.launch(_multiply_few_rows, tasks, a, a_row, a_k, b, b_row, out, m, n, k, tasks,
                       ZEROS)  # fmt: skip
        return out
    panels, strips = -(-n // PANEL), -(-m // _STRIP)
    task_rows = _FEW_ROWS if panels <= _FEW and m <= 4 * _TASK_ROWS else _TASK_ROWS
    size = -(-((_DEPTH + task_rows) * PANEL) // 16) * 16
    packs = a_row == 1 and min(panels, strips) > _FEW  # steps along K are long, and taken often
    counts = size * threads.get_num_threads(), strips * _STRIP * k if packs else 0
    with scratch.borrow(*counts) as (memory, rows):
        a_strip = a_row
        if packs:
            threads.launch(_pack_rows, strips, a, a_k, m, k, rows)
            a, a_strip, a_k = rows, k, _STRIP
        threads.launch(_multiply, panels * -(-m // task_rows), a, a_strip, a_row, a_k,
                       b, b_row, b_column, out, m, n, k, task_rows, memory, size,
                       ZEROS)  # fmt: skip
    return out
