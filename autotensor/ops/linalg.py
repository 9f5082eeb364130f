"""Products of matrices and vectors, and what is written with them."""

import numpy as np

from autotensor import kernels
from autotensor.engine import is_grad_enabled
from autotensor.ops.arguments import broadcast, dimensions, floating, numpy_names, tensor_of
from autotensor.ops.elementwise import abs, sign, where
from autotensor.ops.reduce import amax, amin, restore, sum
from autotensor.ops.shape import matrix_transpose, reshape, unsqueeze
from autotensor.tensor import Made, Tensor, record

__all__ = [
    "bmm",
    "dot",
    "linear",
    "matmul",
    "mm",
    "mv",
    "norm",
    "outer",
    "tril",
    "triu",
]


# Numbers that grow beyond all bounds become infinities and NaN without a warning, as in PyTorch.
_quiet = np.errstate(over="ignore", invalid="ignore")


def matmul(x, y):
    """The matrix product: (..., n, k), (..., k, m) -> (..., n, m), batches broadcast.

    A vector on the left is a row, on the right a column, and the result loses that dimension.
    """
    _matrices(x, y, "matmul")
    if x.ndim == 0 or y.ndim == 0:
        raise RuntimeError(f"matmul: both need at least 1 dimension: {x.shape} and {y.shape}")
    if x.ndim == 1 and y.ndim == 1:
        return dot(x, y)
    if x.ndim == 1:
        return _matmul(unsqueeze(x, 0), y, x.shape, y.shape).squeeze(-2)
    if y.ndim == 1:
        return _matmul(x, unsqueeze(y, 1), x.shape, y.shape).squeeze(-1)
    return _matmul(x, y, x.shape, y.shape)


def _matrices(x, y, name):
    tensor_of(x, name), tensor_of(y, name)
    if x.dtype != y.dtype:
        raise RuntimeError(f"{name}: expected one dtype, got {x.dtype} and {y.dtype}: convert one")


@_quiet
def _matmul(x, y, given_x, given_y):
    """The product of (stacks of) matrices; errors name the shapes the caller gave."""
    if x.shape[-1] != y.shape[-2]:
        raise RuntimeError(
            f"matmul: shapes {given_x} and {given_y} cannot be multiplied: {x.shape[-1]} columns, "
            f"{y.shape[-2]} rows"
        )
    if x.ndim > 2 and y.ndim == 2:  # one large product instead of many small ones
        flat = _matmul(reshape(x, -1, x.shape[-1]), y, given_x, given_y)
        return reshape(flat, x.shape[:-1] + y.shape[-1:])
    if x.ndim > 2 or y.ndim > 2:
        broadcast(Tensor(x.array[..., 0, 0]), Tensor(y.array[..., 0, 0]), "matmul") if (
            x.array.size and y.array.size
        ) else np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    return record(
        kernels.matmul(x.array, y.array),
        (x, lambda g: _slope(g, _turned(y))),
        (y, lambda g: _slope(_turned(x), g)),
    )


def _slope(x, y):
    """``x @ y`` in a rule; the walk may keep it, for a weight's is large, and copies take time."""
    a, b = x.array, y.array
    if is_grad_enabled() or a.dtype != b.dtype or a.shape[-1] != b.shape[-2]:
        return matmul(x, y)  # which says what is wrong with a gradient that a hook has put in
    return Made(kernels.matmul(a, b))


def _turned(x):
    """`matrix_transpose` in a rule, which need not know of the view unless it is recorded."""
    return matrix_transpose(x) if is_grad_enabled() else Tensor(x.array.swapaxes(-1, -2))


def mm(x, y):
    """The product of two matrices."""
    return _of_rank(x, y, 2, "mm")


def bmm(x, y):
    """The products of two stacks of matrices, (b, n, k), (b, k, m) -> (b, n, m)."""
    if x.ndim == 3 and y.ndim == 3 and x.shape[0] != y.shape[0]:
        raise RuntimeError(f"bmm: expected equal batch sizes: {x.shape} and {y.shape}")
    return _of_rank(x, y, 3, "bmm")


def _of_rank(x, y, rank, name):
    if x.ndim != rank or y.ndim != rank:
        raise RuntimeError(
            f"{name}: expected two tensors of {rank} dimensions: {x.shape} and {y.shape}"
        )
    return matmul(x, y)


