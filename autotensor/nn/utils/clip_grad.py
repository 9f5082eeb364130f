"""The gradients of a whole model, cut down to a size."""

import math
import warnings

import numpy as np

from autotensor.creation import tensor
from autotensor.memory import overwrite
from autotensor.nn import check
from autotensor.tensor import Tensor


def get_total_norm(tensors, norm_type=2.0, error_if_nonfinite=False, foreach=None):
    """The norm of all elements of the tensors together, as if they were one vector.

    ``foreach`` is PyTorch's choice of execution, here and below: all do the same.
    """
    norm_type = float(norm_type)
    arrays = [x.array for x in _listed(tensors)]
    norms = [_norm(array, norm_type) for array in arrays if array.size]
    total = _norm(np.array(norms), norm_type) if norms else 0.0
    if error_if_nonfinite and not math.isfinite(total):
        raise RuntimeError(
            f"The total norm of order {norm_type} for gradients from `parameters` is non-finite "
            f"({total}), so it cannot be clipped. Pass error_if_nonfinite=False to scale anyway."
        )
    return Tensor(np.asarray(total, np.result_type(*arrays))) if arrays else tensor(total)


def clip_grads_with_norm_(parameters, max_norm, total_norm, foreach=None):
    """Scale all gradients by ``max_norm / total_norm`` if that is less than 1."""
    check.number("clip_grads_with_norm_", "max_norm", max_norm)
    scale = float(max_norm) / (float(total_norm) + 1e-6)
    if not scale >= 1:  # also when it is NaN
        for grad in _grads(parameters):
            with np.errstate(invalid="ignore"):  # infinity times 0
                overwrite(grad, grad.array * scale)


def clip_grad_norm_(parameters, max_norm, norm_type=2.0, error_if_nonfinite=False, foreach=None):
    """Scale all gradients so that their total norm is at most ``max_norm``; return the norm."""
    check.number("clip_grad_norm_", "max_norm", max_norm)
    parameters = _listed(parameters)
    total = get_total_norm(_grads(parameters), norm_type, error_if_nonfinite)
    clip_grads_with_norm_(parameters, max_norm, total.item())
    return total


def clip_grad_norm(parameters, max_norm, norm_type=2.0, error_if_nonfinite=False, foreach=None):
    """`clip_grad_norm_`, under its older name."""
    warnings.warn(
        "torch.nn.utils.clip_grad_norm is now deprecated in favor of "
        "torch.nn.utils.clip_grad_norm_.",
        FutureWarning,
        stacklevel=2,
    )
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite)


def _grads(parameters):
    return [p.grad for p in _listed(parameters) if p.grad is not None]


def clip_grad_value_(parameters, clip_value, foreach=None):
    """Cut every element of the gradients off at ``-clip_value`` and ``clip_value``."""
    bound = float(check.number("clip_grad_value_", "clip_value", clip_value))
    for grad in _grads(parameters):
        overwrite(grad, np.clip(grad.array, -bound, bound))


def _norm(array, order):
    """The norm of all elements, in the precision of the array."""
    flat = array.ravel(order="K")
    with np.errstate(over="ignore", invalid="ignore"):
        if order == 2.0:
            return math.sqrt(float(np.dot(flat, flat)))
        return float(np.linalg.norm(flat, order))


def _listed(tensors):
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)
