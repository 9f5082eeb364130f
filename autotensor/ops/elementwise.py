"""Arithmetic, comparison and the elementary functions, element by element, with broadcasting."""

import builtins
import operator

import numpy as np

from autotensor import devices, dtypes
from autotensor.modes import is_grad_enabled
from autotensor.ops.arguments import broadcast, cast, floating, promote, tensor_of
from autotensor.tensor import Tensor, record

__all__ = [
    "abs",
    "add",
    "ceil",
    "clamp",
    "clamp_max",
    "clamp_min",
    "div",
    "floor",
    "floor_divide",
    "fmod",
    "frac",
    "lerp",
    "maximum",
    "minimum",
    "mul",
    "nan_to_num",
    "neg",
    "pow",
    "reciprocal",
    "remainder",
    "round",
    "sign",
    "square",
    "sub",
    "trunc",
    "where",
]


def pair(x, y, name):
    """Two operands of one dtype whose shapes broadcast."""
    if isinstance(x, Tensor) and isinstance(y, Tensor):
        a, b = x.array, y.array
        if a.dtype is b.dtype and a.shape == b.shape:
            return x, y
    x, y = promote(x, y, name)
    if x.array.ndim and y.array.ndim and x.array.shape != y.array.shape:
        broadcast(x, y, name)
    return x, y


_array = operator.attrgetter("array")


def evaluate(formula, *inputs):
    """``formula(*inputs)`` in a rule: of tensors while that is recorded, else of their arrays.

    For operands that fit as they are: arrays are not checked again, and nothing but the value
    becomes a tensor.
    """
    return formula(*inputs) if is_grad_enabled() else record(formula(*map(_array, inputs)))


def times(g, x):
    """``g * x`` in a rule: `evaluate` for the most frequent of all formulas."""
    return mul(g, x) if is_grad_enabled() else record(g.array * x.array)


def _number_pair(x, y, name):
    """Like `pair`, for operations that truth values do not have."""
    x, y = pair(x, y, name)
    if x.array.dtype.kind == "b":
        raise RuntimeError(
            f"{name}: not defined for truth values; use logical operators, or .int()"
        )
    return x, y


def _is_truth(x):
    return x.array.dtype.kind == "b" if isinstance(x, Tensor) else type(x) is builtins.bool


def add(input, other, *, alpha=1):
    """``input + alpha * other``."""
    x, y = pair(input, other if alpha == 1 else mul(other, alpha), "add")
    return record(x.array + y.array, (x, lambda g: g), (y, lambda g: g))


def sub(input, other, *, alpha=1):
    """``input - alpha * other``."""
    x, y = pair(input, other if alpha == 1 else mul(other, alpha), "sub")
    converted = x is not input or y is not other
    if x.array.dtype.kind == "b" or (converted and (_is_truth(input) or _is_truth(other))):
        raise RuntimeError("sub: not defined for truth values; use ~x, ^ or .int()")
    return record(x.array - y.array, (x, lambda g: g), (y, lambda g: neg(g)))


def mul(input, other):
    """``input * other``."""
    x, y = pair(input, other, "mul")
    return record(x.array * y.array, (x, lambda g: times(g, y)), (y, lambda g: times(g, x)))


def div(input, other, *, rounding_mode=None):
    """``input / other``, integers as float32; rounded with ``rounding_mode`` "trunc" or "floor"."""
    if rounding_mode == "floor":
        return floor_divide(input, other)
    if rounding_mode == "trunc":
        x, y = pair(input, other, "div")
        _no_zeros(y, "div")
        with np.errstate(divide="ignore", invalid="ignore"):
            if x.dtype.kind in "iu":  # exact, unlike the quotient of floats
                quotient = (x.array - np.fmod(x.array, y.array)) // y.array
            else:
                quotient = np.trunc(np.divide(x.array, y.array))
        return record(quotient, (x, lambda g: g * 0), (y, lambda g: g * 0))
    if rounding_mode is not None:
        raise RuntimeError(f"div: rounding_mode is None, 'trunc' or 'floor', not {rounding_mode!r}")
    x, y = pair(input, other, "div")
    x, y = floating(x, "div"), floating(y, "div")
    with np.errstate(divide="ignore", invalid="ignore"):
        quotient = x.array / y.array
    return record(quotient, (x, lambda g: g / y), (y, lambda g: neg(g * (x / y) / y)))


