"""Dropout: what is dropped, how often, and what gradients pass."""

import math

import numpy as np
import pytest

import autotensor as at
from autotensor.gradients import grad
from autotensor.ops.random import dropout, dropout1d, dropout2d
from autotensor.tensor import Tensor
from autotensor.testing import gradcheck, gradgradcheck


def ones(*shape, dtype=np.float32):
    return Tensor(np.ones(shape, dtype)).requires_grad_()


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_drops_the_share_p_and_scales_the_rest(p):
    y = dropout(ones(200, 500), p)
    kept = y.array != 0
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y.array[kept], np.float32(1 / (1 - p)))
    assert abs(kept.mean() - (1 - p)) < 5 * np.sqrt(p * (1 - p) / kept.size)
    for axis in (0, 1):  # no row or column is special
        assert abs(kept.mean(axis) - (1 - p)).max() < 0.16


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_gradient_passes_where_the_value_did(dtype):
    x = ones(7, 9, dtype=dtype)
    y = dropout(x, 0.3)
    np.testing.assert_array_equal(grad(y.sum(), x)[0].array, y.array)
    assert y.dtype == dtype


def test_gradients_to_second_order():
    def seeded(x):
        at.manual_seed(1)
        return dropout(x * x, 0.4)

    x = Tensor(np.random.default_rng(0).standard_normal((3, 4))).requires_grad_()
    gradcheck(seeded, [x])
    gradgradcheck(seeded, [x])


def test_the_seed_decides():
    at.manual_seed(3)
    first, second = dropout(ones(50)), dropout(ones(50))
    at.manual_seed(3)
    np.testing.assert_array_equal(dropout(ones(50)).array, first.array)
    assert (first.array != second.array).any()


def test_p_0_p_1_and_evaluation():
    x = ones(4, 5)
    assert dropout(x, 0.0) is x
    assert dropout(x, 0.5, training=False) is x
    np.testing.assert_array_equal(dropout(x, 1).array, 0)
    np.testing.assert_array_equal(grad(dropout(x, 1.0).sum(), x)[0].array, 0)
    assert dropout(ones(0, 3)).shape == (0, 3)
    assert dropout(ones()).item() in (0, 2)


def test_channels_last_memory_stays():
    x = Tensor(np.ones((2, 6, 5, 3), np.float32).transpose(0, 3, 1, 2))
    y = dropout(x, 0.5)
    assert y.array.strides == x.array.strides
    assert 0 < (y.array == 0).sum() < y.array.size


@pytest.mark.parametrize(
    ("function", "shape", "leading"),
    [(dropout1d, (30, 20, 5), 2), (dropout1d, (200, 5), 1), (dropout2d, (30, 20, 3, 4), 2),
     (dropout2d, (30, 20, 5), 2)],
)  # fmt: skip
def test_whole_channels_are_dropped(function, shape, leading):
    y = function(ones(*shape), 0.25).array
    channels = y.reshape(*shape[:leading], -1)
    assert (channels == channels[..., :1]).all()
    assert abs((channels[..., 0] != 0).mean() - 0.75) < 0.15
    assert set(np.unique(channels)) == {np.float32(0), np.float32(1 / 0.75)}


@pytest.mark.parametrize(
    ("error", "message", "call"),
    [
        (ValueError, "between 0 and 1, but got 1.5", lambda: dropout(ones(2), 1.5)),
        (ValueError, "between 0 and 1, but got -0.1", lambda: dropout(ones(2), -0.1, False)),
        (ValueError, "between 0 and 1, but got nan", lambda: dropout(ones(2), float("nan"))),
        (RuntimeError, "dropout: expected a floating dtype", lambda: dropout(ones(2).long())),
        (RuntimeError, "dropout1d: expected 2 or 3 dimensions, got 1", lambda: dropout1d(ones(2))),
        (RuntimeError, r"dropout2d: .* got 5", lambda: dropout2d(ones(2, 2, 2, 2, 2))),
        (TypeError, "dropout: expected a Tensor, got float", lambda: dropout(1.0)),
    ],
)
def test_mistakes_are_told(error, message, call):
    with pytest.raises(error, match=message):
        call()


def test_multinomial_with_replacement():
    at.manual_seed(0)
    weights = at.tensor([[1.0, 0.0, 3.0], [0.0, 2.0, 0.0]])
    drawn = at.multinomial(weights, 4000, replacement=True)
    assert drawn.dtype == at.int64 and drawn.shape == (2, 4000)
    counts = np.bincount(drawn.array[0], minlength=3)
    assert counts[1] == 0 and abs(counts[2] / 4000 - 0.75) < 0.03 and (drawn.array[1] == 1).all()


def test_multinomial_without_replacement():
    at.manual_seed(0)
    weights = at.tensor([1.0, 2.0, 0.0, 7.0])
    drawn = np.stack([weights.multinomial(3).array for _ in range(2000)])
    assert drawn.shape == (2000, 3) and set(map(tuple, np.sort(drawn))) == {(0, 1, 3)}
    assert abs((drawn[:, 0] == 3).mean() - 0.7) < 0.04
    first = at.multinomial(weights, 2, generator=at.Generator().manual_seed(5))
    again = at.multinomial(weights, 2, generator=at.Generator().manual_seed(5))
    assert first.tolist() == again.tolist()


@pytest.mark.parametrize(
    ("weights", "count", "message"),
    [
        ([1.0, -1.0], 1, "element < 0"),
        ([1.0, math.nan], 1, "nan"),
        ([0.0, 0.0], 1, "sum to 0"),
        ([1.0, 0.0], 2, "2 different classes of 1"),
        ([1.0], 0, "n_sample <= 0"),
        ([1, 2], 1, "int64"),
    ],
)
def test_multinomial_of_no_distribution(weights, count, message):
    with pytest.raises(RuntimeError, match=message):
        at.multinomial(at.tensor(weights), count)


def test_bernoulli():
    at.manual_seed(0)
    drawn = at.bernoulli(at.full((10000,), 0.25))
    assert drawn.dtype == at.float32 and set(drawn.tolist()) == {0, 1}
    assert abs(drawn.mean().item() - 0.25) < 0.02
    with pytest.raises(RuntimeError, match="between 0 and 1"):
        at.bernoulli(at.tensor([1.5]))
