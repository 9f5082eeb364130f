"""Recurrent layers and cells: parameters, shapes, stacking, states, mistakes."""

import itertools
import warnings

import numpy as np
import pytest

import autotensor as at
from autotensor import nn
from autotensor.tensor import Tensor

LAYERS, CELLS = (nn.RNN, nn.LSTM, nn.GRU), (nn.RNNCell, nn.LSTMCell, nn.GRUCell)
layers = pytest.mark.parametrize("layer", LAYERS, ids=lambda c: c.__name__)
cells = pytest.mark.parametrize("cell", CELLS, ids=lambda c: c.__name__)


def drawn(*shape, seed=0):
    return at.tensor(np.random.default_rng(seed).standard_normal(shape), dtype=at.float64)


def parts(states):
    return states if isinstance(states, tuple) else (states,)


def whole(states):
    return states if len(states) > 1 else states[0]


def same(x, y):
    np.testing.assert_allclose(x.array, y.array, rtol=1e-12, atol=1e-14)


@layers
def test_parameters_have_pytorchs_names_shapes_and_range(layer):
    gates = {"RNN": 1, "LSTM": 4, "GRU": 3}[layer.__name__] * 9
    model = layer(5, 9, num_layers=2, bidirectional=True)
    expected = {}
    for number, width in ((0, 5), (1, 18)):
        for end in ("", "_reverse"):
            suffix = f"_l{number}{end}"
            expected |= {f"weight_ih{suffix}": (gates, width), f"weight_hh{suffix}": (gates, 9)}
            expected |= {f"bias_ih{suffix}": (gates,), f"bias_hh{suffix}": (gates,)}
    found = {name: tensor.shape for name, tensor in model.state_dict().items()}
    assert found == expected
    assert list(found) == list(expected)
    values = np.concatenate([p.array.ravel() for p in model.parameters()])
    assert np.abs(values).max() <= 1 / 3
    assert np.abs(values).max() > 0.32
    assert abs(values.mean()) < 0.02
    assert [len(weights) for weights in model.all_weights] == [4] * 4
    assert model.flatten_parameters() is None


@layers
def test_without_bias(layer):
    model = layer(3, 4, bias=False)
    assert list(model.state_dict()) == ["weight_ih_l0", "weight_hh_l0"]
    assert [len(weights) for weights in model.all_weights] == [2]
    biased = layer(3, 4)
    for name, p in biased.named_parameters():
        p.array[...] = getattr(model, name).array if "weight" in name else 0
    x = at.randn(5, 2, 3)
    same(model(x)[0], biased(x)[0])


TEXTS = [
    (nn.RNN(3, 4), "RNN(3, 4)"),
    (nn.RNN(3, 4, 2, "relu", False), "RNN(3, 4, num_layers=2, bias=False)"),
    (nn.LSTM(3, 4, 2, True, True, 0.5), "LSTM(3, 4, num_layers=2, batch_first=True, dropout=0.5)"),
    (nn.GRU(3, 4, bidirectional=True), "GRU(3, 4, bidirectional=True)"),
    (nn.RNNCell(2, 3, False, "relu"), "RNNCell(2, 3, bias=False, nonlinearity=relu)"),
    (nn.LSTMCell(2, 3, bias=False), "LSTMCell(2, 3, bias=False)"),
    (nn.GRUCell(2, 3), "GRUCell(2, 3)"),
]


@pytest.mark.parametrize(("model", "text"), TEXTS, ids=[text for _, text in TEXTS])
def test_repr(model, text):
    assert repr(model) == text


@pytest.mark.parametrize(
    ("layer", "cell", "more"),
    [*((*pair, {}) for pair in zip(LAYERS, CELLS, strict=True)),
     (nn.RNN, nn.RNNCell, {"nonlinearity": "relu"})],
)  # fmt: skip
def test_a_layer_is_its_cell_step_by_step(layer, cell, more):
    model, cell = (kind(3, 4, dtype=at.float64, **more) for kind in (layer, cell))
    cell.load_state_dict({k.removesuffix("_l0"): v for k, v in model.state_dict().items()})
    x, states, outputs = drawn(5, 2, 3), None, []
    for step in x:
        states = cell(step, states)
        outputs.append(parts(states)[0])
    output, last = model(x)
    same(output, at.stack(outputs))
    for a, b in zip(parts(last), parts(states), strict=True):
        assert a.shape == (1, 2, 4)
        same(a[0], b)


