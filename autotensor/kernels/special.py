"""Functions that NumPy lacks, each element for itself, in the dtype and shape of the argument."""

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


@serial
def _erfc(x, y):
    for i in range(x.size):
        y[i] = math.erfc(x[i])


@serial
def _lgamma(x, y):
    for i in range(x.size):
        y[i] = math.lgamma(x[i])


@serial
def _erfinv(x, y):
    slope = 2 / math.sqrt(math.pi)
    for i in range(x.size):
        target = abs(np.float64(x[i]))
        if not target < 1:
            y[i] = math.inf * x[i] if target == 1 else math.nan
            continue
        # Winitzki's approximation, made exact by Halley's method.
        log = math.log1p(-target * target)
        middle = 2 / (math.pi * 0.147) + log / 2
        z = math.sqrt(math.sqrt(middle * middle - log / 0.147) - middle)
        for _ in range(3):
            off = ((1 - target) - math.erfc(z)) / (slope * math.exp(-z * z))
            z -= off / (1 + z * off)
        y[i] = math.copysign(z, x[i])


def _each(loop, summary, narrow=None):
    """A function by a loop over elements, another one for float32 if ``narrow`` is given."""

    def function(x):
        if x.dtype == np.float16:  # which Numba does not compute with
            return function(x.astype(np.float32)).astype(x.dtype)
        if x.dtype.kind != "f":
            raise RuntimeError(f"{loop.__name__.strip('_')}: not defined for {x.dtype}: use x.real")
        y = np.empty(x.shape, x.dtype)
        run = narrow if narrow is not None and x.dtype == np.float32 else loop
        run(np.ascontiguousarray(x).reshape(-1), y.reshape(-1))
        return y

    function.__doc__ = summary
    return function


erf = _each(_erf, "The error function.", _erf32)
erfc = _each(_erfc, "The complementary error function, ``1 - erf(x)``.")
erfinv = _each(_erfinv, "The inverse of the error function.")
lgamma = _each(_lgamma, "The logarithm of the magnitude of the gamma function.")

# B_2k / (2k)! for k = 1, 2, ..., B the Bernoulli numbers
_BERNOULLI = [
    b / math.factorial(2 * k)
    for k, b in enumerate(
        (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510), 1
    )
]
_FAR = 16  # from where the asymptotic series is exact


def polygamma(n, x):
    """The derivative of order ``n`` of digamma (Abramowitz and Stegun 1964, 6.4).

    By the recurrence to large arguments, and their asymptotic series. Arguments below 0 are
    reflected for ``n`` 0 and 1, and give NaN for others.
    """
    z = x.astype(np.float64)
    with np.errstate(all="ignore"):
        below = z < 0
        value = _of_positive(n, np.where(below, 1 - z, z))
        if n == 0:
            value = np.where(below, value - math.pi / np.tan(math.pi * z), value)
        elif n == 1:
            value = np.where(below, (math.pi / np.sin(math.pi * z)) ** 2 - value, value)
        else:
            value = np.where(below, np.nan, value)
        poles = below & (z == np.floor(z))
        return np.where(poles, np.nan if n != 1 else np.inf, value).astype(x.dtype)


def _of_positive(n, z):
    total, sign = np.zeros_like(z), (-1) ** n
    while (near := z < _FAR).any():
        total = np.where(near, total - sign * math.factorial(n) / z ** (n + 1), total)
        z = np.where(near, z + 1, z)
    leading = -np.log(z) if n == 0 else math.factorial(n - 1) / z**n
    leading = leading + math.factorial(n) / (2 * z ** (n + 1))
    for k, b in enumerate(_BERNOULLI, 1):
        leading = leading + b * math.factorial(2 * k + n - 1) / z ** (2 * k + n)
    return total - sign * leading
