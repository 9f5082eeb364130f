"""What follows from the order of elements: sorting, ranks, medians, quantiles, distinct elements.

NaN counts as larger than any number, as in PyTorch.
"""

import math
from typing import NamedTuple

import numpy as np

from autotensor.ops.arguments import dimension, numpy_names, tensor_of
from autotensor.ops.elementwise import lerp
from autotensor.ops.indexing import gather
from autotensor.ops.reduce import mean
from autotensor.ops.shape import flatten, movedim, reshape, squeeze, unsqueeze
from autotensor.tensor import Tensor

__all__ = [
    "argsort",
    "bucketize",
    "isin",
    "kthvalue",
    "median",
    "mode",
    "msort",
    "nanmedian",
    "nanquantile",
    "quantile",
    "searchsorted",
    "sort",
    "topk",
    "unique",
    "unique_consecutive",
]


class Ranked(NamedTuple):
    """Elements chosen by their order along a dimension, and where they were."""

    values: Tensor
    indices: Tensor


def _order(x, dim, descending=False):
    """The indices that sort ``x`` along ``dim``; equal elements keep their order."""
    if not x.ndim:
        return np.zeros((), np.int64)
    if not descending:
        return np.argsort(x.array, dim, kind="stable")
    turned = np.argsort(np.flip(x.array, dim), dim, kind="stable")
    return np.flip(x.shape[dim] - 1 - turned, dim)


def _ranked(x, dim, indices):
    indices = Tensor(np.ascontiguousarray(indices).reshape(np.shape(indices)))
    return Ranked(gather(x, dim, indices), indices)


def sort(input, dim=-1, descending=False, stable=False):
    """The elements in order along ``dim``, and where they were; always stable."""
    x = tensor_of(input, "sort")
    dim = dimension(dim, x.ndim, "sort")
    return _ranked(x, dim, _order(x, dim, descending))


def argsort(input, dim=-1, descending=False, stable=False):
    """The indices that `sort` the elements along ``dim``."""
    return sort(input, dim, descending).indices


def msort(input):
    """The elements in order along dimension 0."""
    return sort(input, 0).values


def topk(input, k, dim=-1, largest=True, sorted=True):
    """The ``k`` largest (or smallest) elements along ``dim``, in order, and where they were."""
    x = tensor_of(input, "topk")
    dim = dimension(dim, x.ndim, "topk")
    length = x.shape[dim] if x.ndim else 1
    if not 0 <= k <= length:
        raise RuntimeError(f"topk: selected index k out of range: {k} of {length}")
    order = _order(x, dim, largest)
    return _ranked(x, dim, order.take(range(k), dim) if x.ndim else order)


@numpy_names
def kthvalue(input, k, dim=-1, keepdim=False):
    """The ``k``-th smallest element along ``dim``, counted from 1, and where it was."""
    x = tensor_of(input, "kthvalue")
    dim = dimension(dim, x.ndim, "kthvalue")
    length = x.shape[dim] if x.ndim else 1
    if not 1 <= k <= length:
        raise RuntimeError(f"kthvalue: selected number k out of range: {k} of {length}")
    return _at_rank(x, dim, keepdim, _order(x, dim), np.intp(k - 1))


def _at_rank(x, dim, keepdim, order, rank):
    """The elements at place ``rank`` (a number, or one for each row) of the order."""
    if not x.ndim:
        return _ranked(x, dim, order)
    places = np.broadcast_to(rank, (*order.shape[:dim], 1, *order.shape[dim + 1 :]))
    found = _ranked(x, dim, np.take_along_axis(order, places, dim))
    return found if keepdim else Ranked(*(squeeze(part, dim) for part in found))


def _median(name, rank, summary):
    @numpy_names
    def median_of(input, dim=None, keepdim=False):
        x = tensor_of(input, name)
        if dim is None:
            return _median_of_all(x, name, rank)
        dim = dimension(dim, x.ndim, name)
        if x.ndim and not x.shape[dim]:
            raise IndexError(f"{name}: dim {dim} of {x.shape} must not have size 0")
        order = _order(x, dim)
        return _at_rank(x, dim, keepdim, order, rank(x.array, dim) if x.ndim else 0)

    median_of.__name__ = median_of.__qualname__ = name
    median_of.__doc__ = summary
    return median_of


