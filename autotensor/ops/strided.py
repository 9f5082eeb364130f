"""Views that step through memory: diagonals and windows."""

import numpy as np

from autotensor.memory import owner
from autotensor.ops import arguments
from autotensor.ops.arguments import tensor_of
from autotensor.tensor import record, record_view

__all__ = ["diagonal", "unfold"]


def diagonal(input, offset=0, dim1=0, dim2=1):
    """The elements with equal indices in two dimensions, ``offset`` further in ``dim2``, last."""
    x = tensor_of(input, "diagonal")
    dim1, dim2 = (arguments.dimension(d, x.ndim, "diagonal") for d in (dim1, dim2))
    if dim1 == dim2:
        raise RuntimeError(f"diagonal: the two dimensions must differ, both are {dim1}")
    x_shape = x.shape
    return record_view(
        _diagonal(x.array, offset, dim1, dim2),
        x,
        lambda g: _on_diagonal(g, x_shape, offset, dim1, dim2),
        lambda b: diagonal(b, offset, dim1, dim2),
    )


def _diagonal(array, *places):
    seen = array.diagonal(*places)
    seen.flags.writeable = array.flags.writeable  # NumPy's is read-only
    return seen


def _on_diagonal(g, shape, *places):
    """Zeros of ``shape`` with ``g`` on a diagonal."""
    array = np.zeros(shape, g.dtype)
    _diagonal(array, *places)[...] = g.array
    return record(array, (g, lambda gg: diagonal(gg, *places)))


def unfold(input, dimension, size, step):
    """Windows of ``size`` elements along a dimension, ``step`` apart; the last dimension is new."""
    x = tensor_of(input, "unfold")
    dim = arguments.dimension(dimension, x.ndim, "unfold")
    if not 0 <= size <= (x.shape[dim] if x.ndim else 1):
        raise RuntimeError(f"unfold: size {size} for dimension {dim} of {x.shape}")
    if step <= 0:
        raise RuntimeError(f"unfold: step must be positive, not {step}")
    x_shape = x.shape
    return record_view(
        _windows(x.array, dim, size, step),
        x,
        lambda g: _folded(g, x_shape, dim, size, step),
        lambda b: unfold(b, dim, size, step),
    )


def _windows(array, dim, size, step):
    """A view; where windows overlap it is read-only."""
    array = array.reshape(1) if not array.ndim else array
    shape, strides = [*array.shape, size], [*array.strides, array.strides[dim]]
    shape[dim] = (array.shape[dim] - size) // step + 1
    strides[dim] *= step
    if not array.size:
        return np.empty(shape, array.dtype)
    memory = owner(array).ravel("K")  # as_strided would hide whose memory it is
    if not np.may_share_memory(memory, array):
        raise RuntimeError("unfold: this memory has gaps between elements: clone() first")
    offset = array.__array_interface__["data"][0] - memory.__array_interface__["data"][0]
    seen = np.ndarray(shape, array.dtype, memory, offset, strides)
    seen.flags.writeable = array.flags.writeable and step >= size
    return seen


def _folded(g, shape, dim, size, step):
    """Zeros of ``shape`` with windows added where they are from."""
    array = np.zeros(shape or (1,), g.dtype)
    count = g.shape[dim]
    for place in range(size):
        window = slice(place, place + (count - 1) * step + 1, step)
        array[(slice(None),) * dim + (window,)] += g.array[..., place]
    return record(array.reshape(shape), (g, lambda gg: unfold(gg, dim, size, step)))
