"""Cross-entropy between scores or log-probabilities and classes, as in PyTorch."""

import numpy as np

from autotensor import dtypes, kernels
from autotensor.gradients import differentiate
from autotensor.modes import is_grad_enabled
from autotensor.ops.activation import floats_only, log_softmax
from autotensor.ops.arguments import tensor_of
from autotensor.ops.elementwise import where
from autotensor.ops.indexing import gather
from autotensor.ops.reduce import mean, sum
from autotensor.ops.shape import reshape, squeeze, unsqueeze
from autotensor.tensor import Tensor, record

__all__ = ["cross_entropy", "nll_loss"]


def reduced(loss, reduction, weight=None):
    """The mean (over the sum of ``weight``, where given), the sum, or the losses themselves.

    Of nothing there is no mean: ValueError, where PyTorch gives NaN.
    """
    if reduction == "none":
        return loss
    if reduction == "sum":
        return sum(loss)
    check_not_empty(loss)
    return mean(loss) if weight is None else sum(loss) / sum(weight)


def check_not_empty(loss):
    """Raise ValueError if there are no losses to take the mean of."""
    if not loss.array.size:
        raise ValueError(
            f"the batch is empty (losses of shape {loss.shape}) and has no mean loss: leave empty "
            f"batches out, or use reduction='sum'"
        )


def check_reduction(name, reduction, known=("none", "mean", "sum")):
    """Raise ValueError in the name of the loss if ``reduction`` is not one of the known."""
    if reduction not in known:
        listed = ", ".join(map(repr, known))
        raise ValueError(f"{name}: {reduction!r} is not a valid value for reduction: {listed}")


def place_of(mask):
    """The first position where ``mask`` holds, as one would write the index."""
    place = [int(i) for i in np.argwhere(mask)[0]]
    return place[0] if len(place) == 1 else tuple(place)


def cross_entropy(
    input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0
):
    """``-log softmax(x)[target]``: (N, C, ...), (N, ...) -> () or, unreduced, (N, ...).

    The target holds class indices, or probabilities in the shape of ``x``; a single sample is (C,).
    ``weight`` (C,) weighs the classes, and the mean is then a weighted one; rows whose index is
    ``ignore_index`` count nothing. ``label_smoothing`` mixes the target with equal probabilities
    (Szegedy et al. 2016).
    """
    check_reduction("cross_entropy", reduction)
    if not 0 <= label_smoothing <= 1:
        raise RuntimeError(
            f"cross_entropy: label_smoothing must be between 0.0 and 1.0, got {label_smoothing}"
        )
    _check_classes("cross_entropy", input, target, weight)
    if input.ndim == 1:
        target = unsqueeze(target, 0) if target.shape == input.shape else reshape(target, 1)
        options = (weight, ignore_index, reduction, label_smoothing)
        return reshape(cross_entropy(unsqueeze(input, 0), target, *options), ())
    if target.shape == input.shape:
        return _soft_cross_entropy(input, target, weight, ignore_index, reduction, label_smoothing)
    classes = _class_indices("cross_entropy", input, target, ignore_index)
    losses, weights = _weighted(_cross_entropy(input, classes), classes, weight)
    if label_smoothing > 0:
        equal = -_over_classes(log_softmax(input, 1), weight) / input.shape[1]
        equal = where(Tensor(classes >= 0), equal, 0)
        losses = losses * (1 - label_smoothing) + equal * label_smoothing
    return reduced(losses, reduction, weights)


def nll_loss(input, target, weight=None, ignore_index=-100, reduction="mean"):
    """``-x[target]`` for log-probabilities: (N, C, ...), (N, ...) -> () or, unreduced, (N, ...).

    ``weight`` and ``ignore_index`` as in `cross_entropy`.
    """
    check_reduction("nll_loss", reduction)
    _check_classes("nll_loss", input, target, weight)
    if input.ndim == 1:
        options = (weight, ignore_index, reduction)
        return reshape(nll_loss(unsqueeze(input, 0), reshape(target, 1), *options), ())
    classes = _class_indices("nll_loss", input, target, ignore_index)
    losses, weights = _weighted(_picked(input, classes), classes, weight)
    return reduced(losses, reduction, weights)


