"""Products of matrices and vectors, and what is written with them."""

import math

import numpy as np

from autotensor import kernels
from autotensor.modes import is_grad_enabled
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
]


# Numbers that grow beyond all bounds become infinities and NaN without a warning, as in PyTorch.
_quiet = np.errstate(over="ignore", invalid="ignore")


def matmul(input, other):
    """The matrix product: (..., n, k), (..., k, m) -> (..., n, m), batches broadcast.

    A vector on the left is a row, on the right a column, and the result loses that dimension.
    """
    _matrices(input, other, "matmul")
    if input.ndim == 0 or other.ndim == 0:
        raise RuntimeError(
            f"matmul: both need at least 1 dimension: {input.shape} and {other.shape}"
        )
    if input.ndim == 1 and other.ndim == 1:
        return dot(input, other)
    if input.ndim == 1:
        return _matmul(unsqueeze(input, 0), other, input.shape, other.shape).squeeze(-2)
    if other.ndim == 1:
        return _matmul(input, unsqueeze(other, 1), input.shape, other.shape).squeeze(-1)
    return _matmul(input, other, input.shape, other.shape)


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


def mm(input, mat2):
    """The product of two matrices."""
    return _of_rank(input, mat2, 2, "mm")


def bmm(input, mat2):
    """The products of two stacks of matrices, (b, n, k), (b, k, m) -> (b, n, m)."""
    if input.ndim == 3 and mat2.ndim == 3 and input.shape[0] != mat2.shape[0]:
        raise RuntimeError(f"bmm: expected equal batch sizes: {input.shape} and {mat2.shape}")
    return _of_rank(input, mat2, 3, "bmm")


def _of_rank(x, y, rank, name):
    if x.ndim != rank or y.ndim != rank:
        raise RuntimeError(
            f"{name}: expected two tensors of {rank} dimensions: {x.shape} and {y.shape}"
        )
    return matmul(x, y)


def mv(input, vec):
    """The product of a matrix and a vector."""
    if input.ndim != 2 or vec.ndim != 1:
        raise RuntimeError(f"mv: expected a matrix and a vector: {input.shape} and {vec.shape}")
    return matmul(input, vec)


@_quiet
def dot(input, tensor):
    """The inner product of two vectors."""
    _matrices(input, tensor, "dot")
    if input.ndim != 1 or input.shape != tensor.shape:
        raise RuntimeError(
            f"dot: expected two vectors of one size: {input.shape} and {tensor.shape}"
        )
    return record(
        input.array @ tensor.array, (input, lambda g: g * tensor), (tensor, lambda g: g * input)
    )


def outer(input, vec2):
    """All products of an element of one vector with one of another: (n), (m) -> (n, m)."""
    if input.ndim != 1 or vec2.ndim != 1:
        raise RuntimeError(f"outer: expected two vectors: {input.shape} and {vec2.shape}")
    return unsqueeze(input, 1) * vec2


@_quiet
def linear(input, weight, bias=None):
    """``input @ weight.T + bias``: (..., in), (out, in), (out) -> (..., out)."""
    x = tensor_of(input, "linear")
    shape, dtype = x.array.shape, x.array.dtype
    for other in (tensor_of(weight, "linear"), bias):
        if other is not None and other.array.dtype != dtype:
            raise RuntimeError(
                f"linear: input is {x.dtype}, weight or bias {other.dtype}: convert one"
            )
    if weight.ndim == 1 and bias is None:
        return matmul(x, weight)
    if weight.ndim != 2 or not shape or shape[-1] != weight.array.shape[1]:
        raise RuntimeError(
            f"linear: input has {x.shape[-1] if x.ndim else 0} features, weight expects "
            f"{weight.shape[-1] if weight.ndim else 0}: x {x.shape}, w {weight.shape}"
        )
    if bias is not None and bias.shape != weight.shape[:1]:
        raise RuntimeError(f"linear: bias {bias.shape} for weight {weight.shape}")
    rows = x.array.reshape(math.prod(shape[:-1]), shape[-1])
    product = kernels.matmul(rows, weight.array.T)
    if bias is not None:
        product += bias.array
    return record(
        product.reshape(shape[:-1] + weight.shape[:1]),
        (x, lambda g: _shaped(_slope(_rows(g), weight), shape)),
        (weight, lambda g: _slope(_turned(_rows(g)), _rows(x))),
        (bias, lambda g: _rows(g) if g.ndim > 2 else g),
    )


def _rows(x):
    """``x`` as a matrix in a rule, (..., n) -> (rows, n); as in `_turned`, not always recorded."""
    if x.ndim == 2:
        return x
    shape = (math.prod(x.shape[:-1]), x.shape[-1])
    return reshape(x, shape) if is_grad_enabled() else Tensor(x.array.reshape(shape))


def _shaped(slope, shape):
    """What `_slope` has made, in another shape."""
    if slope.shape == shape:
        return slope
    return reshape(slope, shape) if is_grad_enabled() else Made(slope.array.reshape(shape))


@numpy_names
def norm(input, p=2, dim=None, keepdim=False):
    """The ``p``-norm of the elements (2: Euclidean; inf: the largest magnitude; "fro" is 2)."""
    p = {"fro": 2, None: 2}.get(p, p)
    x = floating(input, "norm")
    x = abs(x) if x.dtype.kind == "c" else x
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
