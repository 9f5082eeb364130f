"""Recurrent layers over sequences, and their cells for single steps."""

import itertools
import warnings

from autotensor.creation import empty, zeros
from autotensor.nn import check, functional, init
from autotensor.nn.module import Module
from autotensor.nn.parameter import Parameter
from autotensor.nn.utils.rnn import PackedSequence
from autotensor.ops.joining import cat, stack
from autotensor.ops.recurrent import gru, lstm, rnn
from autotensor.tensor import Tensor


class _Recurrent(Module):
    """What layers and cells share: sizes, parameters, checks of inputs and states."""

    gates = 1  # rows of weights for each hidden feature
    states = ("h_0",)  # what is carried from step to step

    def __init__(self, input_size, hidden_size, bias):
        super().__init__()
        self.input_size = check.integer(self, "input_size", input_size)
        self.hidden_size = check.integer(self, "hidden_size", hidden_size)
        self.bias = bool(bias)

    def _add_parameters(self, suffix, width, device, dtype):
        rows, made = self.gates * self.hidden_size, {"device": device, "dtype": dtype}
        shapes = {"weight_ih": (rows, width), "weight_hh": (rows, self.hidden_size),
                  "bias_ih": (rows,), "bias_hh": (rows,)}  # fmt: skip
        for name, shape in shapes.items():
            wanted = self.bias or name.startswith("weight")
            value = Parameter(empty(shape, **made)) if wanted else None
            self.register_parameter(name + suffix, value)

    def reset_parameters(self):
        """Draw all parameters anew, uniform on +-1 / sqrt(hidden_size)."""
        bound = self.hidden_size**-0.5
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def _parameters_of(self, suffix=""):
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        return [getattr(self, name + suffix) for name in names]

    def _run(self, x, states, parameters, reverse=False):
        """One layer in one direction: the outputs, and each state after the last step."""
        raise NotImplementedError

    def _title(self):
        return type(self).__name__

    def _check_input(self, input, batched):
        """Raise unless ``input`` has the rank ``batched``, or one less, and fits the weights."""
        if not isinstance(input, Tensor):
            raise TypeError(f"{self._title()}: expected a Tensor, got {type(input).__name__}")
        if input.ndim not in (batched, batched - 1):
            raise ValueError(
                f"{self._title()}: Expected input to be {batched - 1}D or {batched}D, got "
                f"{input.ndim}D instead: {input.shape}"
            )
        if input.shape[-1] != self.input_size:
            raise RuntimeError(
                f"{self._title()}: input.size(-1) must be equal to input_size. Expected "
                f"{self.input_size}, got {input.shape[-1]}: input {input.shape}"
            )

    def _checked_states(self, hx, input, shape):
        """The states as a list, zeros for None; ``shape`` is what each must have."""
        if hx is None:
            return [zeros(shape, dtype=input.dtype) for _ in self.states]
        given = (hx,) if len(self.states) == 1 else hx
        names = ", ".join(self.states)
        if not isinstance(given, (tuple, list)) or len(given) != len(self.states):
            kind = type(hx).__name__
            raise TypeError(f"{self._title()}: hx must be a tuple ({names}) of Tensors, got {kind}")
        for name, state in zip(self.states, given, strict=True):
            if not isinstance(state, Tensor):
                kind = type(state).__name__
                raise TypeError(f"{self._title()}: {name} must be a Tensor, got {kind}")
            if state.shape != shape:
                raise RuntimeError(
                    f"{self._title()}: Expected {name} of size {shape} for input {input.shape}, "
                    f"got {state.shape}"
                )
        return list(given)

    def _joined(self, states):
        """One state as it is, several as a tuple."""
        return states[0] if len(states) == 1 else tuple(states)


class _RNN:
    """The plain recurrent unit."""

    def _run(self, x, states, parameters, reverse=False):
        return rnn(x, *states, *parameters, self.nonlinearity, reverse)


class _LSTM:
    """Long short-term memory."""

    gates = 4
    states = ("h_0", "c_0")

    def _run(self, x, states, parameters, reverse=False):
        return lstm(x, *states, *parameters, reverse)


class _GRU:
    """The gated recurrent unit."""

    gates = 3

    def _run(self, x, states, parameters, reverse=False):
        return gru(x, *states, *parameters, reverse)


