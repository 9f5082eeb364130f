"""Norms, ranks and pseudo-inverses of (batches of) matrices, and least squares."""

from typing import NamedTuple

import numpy as np

from autotensor import dtypes
from autotensor.ops import linalg
from autotensor.ops.arguments import cast, dimension, dimensions, numpy_names, tensor_of
from autotensor.ops.decompositions import eigvalsh, svdvals
from autotensor.ops.elementwise import abs, where
from autotensor.ops.reduce import amax, amin, sum
from autotensor.ops.shape import matrix_transpose, movedim, reshape, unsqueeze
from autotensor.ops.solving import failing, inv, matrices, square
from autotensor.tensor import Tensor, record

_INFINITY = float("inf")


class LeastSquares(NamedTuple):
    """A solution, sums of squared residuals, ranks, and singular values; empty where not asked."""

    solution: Tensor
    residuals: Tensor
    rank: Tensor
    singular_values: Tensor


def _checked(x, name, dtype):
    x = tensor_of(x, name) if dtype is None else cast(x, dtypes.as_dtype(dtype))
    if x.dtype.kind not in "fc":
        raise RuntimeError(
            f"{name}: Expected a floating point or complex tensor as input. Got {x.dtype}"
        )
    return x


@numpy_names
def vector_norm(x, ord=2, dim=None, keepdim=False, *, dtype=None):
    """The norm of order ``ord``, any number, of all elements or along dimensions."""
    x = _checked(x, "linalg.vector_norm", dtype)
    if isinstance(ord, str):
        raise TypeError(f"linalg.vector_norm: ord is a number, not {ord!r}: use matrix_norm")
    return linalg.norm(x, ord, dim, keepdim)


@numpy_names
def matrix_norm(A, ord="fro", dim=(-2, -1), keepdim=False, *, dtype=None):
    """A norm of the matrices in two dimensions: "fro", "nuc", or 1, 2, inf or their negatives."""
    x = _checked(A, "linalg.matrix_norm", dtype)
    if x.ndim < 2:
        raise RuntimeError(
            f"linalg.matrix_norm: The input tensor A must have at least 2 dimensions, got {x.shape}"
        )
    if not isinstance(dim, (tuple, list)) or len(dim) != 2:
        raise RuntimeError(f"linalg.matrix_norm: dim must be a 2-tuple. Got {dim}")
    first, second = (dimension(d, x.ndim, "linalg.matrix_norm") for d in dim)
    if first == second:
        raise RuntimeError(f"linalg.matrix_norm: dims must be different. Got {tuple(dim)}")
    if ord == "fro":
        return linalg.norm(x, 2, (first, second), keepdim)
    size = _matrix_norm(movedim(x, (first, second), (-2, -1)), ord)
    if keepdim:
        size = reshape(size, [1 if d in (first, second) else n for d, n in enumerate(x.shape)])
    return size


def _matrix_norm(x, ord):
    if ord == "nuc":
        return sum(svdvals(x), -1)
    if isinstance(ord, str) or ord not in (1, 2, _INFINITY, -1, -2, -_INFINITY):
        raise RuntimeError(
            f"linalg.matrix_norm: Order {ord} not supported: 'fro', 'nuc', 1, 2, inf, -1, -2, -inf"
        )
    extreme = amax if ord > 0 else amin
    if ord in (2, -2):
        return extreme(svdvals(x), -1)
    return extreme(sum(abs(x), -2 if ord in (1, -1) else -1), -1)


@numpy_names
def norm(A, ord=None, dim=None, keepdim=False, *, dtype=None):
    """`matrix_norm` of two dimensions (or a matrix, if an order is given), else `vector_norm`.

    Without ``ord`` it is the Euclidean norm of all elements, or along ``dim``.
    """
    x = tensor_of(A, "linalg.norm")
    if ord is None:
        return vector_norm(x, 2, dim, keepdim, dtype=dtype)
    if dim is None and x.ndim not in (1, 2):
        raise RuntimeError(
            f"linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got "
            f"{x.ndim}D."
        )
    if len(dimensions(dim, x.ndim, "linalg.norm")) == 2:
        return matrix_norm(x, ord, (0, 1) if dim is None else dim, keepdim, dtype=dtype)
    return vector_norm(x, ord, dim, keepdim, dtype=dtype)


def cond(A, p=None):
    """The condition number: the norm times that of the inverse, infinite for singular matrices.

    ``p`` None is 2, of which -2 is the inverse; other norms as by `matrix_norm`.
    """
    if p in (None, 2, -2):
        values = svdvals(matrices(A, "linalg.cond"))
        largest, least = values[..., 0], values[..., -1]
        return least / largest if p == -2 else largest / least
    x = square(A, "linalg.cond")
    with np.errstate(all="ignore"):
        regular = Tensor(np.linalg.slogdet(x.array)[0] != 0)
    unit = Tensor(np.eye(x.shape[-1], dtype=x.dtype))
    inverse = inv(where(unsqueeze(unsqueeze(regular, -1), -1), x, unit))
    return where(regular, matrix_norm(x, p) * matrix_norm(inverse, p), _INFINITY)


