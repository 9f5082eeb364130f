"""PyTorch's ``torch.autograd``: gradients by hand, operations of one's own, diagnosis."""

from autotensor.autograd.function import Function, FunctionContext, once_differentiable
from autotensor.engine import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    no_grad,
    set_grad_enabled,
)
from autotensor.tensor import Tensor as Variable
from autotensor.tensor import backward, grad
from autotensor.testing import GradcheckError, gradcheck, gradgradcheck

__all__ = [
    "Function",
    "FunctionContext",
    "GradcheckError",
    "Variable",
    "backward",
    "enable_grad",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "inference_mode",
    "is_grad_enabled",
    "no_grad",
    "once_differentiable",
    "set_grad_enabled",
]
