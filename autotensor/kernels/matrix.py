"""Matrix products: whether our kernel or NumPy's BLAS does the work is chosen here."""

import os

import numpy as np

_COMPILES = os.environ.get("NUMBA_DISABLE_JIT", "0") == "0"
_SMALL = 1 << 18  # multiplications below which NumPy is quicker


def _is_compiled(a, b):
    """Whether it is worth a kernel: float32 matrices of some size."""
    single = a.dtype == b.dtype == np.float32 and a.ndim == b.ndim == 2
    return single and _COMPILES and a.size * b.shape[1] >= _SMALL


def _multiply(a, b):
    """`product.multiply`, which takes the place of this function once Numba is loaded for it."""
    global _multiply
    from autotensor.kernels.product import multiply as _multiply

    return _multiply(a, b)


def matmul(a, b):
    """(M, K) * (K, N) -> (M, N), of any strides and types, and all else `np.matmul` takes."""
    if not _is_compiled(a, b) or a.shape[1] != b.shape[0]:
        return np.matmul(a, b)
    return _multiply(a, b)
