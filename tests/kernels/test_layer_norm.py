"""Layer norm kernels against float64 formulas: any shape and layout, large means, any threads."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autotensor import kernels
from autotensor.testing.strategies import laid_out, layouts, seeds


def draw(*shape, seed, mean=0.0):
    random = np.random.default_rng(seed)
    return (random.standard_normal(shape) + mean).astype(np.float32)


def check(x, g, eps=0.01, tolerance=1e-5):
    size = x.shape[-1]
    weight, bias = draw(size, seed=8), draw(size, seed=9)
    exact = x.astype(np.float64)
    inverse_std = 1 / np.sqrt(exact.var(-1, keepdims=True) + eps)
    exact = (exact - exact.mean(-1, keepdims=True)) * inverse_std
    y, scales = kernels.layer_norm(x, weight, bias, eps)
    assert (y.dtype, y.shape) == (np.float32, x.shape)
    np.testing.assert_allclose(y, exact * weight + bias, rtol=tolerance, atol=tolerance)
    h = g.astype(np.float64) * weight
    rest = h.mean(-1, keepdims=True) + exact * (h * exact).mean(-1, keepdims=True)
    gx, gw, gb = kernels.layer_norm_grad(g, x, weight, scales)
    assert gx.dtype == gw.dtype == gb.dtype == np.float32
    tolerance *= inverse_std.max()
    np.testing.assert_allclose(gx, (h - rest) * inverse_std, rtol=1e-4, atol=tolerance)
    axes = tuple(range(x.ndim - 1))
    tolerance *= np.sqrt(x.size)
    np.testing.assert_allclose(gw, (g * exact).sum(axes), rtol=1e-4, atol=tolerance)
    np.testing.assert_allclose(gb, g.sum(axes, dtype=np.float64), rtol=1e-4, atol=tolerance)


@given(hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=6), seeds, seeds, st.data())
def test_any_shape_and_layout(shape, seed, other, data):
    x, g = draw(*shape, seed=seed), draw(*shape, seed=other)
    x = laid_out(x, data.draw(layouts))
    g = laid_out(g, data.draw(layouts))
    check(x, g)


@pytest.mark.parametrize("shape", [(700, 33), (50, 20, 64), (3, 20000), (20000, 2)])
def test_rows_in_several_tasks(shape):
    check(draw(*shape, seed=1, mean=3.0), draw(*shape, seed=2))


def test_a_large_mean_costs_few_digits():
    check(draw(40, 300, seed=3, mean=1000.0), draw(40, 300, seed=4), tolerance=1e-4)


def test_a_broadcast_gradient_without_strides():
    x = draw(6, 12, seed=5)
    check(x, np.broadcast_to(np.float32(0.5), x.shape))


def test_what_is_not_finite_stays_in_its_row():
    x = draw(3, 5, seed=6)
    x[1, 2] = np.nan
    y, _ = kernels.layer_norm(x, np.ones(5, np.float32), np.zeros(5, np.float32), 1e-5)
    assert np.isnan(y[1]).all()
    assert np.isfinite(y[[0, 2]]).all()


def test_results_do_not_depend_on_the_number_of_threads():
    x, g, weight = draw(3000, 40, seed=1), draw(3000, 40, seed=2), draw(40, seed=3)
    before, found = kernels.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            kernels.set_num_threads(threads)
            y, scales = kernels.layer_norm(x, weight, weight, 1e-5)
            found.append([y, scales, *kernels.layer_norm_grad(g, x, weight, scales)])
    finally:
        kernels.set_num_threads(before)
    for other in found[1:]:
        for first, second in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(first, second)