def _soft_cross_entropy(x, target, weight, ignore_index, reduction, label_smoothing):
    """`cross_entropy` with probabilities; the mean is over rows, whatever the weights."""
    if target.dtype.kind != "f":
        raise RuntimeError(
            f"cross_entropy: a target in the shape of the input {x.shape} holds class "
            f"probabilities and must be floating, got {target.dtype}; class indices have no "
            f"dimension for classes"
        )
    if ignore_index >= 0:
        raise RuntimeError(
            f"cross_entropy: ignore_index {ignore_index} goes with class indices, not with a "
            f"target of class probabilities"
        )
    missing = np.isnan(target.array)
    if missing.any():
        raise ValueError(
            f"cross_entropy: the target is NaN at {place_of(missing)}: clean the labels first"
        )
    if label_smoothing > 0:
        target = target * (1 - label_smoothing) + label_smoothing / x.shape[1]
    losses = -_over_classes(log_softmax(x, 1) * target, weight)
    return reduced(losses, reduction)


def _cross_entropy(x, classes):
    """Minus the log-probability of each row's class, 0 where the class is negative."""

    def formula(x):
        return _picked(log_softmax(x, 1), classes)

    if x.dtype != dtypes.float32 or not x.array.size:
        return formula(x)
    losses, scales = kernels.cross_entropy(x.array, classes)

    def rule(g):
        if is_grad_enabled():
            return differentiate(formula, (x,), g)[0]
        return Tensor(kernels.cross_entropy_grad(g.array, x.array, classes, scales))

    return record(losses, (x, rule))


def _picked(x, classes):
    """Minus each row's element at its class, 0 where the class is negative."""
    places = Tensor(np.expand_dims(np.maximum(classes, 0), 1))
    return where(Tensor(classes >= 0), -squeeze(gather(x, 1, places), 1), 0)


def _over_classes(x, weight):
    """The (weighted) sum over the classes."""
    return sum(x if weight is None else x * reshape(weight, (-1,) + (1,) * (x.ndim - 2)), 1)


def _weighted(losses, classes, weight):
    """Losses times the weights of their classes, and the weights (None: all rows count alike)."""
    counted = classes >= 0
    if weight is None:
        return losses, None if counted.all() else Tensor(counted.astype(losses.dtype))
    weights = where(Tensor(counted), weight[Tensor(np.maximum(classes, 0))], 0)
    return losses * weights, weights


def _check_classes(name, x, target, weight):
    """Raise unless x is floating (C,) or (N, C, ...) and the weight None or (C,) of its dtype."""
    floats_only(x, name)
    tensor_of(target, name)
    if x.ndim == 0:
        raise RuntimeError(f"{name}: input must be (C,) or (N, C, ...), got a 0-d tensor")
    if x.ndim == 1 and target.shape not in ((), (1,), x.shape):
        raise RuntimeError(f"{name}: input {x.shape} is one sample, the target is {target.shape}")
    channels = x.shape[min(x.ndim - 1, 1)]
    if weight is not None and tensor_of(weight, name).shape != (channels,):
        raise RuntimeError(
            f"{name}: weight must hold one number for each of {channels} classes, got shape "
            f"{weight.shape}"
        )
    if weight is not None and weight.dtype != x.dtype:
        raise RuntimeError(f"{name}: weight is {weight.dtype}, the input {x.dtype}: convert one")


def _class_indices(name, x, target, ignore_index):
    """The target as an int64 array, -1 for what is ignored; raises unless it fits ``x``."""
    array, count = target.array, x.shape[1]
    if array.dtype.kind not in "iu":
        raise RuntimeError(
            f"{name}: class indices must be integers, got {array.dtype}: use target.long(); class "
            f"probabilities have the shape of the input, here {x.shape}, not {array.shape}"
        )
    expected = x.shape[:1] + x.shape[2:]
    if array.shape != expected:
        error = ValueError if array.ndim and array.shape[0] != x.shape[0] else RuntimeError
        raise error(f"{name}: expected target {expected} for input {x.shape}, got {array.shape}")
    ignored = array == ignore_index
    wrong = ((array < 0) | (array >= count)) & ~ignored
    if wrong.any():
        raise IndexError(
            f"{name}: target {array[wrong][0]} at position {place_of(wrong)} is not a class index "
            f"in 0..{count - 1}: the input {x.shape} has {count} classes"
        )
    return np.where(ignored, -1, array).astype(np.int64, copy=False)
