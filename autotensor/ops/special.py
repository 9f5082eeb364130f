"""Functions beside the elementary ones, element by element: of errors, gamma, logistic, logs."""

import math

import numpy as np

from autotensor import dtypes, kernels
from autotensor.ops.arguments import cast, floating, tensor_of
from autotensor.ops.elementary import exp, log, sigmoid, sin
from autotensor.ops.elementwise import abs, pair, pow, where
from autotensor.tensor import Tensor, record

__all__ = [
    "copysign",
    "deg2rad",
    "digamma",
    "erfc",
    "erfinv",
    "float_power",
    "fmax",
    "fmin",
    "heaviside",
    "hypot",
    "ldexp",
    "lgamma",
    "logaddexp",
    "logaddexp2",
    "logit",
    "mvlgamma",
    "polygamma",
    "rad2deg",
    "sinc",
    "xlogy",
]

_quiet = np.errstate(all="ignore")


def _floating_pair(x, y, name):
    x, y = pair(x, y, name)
    return floating(x, name), floating(y, name)


@_quiet
def erfc(input):
    """``1 - erf(input)``, exact where that is small."""
    x = floating(input, "erfc")
    slope = -2 / math.sqrt(math.pi)
    return record(kernels.erfc(x.array), (x, lambda g: g * (exp(-(x * x)) * slope)))


@_quiet
def erfinv(input):
    """The inverse of erf on (-1, 1)."""
    x = floating(input, "erfinv")
    slope = math.sqrt(math.pi) / 2
    return record(kernels.erfinv(x.array), (x, lambda g, y: g * (exp(y * y) * slope), True))


@_quiet
def lgamma(input):
    """The logarithm of the magnitude of the gamma function."""
    x = floating(input, "lgamma")
    return record(kernels.lgamma(x.array), (x, lambda g: g * digamma(x)))


def digamma(input):
    """The derivative of `lgamma`."""
    return polygamma(0, input)


@_quiet
def polygamma(n, input):
    """The derivative of order ``n`` of `digamma`."""
    x = floating(input, "polygamma")
    if n < 0:
        raise RuntimeError(f"polygamma: the order n must not be negative, got {n}")
    if x.dtype.kind == "c":
        raise RuntimeError(f"polygamma: not defined for {x.dtype}: use x.real")
    return record(kernels.polygamma(n, x.array), (x, lambda g: g * polygamma(n + 1, x)))


def mvlgamma(input, p):
    """The logarithm of the multivariate gamma function of dimension ``p``."""
    x = floating(input, "mvlgamma")
    if p < 1 or not (x.array > (p - 1) / 2).all():
        raise RuntimeError("mvlgamma: expected p >= 1, and all elements greater than (p - 1) / 2")
    constant = p * (p - 1) / 4 * math.log(math.pi)
    return sum(lgamma(x - j / 2) for j in range(p)) + constant


def logit(input, eps=None):
    """``log(x / (1 - x))``, the inverse of sigmoid; ``eps`` limits x to between eps and 1 - eps."""
    x = floating(input, "logit")
    if eps is None:
        return log(x / (1 - x))
    low, high = (np.asarray(limit, x.dtype) for limit in (eps, 1 - eps))
    inside = Tensor((x.array >= low) & (x.array <= high))
    limited = record(np.clip(x.array, low, high), (x, lambda g: where(inside, g, 0)))
    return log(limited / (1 - limited))


@_quiet
def xlogy(input, other):
    """``x * log(y)``, and 0 where x is 0 and y is not NaN."""
    x, y = _floating_pair(input, other, "xlogy")
    nothing = (x.array == 0) & ~np.isnan(y.array)
    value = np.where(nothing, x.dtype.type(0), x.array * np.log(y.array))
    edge = Tensor((x.array == 0) & (y.array <= 0))
    return record(value, (x, lambda g: where(edge, 0, xlogy(g, y))), (y, lambda g: g * (x / y)))


@_quiet
def logaddexp(input, other):
    """``log(exp(x) + exp(y))``, without overflow."""
    x, y = _floating_pair(input, other, "logaddexp")
    value = np.logaddexp(x.array, y.array)
    return record(value, (x, lambda g: g * sigmoid(x - y)), (y, lambda g: g * sigmoid(y - x)))


@_quiet
def logaddexp2(input, other):
    """``log2(2**x + 2**y)``, without overflow."""
    x, y = _floating_pair(input, other, "logaddexp2")
    ln2 = math.log(2)
    return record(
        np.logaddexp2(x.array, y.array),
        (x, lambda g: g * sigmoid((x - y) * ln2)),
        (y, lambda g: g * sigmoid((y - x) * ln2)),
    )


def hypot(input, other):
    """``sqrt(x**2 + y**2)``, without overflow."""
    x, y = _floating_pair(input, other, "hypot")
    value = np.hypot(x.array, y.array)
    return record(value, (x, lambda g, r: g * (x / r), True), (y, lambda g, r: g * (y / r), True))


def sinc(input):
    """``sin(pi * x) / (pi * x)``, 1 at 0."""
    z = floating(input, "sinc") * math.pi
    small = abs(z).array < 0.5
    square, series = z * z, 0.0
    for n in range(8, -1, -1):  # Taylor's polynomial where the quotient loses digits, or is 0 / 0
        series = series * square + (-1) ** n / math.factorial(2 * n + 1)
    away = where(Tensor(small), 1, z)
    return where(Tensor(small), series, sin(away) / away)


def copysign(input, other):
    """The magnitude of ``input`` with the sign of ``other``."""
    x, y = _floating_pair(input, other, "copysign")
    value = np.copysign(x.array, y.array)
    turned = Tensor(np.sign(x.array) * np.sign(value))
    return record(value, (x, lambda g: g * turned), (y, lambda g: g * 0))


def deg2rad(input):
    """Degrees to radians."""
    return floating(input, "deg2rad") * (math.pi / 180)


def rad2deg(input):
    """Radians to degrees."""
    return floating(input, "rad2deg") * (180 / math.pi)


def ldexp(input, other):
    """``input * 2**other``."""
    return tensor_of(input, "ldexp") * pow(2.0, other)


def float_power(input, exponent):
    """``input ** exponent`` in double precision."""
    wide = [cast(v, dtypes.float64) if isinstance(v, Tensor) else v for v in (input, exponent)]
    return pow(*wide)


def _extreme(name, choose, first, word):
    def extreme(input, other):
        x, y = pair(input, other, name)
        mine = Tensor(first(x.array, y.array) | np.isnan(y.array))
        return record(
            choose(x.array, y.array),
            (x, lambda g: where(mine, g, 0)),
            (y, lambda g: where(mine, 0, g)),
        )

    extreme.__name__ = extreme.__qualname__ = name
    extreme.__doc__ = f"The {word} of two, of a NaN and a number the number."
    return extreme


fmax = _extreme("fmax", np.fmax, np.greater_equal, "larger")
fmin = _extreme("fmin", np.fmin, np.less_equal, "smaller")


def heaviside(input, values):
    """0 where ``input`` is negative, 1 where positive, ``values`` where it is 0; no gradient."""
    if tensor_of(values, "heaviside").dtype != tensor_of(input, "heaviside").dtype:
        raise RuntimeError(
            f"heaviside: expected one dtype, got {input.dtype} and {values.dtype}: convert one"
        )
    return Tensor(np.asarray(np.heaviside(input.array, values.array)))
