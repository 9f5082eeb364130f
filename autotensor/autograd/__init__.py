"""PyTorch's ``torch.autograd``: gradients by hand, operations of one's own, diagnosis."""

from importlib import import_module

from autotensor.autograd import functional
from autotensor.autograd.function import Function, FunctionContext, once_differentiable
from autotensor.gradients import backward, grad
from autotensor.modes import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
from autotensor.tensor import Tensor as Variable
from autotensor.testing import GradcheckError, gradcheck, gradgradcheck

_DIAGNOSIS = ("detect_anomaly", "set_detect_anomaly")  # stands above, and costs time to load

__all__ = [
    "Function",
    "FunctionContext",
    "GradcheckError",
    "Variable",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "functional",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "inference_mode",
    "is_grad_enabled",
    "no_grad",
    "once_differentiable",
    "set_detect_anomaly",
    "set_grad_enabled",
]


def __getattr__(name):
    if name not in _DIAGNOSIS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("autotensor.diagnosis"), name)
