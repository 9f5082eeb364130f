"""Gradients and parameters of a whole model at once."""

import math

import numpy as np

from autotensor.creation import tensor
from autotensor.memory import overwrite
from autotensor.nn import check
from autotensor.ops.joining import cat
from autotensor.tensor import Tensor


def get_total_norm(tensors, norm_type=2.0, error_if_nonfinite=False):
    """The norm of all elements of the tensors together, as if they were one vector."""
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


def clip_grad_norm_(parameters, max_norm, norm_type=2.0, error_if_nonfinite=False):
    """Scale all gradients so that their total norm is at most ``max_norm``; return the norm."""
    check.number("clip_grad_norm_", "max_norm", max_norm)
    grads = [p.grad for p in _listed(parameters) if p.grad is not None]
    total = get_total_norm(grads, norm_type, error_if_nonfinite)
    scale = float(max_norm) / (total.item() + 1e-6)
    if not scale >= 1:  # also when it is NaN
        for grad in grads:
            with np.errstate(invalid="ignore"):  # infinity times 0
                overwrite(grad, grad.array * scale)
    return total


def clip_grad_value_(parameters, clip_value):
    """Cut every element of the gradients off at ``-clip_value`` and ``clip_value``."""
    bound = float(check.number("clip_grad_value_", "clip_value", clip_value))
    for parameter in _listed(parameters):
        grad = parameter.grad
        if grad is not None:
            overwrite(grad, np.clip(grad.array, -bound, bound))


def parameters_to_vector(parameters):
    """All parameters in a row, as one differentiable vector."""
    return cat([p.reshape(-1) for p in _listed(parameters)])


def vector_to_parameters(vec, parameters):
    """Copy consecutive pieces of a vector into the parameters."""
    parameters = _listed(parameters)
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected a Tensor, but got {type(vec).__name__}")
    total = sum(p.array.size for p in parameters)
    if vec.shape != (total,):
        raise ValueError(
            f"vector_to_parameters: the parameters have {total} elements, got a vector of "
            f"shape {vec.shape}"
        )
    start = 0
    for parameter in parameters:
        end = start + parameter.array.size
        overwrite(parameter, vec.array[start:end].reshape(parameter.shape))
        start = end


def _norm(array, order):
    """The norm of all elements, in the precision of the array."""
    flat = array.ravel(order="K")
    with np.errstate(over="ignore", invalid="ignore"):
        if order == 2.0:
            return math.sqrt(float(np.dot(flat, flat)))
        return float(np.linalg.norm(flat, order))


def _listed(tensors):
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)
