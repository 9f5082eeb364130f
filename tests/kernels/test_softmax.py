"""The cross-entropy kernels and their exponential against float64 formulas."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autotensor import kernels
from autotensor.testing.strategies import laid_out, layouts, seeds


def formula(x, target):
    """Losses and probabilities, classes last, in float64."""
    x = np.moveaxis(x.astype(np.float64), 1, -1)
    shifted = x - x.max(-1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    picked = np.take_along_axis(log_p, np.maximum(target, 0)[..., None], -1)[..., 0]
    return np.where(target >= 0, -picked, 0), np.exp(log_p)


def check(x, target, g):
    losses, p = formula(x, target)
    got, scales = kernels.cross_entropy(x, target)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, losses, rtol=1e-6, atol=1e-6)
    onehot = np.arange(x.shape[1]) == target[..., None]
    expected = np.where(target >= 0, g, 0)[..., None] * (p - onehot)
    gx = kernels.cross_entropy_grad(g, x, target, scales)
    assert gx.dtype == np.float32
    np.testing.assert_allclose(gx, np.moveaxis(expected, -1, 1), rtol=1e-5, atol=1e-6)


def draw_problem(shape, seed, offset=0.0):
    random = np.random.default_rng(seed)
    x = (random.standard_normal(shape) * 3 + offset).astype(np.float32)
    rows = shape[:1] + shape[2:]
    return x, random.integers(-1, shape[1], rows), random.standard_normal(rows).astype(np.float32)


@given(hnp.array_shapes(min_dims=2, max_dims=4, min_side=1, max_side=5), seeds, st.data())
def test_any_shape_and_layout(shape, seed, data):
    x, target, g = draw_problem(shape, seed)
    x = laid_out(x, data.draw(layouts))
    g = laid_out(g, data.draw(layouts))
    check(x, target, g)


# Fewer and more classes than are compared at a time; rows in several tasks; a row in one.
@pytest.mark.parametrize("shape", [(3, 64), (5, 200), (4000, 10), (2, 9000), (40, 31, 9)])
def test_many_rows_and_classes(shape):
    check(*draw_problem(shape, 1))


def test_large_scores_cost_no_digits():
    check(*draw_problem((50, 7), 2, 1000.0))


def test_scores_far_apart():
    x = np.array([[0, 200, -np.inf], [-1e30, 0, 1e30]], np.float32)
    losses, scales = kernels.cross_entropy(x, np.array([1, 0]))
    np.testing.assert_array_equal(losses, np.float32([0, 2e30]))
    gx = kernels.cross_entropy_grad(np.ones(2, np.float32), x, np.array([1, 0]), scales)
    np.testing.assert_array_equal(gx, np.float32([[0, 0, 0], [-1, 0, 1]]))


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("classes", [3, 100])
def test_what_is_not_finite_stays_in_its_row(value, classes):
    x = np.zeros((2, classes), np.float32)
    x[0, classes - 2] = value
    target = np.array([0, 0])
    losses, scales = kernels.cross_entropy(x, target)
    gx = kernels.cross_entropy_grad(np.ones(2, np.float32), x, target, scales)
    assert np.isnan(losses[0]) or value == np.inf
    assert not np.isfinite(losses[0])
    assert np.isnan(gx[0]).any()
    assert np.isfinite(losses[1])
    assert np.isfinite(gx[1]).all()


def test_exponential_to_the_last_place():
    from autotensor.kernels.exponential import exp32

    x = np.concatenate([np.linspace(-87.3, 88.7, 20001), np.linspace(-1e-3, 1e-3, 101)])
    x = x.astype(np.float32)
    exact = np.exp(x.astype(np.float64))
    got = np.array([exp32(v) for v in x], np.float64)
    assert np.abs(got / exact - 1).max() < 1.3e-7
    edges = [exp32(np.float32(v)) for v in (-np.inf, -104.0, 0.0, 89.0, np.inf, np.nan)]
    np.testing.assert_array_equal(edges, [0, 0, 1, np.inf, np.inf, np.nan])


def test_results_do_not_depend_on_the_number_of_threads():
    x, target, g = draw_problem((3000, 40), 4)
    before, found = kernels.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            kernels.set_num_threads(threads)
            losses, scales = kernels.cross_entropy(x, target)
            found.append((losses, kernels.cross_entropy_grad(g, x, target, scales)))
    finally:
        kernels.set_num_threads(before)
    for other in found[1:]:
        for first, second in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(first, second)
