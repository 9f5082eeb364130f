"""Dropout and draws: noise from the default generator, seeded by `manual_seed`."""

import numpy as np

from autotensor.creation import default_generator
from autotensor.ops.arguments import tensor_of
from autotensor.tensor import Tensor

__all__ = ["bernoulli", "dropout", "dropout1d", "dropout2d", "multinomial"]


def dropout(input, p=0.5, training=True):
    """In training, 0 with probability ``p``, and the rest divided by ``1 - p``.

    Each element on its own (Srivastava et al. 2014).
    """
    x = tensor_of(input, "dropout")
    return _dropped(x, p, training, x.shape, "dropout")


def dropout1d(input, p=0.5, training=True):
    """`dropout` of whole channels: (N, C, L) or (C, L) -> the same shape (Tompson et al. 2015)."""
    x = tensor_of(input, "dropout1d")
    leading = x.ndim - 1
    return _channels_dropped(x, p, training, leading, (2, 3), "dropout1d")


def dropout2d(input, p=0.5, training=True):
    """`dropout` of whole channels: (N, C, H, W) -> (N, C, H, W) (Tompson et al. 2015).

    As in PyTorch, three dimensions are taken for (N, C, L).
    """
    return _channels_dropped(input, p, training, 2, (3, 4), "dropout2d")


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


def multinomial(input, num_samples, replacement=False, *, generator=None):
    """Numbers of classes drawn with probabilities proportional to the rows of ``input``.

    (C) -> (num_samples), or (N, C) -> (N, num_samples); int64. Without ``replacement`` no class
    comes twice in a row (Efraimidis and Spirakis 2006).
    """
    weights = tensor_of(input, "multinomial").array
    if weights.dtype.kind != "f" or weights.ndim not in (1, 2):
        raise RuntimeError(
            f"multinomial: expected probabilities (C) or (N, C), got {weights.dtype} "
            f"{weights.shape}"
        )
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    rows = np.atleast_2d(weights).astype(np.float64)
    if not rows.any(axis=1).all():
        raise RuntimeError("multinomial: probabilities of a row sum to 0")
    if num_samples < 1:
        raise RuntimeError(f"cannot sample n_sample <= 0 samples: {num_samples}")
    source = (generator or default_generator).numpy
    if replacement:
        ends = np.cumsum(rows, axis=1)
        draws = source.random((len(rows), num_samples)) * ends[:, -1:]
        found = [np.searchsorted(e, d, side="right") for e, d in zip(ends, draws, strict=True)]
        found = np.stack(found)
    else:
        if num_samples > (rows > 0).sum(axis=1).min():
            raise RuntimeError(
                f"multinomial: cannot draw {num_samples} different classes of "
                f"{int((rows > 0).sum(axis=1).min())} with a probability above 0"
            )
        with np.errstate(divide="ignore"):
            times = source.standard_exponential(rows.shape) / rows
        found = np.argsort(times, axis=1, kind="stable")[:, :num_samples]
    return Tensor(found.astype(np.int64).reshape(*weights.shape[:-1], num_samples))


def bernoulli(input, *, generator=None):
    """1 with the probability in each element of ``input``, otherwise 0; same shape and dtype."""
    p = tensor_of(input, "bernoulli").array
    if not np.all((p >= 0) & (p <= 1)):
        raise RuntimeError("bernoulli: a probability is between 0 and 1")
    draws = (generator or default_generator).numpy.random(p.shape)
    return Tensor(np.asarray(draws < p).astype(p.dtype))
