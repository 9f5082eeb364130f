"""Losses: how far predictions are from what they should be; defined as in PyTorch.

``reduction`` says what becomes of the losses of the single elements or rows: "mean", "sum" or
"none".
"""

import math
import warnings

import numpy as np

from autotensor.creation import full_like
from autotensor.ops.activation import floats_only, logsigmoid
from autotensor.ops.arguments import broadcast, promote
from autotensor.ops.classification import (
    check_not_empty,
    check_reduction,
    cross_entropy,
    nll_loss,
    place_of,
    reduced,
)
from autotensor.ops.elementary import exp, log, log1p, rsqrt
from autotensor.ops.elementwise import abs, clamp, evaluate, neg, square, where
from autotensor.ops.reduce import sum
from autotensor.ops.shape import unsqueeze
from autotensor.tensor import Tensor, record

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cosine_embedding_loss",
    "cross_entropy",
    "gaussian_nll_loss",
    "hinge_embedding_loss",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "margin_ranking_loss",
    "mse_loss",
    "nll_loss",
    "smooth_l1_loss",
]


def _pair(name, x, target, reduction):
    """Prediction and target as floating tensors of one dtype; warns if they have to broadcast."""
    check_reduction(name, reduction)
    x, target = promote(x, target, name)
    if x.shape != target.shape:
        broadcast(x, target, name)
        warnings.warn(
            f"{name}: target size {target.shape} is different to the input size {x.shape}, which "
            f"broadcasting makes {np.broadcast_shapes(x.shape, target.shape)}: likely a mistake",
            UserWarning,
            stacklevel=3,
        )
    return floats_only(x, name), target


def _same_size(name, x, target, reduction):
    """Raise unless prediction and target are floating tensors of one shape and dtype."""
    check_reduction(name, reduction)
    floats_only(x, name), floats_only(target, f"{name}, target")
    if x.shape != target.shape:
        raise ValueError(
            f"{name}: target size {target.shape} must be the same as input size {x.shape}"
        )
    if x.dtype != target.dtype:
        raise RuntimeError(f"{name}: target is {target.dtype}, the input {x.dtype}: convert one")


def _weighed(name, losses, weight, reduction, over_weights=True):
    """The losses, each times its weight where there are any, reduced.

    The mean is over the sum of the weights, or over the number of elements.
    """
    if weight is None:
        return reduced(losses, reduction)
    if weight.shape != losses.shape:
        raise ValueError(f"{name}: weight {weight.shape} for losses {losses.shape}")
    return reduced(losses * weight, reduction, weight if over_weights else None)


def mse_loss(input, target, reduction="mean", weight=None):
    """``(x - target)**2``; with weights of the elements, the mean is a weighted one."""
    x, target = _pair("mse_loss", input, target, reduction)
    if weight is not None:
        return _weighed("mse_loss", square(x - target), weight, reduction)
    if reduction == "none" or 0 in (x.array.size, target.array.size):
        return reduced(square(x - target), reduction)
    squares = np.square(x.array - target.array)
    count = squares.size if reduction == "mean" else 1

    def slope(g):
        return evaluate(lambda g, x, t: (x - t) * (g * (2 / count)), g, x, target)

    return record(squares.sum() / count, (x, slope), (target, lambda g: neg(slope(g))))


def l1_loss(input, target, reduction="mean", weight=None):
    """``|x - target|``; its gradient is 0 where they are equal. ``weight`` as in `mse_loss`."""
    x, target = _pair("l1_loss", input, target, reduction)
    return _weighed("l1_loss", abs(x - target), weight, reduction)


def _huber(difference, delta):
    # d**2 / 2 inside, delta * (|d| - delta / 2) outside, in one expression without a kink
    inside = clamp(difference, -delta, delta)
    return inside * (difference - inside * 0.5)


def huber_loss(input, target, reduction="mean", delta=1.0, weight=None):
    """``d**2 / 2`` for ``|d| < delta``, ``d = x - target``, else ``delta * (|d| - delta / 2)``.

    (Huber 1964). ``weight`` weighs the elements; the mean is over their number.
    """
    if not delta > 0:
        raise RuntimeError(f"huber_loss: delta must be greater than 0, got {delta}")
    x, target = _pair("huber_loss", input, target, reduction)
    losses = _huber(x - target, delta)
    return _weighed("huber_loss", losses, weight, reduction, over_weights=False)


def smooth_l1_loss(input, target, reduction="mean", beta=1.0):
    """``d**2 / (2 * beta)`` for ``|d| < beta``, ``d = x - target``, else ``|d| - beta / 2``.

    (Girshick 2015).
    """
    if not beta >= 0:
        raise RuntimeError(f"smooth_l1_loss: beta must not be negative, got {beta}")
    x, target = _pair("smooth_l1_loss", input, target, reduction)
    difference = x - target
    return reduced(_huber(difference, beta) / beta if beta else abs(difference), reduction)


