"""Values put among those of a tensor by position along a dimension, reduced where several meet."""

import numpy as np

from autotensor.ops.arguments import dimension, tensor_of
from autotensor.ops.compare import eq
from autotensor.ops.elementwise import where
from autotensor.ops.indexing import gather, getitem, scatter_add, zero_index
from autotensor.ops.shape import flatten
from autotensor.tensor import Tensor, record

__all__ = ["argwhere", "scatter_reduce", "select_scatter", "slice_scatter", "take"]


def take(input, index):
    """The elements at ``index`` of the flattened tensor, in the shape of ``index``."""
    x = tensor_of(input, "take")
    if index.dtype.kind not in "iu":
        raise RuntimeError(f"take: expected int64 for index, got {index.dtype}")
    return flatten(x)[index]


def argwhere(input):
    """Where elements are not 0: a row for each."""
    return tensor_of(input, "argwhere").nonzero()


def select_scatter(input, src, dim, index):
    """A copy with ``src`` in place of the slice at ``index`` along ``dim``."""
    x = tensor_of(input, "select_scatter")
    dim = dimension(dim, x.ndim, "select_scatter")
    return _placed(x, src, (slice(None),) * dim + (index,), "select_scatter")


def slice_scatter(input, src, dim=0, start=None, end=None, step=1):
    """A copy with ``src`` in place of ``input[start:end:step]`` along ``dim``."""
    x = tensor_of(input, "slice_scatter")
    dim = dimension(dim, x.ndim, "slice_scatter")
    places = (slice(None),) * dim + (slice(start, end, step),)
    return _placed(x, src, places, "slice_scatter")


def _placed(x, src, places, name):
    wanted = x.array[places].shape
    if src.shape != wanted:
        raise RuntimeError(f"{name}: expected src of shape {wanted}, got {src.shape}")
    array = x.array.copy()
    array[places] = src.array
    return record(
        array, (x, lambda g: zero_index(g, places)), (src, lambda g: getitem(g, places).clone())
    )


def scatter_reduce(input, dim, index, src, reduce, *, include_self=True):
    """A copy with ``src`` at ``index`` along ``dim``, reduced with what is there already.

    ``reduce``: "sum", "mean", "amax" or "amin"; of the largest or smallest, equal ones share the
    gradient. Without ``include_self`` what is there counts only where nothing is put.
    """
    x = tensor_of(input, "scatter_reduce")
    if reduce not in ("sum", "mean", "amax", "amin"):
        raise NotImplementedError(f"scatter_reduce: 'sum', 'mean', 'amax', 'amin', not {reduce!r}")
    if tensor_of(src, "scatter_reduce").dtype != x.dtype:
        raise RuntimeError(f"scatter_reduce: expected src of dtype {x.dtype}, got {src.dtype}")
    ones = Tensor(np.ones(index.shape, x.dtype))
    counts = scatter_add(Tensor(np.zeros_like(x.array)), dim, index, ones)
    replaced = Tensor((counts.array > 0) & (not include_self))
    if reduce in ("amax", "amin"):
        return _largest(x, dim, index, src, replaced, reduce == "amax")
    total = scatter_add(where(replaced, 0, x), dim, index, src)
    if reduce == "sum":
        return total
    return total / where(replaced, counts, counts + 1)


def _largest(x, dim, index, src, replaced, is_largest):
    """The largest (or smallest) of what is put at a place and, unless ``replaced``, is there."""
    worst = -np.inf if is_largest else np.inf
    known = np.where(replaced.array, x.dtype.type(worst), x.array)
    dim = dimension(dim, x.ndim, "scatter_reduce")
    places = list(np.ogrid[tuple(slice(n) for n in index.shape)])
    places[dim] = index.array
    given = getitem(src, tuple(slice(n) for n in index.shape))
    (np.maximum if is_largest else np.minimum).at(known, tuple(places), given.array)
    best = Tensor(known)
    mine = eq(x, best) & ~replaced
    theirs = eq(given, gather(best, dim, index))
    shared = scatter_add(mine.to(x.dtype), dim, index, theirs.to(x.dtype))
    return record(
        known,
        (x, lambda g: where(mine, g / shared, 0)),
        (given, lambda g: where(theirs, gather(g / shared, dim, index), 0)),
    )
