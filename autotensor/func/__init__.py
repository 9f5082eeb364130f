"""Functions of functions, PyTorch's ``torch.func``: derivatives, mapping over a batch, modules."""

from autotensor.func.mapping import vmap
from autotensor.func.modules import functional_call, stack_module_state
from autotensor.func.transforms import (
    grad,
    grad_and_value,
    hessian,
    hvp,
    jacfwd,
    jacrev,
    jvp,
    value_and_grad,
    vjp,
)

jacobian = jacrev

__all__ = [
    "functional_call",
    "grad",
    "grad_and_value",
    "hessian",
    "hvp",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jvp",
    "stack_module_state",
    "value_and_grad",
    "vjp",
    "vmap",
]
