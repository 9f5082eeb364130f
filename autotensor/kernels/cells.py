"""One step of a recurrent cell in float32, on the rows of one task; pre-activations are given.

A row of gates holds all gates of a sample one after another, each padded to the same width. The
activated gates take the place of the pre-activations: that is what the gradient needs.
"""

import numpy as np

from autotensor.kernels.exponential import exp32
from autotensor.kernels.jit import serial

TANH, RELU, LSTM, GRU = range(4)

# tanh(x) as x P(x**2) / Q(x**2), a minimax fit on |x| < 7.9 (Eigen's ptanh); beyond, tanh is 1.
_END = np.float32(7.90531110763549805)
_P0, _P1, _P2, _P3 = (
    np.float32(4.89352455891786e-03),
    np.float32(6.37261928875436e-04),
    np.float32(1.48572235717979e-05),
    np.float32(5.12229709037114e-08),
)
_P4, _P5, _P6 = (
    np.float32(-8.60467152213735e-11),
    np.float32(2.00018790482477e-13),
    np.float32(-2.76076847742355e-16),
)
_Q0, _Q1, _Q2, _Q3 = (
    np.float32(4.89352518554385e-03),
    np.float32(2.26843463243900e-03),
    np.float32(1.18534705686654e-04),
    np.float32(1.19825839466702e-06),
)
_ZERO, _ONE = np.float32(0), np.float32(1)


@serial
def sigmoid32(x):
    """``1 / (1 + exp(-x))`` of a float32."""
    return _ONE / (_ONE + exp32(-x))


@serial
def tanh32(x):
    """``tanh(x)`` of a float32, to within a few units in the last place."""
    inside = x if x > -_END else -_END
    inside = _END if inside > _END else inside
    s = inside * inside
    p = (((((_P6 * s + _P5) * s + _P4) * s + _P3) * s + _P2) * s + _P1) * s + _P0
    y = inside * p / (((_Q3 * s + _Q2) * s + _Q1) * s + _Q0)
    y = _ONE if x > _END else y
    y = -_ONE if x < -_END else y
    return x if x != x else y


@serial
def _sigmoid(row):
    for k in range(len(row)):
        row[k] = sigmoid32(row[k])


@serial
def _tanh(row):
    for k in range(len(row)):
        row[k] = tanh32(row[k])


