"""Comparison and logic, element by element; the results are truth values, and have no gradient."""

import builtins

import numpy as np

from autotensor.ops.arguments import tensor_of
from autotensor.ops.elementwise import pair
from autotensor.tensor import Tensor

__all__ = [
    "allclose",
    "bitwise_and",
    "bitwise_not",
    "bitwise_or",
    "bitwise_xor",
    "eq",
    "equal",
    "ge",
    "gt",
    "isclose",
    "isfinite",
    "isinf",
    "isnan",
    "le",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "lt",
    "ne",
]


def _comparison(name, compare, sign_):
    def compared(x, y):
        x, y = pair(x, y, name)
        return Tensor(np.asarray(compare(x.array, y.array)))

    compared.__name__ = compared.__qualname__ = name
    compared.__doc__ = f"``x {sign_} y``, truth values."
    return compared


eq = _comparison("eq", np.equal, "==")
ne = _comparison("ne", np.not_equal, "!=")
lt = _comparison("lt", np.less, "<")
le = _comparison("le", np.less_equal, "<=")
gt = _comparison("gt", np.greater, ">")
ge = _comparison("ge", np.greater_equal, ">=")
logical_and = _comparison("logical_and", np.logical_and, "and")
logical_or = _comparison("logical_or", np.logical_or, "or")
logical_xor = _comparison("logical_xor", np.logical_xor, "xor")


def logical_not(x):
    """True where ``x`` is 0."""
    return Tensor(np.asarray(np.logical_not(tensor_of(x, "logical_not").array)))


def _bitwise(name, combine, sign_):
    def combined(x, y):
        x, y = pair(x, y, name)
        if x.dtype.kind not in "biu":
            raise NotImplementedError(f"{name}: for integers and truth values, not {x.dtype}")
        return Tensor(np.asarray(combine(x.array, y.array)))

    combined.__name__ = combined.__qualname__ = name
    combined.__doc__ = f"``x {sign_} y``, bit by bit."
    return combined


bitwise_and = _bitwise("bitwise_and", np.bitwise_and, "&")
bitwise_or = _bitwise("bitwise_or", np.bitwise_or, "|")
bitwise_xor = _bitwise("bitwise_xor", np.bitwise_xor, "^")


def bitwise_not(x):
    """``~x``: each bit flipped; for truth values, not."""
    if tensor_of(x, "bitwise_not").dtype.kind not in "biu":
        raise NotImplementedError(f"bitwise_not: for integers and truth values, not {x.dtype}")
    return Tensor(np.asarray(~x.array))


def isnan(x):
    """True where ``x`` is not a number."""
    return Tensor(np.asarray(np.isnan(tensor_of(x, "isnan").array)))


def isinf(x):
    """True where ``x`` is infinite."""
    return Tensor(np.asarray(np.isinf(tensor_of(x, "isinf").array)))


def isfinite(x):
    """True where ``x`` is neither infinite nor NaN."""
    return Tensor(np.asarray(np.isfinite(tensor_of(x, "isfinite").array)))


def isclose(x, y, rtol=1e-05, atol=1e-08, equal_nan=False):
    """``|x - y| <= atol + rtol * |y|``, truth values."""
    x, y = pair(x, y, "isclose")
    close = np.isclose(x.array, y.array, rtol=rtol, atol=atol, equal_nan=equal_nan)
    return Tensor(np.asarray(close))


def allclose(x, y, rtol=1e-05, atol=1e-08, equal_nan=False):
    """Whether all elements are `isclose`."""
    return bool(isclose(x, y, rtol, atol, equal_nan).array.all())


def equal(x, y):
    """Whether two tensors have the same shape and elements."""
    return tensor_of(x, "equal").shape == y.shape and bool(np.array_equal(x.array, y.array))


def is_number(x):
    """Whether ``x`` can be an operand beside a tensor."""
    return isinstance(x, (Tensor, np.ndarray, np.generic, builtins.bool, int, float, complex))