@layers
def test_two_directions_and_layers_are_made_of_single_ones(layer):
    model = layer(3, 4, num_layers=2, bidirectional=True, dtype=at.float64)
    x = drawn(5, 2, 3)
    starts = [drawn(4, 2, 4, seed=i + 1) for i in range(len(model.states))]
    output, last = model(x, whole(tuple(starts)))
    place, ends = 0, []
    for number in range(2):
        both = []
        for end in ("", "_reverse"):
            single = layer(x.shape[-1], 4, dtype=at.float64)
            suffix = f"_l{number}{end}"
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                getattr(single, f"{name}_l0").array[...] = getattr(model, name + suffix).array
            start = whole(tuple(s[place : place + 1] for s in starts))
            found, final = single(x.flip(0) if end else x, start)
            both.append(found.flip(0) if end else found)
            ends.append(parts(final))
            place += 1
        x = at.cat(both, -1)
    same(output, x)
    for number, state in enumerate(parts(last)):
        same(state, at.cat([end[number] for end in ends]))


@layers
@pytest.mark.parametrize("bidirectional", [False, True])
def test_batch_first_and_single_sequences(layer, bidirectional):
    more = {"bidirectional": bidirectional, "dtype": at.float64}
    model, turned = layer(3, 4, 2, **more), layer(3, 4, 2, batch_first=True, **more)
    turned.load_state_dict(model.state_dict())
    x, directions = drawn(5, 2, 3), 1 + bidirectional
    starts = tuple(drawn(2 * directions, 2, 4, seed=i + 1) for i in range(len(model.states)))
    output, last = model(x, whole(starts))
    assert output.shape == (5, 2, 4 * directions)
    other, other_last = turned(x.transpose(0, 1), whole(starts))
    same(other, output.transpose(0, 1))
    for a, b in zip(parts(other_last), parts(last), strict=True):
        same(a, b)
    for each in (model, turned):
        one, one_last = each(x[:, 0], whole(tuple(s[:, 0] for s in starts)))
        same(one, output[:, 0])
        for a, b in zip(parts(one_last), parts(last), strict=True):
            same(a, b[:, 0])


@cells
def test_a_cell_takes_one_sample(cell):
    model = cell(3, 4, dtype=at.float64)
    x, states = drawn(2, 3), tuple(drawn(2, 4, seed=i) for i in range(len(model.states)))
    many = parts(model(x, whole(states)))
    one = parts(model(x[1], whole(tuple(s[1] for s in states))))
    for a, b in zip(one, many, strict=True):
        assert a.shape == (4,)
        same(a, b[1])
    zeros = whole((at.zeros(2, 4, dtype=at.float64),) * len(states))
    for a, b in zip(parts(model(x)), parts(model(x, zeros)), strict=True):
        same(a, b)


@layers
def test_dropout_acts_between_layers_in_training_only(layer):
    model = layer(3, 8, 2, dropout=0.999999)
    alone = layer(8, 8)
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        getattr(alone, f"{name}_l0").array[...] = getattr(model, f"{name}_l1").array
    x = at.randn(5, 2, 3)
    same(model(x)[0], alone(at.zeros(5, 2, 8))[0])
    plain = layer(3, 8, 2)
    plain.load_state_dict(model.state_dict())
    same(model.eval()(x)[0], plain(x)[0])
    assert layer(3, 8, 2, dropout=0.5)(x)[0].shape == (5, 2, 8)


@layers
@pytest.mark.parametrize("dtype", [at.float32, at.float64])
def test_all_parameters_and_the_input_get_gradients(layer, dtype):
    model = layer(3, 4, 2, bidirectional=True, dtype=dtype)
    x = at.randn(5, 2, 3, dtype=dtype).requires_grad_()
    output, last = model(x)
    (output.sum() + sum(s.sum() for s in parts(last))).backward()
    for tensor in (x, *model.parameters()):
        assert tensor.grad.dtype == dtype
        assert np.abs(tensor.grad.array).max() > 0