@serial
def _gate(rows, i, number, hidden):
    """Gate ``number`` of four of sample ``i``, without what pads it."""
    start = number * (rows.shape[1] // 4)
    return rows[i][start : start + hidden]


@serial
def _clear_padding(row, count, hidden):
    padded = len(row) // count
    for gate in range(count):
        row[gate * padded + hidden : (gate + 1) * padded] = 0


@serial
def lstm_cell(gates, before, after, h):
    """``c' = f c + i g``, ``h = o tanh(c')`` (Hochreiter and Schmidhuber 1997; gates i, f, g, o).

    ``before`` and ``after`` hold the cell states c and c'.
    """
    hidden = h.shape[1]
    for r in range(len(h)):
        i, f = _gate(gates, r, 0, hidden), _gate(gates, r, 1, hidden)
        g, o = _gate(gates, r, 2, hidden), _gate(gates, r, 3, hidden)
        _sigmoid(i)
        _sigmoid(f)
        _tanh(g)
        _sigmoid(o)
        old, new, out = before[r], after[r], h[r]
        for k in range(hidden):
            new[k] = f[k] * old[k] + i[k] * g[k]
        for k in range(hidden):
            out[k] = o[k] * tanh32(new[k])


@serial
def lstm_cell_grad(g_out, gates, before, after, dh, dc, pulled):
    """Gradients in the pre-activations, and in c (which takes the place of that in c')."""
    hidden = g_out.shape[1]
    for r in range(len(g_out)):
        i, f = _gate(gates, r, 0, hidden), _gate(gates, r, 1, hidden)
        g, o = _gate(gates, r, 2, hidden), _gate(gates, r, 3, hidden)
        di, df = _gate(pulled, r, 0, hidden), _gate(pulled, r, 1, hidden)
        dg, do = _gate(pulled, r, 2, hidden), _gate(pulled, r, 3, hidden)
        old, new, later, outer, dcell = before[r], after[r], dh[r], g_out[r], dc[r]
        for k in range(hidden):
            bent = tanh32(new[k])
            d = later[k] + outer[k]
            dcell[k] += d * o[k] * (_ONE - bent * bent)
            do[k] = d * bent * o[k] * (_ONE - o[k])
        for k in range(hidden):
            d = dcell[k]
            di[k] = d * g[k] * i[k] * (_ONE - i[k])
            df[k] = d * old[k] * f[k] * (_ONE - f[k])
            dg[k] = d * i[k] * (_ONE - g[k] * g[k])
            dcell[k] = d * f[k]
        _clear_padding(pulled[r], 4, hidden)


@serial
def gru_cell(gates, before, h):
    """``n = tanh(n_x + r n_h)``, ``h' = n + z (h - n)`` (Cho et al. 2014; gates n_x, r, z, n_h).

    ``before`` holds h; n takes the place of n_x.
    """
    hidden = h.shape[1]
    for i in range(len(h)):
        n, r = _gate(gates, i, 0, hidden), _gate(gates, i, 1, hidden)
        z, n_h = _gate(gates, i, 2, hidden), _gate(gates, i, 3, hidden)
        _sigmoid(r)
        _sigmoid(z)
        old, out = before[i], h[i]
        for k in range(hidden):
            n[k] = tanh32(n[k] + r[k] * n_h[k])
        for k in range(hidden):
            out[k] = n[k] + z[k] * (old[k] - n[k])


@serial
def gru_cell_grad(g_out, gates, before, dh, pulled):
    """Gradients in the pre-activations, and that part of the one in h that needs no weights."""
    hidden = g_out.shape[1]
    for i in range(len(g_out)):
        n, r = _gate(gates, i, 0, hidden), _gate(gates, i, 1, hidden)
        z, n_h = _gate(gates, i, 2, hidden), _gate(gates, i, 3, hidden)
        dn, dr = _gate(pulled, i, 0, hidden), _gate(pulled, i, 1, hidden)
        dz, dn_h = _gate(pulled, i, 2, hidden), _gate(pulled, i, 3, hidden)
        old, later, outer = before[i], dh[i], g_out[i]
        for k in range(hidden):
            d = later[k] + outer[k]
            later[k] = d * z[k]
            dz[k] = d * (old[k] - n[k]) * z[k] * (_ONE - z[k])
            dn[k] = d * (_ONE - z[k]) * (_ONE - n[k] * n[k])
        for k in range(hidden):
            dn_h[k] = dn[k] * r[k]
            dr[k] = dn[k] * n_h[k] * r[k] * (_ONE - r[k])
        _clear_padding(pulled[i], 4, hidden)


@serial
def plain_cell(gates, h, bent):
    """``h = tanh(a)`` if ``bent``, else ``max(a, 0)`` (Elman 1990)."""
    for i in range(len(h)):
        a, out = gates[i], h[i]
        for k in range(len(out)):
            a[k] = tanh32(a[k]) if bent else (_ZERO if a[k] < 0 else a[k])
        for k in range(len(out)):
            out[k] = a[k]


@serial
def plain_cell_grad(g_out, gates, dh, pulled, bent):
    """The gradient in the pre-activations."""
    hidden = g_out.shape[1]
    for i in range(len(g_out)):
        y, d, later, outer = gates[i], pulled[i], dh[i], g_out[i]
        for k in range(hidden):
            slope = _ONE - y[k] * y[k] if bent else np.float32(y[k] != 0)
            d[k] = (later[k] + outer[k]) * slope
        _clear_padding(d, 1, hidden)
