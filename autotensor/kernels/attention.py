"""Attention in float32: scores, softmax and the mean of values of one block of queries in cache.

A task makes a block of queries of one matrix (forward), or one whole matrix (backward, where all
queries add to the gradients of keys and values). Scores never reach memory: backward makes them
again from the logarithm of each row's sum (Dao et al. 2022, "FlashAttention", without its tiling
over keys).
"""

import math

import numpy as np

from autotensor.kernels import scratch, threads
from autotensor.kernels.exponential import exp32
from autotensor.kernels.gemm import PANEL, ZEROS, multiply_panel
from autotensor.kernels.jit import Kernel, serial
from autotensor.kernels.product import pack_lines
from autotensor.kernels.simd import integers, load_scalar, store_scalar

_BLOCK = 64  # queries of a task
_NOWHERE = np.float32(-np.inf)


def whole_panels_fit(*widths):
    """Whether the kernels take matrices of these widths: whole panels."""
    return all(width and width % PANEL == 0 for width in widths)


def attend(q, k, v, mask, causal, scale):
    """(B, L, E), (B, S, E), (B, S, V) -> (B, L, V), and the logarithms of row sums, (B, L).

    ``mask`` is (B, L, S), added to the scores, or None; -inf forbids. ``causal``: query i sees keys
    0 to i. A query that sees nothing gives 0.
    """
    batch, length, width = q.shape
    keys, values = v.shape[1:]
    out, sums = np.empty((batch, length, values), np.float32), np.empty((batch, length), np.float32)
    size = _columns(keys) * (width + _BLOCK)
    scale = np.array([scale], np.float32)
    with scratch.borrow(size * threads.get_num_threads()) as memory:
        threads.launch(_forward, batch * -(-length // _BLOCK), *_matrices(q, k, v), *_masked(mask),
                       out, sums, length, keys, width, values, int(causal), scale, memory, size,
                       ZEROS)  # fmt: skip
    return out, sums


def attend_grad(g, q, k, v, mask, causal, scale, out, sums):
    """Gradients of `attend` in q, k and v."""
    batch, length, width = q.shape
    keys, values = v.shape[1:]
    found = [np.zeros(x.shape, np.float32) for x in (q, k, v)]
    g, out = np.ascontiguousarray(g), np.ascontiguousarray(out)
    size = _columns(keys) * (width + values + 2 * _BLOCK)
    scale = np.array([scale], np.float32)
    with scratch.borrow(size * threads.get_num_threads()) as memory:
        threads.launch(_backward, batch, *_matrices(q, k, v), *_masked(mask), out, sums, length,
                       keys, width, values, int(causal), scale, memory, size, ZEROS, g,
                       *found)  # fmt: skip
    return found


def _columns(keys):
    return -(-keys // PANEL) * PANEL


def _matrices(*arrays):
    """Address, step from matrix to matrix, and from row to row, of each; rows are contiguous."""
    for array in arrays:
        yield from (array, array.strides[0] // 4, array.strides[1] // 4)


def _masked(mask):
    return (0, 0, 0) if mask is None else _matrices(mask)


@serial
def _transposed(panels, x, x_row, count, width):
    """Rows of ``x`` (count, width) as the columns of panels (width, PANEL) each."""
    for first in range(0, count, PANEL):
        pack_lines(panels + 4 * first * width, x + 4 * first * x_row, x_row, width,
                   min(PANEL, count - first))  # fmt: skip


@serial
def _times_transposed(scores, step, a, a_row, panels, rows, width, columns, zeros):
    """scores (rows, columns) = A (rows, width) times `_transposed` panels."""
    for first in range(0, columns, PANEL):
        multiply_panel(a, a_row, 1, panels + 4 * first * width, PANEL, scores + 4 * first, step,
                       rows, width, 0, zeros)  # fmt: skip


@serial
def _times(c, c_row, a, a_row, a_k, b, b_row, rows, depth, width, add, zeros):
    """C (rows, width) (+)= A (rows, depth) B (depth, width)."""
    for first in range(0, width, PANEL):
        multiply_panel(a, a_row, a_k, b + 4 * first, b_row, c + 4 * first, c_row, rows, depth,
                       add, zeros)  # fmt: skip


@serial
def _masked_scores(row, mask, seen, scale):
    """Scale a row of scores and add the mask; the largest of them."""
    high = _NOWHERE
    if mask:
        for j in range(seen):
            store_scalar(row, j, load_scalar(row, j) * scale + load_scalar(mask, j))
    else:
        for j in range(seen):
            store_scalar(row, j, load_scalar(row, j) * scale)
    for j in range(seen):
        value = load_scalar(row, j)
        high = value if value > high or value != value else high
    return high


@serial
def _powers(row, seen, columns, less):
    """Each number of a row as its power less ``less``, and 0 where nothing is seen; their sum."""
    total = np.float32(0)
    for j in range(seen):
        power = exp32(load_scalar(row, j) - less)
        store_scalar(row, j, power)
        total += power
    for j in range(seen, columns):
        store_scalar(row, j, np.float32(0))
    return total


@serial
def _scaled(row, seen, factor):
    for j in range(seen):
        store_scalar(row, j, load_scalar(row, j) * factor)


@Kernel
def _forward(task, worker, arguments):
    (q, q_step, q_row, k, k_step, k_row, v, v_step, v_row, mask, m_step, m_row, out, sums, length,
     keys, width, values, causal, scale, memory, size, zeros) = integers(arguments, 23)  # fmt: skip
    blocks = -(-length // _BLOCK)
    matrix, top = task // blocks, task % blocks * _BLOCK
    rows = min(_BLOCK, length - top)
    scale = load_scalar(scale, 0)
    panels = memory + 4 * size * worker
    columns = -(-keys // PANEL) * PANEL
    scores = panels + 4 * columns * width
    seen = min(keys, top + rows) if causal else keys
    _transposed(panels, k + 4 * matrix * k_step, k_row, seen, width)
    _times_transposed(scores, columns, q + 4 * (matrix * q_step + top * q_row), q_row, panels,
                      rows, width, seen, zeros)  # fmt: skip
    for i in range(rows):
        row, line = scores + 4 * i * columns, matrix * length + top + i
        sees = min(seen, top + i + 1) if causal else seen
        of_row = mask + 4 * (matrix * m_step + (top + i) * m_row) if mask else 0
        high = _masked_scores(row, of_row, sees, scale)
        less = np.float32(0) if high == _NOWHERE else high
        total = _powers(row, sees, seen, less)
        if total == 0:
            store_scalar(sums, line, np.float32(0))  # its powers are all 0, whatever is taken off
        else:
            _scaled(row, sees, np.float32(1) / total)
            store_scalar(sums, line, less + np.float32(math.log(total)))
    _times(out + 4 * (matrix * length + top) * values, values, scores, columns, 1,
           v + 4 * matrix * v_step, v_row, rows, seen, values, 0, zeros)  # fmt: skip


@serial
def _inner(x, y, count):
    total = np.float32(0)
    for j in range(count):
        total += load_scalar(x, j) * load_scalar(y, j)
    return total


@serial
def _slopes(slopes, powers, seen, inner, scale):
    """Gradients of scores from those of the weights ``powers``: w (dw - sum(w dw)) scale."""
    for j in range(seen):
        slope = load_scalar(powers, j) * (load_scalar(slopes, j) - inner)
        store_scalar(slopes, j, slope * scale)


@Kernel
def _backward(task, worker, arguments):
    (q, q_step, q_row, k, k_step, k_row, v, v_step, v_row, mask, m_step, m_row, out, sums, length,
     keys, width, values, causal, scale, memory, size, zeros, g, gq, gk, gv) = integers(
        arguments, 27)  # fmt: skip
    scale = load_scalar(scale, 0)
    columns = -(-keys // PANEL) * PANEL
    of_k = memory + 4 * size * worker
    of_v = of_k + 4 * columns * width
    powers = of_v + 4 * columns * values
    slopes = powers + 4 * columns * _BLOCK
    q, k, v = q + 4 * task * q_step, k + 4 * task * k_step, v + 4 * task * v_step
    gk, gv = gk + 4 * task * keys * width, gv + 4 * task * keys * values
    _transposed(of_k, k, k_row, keys, width)
    _transposed(of_v, v, v_row, keys, values)
    for top in range(0, length, _BLOCK):
        rows, line = min(_BLOCK, length - top), task * length + top
        seen = min(keys, top + rows) if causal else keys
        of_q, of_g = q + 4 * top * q_row, g + 4 * line * values
        _times_transposed(powers, columns, of_q, q_row, of_k, rows, width, seen, zeros)
        _times_transposed(slopes, columns, of_g, values, of_v, rows, values, seen, zeros)
        for i in range(rows):
            sees = min(seen, top + i + 1) if causal else seen
            row, of_row = powers + 4 * i * columns, slopes + 4 * i * columns
            at = mask + 4 * (task * m_step + (top + i) * m_row) if mask else 0
            _masked_scores(row, at, sees, scale)
            _powers(row, sees, seen, load_scalar(sums, line + i))
            inner = _inner(of_g + 4 * i * values, out + 4 * (line + i) * values, values)
            _slopes(of_row, row, sees, inner, scale)
            for j in range(sees, seen):
                store_scalar(of_row, j, np.float32(0))
        _times(gq + 4 * line * width, width, slopes, columns, 1, k, k_row, rows, seen, width, 0,
               zeros)  # fmt: skip
        _times(gk, width, slopes, 1, columns, of_q, q_row, seen, rows, width, 1, zeros)
        _times(gv, values, powers, 1, columns, of_g, values, seen, rows, values, 1, zeros)
