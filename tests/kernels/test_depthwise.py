"""Depthwise convolution over drawn geometry, against the nested loops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotensor.kernels import conv, threads
from autotensor.testing.strategies import fitting_sizes

from .test_conv import assert_near, loops, loops_adjoint

SLOW = settings(deadline=None, max_examples=60)


@pytest.fixture(autouse=True)
def compiled_always(monkeypatch):
    monkeypatch.setattr(conv, "_SMALL", 0)


@st.composite
def cases(draw):
    """Image, filters, output gradient and geometry; lines of one pixel, windows mostly outside."""
    kernel = draw(st.tuples(st.integers(1, 7), st.integers(1, 7)))
    stride = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    dilation = draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
    padding = draw(st.tuples(st.integers(0, 3), st.integers(0, 3)))
    size = draw(fitting_sizes(kernel, padding, dilation, beyond=9))
    n, channels = draw(st.integers(1, 3)), draw(st.integers(16, 70))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    x = rng.standard_normal((n, *size, channels), np.float32).transpose(0, 3, 1, 2)
    w = rng.standard_normal((channels, 1, *kernel), np.float32)
    geometry = stride, padding, dilation, channels
    out = loops(x, w, *geometry)
    return x, w, rng.standard_normal(out.shape, np.float32), geometry, out


def results(x, w, g, geometry):
    return (
        conv.conv2d(x, w, *geometry),
        conv.conv2d_input_grad(g, w, x.shape, *geometry),
        conv.conv2d_weight_grad(x, g, w.shape, *geometry),
    )


@SLOW
@given(cases())
def test_all_three_equal_loops(case):
    x, w, g, geometry, out = case
    got = results(x, w, g, geometry)
    for value, expected in zip(got, (out, *loops_adjoint(x, w, g, *geometry)), strict=True):
        assert_near(value, expected)


@settings(deadline=None, max_examples=30)
@given(cases())
def test_bits_do_not_depend_on_the_number_of_threads(case):
    x, w, g, geometry, _ = case
    before = threads.get_num_threads()
    try:
        threads.set_num_threads(1)
        one = results(x, w, g, geometry)
        for n in (2, 3, 4):
            threads.set_num_threads(n)
            for a, b in zip(one, results(x, w, g, geometry), strict=True):
                np.testing.assert_array_equal(a, b)
    finally:
        threads.set_num_threads(before)


@pytest.mark.parametrize("stride", [1, 2])
def test_images_of_several_tasks(stride):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 37, 5, 24), np.float32).transpose(0, 3, 1, 2)
    w = rng.standard_normal((24, 1, 3, 3), np.float32)
    geometry = (stride, stride), (1, 1), (1, 1), 24
    out = loops(x, w, *geometry)
    g = rng.standard_normal(out.shape, np.float32)
    expected = (out, *loops_adjoint(x, w, g, *geometry))
    for value, wanted in zip(results(x, w, g, geometry), expected, strict=True):
        assert_near(value, wanted)


def test_an_image_that_is_a_slice():
    rng = np.random.default_rng(1)
    x = rng.standard_normal((2, 9, 9, 40), np.float32).transpose(0, 3, 1, 2)[:, 5:37, 1:, ::2]
    w = rng.standard_normal((32, 1, 3, 3), np.float32)
    geometry = (1, 1), (1, 1), (1, 1), 32
    assert_near(conv.conv2d(x, w, *geometry), loops(x, w, *geometry))


def test_nan_stays_under_the_window():
    x = np.zeros((1, 16, 12, 12), np.float32)
    x[0, 3, 0, 5] = np.nan
    out = conv.conv2d(x, np.ones((16, 1, 3, 3), np.float32), (1, 1), (1, 1), (1, 1), 16)
    seen = np.zeros(out.shape, bool)
    seen[0, 3, :2, 4:7] = True
    np.testing.assert_array_equal(np.isnan(out), seen)
