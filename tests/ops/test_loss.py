"""Losses: values against their definitions, gradients to second order, mistakes."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autotensor.gradients import grad
from autotensor.ops import loss
from autotensor.tensor import Tensor
from autotensor.testing import gradcheck, gradgradcheck
from autotensor.testing.strategies import seeds

REDUCE = {"none": lambda x: x, "sum": np.sum, "mean": np.mean}
reductions = pytest.mark.parametrize("reduction", list(REDUCE))


def drawn(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def leaf(array):
    return Tensor(array).requires_grad_()


def log_softmax(x, axis=1):
    x = x.astype(np.float64)
    shifted = x - x.max(axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis, keepdims=True))


def nll_rows(log_p, target, weight, ignored, smoothing=0.0):
    """Losses and weights row by row, as the definition says."""
    losses, weights = np.zeros(target.shape), np.zeros(target.shape)
    classes = log_p.shape[1]
    for row in np.ndindex(target.shape):
        t = target[row]
        if t != ignored:
            scores = log_p[(row[0], slice(None), *row[1:])]
            weights[row] = weight[t]
            smooth = -(scores * weight).sum() / classes
            losses[row] = -(1 - smoothing) * weight[t] * scores[t] + smoothing * smooth
    return losses, weights


# Classes ------------------------------------------------------------------------------------------


@given(
    hnp.array_shapes(min_dims=2, max_dims=4, min_side=1, max_side=4),
    seeds,
    st.sampled_from([np.float32, np.float64]),
    st.sampled_from([-100, 0]),
    st.booleans(),
    st.sampled_from([0.0, 0.3, 1.0]),
    st.sampled_from(["mean", "sum", "none"]),
)
def test_cross_entropy_with_indices(shape, seed, dtype, ignored, weighted, smoothing, reduction):
    random = np.random.default_rng(seed)
    x = random.uniform(-4, 4, shape).astype(dtype)
    target = random.integers(0, shape[1], shape[:1] + shape[2:])
    target[random.random(target.shape) < 0.2] = ignored
    weight = random.uniform(0.2, 2, shape[1]).astype(dtype) if weighted else np.ones(shape[1])
    y = loss.cross_entropy(
        Tensor(x),
        Tensor(target),
        weight=Tensor(weight) if weighted else None,
        ignore_index=ignored,
        reduction=reduction,
        label_smoothing=smoothing,
    )
    losses, weights = nll_rows(log_softmax(x), target, weight, ignored, smoothing)
    assert y.dtype == dtype
    if reduction == "mean" and not weights.sum():
        assert np.isnan(y.array)
        return
    expected = losses.sum() / weights.sum() if reduction == "mean" else REDUCE[reduction](losses)
    np.testing.assert_allclose(y.array, expected, rtol=1e-5, atol=1e-5)


@reductions
@pytest.mark.parametrize("weighted", [True, False])
def test_nll_loss(reduction, weighted):
    log_p, weight = log_softmax(drawn(4, 3, 2)), np.array([0.5, 2, 1]) if weighted else np.ones(3)
    target = np.array([[0, 1], [2, 2], [-1, 1], [0, -1]])
    y = loss.nll_loss(
        Tensor(log_p), Tensor(target), Tensor(weight) if weighted else None, -1, reduction
    )
    losses, weights = nll_rows(log_p, target, weight, -1)
    expected = losses.sum() / weights.sum() if reduction == "mean" else REDUCE[reduction](losses)
    np.testing.assert_allclose(y.array, expected, rtol=1e-12)


@reductions
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 5), (3,)])
def test_cross_entropy_with_probabilities(reduction, smoothing, weighted, shape):
    x, p = drawn(*shape), np.random.default_rng(1).random(shape)
    weight = np.array([0.5, 2, 1]) if weighted else np.ones(3)
    y = loss.cross_entropy(
        Tensor(x),
        Tensor(p),
        Tensor(weight) if weighted else None,
        reduction=reduction,
        label_smoothing=smoothing,
    )
    axis = min(1, len(shape) - 1)
    mixed = p * (1 - smoothing) + smoothing / 3
    weight = weight.reshape(-1, *[1] * (len(shape) - axis - 1))
    expected = -(mixed * weight * log_softmax(x, axis)).sum(axis)
    np.testing.assert_allclose(y.array, REDUCE[reduction](expected), rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_single_sample_has_no_batch_dimension(dtype):
    x, target = drawn(5, dtype=dtype), Tensor(np.array(2))
    for reduction in REDUCE:
        y = loss.cross_entropy(Tensor(x), target, reduction=reduction)
        assert y.shape == ()
        np.testing.assert_allclose(y.array, -log_softmax(x, 0)[2], rtol=1e-6)
        assert loss.nll_loss(Tensor(x), target, reduction=reduction).array == -x[2]


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_indices_of_any_integer_dtype(dtype):
    x, target = drawn(4, 3, dtype=np.float32), np.array([0, 2, 1, 1])
    y = loss.cross_entropy(Tensor(x), Tensor(target.astype(dtype)))
    np.testing.assert_array_equal(y.array, loss.cross_entropy(Tensor(x), Tensor(target)).array)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weighted", [True, False])
def test_gradients_of_cross_entropy_to_second_order(smoothing, weighted):
    target = Tensor(np.array([[0, 2], [-100, 1], [1, 1]]))
    weight = Tensor(np.array([0.5, 2, 1])) if weighted else None

    def function(x):
        return loss.cross_entropy(x, target, weight, label_smoothing=smoothing)

    gradcheck(function, [leaf(drawn(3, 3, 2))])
    gradgradcheck(function, [leaf(drawn(3, 3, 2))])


def test_gradients_of_cross_entropy_with_probabilities():
    inputs = [leaf(drawn(3, 4)), leaf(np.random.default_rng(1).random((3, 4)))]
    gradcheck(loss.cross_entropy, inputs)
    gradgradcheck(loss.cross_entropy, inputs)


@reductions
def test_float32_gradients_equal_those_of_the_formula(reduction):
    x, found = drawn(6, 5, 3), {}
    target = Tensor(np.random.default_rng(2).integers(0, 5, (6, 3)))
    for dtype in (np.float32, np.float64):
        leaf_x = leaf(x.astype(dtype))
        y = loss.cross_entropy(leaf_x, target, ignore_index=3, reduction=reduction)
        start = Tensor(drawn(*y.shape, seed=3, dtype=dtype))
        (first,) = grad(y, leaf_x, start, retain_graph=True)
        (again,) = grad(y, leaf_x, start, create_graph=True)
        (second,) = grad((again * again).sum(), leaf_x)
        found[dtype] = [h.array for h in (y, first, again, second)]
    for narrow, exact in zip(found[np.float32], found[np.float64], strict=True):
        assert narrow.dtype == np.float32
        np.testing.assert_allclose(narrow, exact, rtol=1e-5, atol=1e-5)


def test_confident_scores_give_finite_losses():
    x = leaf(np.array([[1e4, 0], [-1e4, 0]], np.float32))
    y = loss.cross_entropy(x, Tensor(np.array([0, 0])), reduction="none")
    np.testing.assert_array_equal(y.array, [0, 1e4])
    np.testing.assert_array_equal(grad(y.sum(), x)[0].array, [[0, 0], [-1, 1]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_empty_batch_has_no_mean_and_sum_0(dtype):
    x, target = leaf(np.zeros((0, 3), dtype)), Tensor(np.zeros(0, int))
    for call in (
        lambda: loss.cross_entropy(x, target),
        lambda: loss.nll_loss(x, target),
        lambda: loss.mse_loss(x, x),
    ):
        with pytest.raises(ValueError, match=r"the batch is empty .* reduction='sum'"):
            call()
    total = loss.cross_entropy(x, target, reduction="sum")
    assert total.item() == 0
    assert grad(total, x)[0].shape == (0, 3)


# Numbers ------------------------------------------------------------------------------------------


def huber(d, delta=1.0):
    return np.where(np.abs(d) < delta, d**2 / 2, delta * (np.abs(d) - delta / 2))


DISTANCES = [
    (loss.mse_loss, {}, lambda d: d**2),
    (loss.l1_loss, {}, np.abs),
    (loss.huber_loss, {}, huber),
    (loss.huber_loss, {"delta": 0.3}, lambda d: huber(d, 0.3)),
    (loss.smooth_l1_loss, {}, huber),
    (loss.smooth_l1_loss, {"beta": 0.4}, lambda d: huber(d, 0.4) / 0.4),
    (loss.smooth_l1_loss, {"beta": 0.0}, np.abs),
]


@reductions
@pytest.mark.parametrize(("function", "options", "reference"), DISTANCES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_distances(function, options, reference, reduction, dtype):
    x, target = drawn(4, 3, dtype=dtype), drawn(4, 3, seed=1, dtype=dtype)
    y = function(Tensor(x), Tensor(target), reduction=reduction, **options)
    assert y.dtype == dtype
    expected = REDUCE[reduction](reference(x - target))
    np.testing.assert_allclose(y.array, expected, rtol=1e-5 if dtype == np.float32 else 1e-12)


@pytest.mark.parametrize(("function", "options", "reference"), DISTANCES)
def test_gradients_of_distances(function, options, reference):
    inputs = [leaf(drawn(3, 4)), leaf(drawn(3, 4, seed=1))]
    gradcheck(lambda x, t: function(x, t, **options), inputs)
    if function is not loss.l1_loss and options != {"beta": 0.0}:
        gradgradcheck(lambda x, t: function(x, t, **options), inputs)


@pytest.mark.parametrize(("function", "options", "reference"), DISTANCES)
def test_distances_of_equal_and_of_far_values(function, options, reference):
    x = leaf(np.array([1.0, math.inf, -math.inf]))
    y = function(x, Tensor(np.array([1.0, 0.0, 0.0])), reduction="none", **options)
    np.testing.assert_array_equal(y.array, [0, math.inf, math.inf])
    slopes = grad(y.sum(), x)[0].array
    assert slopes[0] == 0
    assert (slopes[1:] * [1, -1] > 0).all()


@pytest.mark.parametrize("function", [loss.mse_loss, loss.l1_loss, loss.huber_loss])
def test_sizes_that_broadcast_warn(function):
    x, target = drawn(4, 3), drawn(4, 1, seed=1)
    with pytest.warns(UserWarning, match=r"target size \(4, 1\) is different .* \(4, 3\)"):
        y = function(Tensor(x), Tensor(target))
    wide = np.broadcast_to(target, x.shape)
    np.testing.assert_allclose(y.array, function(Tensor(x), Tensor(wide)).array)


def test_targets_of_another_dtype_are_promoted():
    x = Tensor(drawn(3, dtype=np.float32))
    y = loss.mse_loss(x, Tensor(np.array([0, 1, 2])))
    assert y.dtype == np.float32
    np.testing.assert_allclose(y.array, np.mean((x.array - np.arange(3)) ** 2), rtol=1e-6)


# Probabilities ------------------------------------------------------------------------------------


@reductions
@pytest.mark.parametrize("weighted", [True, False])
def test_binary_cross_entropy(reduction, weighted):
    random = np.random.default_rng(0)
    p, t, w = random.random((4, 3)), random.random((4, 3)), random.random(3)
    w = w if weighted else np.ones(3)
    y = loss.binary_cross_entropy(
        Tensor(p), Tensor(t), Tensor(w) if weighted else None, reduction=reduction
    )
    expected = -(t * np.log(p) + (1 - t) * np.log1p(-p)) * w
    np.testing.assert_allclose(y.array, REDUCE[reduction](expected), rtol=1e-12)


def test_binary_cross_entropy_of_certainty_is_cut_at_100():
    x = leaf(np.array([0.0, 1.0, 0.0, 1.0]))
    y = loss.binary_cross_entropy(x, Tensor(np.array([1.0, 0.0, 0.0, 1.0])), reduction="none")
    np.testing.assert_array_equal(y.array, [100, 100, 0, 0])
    np.testing.assert_allclose(grad(y.sum(), x)[0].array, [-1e12, 1e12, 0, 0])


def test_gradients_of_binary_cross_entropy():
    random = np.random.default_rng(0)
    inputs = [leaf(random.uniform(0.1, 0.9, (3, 2))) for _ in range(2)]
    gradcheck(loss.binary_cross_entropy, inputs)
    gradgradcheck(loss.binary_cross_entropy, inputs, atol=1e-4)


@reductions
@pytest.mark.parametrize("positive", [None, np.array([0.5, 3.0, 1.0])])
def test_binary_cross_entropy_with_logits(reduction, positive):
    x, t = drawn(4, 3), np.random.default_rng(1).random((4, 3))
    pos_weight = None if positive is None else Tensor(positive)
    y = loss.binary_cross_entropy_with_logits(
        Tensor(x), Tensor(t), reduction=reduction, pos_weight=pos_weight
    )
    p = 1 / (1 + np.exp(-x))
    c = 1 if positive is None else positive
    expected = -(c * t * np.log(p) + (1 - t) * np.log(1 - p))
    np.testing.assert_allclose(y.array, REDUCE[reduction](expected), rtol=1e-10)
    inputs = [leaf(x), leaf(t)]
    gradcheck(
        lambda x, t: loss.binary_cross_entropy_with_logits(x, t, pos_weight=pos_weight), inputs
    )
    gradgradcheck(
        lambda x, t: loss.binary_cross_entropy_with_logits(x, t, pos_weight=pos_weight), inputs
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_logits_far_out(dtype):
    x = leaf(np.array([1000, -1000, 1000, -1000], dtype))
    target = Tensor(np.array([1, 0, 0, 1], dtype))
    y = loss.binary_cross_entropy_with_logits(x, target, reduction="none")
    np.testing.assert_array_equal(y.array, [0, 0, 1000, 1000])
    np.testing.assert_array_equal(grad(y.sum(), x)[0].array, [0, 0, 1, -1])


@pytest.mark.parametrize("log_target", [True, False])
def test_kl_div(log_target):
    log_q, p = log_softmax(drawn(4, 3)), np.exp(log_softmax(drawn(4, 3, seed=1)))
    if not log_target:
        p[0] = [0, 0.25, 0.75]
    expected = np.where(p > 0, p * (np.log(np.where(p > 0, p, 1)) - log_q), 0)
    target = Tensor(np.log(p) if log_target else p)
    for reduction, value in {
        "none": expected,
        "sum": expected.sum(),
        "batchmean": expected.sum() / 4,
    }.items():
        y = loss.kl_div(Tensor(log_q), target, reduction, log_target)
        np.testing.assert_allclose(y.array, value, rtol=1e-10, atol=1e-15)
    with pytest.warns(UserWarning, match="batchmean"):
        np.testing.assert_allclose(
            loss.kl_div(Tensor(log_q), target, log_target=log_target).array, expected.mean()
        )
    inputs = [leaf(log_q), leaf(target.array[1:])]
    inputs[0] = leaf(log_q[1:])
    gradcheck(lambda x, t: loss.kl_div(x, t, "batchmean", log_target), inputs)
    gradgradcheck(lambda x, t: loss.kl_div(x, t, "batchmean", log_target), inputs)


@reductions
def test_gaussian_nll_loss(reduction):
    x, t, var = drawn(4, 3), drawn(4, 3, seed=1), 0.1 + drawn(4, 3, seed=2) ** 2
    for given_var in (var, var[:, :1], var[:, 0]):
        y = loss.gaussian_nll_loss(Tensor(x), Tensor(t), Tensor(given_var), True, 1e-6, reduction)
        wide = given_var.reshape(4, -1)
        expected = (np.log(2 * np.pi * wide) + (x - t) ** 2 / wide) / 2
        np.testing.assert_allclose(y.array, REDUCE[reduction](expected), rtol=1e-12)
    gradcheck(loss.gaussian_nll_loss, [leaf(x), leaf(t), leaf(var)])
    tiny = loss.gaussian_nll_loss(Tensor(x), Tensor(x), 0.0, eps=1e-4)
    np.testing.assert_allclose(tiny.array, math.log(1e-4) / 2)


# Distances learned by comparison ------------------------------------------------------------------


@reductions
def test_hinge_embedding_loss(reduction):
    x, t = np.abs(drawn(4, 3)), np.sign(drawn(4, 3, seed=1))
    y = loss.hinge_embedding_loss(Tensor(x), Tensor(t), 0.7, reduction)
    expected = np.where(t == 1, x, np.maximum(0, 0.7 - x))
    np.testing.assert_allclose(y.array, REDUCE[reduction](expected))
    gradcheck(lambda x: loss.hinge_embedding_loss(x, Tensor(t)), [leaf(x)])


@reductions
def test_margin_ranking_loss(reduction):
    a, b, t = drawn(5), drawn(5, seed=1), np.sign(drawn(5, seed=2))
    y = loss.margin_ranking_loss(Tensor(a), Tensor(b), Tensor(t), 0.1, reduction)
    expected = np.maximum(0, -t * (a - b) + 0.1)
    np.testing.assert_allclose(y.array, REDUCE[reduction](expected))
    gradcheck(lambda a, b: loss.margin_ranking_loss(a, b, Tensor(t), 0.1), [leaf(a), leaf(b)])


@reductions
def test_cosine_embedding_loss(reduction):
    a, b, t = drawn(5, 4), drawn(5, 4, seed=1), np.array([1, -1, 1, -1, -1])
    y = loss.cosine_embedding_loss(Tensor(a), Tensor(b), Tensor(t), -0.2, reduction)
    cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    expected = np.where(t == 1, 1 - cosine, np.maximum(0, cosine + 0.2))
    np.testing.assert_allclose(y.array, REDUCE[reduction](expected), rtol=1e-9)
    gradcheck(lambda a, b: loss.cosine_embedding_loss(a, b, Tensor(t), -0.2), [leaf(a), leaf(b)])
    gradgradcheck(lambda a, b: loss.cosine_embedding_loss(a, b, Tensor(t)), [leaf(a), leaf(b)])


# Mistakes -----------------------------------------------------------------------------------------

X, T = Tensor(np.zeros((4, 3))), Tensor(np.array([0, 1, 2, 0]))
P = Tensor(np.full((4, 3), 0.5))
wrong_label, nan_label = Tensor(np.array([0, 1, 2, 3])), Tensor(np.array([0, math.nan, 1, 2]))
nan_probabilities = Tensor(np.where(np.arange(12).reshape(4, 3) == 5, math.nan, 0.3))


@pytest.mark.parametrize(
    ("error", "message", "call"),
    [
        (IndexError, r"target 3 at position 3 is not a class index in 0\.\.2: .* 3 classes",
         lambda: loss.cross_entropy(X, wrong_label)),
        (IndexError, "target -1 at position 1", lambda: loss.cross_entropy(X, T - 2 * T % 3)),
        (IndexError, r"position \(0, 1\) is not a class",
         lambda: loss.cross_entropy(X.T.reshape(2, 3, 2), wrong_label.reshape(2, 2) + 2)),
        (RuntimeError, "class indices must be integers, got float64: use target.long()",
         lambda: loss.cross_entropy(X, nan_label)),
        (RuntimeError, "must be integers, got bool", lambda: loss.nll_loss(X, T > 0)),
        (ValueError, r"the target is NaN at \(1, 2\)",
         lambda: loss.cross_entropy(X, nan_probabilities)),
        (RuntimeError, "must be floating, got int64", lambda: loss.cross_entropy(X, X.long())),
        (ValueError, r"expected target \(4,\) for input \(4, 3\), got \(3,\)",
         lambda: loss.cross_entropy(X, T[:3])),
        (RuntimeError, r"expected target \(4,\) .* got \(4, 1\)",
         lambda: loss.cross_entropy(X, T.reshape(4, 1))),
        (RuntimeError, r"one sample, the target is \(4,\)", lambda: loss.cross_entropy(X[0], T)),
        (RuntimeError, "0-d tensor", lambda: loss.cross_entropy(X[0, 0], T[0])),
        (RuntimeError, r"each of 3 classes, got shape \(4,\)",
         lambda: loss.cross_entropy(X, T, T.double())),
        (RuntimeError, "weight is float32", lambda: loss.cross_entropy(X, T, X[0].float())),
        (RuntimeError, "label_smoothing must be between 0.0 and 1.0, got 1.5",
         lambda: loss.cross_entropy(X, T, label_smoothing=1.5)),
        (RuntimeError, "ignore_index 1 goes with class indices",
         lambda: loss.cross_entropy(X, P, ignore_index=1)),
        (RuntimeError, "cross_entropy: expected a floating dtype",
         lambda: loss.cross_entropy(X.long(), T)),
        (ValueError, "'avg' is not a valid value for reduction",
         lambda: loss.cross_entropy(X, T, reduction="avg")),
        (ValueError, "'batchmean' is not a valid", lambda: loss.mse_loss(X, X, "batchmean")),
        (TypeError, "expected a Tensor, got list", lambda: loss.cross_entropy(X, [0, 1, 2, 0])),
        (RuntimeError, r"mse_loss: shapes \(4, 3\) and \(4,\) do not broadcast",
         lambda: loss.mse_loss(X, X[:, 0])),
        (RuntimeError, "mse_loss: expected a floating", lambda: loss.mse_loss(T, T)),
        (RuntimeError, "delta must be greater than 0, got 0",
         lambda: loss.huber_loss(X, X, delta=0)),
        (RuntimeError, "beta must not be negative, got -1",
         lambda: loss.smooth_l1_loss(X, X, beta=-1)),
        (RuntimeError, r"elements of input should be between 0 and 1, got 1.5 at \(0, 0\)",
         lambda: loss.binary_cross_entropy(X + 1.5, P)),
        (RuntimeError, r"elements of target should be .* got nan at \(1, 2\)",
         lambda: loss.binary_cross_entropy(P, nan_probabilities)),
        (ValueError, r"target size \(3,\) must be the same as input size \(4, 3\)",
         lambda: loss.binary_cross_entropy(P, P[0])),
        (RuntimeError, "target: expected a floating dtype, got int64",
         lambda: loss.binary_cross_entropy_with_logits(X, X.long())),
        (RuntimeError, "target is float32, the input float64",
         lambda: loss.binary_cross_entropy_with_logits(X, X.float())),
        (RuntimeError, "do not broadcast",
         lambda: loss.binary_cross_entropy_with_logits(X, X, pos_weight=P[:, 0])),
        (RuntimeError, r"expected \(N, D\), \(N, D\) and target \(N,\)",
         lambda: loss.cosine_embedding_loss(X, X, T[:3])),
        (ValueError, "var has negative entries, the least is -1",
         lambda: loss.gaussian_nll_loss(X, X, X - 1)),
        (ValueError, r"var \(2,\) must have the shape",
         lambda: loss.gaussian_nll_loss(X, X, T[:2].double())),
    ],
)  # fmt: skip
def test_mistakes_are_told(error, message, call):
    with pytest.raises(error, match=message):
        call()
