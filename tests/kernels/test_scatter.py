import numpy as np
import pytest

from autotensor.kernels import scatter, threads


@pytest.mark.parametrize("shape", [(7, 5), (1, 1), (40, 64), (33, 130), (0, 3), (4, 0)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_add_rows(shape, dtype):
    rng = np.random.default_rng(0)
    rows, numbers = rng.standard_normal(shape).astype(dtype), rng.integers(0, 6, shape[0])
    expected = np.zeros((6, shape[1]))
    for number, row in zip(numbers, rows, strict=True):
        expected[number] += row
    total = scatter.add_rows(rows, numbers, 6)
    assert total.dtype == dtype
    np.testing.assert_allclose(total, expected, rtol=1e-5, atol=1e-6)


def test_strides_and_threads():
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((130, 50)).astype(np.float32).T[::2]
    numbers = rng.integers(0, 3, 50)[::2].astype(np.int32)
    before, found = threads.get_num_threads(), []
    for count in (1, 3):
        threads.set_num_threads(count)
        found.append(scatter.add_rows(rows, numbers, 3))
    threads.set_num_threads(before)
    np.testing.assert_array_equal(*found)
    np.testing.assert_allclose(found[0][1], rows[numbers == 1].sum(0), rtol=1e-5, atol=1e-5)