def floor_divide(input, other):
    """``input / other`` rounded down."""
    x, y = pair(input, other, "floor_divide")
    _no_zeros(y, "floor_divide")
    with np.errstate(divide="ignore", invalid="ignore"):
        quotient = np.floor_divide(x.array, y.array)
    return record(quotient, (x, lambda g: g * 0), (y, lambda g: g * 0))


def _no_zeros(y, name):
    """Raise RuntimeError where an integer would be divided by zero."""
    if y.dtype.kind in "iu" and not np.all(y.array):
        raise RuntimeError(f"{name}: division of an integer by zero: divide floats, x / y")


def remainder(input, other):
    """The remainder with the sign of ``other``, Python's ``%``: ``x - y * floor(x / y)``."""
    x, y = pair(input, other, "remainder")
    _no_zeros(y, "remainder")
    with np.errstate(divide="ignore", invalid="ignore"):
        rest, floor = np.remainder(x.array, y.array), Tensor(np.floor_divide(x.array, y.array))
    return record(rest, (x, lambda g: g), (y, lambda g: neg(g * floor)))


def fmod(input, other):
    """The remainder with the sign of ``input``, as in C: ``x - y * trunc(x / y)``."""
    x, y = pair(input, other, "fmod")
    _no_zeros(y, "fmod")
    with np.errstate(divide="ignore", invalid="ignore"):
        rest, whole = np.fmod(x.array, y.array), Tensor(np.trunc(x.array / y.array))
    return record(rest, (x, lambda g: g), (y, lambda g: neg(g * whole)))


def pow(input, exponent):
    """``input ** exponent``; integers to a negative power raise RuntimeError."""
    if (
        isinstance(exponent, (int, float))
        and exponent == 2
        and isinstance(input, Tensor)
        and input.dtype.kind == "f"
    ):
        return square(input)
    x, y = _number_pair(input, exponent, "pow")
    if x.dtype.kind in "iu" and np.any(y.array < 0):
        raise RuntimeError("pow: integers to a negative integer power are not allowed; use floats")
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        power = np.power(x.array, y.array)
    return record(
        power,
        (x, lambda g: g * (y * x ** where((x == 0) & (y == 0), 1, y - 1))),
        (y, lambda g, z: g * (z * where((x == 0) & (y >= 0), 1, x).log()), True),
    )


def square(input):
    """``input * input``."""
    if tensor_of(input, "square").dtype.kind == "b":
        input = cast(input, dtypes.int64)
    return record(np.square(input.array), (input, lambda g: g * (input * 2)))


def neg(input):
    """``-input``."""
    x = tensor_of(input, "neg")
    if x.dtype.kind == "b":
        raise RuntimeError("neg: not defined for truth values; use ~x")
    return record(-x.array, (x, lambda g: neg(g)))


def abs(input):
    """``|input|``; the gradient at 0 is 0."""
    x = tensor_of(input, "abs")
    if x.dtype.kind == "c":
        return record(np.abs(x.array), (x, lambda g, r: g * x.conj() / where(r == 0, 1, r), True))
    return record(np.abs(x.array), (x, lambda g: g * sign(x)))


def sign(input):
    """-1, 0 or 1; of a complex number ``x / |x|``, or 0."""
    x = tensor_of(input, "sign")
    if x.dtype.kind == "c":
        return x / where(x == 0, 1, abs(x))
    return record(np.sign(x.array), (x, lambda g: g * 0))


def _steps(name, function, summary):
    """A function that is constant between jumps: its gradient is 0."""

    def stepped(input):
        x = tensor_of(input, name)
        value = x.array.copy() if x.dtype.kind in "biu" else function(x.array)
        return record(value, (x, lambda g: g * 0))

    stepped.__name__ = stepped.__qualname__ = name
    stepped.__doc__ = summary
    return stepped


floor = _steps("floor", np.floor, "The next integer below or equal.")
ceil = _steps("ceil", np.ceil, "The next integer above or equal.")
trunc = _steps("trunc", np.trunc, "The integer part, towards 0.")


def round(input, *, decimals=0):
    """The nearest integer (or multiple of ``10**-decimals``), halves to even."""
    x = tensor_of(input, "round")
    return record(np.round(x.array, decimals), (x, lambda g: g * 0))


