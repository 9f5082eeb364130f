"""Batch norm kernels against float64 formulas: any shape and layout, large means, any threads."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autotensor import kernels
from autotensor.testing.strategies import laid_out, layouts, seeds


def draw_images(shape, seed, mean=0.0):
    random = np.random.default_rng(seed)
    return (random.standard_normal(shape) + mean).astype(np.float32)


def moments(x):
    axes = (0, *range(2, x.ndim))
    exact = x.astype(np.float64)
    return exact.mean(axes), exact.var(axes)


def normalise(x, *moments):
    return kernels.normalise(kernels.normalised(x, *moments))


def gradients(g, x, mean, inverse_std, weight, bias=0.0, floor=-np.inf):
    line = mean, weight * inverse_std, bias + np.zeros_like(mean), floor
    return kernels.batch_norm_grad(g, kernels.normalised(x, *line), mean, inverse_std)


def along(v, x):
    return v.reshape(-1, *[1] * (x.ndim - 2))


shapes = hnp.array_shapes(min_dims=2, max_dims=5, min_side=1, max_side=6)
# Several blocks, one of them shorter; few channels, which are widened; more than a block's width.
LARGE = [(40, 3, 17, 33), (64, 48, 9, 9), (3, 20000), (1001, 65), (16384, 1)]


def check_statistics(x):
    mean, var = moments(x)
    got_mean, got_var = kernels.channel_statistics(x)
    assert got_mean.dtype == got_var.dtype == np.float64
    np.testing.assert_allclose(got_mean, mean, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(got_var, var, rtol=1e-5, atol=1e-12)


@given(shapes, seeds, st.sampled_from([0.0, 7.0]), st.data())
def test_statistics_of_any_shape_and_layout(shape, seed, mean, data):
    x = draw_images(shape, seed, mean)
    check_statistics(laid_out(x, data.draw(layouts)))


@pytest.mark.parametrize("shape", LARGE)
def test_statistics_over_several_blocks(shape):
    check_statistics(draw_images(shape, 1, 3.0))


def test_a_large_mean_costs_the_variance_no_digits():
    x = draw_images((200, 5, 12, 12), 2, 10_000.0)
    np.testing.assert_allclose(kernels.channel_statistics(x)[1], moments(x)[1], rtol=1e-5)


def test_a_constant_channel_has_variance_zero():
    mean, var = kernels.channel_statistics(np.full((30, 2, 5), 0.1, np.float32))
    np.testing.assert_array_equal(mean, np.float32(0.1).astype(np.float64))
    np.testing.assert_array_equal(var, 0.0)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_stays_in_its_channel(value):
    x = draw_images((20, 3, 4), 3)
    x[7, 1, 2] = value
    mean, var = kernels.channel_statistics(x)
    assert not np.isfinite(var[1])
    assert np.isfinite(mean[[0, 2]]).all()
    assert np.isfinite(var[[0, 2]]).all()


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (5, 7, 3, 2), *LARGE])
def test_normalise(shape):
    x = draw_images(shape, 4, 100.0)
    random = np.random.default_rng(5)
    mean = 100 + random.standard_normal(shape[1])
    scale, shift = random.standard_normal((2, shape[1]))
    y = normalise(x, mean, scale, shift)
    expected = (x - along(mean, x)) * along(scale, x) + along(shift, x)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5)


def test_results_are_channels_last_in_memory():
    x = draw_images((4, 5, 3, 2), 6)
    mean, var = kernels.channel_statistics(x)
    y = normalise(x, mean, var, mean)
    assert y.transpose(0, 2, 3, 1).flags.c_contiguous


def check_gradients(x, g):
    mean, var = moments(x)
    weight = np.linspace(-1, 2, x.shape[1])
    inverse_std = 1 / np.sqrt(var + 1e-5)
    axes = (0, *range(2, x.ndim))
    exact = (x - along(mean, x)) * along(inverse_std, x)
    g_sum, product_sum = g.astype(np.float64).sum(axes), (g * exact).sum(axes)
    count = x.size // x.shape[1]
    expected = g - along(g_sum, x) / count - exact * along(product_sum, x) / count
    expected = expected * along(weight * inverse_std, x)
    gx, gw, gb = gradients(g, x, mean, inverse_std, weight)
    assert gx.dtype == gw.dtype == gb.dtype == np.float32
    np.testing.assert_allclose(gx, expected, rtol=1e-4, atol=2e-5)
    tolerance = 1e-6 * np.sqrt(count) * 4
    np.testing.assert_allclose(gw, product_sum, rtol=1e-5, atol=tolerance)
    np.testing.assert_allclose(gb, g_sum, rtol=1e-5, atol=tolerance)


@given(hnp.array_shapes(min_dims=2, max_dims=4, min_side=2, max_side=6), seeds, seeds, st.data())
def test_gradients_of_any_shape_and_layout(shape, seed, other, data):
    x, g = draw_images(shape, seed), draw_images(shape, other)
    x = laid_out(x, data.draw(layouts))
    g = laid_out(g, data.draw(layouts))
    if moments(x)[1].min() > 1e-3:
        check_gradients(x, g)


@pytest.mark.parametrize("shape", [s for s in LARGE if s[0] > 3])
def test_gradients_over_several_blocks(shape):
    check_gradients(draw_images(shape, 8, 50.0), draw_images(shape, 9))


def test_a_broadcast_gradient_without_strides():
    x = draw_images((6, 3, 4), 10)
    check_gradients(x, np.broadcast_to(np.float32(0.5), x.shape))


def test_results_do_not_depend_on_the_number_of_threads():
    x, g = draw_images((64, 24, 16, 16), 11, 5.0), draw_images((64, 24, 16, 16), 12)
    before, found = kernels.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            kernels.set_num_threads(threads)
            mean, var = kernels.channel_statistics(x)
            found.append([mean, var, normalise(x, mean, var, mean)])
            found[-1] += gradients(g, x, mean, var, mean)
    finally:
        kernels.set_num_threads(before)
    for other in found[1:]:
        for first, second in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("shape", [(1, 3, 1, 1), (5, 32, 7, 9), (16, 10, 33, 31), (4, 64)])
def test_channel_sum(shape):
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    axes = (0, *range(2, len(shape)))
    channels_last = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)
    expected = x.sum(axes, dtype=np.float64)
    for laid in (x, channels_last):
        np.testing.assert_allclose(kernels.channel_sum(laid), expected, 1e-5, 1e-5)


def test_large_results_go_past_the_caches(monkeypatch):
    from autotensor.kernels import layout

    x, g = draw_images((4, 32, 9, 9), 0), draw_images((4, 32, 9, 9), 1)
    mean, var = moments(x)
    arguments = (mean, 1 / np.sqrt(var), np.ones(32), np.zeros(32), 0.0)
    plain = normalise(x, *arguments[:2], arguments[3], 0.0)
    grads = gradients(g, x, *arguments)
    monkeypatch.setattr(layout, "_STREAMED_BYTES", 0)
    np.testing.assert_array_equal(normalise(x, *arguments[:2], arguments[3], 0.0), plain)
    for got, expected in zip(gradients(g, x, *arguments), grads, strict=True):
        np.testing.assert_array_equal(got, expected)
