"""Convolution in NumPy against plain loops, and its two adjoints against their definition."""

import loops
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotensor.kernels import reference
from autotensor.testing import strategies

THREE_BY_THREE = (1, 1), (1, 1), (1, 1), 1


@given(strategies.convolutions(), strategies.layouts, st.integers(0, 99))
def test_conv2d_is_the_sum_of_products(case, layout, seed):
    x_shape, w_shape, *geometry = case
    random = np.random.default_rng(seed)
    x, w = random.standard_normal(x_shape), random.standard_normal(w_shape)
    y = reference.conv2d(strategies.laid_out(x, layout), strategies.laid_out(w, layout), *geometry)
    np.testing.assert_allclose(y, loops.conv2d(x, w, *geometry), rtol=1e-12, atol=1e-12)


@given(strategies.convolutions(max_channels=4, beyond=8), strategies.layouts, st.integers(0, 99))
def test_gradients_are_adjoints(case, layout, seed):
    # <conv(x, w), g> = <x, input_grad(g, w)> = <w, weight_grad(x, g)> for all x, w, g
    x_shape, w_shape, *geometry = case
    random = np.random.default_rng(seed)
    x, w = random.standard_normal(x_shape), random.standard_normal(w_shape)
    y = reference.conv2d(x, w, *geometry)
    g = random.standard_normal(y.shape)
    w, laid_out_g = strategies.laid_out(w, layout), strategies.laid_out(g, layout)
    gx = reference.conv2d_input_grad(laid_out_g, w, x_shape, *geometry)
    gw = reference.conv2d_weight_grad(
        strategies.laid_out(x, layout), laid_out_g, w_shape, *geometry
    )
    assert gx.shape == x_shape
    assert gw.shape == w_shape
    np.testing.assert_allclose((gx * x).sum(), (y * g).sum(), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose((gw * w).sum(), (y * g).sum(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int64, np.uint8])
def test_dtype_is_kept(dtype):
    x = np.arange(2 * 2 * 4 * 4).reshape(2, 2, 4, 4).astype(dtype) % 5
    w = np.arange(3 * 2 * 3 * 3).reshape(3, 2, 3, 3).astype(dtype) % 3
    y = reference.conv2d(x, w, *THREE_BY_THREE)
    assert y.dtype == dtype
    np.testing.assert_array_equal(y, loops.conv2d(x, w, *THREE_BY_THREE))
    assert reference.conv2d_input_grad(y, w, x.shape, *THREE_BY_THREE).dtype == dtype
    assert reference.conv2d_weight_grad(x, y, w.shape, *THREE_BY_THREE).dtype == dtype


def test_images_are_fresh_and_channels_last():
    for kernel, padding in ((1, 0), (3, 1)):
        x, w = np.ones((2, 3, 4, 5)), np.ones((4, 3, kernel, kernel))
        geometry = (1, 1), (padding, padding), (1, 1), 1
        y = reference.conv2d(x, w, *geometry)
        gx = reference.conv2d_input_grad(y, w, x.shape, *geometry)
        for image, source in ((y, x), (gx, y)):
            assert image.transpose(0, 2, 3, 1).flags.c_contiguous
            assert not np.shares_memory(image, source)
        assert reference.conv2d_weight_grad(x, y, w.shape, *geometry).flags.c_contiguous


def test_the_batch_may_be_worked_on_in_blocks(monkeypatch):
    random = np.random.default_rng(0)
    x, w = random.standard_normal((5, 4, 6, 6)), random.standard_normal((6, 2, 3, 3))
    geometry = (2, 1), (1, 0), (1, 2), 2

    def all_three():
        y = reference.conv2d(x, w, *geometry)
        gx = reference.conv2d_input_grad(y, w, x.shape, *geometry)
        return y, gx, reference.conv2d_weight_grad(x, y, w.shape, *geometry)

    whole = all_three()
    for images in (1, 2):
        monkeypatch.setattr(reference, "_BLOCK_BYTES", images * 3 * 2 * 4 * 9 * 8)
        for found, expected in zip(all_three(), whole, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_infinity_and_nan_pass_in_silence():
    x, w = np.ones((1, 1, 3, 3)), np.array([[[[1.0, -1.0]]]])
    x[0, 0, 0] = np.inf
    x[0, 0, 2, 2] = np.nan
    y = reference.conv2d(x, w, (1, 1), (0, 0), (1, 1), 1)
    np.testing.assert_array_equal(y, [[[[np.nan, np.nan], [0, 0], [0, np.nan]]]])


def test_nothing_in_nothing_out():
    for batch, channels in ((0, 2), (3, 0)):
        x, w = np.ones((batch, channels, 4, 4)), np.ones((5, channels, 3, 3))
        y = reference.conv2d(x, w, *THREE_BY_THREE)
        assert y.shape == (batch, 5, 4, 4)
        assert not y.any()
        assert reference.conv2d_input_grad(y, w, x.shape, *THREE_BY_THREE).shape == x.shape
        gw = reference.conv2d_weight_grad(x, y, w.shape, *THREE_BY_THREE)
        assert gw.shape == w.shape
        assert not gw.any()
