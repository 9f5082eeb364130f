"""Along a dimension: running sums, products and extremes; differences, and integrals by trapezoids.

Products and logarithms of sums double the length of what is combined in each step, so that their
gradients are those of the operation that combines two, and hold where elements are 0.
"""

import builtins
from typing import NamedTuple

import numpy as np

from autotensor import dtypes
from autotensor.ops.arguments import cast, dimension, floating, numpy_names, tensor_of
from autotensor.ops.compare import ne
from autotensor.ops.elementwise import mul
from autotensor.ops.indexing import gather
from autotensor.ops.joining import cat
from autotensor.ops.reduce import sum
from autotensor.ops.shape import flip, narrow, reshape
from autotensor.ops.special import logaddexp
from autotensor.tensor import Tensor, record

__all__ = [
    "cummax",
    "cummin",
    "cumprod",
    "cumsum",
    "cumulative_trapezoid",
    "diff",
    "logcumsumexp",
    "trapezoid",
]


class Running(NamedTuple):
    """The largest or smallest elements so far, and where they were."""

    values: Tensor
    indices: Tensor


@numpy_names
def cumsum(input, dim, dtype=None):
    """Running sums along ``dim``; of integers and truth values as int64."""
    x, dim = _summed(input, dim, dtype, "cumsum")
    running = np.cumsum(x.array, axis=dim, dtype=x.dtype) if x.ndim else x.array.copy()
    return record(running, (x, lambda g: flip(cumsum(flip(g, dim), dim), dim) if g.ndim else g))


@numpy_names
def cumprod(input, dim, dtype=None):
    """Running products along ``dim``; of integers and truth values as int64."""
    return _scan(*_summed(input, dim, dtype, "cumprod"), mul)


@numpy_names
def logcumsumexp(input, dim):
    """The logarithms of the running sums of ``exp(input)``, without overflow."""
    x = floating(input, "logcumsumexp")
    return _scan(x, dimension(dim, x.ndim, "logcumsumexp"), logaddexp)


def _summed(input, dim, dtype, name):
    """The tensor in the dtype in which it is summed, and the dimension from the left."""
    if dtype is not None:
        input = cast(tensor_of(input, name), dtypes.as_dtype(dtype))
    elif tensor_of(input, name).dtype.kind in "biu":
        input = cast(input, dtypes.int64)
    return input, dimension(dim, input.ndim, name)


def _scan(x, dim, combine):
    """``combine`` of all elements so far along ``dim`` (Hillis and Steele 1986)."""
    length, step, total = x.shape[dim] if x.ndim else 1, 1, x.clone()
    while step < length:
        rest = length - step
        later = combine(narrow(total, dim, step, rest), narrow(total, dim, 0, rest))
        total = cat([narrow(total, dim, 0, step), later], dim)
        step *= 2
    return total


def _extreme(name, accumulate, word):
    @numpy_names
    def extreme(input, dim):
        x = tensor_of(input, name)
        dim = dimension(dim, x.ndim, name)
        if not x.ndim:
            return Running(x.clone(), Tensor(np.zeros((), np.int64)))
        so_far = accumulate(x.array, dim)
        places = np.arange(x.shape[dim]).reshape([-1] + [1] * (x.ndim - dim - 1))
        found = (x.array == so_far) | np.isnan(x.array)
        indices = Tensor(np.maximum.accumulate(np.where(found, places, 0), dim))
        return Running(gather(x, dim, indices), indices)

    extreme.__name__ = extreme.__qualname__ = name
    extreme.__doc__ = f"The {word} element so far along ``dim`` and its place, of equals the last."
    return extreme


cummax = _extreme("cummax", np.maximum.accumulate, "largest")
cummin = _extreme("cummin", np.minimum.accumulate, "smallest")


def diff(input, n=1, dim=-1, prepend=None, append=None):
    """Differences of neighbours along ``dim``, ``n`` times over; of truth values: whether unequal.

    ``prepend`` and ``append`` are joined to ``input`` before.
    """
    x = tensor_of(input, "diff")
    if not x.ndim:
        raise RuntimeError("diff: expected one dimension at least, got a 0-d tensor")
    if n < 0:
        raise RuntimeError(f"diff: the order n must not be negative, got {n}")
    dim = dimension(dim, x.ndim, "diff")
    joined = [part for part in (prepend, x, append) if part is not None]
    x = cat(joined, dim) if len(joined) > 1 else x
    for _ in range(n):
        length = builtins.max(x.shape[dim] - 1, 0)
        low, high = narrow(x, dim, 0, length), narrow(x, dim, x.shape[dim] - length, length)
        x = ne(high, low) if x.dtype.kind == "b" else high - low
    return x


def _trapezoids(y, x, dx, dim, name):
    """The areas between neighbours."""
    y = tensor_of(y, name)
    dim = dimension(dim, y.ndim, name)
    length = y.shape[dim] - 1
    if x is None:
        width = 1 if dx is None else dx
    else:
        points = x if x.ndim > 1 else reshape(x, [-1] + [1] * (y.ndim - dim - 1))
        width = diff(points, dim=dim - y.ndim)
    return (narrow(y, dim, 0, length) + narrow(y, dim, 1, length)) * 0.5 * width, dim


def trapezoid(y, x=None, *, dx=None, dim=-1):
    """The integral along ``dim`` by trapezoids, at the points ``x`` or ``dx`` (1) apart."""
    areas, dim = _trapezoids(y, x, dx, dim, "trapezoid")
    return sum(areas, dim)


def cumulative_trapezoid(y, x=None, *, dx=None, dim=-1):
    """The running integral along ``dim`` by trapezoids, from the second point on."""
    areas, dim = _trapezoids(y, x, dx, dim, "cumulative_trapezoid")
    return cumsum(areas, dim)
