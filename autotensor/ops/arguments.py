"""What operations are called with: operands of one dtype, dimensions, sizes."""

import functools
import operator

import numpy as np

from autotensor import dtypes
from autotensor.tensor import Tensor, record


def cast(x, dtype):
    """``x`` converted to ``dtype``; between floating dtypes the gradient is converted back.

    Of a complex number that becomes a real one the real part is left.
    """
    if x.array.dtype == dtype:
        return x
    with np.errstate(invalid="ignore", over="ignore"):
        array = (x.array if dtype.kind in "cb" else x.array.real).astype(dtype)
    return record(array, (x, lambda g: g)) if array.dtype.kind in "fc" else Tensor(array)


def tensor_of(x, name):
    """``x`` if it is a tensor; otherwise TypeError in the name of the operation."""
    if not isinstance(x, Tensor):
        raise TypeError(f"{name}: expected a Tensor, got {type(x).__name__}: tensor(...) makes one")
    return x


def floating(x, name):
    """The tensor ``x``, integers converted to float32."""
    tensor_of(x, name)
    return x if x.array.dtype.kind in "fc" else cast(x, dtypes.float32)


def promote(x, y, name):
    """Two operands as tensors of the dtype they promote to; numbers and arrays become tensors."""
    if isinstance(x, Tensor) and isinstance(y, Tensor) and x.array.dtype is y.array.dtype:
        return x, y
    raw_x, raw_y = _raw(x, name), _raw(y, name)
    dtype = dtypes.result_type(raw_x, raw_y)
    return _converted(x, raw_x, dtype), _converted(y, raw_y, dtype)


def _raw(x, name):
    if isinstance(x, Tensor):
        return x.array
    if type(x) in dtypes.DEFAULT or isinstance(x, np.ndarray):
        return x
    if isinstance(x, np.generic):
        return x.item()
    raise TypeError(f"{name}: expected a Tensor or a number, got {type(x).__name__}")


def _converted(x, raw, dtype):
    if isinstance(x, Tensor):
        return cast(x, dtype)
    try:
        return Tensor(np.array(raw, dtype))  # not the user's memory: writes there are not seen
    except OverflowError:
        raise RuntimeError(f"{raw} does not fit into {dtype}: convert the tensor first") from None


def broadcast(x, y, name):
    """Raise RuntimeError in the name of the operation unless two shapes broadcast."""
    try:
        return np.broadcast_shapes(x.shape, y.shape)
    except ValueError:
        raise RuntimeError(
            f"{name}: shapes {x.shape} and {y.shape} do not broadcast: from the right, sizes must "
            f"be equal or 1"
        ) from None


def dimension(dim, ndim, name):
    """``dim`` counted from the left; IndexError if a tensor of ``ndim`` dimensions lacks it."""
    dim = operator.index(dim)
    least = max(ndim, 1)
    if not -least <= dim < least:
        raise IndexError(
            f"{name}: dimension out of range (expected to be in range of [{-least}, {least - 1}], "
            f"but got {dim})"
        )
    return dim % least


def dimensions(dim, ndim, name):
    """A tuple of dimensions counted from the left: all of them for None or ()."""
    if dim is None:
        return tuple(range(ndim))
    if not isinstance(dim, (tuple, list)):
        return (dimension(dim, ndim, name),) if ndim else dimensions((dim,), 0, name)[:0]
    found = tuple(dimension(d, ndim, name) for d in dim)
    if len(set(found)) != len(found):
        raise RuntimeError(f"{name}: a dimension appears more than once in {tuple(dim)}")
    return found if found else tuple(range(ndim))


def sizes(size, named=None):
    """A tuple of ints given as ``f(2, 3)``, ``f((2, 3))``, ``f([2, 3])``, or by its name."""
    if named is not None:
        size = (named,)
    if len(size) == 1 and isinstance(size[0], (tuple, list)):
        size = size[0]
    return tuple([operator.index(n) for n in size])


def numpy_names(function):
    """Let a reduction be called with NumPy's ``axis`` and ``keepdims`` as PyTorch does."""

    @functools.wraps(function)
    def call(*args, **named):
        if named:
            for theirs, ours in (("axis", "dim"), ("keepdims", "keepdim")):
                if theirs in named:
                    named[ours] = named.pop(theirs)
        return function(*args, **named)

    return call
