"""Linear systems, inverses and determinants of (batches of) matrices.

Gradients: M. B. Giles, "An extended collection of matrix derivative results for forward and reverse
mode algorithmic differentiation", 2008.
"""

import contextlib
from typing import NamedTuple

import numpy as np

from autotensor.ops.arguments import broadcast, tensor_of
from autotensor.ops.diagonals import tril, triu
from autotensor.ops.elementwise import where
from autotensor.ops.joining import cat
from autotensor.ops.shape import matrix_transpose, squeeze, unsqueeze
from autotensor.tensor import Tensor, record


class LinAlgError(RuntimeError):
    """A matrix for which the result does not exist: singular, or not positive definite."""


class SignAndLogarithm(NamedTuple):
    """The sign of a determinant, and the logarithm of its magnitude."""

    sign: Tensor
    logabsdet: Tensor


def matrices(x, name, *, real=False):
    """``x`` if it is a (batch of) matrices of single or double precision; else RuntimeError."""
    tensor_of(x, name)
    if x.ndim < 2:
        raise RuntimeError(
            f"{name}: The input tensor A must have at least 2 dimensions, got {x.shape}"
        )
    if x.dtype.kind not in ("f" if real else "fc") or x.dtype.itemsize < 4:
        kinds = "float32 or float64" if real else "a floating point or complex tensor"
        raise RuntimeError(f"{name}: Expected {kinds} as input. Got {x.dtype}: convert it")
    return x


def square(x, name, *, real=False):
    """`matrices` that have as many rows as columns."""
    if matrices(x, name, real=real).shape[-1] != x.shape[-2]:
        raise RuntimeError(
            f"{name}: A must be batches of square matrices, but they are {x.shape[-2]} by "
            f"{x.shape[-1]} matrices"
        )
    return x


@contextlib.contextmanager
def failing(message):
    """Let NumPy's failures be `LinAlgError` with this message, and infinities pass unnoticed."""
    try:
        with np.errstate(all="ignore"):
            yield
    except np.linalg.LinAlgError as error:
        raise LinAlgError(f"{message} ({error})") from None


def inv(A):
    """The inverse; LinAlgError if it does not exist. (..., n, n) -> (..., n, n)."""
    x = square(A, "linalg.inv")
    with failing("linalg.inv: The diagonal element is zero, the inversion could not be completed"):
        inverse = np.linalg.inv(x.array)

    def rule(g, y):
        turned = matrix_transpose(y)
        return -(turned @ g @ turned)

    return record(inverse, (x, rule, True))


def solve(A, B, *, left=True):
    """The ``X`` with ``A @ X = B``, or ``X @ A = B`` unless ``left``.

    (..., n, n), (..., n, k) -> (..., n, k), batches broadcast; or vectors (..., n) for B, of the
    batch of A. LinAlgError if A is singular.
    """
    x = square(A, "linalg.solve")
    y = tensor_of(B, "linalg.solve")
    if x.dtype != y.dtype:
        raise RuntimeError(
            f"linalg.solve: Expected A and B to have the same dtype, but found A of type "
            f"{x.dtype} and B of type {y.dtype} instead"
        )
    if y.ndim == 1 or y.shape == x.shape[:-1]:
        if not left:
            raise RuntimeError("linalg.solve: Vector broadcasting of the left hand side is not "
                               "supported for left=False")  # fmt: skip
        return squeeze(_solve(x, unsqueeze(y, -1)), -1)
    if left:
        return _solve(x, y)
    return matrix_transpose(_solve(matrix_transpose(x), matrix_transpose(y)))


def _solve(x, y):
    if y.ndim < 2 or x.shape[-1] != y.shape[-2]:
        raise RuntimeError(
            f"linalg.solve: Incompatible shapes of A and B for the equation AX = B: {x.shape} and "
            f"{y.shape}"
        )
    if x.array.size and y.array.size:
        broadcast(Tensor(x.array[..., 0, 0]), Tensor(y.array[..., 0, 0]), "linalg.solve")
    with failing("linalg.solve: The solver failed because the input matrix is singular"):
        solution = np.linalg.solve(x.array, y.array)
    return record(
        solution,
        (x, lambda g, z: -(_solve(matrix_transpose(x), g) @ matrix_transpose(z)), True),
        (y, lambda g: _solve(matrix_transpose(x), g)),
    )


