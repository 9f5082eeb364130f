"""PyTorch's ``torch.sparse``, as far as products of sparse and dense matrices need it."""

from autotensor.ops.sparse import SparseTensor
from autotensor.ops.sparse import spmm as mm

__all__ = ["SparseTensor", "mm"]
