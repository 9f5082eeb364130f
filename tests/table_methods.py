"""Rows of the operation table for what is a method or an operator only, or of `nn.functional`."""

import numpy as np
from table import FUNCTIONS, Row, X, real

from autotensor.creation import zeros
from autotensor.nn import functional
from autotensor.tensor import Tensor


def _written(method):
    """A method that writes in place, as a function that writes to a copy."""

    def call(x, *args):
        y = x.clone()
        result = method(y, *args)
        assert result is None or result is y
        return y

    return call


def _numpy_written(method):
    def call(x, *args):
        y = x.copy()
        method(y, *args)
        return y

    return call


FORMS = [
    f"__{form}{name}__"
    for name in ("add", "sub", "mul", "truediv", "pow", "mod")
    for form in ("", "r", "i")
]
NAMES = (
    *("contiguous", "repeat", "expand", "expand_as", "view", "view_as", "reshape_as"),
    *("__getitem__", "__matmul__", "__rmatmul__", "__neg__", "__pos__", "__abs__"),
)
FUNCTIONS |= {name: getattr(functional, name) for name in functional.__all__} | FUNCTIONS
IN_PLACE = [name for name in functional.__all__ if name.endswith("_")]
FUNCTIONS |= {name: _written(getattr(functional, name)) for name in IN_PLACE}
FUNCTIONS["functional.unfold"] = functional.unfold  # not that of tensors
FUNCTIONS |= {f"Tensor.{name}": getattr(Tensor, name).fget for name in ("T", "mT")}
FUNCTIONS |= {f"Tensor.{name}": getattr(Tensor, name) for name in (*NAMES, *FORMS)}
FUNCTIONS |= {
    f"Tensor.{name}": _written(getattr(Tensor, name))
    for name in (
        "__setitem__",
        "zero_",
        "fill_diagonal_",
        *(f for f in FORMS if f.startswith("__i")),
    )
}
FUNCTIONS["Tensor.copy_"] = lambda x: zeros(2, *x.shape, dtype=x.dtype).copy_(x)


def _operator(name):
    method, pair = getattr(np.ndarray, name), (real(3, 4, low=0.3), real(3, 4, low=0.3))
    if name.startswith("__i"):
        return Row(f"Tensor.{name}", pair, {}, _numpy_written(method), empty=None)
    return Row(f"Tensor.{name}", pair, {}, method, elementwise=True)


def _cosine(x, y, dim=1):
    x, y = np.broadcast_arrays(x, y)
    return (x * y).sum(dim) / np.sqrt((x * x).sum(dim) * (y * y).sum(dim))


ROWS, COLUMNS = np.array([2, 0, 2]), np.array([1, 1, 3])

METHODS = [
    *map(_operator, FORMS),
    Row("Tensor.__neg__", (X,), {}, np.negative, ("",), elementwise=True),
    Row("Tensor.__pos__", (X,), {}, np.positive, ("",), elementwise=True),
    Row("Tensor.__abs__", (X,), {}, np.abs, ("x",), elementwise=True),
    Row("Tensor.__matmul__", (X, real(4, 2)), {}, np.matmul, ("y", "x"), empty=(0, 4)),
    Row("Tensor.__rmatmul__", (X, real(2, 3)), {}, lambda x, y: y @ x, ("y", "x"), empty=(3, 0)),
    Row("Tensor.expand", (real(3, 1), 2, -1, 4), {},
        lambda x, *n: np.broadcast_to(x, (2, 3, 4)), ("",), empty=None),
    Row("Tensor.expand_as", (real(3, 1), np.zeros((3, 4))), {}, lambda x, y: x + y, ("",),
        empty=None),
    Row("Tensor.view", (X, 2, -1), {}, lambda x, *n: x.reshape(2, 6), ("",), empty=None),
    Row("Tensor.view_as", (X, np.zeros((2, 6))), {}, lambda x, y: x.reshape(2, 6), ("",),
        empty=None),
    Row("Tensor.reshape_as", (X, np.zeros((4, 3))), {}, lambda x, y: x.reshape(4, 3), ("",),
        empty=None),
    Row("Tensor.T", (real(2, 3, 4),), {}, np.transpose, ("",), empty=(2, 0, 3)),
    Row("Tensor.mT", (real(2, 3, 4),), {}, lambda x: x.swapaxes(1, 2), ("",), empty=(2, 0, 3)),
    Row("Tensor.contiguous", (X,), {}, np.ascontiguousarray, ("",)),
    Row("Tensor.repeat", (X, 2, 1, 3), {}, lambda x, *n: np.tile(x, n), ("",)),
    Row("Tensor.__getitem__", (X, (slice(0, None, 2), slice(1, 3))), {}, lambda x, i: x[i], ("",),
        empty=(0, 4)),
    Row("Tensor.__getitem__", (X, (..., None, 1)), {}, lambda x, i: x[i], ("",), empty=(0, 4)),
    Row("Tensor.__getitem__", (X, (ROWS, COLUMNS)), {}, lambda x, i: x[i], ("",), empty=None),
    Row("Tensor.__getitem__", (X, (ROWS, slice(1, 3))), {}, lambda x, i: x[i], ("",), empty=None),
    Row("Tensor.__setitem__", (X, (slice(None, None, 2), 1), real(2)), {},
        _numpy_written(np.ndarray.__setitem__), empty=None),
    Row("Tensor.__setitem__", (X, (ROWS[:2], COLUMNS[1:]), real(2)), {},
        _numpy_written(np.ndarray.__setitem__), empty=None),
    Row("Tensor.copy_", (X,), {}, lambda x: np.stack([x, x])),
    Row("Tensor.zero_", (X,), {}, np.zeros_like),
    Row("Tensor.fill_diagonal_", (X, 0.5), {},
        lambda x, v: np.where(np.eye(3, 4) > 0, v, x), empty=None),
    *(Row(name, (X, *((0.5, -1.0) if name == "threshold_" else ()))) for name in IN_PLACE),
    *(Row(name, (real(2, 3, 4, 5), None, 2), empty=None)
      for name in ("upsample", "upsample_nearest", "upsample_bilinear")),
    Row("identity", (X,), {}, np.array, ("",)),
    Row("normalize", (X,), {}, lambda x: x / np.linalg.norm(x, axis=1, keepdims=True)),
    Row("normalize", (X, 3.0, 0), empty=None),
    Row("cosine_similarity", (X, X), {}, _cosine, empty=None),
    Row("cosine_similarity", (real(2, 3, 4), X), {"dim": 2}, _cosine, empty=None),
    Row("bilinear", (real(5, 2), real(5, 3), real(4, 2, 3), real(4)), {},
        lambda x, y, w, b: np.einsum("ai,oij,aj->ao", x, w, y) + b, empty=None),
    Row("one_hot", (np.array([0, 2, 1]),), {}, lambda n: np.eye(3, dtype=np.int64)[n],
        differentiable=False),
]  # fmt: skip
