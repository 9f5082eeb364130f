"""Diagonals and triangles of matrices, out of them and into them."""

import numpy as np

from autotensor import dtypes
from autotensor.ops.arguments import dimension, tensor_of
from autotensor.ops.elementwise import where
from autotensor.ops.indexing import scatter_index
from autotensor.ops.reduce import sum
from autotensor.ops.shape import flatten, movedim
from autotensor.tensor import Tensor

__all__ = [
    "diag",
    "diag_embed",
    "diagflat",
    "trace",
    "tril",
    "tril_indices",
    "triu",
    "triu_indices",
]


def _places(length, offset):
    """The rows and columns of a diagonal of ``length`` elements."""
    steps = np.arange(length)
    return steps - min(offset, 0), steps + max(offset, 0)


def diag(input, diagonal=0):
    """A matrix with a vector on a diagonal, or a copy of the diagonal of a matrix."""
    x = tensor_of(input, "diag")
    if x.ndim == 1:
        return diag_embed(x, diagonal)
    if x.ndim != 2:
        raise RuntimeError(f"diag: expected a vector or matrix, got {x.shape}: use diagonal()")
    rows, columns = x.shape
    length = min(rows + min(diagonal, 0), columns - max(diagonal, 0))
    return x[_places(max(length, 0), diagonal)]


def diag_embed(input, offset=0, dim1=-2, dim2=-1):
    """Matrices with the last dimension of ``input`` on a diagonal: (..., n) -> (..., n, n)."""
    x = tensor_of(input, "diag_embed")
    if not x.ndim:
        raise RuntimeError("diag_embed: expected one dimension at least, got a 0-d tensor")
    dims = [dimension(d, x.ndim + 1, "diag_embed") for d in (dim1, dim2)]
    if dims[0] == dims[1]:
        raise RuntimeError(f"diag_embed: dim1 and dim2 are the same: {dim1} and {dim2}")
    size = x.shape[-1] + abs(offset)
    places = (..., *_places(x.shape[-1], offset))
    made = scatter_index(x, places, (*x.shape[:-1], size, size), repeats=False)
    return movedim(made, (-2, -1), dims)


def diagflat(input, offset=0):
    """A matrix with all elements of ``input`` on a diagonal."""
    return diag_embed(flatten(tensor_of(input, "diagflat")), offset)


def trace(input):
    """The sum of the diagonal of a matrix."""
    if tensor_of(input, "trace").ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, got {input.shape}")
    return sum(diag(input))


def tril(input, diagonal=0):
    """The elements on and below a diagonal of the last two dimensions, 0 above."""
    return _triangle(input, np.tri(*input.shape[-2:], diagonal, dtype=bool))


def triu(input, diagonal=0):
    """The elements on and above a diagonal of the last two dimensions, 0 below."""
    return _triangle(input, ~np.tri(*input.shape[-2:], diagonal - 1, dtype=bool))


def _triangle(x, mask):
    if x.ndim < 2:
        raise RuntimeError(f"a triangle needs at least 2 dimensions, got {x.shape}")
    return where(Tensor(mask), x, x.dtype.type(0).item())


def tril_indices(row, col, offset=0, *, dtype=dtypes.int64, device=None):
    """Rows and columns of the elements on and below a diagonal of a ``row`` x ``col`` matrix."""
    return Tensor(np.stack(np.tril_indices(row, offset, col)).astype(dtypes.as_dtype(dtype)))


def triu_indices(row, col, offset=0, *, dtype=dtypes.int64, device=None):
    """Rows and columns of the elements on and above a diagonal of a ``row`` x ``col`` matrix."""
    return Tensor(np.stack(np.triu_indices(row, offset, col)).astype(dtypes.as_dtype(dtype)))
