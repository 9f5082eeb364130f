"""The matrix product against NumPy in float64."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotensor.kernels import matrix, threads
from autotensor.kernels.matrix import matmul


@pytest.fixture(autouse=True)
def compiled_always(monkeypatch):
    monkeypatch.setattr(matrix, "_SMALL", 1)


def pair(m, k, n, a_turned, b_turned):
    rng = np.random.default_rng(m + k + n)
    a = rng.standard_normal((k, m) if a_turned else (m, k)).astype(np.float32)
    b = rng.standard_normal((n, k) if b_turned else (k, n)).astype(np.float32)
    return a.T if a_turned else a, b.T if b_turned else b


@settings(deadline=None)
@given(st.integers(1, 300), st.integers(1, 900), st.integers(1, 140), st.booleans(), st.booleans())
def test_product_equals_numpy(m, k, n, a_turned, b_turned):
    a, b = pair(m, k, n, a_turned, b_turned)
    exact = a.astype(np.float64) @ b.astype(np.float64)
    np.testing.assert_allclose(matmul(a, b), exact, rtol=0, atol=1e-5 * k**0.5 * 4)


@pytest.mark.parametrize("n", [16, 31, 128, 130, 300])
@pytest.mark.parametrize(("m", "k"), [(1, 5), (10, 128), (12, 70)])
def test_few_rows(m, k, n):
    a, b = pair(m, k, n, True, False)
    wide = np.full((k, n + 3), np.nan, np.float32)
    wide[:, :n] = b
    exact = a.astype(np.float64) @ b
    np.testing.assert_allclose(matmul(a, wide[:, :n]), exact, rtol=0, atol=1e-4)


def test_strided_operands():
    rng = np.random.default_rng(0)
    a = rng.standard_normal((20, 60)).astype(np.float32)[::2, ::3]
    b = rng.standard_normal((40, 50)).astype(np.float32)[::2, ::-2]
    np.testing.assert_allclose(matmul(a, b), a.astype(np.float64) @ b, atol=1e-5)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(("m", "n"), [(500, 90), (128, 10), (10, 784)])
def test_result_does_not_depend_on_the_number_of_threads(m, n, turned):
    a, b = pair(m, 800, n, turned, not turned)
    before = threads.get_num_threads()
    try:
        threads.set_num_threads(1)
        one = matmul(a, b)
        threads.set_num_threads(3)
        np.testing.assert_array_equal(matmul(a, b), one)
    finally:
        threads.set_num_threads(before)


@pytest.mark.parametrize(("m", "k", "n"), [(0, 3, 4), (3, 0, 4), (3, 4, 0)])
def test_empty_operands(m, k, n):
    a, b = np.ones((m, k), np.float32), np.ones((k, n), np.float32)
    np.testing.assert_array_equal(matmul(a, b), np.zeros((m, n)))


def test_other_types_and_ranks_go_to_numpy():
    a = np.arange(24.0).reshape(2, 3, 4)
    np.testing.assert_array_equal(matmul(a, a.swapaxes(1, 2)), a @ a.swapaxes(1, 2))


def test_shapes_that_do_not_meet():
    with pytest.raises(ValueError, match="mismatch"):
        matmul(np.ones((20, 30), np.float32), np.ones((31, 20), np.float32))
