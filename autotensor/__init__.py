"""Tensors with reverse-mode automatic differentiation, made to train small networks on a CPU."""

from importlib import import_module

from autotensor import autograd, io, nn, optim, testing
from autotensor.creation import *
from autotensor.devices import device
from autotensor.dtypes import bool_ as bool
from autotensor.dtypes import (
    can_cast,
    complex64,
    complex128,
    double,
    finfo,
    float16,
    float32,
    float64,
    get_default_dtype,
    half,
    iinfo,
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
from autotensor.gradients import grad
from autotensor.io import load, save
from autotensor.modes import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from autotensor.nn.functional import (
    adaptive_avg_pool1d,
    adaptive_max_pool1d,
    avg_pool1d,
    batch_norm,
    bilinear,
    celu,
    conv1d,
    conv2d,
    conv_transpose1d,
    conv_transpose2d,
    cosine_similarity,
    dropout,
    group_norm,
    instance_norm,
    layer_norm,
    max_pool1d,
    max_pool2d,
    prelu,
    selu,
    threshold,
)
from autotensor.ops import *
from autotensor.tensor import Tensor, record

__version__ = "0.1.0"


torch_version = "2.13.0"  # whose names and behaviour are followed

# At first use and not at import, since they load much of the standard library, or Numba.
_MODULES = {
    "accelerator": "autotensor.torch.accelerator",
    "amp": "autotensor.torch.amp",
    "backends": "autotensor.torch.backends",
    "checkpoint": "autotensor.checkpoint",
    "cuda": "autotensor.torch.cuda",
    "data": "autotensor.data",
    "distributed": "autotensor.torch.distributed",
    "distributions": "autotensor.distributions",
    "fft": "autotensor.fft",
    "func": "autotensor.func",
    "linalg": "autotensor.linalg",
    "multiprocessing": "multiprocessing",
    "onnx": "autotensor.torch.onnx",
    "random": "autotensor.creation",
    "sparse": "autotensor.sparse",
    "serialization": "autotensor.io.checkpoint",
    "utils": "autotensor.torch.utils",
    "vision": "autotensor.vision",
}
_NAMES = {
    "autotensor.diagnosis": "detect_anomaly graph profile",
    "autotensor.func": "vmap",
    "autotensor.kernels.conv": "get_precision set_precision",
    "autotensor.kernels.scratch": "memory_stats release_memory",
    "autotensor.kernels.threads": "get_num_threads set_num_threads",
    "autotensor.torch.names": """BoolTensor ByteTensor CharTensor DoubleTensor FloatTensor
        HalfTensor IntTensor LongTensor ShortTensor bfloat16 channels_last channels_last_3d compile
        contiguous_format detach e frombuffer get_default_device get_float32_matmul_precision
        get_rng_state histogram inf is_tensor nan newaxis pi poisson preserve_format range
        scalar_tensor seed set_default_device set_float32_matmul_precision set_printoptions
        set_rng_state strided typename use_deterministic_algorithms""",
}
_HOME = {name: module for module, names in _NAMES.items() for name in names.split()}


def __getattr__(name):
    if name in _MODULES:
        return import_module(_MODULES[name])
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__():
    return sorted([*globals(), *_MODULES, *_HOME])
