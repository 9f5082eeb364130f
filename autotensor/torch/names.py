"""PyTorch's names at the top level that mean little here, or are older spellings."""

import math
import sys
from collections import namedtuple

import numpy as np

from autotensor import devices, dtypes
from autotensor.creation import default_generator, empty, from_numpy, tensor
from autotensor.ops import methods
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


inf, nan, pi, e = math.inf, math.nan, math.pi, math.e
newaxis = None


def detach(input):
    """`input` on the same memory, without history."""
    return input.detach()


def typename(obj):
    """The name of an object's class; of a tensor that of its dtype, as "torch.FloatTensor"."""
    if isinstance(obj, Tensor):
        return obj.type()
    kind = type(obj)
    return f"{kind.__module__}.{kind.__qualname__}"


def range(start, end=None, step=1, **options):
    """Numbers from ``start`` to ``end`` inclusive, float32 (deprecated in PyTorch for `arange`)."""
    start, end = (0, start) if end is None else (start, end)
    count = math.floor((end - start) / step) + 1
    numbers = start + step * np.arange(count)
    return tensor(numbers, **{"dtype": dtypes.float32} | options)


def scalar_tensor(value, **options):
    """A 0-d float32 tensor."""
    return tensor(value, **{"dtype": dtypes.float32} | options)


def frombuffer(buffer, *, dtype, count=-1, offset=0, requires_grad=False):
    """A tensor on the memory of an object with a buffer, such as a bytearray."""
    made = from_numpy(np.frombuffer(buffer, dtypes.as_dtype(dtype), count, offset))
    return made.requires_grad_() if requires_grad else made


def histogram(input, bins, *, range=None, weight=None, density=False):
    """Counts (or a density) of values between edges: a number of bins or their edges.

    Returns a named tuple ``(hist, bin_edges)`` in the dtype of ``input``.
    """
    edges = bins.array if isinstance(bins, Tensor) else bins
    weights = None if weight is None else weight.array.reshape(-1)
    hist, edges = np.histogram(input.array.reshape(-1), edges, range, density, weights)
    return Histogram(Tensor(hist.astype(input.dtype)), Tensor(edges.astype(input.dtype)))


Histogram = namedtuple("Histogram", "hist bin_edges")


def poisson(input, generator=None):
    """Draws from Poisson distributions with the rates in ``input``."""
    drawn = (generator or default_generator).numpy.poisson(input.array)
    return Tensor(np.asarray(drawn, input.dtype))


def seed():
    """Seed the default generator from the operating system; returns the seed."""
    return default_generator.seed()


def get_rng_state():
    """The state of the default generator, for `set_rng_state`."""
    return default_generator.get_state()


def set_rng_state(new_state):
    """Let the default generator go on from a state."""
    default_generator.set_state(new_state)


def set_printoptions(precision=None, threshold=None, edgeitems=None, linewidth=None, profile=None,
                     sci_mode=None):  # fmt: skip
    """How tensors are printed: digits, elements in full, at the ends, characters of a line."""
    if profile is not None:
        usual = {"default": (4, 1000, 3), "short": (2, 1000, 2), "full": (4, sys.maxsize, 3)}
        if profile not in usual:
            raise ValueError(f"profile is one of {', '.join(usual)}, not {profile!r}")
        methods.PRINTED.update(zip(("precision", "threshold", "edgeitems"), usual[profile],
                                   strict=True))  # fmt: skip
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems,
             "max_line_width": linewidth}  # fmt: skip
    methods.PRINTED.update({name: value for name, value in given.items() if value is not None})
    if sci_mode is not None:
        methods.PRINTED["suppress_small"] = not sci_mode


def set_default_device(device):
    """Nothing, for the CPU; RuntimeError for another device."""
    devices.check(device, "set_default_device")


def get_default_device():
    """The CPU."""
    return devices.CPU
