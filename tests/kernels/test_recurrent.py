"""The recurrent kernels: elementary functions, threads, partition, and what only kernels show.

Values and gradients are compared with formulas in tests/ops/test_recurrent.py.
"""

import numpy as np
import pytest

from autotensor import kernels

GATES = {"lstm": 4, "gru": 3, "tanh": 1, "relu": 1}
modes = pytest.mark.parametrize("mode", GATES)


def drawn(mode, steps, n, width, hidden, seed=0):
    """x, h0, c0, w_ih, w_hh, b_ih, b_hh."""
    random, line = np.random.default_rng(seed), GATES[mode] * hidden
    shapes = [(steps, n, width), (n, hidden), (n, hidden), (line, width), (line, hidden)]
    shapes += [(line,), (line,)]
    return [random.uniform(-1, 1, shape).astype(np.float32) for shape in shapes]


def run(mode, arrays, reverse=False):
    """The value and all gradients."""
    value, saved = kernels.recurrence(mode, *arrays, reverse, True)
    g = np.cos(np.arange(value.size, dtype=np.float32)).reshape(value.shape)
    found = kernels.recurrence_grad(mode, g, *arrays[3:5], saved, reverse, True)
    return [value, *(part for part in found if part is not None)]


@pytest.fixture
def threads():
    before = kernels.get_num_threads()
    yield kernels.set_num_threads
    kernels.set_num_threads(before)


@modes
@pytest.mark.parametrize("n", [7, 101])
def test_results_do_not_depend_on_the_number_of_threads(mode, n, threads):
    arrays, found = drawn(mode, 6, n, 10, 40), []
    for count in (1, 2, 3):
        threads(count)
        found.append(run(mode, arrays))
    for other in found[1:]:
        for first, second in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(first, second)


@modes
def test_samples_do_not_depend_on_each_other(mode):
    arrays = drawn(mode, 4, 50, 9, 20)
    whole = kernels.recurrence(mode, *arrays, False, False)[0]
    x, h, c, *weights = arrays
    for i in (0, 17, 49):
        one = slice(i, i + 1)
        alone = kernels.recurrence(mode, x[:, one], h[one], c[one], *weights, False, False)[0]
        np.testing.assert_array_equal(alone, whole[:, one])


@modes
def test_reverse_is_forward_on_the_turned_sequence(mode):
    arrays = drawn(mode, 5, 6, 7, 8)
    there = run(mode, arrays, reverse=True)[0][:5]
    turned = run(mode, [arrays[0][::-1], *arrays[1:]])[0][:5]
    np.testing.assert_array_equal(there, turned[::-1])


@modes
def test_saved_values_are_not_written_by_the_gradient(mode):
    arrays = drawn(mode, 4, 6, 7, 8)
    value, saved = kernels.recurrence(mode, *arrays, False, True)
    before = [part.copy() for part in saved]
    for _ in range(2):
        kernels.recurrence_grad(mode, np.ones_like(value), *arrays[3:5], saved, False, True)
    for part, copy in zip(saved, before, strict=True):
        np.testing.assert_array_equal(part, copy)


def test_input_gradient_only_where_wanted():
    arrays = drawn("lstm", 4, 6, 7, 8)
    value, saved = kernels.recurrence("lstm", *arrays, False, True)
    g = np.ones_like(value)
    with_x = kernels.recurrence_grad("lstm", g, *arrays[3:5], saved, False, True)
    without = kernels.recurrence_grad("lstm", g, *arrays[3:5], saved, False, False)
    assert with_x[0].shape == arrays[0].shape
    assert without[0] is None
    for first, second in zip(with_x[1:], without[1:], strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("name", ["sigmoid32", "tanh32"])
def test_gates_to_the_last_places(name):
    from autotensor.kernels import cells

    x = np.concatenate([np.linspace(-12, 12, 8001), np.logspace(-18, 0, 201)]).astype(np.float32)
    wide = x.astype(np.float64)
    exact = np.tanh(wide) if name == "tanh32" else 1 / (1 + np.exp(-wide))
    got = np.array([getattr(cells, name)(v) for v in x], np.float64)
    np.testing.assert_allclose(got, exact, rtol=3e-7)
    assert np.abs(got).max() <= 1
    edges = [getattr(cells, name)(np.float32(v)) for v in (-np.inf, -200, 0, 200, np.inf, np.nan)]
    low, zero = (-1, 0) if name == "tanh32" else (0, 0.5)
    np.testing.assert_array_equal(edges, [low, low, zero, 1, 1, np.nan])


def test_saturated_gates_stay_finite():
    arrays = drawn("lstm", 5, 3, 4, 5)
    arrays[0] *= 1e4
    for part in run("lstm", arrays):
        assert np.isfinite(part).all()
