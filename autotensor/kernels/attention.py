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
from autotensor.kernels.rows import zero_floats
from autotensor.kernels.simd import integers, load_scalar, store_scalar

_BLOCK = 64  # queries of a task
_NOWHERE = np.float32(-np.inf)


def whole_panels_fit(*widths):
    """Whether the kernels take matrices of these widths: whole panels."""
    return all(width and width % PANEL == 0 for width in widths)


def attend(q, k, v, mask, causal, scale):
    """(N, H, L, E), (N, H, S, E), (N, H, S, V) -> (N, H, L, V), and the logarithms of row sums.

    ``mask`` is (N, H, L, S), added to the scores, or None; -inf forbids. ``causal``: query i sees
    keys 0 to i. A query that sees nothing gives 0. Heads lie side by side in the memory of results.
    """
    n, heads, length, width = q.shape
    keys, values = v.shape[2:]
    out = _side_by_side((n, heads, length, values))
    sums = np.empty((n, heads, length), np.float32)
    size = _columns(keys) * (width + _BLOCK)
    scale = np.array([scale], np.float32)
    with scratch.borrow(size * threads.get_num_threads()) as memory:
        threads.launch(_forward, n * heads * -(-length // _BLOCK), *_matrices(q, k, v, mask, out),
                       sums, heads, length, keys, width, values, int(causal), scale, memory, size,
                       ZEROS)  # fmt: skip
    return out, sums


def attend_grad(g, q, k, v, mask, causal, scale, out, sums):
    """Gradients of `attend` in q, k and v."""
    n, heads, length, width = q.shape
    keys, values = v.shape[2:]
    found = [_side_by_side(x.shape) for x in (q, k, v)]
    size = _columns(keys) * (width + values + 2 * _BLOCK)
    scale = np.array([scale], np.float32)
    with scratch.borrow(size * threads.get_num_threads()) as memory:
        threads.launch(_backward, n * heads, *_matrices(q, k, v, mask, out, g, *found), sums, heads,
                       length, keys, width, values, int(causal), scale, memory, size,
                       ZEROS)  # fmt: skip
    return found


def _columns(keys):
    return -(-keys // PANEL) * PANEL


def _side_by_side(shape):
    """An array (N, H, L, E) in the memory order (N, L, H, E)."""
    n, heads, length, width = shape
    return np.empty((n, length, heads, width), np.float32).transpose(0, 2, 1, 3)


def _matrices(*arrays):
    """Address of each array (N, H, rows, columns), and its steps but for that along a row, 1."""
    for array in arrays:
        yield from (0, 0, 0, 0) if array is None else (array, *(s // 4 for s in array.strides[:3]))


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


@serial
def _place(address, n, head, step, head_step):
    """Where matrix (n, head) starts."""
    return address + 4 * (n * step + head * head_step)


@Kernel
def _forward(task, worker, arguments):
    (q, q_n, q_head, q_row, k, k_n, k_head, k_row, v, v_n, v_head, v_row, mask, m_n, m_head, m_row,
     out, o_n, o_head, o_row, sums, heads, length, keys, width, values, causal, scale, memory, size,
     zeros) = integers(arguments, 31)  # fmt: skip
    blocks = -(-length // _BLOCK)
    matrix, top = task // blocks, task % blocks * _BLOCK
    n, head = matrix // heads, matrix % heads
    rows = min(_BLOCK, length - top)
    scale = load_scalar(scale, 0)
    panels = memory + 4 * size * worker
    columns = -(-keys // PANEL) * PANEL
    scores = panels + 4 * columns * width
    seen = min(keys, top + rows) if causal else keys
    _transposed(panels, _place(k, n, head, k_n, k_head), k_row, seen, width)
    _times_transposed(scores, columns, _place(q, n, head, q_n, q_head) + 4 * top * q_row, q_row,
                      panels, rows, width, seen, zeros)  # fmt: skip
    for i in range(rows):
        row, line = scores + 4 * i * columns, matrix * length + top + i
        sees = min(seen, top + i + 1) if causal else seen
        of_row = _place(mask, n, head, m_n, m_head) + 4 * (top + i) * m_row if mask else 0
        high = _masked_scores(row, of_row, sees, scale)
        less = np.float32(0) if high == _NOWHERE else high
        total = _powers(row, sees, seen, less)
        if total == 0:
            store_scalar(sums, line, np.float32(0))  # its powers are all 0, whatever is taken off
        else:
            _scaled(row, sees, np.float32(1) / total)
            store_scalar(sums, line, less + np.float32(math.log(total)))
    _times(_place(out, n, head, o_n, o_head) + 4 * top * o_row, o_row, scores, columns, 1,
           _place(v, n, head, v_n, v_head), v_row, rows, seen, values, 0, zeros)  # fmt: skip


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
    (q, q_n, q_head, q_row, k, k_n, k_head, k_row, v, v_n, v_head, v_row, mask, m_n, m_head, m_row,
     out, o_n, o_head, o_row, g, g_n, g_head, g_row, gq, gq_n, gq_head, gq_row, gk, gk_n, gk_head,
     gk_row, gv, gv_n, gv_head, gv_row, sums, heads, length, keys, width, values, causal, scale,
     memory, size, zeros) = integers(arguments, 47)  # fmt: skip
    n, head = task // heads, task % heads
    q, k, v = (_place(q, n, head, q_n, q_head), _place(k, n, head, k_n, k_head),
               _place(v, n, head, v_n, v_head))  # fmt: skip
    out, g = _place(out, n, head, o_n, o_head), _place(g, n, head, g_n, g_head)
    gq, gk, gv = (_place(gq, n, head, gq_n, gq_head), _place(gk, n, head, gk_n, gk_head),
                  _place(gv, n, head, gv_n, gv_head))  # fmt: skip
    scale = load_scalar(scale, 0)
    columns = -(-keys // PANEL) * PANEL
    of_k = memory + 4 * size * worker
    of_v = of_k + 4 * columns * width
    powers = of_v + 4 * columns * values
    slopes = powers + 4 * columns * _BLOCK
    _transposed(of_k, k, k_row, keys, width)
    _transposed(of_v, v, v_row, keys, values)
    for j in range(keys):  # to which all queries add
        zero_floats(gk + 4 * j * gk_row, width)
        zero_floats(gv + 4 * j * gv_row, values)
    for top in range(0, length, _BLOCK):
        rows = min(_BLOCK, length - top)
        seen = min(keys, top + rows) if causal else keys
        of_q, of_g = q + 4 * top * q_row, g + 4 * top * g_row
        _times_transposed(powers, columns, of_q, q_row, of_k, rows, width, seen, zeros)
        _times_transposed(slopes, columns, of_g, g_row, of_v, rows, values, seen, zeros)
        for i in range(rows):
            sees = min(seen, top + i + 1) if causal else seen
            row, of_row = powers + 4 * i * columns, slopes + 4 * i * columns
            at = _place(mask, n, head, m_n, m_head) + 4 * (top + i) * m_row if mask else 0
            _masked_scores(row, at, sees, scale)
            _powers(row, sees, seen, load_scalar(sums, task * length + top + i))
            inner = _inner(of_g + 4 * i * g_row, out + 4 * (top + i) * o_row, values)
            _slopes(of_row, row, sees, inner, scale)
            for j in range(sees, seen):
                store_scalar(of_row, j, np.float32(0))
        _times(gq + 4 * top * gq_row, gq_row, slopes, columns, 1, k, k_row, rows, seen, width, 0,
               zeros)  # fmt: skip
        _times(gk, gk_row, slopes, 1, columns, of_q, q_row, seen, rows, width, 1, zeros)
        _times(gv, gv_row, powers, 1, columns, of_g, g_row, seen, rows, values, 1, zeros)
