"""Decompositions of (batches of) matrices: Cholesky, QR, singular values, eigenvalues.

Gradients: M. B. Giles, "An extended collection of matrix derivative results for forward and reverse
mode algorithmic differentiation", 2008; M. Seeger et al., "Auto-differentiating linear algebra",
2017; J. Townsend, "Differentiating the singular value decomposition", 2016.

Vectors that belong to equal eigenvalues or singular values are arbitrary in their plane: their
gradients do not exist, and come out infinite or NaN. Gradients of the values are right.
"""

from typing import NamedTuple

import numpy as np

from autotensor.ops.diagonals import diag_embed, tril, triu
from autotensor.ops.elementwise import where
from autotensor.ops.joining import cat
from autotensor.ops.shape import matrix_transpose
from autotensor.ops.solving import failing, matrices, solve, solve_triangular, square
from autotensor.ops.strided import diagonal
from autotensor.outputs import record_outputs
from autotensor.tensor import Tensor, is_recorded, record


class QR(NamedTuple):
    """Orthonormal columns, and a triangle: ``A = Q @ R``."""

    Q: Tensor
    R: Tensor


class SVD(NamedTuple):
    """Left singular vectors, singular values, right ones: ``A = U @ diag(S) @ Vh``."""

    U: Tensor
    S: Tensor
    Vh: Tensor


class SVDOfV(NamedTuple):
    """The result of PyTorch's older `svd`: ``A = U @ diag(S) @ V.mT``."""

    U: Tensor
    S: Tensor
    V: Tensor


class Eigen(NamedTuple):
    """Eigenvalues, and eigenvectors in columns."""

    eigenvalues: Tensor
    eigenvectors: Tensor


def cholesky(A, *, upper=False):
    """The lower triangle L with ``A = L @ L.mT``, or its transpose; looks at one triangle of A.

    LinAlgError if A is not positive definite. The gradient is symmetric.
    """
    x = square(A, "linalg.cholesky", real=True)
    if upper:
        return matrix_transpose(cholesky(matrix_transpose(x)))

    def rule(g, lower):
        turned = matrix_transpose(lower)
        inner = tril(turned @ g)
        inner = (inner + matrix_transpose(tril(inner, -1))) * 0.5
        return solve_triangular(
            lower, solve_triangular(turned, inner, upper=True), upper=False, left=False
        )

    with failing(
        "linalg.cholesky: The factorization could not be completed because the input is not "
        "positive-definite"
    ):
        return record(np.linalg.cholesky(x.array), (x, rule, True))


def qr(A, mode="reduced"):
    """``A = Q @ R``: (..., m, n) -> (..., m, k), (..., k, n), k the lesser of m and n.

    With ``mode`` "complete" k is m, with "r" Q is empty. Gradients need the first k columns of A to
    be independent; of "r", and of "complete" with m > n, there are none: RuntimeError.
    """
    x = matrices(A, "linalg.qr", real=True)
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(
            f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', "
            f"or 'complete'"
        )
    rows, columns = x.shape[-2:]
    if mode == "r":
        values = (np.zeros(0, x.dtype), np.linalg.qr(x.array, "r"))
        return QR(*record_outputs(values, (x,), _no_gradient(
            "The derivative of linalg.qr depends on Q, which is not computed when mode='r'. "
            "Please use linalg.qr(A, mode='reduced') if you are going to require gradients"))[0]
        )  # fmt: skip
    if rows < columns and is_recorded(x):  # what stands right of the square is Q @ something
        q, r = _qr(x[..., :rows])
        return QR(q, cat([r, matrix_transpose(q) @ x[..., rows:]], -1))
    if mode == "complete" and rows > columns:
        return QR(*record_outputs(np.linalg.qr(x.array, mode), (x,), _no_gradient(
            "The QR decomposition is not differentiable when mode='complete' and nrows > ncols: "
            "use mode='reduced'"))[0]
        )  # fmt: skip
    return _qr(x)


def _no_gradient(message):
    def qr_rule(gradients):
        raise RuntimeError(message)

    return qr_rule