def _median_of_all(x, name, rank):
    """The median of all elements; equal ones share its gradient."""
    if not x.array.size:
        return Tensor(np.asarray(np.nan, x.dtype))
    values = flatten(x).array
    order = np.argsort(values, kind="stable")
    chosen = values[order[int(rank(values, 0)[0])]]
    same = values == chosen if chosen == chosen else np.isnan(values)
    picked = flatten(x)[Tensor(same)]
    if x.dtype.kind == "f":
        return mean(picked) if picked.array.size > 1 else reshape(picked, ())
    return picked[0]


def _rank_with_nan(values, dim):
    """The place of the lower median of the numbers, or of the first NaN if there is one."""
    numbers = np.count_nonzero(values == values, axis=dim, keepdims=True)
    length = values.shape[dim]
    return np.where(numbers < length, numbers, (length - 1) // 2)


def _rank_of_numbers(values, dim):
    """The place of the lower median of those elements that are numbers."""
    numbers = np.count_nonzero(values == values, axis=dim, keepdims=True)
    return np.maximum(numbers - 1, 0) // 2


median = _median(
    "median", _rank_with_nan, "The median, of an even number the lower; with ``dim`` and its place."
)
nanmedian = _median("nanmedian", _rank_of_numbers, "The `median` of those that are not NaN.")


@numpy_names
def mode(input, dim=-1, keepdim=False):
    """The most frequent element along ``dim``, of several the smallest, and where it was last."""
    x = tensor_of(input, "mode")
    dim = dimension(dim, x.ndim, "mode")
    if not x.ndim:
        return _ranked(x, dim, _order(x, dim))
    if not x.shape[dim]:
        raise IndexError(f"mode: dim {dim} of {x.shape} must not have size 0")
    order = _order(x, dim)
    ordered = np.moveaxis(np.take_along_axis(x.array, order, dim), dim, -1)
    starts = np.concatenate(
        [np.ones_like(ordered[..., :1], bool), ordered[..., 1:] != ordered[..., :-1]], -1
    )
    places = np.arange(x.shape[dim])
    run = places - np.maximum.accumulate(np.where(starts, places, 0), -1)  # equal ones before
    rank = np.expand_dims(run.argmax(-1), dim)
    return _at_rank(x, dim, keepdim, order, rank)


_ROUNDED = {"lower": np.floor, "higher": np.ceil, "nearest": np.round}


def _quantile(name, places_of, summary):
    @numpy_names
    def quantile_of(input, q, dim=None, keepdim=False, *, interpolation="linear"):
        x = tensor_of(input, name)
        if x.dtype.kind != "f" or not x.array.size:
            raise RuntimeError(f"{name}: expected elements of a float dtype: {x.shape}, {x.dtype}")
        if interpolation not in (*_ROUNDED, "linear", "midpoint"):
            raise ValueError(f"{name}: unknown interpolation {interpolation!r}")
        wanted = np.asarray(q.array if isinstance(q, Tensor) else q, x.dtype)
        if wanted.ndim > 1 or not ((wanted >= 0) & (wanted <= 1)).all():
            raise RuntimeError(f"{name}: q is a number or vector of numbers in [0, 1], got {q}")
        dim = None if dim is None or not x.ndim else dimension(dim, x.ndim, name)
        rows = sort(flatten(x) if dim is None else movedim(x, dim, -1)).values
        found = _between(rows, places_of(rows.array, wanted.reshape(-1)), interpolation)
        if keepdim:
            whole = (1,) * x.ndim + (-1,)
            found = reshape(found, whole) if dim is None else unsqueeze(found, dim)
        found = movedim(found, -1, 0)
        return found if wanted.ndim else squeeze(found, 0)

    quantile_of.__name__ = quantile_of.__qualname__ = name
    quantile_of.__doc__ = summary
    return quantile_of


def _between(ordered, places, interpolation):
    """What stands at fractional ``places`` along the last dimension."""
    if interpolation in _ROUNDED:
        places = _ROUNDED[interpolation](places)
    low, high = np.floor(places), np.ceil(places)
    weight = (high - low) / 2 if interpolation == "midpoint" else places - low
    low, high = (gather(ordered, -1, Tensor(place.astype(np.int64))) for place in (low, high))
    return lerp(low, high, Tensor(weight.astype(ordered.dtype)))


def _places(ordered, q):
    """Fractional places of quantiles; where a row has NaN it is the last, and that is taken."""
    last = ordered.shape[-1] - 1
    return np.where(np.isnan(ordered[..., -1:]), last, q * last)


def _places_of_numbers(ordered, q):
    """Fractional places of quantiles among the elements that are not NaN."""
    numbers = np.count_nonzero(ordered == ordered, axis=-1, keepdims=True)
    return q * np.maximum(numbers - 1, 0)


quantile = _quantile(
    "quantile", _places, "The ``q``-quantiles (0 to 1), between two elements by ``interpolation``."
)
nanquantile = _quantile(
    "nanquantile", _places_of_numbers, "The `quantile` of those that are not NaN."
)


def unique(input, sorted=True, return_inverse=False, return_counts=False, dim=None):
    """The distinct elements (or slices along ``dim``), in order.

    Also, where asked for: for each element the index of its like, and how often each occurs.
    """
    x = tensor_of(input, "unique")
    axis = None if dim is None else dimension(dim, x.ndim, "unique")
    named = {"return_inverse": True, "return_counts": True, "equal_nan": False}
    found, inverse, counts = np.unique(x.array, axis=axis, **named)
    inverse = inverse.reshape(x.shape if dim is None else -1)
    return _chosen(found, inverse, counts, return_inverse, return_counts)


def _chosen(found, inverse, counts, return_inverse, return_counts):
    parts = [found, *([inverse] * return_inverse), *([counts] * return_counts)]
    made = tuple(Tensor(np.asarray(part)) for part in parts)
    return made if len(made) > 1 else made[0]


def unique_consecutive(input, return_inverse=False, return_counts=False, dim=None):
    """The elements (or slices along ``dim``) but for those equal to the one before them.

    Also, where asked for: for each element the index of its like, and the lengths of the runs.
    """
    x = tensor_of(input, "unique_consecutive")
    axis = 0 if dim is None else dimension(dim, x.ndim, "unique_consecutive")
    values = x.array.reshape(-1) if dim is None else x.array
    rows = np.moveaxis(values, axis, 0).reshape(values.shape[axis], -1)
    starts = np.ones(len(rows), bool)
    starts[1:] = (rows[1:] != rows[:-1]).any(1)
    inverse = np.cumsum(starts) - 1
    counts = np.diff(np.append(np.flatnonzero(starts), len(rows)))
    inverse = inverse.reshape(x.shape if dim is None else -1)
    found = values.compress(starts, axis)
    return _chosen(found, inverse, counts, return_inverse, return_counts)


def searchsorted(sorted_sequence, input, *, out_int32=False, right=False, side=None, sorter=None):
    """Where values would have to be put in along the last dimension to keep the order.

    Before equal elements, or with ``right`` (``side="right"``) behind them.
    """
    rows = tensor_of(sorted_sequence, "searchsorted")
    values = input if isinstance(input, Tensor) else Tensor(np.asarray(input))
    if sorter is not None:
        rows = gather(rows, -1, sorter)
    if side not in (None, "left", "right") or (side == "left" and right):
        raise RuntimeError(f"searchsorted: side {side!r} does not go with right={right}")
    side = "right" if right or side == "right" else "left"
    if rows.ndim > 1 and rows.shape[:-1] != values.shape[:-1]:
        raise RuntimeError(
            f"searchsorted: the sequence is a vector, or has the leading dimensions of the "
            f"values: {rows.shape} and {values.shape}"
        )
    kind = np.int32 if out_int32 else np.int64
    if rows.ndim == 1:
        found = np.searchsorted(rows.array, values.array, side)
        return Tensor(np.asarray(found, kind))
    count = math.prod(rows.shape[:-1])
    pairs = zip(rows.array.reshape(count, -1), values.array.reshape(count, -1), strict=True)
    found = [np.searchsorted(row, wanted, side) for row, wanted in pairs]
    return Tensor(np.asarray(found, kind).reshape(values.shape))


def bucketize(input, boundaries, *, out_int32=False, right=False):
    """The number of the bucket between ``boundaries``, a sorted vector, that each value is in."""
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)


def isin(elements, test_elements, *, assume_unique=False, invert=False):
    """Whether each of ``elements`` is among ``test_elements``."""
    mine, others = (v.array if isinstance(v, Tensor) else v for v in (elements, test_elements))
    return Tensor(np.asarray(np.isin(mine, others, invert=invert)))
