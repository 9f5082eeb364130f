"""PyTorch's ``torch.fft``: discrete Fourier transforms.

The transform is a symmetric matrix, so the gradient passes through the same transform again, in the
convention of `autotensor.ops.complex`. ``norm`` is "backward" (the inverse is divided by the number
of elements), "forward" (the other way) or "ortho" (both by its root). ``n`` and ``s`` cut off a
dimension, or fill it up with zeros, before it is transformed; of real results they are the sizes.
"""

import numpy as np

from autotensor import dtypes
from autotensor.ops.arguments import cast, dimension, dimensions, floating
from autotensor.ops.complex import conj, real
from autotensor.ops.padding import pad
from autotensor.ops.shape import narrow, roll
from autotensor.tensor import Tensor, record

__all__ = [
    "fft",
    "fft2",
    "fftfreq",
    "fftn",
    "fftshift",
    "hfft",
    "ifft",
    "ifft2",
    "ifftn",
    "ifftshift",
    "ihfft",
    "irfft",
    "irfft2",
    "irfftn",
    "rfft",
    "rfft2",
    "rfftfreq",
    "rfftn",
]

_TURNED = {None: "forward", "backward": "forward", "forward": "backward", "ortho": "ortho"}


def _checked(x, norm, name):
    x = floating(x, name)
    if norm not in _TURNED:
        raise RuntimeError(f"{name}: Invalid normalization mode: {norm!r}")
    if x.dtype == np.float16:
        raise RuntimeError(f"{name}: Unsupported dtype Half: convert to float32")
    return x


def _complex(x, norm, name):
    x = _checked(x, norm, name)
    return cast(x, dtypes.promote_types(x.dtype, dtypes.complex64))


def _real(x, norm, name):
    x = _checked(x, norm, name)
    if x.dtype.kind == "c":
        raise RuntimeError(f"{name}: expected a real input tensor, but got {x.dtype}")
    return x


def _sized(x, dim, n, name):
    """``x`` with size ``n`` along ``dim``: cut off, or zeros at the end; None changes nothing."""
    n = x.shape[dim] if n is None else n
    if n < 1:
        raise RuntimeError(f"{name}: Invalid number of data points ({n}) specified")
    if n <= x.shape[dim]:
        return x if n == x.shape[dim] else narrow(x, dim, 0, n)
    return pad(x, (0, 0) * (x.ndim - 1 - dim) + (0, n - x.shape[dim]))


def _dims(x, s, dim, name):
    """The dimensions, counted from the left, and the sizes wanted along them, or None."""
    if dim is None:
        dims = tuple(range(x.ndim)) if s is None else tuple(range(x.ndim - len(s), x.ndim))
        if s is not None and len(s) > x.ndim:
            raise RuntimeError(f"{name}: got shape with {len(s)} values but {x.ndim} dimensions")
    else:
        dim = (dim,) if isinstance(dim, int) else tuple(dim)
        dims = dimensions(dim, x.ndim, name) if dim else ()
    sizes = (None,) * len(dims) if s is None else tuple(None if n == -1 else n for n in s)
    if len(sizes) != len(dims):
        raise RuntimeError(f"{name}: When given, dim and shape arguments must have the same length")
    return dims, sizes


def _transformed(x, dims, norm, transform):
    """The transform of complex numbers over ``dims``, by NumPy's `fftn` or `ifftn`."""
    if not dims:
        return x.clone()
    value = transform(x.array, axes=dims, norm=norm)
    return record(value, (x, lambda g: _transformed(g, dims, norm, transform)))


def _half(x, dim, norm):
    """The first half of the transform of real numbers."""
    n, kept = x.shape[dim], x.shape[dim] // 2 + 1

    def rule(g):
        whole = pad(g, (0, 0) * (g.ndim - 1 - dim) + (0, n - kept))
        return real(_transformed(whole, (dim,), norm, np.fft.fftn))

    return record(np.fft.rfft(x.array, axis=dim, norm=norm), (x, rule))