class _Layers(_Recurrent):
    """Layers stacked, in one direction or two."""

    def __init__(
        self,
        input_size,
        hidden_size,
        num_layers,
        bias,
        batch_first,
        dropout,
        bidirectional,
        device,
        dtype,
    ):
        super().__init__(input_size, hidden_size, bias)
        self.num_layers = check.integer(self, "num_layers", num_layers)
        self.batch_first = bool(batch_first)
        self.dropout = check.probability(self, dropout)
        self.bidirectional = bool(bidirectional)
        if dropout and num_layers == 1:
            warnings.warn(
                f"{self._title()}: dropout acts between layers, so dropout={dropout} does nothing "
                f"with num_layers=1",
                stacklevel=3,
            )
        width = input_size
        for layer in range(num_layers):
            for suffix in self._suffixes(layer):
                self._add_parameters(suffix, width, device, dtype)
            width = hidden_size * self._directions
        self.reset_parameters()

    @property
    def _directions(self):
        return 2 if self.bidirectional else 1

    def _suffixes(self, layer):
        return [f"_l{layer}", f"_l{layer}_reverse"][: self._directions]

    @property
    def all_weights(self):
        """The parameters of each layer and direction, a list of lists."""
        suffixes = [s for layer in range(self.num_layers) for s in self._suffixes(layer)]
        return [[p for p in self._parameters_of(s) if p is not None] for s in suffixes]

    def flatten_parameters(self):
        """Do nothing: PyTorch's programs call it to place weights for the GPU."""

    def forward(self, input, hx=None):
        if isinstance(input, PackedSequence):
            return self._of_packed(input, hx)
        self._check_input(input, 3)
        batched = input.ndim == 3
        x = input if batched else input.unsqueeze(1)
        if batched and self.batch_first:
            x = x.transpose(0, 1)
        batch = (x.shape[1],) if batched else ()
        shape = (self.num_layers * self._directions, *batch, self.hidden_size)
        states = self._checked_states(hx, input, shape)
        if not batched:
            states = [state.unsqueeze(1) for state in states]
        output, last = self._stacked(x, states)
        if not batched:
            return output.squeeze(1), self._joined([state.squeeze(1) for state in last])
        return output.transpose(0, 1) if self.batch_first else output, self._joined(last)

    def _of_packed(self, packed, hx):
        """Sequences of different lengths: the outputs, packed, and each one's last states."""
        data, sizes, order, back = packed
        if data.ndim != 2:
            raise RuntimeError(f"{self._title()}: packed data must be (*, I), got {data.shape}")
        self._check_input(data, 2)
        sizes = sizes.tolist()
        shape = (self.num_layers * self._directions, sizes[0], self.hidden_size)
        states = self._checked_states(hx, data, shape)
        if order is not None and hx is not None:
            states = [state.index_select(1, order) for state in states]
        output, last = self._stacked(data, states, sizes)
        if back is not None:
            last = [state.index_select(1, back) for state in last]
        return packed._replace(data=output), self._joined(last)

    def _run_packed(self, x, sizes, states, parameters, reverse):
        """Like `_run`, for packed sequences, of which ``sizes`` go on at each step.

        Steps with as many sequences are run together. Between such blocks sequences end (or begin,
        in reverse), those at the end of the batch.
        """
        blocks, start = [], 0
        for size, steps in itertools.groupby(sizes):
            count = len(list(steps))
            blocks.append((x[start : start + count * size].reshape(count, size, -1), size))
            start += count * size
        first, outputs, ended = states, [], []
        states = [state[: blocks[-1 if reverse else 0][1]] for state in first]
        for block, size in blocks[:: -1 if reverse else 1]:
            running = len(states[0])
            if size > running:
                pairs = zip(states, first, strict=True)
                states = [cat([state, begin[running:size]]) for state, begin in pairs]
            elif size < running:
                ended.append([state[size:] for state in states])
                states = [state[:size] for state in states]
            output, *states = self._run(block, states, parameters, reverse)
            outputs.append(output.flatten(0, 1))
        ended.append(states)
        last = [cat(parts[::-1]) for parts in zip(*ended, strict=True)]
        return cat(outputs[:: -1 if reverse else 1]), *last

    def _stacked(self, x, states, sizes=None):
        """All layers: the outputs of the last one, and every state of all of them at the end.

        ``sizes`` are those of the steps of packed sequences.
        """
        last, place = [], 0
        for layer in range(self.num_layers):
            if layer:
                x = functional.dropout(x, self.dropout, self.training)
            outputs = []
            for suffix in self._suffixes(layer):
                start, reverse = [state[place] for state in states], bool(outputs)
                given = (start, self._parameters_of(suffix), reverse)
                found = self._run_packed(x, sizes, *given) if sizes else self._run(x, *given)
                outputs.append(found[0])
                last.append(found[1:])
                place += 1
            x = outputs[0] if len(outputs) == 1 else cat(outputs, -1)
        return x, [stack(parts) for parts in zip(*last, strict=True)]

    def extra_repr(self):
        text = f"{self.input_size}, {self.hidden_size}"
        usual = {"num_layers": 1, "bias": True, "batch_first": False, "dropout": 0,
                 "bidirectional": False}  # fmt: skip
        for name, value in usual.items():
            if getattr(self, name) != value:
                text += f", {name}={getattr(self, name)}"
        return text


