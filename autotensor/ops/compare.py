"""Comparison and logic, element by element; the results are truth values, and have no gradient."""

import builtins

import numpy as np

from autotensor.ops.arguments import tensor_of
from autotensor.ops.elementwise import pair
from autotensor.tensor import Tensor

__all__ = [
    "allclose",
    "bitwise_and",
    "bitwise_left_shift",
    "bitwise_not",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "eq",
    "equal",
    "ge",
    "gt",
    "isclose",
    "isfinite",
    "isinf",
    "isnan",
    "isneginf",
    "isposinf",
    "le",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "lt",
    "ne",
]


def _comparison(name, compare, sign_):
    def compared(input, other):
        x, y = pair(input, other, name)
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


def logical_not(input):
    """True where ``input`` is 0."""
    x = tensor_of(input, "logical_not")
    return Tensor(np.asarray(np.logical_not(x.array)))


def _bitwise(name, combine, sign_):
    def combined(input, other):
        x, y = pair(input, other, name)
        if x.dtype.kind not in "biu":
            raise NotImplementedError(f"{name}: for integers and truth values, not {x.dtype}")
        return Tensor(np.asarray(combine(x.array, y.array)))

    combined.__name__ = combined.__qualname__ = name
    combined.__doc__ = f"``x {sign_} y``, bit by bit."
    return combined


bitwise_and = _bitwise("bitwise_and", np.bitwise_and, "&")
bitwise_or = _bitwise("bitwise_or", np.bitwise_or, "|")
bitwise_xor = _bitwise("bitwise_xor", np.bitwise_xor, "^")
bitwise_left_shift = _bitwise("bitwise_left_shift", np.left_shift, "<<")
bitwise_right_shift = _bitwise("bitwise_right_shift", np.right_shift, ">>")


def bitwise_not(input):
    """``~input``: each bit flipped; for truth values, not."""
    x = tensor_of(input, "bitwise_not")
    if x.dtype.kind not in "biu":
        raise NotImplementedError(f"bitwise_not: for integers and truth values, not {x.dtype}")
    return Tensor(np.asarray(~x.array))


def isnan(input):
    """True where ``input`` is not a number."""
    x = tensor_of(input, "isnan")
    return Tensor(np.asarray(np.isnan(x.array)))


def isinf(input):
    """True where ``input`` is infinite."""
    x = tensor_of(input, "isinf")
    return Tensor(np.asarray(np.isinf(x.array)))


def isposinf(input):
    """True where ``input`` is infinite and positive."""
    return Tensor(np.asarray(tensor_of(input, "isposinf").array == np.inf))


def isneginf(input):
    """True where ``input`` is infinite and negative."""
    return Tensor(np.asarray(tensor_of(input, "isneginf").array == -np.inf))


def isfinite(input):
    """True where ``input`` is neither infinite nor NaN."""
    x = tensor_of(input, "isfinite")
    return Tensor(np.asarray(np.isfinite(x.array)))


def isclose(input, other, rtol=1e-05, atol=1e-08, equal_nan=False):
    """``|input - other| <= atol + rtol * |other|``, truth values."""
    x, y = pair(input, other, "isclose")
    close = np.isclose(x.array, y.array, rtol=rtol, atol=atol, equal_nan=equal_nan)
    return Tensor(np.asarray(close))


def allclose(input, other, rtol=1e-05, atol=1e-08, equal_nan=False):
    """Whether all elements are `isclose`."""
    return bool(isclose(input, other, rtol, atol, equal_nan).array.all())


def equal(input, other):
    """Whether two tensors have the same shape and elements."""
    x = tensor_of(input, "equal")
    return x.shape == other.shape and bool(np.array_equal(x.array, other.array))


def is_number(x):
    """Whether ``x`` can be an operand beside a tensor."""
    return isinstance(x, (Tensor, np.ndarray, np.generic, builtins.bool, int, float, complex))
