"""Whether values are as expected, within what their dtype can hold."""

import numpy as np

from autotensor.tensor import Tensor


def assert_close(actual, expected, *, rtol=None, atol=None, equal_nan=False):
    """Raise AssertionError unless shapes and dtypes are equal and all elements close.

    Without tolerances they follow the dtype: 1.3e-6 and 1e-5 for float32, 1e-7 for float64, exact
    for integers.
    """
    a, b = (np.asarray(x.array if isinstance(x, Tensor) else x) for x in (actual, expected))
    if a.shape != b.shape:
        raise AssertionError(f"shapes differ: {a.shape} and {b.shape}")
    if isinstance(actual, Tensor) and isinstance(expected, Tensor) and a.dtype != b.dtype:
        raise AssertionError(f"dtypes differ: {a.dtype} and {b.dtype}")
    narrow = {"float16": (1e-3, 1e-5), "float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7)}
    usual = narrow.get(str(a.dtype), (0, 0))
    rtol, atol = (
        u if given is None else given for u, given in zip(usual, (rtol, atol), strict=True)
    )
    np.testing.assert_allclose(a, b, rtol, atol, equal_nan=equal_nan)
