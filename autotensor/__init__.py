"""Tensors with reverse-mode automatic differentiation, made to train small networks on a CPU."""

from importlib import import_module

from autotensor import autograd, io, nn, optim, testing
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
from autotensor.engine import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    no_grad,
    set_grad_enabled,
)
from autotensor.io import load, save
from autotensor.ops import *
from autotensor.tensor import Tensor, grad, record

__version__ = "0.1.0"


_AT_FIRST_USE = {  # and not at import, since they load much of the standard library, or Numba
    "data": "autotensor.data",
    "get_num_threads": "autotensor.kernels.threads",
    "get_precision": "autotensor.kernels.conv",
    "memory_stats": "autotensor.kernels.scratch",
    "release_memory": "autotensor.kernels.scratch",
    "set_num_threads": "autotensor.kernels.threads",
    "set_precision": "autotensor.kernels.conv",
}


def __getattr__(name):
    if name not in _AT_FIRST_USE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(_AT_FIRST_USE[name])
    return module if name == "data" else getattr(module, name)
