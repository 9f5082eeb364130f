"""Optimizer steps: the compiled forms, the NumPy twin and a plain loop over elements agree."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotensor.kernels import update

SGD = {
    "lr": 0.1,
    "momentum": 0.9,
    "dampening": 0.2,
    "weight_decay": 0.0,
    "nesterov": False,
    "maximize": False,
}
ADAM = {
    "step": 3,
    "lr": 0.1,
    "beta1": 0.8,
    "beta2": 0.95,
    "eps": 1e-3,
    "weight_decay": 0.0,
    "decoupled": False,
    "maximize": False,
}
RMSPROP = {
    "lr": 0.1,
    "alpha": 0.9,
    "eps": 1e-3,
    "weight_decay": 0.0,
    "momentum": 0.7,
    "maximize": False,
}


def sgd_element(p, g, b, o):
    """One element's step: (parameter, momentum)."""
    d = (-g if o["maximize"] else g) + o["weight_decay"] * p
    if b is None:
        return p - o["lr"] * d, None
    b = o["momentum"] * b + (1 - o["dampening"]) * d
    return p - o["lr"] * (d + o["momentum"] * b if o["nesterov"] else b), b


def adam_element(p, g, m, v, top, o):
    """One element's step: (parameter, averages of the gradient and its square, largest square)."""
    d = -g if o["maximize"] else g
    if o["decoupled"]:
        p = p - o["lr"] * o["weight_decay"] * p
    else:
        d = d + o["weight_decay"] * p
    m = o["beta1"] * m + (1 - o["beta1"]) * d
    v = o["beta2"] * v + (1 - o["beta2"]) * d**2
    top = None if top is None else max(top, v)
    m_hat = m / (1 - o["beta1"] ** o["step"])
    v_hat = (v if top is None else top) / (1 - o["beta2"] ** o["step"])
    return p - o["lr"] * m_hat / (math.sqrt(v_hat) + o["eps"]), m, v, top


def rmsprop_element(p, g, square, mean, b, o):
    """One element's step: (parameter, averages of the square and the gradient, momentum)."""
    d = (-g if o["maximize"] else g) + o["weight_decay"] * p
    square = o["alpha"] * square + (1 - o["alpha"]) * d**2
    mean = None if mean is None else o["alpha"] * mean + (1 - o["alpha"]) * d
    u = d / (math.sqrt(square - (0 if mean is None else mean**2)) + o["eps"])
    b = None if b is None else o["momentum"] * b + u
    return p - o["lr"] * (u if b is None else b), square, mean, b


def loop(element, arrays, options):
    """What ``element`` makes of each element of parameter and state, in float64."""
    made = [None if a is None else a.astype(np.float64) for a in arrays]
    for i in np.ndindex(arrays[0].shape):
        values = [None if a is None else float(a[i]) for a in arrays]
        new, *state = element(*values, options)
        for a, value in zip(made, [new, values[1], *state], strict=True):
            if a is not None:
                a[i] = value
    return made


def compare(step, element, arrays, options):
    """Take the step in place and hold it against the loop; the gradient must stay as it was."""
    expected = loop(element, arrays, options)
    tolerance = 1e-12 if arrays[0].dtype == np.float64 else 5e-5
    step(*arrays, **options)
    for found, wanted in zip(arrays, expected, strict=True):
        if found is not None:
            np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)


# The step, the loop's body, options, how much state and how much of that may be None, switches.
ALGORITHMS = [
    (update.sgd_step, sgd_element, SGD, 1, 1, ["nesterov", "maximize"]),
    (update.adam_step, adam_element, ADAM, 3, 1, ["decoupled", "maximize"]),
    (update.rmsprop_step, rmsprop_element, RMSPROP, 3, 2, ["maximize"]),
]


