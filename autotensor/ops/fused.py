"""A tensor plus a product: what BLAS and optimizers call their steps."""

import numpy as np

from autotensor.ops.arguments import tensor_of
from autotensor.ops.elementwise import div, mul
from autotensor.ops.linalg import bmm, mm, mv, outer
from autotensor.ops.reduce import sum
from autotensor.tensor import record

__all__ = ["addbmm", "addcdiv", "addcmul", "addmm", "addmv", "addr", "baddbmm"]


def addcmul(input, tensor1, tensor2, *, value=1):
    """``input + value * tensor1 * tensor2``, with broadcasting."""
    return tensor_of(input, "addcmul") + _times(mul(tensor1, tensor2), value)


def addcdiv(input, tensor1, tensor2, *, value=1):
    """``input + value * tensor1 / tensor2``, with broadcasting; not for integers."""
    if "f" not in tensor1.dtype.kind + tensor2.dtype.kind:
        raise RuntimeError(
            f"addcdiv: division of integers, {tensor1.dtype} by {tensor2.dtype}: use x.float()"
        )
    return tensor_of(input, "addcdiv") + _times(div(tensor1, tensor2), value)


def addmm(input, mat1, mat2, *, beta=1, alpha=1):
    """``beta * input + alpha * (mat1 @ mat2)``: (n, m), (n, k), (k, m) -> (n, m)."""
    return _plus(input, mm(mat1, mat2), beta, alpha)


def addmv(input, mat, vec, *, beta=1, alpha=1):
    """``beta * input + alpha * (mat @ vec)``: (n), (n, m), (m) -> (n)."""
    return _plus(input, mv(mat, vec), beta, alpha)


def addr(input, vec1, vec2, *, beta=1, alpha=1):
    """``beta * input + alpha`` times the products of all pairs: (n, m), (n), (m) -> (n, m)."""
    return _plus(input, outer(vec1, vec2), beta, alpha)


def baddbmm(input, batch1, batch2, *, beta=1, alpha=1):
    """``beta * input + alpha * (batch1 @ batch2)``: (b, n, m), (b, n, k), (b, k, m)."""
    return _plus(input, bmm(batch1, batch2), beta, alpha)


def addbmm(input, batch1, batch2, *, beta=1, alpha=1):
    """``beta * input + alpha`` times the sum of products: (n, m), (b, n, k), (b, k, m)."""
    return _plus(input, sum(bmm(batch1, batch2), 0), beta, alpha)


def _plus(input, product, beta, alpha):
    """``beta * input + alpha * product``; with ``beta`` 0, NaN in ``input`` does not matter."""
    x = tensor_of(input, "beta * input")
    scaled = record(np.zeros_like(x.array), (x, lambda g: g * 0)) if beta == 0 else _times(x, beta)
    return scaled + _times(product, alpha)


def _times(x, number):
    return x if number == 1 else mul(x, number)
