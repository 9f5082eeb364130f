"""Recurrent layers: all steps of one layer in one direction are one operation.

float32 runs in fused kernels. The plain formula, step by step, stands beside them: for other
dtypes, and where gradients of the gradient are recorded.
"""

from autotensor import dtypes, kernels
from autotensor.gradients import differentiate
from autotensor.modes import is_grad_enabled
from autotensor.ops.activation import floats_only, relu
from autotensor.ops.arguments import tensor_of
from autotensor.ops.elementary import sigmoid, tanh
from autotensor.ops.joining import chunk, stack
from autotensor.ops.linalg import linear
from autotensor.tensor import Tensor, record

__all__ = ["gru", "lstm", "rnn"]


def rnn(x, h0, w_ih, w_hh, b_ih=None, b_hh=None, nonlinearity="tanh", reverse=False):
    """``h = tanh(x w_ih' + b_ih + h w_hh' + b_hh)``, step by step (Elman 1990).

    (T, N, I), (N, H), (H, I), (H, H), (H), (H) -> (T, N, H), (N, H): the hidden states, and that
    after the last step. ``nonlinearity`` is "tanh" or "relu"; ``reverse`` goes from T to 1.
    """
    if nonlinearity not in ("tanh", "relu"):
        raise ValueError(f"rnn: nonlinearity is 'tanh' or 'relu', not {nonlinearity!r}")
    cell = _tanh_cell if nonlinearity == "tanh" else _relu_cell
    states = _recurrent("rnn", cell, (x, h0, None, w_ih, w_hh, b_ih, b_hh), reverse)
    return states, states[0 if reverse else -1]


def lstm(x, h0, c0, w_ih, w_hh, b_ih=None, b_hh=None, reverse=False):
    """Long short-term memory (Hochreiter and Schmidhuber 1997), with a forget gate.

    ``c = sigmoid(f) c + sigmoid(i) tanh(g)``, ``h = sigmoid(o) tanh(c)`` with
    ``[i, f, g, o] = x w_ih' + b_ih + h w_hh' + b_hh``.
    (T, N, I), (N, H), (N, H), (4 H, I), (4 H, H), (4 H), (4 H) -> (T, N, H), (N, H), (N, H): the
    hidden states, and the hidden and cell states after the last step.
    """
    states = _recurrent("lstm", _lstm_cell, (x, h0, c0, w_ih, w_hh, b_ih, b_hh), reverse)
    output = states[:-1]
    return output, output[0 if reverse else -1], states[-1]


def gru(x, h0, w_ih, w_hh, b_ih=None, b_hh=None, reverse=False):
    """Gated recurrent units (Cho et al. 2014), the reset gate after the product as in PyTorch.

    ``h = n + sigmoid(z) (h - n)``, ``n = tanh(n_x + sigmoid(r) n_h)`` with gates r, z, n:
    ``[r_x, z_x, n_x] = x w_ih' + b_ih``, likewise of h, ``r = r_x + r_h``, ``z = z_x + z_h``.
    (T, N, I), (N, H), (3 H, I), (3 H, H), (3 H), (3 H) -> (T, N, H), (N, H): the hidden states, and
    that after the last step.
    """
    states = _recurrent("gru", _gru_cell, (x, h0, None, w_ih, w_hh, b_ih, b_hh), reverse)
    return states, states[0 if reverse else -1]


def _tanh_cell(of_x, of_h, h, c):
    return tanh(of_x + of_h), c


def _relu_cell(of_x, of_h, h, c):
    return relu(of_x + of_h), c


def _lstm_cell(of_x, of_h, h, c):
    i, f, g, o = chunk(of_x + of_h, 4, -1)
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    return sigmoid(o) * tanh(c), c


def _gru_cell(of_x, of_h, h, c):
    (r_x, z_x, n_x), (r_h, z_h, n_h) = chunk(of_x, 3, -1), chunk(of_h, 3, -1)
    n = tanh(n_x + sigmoid(r_x + r_h) * n_h)
    return n + sigmoid(z_x + z_h) * (h - n), c


_GATES = {_tanh_cell: 1, _relu_cell: 1, _lstm_cell: 4, _gru_cell: 3}
_MODES = {_tanh_cell: "tanh", _relu_cell: "relu", _lstm_cell: "lstm", _gru_cell: "gru"}


def _recurrent(name, cell, inputs, reverse):
    """The hidden states of all steps and, if there are cell states, the last of those."""
    _check(name, _GATES[cell], *inputs)
    x = inputs[0]

    def formula(x, h, c, w_ih, w_hh, b_ih, b_hh):
        of_x, states = linear(x, w_ih, b_ih), []
        for step in range(len(x))[:: -1 if reverse else 1]:
            h, c = cell(of_x[step], linear(h, w_hh, b_hh), h, c)
            states.append(h)
        states = states[::-1] if reverse else states  # a list
        return stack(states if c is None else [*states, c])

    if x.dtype != dtypes.float32 or not x.array.size:
        return formula(*inputs)
    wants_x = x.requires_grad
    save = is_grad_enabled() and any(v is not None and v.requires_grad for v in inputs)
    arrays = (None if v is None else v.array for v in inputs)
    value, saved = kernels.recurrence(_MODES[cell], *arrays, reverse, save)

    def rule(g):
        if is_grad_enabled():
            return differentiate(formula, inputs, g)
        w_ih, w_hh = inputs[3].array, inputs[4].array
        found = kernels.recurrence_grad(_MODES[cell], g.array, w_ih, w_hh, saved, reverse, wants_x)
        return tuple(None if part is None else Tensor(part) for part in found)

    return record(value, (inputs, rule))


def _check(name, gates, x, h0, c0, w_ih, w_hh, b_ih, b_hh):
    """Raise RuntimeError unless shapes and dtypes fit together."""
    given = {"x": x, "h0": h0, "w_ih": w_ih, "w_hh": w_hh}
    optional = {"c0": c0, "b_ih": b_ih, "b_hh": b_hh}
    given |= {label: v for label, v in optional.items() if v is not None}
    for label, v in given.items():
        if tensor_of(v, name).dtype != floats_only(x, name).dtype:
            raise RuntimeError(
                f"{name}: {label} is {v.dtype} but x is {x.dtype}: convert one of them"
            )
    if x.ndim != 3 or w_ih.ndim != 2 or w_hh.ndim != 2:
        raise RuntimeError(
            f"{name}: expected x (T, N, I), w_ih ({gates} H, I), w_hh ({gates} H, H): got x "
            f"{x.shape}, w_ih {w_ih.shape}, w_hh {w_hh.shape}"
        )
    (steps, n, width), hidden = x.shape, w_hh.shape[1]
    if not steps:
        raise RuntimeError(f"{name}: a sequence needs one step at least, got x {x.shape}")
    line = gates * hidden
    expected = {"h0": (n, hidden), "c0": (n, hidden), "w_ih": (line, width),
                "w_hh": (line, hidden), "b_ih": (line,), "b_hh": (line,)}  # fmt: skip
    for label, shape in expected.items():
        if label in given and given[label].shape != shape:
            raise RuntimeError(
                f"{name}: {label} is {given[label].shape}, but x {x.shape} and w_hh {w_hh.shape} "
                f"need {shape}"
            )
