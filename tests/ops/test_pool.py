"""Pooling: values against plain loops, gradients to second order, and what mistakes are told."""

from functools import partial

import loops
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from autotensor.gradients import grad
from autotensor.ops import pool
from autotensor.tensor import Tensor
from autotensor.testing import gradcheck, gradgradcheck, strategies

dtypes = st.sampled_from([np.float32, np.float64])


def leaf(array):
    return Tensor(array).requires_grad_()


def ones(*shape, dtype=np.float32):
    return Tensor(np.ones(shape, dtype))


def shuffled(shape, seed, dtype=np.float64):
    """Distinct values, far enough apart for differences to be taken."""
    values = np.random.default_rng(seed).permutation(np.prod(shape, dtype=int))
    return values.reshape(shape).astype(dtype) / 8


@st.composite
def problems(draw, max_dilation=2):
    """A shape, windows of both axes, and the arguments that describe them."""
    case = draw(strategies.poolings(max_dilation=max_dilation))
    axes = zip(*case[:-1], strict=True)
    windows = [loops.fixed_windows(*axis, case.ceil_mode) for axis in axes]
    return (2, draw(st.integers(1, 3)), *case.size), windows, case.options


@given(problems(), dtypes, strategies.layouts, st.integers(0, 99))
def test_max_pool2d_of_any_geometry(problem, dtype, layout, seed):
    shape, windows, arguments = problem
    values = np.random.default_rng(seed).integers(-3, 4, shape).astype(dtype)
    x = Tensor(strategies.laid_out(values, layout))
    y, indices = pool.max_pool2d(x, **arguments, return_indices=True)
    expected, positions = loops.max_pool2d(values, *windows)
    np.testing.assert_array_equal(y.array, expected)
    there = positions >= 0  # with dilation, a window may lie in the padding altogether
    np.testing.assert_array_equal(indices.array[there], positions[there])
    assert y.dtype == dtype
    assert indices.dtype == np.int64
    np.testing.assert_array_equal(pool.max_pool2d(x, **arguments).array, y.array)


@given(problems(max_dilation=1), dtypes, strategies.layouts, st.booleans(), st.integers(0, 99))
def test_avg_pool2d_of_any_geometry(problem, dtype, layout, count_include_pad, seed):
    shape, windows, arguments = problem
    del arguments["dilation"]
    values = np.random.default_rng(seed).integers(-3, 4, shape).astype(dtype)
    x = Tensor(strategies.laid_out(values, layout))
    y = pool.avg_pool2d(x, **arguments, count_include_pad=count_include_pad)
    expected = loops.avg_pool2d(values, *windows, count_include_pad)
    np.testing.assert_allclose(y.array, expected, rtol=1e-6)
    assert y.dtype == dtype
    y = pool.avg_pool2d(x, **arguments, divisor_override=-3)
    expected = loops.avg_pool2d(values, *windows, divisor_override=-3)
    np.testing.assert_allclose(y.array, expected, rtol=1e-6)


@given(st.tuples(*[st.integers(1, 7)] * 2), st.tuples(*[st.integers(0, 9)] * 2), dtypes)
def test_adaptive_windows_share_the_input_out(size, output_size, dtype):
    x = shuffled((2, 3, *size), 0, dtype)
    windows = [loops.adaptive_windows(*axis) for axis in zip(size, output_size, strict=True)]
    y, indices = pool.adaptive_max_pool2d(Tensor(x), output_size, return_indices=True)
    expected, positions = loops.max_pool2d(x, *windows)
    np.testing.assert_array_equal(y.array, expected)
    np.testing.assert_array_equal(indices.array, positions)
    y = pool.adaptive_avg_pool2d(Tensor(x), output_size)
    np.testing.assert_allclose(y.array, loops.avg_pool2d(x, *windows), rtol=1e-6)
    assert y.dtype == dtype


@given(problems(), st.integers(0, 99))
def test_max_pool2d_gradients_of_first_and_second_order(problem, seed):
    shape, windows, arguments = problem
    assume(all(inside for axis in windows for inside, _ in axis))
    x = leaf(shuffled(shape, seed))
    gradcheck(partial(pool.max_pool2d, **arguments), [x], fast_mode=True)
    gradgradcheck(lambda x: pool.max_pool2d(x, **arguments) ** 2, [x], fast_mode=True)


@given(problems(max_dilation=1), st.integers(0, 99))
def test_avg_pool2d_gradients_of_first_and_second_order(problem, seed):
    shape, _, arguments = problem
    del arguments["dilation"]
    x = leaf(np.random.default_rng(seed).standard_normal(shape))
    gradcheck(partial(pool.avg_pool2d, **arguments), [x], fast_mode=True)
    gradgradcheck(lambda x: pool.avg_pool2d(x, **arguments) ** 2, [x], fast_mode=True)