def _qr(x):
    """The reduced form of matrices with no more columns than rows (Walter and Lehmann 2010)."""

    def qr_rule(gradients, outputs):
        (g_q, g_r), (q, r) = gradients, outputs
        inner = 0 if g_r is None else g_r @ matrix_transpose(r)
        inner = inner if g_q is None else inner - matrix_transpose(q) @ g_q
        upper = triu(inner)
        whole = q @ (upper + matrix_transpose(triu(inner, 1)))
        whole = whole if g_q is None else whole + g_q
        return (solve_triangular(matrix_transpose(r), whole, upper=False, left=False),)

    return QR(*record_outputs(np.linalg.qr(x.array), (x,), qr_rule, wants_outputs=True)[0])


def svd(A, full_matrices=True, *, driver=None):
    """``A = U @ diag(S) @ Vh``, S falling: (..., m, n) -> (..., m, m), (..., k), (..., n, n).

    Without ``full_matrices`` U and Vh are (..., m, k) and (..., k, n). Vectors beyond k are
    arbitrary: a gradient that comes to them raises RuntimeError.
    """
    x = matrices(A, "linalg.svd", real=True)
    few = min(x.shape[-2:])

    def svd_rule(gradients, outputs):
        (g_u, g_s, g_v), (u, s, vh) = gradients, outputs
        g_u, u = _leading(g_u, u, few)
        g_v, v = _leading(*(None if y is None else matrix_transpose(y) for y in (g_v, vh)), few)
        return (_svd_gradient(g_u, g_s, g_v, u, s, v),)

    with failing("linalg.svd: The algorithm failed to converge"):
        values = np.linalg.svd(x.array, full_matrices)
    return SVD(*record_outputs(values, (x,), svd_rule, wants_outputs=True)[0])


def _leading(g, vectors, few):
    """The gradient and the vectors that belong to singular values."""
    if g is None or vectors.shape[-1] == few:
        return g, vectors[..., :few]
    if np.any(g.array[..., few:]):
        raise RuntimeError(
            "linalg.svd: singular vectors beyond the singular values are arbitrary, and have no "
            "gradient: use full_matrices=False"
        )
    return g[..., :few], vectors[..., :few]


def _svd_gradient(g_u, g_s, g_v, u, s, v):
    """The gradient of U diag(S) V^T, all in reduced form (Townsend 2016)."""
    inner = 0 if g_s is None else diag_embed(g_s)
    outside = 0
    if g_u is not None or g_v is not None:
        squares = s * s
        gaps = squares[..., None, :] - squares[..., :, None]
        gaps = where(Tensor(np.eye(s.shape[-1], dtype=bool)), 1, gaps)
    if g_u is not None:
        overlap = matrix_transpose(u) @ g_u
        inner = inner + (overlap - matrix_transpose(overlap)) / gaps * s[..., None, :]
        if u.shape[-2] > u.shape[-1]:
            outside = ((g_u - u @ overlap) / s[..., None, :]) @ matrix_transpose(v)
    if g_v is not None:
        overlap = matrix_transpose(v) @ g_v
        inner = inner + s[..., :, None] * ((overlap - matrix_transpose(overlap)) / gaps)
        if v.shape[-2] > v.shape[-1]:
            outside = outside + u @ matrix_transpose((g_v - v @ overlap) / s[..., None, :])
    return u @ inner @ matrix_transpose(v) + outside


def svdvals(A, *, driver=None):
    """Singular values, falling: (..., m, n) -> (..., min(m, n))."""
    x = matrices(A, "linalg.svdvals", real=True)
    if is_recorded(x):
        return svd(x, full_matrices=False).S
    with failing("linalg.svdvals: The algorithm failed to converge"):
        return Tensor(np.linalg.svd(x.array, compute_uv=False))


def eigh(A, UPLO="L"):
    """Eigenvalues, rising, and orthonormal eigenvectors of symmetric matrices.

    (..., n, n) -> (..., n), (..., n, n). Looks at the lower triangle, or at the upper one with
    ``UPLO`` "U"; the gradient is that with respect to the whole matrix, symmetric where only
    eigenvalues are used.
    """
    x = square(A, "linalg.eigh", real=True)
    _check_triangle(UPLO, "eigh")

    def eigh_rule(gradients, outputs):
        (g_l, g_v), (values, vectors) = gradients, outputs
        turned = matrix_transpose(vectors)
        inner = 0 if g_l is None else diag_embed(g_l)
        if g_v is not None:
            inner = inner + _between(turned @ g_v, values)
        return (vectors @ inner @ turned,)

    with failing("linalg.eigh: The algorithm failed to converge"):
        values = np.linalg.eigh(x.array, UPLO)
    return Eigen(*record_outputs(values, (x,), eigh_rule, wants_outputs=True)[0])


