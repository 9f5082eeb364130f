"""Recurrent operations: values against loops, kernels against the formula, what is saved."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autotensor as at
from autotensor.gradients import grad
from autotensor.ops.recurrent import gru, lstm, rnn
from autotensor.tensor import Tensor
from autotensor.testing import gradcheck, gradgradcheck
from autotensor.testing.strategies import laid_out, layouts, seeds

GATES = {"lstm": 4, "gru": 3, "tanh": 1, "relu": 1}
modes = pytest.mark.parametrize("mode", GATES)
CLOSE = {np.float32: {"rtol": 1e-4, "atol": 2e-5}, np.float64: {"rtol": 1e-11, "atol": 1e-12}}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def call(mode, x, h, c, *weights, reverse=False):
    """The operation by its mode; ``c`` goes to the LSTM alone."""
    if mode == "lstm":
        return lstm(x, h, c, *weights, reverse=reverse)
    if mode == "gru":
        return gru(x, h, *weights, reverse=reverse)
    return rnn(x, h, *weights, nonlinearity=mode, reverse=reverse)


def drawn(mode, steps, n, width, hidden, seed=0, dtype=np.float64):
    """x, h0, c0, w_ih, w_hh, b_ih, b_hh."""
    random, line = np.random.default_rng(seed), GATES[mode] * hidden
    shapes = [(steps, n, width), (n, hidden), (n, hidden), (line, width), (line, hidden)]
    shapes += [(line,), (line,)]
    return [random.uniform(-1, 1, shape).astype(dtype) for shape in shapes]


def leaves(arrays):
    return [Tensor(array).requires_grad_() for array in arrays]


def used(mode, inputs):
    return inputs if mode == "lstm" else inputs[:2] + inputs[3:]


def loops(mode, x, h, c, w_ih, w_hh, b_ih, b_hh, reverse):
    """The definition, step by step, in NumPy."""
    outputs = [None] * len(x)
    for t in range(len(x))[:: -1 if reverse else 1]:
        of_x, of_h = x[t] @ w_ih.T + b_ih, h @ w_hh.T + b_hh
        if mode == "lstm":
            i, f, g, o = np.split(of_x + of_h, 4, 1)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
        elif mode == "gru":
            (r_x, z_x, n_x), (r_h, z_h, n_h) = np.split(of_x, 3, 1), np.split(of_h, 3, 1)
            z = sigmoid(z_x + z_h)
            h = (1 - z) * np.tanh(n_x + sigmoid(r_x + r_h) * n_h) + z * h
        else:
            h = np.tanh(of_x + of_h) if mode == "tanh" else np.maximum(of_x + of_h, 0)
        outputs[t] = h
    return [np.stack(outputs), h] + [c] * (mode == "lstm")


def weighted(outputs):
    """Outputs, and weights by which to sum them."""
    numbers = [np.cos(np.arange(y.array.size)).reshape(y.shape) for y in outputs]
    return outputs, [Tensor(w.astype(y.dtype)) for w, y in zip(numbers, outputs, strict=True)]


def gradients(mode, arrays, reverse, create_graph=False):
    tensors = leaves(arrays)
    outputs, weights = weighted(call(mode, *tensors, reverse=reverse))
    return grad(outputs, used(mode, tensors), weights, create_graph=create_graph)


@modes
@given(
    st.tuples(st.integers(1, 4), st.integers(1, 7), st.integers(1, 9), st.integers(1, 20)),
    st.sampled_from([np.float32, np.float64]),
    st.booleans(),
    seeds,
    st.data(),
)
def test_any_geometry_and_layout(mode, sizes, dtype, reverse, seed, data):
    arrays = drawn(mode, *sizes, seed, dtype)
    given = [laid_out(a, data.draw(layouts)) for a in arrays]
    expected = loops(mode, *(a.astype(np.float64) for a in arrays), reverse)
    outputs = call(mode, *leaves(given), reverse=reverse)
    for y, z in zip(outputs, expected, strict=True):
        assert y.dtype == dtype
        np.testing.assert_allclose(y.array, z, **CLOSE[dtype])


# Hidden sizes below, at and above a panel of the kernels; batches of one task and of several.
@modes
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("sizes", [(1, 1, 1, 1), (3, 5, 4, 16), (4, 37, 6, 33), (3, 130, 9, 64)])
def test_kernels_agree_with_the_formula(mode, sizes, reverse):
    arrays = drawn(mode, *sizes)
    exact = gradients(mode, arrays, reverse)
    narrow = [a.astype(np.float32) for a in arrays]
    fused = gradients(mode, narrow, reverse)
    recorded = gradients(mode, narrow, reverse, create_graph=True)
    for g, f, r in zip(exact, fused, recorded, strict=True):
        scale = np.abs(g.array).max() + 1e-3
        np.testing.assert_allclose(f.array, g.array, atol=2e-5 * scale, rtol=0)
        np.testing.assert_allclose(r.array, g.array, atol=2e-5 * scale, rtol=0)


@modes
@pytest.mark.parametrize("reverse", [False, True])
def test_gradients_to_second_order(mode, reverse):
    tensors = leaves(drawn(mode, 3, 2, 2, 2))

    def function(*inputs):
        whole = inputs if mode == "lstm" else (*inputs[:2], None, *inputs[2:])
        return call(mode, *whole, reverse=reverse)

    gradcheck(function, used(mode, tensors))
    gradgradcheck(function, used(mode, tensors), fast_mode=True)


@modes
def test_without_biases(mode):
    arrays = drawn(mode, 4, 3, 5, 6)
    arrays[5:] = [np.zeros_like(a) for a in arrays[5:]]
    for dtype in (np.float32, np.float64):
        tensors = leaves(a.astype(dtype) for a in arrays[:5])
        outputs, weights = weighted(call(mode, *tensors))
        expected = loops(mode, *arrays, False)
        np.testing.assert_allclose(outputs[0].array, expected[0], **CLOSE[dtype])
        found = grad(outputs, used(mode, tensors), weights)
        exact = gradients(mode, arrays, False)
        for g, e in zip(found, exact, strict=False):
            np.testing.assert_allclose(g.array, e.array, **CLOSE[dtype])


@modes
def test_only_some_inputs_need_gradients(mode):
    arrays = drawn(mode, 3, 4, 5, 6, dtype=np.float32)
    expected = gradients(mode, arrays, False)
    for number, whole in enumerate(expected):
        tensors = [Tensor(a) for a in arrays]
        wanted = used(mode, tensors)[number].requires_grad_()
        outputs, weights = weighted(call(mode, *tensors))
        np.testing.assert_array_equal(grad(outputs, [wanted], weights)[0].array, whole.array)


@modes
def test_nothing_is_kept_where_nothing_is_recorded(mode):
    arrays = drawn(mode, 6, 40, 3, 20, dtype=np.float32)
    recorded = call(mode, *leaves(arrays))
    with at.no_grad():
        plain = call(mode, *leaves(arrays))
    for y, z in zip(recorded, plain, strict=True):
        np.testing.assert_array_equal(y.array, z.array)
        assert not z.requires_grad


@modes
@pytest.mark.parametrize("number", [3, 4])
def test_writing_to_saved_weights_raises(mode, number):
    tensors = leaves(drawn(mode, 3, 2, 4, 5, dtype=np.float32))
    output = call(mode, *tensors)[0]
    with at.no_grad():
        tensors[number].mul_(2)
    with pytest.raises(RuntimeError, match=r"recurrent.*overwritten in place"):
        output.sum().backward()


@modes
def test_backward_twice(mode):
    tensors = leaves(drawn(mode, 3, 2, 4, 5, dtype=np.float32))
    output = call(mode, *tensors)[0].sum()
    output.backward(retain_graph=True)
    first = tensors[3].grad.clone()
    output.backward()
    np.testing.assert_array_equal(tensors[3].grad.array, 2 * first.array)


@modes
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_samples(mode, dtype):
    tensors = leaves(drawn(mode, 3, 0, 4, 5, dtype=dtype))
    outputs = call(mode, *tensors)
    assert [y.shape for y in outputs] == [(3, 0, 5)] + [(0, 5)] * (len(outputs) - 1)
    outputs[0].sum().backward()
    np.testing.assert_array_equal(tensors[3].grad.array, 0)


def test_what_is_not_finite_stays_in_its_sample():
    arrays = drawn("lstm", 3, 4, 5, 6, dtype=np.float32)
    arrays[0][1, 2, 3] = np.nan
    output = lstm(*map(Tensor, arrays))[0].array
    assert np.isnan(output[1:, 2]).all()
    assert np.isfinite(np.delete(output, 2, 1)).all()


WRONG = [
    ("h0", 1, (3, 6), r"lstm: h0 is \(3, 6\), but .* need \(2, 6\)"),
    ("c0", 2, (2, 5), r"lstm: c0 is \(2, 5\), but .* need \(2, 6\)"),
    ("w_ih", 3, (24, 5), r"lstm: w_ih is \(24, 5\), but .* need \(24, 4\)"),
    ("w_hh", 4, (18, 6), r"lstm: w_.. is .* need \(24, "),
    ("b_ih", 5, (12,), r"lstm: b_ih is \(12,\), but .* need \(24,\)"),
    ("b_hh", 6, (24, 1), r"lstm: b_hh is \(24, 1\), but .* need \(24,\)"),
    ("x", 0, (2, 4), r"lstm: expected x \(T, N, I\).* got x \(2, 4\)"),
    ("steps", 0, (0, 2, 4), r"lstm: a sequence needs one step at least, got x \(0, 2, 4\)"),
]


@pytest.mark.parametrize(("number", "shape", "message"), [w[1:] for w in WRONG])
def test_wrong_shapes_are_named(number, shape, message):
    arrays = drawn("lstm", 3, 2, 4, 6)
    arrays[number] = np.zeros(shape)
    with pytest.raises(RuntimeError, match=message):
        lstm(*map(Tensor, arrays))


def test_other_mistakes_are_named():
    x, h, _, *weights = map(Tensor, drawn("gru", 3, 2, 4, 6))
    with pytest.raises(RuntimeError, match="gru: h0 is float32 but x is float64"):
        gru(x, h.float(), *weights)
    with pytest.raises(TypeError, match="gru: expected a Tensor, got list"):
        gru(x, [0.0], *weights)
    with pytest.raises(ValueError, match="'tanh' or 'relu', not 'sigmoid'"):
        rnn(x, h, *weights, nonlinearity="sigmoid")
