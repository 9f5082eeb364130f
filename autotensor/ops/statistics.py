"""Sums that pass over NaN, pairs of statistics, covariance, and counts of elements."""

from typing import NamedTuple

import numpy as np

from autotensor import dtypes
from autotensor.ops.arguments import numpy_names, tensor_of
from autotensor.ops.compare import isnan
from autotensor.ops.diagonals import diag
from autotensor.ops.elementwise import clamp, where
from autotensor.ops.linalg import mm
from autotensor.ops.reduce import amax, amin, mean, std, sum
from autotensor.ops.shape import reshape, t
from autotensor.tensor import Tensor

__all__ = [
    "aminmax",
    "bincount",
    "corrcoef",
    "cov",
    "histc",
    "nanmean",
    "nansum",
    "std_mean",
]


class Extent(NamedTuple):
    """The smallest and the largest elements."""

    min: Tensor
    max: Tensor


@numpy_names
def nansum(input, dim=None, keepdim=False, dtype=None):
    """The `sum` of the elements that are not NaN."""
    return sum(where(isnan(tensor_of(input, "nansum")), 0, input), dim, keepdim, dtype)


@numpy_names
def nanmean(input, dim=None, keepdim=False, dtype=None):
    """The `mean` of the elements that are not NaN."""
    numbers = sum(~isnan(tensor_of(input, "nanmean")), dim, keepdim)
    return nansum(input, dim, keepdim, dtype) / numbers


@numpy_names
def std_mean(input, dim=None, unbiased=True, keepdim=False, *, correction=None):
    """The pair of `std` and `mean`."""
    axes = None if isinstance(dim, bool) else dim
    return std(input, dim, unbiased, keepdim, correction=correction), mean(input, axes, keepdim)


@numpy_names
def aminmax(input, *, dim=None, keepdim=False):
    """The pair of `amin` and `amax`."""
    return Extent(amin(input, dim, keepdim), amax(input, dim, keepdim))


def cov(input, *, correction=1):
    """The covariances of variables, (variables, observations) -> (variables, variables)."""
    if tensor_of(input, "cov").ndim > 2:
        raise RuntimeError(f"cov: expected at most 2 dimensions, got {input.shape}")
    rows = reshape(input, 1, -1) if input.ndim < 2 else input
    centred = rows - mean(rows, 1, keepdim=True)
    found = mm(centred, t(centred)) / (rows.shape[1] - correction)
    return found if input.ndim == 2 else reshape(found, ())


def corrcoef(input):
    """The correlations of variables, (variables, observations) -> (variables, variables)."""
    found = cov(input)
    if not found.ndim:
        return found / found
    spread = diag(found) ** 0.5
    return clamp(found / reshape(spread, -1, 1) / spread, -1, 1)


def bincount(input, weights=None, minlength=0):
    """How often each of the integers 0, 1, ... occurs in a vector, or the sum of its weights."""
    x = tensor_of(input, "bincount")
    if x.ndim != 1 or x.dtype.kind not in "iu" or (x.array < 0).any():
        raise RuntimeError(
            f"bincount: expected a vector of integers that are not negative: {x.dtype} {x.shape}"
        )
    if weights is None:
        return Tensor(np.bincount(x.array, minlength=minlength))
    if weights.shape != x.shape:
        raise RuntimeError(f"bincount: weights {weights.shape} for {x.shape}")
    counts = np.bincount(x.array, weights.array, minlength)
    return Tensor(counts.astype(dtypes.float32 if weights.dtype == dtypes.float32 else np.float64))


def histc(input, bins=100, min=0, max=0):
    """How many elements are in each of ``bins`` equal parts of [min, max]; others do not count.

    If both are equal, the parts are those of the range of the elements.
    """
    x = tensor_of(input, "histc").detach().array
    if x.dtype.kind != "f":
        raise RuntimeError(f"histc: expected a float dtype, got {x.dtype}: use x.float()")
    if min > max or bins < 1:
        raise RuntimeError(f"histc: expected bins from 1 and min <= max: {bins}, {min}, {max}")
    low, high = (x.min(), x.max()) if min == max and x.size else (min, max)
    low, high = (low - 1, high + 1) if low == high else (low, high)
    return Tensor(np.histogram(x, bins, (low, high))[0].astype(x.dtype))
