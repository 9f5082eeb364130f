"""PyTorch's ``torch.linalg``: linear algebra of batches of matrices in the last two dimensions."""

from autotensor.ops import contraction, strided
from autotensor.ops.decompositions import (
    cholesky,
    eig,
    eigh,
    eigvals,
    eigvalsh,
    qr,
    svd,
    svdvals,
)
from autotensor.ops.elementwise import pair
from autotensor.ops.least_squares import (
    cond,
    lstsq,
    matrix_norm,
    matrix_rank,
    norm,
    pinv,
    vector_norm,
)
from autotensor.ops.linalg import matmul
from autotensor.ops.reduce import sum
from autotensor.ops.shape import unsqueeze
from autotensor.ops.solving import (
    LinAlgError,
    det,
    inv,
    matrix_exp,
    slogdet,
    solve,
    solve_triangular,
    square,
)

__all__ = [
    "LinAlgError",
    "cholesky",
    "cond",
    "cross",
    "det",
    "diagonal",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "inv",
    "lstsq",
    "matmul",
    "matrix_exp",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "multi_dot",
    "norm",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_triangular",
    "svd",
    "svdvals",
    "vecdot",
    "vector_norm",
]


def cross(input, other, *, dim=-1):
    """The vector product along ``dim``, of size 3; other dimensions broadcast."""
    if input.ndim != other.ndim:
        raise RuntimeError(
            f"linalg.cross: inputs must have the same number of dimensions: {input.shape} and "
            f"{other.shape}"
        )
    return contraction.cross(input, other, dim)


def diagonal(A, *, offset=0, dim1=-2, dim2=-1):
    """A view of the diagonals of matrices, which becomes the last dimension."""
    return strided.diagonal(A, offset, dim1, dim2)


def vecdot(x, y, *, dim=-1):
    """The inner product along ``dim``, the first factor conjugated; other dimensions broadcast."""
    x, y = pair(x, y, "linalg.vecdot")
    return sum(x.conj() * y, dim)


def matrix_power(A, n):
    """The product of ``n`` equal matrices, by squaring; of their inverses if ``n`` is negative."""
    x = square(A, "linalg.matrix_power")
    return contraction.matrix_power(inv(x) if n < 0 else x, abs(n))


def multi_dot(tensors):
    """The product of a chain of matrices, in the order that takes the fewest multiplications.

    The first may be a row vector, the last a column vector (Cormen et al. 2009, 15.2).
    """
    chain = list(tensors)
    if len(chain) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(chain)}")
    shapes = [x.shape for x in chain]
    first, last = chain[0].ndim == 1, chain[-1].ndim == 1
    chain[0] = unsqueeze(chain[0], 0) if first else chain[0]
    chain[-1] = unsqueeze(chain[-1], 1) if last else chain[-1]
    if any(x.ndim != 2 for x in chain):
        raise RuntimeError(f"multi_dot(): expected matrices, vectors at the ends: {shapes}")
    sizes = [x.shape[0] for x in chain] + [chain[-1].shape[1]]
    product = _chained(chain, _splits(sizes), 0, len(chain) - 1)
    product = product.squeeze(0) if first else product
    return product.squeeze(-1) if last else product


def _splits(sizes):
    """By first and last matrix of a part of the chain: after which one to split it."""
    count = len(sizes) - 1
    cost, splits = {(i, i): 0 for i in range(count)}, {}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            cost[i, j], splits[i, j] = min(
                (cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k)
                for k in range(i, j)
            )
    return splits


def _chained(chain, splits, i, j):
    if i == j:
        return chain[i]
    k = splits[i, j]
    return _chained(chain, splits, i, k) @ _chained(chain, splits, k + 1, j)
