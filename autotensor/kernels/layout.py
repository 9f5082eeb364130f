"""Arrays as kernels see them: contiguous rows, and memory that is known by its address."""

import math

import numba
import numpy as np
from numba import types
from numba.extending import intrinsic

_LINE = 16  # floats of a cache line
_STREAMED_BYTES = 2 << 20  # of a result that the caches nearby would not hold anyway


def to_rows(x):
    """(N, C, ...) of any strides -> contiguous (N * ..., C), copied only if not channels-last."""
    last = x.transpose(0, *range(2, x.ndim), 1)
    return np.ascontiguousarray(last).reshape(-1, x.shape[1])


def from_rows(rows, shape):
    """(N * ..., C) -> the logical (N, C, ...) view of ``shape``."""
    images = rows.reshape(shape[0], *shape[2:], shape[1])
    return images.transpose(0, len(shape) - 1, *range(1, len(shape) - 1))


def dense(x, like=None):
    """``x`` in memory without gaps, in the order in which ``like`` (by default ``x``) lies.

    Copied only if it is not so already; the flat memory of two such arrays matches element by
    element.
    """
    like = x if like is None else like
    order = sorted(range(x.ndim), key=lambda d: -like.strides[d])
    steps, step = [0] * x.ndim, x.itemsize
    for d in reversed(order):
        steps[d], step = step, step * x.shape[d]
    lies = all(s == t or n == 1 for s, t, n in zip(x.strides, steps, x.shape, strict=True))
    if lies:
        return x
    back = np.argsort(order)
    copy = np.empty([x.shape[d] for d in order], x.dtype).transpose(back)
    copy[...] = x
    return copy


def aligned(shape):
    """An uninitialised float32 array that starts on a cache line, as `is_streamed` asks."""
    size = math.prod(shape)
    memory = np.empty(size + _LINE, np.float32)
    start = -memory.ctypes.data % (4 * _LINE) // 4
    return memory[start : start + size].reshape(shape)


def is_streamed(rows):
    """Whether a result (.., width), `aligned`, is better written past the caches (`simd.put`)."""
    return rows.nbytes >= _STREAMED_BYTES and rows.shape[-1] % _LINE == 0


@intrinsic
def _pointer(typing, address, item):
    """An address as a pointer to items of the type of ``item``."""

    def codegen(context, builder, signature, args):
        return builder.inttoptr(args[0], context.get_value_type(signature.return_type))

    return types.CPointer(item)(types.int64, item), codegen


@numba.njit(inline="always")
def floats(address, rows, width):
    """The float32 array (rows, width) whose first element is at an address."""
    return numba.carray(_pointer(address, np.float32(0)), (rows, width))


@numba.njit(inline="always")
def bytes_at(address, rows, width):
    """The uint8 array (rows, width) whose first element is at an address."""
    return numba.carray(_pointer(address, np.uint8(0)), (rows, width))


@numba.njit(inline="always")
def doubles_at(address, rows, width):
    """The float64 array (rows, width) whose first element is at an address."""
    return numba.carray(_pointer(address, np.float64(0)), (rows, width))
