"""Many elements to one: sums, means, extremes, norms; over all dimensions or the given ones."""

import builtins
import math
from typing import NamedTuple

import numpy as np

from autotensor import dtypes
from autotensor.ops.arguments import (
    cast,
    dimension,
    dimensions,
    floating,
    numpy_names,
    tensor_of,
)
from autotensor.ops.compare import isnan
from autotensor.ops.elementary import exp
from autotensor.ops.elementwise import maximum, minimum, where
from autotensor.ops.indexing import gather
from autotensor.ops.joining import cat
from autotensor.ops.shape import expand, reshape, unsqueeze
from autotensor.tensor import Tensor, record

__all__ = [
    "all",
    "amax",
    "amin",
    "any",
    "argmax",
    "argmin",
    "count_nonzero",
    "logsumexp",
    "max",
    "mean",
    "min",
    "prod",
    "std",
    "sum",
    "var",
    "var_mean",
]


class Extreme(NamedTuple):
    """The largest or smallest elements along a dimension, and where they were."""

    values: Tensor
    indices: Tensor


def restore(g, shape, axes, keepdim):
    """The reduced ``g`` repeated over the dimensions ``axes`` of ``shape`` again."""
    if not keepdim:
        g = reshape(g, [1 if d in axes else n for d, n in enumerate(shape)])
    return expand(g, shape)


def _count(shape, axes):
    return math.prod([shape[d] for d in axes])


@numpy_names
def sum(input, dim=None, keepdim=False, dtype=None):
    """The sum; of integers and truth values as int64."""
    x_shape, axes = tensor_of(input, "sum").shape, dimensions(dim, input.ndim, "sum")
    if dtype is not None:
        input = cast(input, dtypes.as_dtype(dtype))
    kind = dtypes.int64 if input.dtype.kind in "biu" and dtype is None else input.dtype
    with np.errstate(invalid="ignore", over="ignore"):
        total = input.array.sum(axis=axes, keepdims=keepdim, dtype=kind)
    return record(total, (input, lambda g: restore(g, x_shape, axes, keepdim)))


@numpy_names
def mean(input, dim=None, keepdim=False, dtype=None):
    """The arithmetic mean."""
    if dtype is not None:
        input = cast(input, dtypes.as_dtype(dtype))
    if tensor_of(input, "mean").dtype.kind not in "fc":
        raise RuntimeError(f"mean: expected a floating dtype, got {input.dtype}: x.float().mean()")
    x_shape, axes = input.shape, dimensions(dim, input.ndim, "mean")
    count = _count(x_shape, axes)
    with np.errstate(invalid="ignore", divide="ignore"):
        average = input.array.sum(axis=axes, keepdims=keepdim) / input.dtype.type(count)
    return record(average, (input, lambda g: restore(g / (count or 1), x_shape, axes, keepdim)))


@numpy_names
def var(input, dim=None, unbiased=True, keepdim=False, *, correction=None):
    """The variance: squared deviations from the mean over ``n - correction`` (1; 0 if biased)."""
    return _spread(input, dim, unbiased, keepdim, correction, "var")


@numpy_names
def std(input, dim=None, unbiased=True, keepdim=False, *, correction=None):
    """The standard deviation, the root of `var`; where it is 0 its gradient is taken as 0."""
    return _spread(input, dim, unbiased, keepdim, correction, "std")


