"""Normalisation: values, running statistics, gradients by kernel and by formula, and mistakes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autotensor.gradients import grad
from autotensor.ops.normalisation import batch_norm, group_norm, instance_norm, layer_norm
from autotensor.tensor import Tensor
from autotensor.testing import gradcheck, gradgradcheck
from autotensor.testing.strategies import laid_out, layouts, seeds


def drawn(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def leaf(array):
    return Tensor(array).requires_grad_()


def standardised(x, axes, eps):
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


def along(v, x):
    return v.reshape(-1, *[1] * (x.ndim - 2))


def over_batch(x):
    return (0, *range(2, x.ndim))


def running(channels, dtype=np.float64):
    mean, var = (
        drawn(channels, seed=8, dtype=dtype),
        0.5 + drawn(channels, seed=9, dtype=dtype) ** 2,
    )
    return Tensor(mean), Tensor(var)


dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])
training = pytest.mark.parametrize("training", [True, False])
CLOSE = {np.float32: {"rtol": 1e-4, "atol": 1e-4}, np.float64: {"rtol": 1e-10, "atol": 1e-12}}


@given(
    hnp.array_shapes(min_dims=2, max_dims=5, min_side=2, max_side=4),
    st.sampled_from([np.float32, np.float64]),
    seeds,
    st.data(),
)
def test_batch_norm_of_any_shape_and_layout(shape, dtype, seed, data):
    x = drawn(*shape, seed=seed, dtype=dtype) + 2
    x = laid_out(x, data.draw(layouts))
    y = batch_norm(Tensor(x), None, None, training=True, eps=0.1)
    assert (y.dtype, y.shape) == (dtype, shape)
    exact = standardised(x.astype(np.float64), over_batch(x), 0.1)
    np.testing.assert_allclose(y.array, exact, **CLOSE[dtype])


@dtypes
def test_weight_and_bias_each_alone(dtype):
    x, weight, bias = drawn(5, 3, 4, dtype=dtype), drawn(3, dtype=dtype), drawn(3, dtype=dtype)
    plain = standardised(x, (0, 2), 1e-5)
    for w, b in ((weight, bias), (weight, None), (None, bias)):
        y = batch_norm(
            Tensor(x),
            None,
            None,
            w if w is None else Tensor(w),
            b if b is None else Tensor(b),
            True,
        )
        expected = plain * (1 if w is None else along(w, x)) + (0 if b is None else along(b, x))
        np.testing.assert_allclose(y.array, expected, **CLOSE[dtype])


@dtypes
def test_running_statistics_follow_the_batch(dtype):
    x = drawn(6, 3, 5, dtype=dtype)
    mean, var = running(3, dtype)
    old_mean, old_var, memory = mean.array.copy(), var.array.copy(), mean.array
    batch_norm(Tensor(x), mean, var, training=True, momentum=0.3)
    np.testing.assert_allclose(mean.array, 0.7 * old_mean + 0.3 * x.mean((0, 2)), rtol=1e-5)
    np.testing.assert_allclose(var.array, 0.7 * old_var + 0.3 * x.var((0, 2), ddof=1), rtol=1e-5)
    assert mean.array is memory
    assert mean.dtype == dtype


@dtypes
def test_evaluation_uses_the_running_statistics_and_leaves_them(dtype):
    x, (mean, var) = drawn(4, 3, 2, 2, dtype=dtype), running(3, dtype)
    weight, bias = drawn(3, seed=1, dtype=dtype), drawn(3, seed=2, dtype=dtype)
    before = mean.array.copy(), var.array.copy()
    y = batch_norm(Tensor(x), mean, var, Tensor(weight), Tensor(bias))
    expected = (x - along(mean.array, x)) / np.sqrt(along(var.array, x) + 1e-5)
    np.testing.assert_allclose(
        y.array, expected * along(weight, x) + along(bias, x), **CLOSE[dtype]
    )
    np.testing.assert_array_equal(mean.array, before[0])
    np.testing.assert_array_equal(var.array, before[1])


@training
@pytest.mark.parametrize("shape", [(5, 2), (3, 2, 3), (2, 3, 2, 2)])
def test_gradients_of_batch_norm_to_second_order(training, shape):
    mean, var = running(shape[1])

    def function(x, weight, bias):
        return batch_norm(x, mean, var, weight, bias, training, momentum=0.0, eps=0.01)

    inputs = [leaf(drawn(*shape)), leaf(drawn(shape[1], seed=1)), leaf(drawn(shape[1], seed=2))]
    gradcheck(function, inputs)
    gradgradcheck(function, inputs)


@training
@pytest.mark.parametrize("wanted", [(0,), (1, 2), (0, 1, 2)])
def test_float32_gradients_equal_those_of_the_formula(training, wanted):
    arrays = [drawn(16, 3, 4, 5), drawn(3, seed=1), drawn(3, seed=2)]
    g, found = drawn(16, 3, 4, 5, seed=3), {}
    for dtype in (np.float32, np.float64):
        mean, var = running(3, dtype)
        inputs = [Tensor(a.astype(dtype)) for a in arrays]
        for i in wanted:
            inputs[i].requires_grad_()
        y = batch_norm(inputs[0], mean, var, *inputs[1:], training)
        chosen = [inputs[i] for i in wanted]
        start = Tensor(g.astype(dtype))
        first = grad(y, chosen, start, retain_graph=True)
        again = grad(y, chosen, start, create_graph=True)
        curved = [h for h in again if h.requires_grad]
        second = grad([(h * h).sum() for h in curved], chosen, allow_unused=True) if curved else ()
        found[dtype] = [h.array for h in (*first, *again, *second) if h is not None]
    for narrow, exact in zip(found[np.float32], found[np.float64], strict=True):
        assert narrow.dtype == np.float32
        np.testing.assert_allclose(narrow, exact, rtol=1e-3, atol=2e-3 * np.abs(exact).max())


def test_a_large_mean_costs_few_digits():
    x = drawn(64, 4, 8, 8, dtype=np.float32)
    near = batch_norm(Tensor(x), None, None, training=True).array
    far = batch_norm(Tensor(x + np.float32(4096)), None, None, training=True).array
    assert np.abs(far - near).max() < 1e-3  # x + 4096 itself is rounded to 2.4e-4


def test_overwriting_the_input_is_noticed():
    x = leaf(drawn(4, 3, dtype=np.float32)) * 1
    y = batch_norm(x, None, None, training=True)
    x.mul_(2)
    with pytest.raises(RuntimeError, match="overwritten in place"):
        y.sum().backward()


@dtypes
def test_running_statistics_of_a_later_step_do_not_disturb_an_earlier_graph(dtype):
    x, (mean, var) = leaf(drawn(4, 3, dtype=dtype)), running(3, dtype)
    scale = 1 / np.sqrt(var.array + 1e-5)
    y = batch_norm(x, mean, var)
    batch_norm(x, mean, var, training=True)
    (gx,) = grad(y.sum(), x)
    np.testing.assert_allclose(gx.array, np.broadcast_to(scale, (4, 3)), rtol=1e-5)


@dtypes
def test_an_empty_batch_leaves_the_running_statistics(dtype):
    mean, var = running(3, dtype)
    before = mean.array.copy()
    y = batch_norm(leaf(np.zeros((0, 3, 4), dtype)), mean, var, training=True)
    assert y.shape == (0, 3, 4)
    np.testing.assert_array_equal(mean.array, before)
    assert batch_norm(Tensor(np.zeros((0, 3), dtype)), mean, var).shape == (0, 3)


@dtypes
@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 3, 4), (0, 4)])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_layer_norm(dtype, shape, count):
    if count > len(shape):
        return
    x, size = drawn(*shape, dtype=dtype), shape[-count:]
    weight, bias = drawn(*size, seed=1, dtype=dtype), drawn(*size, seed=2, dtype=dtype)
    axes = tuple(range(-count, 0))
    if 0 not in size:
        y = layer_norm(Tensor(x), size, Tensor(weight), Tensor(bias))
        expected = standardised(x, axes, 1e-5) * weight + bias
        np.testing.assert_allclose(y.array, expected, **CLOSE[dtype])
        assert (y.dtype, y.shape) == (dtype, shape)
    if count == 1:
        plain = layer_norm(Tensor(x), shape[-1])
        np.testing.assert_allclose(plain.array, standardised(x, -1, 1e-5), **CLOSE[dtype])


def test_gradients_of_layer_norm():
    inputs = [leaf(drawn(2, 3, 4)), leaf(drawn(4, seed=1)), leaf(drawn(4, seed=2))]
    gradcheck(lambda x, w, b: layer_norm(x, 4, w, b), inputs)
    gradgradcheck(lambda x, w, b: layer_norm(x, 4, w, b), inputs, atol=1e-4)


@dtypes
@pytest.mark.parametrize("groups", [1, 2, 6])
def test_group_norm(dtype, groups):
    x = drawn(2, 6, 3, 2, dtype=dtype)
    weight, bias = drawn(6, seed=1, dtype=dtype), drawn(6, seed=2, dtype=dtype)
    y = group_norm(Tensor(x), groups, Tensor(weight), Tensor(bias))
    expected = standardised(x.reshape(2, groups, -1), 2, 1e-5).reshape(x.shape)
    np.testing.assert_allclose(
        y.array, expected * along(weight, x) + along(bias, x), **CLOSE[dtype]
    )


def test_gradients_of_group_norm():
    inputs = [leaf(drawn(2, 4, 3)), leaf(drawn(4, seed=1)), leaf(drawn(4, seed=2))]
    gradcheck(lambda x, w, b: group_norm(x, 2, w, b), inputs)
    gradgradcheck(lambda x, w, b: group_norm(x, 2, w, b), inputs, atol=1e-4)


@dtypes
def test_instance_norm(dtype):
    x, (mean, var) = drawn(3, 2, 4, 5, dtype=dtype), running(2, dtype)
    old_mean, old_var = mean.array.copy(), var.array.copy()
    weight, bias = drawn(2, seed=1, dtype=dtype), drawn(2, seed=2, dtype=dtype)
    y = instance_norm(Tensor(x), mean, var, Tensor(weight), Tensor(bias), momentum=0.2)
    expected = standardised(x, (2, 3), 1e-5) * along(weight, x) + along(bias, x)
    np.testing.assert_allclose(y.array, expected, **CLOSE[dtype])
    centers, spreads = x.mean((2, 3)).mean(0), x.var((2, 3), ddof=1).mean(0)
    np.testing.assert_allclose(mean.array, 0.8 * old_mean + 0.2 * centers, rtol=1e-5)
    np.testing.assert_allclose(var.array, 0.8 * old_var + 0.2 * spreads, rtol=1e-5)
    fixed = instance_norm(Tensor(x), mean, var, use_input_stats=False)
    np.testing.assert_array_equal(fixed.array, batch_norm(Tensor(x), mean, var).array)


def test_gradients_of_instance_norm():
    inputs = [leaf(drawn(2, 3, 4)), leaf(drawn(3, seed=1)), leaf(drawn(3, seed=2))]
    gradcheck(lambda x, w, b: instance_norm(x, weight=w, bias=b), inputs)
    gradgradcheck(lambda x, w, b: instance_norm(x, weight=w, bias=b), inputs, atol=1e-4)


X, V = Tensor(np.ones((4, 3))), Tensor(np.ones(3))


@pytest.mark.parametrize(
    ("error", "message", "call"),
    [
        (
            ValueError,
            r"Expected more than 1 value per channel when training, got input size \(1, 3\)",
            lambda: batch_norm(X[:1], None, None, training=True),
        ),
        (RuntimeError, "needs running_mean", lambda: batch_norm(X, V, None)),
        (RuntimeError, r"2 dimensions at least, got \(4,\)", lambda: batch_norm(X[:, 0], V, V)),
        (RuntimeError, "expected a floating dtype, got int64", lambda: batch_norm(X.long(), V, V)),
        (RuntimeError, r"running_mean should be \(3,\) .*\(2,\)", lambda: batch_norm(X, V[:2], V)),
        (RuntimeError, r"bias should be \(3,\)", lambda: batch_norm(X, V, V, V, X)),
        (RuntimeError, "weight is float32 but x is", lambda: batch_norm(X, V, V, V.float())),
        (TypeError, "expected a Tensor, got ndarray", lambda: batch_norm(X.array, V, V)),
        (RuntimeError, r"layer_norm: x \(4, 3\) .*\(4,\)", lambda: layer_norm(X, 4)),
        (RuntimeError, "one size at least", lambda: layer_norm(X, ())),
        (RuntimeError, r"layer_norm: weight should be \(3,\)", lambda: layer_norm(X, 3, X)),
        (RuntimeError, "num_groups 2 does not divide the 3", lambda: group_norm(X, 2)),
        (RuntimeError, "num_groups 0 does not", lambda: group_norm(X, 0)),
        (ValueError, "instance_norm: Expected more than 1", lambda: instance_norm(X[:, :, None])),
    ],
)  # fmt: skip
def test_mistakes_are_told(error, message, call):
    with pytest.raises(error, match=message):
        call()
