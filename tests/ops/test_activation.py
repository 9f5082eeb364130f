"""Activations: values and gradients at and around their kinks, far out, and in any shape."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotensor.gradients import grad
from autotensor.ops import activation as act
from autotensor.tensor import Tensor
from autotensor.testing import gradcheck, gradgradcheck
from autotensor.testing.strategies import arrays, shapes

INF, NAN = math.inf, math.nan


def leaf(array):
    return Tensor(np.array(array)).requires_grad_()


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def elu(x, alpha=1.0):
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def bent(x, slope):
    return np.where(x > 0, x, slope * x)


def gelu(x):
    return x * (1 + np.vectorize(math.erf, otypes=[x.dtype])(x / math.sqrt(2))) / 2


def softplus(x):
    return np.log1p(np.exp(x))


def softmax(x, dim):
    e = np.exp(x - x.max(dim, keepdims=True))
    return e / e.sum(dim, keepdims=True)


def glu(x, dim=-1):
    a, b = np.split(x, 2, dim)
    return a * sigmoid(b)


def gelu_tanh(x, approximate):
    return x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


SELU = 1.0507009873554805
# function, options, the same in NumPy, where it has kinks
TABLE = [
    (act.relu, {}, lambda x: np.maximum(x, 0), [0]),
    (act.relu6, {}, lambda x: np.clip(x, 0, 6), [0, 6]),
    (act.leaky_relu, {}, lambda x: np.where(x > 0, x, 0.01 * x), [0]),
    (act.leaky_relu, {"negative_slope": 1.5}, bent, [0]),
    (act.hardtanh, {}, lambda x: np.clip(x, -1, 1), [-1, 1]),
    (act.hardtanh, {"min_val": 0.5, "max_val": 2}, np.clip, [0.5, 2]),
    (act.hardsigmoid, {}, lambda x: np.clip(x / 6 + 0.5, 0, 1), [-3, 3]),
    (act.hardswish, {}, lambda x: x * np.clip(x / 6 + 0.5, 0, 1), [-3, 3]),
    (act.threshold, {"threshold": 0.3, "value": 7}, lambda x, t, v: np.where(x > t, x, v), [0.3]),
    (act.hardshrink, {}, lambda x: np.where(np.abs(x) > 0.5, x, 0), [-0.5, 0.5]),
    (act.softshrink, {"lambd": 1}, lambda x, lambd: x - np.clip(x, -1, 1), [-1, 1]),
    (act.elu, {"alpha": 0.7}, elu, [0]),
    (act.selu, {}, lambda x: SELU * elu(x, 1.6732632423543772), [0]),
    (act.celu, {"alpha": 2}, lambda x, alpha: np.where(x > 0, x, 2 * np.expm1(x / 2)), [0]),
    (act.gelu, {}, gelu, []),
    (act.gelu, {"approximate": "tanh"}, gelu_tanh, []),
    (act.silu, {}, lambda x: x * sigmoid(x), []),
    (act.mish, {}, lambda x: x * np.tanh(softplus(x)), []),
    (act.softplus, {}, softplus, []),
    (act.softplus, {"beta": 2, "threshold": 50}, lambda x, beta, _: softplus(2 * x) / 2, []),
    (act.logsigmoid, {}, lambda x: -softplus(-x), []),
    (act.softsign, {}, lambda x: x / (1 + np.abs(x)), []),
    (act.tanhshrink, {}, lambda x: x - np.tanh(x), []),
]  # fmt: skip
every = pytest.mark.parametrize(
    ("function", "options", "reference", "kinks"), TABLE, ids=[row[0].__name__ for row in TABLE]
)


@every
@given(x=arrays(low=-8, high=8))
def test_value(function, options, reference, kinks, x):
    y = function(Tensor(np.asarray(x)), **options)
    np.testing.assert_allclose(y.array, reference(x, *options.values()), rtol=1e-12, atol=1e-15)


@every
def test_float32(function, options, reference, kinks):
    x = np.linspace(-9, 9, 61)
    y = function(Tensor(x.astype(np.float32)), **options)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y.array, reference(x, *options.values()), rtol=2e-6, atol=1e-6)
    single = function(Tensor(np.array(0.25, np.float32)), **options)
    assert (single.shape, single.dtype) == ((), np.float32)


@every
def test_gradients_to_second_order(function, options, reference, kinks):
    x = np.concatenate([np.linspace(-7.03, 7.05, 14), [k + d for k in kinks for d in (-0.1, 0.1)]])
    gradcheck(lambda x: function(x, **options), [leaf(x)])
    gradgradcheck(lambda x: function(x, **options), [leaf(x)], atol=1e-4)


@every
def test_nan_passes_and_nothing_overflows(function, options, reference, kinks):
    x = leaf([NAN, 800.0, -800.0])
    y = function(x, **options)
    (gx,) = grad(y.sum(), x)
    assert np.isnan(y.array[0])
    assert np.isfinite(y.array[1:]).all()
    assert np.isfinite(gx.array[1:]).all()


@pytest.mark.parametrize(
    ("function", "at", "expected"),
    [
        (act.relu, [0.0, -0.0], [0, 0]),
        (act.relu6, [0.0, 6.0], [0, 0]),
        (act.leaky_relu, [0.0], [0.01]),
        (act.hardtanh, [-1.0, 1.0], [0, 0]),
        (act.hardsigmoid, [-3.0, 3.0], [0, 0]),
        (act.hardswish, [-3.0, 3.0], [0, 1]),
        (act.hardshrink, [-0.5, 0.5], [0, 0]),
        (act.softshrink, [-0.5, 0.5], [0, 0]),
        (act.elu, [0.0], [1]),
        (act.softsign, [0.0], [1]),
        (lambda x: act.threshold(x, 1.0, 5.0), [1.0], [0]),
    ],
)
def test_gradient_at_a_kink_is_pytorchs(function, at, expected):
    x = leaf(at)
    np.testing.assert_allclose(grad(function(x).sum(), x)[0].array, expected, rtol=1e-12)


def test_relu_masks_gradients_that_are_not_finite():
    x = leaf(np.array([-1, 2, -3, 4], np.float32))
    (gx,) = grad(act.relu(x), x, Tensor(np.array([INF, 1, NAN, INF], np.float32)))
    np.testing.assert_array_equal(gx.array, [0, 1, 0, INF])


@given(arrays(shapes(min_side=1), np.float32, -1, 1), st.data())
def test_keep_is_where(x, data):
    mask = data.draw(arrays(st.just(x.shape))) > 0
    np.testing.assert_array_equal(act.keep(Tensor(x), mask).array, np.where(mask, x, 0))


def test_relu_and_hardtanh_take_integers():
    x = Tensor(np.array([-3, 0, 4]))
    np.testing.assert_array_equal(act.relu(x).array, [0, 0, 4])
    np.testing.assert_array_equal(act.relu6(x * 2).array, [0, 0, 6])
    assert act.relu(x).dtype == np.int64


def test_softplus_is_linear_above_its_threshold():
    x = leaf([0.4, 0.6])
    y = act.softplus(x, beta=2, threshold=1)
    np.testing.assert_allclose(y.array, [softplus(0.8) / 2, 0.6])
    np.testing.assert_allclose(grad(y.sum(), x)[0].array, [sigmoid(0.8), 1])


def test_tails_keep_their_digits():
    x = leaf([-100.0, 100.0, -800.0])
    np.testing.assert_allclose(act.softplus(x).array, [math.exp(-100), 100, 0], rtol=1e-12)
    np.testing.assert_allclose(act.logsigmoid(x).array, [-100, -math.exp(-100), -800], rtol=1e-12)
    (g,) = grad(act.logsigmoid(x).sum(), x)
    np.testing.assert_allclose(g.array, [1, math.exp(-100), 1], rtol=1e-12)


@given(arrays(shapes(min_dims=1, min_side=1), low=-30, high=30), st.data())
def test_softmax_and_its_kin(x, data):
    dim = data.draw(st.integers(-x.ndim, x.ndim - 1))
    expected = softmax(x, dim)
    np.testing.assert_allclose(act.softmax(Tensor(x), dim).array, expected, rtol=1e-12)
    np.testing.assert_allclose(act.log_softmax(Tensor(x), dim).array, np.log(expected), atol=1e-12)
    np.testing.assert_allclose(act.softmin(Tensor(x), dim).array, softmax(-x, dim), rtol=1e-12)


@pytest.mark.parametrize("function", [act.softmax, act.log_softmax, act.softmin])
@pytest.mark.parametrize("dim", [0, -1])
def test_gradients_of_softmax(function, dim):
    x = leaf(np.random.default_rng(1).standard_normal((3, 4)))
    gradcheck(lambda x: function(x, dim), [x])
    gradgradcheck(lambda x: function(x, dim), [x])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_softmax_far_out(dtype):
    x = Tensor(np.array([[1e4, 0, -1e4], [-INF, 0, 0], [-INF, -INF, -INF], [NAN, 0, 1]], dtype))
    y = act.softmax(x, 1)
    nan = [NAN, NAN, NAN]
    np.testing.assert_array_equal(y.array, np.array([[1, 0, 0], [0, 0.5, 0.5], nan, nan], dtype))
    log_y = act.log_softmax(x, 1).array
    np.testing.assert_allclose(log_y[0], [0, -1e4, -2e4])
    np.testing.assert_allclose(log_y[1], [-INF, -math.log(2), -math.log(2)], rtol=1e-6)
    assert np.isnan(log_y[2:]).all()


def test_softmax_of_odd_shapes_and_dtypes():
    assert act.softmax(Tensor(np.zeros((2, 0))), 1).shape == (2, 0)
    assert act.log_softmax(Tensor(np.zeros((0, 3))), 1).shape == (0, 3)
    x = leaf(0.7)
    y = act.softmax(x, 0)
    assert (y.item(), grad(y, x)[0].item()) == (1, 0)
    assert act.log_softmax(x, -1).item() == 0
    counts = Tensor(np.array([[1, 2], [3, 4]]))
    assert act.softmax(counts, 0, dtype="float64").dtype == np.float64
    np.testing.assert_allclose(act.log_softmax(counts, 0, np.float32).array[0], -2.1269280, 1e-6)


@pytest.mark.parametrize("count", [1, 4])
def test_prelu(count):
    random = np.random.default_rng(2)
    x, weight = random.standard_normal((3, 4, 5)), random.standard_normal(count)
    expected = np.where(x > 0, x, weight.reshape(-1, 1) * x)
    np.testing.assert_allclose(act.prelu(Tensor(x), Tensor(weight)).array, expected)
    gradcheck(act.prelu, [leaf(x), leaf(weight)])
    gradgradcheck(act.prelu, [leaf(x[:1]), leaf(weight)])


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_glu(dim):
    x = np.random.default_rng(3).standard_normal((2, 4, 6))
    np.testing.assert_allclose(act.glu(Tensor(x), dim).array, glu(x, dim))
    gradcheck(lambda x: act.glu(x, dim), [leaf(x)])
    gradgradcheck(lambda x: act.glu(x, dim), [leaf(x[:, :2, :2])])


X = Tensor(np.zeros((2, 3)))


@pytest.mark.parametrize(
    ("error", "message", "call"),
    [
        (TypeError, "relu: expected a Tensor, got list", lambda: act.relu([1.0])),
        (RuntimeError, "relu: not defined for truth values", lambda: act.relu(X > 0)),
        (RuntimeError, "gelu: expected a floating dtype, got int64", lambda: act.gelu(X.long())),
        (RuntimeError, "softmax: expected a floating dtype", lambda: act.softmax(X.long(), 1)),
        (IndexError, r"softmax: dimension .* \[-2, 1\], but got 2", lambda: act.softmax(X, 2)),
        (RuntimeError, "gelu: approximate is .*'exact'", lambda: act.gelu(X, "exact")),
        (RuntimeError, "glu: halving dimension must be even.* is 3", lambda: act.glu(X)),
        (RuntimeError, "glu: a 0-d tensor", lambda: act.glu(Tensor(np.array(1.0)))),
        (RuntimeError, r"prelu: .* 3 channels .* \(2,\)", lambda: act.prelu(X, X[:, 0])),
        (RuntimeError, "softshrink: lambd .* -1", lambda: act.softshrink(X, -1)),
        (RuntimeError, "celu: alpha cannot be 0", lambda: act.celu(X, 0)),
        (ValueError, "hardtanh: min_val 2 is greater than", lambda: act.hardtanh(X, 2, 1)),
    ],
)
def test_mistakes_are_told(error, message, call):
    with pytest.raises(error, match=message):
        call()


def test_sigmoid_of_half_precision_does_not_overflow_early():
    x = np.array([-14.0, -11.5, 0.0, 12.0], np.float16)
    y = Tensor(x).sigmoid()
    assert y.dtype == np.float16
    expected = (1 / (1 + np.exp(-x.astype(np.float64)))).astype(np.float16)
    assert expected[0] > 0
    np.testing.assert_array_equal(y.array, expected)


@pytest.mark.parametrize("recorded", [False, True])
def test_leaky_relu_of_many_elements_is_that_of_few(recorded):
    values = np.random.default_rng(0).standard_normal(3 << 13).astype(np.float32)
    slopes = []
    for x in leaf(values), leaf(values[:100]):
        y = act.leaky_relu(x, 0.2)
        np.testing.assert_allclose(y.array, bent(x.array, 0.2), rtol=1e-6)
        (gx,) = grad((y * y).sum(), x, create_graph=recorded)
        slopes.append(gx.array)
    np.testing.assert_array_equal(slopes[0][:100], slopes[1])