def solve_triangular(A, B, *, upper, left=True, unitriangular=False):
    """`solve` for a triangular A: what is on the other side of the diagonal is not looked at.

    With ``unitriangular`` neither is the diagonal, which is taken for ones.
    """
    x, y = square(A, "linalg.solve_triangular"), tensor_of(B, "linalg.solve_triangular")
    if y.ndim < 2:
        raise RuntimeError(
            f"linalg.solve_triangular: The input tensor B must have at least 2 dimensions, got "
            f"{y.shape}"
        )
    offset = 1 if unitriangular else 0
    triangle = triu(x, offset) if upper else tril(x, -offset)
    if unitriangular:
        triangle = triangle + Tensor(np.eye(x.shape[-1], dtype=x.dtype))
    if left:
        return _solve(triangle, y)
    return matrix_transpose(_solve(matrix_transpose(triangle), matrix_transpose(y)))


def det(A):
    """The determinant, with gradients of any order for singular matrices, too.

    (..., n, n) -> (...). The gradient is the matrix of cofactors: by the inverse, or where that is
    inexact by the determinants of all minors, which takes the time of n**2 determinants.
    """
    x = square(A, "linalg.det")

    def rule(g, y):
        with np.errstate(all="ignore"):
            condition = np.linalg.cond(x.array) if x.array.size else np.zeros(())
        if np.all(condition < np.finfo(x.dtype).eps ** -0.5):
            return (g * y)[..., None, None] * matrix_transpose(inv(x))
        return g[..., None, None] * _cofactors(x)

    with np.errstate(all="ignore"):
        return record(np.linalg.det(x.array), (x, rule, True))


def _cofactors(x):
    n = x.shape[-1]
    others = np.array([[j for j in range(n) if j != i] for i in range(n)], np.intp)
    minors = x[..., others[:, None, :, None], others[None, :, None, :]]
    signs = (-1.0) ** np.add.outer(np.arange(n), np.arange(n))
    return det(minors) * Tensor(signs.astype(x.dtype))


def slogdet(A):
    """The pair ``(sign, logabsdet)`` of determinants; minus infinity if they are 0.

    The gradient is that of the logarithm, which a singular matrix does not have: LinAlgError.
    """
    x = square(A, "linalg.slogdet", real=True)
    with np.errstate(all="ignore"):
        sign, logarithm = np.linalg.slogdet(x.array)
    logabsdet = record(logarithm, (x, lambda g: g[..., None, None] * matrix_transpose(inv(x))))
    return SignAndLogarithm(Tensor(np.asarray(sign)), logabsdet)


def logdet(input):
    """The logarithm of determinants: NaN where they are negative, minus infinity where 0."""
    sign, logabsdet = slogdet(input)
    return where(sign < 0, float("nan"), logabsdet)


def matrix_exp(A):
    """The matrix exponential ``I + A + A @ A / 2 + ...``; (..., n, n) -> (..., n, n).

    By scaling and squaring (Higham 2005). The gradient is a block of the exponential of a matrix of
    twice the size (Van Loan 1978).
    """
    x = square(A, "linalg.matrix_exp")
    n = x.shape[-1]

    def rule(g):
        turned = matrix_transpose(x)
        below = cat([turned * 0, turned], -1)
        return matrix_exp(cat([cat([turned, g], -1), below], -2))[..., :n, n:]

    return record(_exponential(x.array), (x, rule))


# Coefficients of the Pade approximation of degree 13, exact for norms up to _REACH.
_PADE = [64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800, 129060195264000,
         10559470521600, 670442572800, 33522128640, 1323241920, 40840800, 960960, 16380, 182,
         1]  # fmt: skip
_REACH = 5.371920351148152


def _exponential(array):
    if not array.size:
        return array.copy()
    x = array.astype(np.promote_types(array.dtype, np.float64))
    length = np.abs(x).sum(axis=-2).max()
    if not np.isfinite(length):
        return np.full_like(array, np.nan)
    halvings = max(0, int(np.ceil(np.log2(length / _REACH)))) if length else 0
    x = x / 2.0**halvings
    power, unit = x @ x, np.eye(x.shape[-1])
    powers = [np.broadcast_to(unit, x.shape)]
    for _ in range(6):
        powers.append(powers[-1] @ power)
    even = np.add.reduce([c * p for c, p in zip(_PADE[0::2], powers, strict=True)])
    odd = x @ np.add.reduce([c * p for c, p in zip(_PADE[1::2], powers, strict=True)])
    result = np.linalg.solve(even - odd, even + odd)
    for _ in range(halvings):
        result = result @ result
    return result.astype(array.dtype)