@pytest.mark.parametrize(
    ("function", "shape"),
    [
        (partial(pool.max_pool1d, kernel_size=3, stride=2, padding=1), (2, 2, 6)),
        (partial(pool.avg_pool1d, kernel_size=3, stride=2, padding=1), (2, 2, 6)),
        (partial(pool.adaptive_max_pool1d, output_size=4), (2, 2, 6)),
        (partial(pool.adaptive_avg_pool1d, output_size=4), (2, 2, 6)),
        (partial(pool.adaptive_max_pool2d, output_size=(3, 2)), (2, 2, 5, 4)),
        (partial(pool.adaptive_avg_pool2d, output_size=(3, 2)), (2, 2, 5, 4)),
        (pool.global_avg_pool, (2, 3, 4, 4)),
    ],
)
def test_the_others_have_gradients_of_first_and_second_order(function, shape):
    x = leaf(shuffled(shape, 0))
    gradcheck(function, [x])
    gradgradcheck(lambda x: function(x) ** 2, [x], fast_mode=True)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gradients_in_both_dtypes_are_those_of_the_loops(dtype):
    x = leaf(shuffled((2, 3, 7, 7), 0, dtype))
    y, indices = pool.max_pool2d(x, 3, 2, 1, return_indices=True)
    (gx,) = grad(y.sum(), [x])
    expected = np.zeros((2, 3, 49), dtype)
    for n, c, i, j in loops.spread(y.shape):
        expected[n, c, indices.array[n, c, i, j]] += 1
    np.testing.assert_array_equal(gx.array, expected.reshape(x.shape))
    (gx,) = grad(pool.avg_pool2d(x, 3, 2, 1).sum(), [x])
    once = [1, 2, 1, 2, 1, 2, 1]
    np.testing.assert_allclose(gx.array[0, 0], np.multiply.outer(once, once) / 9, rtol=1e-6)


