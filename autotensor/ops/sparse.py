"""Sparse tensors: the elements that are not 0, and where they are (PyTorch's COO layout)."""

import math

import numpy as np

from autotensor import devices
from autotensor.ops.arguments import sizes, tensor_of
from autotensor.ops.elementwise import to
from autotensor.ops.embedding import add_rows, rows_of
from autotensor.ops.indexing import getitem
from autotensor.ops.shape import flip, reshape, squeeze, unsqueeze
from autotensor.tensor import Tensor


class SparseTensor:
    """Elements ``values`` (nnz, ...) at ``indices`` (sparse dimensions, nnz); elsewhere 0.

    Values at one place add up; `coalesce` adds them. Gradients flow to the values, and to what is
    multiplied. `sparse_coo_tensor` makes one. For all else: `to_dense`.
    """

    is_sparse = True
    layout = "sparse_coo"
    device = devices.CPU

    def __init__(self, indices, values, shape, coalesced=False):
        self._places, self._elements = indices, values
        self.shape = tuple(shape)
        self._coalesced = coalesced

    dtype = property(lambda self: self._elements.dtype, doc="The element type, a NumPy dtype.")
    ndim = property(lambda self: len(self.shape), doc="The number of dimensions.")
    requires_grad = property(lambda self: self._elements.requires_grad,
                             doc="Whether gradients flow to the values.")  # fmt: skip

    def size(self, dim=None):
        """The sizes as a tuple, or the one of dimension ``dim``."""
        return self.shape if dim is None else self.shape[dim]

    def dim(self):
        """The number of dimensions."""
        return len(self.shape)

    def sparse_dim(self):
        """The number of dimensions that indices are kept for."""
        return self._places.shape[0]

    def is_coalesced(self):
        """Whether places are known to be in order, none twice."""
        return self._coalesced

    def indices(self):
        """Where the values are, (sparse dimensions, nnz); RuntimeError if not coalesced."""
        return self._of_coalesced("indices", self._places)

    def values(self):
        """The values, (nnz, ...); RuntimeError if not coalesced."""
        return self._of_coalesced("values", self._elements)

    def _of_coalesced(self, name, part):
        if not self._coalesced:
            raise RuntimeError(
                f"Cannot get {name} on an uncoalesced tensor, please call .coalesce() first"
            )
        return part

    def _indices(self):
        return self._places

    def _values(self):
        return self._elements

    def _nnz(self):
        return self._places.shape[1]

    def _added(self, numbers, count):
        """Values of one number added: (count, ...)."""
        flat = reshape(self._elements, self._nnz(), math.prod(self._elements.shape[1:]))
        return reshape(add_rows(flat, numbers, count), count, *self._elements.shape[1:])

    def _flat(self):
        """The places by a single number, and how many there are."""
        extent = self.shape[: self.sparse_dim()]
        return np.ravel_multi_index(tuple(self._places.array), extent), math.prod(extent)

    def coalesce(self):
        """The same with places in order, values of one place added."""
        if self._coalesced:
            return self
        kept, numbers = np.unique(self._flat()[0], return_inverse=True)
        places = np.stack(np.unravel_index(kept, self.shape[: self.sparse_dim()]))
        return SparseTensor(Tensor(places), self._added(numbers, len(kept)), self.shape, True)

    def to_dense(self):
        """The tensor with its zeros."""
        return reshape(self._added(*self._flat()), self.shape)

    def detach(self):
        """The same, but gradients do not pass."""
        return SparseTensor(self._places, self._elements.detach(), self.shape, self._coalesced)

    def to(self, *args, **named):
        """With another dtype, as `Tensor.to`."""
        values = to(self._elements, *args, **named)
        return SparseTensor(self._places, values, self.shape, self._coalesced)

    def t(self):
        """The transpose of a matrix."""
        _check_matrix(self, "t")
        return SparseTensor(flip(self._places, 0), self._elements, self.shape[::-1])

    def __matmul__(self, other):
        return spmm(self, other) if isinstance(other, Tensor) else NotImplemented

    def __repr__(self):
        return (
            f"tensor(indices={self._places!r},\n       values={self._elements!r},\n       "
            f"size={self.shape}, nnz={self._nnz()}, layout=torch.sparse_coo)"
        )


