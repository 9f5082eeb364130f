"""Every compiled convolution against plain nested loops, over drawn geometry."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotensor.kernels import conv, layout, norm, threads
from autotensor.testing.strategies import fitting_sizes


def loops(x, w, stride, padding, dilation, groups):
    """Convolution as its definition reads, in float64: a sum over the window per position."""
    n, _, height, width = x.shape
    o, c_group, kh, kw = w.shape
    (sh, sw), (ph, pw), (dh, dw) = stride, padding, dilation
    out_h = (height + 2 * ph - dh * (kh - 1) - 1) // sh + 1
    out_w = (width + 2 * pw - dw * (kw - 1) - 1) // sw + 1
    x = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    out = np.zeros((n, o, out_h, out_w))
    for channel in range(o):
        first = channel // (o // groups) * c_group
        for i in range(out_h):
            for j in range(out_w):
                rows = slice(i * sh, i * sh + dh * (kh - 1) + 1, dh)
                cols = slice(j * sw, j * sw + dw * (kw - 1) + 1, dw)
                window = x[:, first : first + c_group, rows, cols]
                out[:, channel, i, j] = (window * w[channel]).sum(axis=(1, 2, 3))
    return out


def loops_adjoint(x, w, g, stride, padding, dilation, groups):
    """Both gradients, by scattering every product of the definition."""
    o, c_group, kh, kw = w.shape
    (sh, sw), (ph, pw), (dh, dw) = stride, padding, dilation
    padded = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    gx, gw = np.zeros_like(padded), np.zeros(w.shape)
    for channel in range(o):
        first = channel // (o // groups) * c_group
        for i in range(g.shape[2]):
            for j in range(g.shape[3]):
                rows = slice(i * sh, i * sh + dh * (kh - 1) + 1, dh)
                cols = slice(j * sw, j * sw + dw * (kw - 1) + 1, dw)
                here = g[:, channel, i, j].astype(np.float64)[:, None, None, None]
                gx[:, first : first + c_group, rows, cols] += here * w[channel]
                window = padded[:, first : first + c_group, rows, cols]
                gw[channel] += (here * window).sum(axis=0)
    return gx[:, :, ph : ph + x.shape[2], pw : pw + x.shape[3]], gw


@st.composite
def geometries(draw):
    """A case: shapes, geometry and a seed; kinds of convolution that have kernels of their own."""
    kind = draw(st.sampled_from(["any", "3x3", "3x3 wide", "1x1", "depthwise"]))
    pair = st.tuples(st.integers(1, 3), st.integers(1, 3))
    groups, kernel = draw(st.sampled_from([1, 1, 2, 3])), draw(pair)
    c, o = draw(st.integers(1, 20)), draw(st.integers(1, 20))
    stride, dilation = draw(pair), draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
    padding = draw(st.tuples(st.integers(0, 3), st.integers(0, 3)))
    if kind == "3x3":
        groups, kernel, stride, dilation = 1, (3, 3), (1, 1), (1, 1)
        c, o = c + 7, o + 7
    elif kind == "3x3 wide":
        groups, kernel, stride, dilation = 1, (3, 3), (1, 1), (1, 1)
        c, o = draw(st.integers(8, 140)), draw(st.integers(40, 70))
    elif kind == "1x1":
        kernel, stride, dilation, padding = (1, 1), (1, 1), (1, 1), (0, 0)
    elif kind == "depthwise":
        groups, c, o = draw(st.integers(16, 40)), 1, 1
    size = draw(fitting_sizes(kernel, padding, dilation, beyond=10))
    n = draw(st.integers(1, 3))
    channels_last = draw(st.booleans())
    shapes = (n, c * groups, *size), (o * groups, c, *kernel)
    return shapes, channels_last, (stride, padding, dilation, groups), draw(st.integers(0, 999))


def make(case):
    (x_shape, w_shape), channels_last, geometry, seed = case
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(x_shape).astype(np.float32)
    if channels_last:
        x = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    return x, rng.standard_normal(w_shape).astype(np.float32), geometry, rng


def assert_near(got, expected):
    assert got.shape == expected.shape
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected, rtol=0, atol=2e-5 * (1 + abs(expected).max()))


@pytest.fixture(autouse=True)
def compiled_always(monkeypatch):
    monkeypatch.setattr(conv, "_SMALL", 0)


@pytest.fixture
def streamed_always(monkeypatch):
    monkeypatch.setattr(layout, "_STREAMED_BYTES", 0)


SLOW = settings(deadline=None, max_examples=60)


@SLOW
@given(geometries(), st.booleans())
def test_forward_equals_loops(case, rectified):
    x, w, geometry, rng = make(case)
    expected = loops(x, w, *geometry)
    assert_near(conv.conv2d(x, w, *geometry), expected)
    bias = 3 * rng.standard_normal(len(w)).astype(np.float32)
    expected += bias[:, None, None]
    if rectified:
        expected = np.maximum(expected, 0)
    assert_near(conv.conv2d(x, w, *geometry, bias, rectified), expected)


@SLOW
@given(geometries())
def test_gradients_equal_loops(case):
    x, w, geometry, rng = make(case)
    out = conv.conv2d(x, w, *geometry)
    g = rng.standard_normal(out.shape).astype(np.float32)
    gx, gw = loops_adjoint(x, w, g, *geometry)
    bias = 3 * rng.standard_normal(x.shape[1]).astype(np.float32)
    assert_near(conv.conv2d_input_grad(g, w, x.shape, *geometry), gx)
    got = conv.conv2d_input_grad(g, w, x.shape, *geometry, bias)
    assert_near(got, gx + bias[:, None, None])
    assert_near(conv.conv2d_weight_grad(x, g, w.shape, *geometry), gw)
    got_w, got_b = conv.conv2d_parameter_grads(x, g, w.shape, *geometry)
    assert_near(got_w, gw)
    assert_near(got_b, g.astype(np.float64).sum((0, 2, 3)))


@pytest.mark.parametrize("rectified", [False, True])
@pytest.mark.parametrize("kernel", [1, 2, 3])
@pytest.mark.parametrize("groups", [1, 2])
def test_large_results_go_past_the_caches(streamed_always, kernel, groups, rectified):
    rng = np.random.default_rng(kernel)
    shapes = (2, 32, 9, 10), (64, 32 // groups, kernel, kernel)
    x, w = (rng.standard_normal(s).astype(np.float32) for s in shapes)
    geometry = (1, 1), (kernel // 2,) * 2, (1, 1), groups
    bias = rng.standard_normal(64).astype(np.float32)
    expected = loops(x, w, *geometry) + bias[:, None, None]
    expected = np.maximum(expected, 0) if rectified else expected
    assert_near(conv.conv2d(x, w, *geometry, bias, rectified), expected)
    g = rng.standard_normal(expected.shape).astype(np.float32)
    gx, _ = loops_adjoint(x, w, g, *geometry)
    assert_near(conv.conv2d_input_grad(g, w, x.shape, *geometry), gx)


def test_weight_gradient_of_many_channels():
    """Several blocks of tiles, the last one short, in partial sums that are then added."""
    rng = np.random.default_rng(2)
    x, g = (rng.standard_normal((5, c, 18, 15)).astype(np.float32) for c in (96, 80))
    shape, geometry = (80, 96, 3, 3), ((1, 1), (1, 1), (1, 1), 1)
    _, gw = loops_adjoint(x, np.zeros(shape), g, *geometry)
    got_w, got_b = conv.conv2d_parameter_grads(x, g, shape, *geometry)
    assert_near(got_w, gw)
    assert_near(got_b, g.astype(np.float64).sum((0, 2, 3)))


# Depthwise, 1x1 with more pixels than a task takes, columns that fill no panel; and 3x3, which
# gathers nothing itself.
GATHERED = [((3, 20, 19, 12), (20, 1, 3, 3), 20), ((5, 40, 11, 12), (43, 40, 1, 1), 1),
            ((2, 16, 9, 9), (16, 16, 3, 3), 1)]  # fmt: skip


def gathered_case(x_shape, w_shape, groups):
    rng = np.random.default_rng(3)
    x, w = (rng.standard_normal(s).astype(np.float32) for s in (x_shape, w_shape))
    geometry = (1, 1), (w_shape[2] // 2,) * 2, (1, 1), groups
    g = rng.standard_normal(conv.conv2d(x, w, *geometry).shape).astype(np.float32)
    line = 1e-3 * rng.standard_normal(x_shape[1]), 0.5 + rng.random(x_shape[1])
    image = norm.normalised(x, *line, rng.standard_normal(x_shape[1]), 0.0)
    return x, w, g, geometry, image


@pytest.mark.parametrize("case", GATHERED)
def test_moments_of_the_result(case):
    x, w, _, geometry, _ = gathered_case(*case)
    for bias in (None, np.full(len(w), 1000, np.float32)):
        y, mean, variance = conv.conv2d_moments(x, w, *geometry, bias)
        np.testing.assert_array_equal(y, conv.conv2d(x, w, *geometry, bias))
        exact = y.astype(np.float64)
        np.testing.assert_allclose(mean, exact.mean((0, 2, 3)), 1e-5, 1e-5)
        np.testing.assert_allclose(variance, exact.var((0, 2, 3)), 1e-5)


@pytest.mark.parametrize("case", GATHERED[:2])
def test_an_image_that_is_normalised_as_it_is_read(case):
    _, w, g, geometry, image = gathered_case(*case)
    assert conv.takes_normalised(image, w.shape, *geometry)
    made = norm.normalise(image)
    for function, rest in ((conv.conv2d, (w,)), (conv.conv2d_weight_grad, (g, w.shape))):
        found, expected = (function(a, *rest, *geometry) for a in (image, made))
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("case", GATHERED)
def test_sums_of_the_input_gradient(case):
    x, w, g, geometry, image = gathered_case(*case)
    gx, sums = conv.conv2d_input_grad_sums(g, w, image, *geometry)
    np.testing.assert_array_equal(gx, conv.conv2d_input_grad(g, w, x.shape, *geometry))
    if sums is not None:
        kept = gx.astype(np.float64) * (norm.normalise(image) > 0)
        near = image.line[0, :, None, None]
        expected = kept.sum((0, 2, 3)), (kept * (x - near)).sum((0, 2, 3))
        np.testing.assert_allclose(sums, expected, 1e-5, 1e-4)


def results(x, w, g, geometry):
    image = norm.normalised(x, *np.ones((3, x.shape[1])), 0.0)
    return (
        *conv.conv2d_moments(x, w, *geometry),
        conv.conv2d_input_grad_sums(g, w, image, *geometry)[1],
        conv.conv2d(x, w, *geometry, np.arange(len(w), dtype=np.float32)),
        conv.conv2d_input_grad(g, w, x.shape, *geometry),
        *conv.conv2d_parameter_grads(x, g, w.shape, *geometry),
    )


@pytest.mark.parametrize(
    ("x_shape", "w_shape", "groups"),
    [((6, 16, 20, 20), (24, 16, 3, 3), 1), ((6, 80, 7, 9), (72, 80, 3, 3), 1),
     ((6, 3, 20, 20), (32, 3, 3, 3), 1), ((6, 96, 18, 16), (80, 96, 3, 3), 1),
     ((6, 32, 20, 20), (32, 1, 3, 3), 32), ((6, 32, 9, 9), (10, 32, 1, 1), 1)],
)  # fmt: skip
def test_results_do_not_depend_on_the_number_of_threads(x_shape, w_shape, groups):
    rng = np.random.default_rng(0)
    x, w = (rng.standard_normal(s).astype(np.float32) for s in (x_shape, w_shape))
    geometry = ((1, 1), (w_shape[2] // 2,) * 2, (1, 1), groups)
    g = rng.standard_normal(conv.conv2d(x, w, *geometry).shape).astype(np.float32)
    before = threads.get_num_threads()
    try:
        threads.set_num_threads(1)
        one = results(x, w, g, geometry)
        for n in (2, 3, 4, 4):
            threads.set_num_threads(n)
            for a, b in zip(one, results(x, w, g, geometry), strict=True):
                np.testing.assert_array_equal(a, b)
    finally:
        threads.set_num_threads(before)


def test_highest_precision_does_without_winograd():
    rng = np.random.default_rng(1)
    x, w = (rng.standard_normal(s).astype(np.float32) for s in ((2, 64, 12, 12), (64, 64, 3, 3)))
    geometry = ((1, 1), (1, 1), (1, 1), 1)
    exact = loops(x, w, *geometry)
    fast = abs(conv.conv2d(x, w, *geometry) - exact).max()
    try:
        conv.set_precision("highest")
        precise = abs(conv.conv2d(x, w, *geometry) - exact).max()
    finally:
        conv.set_precision("high")
    assert precise < fast
    assert precise < 1e-6 * abs(exact).max()


def test_unknown_precision_is_refused():
    with pytest.raises(ValueError, match="medium"):
        conv.set_precision("medium")


def test_nan_stays_where_it_is():
    x = np.zeros((1, 16, 16, 16), np.float32)
    x[0, 3, 2, 2] = np.nan
    out = conv.conv2d(x, np.ones((16, 16, 3, 3), np.float32), (1, 1), (1, 1), (1, 1), 1)
    assert np.isnan(out[0, :, 1:4, 1:4]).all()
    assert not np.isnan(out[0, :, 8:, 8:]).any()