def binary_cross_entropy(input, target, weight=None, reduction="mean"):
    """``-(t * log(x) + (1 - t) * log(1 - x))`` for probabilities ``x``; logs end at -100."""
    name = "binary_cross_entropy"
    _same_size(name, input, target, reduction)
    for label, v in (("input", input), ("target", target)):
        wrong = ~((v.array >= 0) & (v.array <= 1))
        if wrong.any():
            raise RuntimeError(
                f"{name}: all elements of {label} should be between 0 and 1, got "
                f"{v.array[wrong][0]} at {place_of(wrong) if v.ndim else ()}"
            )
    p, t = input.array, target.array
    with np.errstate(divide="ignore"):
        log_p, log_q = np.maximum(np.log(p), -100), np.maximum(np.log1p(-p), -100)
    losses = record(
        -(t * log_p + (1 - t) * log_q),
        (input, lambda g: g * (input - target) / clamp(input * (1 - input), min=1e-12)),
        (target, lambda g: g * (log1p(-input) - log(input))),
    )
    return reduced(losses if weight is None else losses * weight, reduction)


def binary_cross_entropy_with_logits(input, target, weight=None, reduction="mean", pos_weight=None):
    """`binary_cross_entropy` of ``sigmoid(x)``, without overflow.

    ``pos_weight`` weighs the positive class; it and ``weight`` broadcast.
    """
    name = "binary_cross_entropy_with_logits"
    _same_size(name, input, target, reduction)
    log_p = logsigmoid(input)
    if pos_weight is not None:
        broadcast(pos_weight, input, name)
        log_p = log_p * ((pos_weight - 1) * target + 1)
    losses = (1 - target) * input - log_p
    return reduced(losses if weight is None else losses * weight, reduction)


def kl_div(input, target, reduction="mean", log_target=False):
    """``target * (log(target) - x)`` for log-probabilities ``x``; ``log_target``: target is a log.

    "batchmean" divides the sum by the batch size, which is the divergence itself.
    """
    check_reduction("kl_div", reduction, ("none", "mean", "batchmean", "sum"))
    x, target = promote(input, target, "kl_div")
    floats_only(x, "kl_div")
    if log_target:
        losses = exp(target) * (target - x)
    else:
        losses = target * (log(where(target == 0, 1, target)) - x)
    if reduction == "batchmean":
        check_not_empty(losses)
        return sum(losses) / (x.shape[0] if x.ndim else 1)
    if reduction == "mean":
        warnings.warn(
            "kl_div: reduction='mean' divides by the number of elements; the divergence is "
            "reduction='batchmean'",
            UserWarning,
            stacklevel=2,
        )
    return reduced(losses, reduction)


def hinge_embedding_loss(input, target, margin=1.0, reduction="mean"):
    """For a distance ``x``: ``x`` where the target is 1, ``max(0, margin - x)`` where it is -1."""
    check_reduction("hinge_embedding_loss", reduction)
    x = floats_only(input, "hinge_embedding_loss")
    near = where(target != -1, x, 0)
    return reduced(near + where(target != 1, clamp(margin - x, min=0), 0), reduction)


def margin_ranking_loss(input1, input2, target, margin=0.0, reduction="mean"):
    """``max(0, -target * (x1 - x2) + margin)``: the target 1 or -1 says which should be larger."""
    check_reduction("margin_ranking_loss", reduction)
    return reduced(clamp(-target * (input1 - input2) + margin, min=0), reduction)


def cosine_embedding_loss(input1, input2, target, margin=0.0, reduction="mean"):
    """``1 - cos(x1, x2)`` where the target is 1, ``max(0, cos - margin)`` where it is -1.

    (N, D), (N, D), (N,) -> (N,) or (D,), (D,), () -> (), before the reduction.
    """
    name = "cosine_embedding_loss"
    check_reduction(name, reduction)
    if input1.shape != input2.shape or target.shape != input1.shape[:-1]:
        raise RuntimeError(
            f"{name}: expected (N, D), (N, D) and target (N,), got {input1.shape}, {input2.shape} "
            f"and {target.shape}"
        )
    lengths = (sum(square(input1), -1) + 1e-12) * (sum(square(input2), -1) + 1e-12)
    cosine = sum(input1 * input2, -1) * rsqrt(lengths)
    near = where(target == 1, 1 - cosine, 0)
    return reduced(near + where(target == -1, clamp(cosine - margin, min=0), 0), reduction)


def gaussian_nll_loss(input, target, var, full=False, eps=1e-6, reduction="mean"):
    """``(log(var) + (x - target)**2 / var) / 2`` (Nix and Weigend 1994); ``full``: + log(2 pi) / 2.

    ``var`` has the shape of ``x``, or one value for its last dimension; below ``eps`` it counts as
    ``eps``, its gradient as if it did not.
    """
    name = "gaussian_nll_loss"
    check_reduction(name, reduction)
    var = var if isinstance(var, Tensor) else full_like(input, var)
    if var.shape == input.shape[:-1] != input.shape:
        var = unsqueeze(var, -1)
    if var.shape not in (input.shape, input.shape[:-1] + (1,)):
        raise ValueError(f"{name}: var {var.shape} must have the shape of input {input.shape}")
    if (var.array < 0).any():
        raise ValueError(f"{name}: var has negative entries, the least is {var.array.min()}")
    var = record(np.maximum(var.array, var.dtype.type(eps)), (var, lambda g: g))
    losses = (log(var) + square(input - target) / var) * 0.5
    return reduced(losses + 0.5 * math.log(2 * math.pi) if full else losses, reduction)
