"""Rectification and GELU, against NumPy in several layouts."""

import math

import numpy as np
import pytest

from autotensor import kernels
from autotensor.kernels import activation, special

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


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("other", LAYOUTS)
def test_leaky_relu_and_its_gradient(layout, other):
    x, g = LAYOUTS[layout](values(0)), LAYOUTS[other](values(1))
    slope = np.float32(0.2)
    np.testing.assert_array_equal(kernels.leaky_relu(x, 0.2), np.where(x > 0, x, x * slope))
    expected = np.where(x > 0, g, g * slope)
    np.testing.assert_array_equal(kernels.leaky_relu_grad(g, x, 0.2), expected)


def test_nan_stays():
    x = np.full((70, 300), np.nan, np.float32)
    assert np.isnan(kernels.relu(x)).all()
    assert np.isnan(kernels.leaky_relu(x, 0.2)).all()


def test_gelu_and_its_slope():
    x = np.concatenate([np.linspace(-12, 12, 40001), [0, -0.0, 1e-30, 40, -40]]).astype(np.float32)
    wide = x.astype(np.float64)
    below = np.array([0.5 * math.erfc(-t / math.sqrt(2)) for t in wide])
    slope = below + wide * np.exp(-wide * wide / 2) / math.sqrt(2 * math.pi)
    np.testing.assert_allclose(activation.gelu(x), wide * below, rtol=2e-6, atol=1e-6)
    g = np.linspace(-2, 2, x.size, dtype=np.float32)
    np.testing.assert_allclose(activation.gelu_grad(g, x), g * slope, rtol=2e-5, atol=1e-6)
    odd = np.array([np.nan, np.inf], np.float32)
    assert np.isnan(activation.gelu(odd)[0]) and activation.gelu(odd)[1] == np.inf


def test_erf_to_the_last_places():
    x = np.concatenate([np.linspace(-6, 6, 20001), [1e-20, np.inf, -np.inf]]).astype(np.float32)
    expected = np.array([math.erf(t) for t in x.astype(np.float64)])
    np.testing.assert_allclose(special.erf(x), expected, rtol=4e-7, atol=1e-7)
    assert np.isnan(special.erf(np.array([np.nan], np.float32)))[0]
