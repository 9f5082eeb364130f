"""PyTorch's names at the top level that mean little here, or are older spellings."""

from autotensor import dtypes
from autotensor.creation import empty, tensor
from autotensor.tensor import Tensor

# Memory formats. Images lie channels last in any case; shapes are (N, C, H, W) all the same.
channels_last = "channels_last"
channels_last_3d = "channels_last_3d"
contiguous_format = "contiguous_format"
preserve_format = "preserve_format"
strided = "strided"


class _Unavailable:
    """A dtype that NumPy does not have: it can be named, and compared."""

    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return f"torch.{self.name}"

    @property
    def dtype(self):
        raise TypeError(f"{self.name} is not available: use float32 or float16")


bfloat16 = _Unavailable("bfloat16")


class _OfDtype(type):
    """The class of `FloatTensor` and the like: all tensors of one dtype are instances."""

    def __instancecheck__(cls, x):
        return isinstance(x, Tensor) and x.dtype == cls.dtype

    def __call__(cls, *args):
        if len(args) == 1 and not isinstance(args[0], int):
            return tensor(args[0], dtype=cls.dtype)
        return empty(*args, dtype=cls.dtype)


def _legacy(name, dtype):
    doc = f"``{name}(data)`` or ``{name}(*sizes)``: a tensor of {dtype}, the sizes uninitialised."
    return _OfDtype(name, (), {"dtype": dtype, "__doc__": doc, "__module__": "torch"})


FloatTensor = _legacy("FloatTensor", dtypes.float32)
DoubleTensor = _legacy("DoubleTensor", dtypes.float64)
HalfTensor = _legacy("HalfTensor", dtypes.float16)
LongTensor = _legacy("LongTensor", dtypes.int64)
IntTensor = _legacy("IntTensor", dtypes.int32)
ShortTensor = _legacy("ShortTensor", dtypes.int16)
CharTensor = _legacy("CharTensor", dtypes.int8)
ByteTensor = _legacy("ByteTensor", dtypes.uint8)
BoolTensor = _legacy("BoolTensor", dtypes.bool_)


def compile(model=None, **options):
    """``model``, a module or function, as it is; also a decorator: kernels are compiled anyway."""
    return model if model is not None else lambda function: function


def set_float32_matmul_precision(precision):
    """Nothing, for "highest", "high" and "medium": products are float32's here."""
    if precision not in ("highest", "high", "medium"):
        raise ValueError(f"precision is 'highest', 'high' or 'medium', not {precision!r}")


def get_float32_matmul_precision():
    """ "highest"."""
    return "highest"


def use_deterministic_algorithms(mode, *, warn_only=False):
    """Nothing: results are the same from run to run, and for any number of threads."""


def is_tensor(obj):
    """Whether an object is a tensor."""
    return isinstance(obj, Tensor)