def _whole(x, dim, n, norm):
    """Real numbers from the first half of their transform, of which all but the ends come twice."""
    counts = np.full(n // 2 + 1, 2, x.array.real.dtype)
    counts[0] = 1
    if n % 2 == 0:
        counts[-1] = 1
    twice = Tensor(counts.reshape(-1, *(1,) * (x.ndim - 1 - dim)))

    def rule(g):
        return twice * conj(_half(g, dim, _TURNED[norm]))

    return record(np.fft.irfft(x.array, n, axis=dim, norm=norm), (x, rule))


def fftn(input, s=None, dim=None, norm=None):
    """The transform over several dimensions: all, or the last ones that ``s`` gives sizes for."""
    return _many(input, s, dim, norm, np.fft.fftn, "fftn")


def ifftn(input, s=None, dim=None, norm=None):
    """The inverse of `fftn`."""
    return _many(input, s, dim, norm, np.fft.ifftn, "ifftn")


def _many(x, s, dim, norm, transform, name):
    x = _complex(x, norm, name)
    dims, sizes = _dims(x, s, dim, name)
    for d, n in zip(dims, sizes, strict=True):
        x = _sized(x, d, n, name)
    return _transformed(x, dims, norm, transform)


def rfftn(input, s=None, dim=None, norm=None):
    """`fftn` of a real tensor: of the last of the dimensions only the first half, n // 2 + 1."""
    x = _real(input, norm, "rfftn")
    dims, sizes = _dims(x, s, dim, "rfftn")
    if not dims:
        raise RuntimeError("rfftn must transform at least one axis")
    for d, n in zip(dims, sizes, strict=True):
        x = _sized(x, d, n, "rfftn")
    half = _half(x, dims[-1], norm)
    return _transformed(half, dims[:-1], norm, np.fft.fftn) if dims[1:] else half


def irfftn(input, s=None, dim=None, norm=None):
    """The inverse of `rfftn`; the last dimension has an even size, 2 * (n - 1), unless ``s`` says.

    The imaginary part of elements that are real in the transform of a real tensor is passed over.
    """
    x = _complex(input, norm, "irfftn")
    dims, sizes = _dims(x, s, dim, "irfftn")
    if not dims:
        raise RuntimeError("irfftn must transform at least one axis")
    n = 2 * (x.shape[dims[-1]] - 1) if sizes[-1] is None else sizes[-1]
    if n < 1:
        raise RuntimeError(f"irfftn: Invalid number of data points ({n}) specified")
    for d, size in zip(dims, (*sizes[:-1], n // 2 + 1), strict=True):
        x = _sized(x, d, size, "irfftn")
    x = _transformed(x, dims[:-1], norm, np.fft.ifftn) if dims[1:] else x
    return _whole(x, dims[-1], n, norm)


def fft(input, n=None, dim=-1, norm=None):
    """The discrete Fourier transform along ``dim``, complex."""
    return fftn(input, _one(n), _along(input, dim, "fft"), norm)


def ifft(input, n=None, dim=-1, norm=None):
    """The inverse of `fft`."""
    return ifftn(input, _one(n), _along(input, dim, "ifft"), norm)


def rfft(input, n=None, dim=-1, norm=None):
    """The first half, n // 2 + 1, of the transform of a real tensor; the rest is its conjugate."""
    return rfftn(input, _one(n), _along(input, dim, "rfft"), norm)


def irfft(input, n=None, dim=-1, norm=None):
    """The inverse of `rfft`, real; of even size 2 * (the size - 1) unless ``n`` is given."""
    return irfftn(input, _one(n), _along(input, dim, "irfft"), norm)


def hfft(input, n=None, dim=-1, norm=None):
    """The transform, real, of the first half of what is its own conjugate turned around."""
    x = _complex(input, norm, "hfft")
    return irfft(conj(x), n, dim, _TURNED[norm])


def ihfft(input, n=None, dim=-1, norm=None):
    """The inverse of `hfft`."""
    return conj(rfft(_real(input, norm, "ihfft"), n, dim, _TURNED[norm]))


def _one(n):
    return None if n is None else (n,)


def _along(x, dim, name):
    return (dimension(dim, floating(x, name).ndim, name),)


def fft2(input, s=None, dim=(-2, -1), norm=None):
    """`fftn` of the last two dimensions."""
    return fftn(input, s, dim, norm)


def ifft2(input, s=None, dim=(-2, -1), norm=None):
    """`ifftn` of the last two dimensions."""
    return ifftn(input, s, dim, norm)


def rfft2(input, s=None, dim=(-2, -1), norm=None):
    """`rfftn` of the last two dimensions."""
    return rfftn(input, s, dim, norm)


def irfft2(input, s=None, dim=(-2, -1), norm=None):
    """`irfftn` of the last two dimensions."""
    return irfftn(input, s, dim, norm)


def fftfreq(n, d=1.0, *, dtype=None, requires_grad=False, device=None):
    """The frequencies of the elements of `fft`, for samples at distance ``d``."""
    return _frequencies(np.fft.fftfreq(n, d), dtype, requires_grad)


def rfftfreq(n, d=1.0, *, dtype=None, requires_grad=False, device=None):
    """The frequencies of the elements of `rfft`, for samples at distance ``d``."""
    return _frequencies(np.fft.rfftfreq(n, d), dtype, requires_grad)


def _frequencies(array, dtype, requires_grad):
    kind = dtypes.float32 if dtype is None else dtypes.as_dtype(dtype)
    return Tensor(array.astype(kind)).requires_grad_(requires_grad)


def fftshift(input, dim=None):
    """Frequency 0 moved to the middle, of all dimensions or the given ones."""
    dims = dimensions(dim, input.ndim, "fftshift")
    return roll(input, [input.shape[d] // 2 for d in dims], dims)


def ifftshift(input, dim=None):
    """The inverse of `fftshift`."""
    dims = dimensions(dim, input.ndim, "ifftshift")
    return roll(input, [(input.shape[d] + 1) // 2 for d in dims], dims)