def make_arrays(random, shapes, orders, dtype=np.float32, gaps=()):
    """A parameter, a gradient and states, with axes in memory in the given orders.

    States are such that averages of squares exceed squares of averages. None for an order of None;
    every second element of memory is left out in the arrays with ``gaps``.
    """
    arrays = []
    for number, (shape, order) in enumerate(zip(shapes, orders, strict=True)):
        if order is None:
            arrays.append(None)
            continue
        low, high = (-1, 1) if number < 2 else (0.5, 0.7)
        step = 2 if number in gaps else 1
        memory = random.uniform(low, high, [*(shape[axis] for axis in order), step]).astype(dtype)
        arrays.append(memory[..., 0].transpose(np.argsort(order)))
    return arrays


@st.composite
def steps(draw):
    """An algorithm, arrays in any layout, and options."""
    step, element, options, states, optional, switches = draw(st.sampled_from(ALGORITHMS))
    shape = draw(st.lists(st.integers(0, 4), max_size=4))
    order = draw(st.permutations(range(len(shape))))
    same = st.just(order)
    other = st.permutations(range(len(shape)))
    orders = [order, draw(same | other)]
    for number in range(states):
        may_miss = number >= states - optional
        orders.append(draw(st.none() | same | other if may_miss else same | other))
    arrays = make_arrays(
        np.random.default_rng(draw(st.integers(0, 99))),
        [shape] * len(orders),
        orders,
        draw(st.sampled_from([np.float32, np.float64])),
        draw(st.sets(st.integers(0, len(orders) - 1), max_size=1)),
    )
    chosen = {name: draw(st.booleans()) for name in switches}
    return step, element, arrays, {**options, **chosen, "weight_decay": draw(DECAYS)}


DECAYS = st.sampled_from([0.0, 0, 0.3])


@given(steps())
@settings(deadline=None)
def test_step_is_the_loop_over_elements(drawn):
    compare(*drawn)


@pytest.mark.parametrize("state", [0, 1])
@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda a: a[0].__name__)
def test_threads_step_like_one_thread(algorithm, state, monkeypatch):
    step, _, options, states, optional, _ = algorithm
    orders = [(0,)] * (2 + states - optional) + [(0,) if state else None] * optional
    size = 2 * update._BLOCK + 17
    arrays = make_arrays(np.random.default_rng(1), [(size,)] * len(orders), orders)
    again = [None if a is None else a.copy() for a in arrays]
    step(*arrays, **options)
    monkeypatch.setattr(update, "_LARGE", 0)
    step(*again, **options)
    for one, many in zip(arrays, again, strict=True):
        np.testing.assert_array_equal(one, many)


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda a: a[0].__name__)
def test_large_parameters_run_on_threads(algorithm, monkeypatch):
    step, element, options, states, _, _ = algorithm
    monkeypatch.setattr(update, "_LARGE", 100)
    orders = [(1, 0)] * (2 + states)
    arrays = make_arrays(np.random.default_rng(2), [(20, 30)] * len(orders), orders)
    compare(step, element, arrays, options)


def test_a_parameter_that_diverged_stays_infinite():
    for dtype in (np.float32, np.float64):
        p, g = np.array([np.inf, 1, 2], dtype), np.array([1, np.nan, np.inf], dtype)
        update.sgd_step(p, g, None, **SGD)
        np.testing.assert_array_equal(p, [np.inf, np.nan, -np.inf])


def test_amsgrad_keeps_a_nan():
    for dtype in (np.float32, np.float64):
        p, g, m, v = np.zeros((4, 2), dtype)
        top = np.array([np.nan, 1], dtype)
        update.adam_step(p, g, m, v, top, **ADAM)
        np.testing.assert_array_equal(top, [np.nan, 1])


def test_a_read_only_gradient_is_fine():
    p, g = np.ones(3, np.float32), np.broadcast_to(np.float32(1), 3)
    update.sgd_step(p, g, None, **SGD)
    np.testing.assert_allclose(p, 0.9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_shapes_that_differ_raise(dtype):
    p, g, buf = np.ones((3, 2), dtype), np.ones((3, 2), dtype), np.ones((1, 2), dtype)
    with pytest.raises(
        RuntimeError, match=r"state of shape \(1, 2\) for a parameter of shape \(3, 2\)"
    ):
        update.sgd_step(p, g, buf, **SGD)
    assert (p == 1).all()
