"""Element types: NumPy dtypes under PyTorch's names, and PyTorch's rules of promotion."""

import numpy as np

float16 = half = np.dtype("float16")
float32 = np.dtype("float32")
float64 = double = np.dtype("float64")
complex64 = np.dtype("complex64")
complex128 = np.dtype("complex128")
uint8 = np.dtype("uint8")
int8 = np.dtype("int8")
int16 = short = np.dtype("int16")
int32 = np.dtype("int32")
int64 = long = np.dtype("int64")
bool_ = np.dtype("bool")

# What a Python number becomes, and an integer operand of a floating-point function.
DEFAULT = {bool: bool_, int: int64, float: float32, complex: complex64}
_RANK = {"b": 0, "u": 1, "i": 1, "f": 2, "c": 3}


def as_dtype(dtype):
    """The NumPy dtype for a dtype, NumPy scalar type, name, or Python type (float is float32)."""
    if dtype in DEFAULT and isinstance(dtype, type):
        return DEFAULT[dtype]
    try:
        found = np.dtype(dtype)
    except TypeError:
        raise TypeError(f"not a dtype: {dtype!r}; use e.g. autotensor.float32") from None
    if found.kind not in _RANK:
        raise TypeError(f"tensors hold numbers and truth values, not {found}")
    return found


def promote_types(a, b):
    """The smallest dtype that holds both in PyTorch's sense: int64 and float32 give float32."""
    if a == b:
        return a
    if _RANK[a.kind] != _RANK[b.kind] and {a.kind, b.kind} != {"f", "c"}:
        return a if _RANK[a.kind] > _RANK[b.kind] else b
    return np.promote_types(a, b)


def result_type(x, y):
    """The dtype of an operation on two operands, arrays or Python numbers.

    A number or a 0-d array widens an array's dtype only from one category to the next (truth value,
    integer, float, complex), never within a category.
    """
    weight_x, weight_y = _weight(x), _weight(y)
    if weight_x == weight_y:
        return promote_types(_dtype(x), _dtype(y))
    strong, weak = (_dtype(x), _dtype(y)) if weight_x > weight_y else (_dtype(y), _dtype(x))
    if _RANK[strong.kind] >= _RANK[weak.kind]:
        return strong
    return promote_types(strong, weak)


def _weight(x):
    return (2 if x.ndim else 1) if isinstance(x, np.ndarray) else 0


def _dtype(x):
    return x.dtype if isinstance(x, np.ndarray) else DEFAULT[type(x)]


def floating(dtype):
    """The dtype in which exp, mean and the like compute: integers become float32."""
    return dtype if dtype.kind in "fc" else float32


def can_cast(from_, to):
    """Whether a dtype may be written to another in place: not from a category to a lesser one."""
    return _RANK[from_.kind] <= _RANK[to.kind]


def get_default_dtype():
    """The dtype of Python floats as tensors."""
    return DEFAULT[float]


class finfo:
    """The limits of a floating dtype: bits, eps, max, min, tiny, smallest_normal, resolution."""

    def __init__(self, dtype=float32):
        try:
            known = np.finfo(dtype)
        except ValueError:
            raise TypeError(f"finfo: {dtype} is no floating dtype: use iinfo") from None
        self.bits, self.dtype = known.bits, str(known.dtype)
        for name in ("eps", "max", "min", "tiny", "smallest_normal", "resolution"):
            setattr(self, name, float(getattr(known, name)))


class iinfo:
    """The limits of an integer dtype: bits, max, min."""

    def __init__(self, dtype):
        try:
            known = np.iinfo(dtype)
        except ValueError:
            raise TypeError(f"iinfo: {dtype} is no integer dtype: use finfo") from None
        self.bits, self.max, self.min = known.bits, int(known.max), int(known.min)
        self.dtype = str(known.dtype)
