"""Tensors with reverse-mode automatic differentiation, made to train small networks on a CPU."""

from autotensor import io, nn, optim, testing
from autotensor.autograd import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    no_grad,
    set_grad_enabled,
)
from autotensor.creation import *
from autotensor.dtypes import bool_ as bool
from autotensor.dtypes import (
    complex64,
    complex128,
    double,
    float16,
    float32,
    float64,
    half,
    int8,
    int16,
    int32,
    int64,
    long,
    promote_types,
    short,
    uint8,
)
from autotensor.dtypes import float32 as float
from autotensor.dtypes import int32 as int
from autotensor.io import load, save
from autotensor.ops import *
from autotensor.tensor import Tensor, grad

__version__ = "0.1.0"


def __getattr__(name):
    if name == "data":  # at first use: its readers need much of the standard library
        import autotensor.data

        return autotensor.data
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def get_num_threads():
    """The number of threads that kernels use."""
    from autotensor import kernels

    return kernels.get_num_threads()


def set_num_threads(n):
    """Let kernels, and the BLAS that NumPy calls, use ``n`` threads."""
    from autotensor import kernels

    kernels.set_num_threads(n)