def _between(overlap, values):
    """``overlap[i, j] / (values[j] - values[i])``, 0 on the diagonal."""
    unit = Tensor(np.eye(values.shape[-1], dtype=bool))
    gaps = where(unit, 1, values[..., None, :] - values[..., :, None])
    return where(unit, 0, overlap) / gaps


def _check_triangle(UPLO, name):
    if UPLO not in ("L", "U", "l", "u"):
        raise RuntimeError(
            f"linalg.{name}: Expected UPLO argument to be 'L' or 'U', but got {UPLO}"
        )


def eigvalsh(A, UPLO="L"):
    """Eigenvalues, rising, of symmetric matrices; as by `eigh`."""
    x = square(A, "linalg.eigvalsh", real=True)
    if is_recorded(x):
        return eigh(x, UPLO).eigenvalues
    _check_triangle(UPLO, "eigvalsh")
    with failing("linalg.eigvalsh: The algorithm failed to converge"):
        return Tensor(np.linalg.eigvalsh(x.array, UPLO))


def eig(A):
    """Complex eigenvalues, and eigenvectors of length 1, in no order; the matrix is real or not.

    (..., n, n) -> (..., n), (..., n, n). Eigenvectors may be turned by any complex number of length
    1: RuntimeError if what is differentiated depends on it.
    """
    x = square(A, "linalg.eig")

    def eig_rule(gradients, outputs):
        (g_l, g_v), (values, vectors) = gradients, outputs
        turned = matrix_transpose(vectors)
        inner = 0 if g_l is None else diag_embed(g_l)
        if g_v is not None:
            overlap = turned @ g_v
            along = diagonal(overlap, dim1=-2, dim2=-1)
            _check_phase(along.array)
            # Both are of length 1 throughout, so the part along the vector itself is taken away.
            length = turned @ vectors.conj() * along.real[..., None, :]
            inner = inner + _between(overlap - length, values)
        return (solve(turned, inner @ turned),)

    with failing("linalg.eig: The algorithm failed to converge"):
        found = np.linalg.eig(x.array)
    kind = np.promote_types(x.dtype, np.complex64)
    values = [np.asarray(value).astype(kind, copy=False) for value in found]
    return Eigen(*record_outputs(values, (x,), eig_rule, wants_outputs=True)[0])


def _check_phase(along):
    size = np.abs(along).max(initial=0)
    if np.abs(along.imag).max(initial=0) > 1e-2 * max(size, 1e-2):
        raise RuntimeError(
            "linalg_eig_backward: The eigenvectors in the complex case are specified up to "
            "multiplication by e^{i phi}. The specified loss function depends on this quantity, so "
            "it is ill-defined."
        )


def eigvals(A):
    """Complex eigenvalues, in no order: (..., n, n) -> (..., n)."""
    x = square(A, "linalg.eigvals")
    if is_recorded(x):
        return eig(x).eigenvalues
    with failing("linalg.eigvals: The algorithm failed to converge"):
        values = np.linalg.eigvals(x.array)
    return Tensor(values.astype(np.promote_types(x.dtype, np.complex64), copy=False))


def svd_of_v(input, some=True, compute_uv=True):
    """PyTorch's older form of `svd`: reduced unless ``some`` is false, and V instead of Vh."""
    if not compute_uv:
        rows, columns = matrices(input, "svd", real=True).shape[-2:]
        shapes = (rows, rows), (columns, columns)
        u, v = (Tensor(np.zeros(input.shape[:-2] + shape, input.dtype)) for shape in shapes)
        return SVDOfV(u, svdvals(input), v)
    u, s, vh = svd(input, full_matrices=not some)
    return SVDOfV(u, s, matrix_transpose(vh))


def qr_of_some(input, some=True):
    """PyTorch's older form of `qr`: reduced unless ``some`` is false."""
    return qr(input, "reduced" if some else "complete")


def cholesky_of(input, upper=False):
    """PyTorch's older form of `cholesky`, where ``upper`` may be given by position."""
    return cholesky(input, upper=upper)