def mv(x, vector):
    """The product of a matrix and a vector."""
    if x.ndim != 2 or vector.ndim != 1:
        raise RuntimeError(f"mv: expected a matrix and a vector: {x.shape} and {vector.shape}")
    return matmul(x, vector)


@_quiet
def dot(x, y):
    """The inner product of two vectors."""
    _matrices(x, y, "dot")
    if x.ndim != 1 or x.shape != y.shape:
        raise RuntimeError(f"dot: expected two vectors of one size: {x.shape} and {y.shape}")
    return record(x.array @ y.array, (x, lambda g: g * y), (y, lambda g: g * x))


def outer(x, y):
    """All products of an element of one vector with one of another: (n), (m) -> (n, m)."""
    if x.ndim != 1 or y.ndim != 1:
        raise RuntimeError(f"outer: expected two vectors: {x.shape} and {y.shape}")
    return unsqueeze(x, 1) * y


@_quiet
def linear(x, weight, bias=None):
    """``x @ weight.T + bias``: (..., in), (out, in), (out) -> (..., out)."""
    shape, dtype = tensor_of(x, "linear").array.shape, x.array.dtype
    for other in (tensor_of(weight, "linear"), bias):
        if other is not None and other.array.dtype != dtype:
            raise RuntimeError(
                f"linear: input is {x.dtype}, weight or bias {other.dtype}: convert one"
            )
    if weight.ndim != 2 or not shape or shape[-1] != weight.array.shape[1]:
        raise RuntimeError(
            f"linear: input has {x.shape[-1] if x.ndim else 0} features, weight expects "
            f"{weight.shape[-1] if weight.ndim else 0}: x {x.shape}, w {weight.shape}"
        )
    if bias is not None and bias.shape != weight.shape[:1]:
        raise RuntimeError(f"linear: bias {bias.shape} for weight {weight.shape}")
    if len(shape) != 2:
        flat = linear(reshape(x, -1, shape[-1]), weight, bias)
        return reshape(flat, shape[:-1] + weight.shape[:1])
    product = kernels.matmul(x.array, weight.array.T)
    if bias is not None:
        product += bias.array
    return record(
        product,
        (x, lambda g: _slope(g, weight)),
        (weight, lambda g: _slope(_turned(g), x)),
        (bias, lambda g: g),
    )


def tril(x, diagonal=0):
    """The elements on and below a diagonal of the last two dimensions, 0 above."""
    return _triangle(x, np.tri(*x.shape[-2:], diagonal, dtype=bool))


def triu(x, diagonal=0):
    """The elements on and above a diagonal of the last two dimensions, 0 below."""
    return _triangle(x, ~np.tri(*x.shape[-2:], diagonal - 1, dtype=bool))


def _triangle(x, mask):
    if x.ndim < 2:
        raise RuntimeError(f"a triangle needs at least 2 dimensions, got {x.shape}")
    return where(Tensor(mask), x, x.dtype.type(0).item())


@numpy_names
def norm(x, p=2, dim=None, keepdim=False):
    """The ``p``-norm of the elements (2: Euclidean; inf: the largest magnitude; "fro" is 2)."""
    p = {"fro": 2, None: 2}.get(p, p)
    x = floating(x, "norm")
    if p in (float("inf"), float("-inf")):
        return (amax if p > 0 else amin)(abs(x), dim, keepdim)
    x_shape, axes = x.shape, dimensions(dim, x.ndim, "norm")
    if p == 0:
        return sum((x != 0).to(x.dtype), axes, keepdim)
    with np.errstate(divide="ignore"):
        total = (np.abs(x.array) ** p).sum(axis=axes, keepdims=keepdim)
        length = np.sqrt(total) if p == 2 else total ** (1 / p)

    def rule(g, length):
        # Where elements or all of them are 0 the gradient is taken as 0.
        zero = length == 0
        scale = where(zero, 0, g / where(zero, 1, length) ** (p - 1))
        slope = x if p == 2 else sign(x) * where(x == 0, 1, abs(x)) ** (p - 1)
        return restore(scale, x_shape, axes, keepdim) * slope

    return record(length, (x, rule, True))