def _spread(x, dim, unbiased, keepdim, correction, name):
    if isinstance(dim, bool):  # x.var(False) is PyTorch's short form of unbiased=False
        dim, unbiased = None, dim
    if tensor_of(x, name).dtype.kind != "f":
        raise RuntimeError(f"{name}: expected a floating dtype, got {x.dtype}: x.float()")
    x_shape, axes = x.shape, dimensions(dim, x.ndim, name)
    correction = int(bool(unbiased)) if correction is None else correction
    number = _count(x_shape, axes)
    count = builtins.max(number - correction, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        average = x.array.sum(axis=axes, keepdims=True) / x.dtype.type(number)
        centred = x.array - average
        variance = np.square(centred).sum(axis=axes, keepdims=keepdim) / x.dtype.type(count)

    def rule(g):
        deviation = x - mean(x, axes, keepdim=True)
        return restore(g * 2 / count, x_shape, axes, keepdim) * deviation

    if name == "var":
        return record(variance, (x, rule))

    def root_rule(g, s):
        return rule(where(s == 0, 0, g / where(s == 0, 1, s * 2)))

    return record(np.sqrt(variance), (x, root_rule, True))


@numpy_names
def var_mean(input, dim=None, unbiased=True, keepdim=False, *, correction=None):
    """The pair of `var` and `mean`."""
    axes = None if isinstance(dim, bool) else dim
    return var(input, dim, unbiased, keepdim, correction=correction), mean(input, axes, keepdim)


@numpy_names
def prod(input, dim=None, keepdim=False, dtype=None):
    """The product, multiplied in pairs, so that its gradients hold where elements are 0."""
    if dtype is not None:
        input = cast(input, dtypes.as_dtype(dtype))
    elif tensor_of(input, "prod").dtype.kind in "biu":
        input = cast(input, dtypes.int64)
    if dim is None:
        return _prod(reshape(input, -1), 0).reshape((1,) * input.ndim if keepdim else ())
    dim = dimension(dim, input.ndim, "prod")
    product = _prod(input if input.ndim else reshape(input, 1), dim)
    return unsqueeze(product, dim) if keepdim and input.ndim else product


def _prod(x, dim):
    before, empty = (slice(None),) * dim, x.shape[dim] == 0
    while (n := x.shape[dim]) > 1:
        half = n // 2
        pairs = x[(*before, slice(half))] * x[(*before, slice(half, 2 * half))]
        if n % 2:
            pairs = cat([pairs, x[(*before, slice(n - 1, n))]], dim)
        x = pairs
    product = sum(x, dim, dtype=x.dtype)  # of the one factor left, in new memory
    return product + 1 if empty else product


def _nonempty(x, axes, name):
    tensor_of(x, name)
    if x.array.size == 0 and builtins.any(x.shape[d] == 0 for d in axes):
        raise IndexError(f"{name}: nothing to choose from along dims {axes} of shape {x.shape}")


def _extreme(name, choose, find, pairwise):
    """The pair of reductions max and amax, or min and amin."""

    @numpy_names
    def extreme_of(input, dim=None, keepdim=False):
        x = tensor_of(input, f"a{name}")
        axes = dimensions(dim, x.ndim, f"a{name}")
        _nonempty(x, axes, f"a{name}")
        x_shape = x.shape

        def rule(g, value):
            chosen = (x == restore(value, x_shape, axes, keepdim)) | isnan(x)
            ties = sum(chosen, axes, keepdim=True)
            return where(chosen, restore(g, x_shape, axes, keepdim) / ties, 0)

        return record(choose(x.array, axis=axes, keepdims=keepdim), (x, rule, True))

    @numpy_names
    def extreme(input, dim=None, keepdim=False):
        x = tensor_of(input, name)
        if dim is None:
            if not x.array.size:
                raise RuntimeError(f"{name}: nothing to choose from in a tensor of shape {x.shape}")
            return extreme_of(x)
        if isinstance(dim, Tensor):
            return pairwise(x, dim)
        dim = dimension(dim, x.ndim, name)
        _nonempty(x, (dim,) if x.ndim else (), name)
        if not x.ndim:
            return Extreme(x.clone(), Tensor(np.zeros((), np.int64)))
        where_ = Tensor(np.expand_dims(find(x.array, axis=dim), dim))
        values = gather(x, dim, where_)
        if keepdim:
            return Extreme(values, where_)
        return Extreme(values.squeeze(dim), where_.squeeze(dim))

    extreme_of.__name__ = extreme_of.__qualname__ = f"a{name}"
    extreme.__name__ = extreme.__qualname__ = name
    word = {"max": "largest", "min": "smallest"}[name]
    extreme_of.__doc__ = f"The {word} element; equal ones share the gradient."
    extreme.__doc__ = (
        f"The {word} element; along ``dim`` the pair (values, indices), of equal ones the first; "
        f"with a second tensor `{pairwise.__name__}`."
    )
    return extreme, extreme_of


max, amax = _extreme("max", np.max, np.argmax, maximum)
min, amin = _extreme("min", np.min, np.argmin, minimum)


def _finder(name, find):
    @numpy_names
    def finder(input, dim=None, keepdim=False):
        x = tensor_of(input, name)
        if dim is None:
            if not x.array.size:
                raise IndexError(f"{name}: nothing to choose from in a tensor of shape {x.shape}")
            return Tensor(np.asarray(find(x.array)).reshape((1,) * x.ndim if keepdim else ()))
        dim = dimension(dim, tensor_of(x, name).ndim, name)
        _nonempty(x, (dim,) if x.ndim else (), name)
        if not x.ndim:
            return Tensor(np.zeros((), np.int64))
        return Tensor(np.asarray(find(x.array, axis=dim, keepdims=keepdim)))

    word = {"argmax": "largest", "argmin": "smallest"}[name]
    finder.__name__ = finder.__qualname__ = name
    finder.__doc__ = (
        f"Where the {word} element is, of equal ones the first: in the flattened tensor, or along "
        f"``dim``."
    )
    return finder


argmax = _finder("argmax", np.argmax)
argmin = _finder("argmin", np.argmin)


def _truth(name, combine, summary):
    @numpy_names
    def truth(input, dim=None, keepdim=False):
        x = tensor_of(input, name)
        axes = dimensions(dim, x.ndim, name)
        found = np.asarray(combine(x.array, axis=axes, keepdims=keepdim))
        return Tensor(found.astype(x.dtype) if x.dtype == dtypes.uint8 else found)

    truth.__name__ = truth.__qualname__ = name
    truth.__doc__ = summary
    return truth


all = _truth("all", np.all, "Whether all elements are not 0; of uint8 as uint8.")
any = _truth("any", np.any, "Whether some element is not 0.")


def count_nonzero(input, dim=None):
    """How many elements are not 0."""
    x = tensor_of(input, "count_nonzero")
    axes = dimensions(dim, x.ndim, "count_nonzero")
    return Tensor(np.asarray(np.count_nonzero(x.array, axis=axes)))


@numpy_names
def logsumexp(input, dim, keepdim=False):
    """``log(sum(exp(input)))``, without overflow."""
    x = floating(input, "logsumexp")
    x_shape, axes = x.shape, dimensions(dim, x.ndim, "logsumexp")
    array = x.array
    with np.errstate(divide="ignore", invalid="ignore"):
        most = array.max(axis=axes, keepdims=True, initial=-np.inf)
        most = np.where(np.isfinite(most), most, 0).astype(array.dtype, copy=False)
        total = np.log(np.exp(array - most).sum(axis=axes, keepdims=True)) + most
    total = total if keepdim else total.reshape([n for d, n in enumerate(x_shape) if d not in axes])

    def rule(g, value):
        share = exp(x - restore(value, x_shape, axes, keepdim))
        return restore(g, x_shape, axes, keepdim) * share

    return record(total, (x, rule, True))
