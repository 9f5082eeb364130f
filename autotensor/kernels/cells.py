"""One step of a recurrent cell in float32, on the rows of one task; pre-activations are given.

A row of gates holds all gates of a sample one after another, each padded to the same width. The
activated gates take the place of the pre-activations: that is what the gradient needs.
"""

import numpy as np

from autotensor.kernels.exponential import exp32
from autotensor.kernels.jit import serial

TANH, RELU, LSTM, GRU = range(4)

# tanh(x) / x - 1 in powers of x**2 for |x| < 0.625 (Moshier, Cephes tanhf).
_T0, _T1, _T2 = (
    np.float32(-5.70498872745e-3),
    np.float32(2.06390887954e-2),
    np.float32(-5.37397155531e-2),
)
_T3, _T4 = np.float32(1.33314422036e-1), np.float32(-3.33332819422e-1)
_NEAR = np.float32(0.625)
_ZERO, _ONE, _TWO = np.float32(0), np.float32(1), np.float32(2)


@serial
def sigmoid32(x):
    """``1 / (1 + exp(-x))`` of a float32."""
    return _ONE / (_ONE + exp32(-x))


@serial
def tanh32(x):
    """``tanh(x)`` of a float32, to within a few units in the last place."""
    s = x * x
    near = ((((_T0 * s + _T1) * s + _T2) * s + _T3) * s + _T4) * s * x + x
    far = _ONE - _TWO / (exp32(x + x) + _ONE)
    return near if abs(x) < _NEAR else far


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
