"""Tensors with reverse-mode automatic differentiation, made to train small networks on a CPU."""

from autotensor.autograd import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
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
    short,
    uint8,
)
from autotensor.dtypes import float32 as float
from autotensor.dtypes import int32 as int
from autotensor.ops import *
from autotensor.tensor import Tensor, grad
