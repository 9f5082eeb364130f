"""Conversions by the name of a dtype: ``x.float()``, ``x.type("torch.LongTensor")``, `new_ones`.

Importing this file binds them to Tensor.
"""

from autotensor import dtypes
from autotensor.creation import empty, full, ones, tensor, zeros
from autotensor.ops.arguments import cast
from autotensor.tensor import Tensor

_NAMES = {
    "float": dtypes.float32,
    "double": dtypes.float64,
    "half": dtypes.float16,
    "int": dtypes.int32,
    "long": dtypes.int64,
    "short": dtypes.int16,
    "char": dtypes.int8,
    "byte": dtypes.uint8,
    "bool": dtypes.bool_,
}
_CLASSES = {f"torch.{name.capitalize()}Tensor": kind for name, kind in _NAMES.items()}


def _converter(name, kind):
    def convert(x):
        return cast(x, kind)

    convert.__name__ = name
    convert.__doc__ = f"Converted to {kind}."
    return convert


def _type(x, dtype=None):
    """Converted to a dtype; without one the name of PyTorch's class, as "torch.FloatTensor"."""
    if dtype is None:
        return next(name for name, kind in _CLASSES.items() if kind == x.dtype)
    known = _CLASSES.get(dtype) if isinstance(dtype, str) else None
    return cast(x, dtypes.as_dtype(dtype if known is None else known))


def _type_as(x, other):
    """Converted to the dtype of ``other``."""
    return cast(x, other.dtype)


def _bfloat16(x):
    """TypeError: NumPy has no such dtype."""
    raise TypeError("bfloat16 is not available: use float() or half()")


def _maker(make):
    def new(x, *args, dtype=None, **named):
        return make(*args, dtype=x.dtype if dtype is None else dtype, **named)

    new.__name__ = f"new_{make.__name__}"
    new.__doc__ = f"`{new.__name__[4:]}` with the dtype of this tensor."
    return new


for _name, _kind in _NAMES.items():
    setattr(Tensor, _name, _converter(_name, _kind))
for _name, _make in {"tensor": tensor, "zeros": zeros, "ones": ones, "full": full,
                     "empty": empty}.items():  # fmt: skip
    setattr(Tensor, f"new_{_name}", _maker(_make))
Tensor.type, Tensor.type_as, Tensor.bfloat16 = _type, _type_as, _bfloat16
