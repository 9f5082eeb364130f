"""Losses of scores, distances and counts: by how much what should be larger fails to be.

``reduction`` says what becomes of the losses of the single samples: "mean", "sum" or "none".
"""

import math

import numpy as np

from autotensor.ops.activation import floats_only, logsigmoid
from autotensor.ops.arguments import tensor_of
from autotensor.ops.classification import check_reduction, place_of, reduced
from autotensor.ops.contraction import pairwise_distance
from autotensor.ops.elementary import exp, log
from autotensor.ops.elementwise import clamp, minimum, square, where
from autotensor.ops.indexing import gather
from autotensor.ops.reduce import mean, sum
from autotensor.ops.shape import unsqueeze
from autotensor.tensor import Tensor

__all__ = [
    "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "poisson_nll_loss",
    "soft_margin_loss",
    "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
]


def triplet_margin_loss(
    anchor, positive, negative, margin=1.0, p=2, eps=1e-6, swap=False, reduction="mean"
):
    """``max(0, |a - pos| - |a - neg| + margin)``, in the ``p``-norm: three (N, D) or (D).

    ``swap`` takes the smaller of the distances of anchor and positive from the negative
    (Balntas et al. 2016).
    """

    def distance(x, y):
        return pairwise_distance(x, y, p, eps)

    return triplet_margin_with_distance_loss(
        *(anchor, positive, negative),
        distance_function=distance,
        margin=margin,
        swap=swap,
        reduction=reduction,
    )


def triplet_margin_with_distance_loss(
    anchor,
    positive,
    negative,
    *,
    distance_function=None,
    margin=1.0,
    swap=False,
    reduction="mean",
):
    """`triplet_margin_loss` with a distance of one's own: (N, D), (N, D) -> (N)."""
    name = "triplet_margin_loss"
    check_reduction(name, reduction)
    if margin <= 0:
        raise ValueError(f"{name}: margin must be greater than 0, got {margin}")
    inputs = [floats_only(v, name) for v in (anchor, positive, negative)]
    if len({v.ndim for v in inputs}) != 1:
        raise RuntimeError(
            f"{name}: anchor, positive and negative must have as many dimensions, got "
            f"{', '.join(str(v.shape) for v in inputs)}"
        )
    distance = pairwise_distance if distance_function is None else distance_function
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = minimum(far, distance(positive, negative))
    return reduced(clamp(near - far + margin, min=0), reduction)


def _samples(name, x, target, reduction, target_rank):
    """Scores as (N, C), and target classes as an array, (N) or (N, C) by ``target_rank``."""
    check_reduction(name, reduction)
    rank = floats_only(x, name).ndim
    wanted = x.shape if target_rank == 2 else x.shape[:-1]
    fits = tensor_of(target, name).shape == wanted or (rank, target.shape) == (target_rank, (1,))
    if rank not in (1, 2) or not x.shape[-1] or not fits:
        shape = "(N, C)" if target_rank == 2 else "(N,)"
        raise RuntimeError(
            f"{name}: expected input (N, C) and target {shape}, or one sample of them, got "
            f"{x.shape} and {target.shape}"
        )
    classes = target.array
    if classes.dtype.kind not in "iu":
        raise RuntimeError(f"{name}: expected integer classes, got {target.dtype}: use t.long()")
    classes = classes.reshape((-1, x.shape[-1]) if target_rank == 2 else (-1,))
    wrong = (classes < (-1 if target_rank == 2 else 0)) | (classes >= x.shape[-1])
    if wrong.any():
        raise RuntimeError(
            f"{name}: target {classes[wrong][0]} at position {place_of(wrong)} is out of range of "
            f"{x.shape[-1]} classes"
        )
    return (x if rank == 2 else unsqueeze(x, 0)), classes.astype(np.int64)


def multi_margin_loss(input, target, p=1, margin=1.0, weight=None, reduction="mean"):
    """``sum_i max(0, margin - x[t] + x[i])^p / C`` over all classes i but the target t.

    (N, C), (N) -> () or, unreduced, (N); ``weight`` (C) weighs samples by their class; p is 1 or 2.
    """
    name = "multi_margin_loss"
    if p not in (1, 2):
        raise ValueError(f"{name}: only p == 1 and p == 2 supported, got {p}")
    x, classes = _samples(name, input, target, reduction, 1)
    own = Tensor(classes[:, None])
    short = clamp(x - gather(x, 1, own) + margin, min=0)
    short = short if p == 1 else square(short)
    if weight is not None:
        if weight.shape != (x.shape[1],):
            raise RuntimeError(f"{name}: weight must be ({x.shape[1]},), got {weight.shape}")
        short = short * unsqueeze(weight[classes], 1)
    others = Tensor(np.arange(x.shape[1]) != classes[:, None])
    losses = sum(where(others, short, 0), 1) / x.shape[1]
    return reduced(losses[0] if input.ndim == 1 else losses, reduction)


def multilabel_margin_loss(input, target, reduction="mean"):
    """``sum max(0, 1 - x[t] + x[i]) / C`` over the target classes t and all other classes i.

    (N, C), (N, C) -> () or, unreduced, (N); the targets of a row end at the first -1.
    """
    x, classes = _samples("multilabel_margin_loss", input, target, reduction, 2)
    count = x.shape[1]
    listed = np.logical_and.accumulate(classes >= 0, axis=1)
    row, place = np.nonzero(listed)
    is_target = np.zeros(listed.shape, bool)
    is_target[row, classes[row, place]] = True
    wanted = gather(x, 1, Tensor(np.where(listed, classes, 0)))
    short = clamp(unsqueeze(x, 1) - unsqueeze(wanted, 2) + 1, min=0)  # (N, target, other)
    pairs = Tensor(listed[:, :, None] & ~is_target[:, None, :])
    losses = sum(where(pairs, short, 0), (1, 2)) / count
    return reduced(losses[0] if input.ndim == 1 else losses, reduction)


def multilabel_soft_margin_loss(input, target, weight=None, reduction="mean"):
    """``-(t * log(sigmoid(x)) + (1 - t) * log(sigmoid(-x)))``, the mean over classes.

    (N, C), (N, C) -> () or, unreduced, (N); ``weight`` (C) weighs the classes.
    """
    check_reduction("multilabel_soft_margin_loss", reduction)
    floats_only(input, "multilabel_soft_margin_loss")
    losses = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
    return reduced(mean(losses if weight is None else losses * weight, -1), reduction)


def soft_margin_loss(input, target, reduction="mean"):
    """``log(1 + exp(-t * x))``, t being 1 or -1."""
    check_reduction("soft_margin_loss", reduction)
    if floats_only(input, "soft_margin_loss").shape != tensor_of(target, "soft_margin_loss").shape:
        raise RuntimeError(
            f"soft_margin_loss: target size {target.shape} must be the input size {input.shape}"
        )
    return reduced(-logsigmoid(target * input), reduction)


def poisson_nll_loss(input, target, log_input=True, full=False, eps=1e-8, reduction="mean"):
    """``exp(x) - t * x``, or without ``log_input`` ``x - t * log(x + eps)``.

    For counts t whose mean is x, or exp(x). ``full`` adds Stirling's ``log(t!)`` where t > 1.
    """
    check_reduction("poisson_nll_loss", reduction)
    floats_only(input, "poisson_nll_loss")
    losses = exp(input) - target * input if log_input else input - target * log(input + eps)
    if full:
        many = where(target > 1, target, 1)
        stirling = many * log(many) - many + log(many * (2 * math.pi)) * 0.5
        losses = losses + where(target > 1, stirling, 0)
    return reduced(losses, reduction)
