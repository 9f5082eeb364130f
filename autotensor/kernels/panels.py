"""Matrices as micro-kernels take them on the right: panels of `PANEL` columns, and back.

Filters of any memory order are matrices whose element (k, n) lies at the sum of an offset of its
row and one of its column, in floats from the first element; groups lie a fixed step apart.
"""

import math
from typing import NamedTuple

import numpy as np

from autotensor.kernels import threads
from autotensor.kernels.gemm import PANEL
from autotensor.kernels.jit import Kernel
from autotensor.kernels.simd import (
    WIDTH,
    integers,
    load,
    load_integer,
    load_scalar,
    store,
    store_scalar,
)


class Matrices(NamedTuple):
    """One matrix for each group, in the memory of ``array``."""

    array: np.ndarray
    group_step: int
    rows: np.ndarray  # the offset of each, int64
    columns: np.ndarray

    @property
    def packed_shape(self):
        """(groups, panels, rows, PANEL)."""
        groups = self.array.shape[0]
        return groups, -(-len(self.columns) // PANEL), len(self.rows), PANEL

    @property
    def size(self):
        """How many floats they take when packed."""
        return math.prod(self.packed_shape)


def matrices(array, rows, columns):
    """(groups, ...) as matrices: some axes together are their rows, the others their columns."""
    return Matrices(array, array.strides[0] // 4, _offsets(array, rows), _offsets(array, columns))


def _offsets(array, axes):
    """Where the elements along some axes lie, the last of them running fastest."""
    total = np.zeros(1, np.int64)
    for axis in axes:
        steps = np.arange(array.shape[axis]) * (array.strides[axis] // 4)
        total = (total[:, None] + steps).reshape(-1)
    return total


def pack(m, to):
    """Copy matrices to memory of their ``packed_shape``; missing columns become 0."""
    threads.launch(_pack, math.prod(m.packed_shape[:2]), *_integers(m), to.ctypes.data)


def unpack(parts, m):
    """Write the sum of packed ``parts`` (parts, groups, panels, rows or more, PANEL) to ``m``."""
    tasks = math.prod(m.packed_shape[:2])
    threads.launch(_unpack, tasks, *_integers(m), parts.ctypes.data, len(parts), parts[0].size,
                   parts.shape[3])  # fmt: skip


def whole_panels(bias, groups, columns):
    """A number for each column, or None for zeros, as products start from it: (groups, panels)."""
    padded = np.zeros((groups, -(-columns // PANEL) * PANEL), np.float32)
    if bias is not None:
        padded[:, :columns] = bias.reshape(groups, columns)
    return padded


def _integers(m):
    return (m.array.ctypes.data, m.group_step, m.rows.ctypes.data, len(m.rows),
            m.columns.ctypes.data, len(m.columns))  # fmt: skip


@Kernel
def _pack(task, worker, arguments):
    """One panel of one group."""
    source, group_step, rows, height, columns, width, to = integers(arguments, 7)
    panels = -(-width // PANEL)
    source += 4 * (task // panels * group_step)
    first = task % panels * PANEL
    to += 4 * task * height * PANEL
    for k in range(height):
        row = source + 4 * load_integer(rows, k)
        for lane in range(min(PANEL, width - first)):
            store_scalar(to, lane, load_scalar(row, load_integer(columns, first + lane)))
        for lane in range(width - first, PANEL):
            store_scalar(to, lane, np.float32(0))
        to += 4 * PANEL


@Kernel
def _unpack(task, worker, arguments):
    """One panel of one group; the sum is made in the place of the first part."""
    to, group_step, rows, height, columns, width, part, parts, step, depth = integers(arguments, 10)
    panels = -(-width // PANEL)
    to += 4 * (task // panels * group_step)
    first = task % panels * PANEL
    part += 4 * task * depth * PANEL
    for k in range(height):
        for lane in range(0, PANEL, WIDTH):
            total = load(part, lane)
            for other in range(1, parts):
                total = total + load(part, other * step + lane)
            store(part, lane, total)
        row = to + 4 * load_integer(rows, k)
        for lane in range(min(PANEL, width - first)):
            store_scalar(row, load_integer(columns, first + lane), load_scalar(part, lane))
        part += 4 * PANEL