def test_training_learns_which_number_came_first():
    """The last output must tell what was said eight steps before."""
    model, head = nn.LSTM(2, 16, batch_first=True), nn.Linear(16, 1)
    optimizer = at.optim.Adam([*model.parameters(), *head.parameters()], lr=0.02)
    x = at.randn(64, 8, 2)
    wanted = (x[:, 0, :1] > 0).float()
    for _ in range(80):
        loss = nn.functional.binary_cross_entropy_with_logits(head(model(x)[0][:, -1]), wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.05


def test_made_wrongly():
    with pytest.raises(NotImplementedError, match=r"proj_size is not supported, got 2"):
        nn.LSTM(3, 4, proj_size=2)
    for layer, name in itertools.product(LAYERS, ("input_size", "hidden_size", "num_layers")):
        sizes = {"input_size": 3, "hidden_size": 4, "num_layers": 1}
        with pytest.raises(ValueError, match=f"{layer.__name__}: {name} must be at least 1, got 0"):
            layer(**{**sizes, name: 0})
        with pytest.raises(TypeError, match=f"{layer.__name__}: {name} must be an integer"):
            layer(**{**sizes, name: 1.5})
    with pytest.raises(ValueError, match=r"between 0 and 1, but got 1\.5"):
        nn.GRU(3, 4, 2, dropout=1.5)
    for kind in (nn.RNN, nn.RNNCell):
        with pytest.raises(ValueError, match=r"RNN.*: nonlinearity must be one of 'tanh', 'relu'"):
            kind(3, 4, nonlinearity="sigmoid")
    with pytest.warns(UserWarning, match=r"dropout=0\.5 does nothing with num_layers=1"):
        nn.LSTM(3, 4, dropout=0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nn.LSTM(3, 4, 2, dropout=0.5)


@layers
def test_called_wrongly(layer):
    model, name = layer(3, 4), layer.__name__
    lstm = layer is nn.LSTM

    def states(*shape):
        return (at.zeros(*shape),) * 2 if lstm else at.zeros(*shape)

    with pytest.raises(TypeError, match=f"{name}: expected a Tensor, got ndarray"):
        model(np.zeros((5, 2, 3)))
    with pytest.raises(ValueError, match=f"{name}: Expected input to be 2D or 3D, got 4D"):
        model(at.zeros(1, 5, 2, 3))
    with pytest.raises(RuntimeError, match=r"equal to input_size\. Expected 3, got 6"):
        model(at.zeros(5, 2, 6))
    with pytest.raises(RuntimeError, match=r"h_0 of size \(1, 2, 4\) .* got \(2, 2, 4\)"):
        model(at.zeros(5, 2, 3), states(2, 2, 4))
    with pytest.raises(RuntimeError, match=r"h_0 of size \(1, 4\) .* got \(1, 1, 4\)"):
        model(at.zeros(5, 3), states(1, 1, 4))
    with pytest.raises(RuntimeError, match="one step at least"):
        model(at.zeros(0, 2, 3))
    with pytest.raises(RuntimeError, match=r"h0 is float32|w_ih is float32"):
        model(at.zeros(5, 2, 3, dtype=at.float64))
    wrong = at.zeros(1, 2, 4) if lstm else [at.zeros(1, 2, 4)]
    with pytest.raises(TypeError, match=f"{name}: .* must be a"):
        model(at.zeros(5, 2, 3), wrong)
    if lstm:
        with pytest.raises(TypeError, match="c_0 must be a Tensor, got int"):
            model(at.zeros(5, 2, 3), (at.zeros(1, 2, 4), 1))


@cells
def test_cells_called_wrongly(cell):
    model, name = cell(3, 4), cell.__name__
    with pytest.raises(ValueError, match=f"{name}: Expected input to be 1D or 2D, got 3D"):
        model(at.zeros(5, 2, 3))
    with pytest.raises(RuntimeError, match="Expected 3, got 5"):
        model(at.zeros(2, 5))
    state = at.zeros(3, 4)
    with pytest.raises(RuntimeError, match=r"h_0 of size \(2, 4\) .* got \(3, 4\)"):
        model(at.zeros(2, 3), (state, state) if cell is nn.LSTMCell else state)


def test_states_can_be_carried_on_without_history():
    model = nn.GRU(3, 4)
    x, state = at.randn(6, 2, 3), None
    for chunk in x.split(3):
        output, state = model(chunk, state)
        output.sum().backward()
        state = state.detach()
    same(output, model(x)[0][3:])
    assert isinstance(state, Tensor)