class RNN(_RNN, _Layers):
    """Plain recurrent layers, h = tanh(x W' + b + h U' + d): (T, N, I) -> (T, N, H).

    Returns the outputs and the last hidden states (layers, N, H); the argument ``hx`` is the first
    (zeros if left out). ``batch_first``: (N, T, I); a single sequence is (T, I); sequences of
    different lengths are a `PackedSequence`, as are the outputs then. With ``bidirectional`` H
    doubles and there are two states for each layer (Elman, 1990).
    """

    def __init__(
        self,
        input_size,
        hidden_size,
        num_layers=1,
        nonlinearity="tanh",
        bias=True,
        batch_first=False,
        dropout=0.0,
        bidirectional=False,
        device=None,
        dtype=None,
    ):
        super().__init__(
            *(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional),
            *(device, dtype),
        )
        self.nonlinearity = check.choice(self, "nonlinearity", nonlinearity, ("tanh", "relu"))


class LSTM(_LSTM, _Layers):
    """Long short-term memory: (T, N, I) -> (T, N, H).

    Returns the outputs and the last states ``(h_n, c_n)``, (layers, N, H) each; the argument
    ``hx`` is the first pair. Otherwise as `RNN` (Hochreiter and Schmidhuber, 1997).
    """

    def __init__(
        self,
        input_size,
        hidden_size,
        num_layers=1,
        bias=True,
        batch_first=False,
        dropout=0.0,
        bidirectional=False,
        proj_size=0,
        device=None,
        dtype=None,
    ):
        if proj_size:
            raise NotImplementedError(
                f"LSTM: proj_size is not supported, got {proj_size}: put a Linear after the LSTM"
            )
        super().__init__(
            *(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional),
            *(device, dtype),
        )


class GRU(_GRU, _Layers):
    """Gated recurrent units: (T, N, I) -> (T, N, H).

    Arguments and results as of `RNN` (Cho et al., 2014; the reset gate acts after the product).
    """

    def __init__(
        self,
        input_size,
        hidden_size,
        num_layers=1,
        bias=True,
        batch_first=False,
        dropout=0.0,
        bidirectional=False,
        device=None,
        dtype=None,
    ):
        super().__init__(
            *(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional),
            *(device, dtype),
        )


class _Cell(_Recurrent):
    """One step of one layer: (N, I), states of (N, H) -> the next states; or (I), (H)."""

    def __init__(self, input_size, hidden_size, bias, device, dtype):
        super().__init__(input_size, hidden_size, bias)
        self._add_parameters("", input_size, device, dtype)
        self.reset_parameters()

    def forward(self, input, hx=None):
        self._check_input(input, 2)
        batched = input.ndim == 2
        states = self._checked_states(hx, input, (*input.shape[:-1], self.hidden_size))
        if not batched:
            input, states = input.unsqueeze(0), [state.unsqueeze(0) for state in states]
        found = self._run(input.unsqueeze(0), states, self._parameters_of())[1:]
        return self._joined(list(found) if batched else [state.squeeze(0) for state in found])

    def extra_repr(self):
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else ", bias=False")


class RNNCell(_RNN, _Cell):
    """A step of `RNN`: (N, I), (N, H) -> (N, H); the state is zero if left out."""

    def __init__(
        self, input_size, hidden_size, bias=True, nonlinearity="tanh", device=None, dtype=None
    ):
        super().__init__(input_size, hidden_size, bias, device, dtype)
        self.nonlinearity = check.choice(self, "nonlinearity", nonlinearity, ("tanh", "relu"))

    def extra_repr(self):
        text = super().extra_repr()
        return text if self.nonlinearity == "tanh" else f"{text}, nonlinearity=relu"


class LSTMCell(_LSTM, _Cell):
    """A step of `LSTM`: (N, I), ((N, H), (N, H)) -> ((N, H), (N, H))."""

    def __init__(self, input_size, hidden_size, bias=True, device=None, dtype=None):
        super().__init__(input_size, hidden_size, bias, device, dtype)


class GRUCell(_GRU, _Cell):
    """A step of `GRU`: (N, I), (N, H) -> (N, H)."""

    def __init__(self, input_size, hidden_size, bias=True, device=None, dtype=None):
        super().__init__(input_size, hidden_size, bias, device, dtype)