def test_ties_give_the_gradient_to_the_first_in_row_order():
    x = leaf(np.array([[[[1, 3, 3], [3, 1, 3], [0, 0, 0]]]], np.float32))
    y, indices = pool.max_pool2d(x, 2, 1, return_indices=True)
    assert indices.tolist() == [[[[1, 1], [3, 5]]]]
    y.sum().backward()
    assert x.grad.tolist() == [[[[0, 2, 0], [1, 0, 1], [0, 0, 0]]]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nan_and_infinity_pass(dtype):
    x = np.zeros((1, 1, 2, 4), dtype)
    x[0, 0, 1, 0], x[0, 0, 0, 0], x[0, 0, :, 2:] = np.nan, 5, -np.inf
    y, indices = pool.max_pool2d(Tensor(x), 2, return_indices=True)
    np.testing.assert_array_equal(y.array, [[[[np.nan, -np.inf]]]])
    assert indices.tolist() == [[[[4, 2]]]]
    np.testing.assert_array_equal(pool.avg_pool2d(Tensor(x), 2).array, y.array)
    x[0, 0, 0, 2] = np.inf
    assert np.isnan(pool.avg_pool2d(Tensor(x), 2).array).all()


def test_one_dimension_is_an_image_of_height_one():
    x = Tensor(shuffled((2, 3, 7), 0))
    image = x.reshape(2, 3, 1, 7)
    y, indices = pool.max_pool1d(x, 3, 2, 1, return_indices=True)
    expected, positions = pool.max_pool2d(image, (1, 3), (1, 2), (0, 1), return_indices=True)
    np.testing.assert_array_equal(y.array, expected.array[:, :, 0])
    np.testing.assert_array_equal(indices.array, positions.array[:, :, 0])
    expected = pool.avg_pool2d(image, (1, 3), (1, 2), (0, 1), True, False)
    y = pool.avg_pool1d(x, 3, 2, 1, ceil_mode=True, count_include_pad=False)
    np.testing.assert_array_equal(y.array, expected.array[:, :, 0])
    for name in ("max", "avg"):
        y = getattr(pool, f"adaptive_{name}_pool1d")(x, 4)
        expected = getattr(pool, f"adaptive_{name}_pool2d")(image, (1, 4))
        np.testing.assert_array_equal(y.array, expected.array[:, :, 0])


@pytest.mark.parametrize(
    ("function", "shape"),
    [
        (partial(pool.max_pool1d, kernel_size=2), (3, 6)),
        (partial(pool.avg_pool1d, kernel_size=2), (3, 6)),
        (partial(pool.max_pool2d, kernel_size=2), (3, 6, 4)),
        (partial(pool.avg_pool2d, kernel_size=2), (3, 6, 4)),
        (partial(pool.adaptive_max_pool1d, output_size=4), (3, 6)),
        (partial(pool.adaptive_avg_pool1d, output_size=4), (3, 6)),
        (partial(pool.adaptive_max_pool2d, output_size=4), (3, 6, 4)),
        (partial(pool.adaptive_avg_pool2d, output_size=4), (3, 6, 4)),
        (pool.global_avg_pool, (3, 6, 4)),
    ],
)
def test_one_example_needs_no_batch_and_a_batch_may_be_empty(function, shape):
    x = shuffled(shape, 0)
    np.testing.assert_array_equal(function(Tensor(x)).array, function(Tensor(x[None])).array[0])
    empty = leaf(np.ones((0, *shape)))
    y = function(empty)
    assert y.shape == (0, *function(Tensor(x)).shape)
    y.sum().backward()
    assert empty.grad.shape == empty.shape


def test_sizes_may_be_left_to_the_input():
    x = ones(2, 3, 6, 4)
    assert pool.max_pool2d(x, (3, 2)).shape == (2, 3, 2, 2)  # the stride is that of the window
    assert pool.avg_pool2d(x, 2, []).shape == (2, 3, 3, 2)
    assert pool.adaptive_avg_pool2d(x, (None, 2)).shape == (2, 3, 6, 2)
    assert pool.adaptive_max_pool2d(x, None).shape == (2, 3, 6, 4)
    assert pool.global_avg_pool(x).shape == (2, 3)


def test_integers_have_a_maximum_but_no_average():
    x = Tensor(np.arange(16).reshape(1, 1, 4, 4))
    assert pool.max_pool2d(x, 2).tolist() == [[[[5, 7], [13, 15]]]]
    with pytest.raises(NotImplementedError, match=r"avg_pool2d: not defined for int64: x\.float"):
        pool.avg_pool2d(x, 2)
    with pytest.raises(NotImplementedError, match="max_pool2d: not defined for bool"):
        pool.max_pool2d(x > 3, 2)


MISTAKES = [
    ({"kernel_size": 0}, "kernel_size must be positive, got 0"),
    ({"kernel_size": (2, 2, 2)}, "kernel_size is an int or 2 ints, got (2, 2, 2)"),
    ({"kernel_size": 6}, "the window is larger than the padded input: x (2, 3, 5, 5)"),
    ({"kernel_size": 2, "stride": 0}, "stride must be positive, got 0"),
    ({"kernel_size": 2, "stride": (1, -1)}, "stride must be positive, got (1, -1)"),
    ({"kernel_size": 2, "padding": 2}, "padding can be at most half of kernel_size"),
    ({"kernel_size": (3, 4), "padding": (2, 2)}, "got (2, 2) and (3, 4)"),
    ({"kernel_size": 2, "padding": -1}, "padding must not be negative, got -1"),
    (
        {"kernel_size": 2, "input": (5, 5)},
        "expected input (N, C, H, W) or (C, H, W), got shape (5, 5)",
    ),
    (
        {"kernel_size": 2, "input": (2, 3, 0, 5)},
        "nothing to pool in an input of shape (2, 3, 0, 5)",
    ),
]


@pytest.mark.parametrize("name", ["max_pool2d", "avg_pool2d"])
@pytest.mark.parametrize(("mistake", "message"), MISTAKES)
def test_pooling_names_the_mistake(name, mistake, message):
    with pytest.raises(RuntimeError) as error:
        getattr(pool, name)(**mistake | {"input": ones(*mistake.get("input", (2, 3, 5, 5)))})
    assert str(error.value).startswith(f"{name}: ")
    assert message in str(error.value)


def test_mistakes_of_one_kind_of_pooling():
    x = ones(2, 3, 5, 5)
    with pytest.raises(RuntimeError, match="max_pool2d: dilation must be positive, got 0"):
        pool.max_pool2d(x, 2, dilation=0)
    with pytest.raises(RuntimeError, match="avg_pool2d: divisor_override must not be 0"):
        pool.avg_pool2d(x, 2, divisor_override=0)
    with pytest.raises(RuntimeError, match="adaptive_avg_pool2d: output_size must not be negative"):
        pool.adaptive_avg_pool2d(x, (-1, 2))
    with pytest.raises(RuntimeError, match="output_size is an int or 2 ints"):
        pool.adaptive_max_pool2d(x, (1, 2, 3))
    with pytest.raises(RuntimeError, match="adaptive_avg_pool2d: nothing to pool"):
        pool.adaptive_avg_pool2d(ones(2, 3, 0, 5), 2)
    with pytest.raises(TypeError, match=r"max_pool2d: kernel_size is an int or 2 ints, got 2\.0"):
        pool.max_pool2d(x, 2.0)
    with pytest.raises(TypeError, match="max_pool2d: expected a Tensor, got ndarray"):
        pool.max_pool2d(x.array, 2)
    with pytest.raises(RuntimeError, match=r"max_pool1d: expected input \(N, C, L\) or \(C, L\)"):
        pool.max_pool1d(x, 2)
