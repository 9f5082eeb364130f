"""What `gradcheck` takes as inputs: tensors whose elements can be moved one at a time."""

import warnings

import numpy as np

from autotensor.memory import before_write
from autotensor.tensor import Tensor


def as_tuple(inputs):
    """One input or a sequence of them, as a tuple."""
    return tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)


def wanted_among(inputs):
    """The inputs that require gradients, by number; errors for those that cannot be moved."""
    tensors = {n: x for n, x in enumerate(inputs) if isinstance(x, Tensor)}
    wanted = {n: x for n, x in tensors.items() if x.requires_grad}
    if not wanted:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of them "
            "have requires_grad=True."
        )
    places = {n: _addresses(x.array) for n, x in tensors.items()}
    for number, x in wanted.items():
        _check_dtype(number, x)
        if len(np.unique(places[number])) < x.array.size:
            raise RuntimeError(
                f"gradcheck: elements of input {number}, of shape {x.shape}, overlap in memory and "
                f"cannot be moved one by one: pass x.detach().clone().requires_grad_()"
            )
        for other, y in tensors.items():
            if y is not x and np.intersect1d(places[number], places[other]).size:
                raise RuntimeError(
                    f"gradcheck: inputs {number} and {other} share memory, so that moving one "
                    f"moves the other: clone one of them"
                )
    return wanted


def _check_dtype(number, x):
    if x.dtype.kind == "c":
        raise ValueError(f"gradcheck: input {number} is {x.dtype}; only real tensors are checked")
    if x.dtype != np.float64:
        warnings.warn(
            f"Input {number} requires gradient and is {x.dtype}, too coarse for differences over "
            f"small steps: this check will likely fail. Pass x.double(), or greater eps and atol.",
            stacklevel=4,
        )


def _addresses(array):
    """Where in memory each element begins."""
    steps = [np.arange(n) * stride for n, stride in zip(array.shape, array.strides, strict=True)]
    return np.ravel(array.__array_interface__["data"][0] + sum(np.ix_(*steps)))


def drawn_weights(outputs, spaced):
    """Random weights for outputs, which require gradients; with gaps in memory if ``spaced``."""
    random = np.random.default_rng(1)
    arrays = [np.asarray(random.uniform(-1, 1, y.shape)).astype(y.dtype) for y in outputs]
    if spaced:
        arrays = [np.repeat(a, 2, -1)[..., ::2] if a.ndim else a for a in arrays]
    return [Tensor(a).requires_grad_() for a in arrays]


def put(x, values):
    """Write ``values`` to ``x`` unknown to the graph; what was there must return before it runs."""
    before_write(x.array)
    x.array[...] = values