def _limits(values, x, atol, rtol):
    """What singular values have to exceed to count: (..., 1); as in PyTorch, of the larger."""
    if rtol is None:
        rtol = 0.0 if atol is not None else np.finfo(values.dtype).eps * max(x.shape[-2:])
    absolute, relative = (
        t.array[..., None] if isinstance(t, Tensor) else t for t in (atol or 0.0, rtol)
    )
    largest = values.max(axis=-1, keepdims=True, initial=0)
    return np.maximum(absolute, relative * largest)


def matrix_rank(A, tol=None, hermitian=False, *, atol=None, rtol=None):
    """The number of singular values above ``max(atol, rtol * the largest)``: (..., m, n) -> (...).

    ``rtol`` is by default the precision times the larger size; ``tol`` is an ``atol``. No gradient.
    """
    x = matrices(A, "linalg.matrix_rank", real=True)
    values = np.abs((eigvalsh if hermitian else svdvals)(x.detach()).array)
    limits = _limits(values, x, tol if atol is None else atol, rtol)
    return Tensor(np.asarray((values > limits).sum(axis=-1)))


def pinv(A, rcond=None, hermitian=False, *, atol=None, rtol=None):
    """The pseudo-inverse (Moore and Penrose): (..., m, n) -> (..., n, m).

    Singular values up to ``max(atol, rtol * the largest)`` count as 0; ``rcond`` is an ``rtol``.
    The gradient holds where the rank does not change (Golub and Pereyra 1973).
    """
    x = matrices(A, "linalg.pinv", real=True)
    if hermitian:
        square(x, "linalg.pinv")
    with failing("linalg.pinv: The algorithm failed to converge"):
        u, s, vh = np.linalg.svd(x.array, full_matrices=False)
    kept = s > _limits(s, x, atol, rcond if rtol is None else rtol)
    inverses = np.where(kept, 1 / np.where(kept, s, 1), 0).astype(x.dtype)
    inverse = (vh.swapaxes(-1, -2) * inverses[..., None, :]) @ u.swapaxes(-1, -2)

    def rule(g, y):
        turned, back = matrix_transpose(y), matrix_transpose(g)
        left = back @ y @ turned
        right = turned @ y @ back
        return left - x @ (y @ left) + (right - right @ y @ x) - turned @ g @ turned

    return record(inverse, (x, rule, True))


def lstsq(A, B, rcond=None, *, driver=None):
    """The X of least norm among those for which ``A @ X - B`` has the least squares.

    (..., m, n), (..., m, k) -> (..., n, k); vectors (..., m) for B of the batch of A. By the
    pseudo-inverse, whatever the ``driver``, which says what else is given: "gelsy" (the default)
    ranks; "gelsd" and "gelss" ranks and singular values; all but "gelsy" residuals, if m > n and
    the ranks are n.
    """
    x, y = matrices(A, "linalg.lstsq", real=True), tensor_of(B, "linalg.lstsq")
    if driver not in (None, "gels", "gelsy", "gelsd", "gelss"):
        raise RuntimeError(
            f"linalg.lstsq: parameter `driver` should be one of (gels, gelsy, gelsd, gelss), got "
            f"{driver!r}"
        )
    if x.dtype != y.dtype:
        raise RuntimeError(f"linalg.lstsq: A and B differ in dtype: {x.dtype} and {y.dtype}")
    is_vector = y.ndim == x.ndim - 1
    columns = unsqueeze(y, -1) if is_vector else y
    if columns.ndim < 2 or columns.shape[-2] != x.shape[-2]:
        raise RuntimeError(
            f"linalg.lstsq: input.size(-2) should match other.size(-2): {x.shape} and {y.shape}"
        )
    rank = matrix_rank(x, rtol=rcond).array
    values = svdvals(x.detach()) if driver in ("gelsd", "gelss") else _empty(x.dtype)
    solution = pinv(x, rtol=rcond) @ columns
    overdetermined = x.shape[-2] > x.shape[-1] and np.all(rank == x.shape[-1])
    if overdetermined and driver not in (None, "gelsy"):
        off = x @ solution - columns
        residuals = sum(off * off, -2)
    else:
        residuals = _empty(x.dtype)
    solution = solution.squeeze(-1) if is_vector else solution
    ranks = _empty(np.int64) if driver == "gels" else Tensor(rank)
    return LeastSquares(solution, residuals, ranks, values)


def _empty(dtype):
    return Tensor(np.zeros(0, dtype))
