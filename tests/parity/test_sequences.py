"""Packed sequences and the recurrent layers on them, beside PyTorch's."""

import numpy as np
import pytest

import autotensor as at

torch = pytest.importorskip("torch")
RNG = np.random.default_rng(0)
LENGTHS = [2, 5, 1, 5]


def real(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def same(ours, theirs):
    if theirs is None:
        assert ours is None
        return
    a, b = ours.detach().numpy(), theirs.detach().numpy()
    assert a.dtype == b.dtype
    np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("lengths", [LENGTHS, [4, 3, 3, 1], [2, 2, 2, 2]])
@pytest.mark.parametrize("trailing", [(), (3,), (2, 3)])
def test_packing(batch_first, lengths, trailing):
    array = real(4, 6, *trailing) if batch_first else real(6, 4, *trailing)
    sorted_ = lengths == sorted(lengths, reverse=True)
    found = []
    for lib in (at, torch):
        rnn, x = lib.nn.utils.rnn, lib.tensor(array).requires_grad_()
        packed = rnn.pack_padded_sequence(x, lib.tensor(lengths), batch_first, sorted_)
        y, back = rnn.pad_packed_sequence(packed, batch_first, -1.5, 7)
        z, _ = rnn.pad_packed_sequence(packed, batch_first)
        ((y**2).sum() + z.sum()).backward()
        found.append([*packed, y, z, back, x.grad])
    for pair in zip(*found, strict=True):
        same(*pair)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("batch_first", [False, True])
def test_padding(side, batch_first):
    arrays = [real(n, 2) for n in LENGTHS]
    found = []
    for lib in (at, torch):
        rnn, xs = lib.nn.utils.rnn, [lib.tensor(a).requires_grad_() for a in arrays]
        padded = rnn.pad_sequence(xs, batch_first, 0.5, side)
        right = rnn.pad_sequence(xs, batch_first)
        parts = rnn.unpad_sequence(right, lib.tensor(LENGTHS), batch_first)
        packed = rnn.pack_sequence(xs, enforce_sorted=False)
        again = rnn.unpack_sequence(packed)
        (padded.sin().sum() + sum((p**2).sum() for p in again)).backward()
        found.append([padded, *parts, *again, *packed, *(x.grad for x in xs)])
    for pair in zip(*found, strict=True):
        same(*pair)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_recurrent_layers(kind, layers, bidirectional, given, dtype):
    theirs = getattr(torch.nn, kind)(3, 4, layers, bidirectional=bidirectional)
    ours = getattr(at.nn, kind)(3, 4, layers, bidirectional=bidirectional)
    ours.load_state_dict({k: at.tensor(v.numpy()) for k, v in theirs.state_dict().items()})
    x, shape = real(5, 4, 3), (layers * (1 + bidirectional), 4, 4)
    starts = [real(*shape) for _ in range(1 + (kind == "LSTM"))]
    found = []
    for lib, module in ((at, ours), (torch, theirs)):
        module.to(getattr(lib, dtype))
        rnn = lib.nn.utils.rnn
        inputs = [lib.tensor(a.astype(dtype)).requires_grad_() for a in (x, *starts)]
        packed = rnn.pack_padded_sequence(inputs[0], lib.tensor(LENGTHS), enforce_sorted=False)
        hx = (tuple(inputs[1:]) if kind == "LSTM" else inputs[1]) if given else None
        output, last = module(packed, hx)
        assert type(output) is rnn.PackedSequence
        last = list(last) if kind == "LSTM" else [last]
        y, lengths = rnn.pad_packed_sequence(output)
        ((y**2).sum() + sum(state.sin().sum() for state in last)).backward()
        grads = [v.grad for v in inputs if given or v is inputs[0]]
        found.append([y, lengths, *last, *grads, *(p.grad for p in module.parameters())])
    for pair in zip(*found, strict=True):
        same(*pair)


def test_packed_sequences_differentiate_twice():
    layer = at.nn.LSTM(2, 3, bidirectional=True).double()
    rnn = at.nn.utils.rnn

    def f(x):
        packed = rnn.pack_padded_sequence(x, [3, 1, 2], enforce_sorted=False)
        output, (h, c) = layer(packed)
        return rnn.pad_packed_sequence(output)[0], h, c

    x = at.randn(3, 3, 2, dtype=at.float64).requires_grad_()
    assert at.testing.gradgradcheck(f, (x,), fast_mode=True)


def test_errors():
    for lib in (at, torch):
        rnn, x = lib.nn.utils.rnn, lib.zeros(3, 2, 4)
        with pytest.raises(RuntimeError, match="enforce_sorted"):
            rnn.pack_padded_sequence(x, lib.tensor([1, 3]))
        with pytest.raises(RuntimeError, match="greater than 0"):
            rnn.pack_padded_sequence(x, lib.tensor([3, 0]))
        packed = rnn.pack_padded_sequence(x, lib.tensor([3, 1]))
        with pytest.raises(ValueError, match="total_length"):
            rnn.pad_packed_sequence(packed, total_length=2)
        with pytest.raises(RuntimeError, match=r"input.size\(-1\)"):
            lib.nn.GRU(5, 2)(packed)
        with pytest.raises(RuntimeError, match="padding_side"):
            rnn.pad_sequence([x], padding_side="top")