def frac(input):
    """``input - trunc(input)``."""
    return input - trunc(input)


def reciprocal(input):
    """``1 / input``."""
    x = tensor_of(input, "reciprocal")
    return div(1, x)


def where(condition, input=None, other=None):
    """``input`` where ``condition`` holds, else ``other``; alone, where it holds."""
    holds = condition.array if isinstance(condition, Tensor) else np.asarray(condition)
    if holds.dtype.kind != "b":
        raise RuntimeError(f"where: the condition must be of dtype bool, not {holds.dtype}")
    if input is None and other is None:
        return tuple(Tensor(i) for i in np.nonzero(holds))
    x, y = promote(input, other, "where")
    for other in (x, y):
        broadcast(Tensor(holds), other, "where")
    broadcast(x, y, "where")
    mask = Tensor(holds)
    return record(
        np.where(holds, x.array, y.array),
        (x, lambda g: where(mask, g, 0)),
        (y, lambda g: where(mask, 0, g)),
    )


def maximum(input, other):
    """The larger of two; where they are equal, each gets half the gradient."""
    x, y = pair(input, other, "maximum")
    return _chosen(np.maximum(x.array, y.array), x, y, np.greater)


def minimum(input, other):
    """The smaller of two; where they are equal, each gets half the gradient."""
    x, y = pair(input, other, "minimum")
    return _chosen(np.minimum(x.array, y.array), x, y, np.less)


def _chosen(value, x, y, first):
    def share(g, mine, other):
        halved = where(Tensor(mine.array == other.array), g * 0.5, g)
        return where(Tensor(first(other.array, mine.array)), 0, halved)

    return record(value, (x, lambda g: share(g, x, y)), (y, lambda g: share(g, y, x)))


def clamp(input, min=None, max=None):
    """``input`` limited to between ``min`` and ``max``: numbers, tensors, or None for no limit."""
    tensor_of(input, "clamp")
    if min is None and max is None:
        raise RuntimeError("clamp: at least one of min and max must not be None")
    lowest, highest = min, max
    if lowest is not None:
        input, lowest = pair(input, lowest, "clamp")
    if highest is not None:
        input, highest = pair(input, highest, "clamp")
        lowest = lowest if lowest is None else cast(lowest, input.dtype)
    value = input.array
    value = value if lowest is None else np.maximum(value, lowest.array)
    value = value if highest is None else np.minimum(value, highest.array)
    below = False if lowest is None else input.array < lowest.array
    above = False if highest is None else input.array > highest.array
    crossed = False if lowest is None or highest is None else lowest.array > highest.array
    inside, below, above = Tensor(~(below | above)), below & ~np.asarray(crossed), above | crossed
    return record(
        value,
        (input, lambda g: where(inside, g, 0)),
        (lowest, lambda g: where(Tensor(np.asarray(below)), g, 0)),
        (highest, lambda g: where(Tensor(np.asarray(above)), g, 0)),
    )


def clamp_min(input, min):
    """``input``, at least ``min``."""
    return clamp(input, min)


def clamp_max(input, max):
    """``input``, at most ``max``."""
    return clamp(input, None, max)


def lerp(input, end, weight):
    """``input + weight * (end - input)``: on the line from ``input`` to ``end``."""
    return input + weight * (end - input)


def nan_to_num(input, nan=0.0, posinf=None, neginf=None):
    """NaN and infinities replaced by numbers (by default 0, and the largest of the dtype)."""
    x = tensor_of(input, "nan_to_num")
    finite = Tensor(np.isfinite(x.array))
    value = np.nan_to_num(x.array, nan=nan, posinf=posinf, neginf=neginf)
    return record(value, (x, lambda g: where(finite, g, 0)))


def to(x, *args, dtype=None, device=None, non_blocking=False, copy=False, memory_format=None):
    """``x`` with another dtype: ``to(dtype)``, ``to(other)``; ``to("cpu")`` changes nothing."""
    for arg in args:
        if isinstance(arg, Tensor):
            dtype = arg.dtype
        elif not isinstance(arg, builtins.bool):
            if devices.is_device(arg):
                device = arg
            elif arg is not None:
                dtype = arg
    devices.check(device, "to")
    moved = x if dtype is None else cast(x, dtypes.as_dtype(dtype))
    return record(x.array.copy(), (x, lambda g: g)) if copy and moved is x else moved
