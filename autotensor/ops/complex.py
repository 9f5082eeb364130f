"""Complex tensors: made of parts, and taken apart.

Rules see the gradient of a complex value z = a + ib as dL/da - i dL/db, by which holomorphic
operations obey the chain rule as it stands. Its conjugate, PyTorch's convention, is what users give
and get (`autotensor.tensor.conjugate`).
"""

import numpy as np

from autotensor.ops.arguments import promote, tensor_of
from autotensor.ops.elementary import cos, sin
from autotensor.ops.elementwise import pair, where
from autotensor.ops.linalg import dot
from autotensor.tensor import record, record_view


def complex(real, imag):
    """``real + 1j * imag``, of two float tensors of one dtype."""
    tensor_of(real, "complex"), tensor_of(imag, "complex")
    if real.dtype != imag.dtype or real.dtype not in (np.float32, np.float64):
        raise RuntimeError(
            f"complex: expected both parts of dtype float32 or float64, got {real.dtype} and "
            f"{imag.dtype}: convert one"
        )
    pair(real, imag, "complex")
    shape = np.broadcast_shapes(real.shape, imag.shape)
    value = np.empty(shape, np.promote_types(real.dtype, np.complex64))
    value.real, value.imag = real.array, imag.array
    return record(value, (real, lambda g: g), (imag, lambda g: g * 1j))


def polar(abs, angle):
    """``abs * (cos(angle) + 1j * sin(angle))``."""
    abs, angle = promote(abs, angle, "polar")
    return complex(abs * cos(angle), abs * sin(angle))


def real(input):
    """The real part, a view; a real tensor itself."""
    x = tensor_of(input, "real")
    return x if x.dtype.kind != "c" else record_view(x.array.real, x, lambda g: g, real)


def imag(input):
    """The imaginary part, a view; RuntimeError for real tensors."""
    x = _complex(input, "imag")
    return record_view(x.array.imag, x, lambda g: g * -1j, imag)


def conj(input):
    """The complex conjugate; a real tensor itself."""
    x = tensor_of(input, "conj")
    return x if x.dtype.kind != "c" else record(np.conj(x.array), (x, lambda g: conj(g)))


def angle(input):
    """The angle in radians, -pi to pi; its gradient at 0 is taken as 0."""
    x = tensor_of(input, "angle")
    value = np.angle(x.array).astype(np.float32 if x.dtype.kind in "biu" else x.array.real.dtype)
    if x.dtype.kind != "c":
        return record(np.where(np.isnan(x.array), np.nan, value), (x, lambda g: g * 0))
    return record(value, (x, lambda g: g * where(x == 0, 0, -1j / where(x == 0, 1, x))))


def view_as_real(input):
    """Complex numbers as pairs of real ones, on the same memory: (...) -> (..., 2)."""
    x = _complex(input, "view_as_real")
    pairs = np.expand_dims(x.array, -1).view(x.array.real.dtype)
    return record_view(pairs, x, lambda g: conj(complex(g[..., 0], g[..., 1])), view_as_real)


def view_as_complex(input):
    """Pairs of real numbers as complex ones, on the same memory: (..., 2) -> (...)."""
    x = tensor_of(input, "view_as_complex")
    if x.dtype not in (np.float32, np.float64) or not x.ndim or x.shape[-1] != 2:
        raise RuntimeError(
            f"view_as_complex: expected pairs of float32 or float64 in the last dimension, got "
            f"{x.dtype} {x.shape}"
        )
    if x.array.strides[-1] != x.itemsize:
        raise RuntimeError("view_as_complex: the two parts must lie side by side: x.contiguous()")
    numbers = x.array.view(np.promote_types(x.dtype, np.complex64))[..., 0]
    return record_view(numbers, x, lambda g: view_as_real(conj(g)), view_as_complex)


def _complex(x, name):
    if tensor_of(x, name).dtype.kind != "c":
        raise RuntimeError(f"{name}: only for complex tensors, this one is {x.dtype}")
    return x


def vdot(input, other):
    """The inner product of two vectors, the first conjugated."""
    return dot(conj(input), other)
