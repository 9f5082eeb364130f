"""Connectionist temporal classification: the likelihood of a sequence of labels without times."""

import numpy as np

from autotensor import dtypes
from autotensor.ops.activation import floats_only
from autotensor.ops.arguments import cast
from autotensor.ops.classification import check_reduction
from autotensor.ops.elementwise import clamp, where
from autotensor.ops.indexing import gather
from autotensor.ops.joining import stack
from autotensor.ops.padding import pad
from autotensor.ops.reduce import logsumexp, mean, sum
from autotensor.ops.shape import expand, unsqueeze
from autotensor.tensor import Tensor

__all__ = ["ctc_loss"]

_NEVER = -1e30  # the logarithm of a probability of 0 that can be subtracted from itself


def ctc_loss(
    log_probs,
    targets,
    input_lengths,
    target_lengths,
    blank=0,
    reduction="mean",
    zero_infinity=False,
):
    """Minus the log-probability of all ways through time that spell the target.

    Log-probabilities (T, N, C), or (T, C) of one sequence; targets (N, S), or all in a row; the
    lengths of both, (N) -> () or, unreduced, (N). "mean" first divides by the target lengths.
    ``zero_infinity`` counts targets that are too long for their input as 0. The gradient is that of
    this function; PyTorch's adds ``exp(log_probs)``, which `log_softmax` takes out again
    (Graves et al. 2006).
    """
    check_reduction("ctc_loss", reduction)
    single = floats_only(log_probs, "ctc_loss").ndim == 2
    x = unsqueeze(log_probs, 1) if single else log_probs
    x = cast(x, np.promote_types(x.dtype, dtypes.float32))
    steps, lengths = _lengths(x, input_lengths, target_lengths)
    labels = _labels(x, targets, lengths, blank)
    losses = -_log_likelihood(x, labels, steps, lengths)
    losses = where(losses > -_NEVER / 2, 0 if zero_infinity else np.inf, losses)
    if reduction == "sum":
        total = sum(losses)
    elif reduction == "mean":
        total = mean(losses / Tensor(np.maximum(lengths, 1).astype(losses.dtype)))
    else:
        total = losses[0] if single else losses
    return cast(total, log_probs.dtype)


def _lengths(x, input_lengths, target_lengths):
    """Both lengths as arrays (N), checked."""
    if x.ndim != 3:
        raise RuntimeError(f"ctc_loss: expected log_probs (T, N, C) or (T, C), got {x.shape}")
    found = []
    for what, given in (("input_lengths", input_lengths), ("target_lengths", target_lengths)):
        lengths = np.asarray(given.array if isinstance(given, Tensor) else given).reshape(-1)
        if lengths.dtype.kind not in "iu":
            raise RuntimeError(f"ctc_loss: {what} must be integral, got {lengths.dtype}")
        if len(lengths) != x.shape[1]:
            raise RuntimeError(f"{what} must be of size batch_size ({x.shape[1]}): {len(lengths)}")
        if (lengths < 0).any() or (what == "input_lengths" and (lengths > len(x)).any()):
            raise RuntimeError(
                f"ctc_loss: expected {what} of at least 0 and, of inputs, at most {len(x)}, got "
                f"{lengths.tolist()}"
            )
        found.append(lengths)
    return found


def _labels(x, targets, lengths, blank):
    """The targets with blanks around each label: (N, 2 S + 1), S at least 1."""
    classes, given = x.shape[2], targets.array
    if not 0 <= blank < classes:
        raise RuntimeError(f"ctc_loss: blank must be in label range 0..{classes - 1}, got {blank}")
    longest = max(1, int(lengths.max(initial=0)))
    kept = np.arange(longest) < lengths[:, None]
    labels = np.full((len(lengths), 2 * longest + 1), blank, np.int64)
    wide = np.full((len(lengths), longest), blank, np.int64)
    if given.ndim == 1 and given.size == lengths.sum():
        wide[kept] = given
    elif given.ndim == 2 and len(given) == len(lengths) and given.shape[1] >= lengths.max():
        wide[kept] = given[:, :longest][kept[:, : given.shape[1]]]
    else:
        raise RuntimeError(
            f"ctc_loss: targets {given.shape} do not fit target_lengths {lengths.tolist()}: "
            f"expected (N, S), or all in a row"
        )
    if (wide < 0).any() or (wide >= classes).any():
        raise RuntimeError(f"ctc_loss: a target is not in 0..{classes - 1}: {wide.tolist()}")
    labels[:, 1::2] = wide
    return labels


def _log_likelihood(x, labels, steps, lengths):
    """Forward in time: the log-probability of all beginnings that end at each label (N, 2 S + 1).

    From one step to the next the place in the labels stays, moves by one, or by two, over a blank,
    to a label that is not the one before.
    """
    n, states = labels.shape
    scores = clamp(gather(x, 2, expand(Tensor(labels), len(x), n, states)), min=_NEVER)
    jumps = np.zeros((n, states), bool)
    jumps[:, 3::2] = labels[:, 3::2] != labels[:, 1:-2:2]
    jumps, places = Tensor(jumps), np.arange(states)
    alpha = Tensor(np.where(places == 0, 0, _NEVER).astype(x.dtype)[None].repeat(n, 0))
    for step in range(len(x)):
        by_one = pad(alpha, (1, -1), value=_NEVER)
        by_two = where(jumps, pad(alpha, (2, -2), value=_NEVER), _NEVER)
        moved = logsumexp(stack([alpha, by_one, by_two]), 0) + scores[step]
        alive = Tensor((step < steps)[:, None])
        alpha = moved if (step < steps).all() else where(alive, moved, alpha)
    ends = (places == 2 * lengths[:, None]) | (places == 2 * lengths[:, None] - 1)
    return logsumexp(where(Tensor(ends), alpha, _NEVER), 1)
