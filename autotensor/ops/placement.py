"""Values put into a copy of a tensor, at positions along a dimension, anywhere, or by a mask."""

import numpy as np

from autotensor.ops.arguments import cast, dimension, tensor_of
from autotensor.ops.indexing import getitem, index_of, put, put_added
from autotensor.tensor import Tensor

__all__ = ["index_copy", "index_fill", "index_put", "masked_scatter"]


def index_copy(input, dim, index, source):
    """A copy of ``input``, slices of ``source`` written at the vector ``index`` along ``dim``."""
    x, places = _along(input, dim, index, "index_copy")
    dim = dimension(dim, x.ndim, "index_copy")
    if np.any(index.array < 0) or np.any(index.array >= x.shape[dim]):
        raise IndexError(
            f"index_copy: an index of {index.tolist()} is out of bounds for dimension {dim} with "
            f"size {x.shape[dim]}"
        )
    wanted = x.shape[:dim] + (index.array.size,) + x.shape[dim + 1 :]
    if source.shape != wanted:
        raise IndexError(f"index_copy: expected source of shape {wanted}, got {source.shape}")
    if source.dtype != x.dtype:
        raise RuntimeError(f"index_copy: input is {x.dtype}, source {source.dtype}: convert one")
    return put(x, places, source)


def index_fill(input, dim, index, value):
    """A copy of ``input`` with a number or 0-d tensor at the vector ``index`` along ``dim``."""
    x, places = _along(input, dim, index, "index_fill")
    value = value if isinstance(value, Tensor) else Tensor(np.asarray(value))
    if value.ndim:
        raise RuntimeError(f"index_fill: value must be a number or 0-d, not {value.shape}")
    return put(x, places, cast(value, x.dtype))


def _along(input, dim, index, name):
    """The tensor, and the NumPy index of its slices at ``index`` along ``dim``."""
    x = tensor_of(input, name)
    dim = dimension(dim, x.ndim, name)
    if tensor_of(index, name).ndim > 1 or index.dtype.kind not in "iu":
        raise IndexError(f"{name}: index is a vector of integers, not {index.dtype} {index.shape}")
    return x, (slice(None),) * dim + (index.array.reshape(-1),)


def index_put(input, indices, values, accumulate=False):
    """A copy of ``input``, ``values`` written at ``input[indices]``, or added there."""
    x = tensor_of(input, "index_put")
    if tensor_of(values, "index_put").dtype != x.dtype:
        raise RuntimeError(
            f"index_put: input is {x.dtype}, values are {values.dtype}: convert one of them"
        )
    places, _ = index_of(x, tuple(indices))
    try:
        target = x.array[places].shape
        np.broadcast_to(values.array, target)
    except ValueError:
        raise RuntimeError(
            f"index_put: values of shape {values.shape} cannot be broadcast to the places, {target}"
        ) from None
    except IndexError as error:
        raise IndexError(f"{error} (indexing a tensor of shape {x.shape})") from None
    return (put_added if accumulate else put)(x, places, values)


def masked_scatter(input, mask, source):
    """``input`` with elements of ``source``, in row order, where ``mask``, broadcast, holds."""
    x = tensor_of(input, "masked_scatter")
    if tensor_of(mask, "masked_scatter").dtype.kind != "b":
        raise RuntimeError(f"masked_scatter: expected a mask of dtype bool, got {mask.dtype}")
    if source.dtype != x.dtype:
        raise RuntimeError(
            f"masked_scatter: input is {x.dtype}, source {source.dtype}: convert one of them"
        )
    shape = np.broadcast_shapes(x.shape, mask.shape)
    places = np.broadcast_to(mask.array, shape)
    count = int(places.sum())
    if source.array.size < count:
        raise RuntimeError(
            f"masked_scatter: source has {source.array.size} elements, mask {count} that hold"
        )
    return put(x.expand(shape), (places,), getitem(source.reshape(-1), slice(count)))
