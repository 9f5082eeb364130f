"""Dropout: noise from the default generator, seeded by `manual_seed`."""

import numpy as np

from autotensor.creation import default_generator
from autotensor.ops.arguments import tensor_of
from autotensor.tensor import Tensor

__all__ = ["dropout", "dropout1d", "dropout2d"]


def dropout(x, p=0.5, training=True):
    """In training, 0 with probability ``p``, and the rest divided by ``1 - p``; otherwise ``x``.

    Each element on its own (Srivastava et al. 2014).
    """
    return _dropped(x, p, training, tensor_of(x, "dropout").shape, "dropout")


def dropout1d(x, p=0.5, training=True):
    """`dropout` of whole channels: (N, C, L) or (C, L) -> the same shape (Tompson et al. 2015)."""
    leading = tensor_of(x, "dropout1d").ndim - 1
    return _channels_dropped(x, p, training, leading, (2, 3), "dropout1d")


def dropout2d(x, p=0.5, training=True):
    """`dropout` of whole channels: (N, C, H, W) -> (N, C, H, W) (Tompson et al. 2015).

    As in PyTorch, three dimensions are taken for (N, C, L).
    """
    return _channels_dropped(x, p, training, 2, (3, 4), "dropout2d")


def _channels_dropped(x, p, training, leading, ranks, name):
    """One draw for all elements with the same ``leading`` indices."""
    if tensor_of(x, name).ndim not in ranks:
        raise RuntimeError(
            f"{name}: expected {ranks[0]} or {ranks[1]} dimensions, got {x.ndim}: {x.shape}"
        )
    return _dropped(x, p, training, x.shape[:leading] + (1,) * (x.ndim - leading), name)


def _dropped(x, p, training, shape, name):
    if not 0 <= p <= 1:
        raise ValueError(f"{name}: dropout probability has to be between 0 and 1, but got {p}")
    if not training or p == 0 or not x.array.size:
        return x
    if x.dtype.kind != "f":
        raise RuntimeError(f"{name}: expected a floating dtype, got {x.dtype}: use x.float()")
    # Drawn in the order of x's memory, so that the product runs through both in one go.
    mask = np.empty_like(x.array) if shape == x.shape else np.empty(shape, x.dtype)
    draws = default_generator.numpy.random(mask.size, np.float32)
    np.multiply(draws >= p, 0 if p == 1 else 1 / (1 - p), out=mask.ravel("K"))
    return x * Tensor(mask)
