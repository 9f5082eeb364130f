"""The elementary functions, element by element: exponentials, logarithms, angles, roots.

At the edges of their domains they give infinities and NaN without a warning, as PyTorch does.
"""

import numpy as np

from autotensor import kernels
from autotensor.ops.arguments import floating
from autotensor.ops.elementwise import evaluate, pair
from autotensor.tensor import record

__all__ = [
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "cos",
    "cosh",
    "erf",
    "exp",
    "exp2",
    "expm1",
    "log",
    "log1p",
    "log2",
    "log10",
    "rsqrt",
    "sigmoid",
    "sin",
    "sinh",
    "sqrt",
    "tan",
    "tanh",
]

_LN2, _LN10 = float(np.log(2.0)), float(np.log(10.0))
_TWO_OVER_SQRT_PI = float(2 / np.sqrt(np.pi))
_quiet = np.errstate(all="ignore")


@_quiet
def exp(x):
    """``e**x``."""
    x = floating(x, "exp")
    return record(np.exp(x.array), (x, lambda g, y: g * y, True))


@_quiet
def exp2(x):
    """``2**x``."""
    x = floating(x, "exp2")
    return record(np.exp2(x.array), (x, lambda g, y: g * (y * _LN2), True))


@_quiet
def expm1(x):
    """``e**x - 1``, exact near 0."""
    x = floating(x, "expm1")
    return record(np.expm1(x.array), (x, lambda g, y: g * (y + 1), True))


@_quiet
def log(x):
    """The natural logarithm."""
    x = floating(x, "log")
    return record(np.log(x.array), (x, lambda g: g / x))


@_quiet
def log2(x):
    """The logarithm to base 2."""
    x = floating(x, "log2")
    return record(np.log2(x.array), (x, lambda g: g / (x * _LN2)))


@_quiet
def log10(x):
    """The logarithm to base 10."""
    x = floating(x, "log10")
    return record(np.log10(x.array), (x, lambda g: g / (x * _LN10)))


@_quiet
def log1p(x):
    """``log(1 + x)``, exact near 0."""
    x = floating(x, "log1p")
    return record(np.log1p(x.array), (x, lambda g: g / (x + 1)))


@_quiet
def sqrt(x):
    """The square root."""
    x = floating(x, "sqrt")
    return record(np.sqrt(x.array), (x, lambda g, y: g / (y * 2), True))


@_quiet
def rsqrt(x):
    """``1 / sqrt(x)``."""
    x = floating(x, "rsqrt")
    return record(1 / np.sqrt(x.array), (x, lambda g, y: g * (y * y * y * -0.5), True))


@_quiet
def sin(x):
    """The sine of an angle in radians."""
    x = floating(x, "sin")
    return record(np.sin(x.array), (x, lambda g: g * cos(x)))


@_quiet
def cos(x):
    """The cosine of an angle in radians."""
    x = floating(x, "cos")
    return record(np.cos(x.array), (x, lambda g: g * -sin(x)))


@_quiet
def tan(x):
    """The tangent of an angle in radians."""
    x = floating(x, "tan")
    return record(np.tan(x.array), (x, lambda g, y: g * (y * y + 1), True))


@_quiet
def asin(x):
    """The inverse sine, radians."""
    x = floating(x, "asin")
    return record(np.arcsin(x.array), (x, lambda g: g * rsqrt(1 - x * x)))


@_quiet
def acos(x):
    """The inverse cosine."""
    x = floating(x, "acos")
    return record(np.arccos(x.array), (x, lambda g: g * -rsqrt(1 - x * x)))


@_quiet
def atan(x):
    """The inverse tangent, radians."""
    x = floating(x, "atan")
    return record(np.arctan(x.array), (x, lambda g: g / (x * x + 1)))


@_quiet
def sinh(x):
    """The hyperbolic sine."""
    x = floating(x, "sinh")
    return record(np.sinh(x.array), (x, lambda g: g * cosh(x)))


@_quiet
def cosh(x):
    """The hyperbolic cosine."""
    x = floating(x, "cosh")
    return record(np.cosh(x.array), (x, lambda g: g * sinh(x)))


@_quiet
def tanh(x):
    """The hyperbolic tangent."""
    x = floating(x, "tanh")
    return record(np.tanh(x.array), (x, lambda g, y: g * (1 - y * y), True))


@_quiet
def asinh(x):
    """The inverse of sinh."""
    x = floating(x, "asinh")
    return record(np.arcsinh(x.array), (x, lambda g: g * rsqrt(x * x + 1)))


@_quiet
def acosh(x):
    """The inverse of cosh."""
    x = floating(x, "acosh")
    return record(np.arccosh(x.array), (x, lambda g: g * rsqrt(x * x - 1)))


@_quiet
def atanh(x):
    """The inverse of tanh."""
    x = floating(x, "atanh")
    return record(np.arctanh(x.array), (x, lambda g: g / (1 - x * x)))


@_quiet
def sigmoid(x):
    """``1 / (1 + e**-x)``; where the power overflows that is 0, as it should be."""
    x = floating(x, "sigmoid")
    array = x.array if x.itemsize > 2 else x.array.astype(np.float32)  # half overflows too early
    value = (1 / (1 + np.exp(-array))).astype(x.dtype, copy=False)
    return record(value, (x, lambda g, y: evaluate(lambda g, y: g * (y * (1 - y)), g, y), True))


@_quiet
def erf(x):
    """The error function."""
    x = floating(x, "erf")
    return record(kernels.erf(x.array), (x, lambda g: g * (exp(-(x * x)) * _TWO_OVER_SQRT_PI)))


def atan2(y, x):
    """The angle of the point (x, y) in radians, -pi to pi."""
    y, x = pair(y, x, "atan2")
    y, x = floating(y, "atan2"), floating(x, "atan2")
    return record(
        np.arctan2(y.array, x.array),
        (y, lambda g: g * (x / (x * x + y * y))),
        (x, lambda g: g * -(y / (x * x + y * y))),
    )
