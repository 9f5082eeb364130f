"""Functions that NumPy lacks."""

import math

import numpy as np

from autotensor.kernels.jit import serial

# erf(x) as x P(x**2) / Q(x**2), a minimax fit on |x| < 4 (Eigen's perf); beyond, erf is 1.
_END = np.float32(4)
_P0, _P1, _P2, _P3 = (
    np.float32(-1.60960333262415e-02),
    np.float32(-2.95459980854025e-03),
    np.float32(-7.34990630326855e-04),
    np.float32(-5.69250639462346e-05),
)
_P4, _P5, _P6 = (
    np.float32(-2.10102402082508e-06),
    np.float32(2.77068142495902e-08),
    np.float32(-2.72614225801306e-10),
)
_Q0, _Q1, _Q2 = (
    np.float32(-1.42647390514189e-02),
    np.float32(-7.37332916720468e-03),
    np.float32(-1.68282697438203e-03),
)
_Q3, _Q4 = np.float32(-2.13374055278905e-04), np.float32(-1.45660718464996e-05)


@serial
def erf32(x):
    """``erf(x)`` of a float32, to within a few units in the last place."""
    inside = x if x > -_END else -_END
    inside = _END if inside > _END else inside
    s = inside * inside
    p = (((((_P6 * s + _P5) * s + _P4) * s + _P3) * s + _P2) * s + _P1) * s + _P0
    y = inside * p / ((((_Q4 * s + _Q3) * s + _Q2) * s + _Q1) * s + _Q0)
    return x if x != x else y


@serial
def _erf(x, y):
    for i in range(x.size):
        y[i] = math.erf(x[i])


@serial
def _erf32(x, y):
    for i in range(x.size):
        y[i] = erf32(x[i])


def erf(x):
    """The error function of each element, in the dtype and shape of ``x``."""
    if x.dtype == np.float16:  # which Numba does not compute with
        return erf(x.astype(np.float32)).astype(x.dtype)
    y = np.empty(x.shape, x.dtype)
    run = _erf32 if x.dtype == np.float32 else _erf
    run(np.ascontiguousarray(x).reshape(-1), y.reshape(-1))
    return y