def _check_matrix(x, name):
    if x.ndim != 2 or x.sparse_dim() != 2:
        raise RuntimeError(f"{name}: expected a sparse matrix, got the shape {x.shape}")


def sparse_coo_tensor(
    indices,
    values,
    size=None,
    *,
    dtype=None,
    device=None,
    requires_grad=False,
    check_invariants=None,
    is_coalesced=None,
):
    """A `SparseTensor` of ``values`` (nnz, ...) at ``indices`` (sparse dimensions, nnz).

    Without ``size`` it is as large as the indices need. Indices are checked, whatever
    ``check_invariants``; ``is_coalesced`` is accepted, and found out when it matters.
    """
    devices.check(device, "sparse_coo_tensor")
    places = indices if isinstance(indices, Tensor) else Tensor(np.array(indices))
    values = values if isinstance(values, Tensor) else _floats(values)
    values = values if dtype is None else to(values, dtype)
    array = places.array
    if array.ndim != 2 or (array.dtype.kind not in "iu" and array.size):
        raise RuntimeError(
            f"sparse_coo_tensor: indices must be integers (sparse dimensions, nnz), got "
            f"{array.dtype} {array.shape}"
        )
    if not values.ndim or array.shape[1] != values.shape[0]:
        raise RuntimeError(
            f"indices and values must have same nnz, but got nnz from indices: {array.shape[1]}, "
            f"nnz from values: {values.shape[0] if values.ndim else 0}"
        )
    if size is None:
        size = (*(array.max(axis=1, initial=-1) + 1).tolist(), *values.shape[1:])
    size, rank = sizes((size,)), array.shape[0]
    if len(size) != rank + values.ndim - 1 or size[rank:] != values.shape[1:]:
        raise RuntimeError(
            f"sparse_coo_tensor: size {size} for {rank} sparse dimensions and values {values.shape}"
        )
    if (array < 0).any() or (array >= np.reshape(size[:rank], (-1, 1))).any():
        raise RuntimeError(f"sparse_coo_tensor: indices outside of the size {size}")
    if requires_grad:
        values = values.detach().requires_grad_()
    return SparseTensor(Tensor(array.astype(np.int64)), values, size)


def _floats(values):
    array = np.array(values)
    return Tensor(array.astype(np.float32) if array.dtype == np.float64 else array)


def to_sparse(input):
    """The elements that are not 0, as a `SparseTensor`."""
    x = tensor_of(input, "to_sparse")
    places = np.nonzero(x.array)
    values = getitem(x, places)
    return SparseTensor(Tensor(np.stack(places)), values, x.shape, coalesced=True)


def spmm(input, mat2):
    """The product of a sparse matrix and a dense one, or a vector: (n, k), (k, m) -> (n, m)."""
    if not isinstance(input, SparseTensor):
        raise TypeError(f"spmm: expected a sparse matrix, got {type(input).__name__}: to_sparse()")
    _check_matrix(input, "spmm")
    dense = tensor_of(mat2, "spmm")
    if input.dtype != dense.dtype:
        raise RuntimeError(f"spmm: expected one dtype, got {input.dtype} and {dense.dtype}")
    if dense.ndim not in (1, 2) or input.shape[1] != dense.shape[0]:
        raise RuntimeError(f"spmm: shapes {input.shape} and {dense.shape} cannot be multiplied")
    if dense.ndim == 1:
        return squeeze(spmm(input, unsqueeze(dense, 1)), 1)
    rows, columns = input._places.array
    scaled = unsqueeze(input._elements, 1) * rows_of(dense, columns)
    return add_rows(scaled, rows, input.shape[0])
