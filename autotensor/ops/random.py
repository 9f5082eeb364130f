"""Dropout and draws: noise from the default generator, seeded by `manual_seed`."""

import numpy as np

from autotensor.creation import default_generator
from autotensor.ops.activation import floats_only, leaky_relu, softmax
from autotensor.ops.arguments import tensor_of
from autotensor.ops.elementwise import where
from autotensor.tensor import Tensor

__all__ = [
    "alpha_dropout",
    "bernoulli",
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "feature_alpha_dropout",
    "gumbel_softmax",
    "multinomial",
    "rrelu",
]


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


def dropout3d(input, p=0.5, training=True):
    """`dropout` of whole channels: (N, C, D, H, W) or (C, D, H, W) -> the same shape."""
    leading = tensor_of(input, "dropout3d").ndim - 3
    return _channels_dropped(input, p, training, leading, (4, 5), "dropout3d")


def _channels_dropped(x, p, training, leading, ranks, name):
    """One draw for all elements with the same ``leading`` indices."""
    if tensor_of(x, name).ndim not in ranks:
        raise RuntimeError(
            f"{name}: expected {ranks[0]} or {ranks[1]} dimensions, got {x.ndim}: {x.shape}"
        )
    return _dropped(x, p, training, x.shape[:leading] + (1,) * (x.ndim - leading), name)


def _dropped(x, p, training, shape, name):
    _check_probability(p, name)
    if not training or p == 0 or not x.array.size:
        return x
    if x.dtype.kind != "f":
        raise RuntimeError(f"{name}: expected a floating dtype, got {x.dtype}: use x.float()")
    # Drawn in the order of x's memory, so that the product runs through both in one go.
    mask = np.empty_like(x.array) if shape == x.shape else np.empty(shape, x.dtype)
    draws = default_generator.numpy.random(mask.size, np.float32)
    np.multiply(draws >= p, 0 if p == 1 else 1 / (1 - p), out=mask.ravel("K"))
    return x * Tensor(mask)


def _check_probability(p, name):
    if not 0 <= p <= 1:
        raise ValueError(f"{name}: dropout probability has to be between 0 and 1, but got {p}")


def alpha_dropout(input, p=0.5, training=False):
    """`dropout` that keeps mean and variance of `selu`: what is dropped is set to its limit.

    (Klambauer et al. 2017).
    """
    return _alpha_dropped(
        input, p, training, tensor_of(input, "alpha_dropout").shape, "alpha_dropout"
    )


def feature_alpha_dropout(input, p=0.5, training=False):
    """`alpha_dropout` of whole channels: (N, C, ...) -> the same shape."""
    name = "feature_alpha_dropout"
    if tensor_of(input, name).ndim < 2:
        raise RuntimeError(f"{name}: expected (N, C, ...), got shape {input.shape}")
    return _alpha_dropped(input, p, training, input.shape[:2] + (1,) * (input.ndim - 2), name)


def _alpha_dropped(x, p, training, shape, name):
    _check_probability(p, name)
    if not training or p == 0 or not floats_only(x, name).array.size:
        return x
    kept = default_generator.numpy.random(shape, np.float32) >= p
    if p == 1:
        return x * 0
    limit = -1.7580993408473766  # of selu at minus infinity
    scale = ((limit**2 * p + 1) * (1 - p)) ** -0.5
    shift = np.where(kept, 0, limit * scale) - limit * scale * p
    return x * Tensor((kept * scale).astype(x.dtype)) + Tensor(shift.astype(x.dtype))


def rrelu(input, lower=1.0 / 8, upper=1.0 / 3, training=False):
    """`leaky_relu` with slopes drawn evenly between ``lower`` and ``upper`` in training.

    Otherwise with their mean (Xu et al. 2015).
    """
    if not lower <= upper:
        raise RuntimeError(f"rrelu: lower bound {lower} is greater than upper bound {upper}")
    if not training:
        return leaky_relu(input, (lower + upper) / 2)
    draws = default_generator.numpy.random(floats_only(input, "rrelu").shape)
    slopes = Tensor((lower + (upper - lower) * draws).astype(input.dtype))
    return where(input >= 0, input, input * slopes)


def gumbel_softmax(logits, tau=1, hard=False, eps=1e-10, dim=-1):
    """A softmax sample: ``softmax((logits + gumbel noise) / tau)`` along ``dim``.

    ``hard`` gives 1 for the largest and 0 for the others, with the gradient of the soft sample
    (Jang et al. 2017). ``eps`` does nothing, as in PyTorch.
    """
    draws = default_generator.numpy.standard_exponential(
        floats_only(logits, "gumbel_softmax").shape
    )
    noise = -np.log(np.maximum(draws, np.finfo(np.float64).tiny))
    soft = softmax((logits + Tensor(noise.astype(logits.dtype))) / tau, dim)
    if not hard:
        return soft
    first = np.expand_dims(soft.array.argmax(dim), dim)
    one = np.zeros_like(soft.array)
    np.put_along_axis(one, first, 1, dim)
    return Tensor(one) - soft.detach() + soft


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
