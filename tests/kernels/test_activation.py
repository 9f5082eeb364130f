"""Rectification, against NumPy in several layouts."""

import numpy as np
import pytest

from autotensor import kernels

LAYOUTS = {
    "rows": lambda a: a,
    "channels last": lambda a: np.ascontiguousarray(a.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2),
    "gaps": lambda a: np.repeat(a, 2, axis=3)[..., ::2],
    "reversed": lambda a: np.ascontiguousarray(a[::-1])[::-1],
}


def values(seed):
    x = np.random.default_rng(seed).standard_normal((3, 17, 29, 31)).astype(np.float32)
    x[0, 0, 0, :4] = [0.0, -0.0, np.inf, -np.inf]
    return x


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("other", LAYOUTS)
def test_relu_and_its_gradient(layout, other):
    x, g = LAYOUTS[layout](values(0)), LAYOUTS[other](values(1))
    before = x.copy(), g.copy()
    y = kernels.relu(x)
    np.testing.assert_array_equal(y, np.maximum(x, 0))
    np.testing.assert_array_equal(kernels.relu_grad(g, y), np.where(x > 0, g, 0))
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(g, before[1])


def test_nan_stays():
    x = np.full((70, 300), np.nan, np.float32)
    assert np.isnan(kernels.relu(x)).all()
