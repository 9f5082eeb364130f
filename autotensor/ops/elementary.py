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
def exp(input):
    """``e**input``."""
    x = floating(input, "exp")
    return record(np.exp(x.array), (x, lambda g, y: g * y, True))


@_quiet
def exp2(input):
    """``2**input``."""
    x = floating(input, "exp2")
    return record(np.exp2(x.array), (x, lambda g, y: g * (y * _LN2), True))


@_quiet
def expm1(input):
    """``e**input - 1``, exact near 0."""
    x = floating(input, "expm1")
    return record(np.expm1(x.array), (x, lambda g, y: g * (y + 1), True))


@_quiet
def log(input):
    """The natural logarithm."""
    x = floating(input, "log")
    return record(np.log(x.array), (x, lambda g: g / x))


@_quiet
def log2(input):
    """The logarithm to base 2."""
    x = floating(input, "log2")
    return record(np.log2(x.array), (x, lambda g: g / (x * _LN2)))


@_quiet
def log10(input):
    """The logarithm to base 10."""
    x = floating(input, "log10")
    return record(np.log10(x.array), (x, lambda g: g / (x * _LN10)))


@_quiet
def log1p(input):
    """``log(1 + input)``, exact near 0."""
    x = floating(input, "log1p")
    return record(np.log1p(x.array), (x, lambda g: g / (x + 1)))


@_quiet
def sqrt(input):
    """The square root."""
    x = floating(input, "sqrt")
    return record(np.sqrt(x.array), (x, lambda g, y: g / (y * 2), True))


@_quiet
def rsqrt(input):
    """``1 / sqrt(input)``."""
    x = floating(input, "rsqrt")
    return record(1 / np.sqrt(x.array), (x, lambda g, y: g * (y * y * y * -0.5), True))


@_quiet
def sin(input):
    """The sine of an angle in radians."""
    x = floating(input, "sin")
    return record(np.sin(x.array), (x, lambda g: g * cos(x)))


@_quiet
def cos(input):
    """The cosine of an angle in radians."""
    x = floating(input, "cos")
    return record(np.cos(x.array), (x, lambda g: g * -sin(x)))


@_quiet
def tan(input):
    """The tangent of an angle in radians."""
    x = floating(input, "tan")
    return record(np.tan(x.array), (x, lambda g, y: g * (y * y + 1), True))


@_quiet
def asin(input):
    """The inverse sine, radians."""
    x = floating(input, "asin")
    return record(np.arcsin(x.array), (x, lambda g: g * rsqrt(1 - x * x)))


@_quiet
def acos(input):
    """The inverse cosine."""
    x = floating(input, "acos")
    return record(np.arccos(x.array), (x, lambda g: g * -rsqrt(1 - x * x)))


@_quiet
def atan(input):
    """The inverse tangent, radians."""
    x = floating(input, "atan")
    return record(np.arctan(x.array), (x, lambda g: g / (x * x + 1)))


@_quiet
def sinh(input):
    """The hyperbolic sine."""
    x = floating(input, "sinh")
    return record(np.sinh(x.array), (x, lambda g: g * cosh(x)))


@_quiet
def cosh(input):
    """The hyperbolic cosine."""
    x = floating(input, "cosh")
    return record(np.cosh(x.array), (x, lambda g: g * sinh(x)))


@_quiet
def tanh(input):
    """The hyperbolic tangent."""
    x = floating(input, "tanh")
    return record(np.tanh(x.array), (x, lambda g, y: g * (1 - y * y), True))


@_quiet
def asinh(input):
    """The inverse of sinh."""
    x = floating(input, "asinh")
    return record(np.arcsinh(x.array), (x, lambda g: g * rsqrt(x * x + 1)))


@_quiet
def acosh(input):
    """The inverse of cosh."""
    x = floating(input, "acosh")
    return record(np.arccosh(x.array), (x, lambda g: g * (rsqrt(x - 1) * rsqrt(x + 1))))


@_quiet
def atanh(input):
    """The inverse of tanh."""
    x = floating(input, "atanh")
    return record(np.arctanh(x.array), (x, lambda g: g / (1 - x * x)))


@_quiet
def sigmoid(input):
    """``1 / (1 + e**-input)``; where the power overflows that is 0, as it should be."""
    x = floating(input, "sigmoid")
    array = x.array if x.itemsize > 2 else x.array.astype(np.float32)  # half overflows too early
    value = (1 / (1 + np.exp(-array))).astype(x.dtype, copy=False)
    return record(value, (x, lambda g, y: evaluate(lambda g, y: g * (y * (1 - y)), g, y), True))


@_quiet
def erf(input):
    """The error function."""
    x = floating(input, "erf")
    return record(kernels.erf(x.array), (x, lambda g: g * (exp(-(x * x)) * _TWO_OVER_SQRT_PI)))


def atan2(input, other):
    """The angle of the point (x, y) in radians, -pi to pi."""
    y, x = pair(input, other, "atan2")
    y, x = floating(y, "atan2"), floating(x, "atan2")
    return record(
        np.arctan2(y.array, x.array),
        (y, lambda g: g * (x / (x * x + y * y))),
        (x, lambda g: g * -(y / (x * x + y * y))),
    )
