"""Elements put around a tensor: constant ones, or its own by reflection and repetition."""

import numpy as np

from autotensor.ops.arguments import sizes, tensor_of
from autotensor.ops.shape import clone
from autotensor.tensor import record

__all__ = ["pad"]


def pad(input, pad, mode="constant", value=None):
    """Elements put around ``input``: ``pad`` holds pairs (before, after), the last dimension first.

    ``mode`` "constant" puts ``value`` (0), "reflect", "replicate" and "circular" repeat elements.
    Negative numbers cut off.
    """
    pad = sizes((pad,))
    x = tensor_of(input, "pad")
    if len(pad) % 2 or len(pad) // 2 > x.ndim:
        raise RuntimeError(f"pad: {pad} is not a pair for each of the last dims of {x.shape}")
    pairs = list(zip(pad[::2], pad[1::2], strict=True))[::-1]
    pairs = [(0, 0)] * (x.ndim - len(pairs)) + pairs
    if any(n + a + b < 0 for n, (a, b) in zip(x.shape, pairs, strict=True)):
        raise RuntimeError(f"pad: {pad} cuts off more than there is of {x.shape}")
    if mode != "constant":
        return _pad_by_index(x, pairs, mode)
    kept = tuple(
        slice(max(-a, 0), n - max(-b, 0)) for n, (a, b) in zip(x.shape, pairs, strict=True)
    )
    grown = [(max(a, 0), max(b, 0)) for a, b in pairs]
    back = [-n for pair in pairs[::-1] for n in pair]
    padded = _with_border(x.array[kept], grown, 0 if value is None else value)
    return record(padded, (x, lambda g: _pad_zeros(g, back)))


def _pad_zeros(x, widths):
    return pad(x, widths)


def _with_border(array, widths, value):
    """Like np.pad with a constant, in the memory order of ``array`` (channels-last stays so)."""
    shape = tuple(n + a + b for n, (a, b) in zip(array.shape, widths, strict=True))
    order = np.argsort([-s for s in array.strides], kind="stable")
    bordered = np.full([shape[d] for d in order], value, array.dtype)
    bordered = bordered.transpose(np.argsort(order))
    inner = tuple(slice(a, a + n) for n, (a, _) in zip(array.shape, widths, strict=True))
    bordered[inner] = array
    return bordered


_PAD_MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def _pad_by_index(x, pairs, mode):
    if mode not in _PAD_MODES:
        raise NotImplementedError(
            f"pad: mode {mode!r}; there are 'constant', {', '.join(map(repr, _PAD_MODES))}"
        )
    if not any(map(any, pairs)):
        return clone(x)
    for dim, (size, pair) in enumerate(zip(x.shape, pairs, strict=True)):
        if pair == (0, 0):
            continue
        limit = {"reflect": size - 1, "circular": size, "replicate": max(pair)}[mode]
        if max(pair) > limit or min(pair) < 0 or size == 0:
            raise RuntimeError(
                f"pad: {mode} of {pair} along dim {dim} of {x.shape}: at most {limit}"
            )
        x = x[(slice(None),) * dim + (np.pad(np.arange(size), pair, _PAD_MODES[mode]),)]
    return x
