"""Recurrent layers in float32: a whole sequence, forward or backward, is one job for the threads.

Samples do not depend on each other, so a task carries some rows of the batch through all steps and
nobody waits between steps. A step is one matrix product, from ``[x, 1, h]`` to the pre-activations
of all gates, and one pass over them while they are in the cache. Gates are padded to whole
panels of the micro-kernel. Each row is a sum of its own, so results do not depend on the
partition; gradients of weights are one product over all steps and samples.
"""

import numpy as np

from autotensor.kernels import scratch, threads
from autotensor.kernels.cells import (
    GRU,
    LSTM,
    TANH,
    gru_cell,
    gru_cell_grad,
    lstm_cell,
    lstm_cell_grad,
    plain_cell,
    plain_cell_grad,
)
from autotensor.kernels.gemm import PANEL, ZEROS, multiply_panel
from autotensor.kernels.jit import Kernel, serial
from autotensor.kernels.layout import floats
from autotensor.kernels.matrix import matmul
from autotensor.kernels.rows import copy_floats
from autotensor.kernels.simd import integers, load_scalar, store_scalar

_MODES = ("tanh", "relu", "lstm", "gru")
_BLOCK = 32  # rows of a task: with a panel of weights they stay in the first-level cache
_FEW = 4  # rows that are not worth a task
_SMALL = 1 << 20  # multiplications that are not worth a second thread
_DEPTH = 512  # of a panel in one go
# A task of a weight gradient: panels of gates, columns of z, and rows of both taken together,
# which a second-level cache holds.
_GROUP, _COLUMNS, _CHUNK = max(1, 64 // PANEL), 240, 128


def recurrence(mode, x, h0, c0, w_ih, w_hh, b_ih, b_hh, reverse, save):
    """All hidden states of one layer in one direction; for "lstm" the last cell state after them.

    (T, N, I), (N, H), (N, H), (G H, I), (G H, H), (G H), (G H) -> (T, N, H) or (T + 1, N, H).
    Biases may be None, ``c0`` if there is no cell. The second value is for `recurrence_grad` if
    ``save``; otherwise memory for a single step is used, and it is None.
    """
    kind, (steps, n, width), hidden = _MODES.index(mode), x.shape, w_hh.shape[1]
    joined = _joined(kind, w_ih, w_hh, b_ih, b_hh)
    count, padded, _ = joined.shape
    depth, kept = width + 1 + hidden, steps if save else 1
    z = np.empty((kept, n, depth), np.float32)
    z[0, :, width + 1 :] = h0
    gates = np.empty((kept, n, count * padded), np.float32)
    cells = np.empty((steps + 1 if kind == LSTM else 0, n, hidden), np.float32)
    value = np.empty((len(cells) or steps, n, hidden), np.float32)
    if kind == LSTM:
        cells[0] = c0
    x, out = _turned(x, reverse), _turned(value[:steps], reverse)
    panels = _packed(joined.reshape(count * padded, -1)[:, :depth].T)
    rows, tasks = _partition(n, steps * depth * count * padded)
    z_step, gates_step = ((a[0].size if save else 0) for a in (z, gates))
    threads.launch(_forward, tasks, kind, x.ctypes.data, *(s // 4 for s in x.strides),
                   panels.ctypes.data, z.ctypes.data, z_step, gates.ctypes.data, gates_step,
                   cells.ctypes.data, out.ctypes.data, out.strides[0] // 4, steps, n, width,
                   hidden, rows, ZEROS.ctypes.data)  # fmt: skip
    if kind == LSTM:
        value[steps] = cells[steps]
    return value, (z, gates, cells) if save else None


def recurrence_grad(mode, g, w_ih, w_hh, saved, reverse, wants_x):
    """Gradients of `recurrence` in x (None unless ``wants_x``), h0, c0, weights and biases."""
    kind, (z, gates, cells) = _MODES.index(mode), saved
    (steps, n, depth), hidden = z.shape, w_hh.shape[1]
    g = np.ascontiguousarray(g)
    joined = _joined(kind, w_ih, w_hh, None, None)
    count, padded, width = joined.shape[0], joined.shape[1], w_ih.shape[1]
    gh, gc = np.zeros((n, padded), np.float32), np.zeros((n, padded), np.float32)
    if kind == LSTM:
        gc[:, :hidden] = g[steps]
    # The gates that h reaches, all but the first of a GRU.
    panels = _packed(joined[_of_hidden(kind)].reshape(-1, joined.shape[2])[:, width + 1 :])
    out = _turned(g[:steps], reverse)
    rows, tasks = _partition(n, steps * hidden * count * padded)
    with scratch.borrow(gates.size) as memory:
        pulled = memory.reshape(gates.shape)
        threads.launch(_backward, tasks, kind, out.ctypes.data, out.strides[0] // 4,
                       gates.ctypes.data, pulled.ctypes.data, z.ctypes.data, cells.ctypes.data,
                       gh.ctypes.data, gc.ctypes.data, panels.ctypes.data, steps, n, width,
                       hidden, rows, ZEROS.ctypes.data)  # fmt: skip
        pulled = pulled.reshape(steps * n, -1)
        gx = None
        if wants_x:
            inputs = joined[: 3 if kind == GRU else count].reshape(-1, joined.shape[2])[:, :width]
            gx = matmul(pulled[:, : len(inputs)], inputs).reshape(steps, n, width)
            gx = _turned(gx, reverse)
        found = _weight_grads(kind, z.reshape(-1, depth), pulled, padded, width, hidden)
    return gx, gh[:, :hidden], gc[:, :hidden] if kind == LSTM else None, *found


def _weight_grads(kind, z, pulled, padded, width, hidden):
    """Gradients in w_ih, w_hh, b_ih, b_hh."""
    if kind == GRU:
        of_input = _outer(z[:, : width + 1], pulled[:, : 3 * padded])
        of_hidden = _outer(z[:, width:], pulled[:, padded:])
    else:
        both = _outer(z, pulled)
        of_input, of_hidden = both[:, : width + 1], both[:, width:]
    # In the order of the parameters' rows; a copy, since no two gradients may share memory.
    of_input = of_input.reshape(-1, padded, width + 1)[_of_input(kind), :hidden]
    of_hidden = of_hidden.reshape(-1, padded, hidden + 1)[:, :hidden]
    parts = ((of_input[..., :width], width), (of_hidden[..., 1:], hidden))
    weights = (np.array(part, order="C").reshape(-1, columns) for part, columns in parts)
    return *weights, of_input[..., width].flatten(), of_hidden[..., 0].flatten()


def _outer(z, pulled):
    """``pulled' z``, summed over all steps and samples: (R, M), (R, whole panels) -> (.., M)."""
    (count, m), panels = z.shape, pulled.shape[1] // PANEL
    out = np.empty((panels, m, PANEL), np.float32)
    tasks = -(-panels // _GROUP) * -(-m // _COLUMNS)
    with scratch.borrow(_CHUNK * PANEL * threads.get_num_threads()) as memory:
        threads.launch(_add_outer, tasks, z.ctypes.data, z.strides[0] // 4, pulled.ctypes.data,
                       pulled.strides[0] // 4, out.ctypes.data, count, m, panels,
                       memory.ctypes.data, ZEROS.ctypes.data)  # fmt: skip
    return out.transpose(0, 2, 1).reshape(-1, m)


def _of_input(kind):
    """Which gates the rows of w_ih belong to.

    A GRU keeps what x and h give to its new state apart: n of x, r, z, n of h.
    """
    return [1, 2, 0] if kind == GRU else slice(None)


def _of_hidden(kind):
    """Which gates the rows of w_hh belong to."""
    return slice(1, None) if kind == GRU else slice(None)


def _joined(kind, w_ih, w_hh, b_ih, b_hh):
    """The weights as one matrix [w_ih | bias | w_hh], (gates, padded H, I + 1 + padded H)."""
    hidden, width = w_hh.shape[1], w_ih.shape[1]
    padded = -(-hidden // PANEL) * PANEL
    joined = np.zeros((_gate_count(kind), padded, width + 1 + padded), np.float32)
    joined[_of_input(kind), :hidden, :width] = w_ih.reshape(-1, hidden, width)
    joined[_of_hidden(kind), :hidden, width + 1 : width + 1 + hidden] = w_hh.reshape(
        -1, hidden, hidden
    )
    for gates, bias in ((_of_input(kind), b_ih), (_of_hidden(kind), b_hh)):
        if bias is not None:
            joined[gates, :hidden, width] += bias.reshape(-1, hidden)
    return joined


def _packed(matrix):
    """(K, columns), a whole number of panels -> (panels, K, PANEL)."""
    panels = np.empty((matrix.shape[1] // PANEL, len(matrix), PANEL), np.float32)
    steps = [step // 4 for step in matrix.strides]
    threads.launch(_pack, len(panels), matrix.ctypes.data, *steps, panels.ctypes.data, len(matrix))
    return panels


def _turned(sequence, reverse):
    return sequence[::-1] if reverse else sequence


def _partition(n, work):
    """``(rows of a task, number of tasks)``; ``work`` is that of one row."""
    if n * work < _SMALL:
        return n, 1
    workers = threads.get_num_threads()
    rows = max(_FEW, -(-n // (workers * -(-n // (_BLOCK * workers)))))
    return rows, -(-n // rows)


@serial
def _gate_count(kind):
    return 4 if kind >= LSTM else 1


@serial
def _product(a, a_row, panel, c, c_row, rows, depth, add, zeros):
    """C[rows, PANEL] (+)= A[rows, depth] times a packed panel."""
    for first in range(0, depth, _DEPTH):
        multiply_panel(a + 4 * first, a_row, 1, panel + 4 * first * PANEL, PANEL, c, c_row, rows,
                       min(_DEPTH, depth - first), int(add or first > 0), zeros)  # fmt: skip


@serial
def _preactivate(kind, z, depth, panels, gates, line, rows, width, zeros):
    """What enters the gates: ``z`` times all weights but those that are zero in a GRU."""
    count = line // PANEL
    for p in range(count):
        first = width if kind == GRU and p >= count - count // 4 else 0
        last = width + 1 if kind == GRU and p < count // 4 else depth
        panel = panels + 4 * PANEL * (p * depth + first)
        to = gates + 4 * PANEL * p
        _product(z + 4 * first, depth, panel, to, line, rows, last - first, False, zeros)


@serial
def _load_input(z, depth, x, x_row, x_column, rows, width):
    """Write x and the 1 of the bias to the left of the hidden state."""
    for i in range(rows):
        for k in range(width):
            store_scalar(z, i * depth + k, load_scalar(x, i * x_row + k * x_column))
        store_scalar(z, i * depth + width, np.float32(1))


@Kernel
def _pack(task, worker, arguments):
    """One panel: PANEL columns of the matrix."""
    matrix, row, column, panels, depth = integers(arguments, 5)
    matrix += 4 * task * PANEL * column
    panel = panels + 4 * task * PANEL * depth
    for k in range(depth):
        for j in range(PANEL):
            store_scalar(panel, k * PANEL + j, load_scalar(matrix, k * row + j * column))


@Kernel
def _forward(task, worker, arguments):
    """Some rows of the batch, through all steps."""
    (kind, x, x_step, x_row, x_column, panels, z, z_step, gates, gates_step, cells, out, out_step,
     steps, n, width, hidden, block, zeros) = integers(arguments, 19)  # fmt: skip
    top = task * block
    rows, depth = min(block, n - top), width + 1 + hidden
    line = _gate_count(kind) * (-(-hidden // PANEL) * PANEL)
    x += 4 * top * x_row
    z += 4 * top * depth
    gates += 4 * top * line
    cells += 4 * top * hidden
    out += 4 * top * hidden
    for t in range(steps):
        a, h = floats(gates, rows, line), floats(out, rows, hidden)
        _load_input(z, depth, x, x_row, x_column, rows, width)
        _preactivate(kind, z, depth, panels, gates, line, rows, width, zeros)
        if kind == LSTM:
            following = cells + 4 * n * hidden
            lstm_cell(a, floats(cells, rows, hidden), floats(following, rows, hidden), h)
            cells = following
        elif kind == GRU:
            gru_cell(a, floats(z, rows, depth)[:, width + 1 :], h)
        else:
            plain_cell(a, h, kind == TANH)
        z += 4 * z_step
        if t + 1 < steps:
            for i in range(rows):
                copy_floats(z + 4 * (i * depth + width + 1), out + 4 * i * hidden, hidden)
        x += 4 * x_step
        gates += 4 * gates_step
        out += 4 * out_step


@Kernel
def _backward(task, worker, arguments):
    """Some rows of the batch, from the last step to the first."""
    (kind, g, g_step, gates, pulled, z, cells, gh, gc, panels, steps, n, width, hidden, block,
     zeros) = integers(arguments, 16)  # fmt: skip
    top = task * block
    rows, depth, padded = min(block, n - top), width + 1 + hidden, -(-hidden // PANEL) * PANEL
    line = _gate_count(kind) * padded
    skipped = padded if kind == GRU else 0
    gh += 4 * top * padded
    for t in range(steps - 1, -1, -1):
        first = t * n + top
        g_out = floats(g + 4 * (t * g_step + top * hidden), rows, hidden)
        a = floats(gates + 4 * first * line, rows, line)
        da, dh = floats(pulled + 4 * first * line, rows, line), floats(gh, rows, padded)
        if kind == LSTM:
            before = floats(cells + 4 * first * hidden, rows, hidden)
            after = floats(cells + 4 * (first + n) * hidden, rows, hidden)
            dc = floats(gc + 4 * top * padded, rows, padded)
            lstm_cell_grad(g_out, a, before, after, dh, dc, da)
        elif kind == GRU:
            h = floats(z + 4 * first * depth, rows, depth)[:, width + 1 :]
            gru_cell_grad(g_out, a, h, dh, da)
        else:
            plain_cell_grad(g_out, a, dh, da, kind == TANH)
        of_hidden = pulled + 4 * (first * line + skipped)
        for p in range(padded // PANEL):
            panel = panels + 4 * PANEL * p * (line - skipped)
            _product(of_hidden, line, panel, gh + 4 * PANEL * p, padded, rows, line - skipped,
                     kind == GRU, zeros)  # fmt: skip


@Kernel
def _add_outer(task, worker, arguments):
    """Some panels and some columns of z: the sum over all rows, chunk by chunk."""
    z, z_row, pulled, line, out, count, m, panels, memory, zeros = integers(arguments, 10)
    groups = -(-panels // _GROUP)
    start, left = task % groups * _GROUP, task // groups * _COLUMNS
    columns, packed = min(_COLUMNS, m - left), memory + 4 * _CHUNK * PANEL * worker
    for first in range(0, count, _CHUNK):
        rows = min(_CHUNK, count - first)
        for p in range(start, min(start + _GROUP, panels)):
            for i in range(rows):
                copy_floats(
                    packed + 4 * i * PANEL, pulled + 4 * ((first + i) * line + p * PANEL), PANEL
                )
            multiply_panel(z + 4 * (first * z_row + left), 1, z_row, packed, PANEL,
                           out + 4 * (p * m + left) * PANEL, PANEL, columns, rows,
                           int(first > 0), zeros)  # fmt: skip
