"""Dot products of lines against NumPy in float64, and that the blocks stay in registers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotensor.kernels import dots, threads

from .test_gemm import check_registers, reads_assembly


def product(a, b):
    out = np.full((len(a), b.shape[1]), np.nan, np.float32)
    dots.multiply(a, b, out)
    return out


@settings(deadline=None)
@given(st.integers(1, 80), st.integers(1, 70), st.integers(1, 17))
def test_product_equals_numpy(m, k, n):
    rng = np.random.default_rng(m + k + n)
    a, b = (rng.standard_normal((lines, k)).astype(np.float32) for lines in (m, n))
    exact = a.astype(np.float64) @ b.T
    np.testing.assert_allclose(product(a, b.T), exact, rtol=0, atol=1e-4)


def test_lines_may_lie_apart_and_backwards():
    rng = np.random.default_rng(0)
    a = rng.standard_normal((70, 90)).astype(np.float32)[::-2, 5:72]
    b = rng.standard_normal((10, 80)).astype(np.float32)[::2, :67]
    np.testing.assert_allclose(product(a, b.T), a.astype(np.float64) @ b.T, atol=1e-4)


@pytest.mark.parametrize(("m", "n"), [(128, 10), (7, 300)])
def test_result_does_not_depend_on_the_number_of_threads(m, n):
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((lines, 789)).astype(np.float32) for lines in (m, n))
    before = threads.get_num_threads()
    try:
        threads.set_num_threads(1)
        one = product(a, b.T)
        threads.set_num_threads(3)
        np.testing.assert_array_equal(product(a, b.T), one)
    finally:
        threads.set_num_threads(before)


@reads_assembly
def test_inner_loops_do_not_spill():
    arguments = np.array([0] * 10 + [1])  # no rows, in one task
    check_registers(dots._multiply.function, (0, 0, arguments.ctypes.data), 12)
