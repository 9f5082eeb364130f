"""Pooling of sequences and images: the largest value or the average of windows.

Windows of one size and adaptive ones alike are lists of starts and stops, and run through the same
kernels.
"""

import functools
from typing import NamedTuple

import numpy as np

from autotensor import kernels
from autotensor.ops.reduce import mean
from autotensor.ops.spatial import as_pair, from_images, per_axis, to_images
from autotensor.tensor import Tensor, record

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "avg_pool1d",
    "avg_pool2d",
    "global_avg_pool",
    "max_pool1d",
    "max_pool2d",
]


def max_pool1d(
    input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False
):
    """The largest value of each window: (N, C, L) -> (N, C, OL); see `max_pool2d`."""
    images = _checked(input, "iuf", 1, "max_pool1d")
    rows, cols = _fixed(images, kernel_size, stride, padding, dilation, ceil_mode, 1, "max_pool1d")
    return _max_pool2d(images, rows, cols, return_indices, input, 1)


def max_pool2d(
    input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False
):
    """The largest value of each window: (N, C, H, W) -> (N, C, OH, OW).

    ``OH = (H + 2 * padding - dilation * (KH - 1) - 1) // stride + 1``, rounded up in ``ceil_mode``
    as long as the last window begins before the end; OW likewise. ``stride`` is ``kernel_size``
    unless given; N may be missing. The gradient goes to the first of equal values in row order. NaN
    is larger than any number. ``return_indices`` adds the position in the image, ``h * W + w``, of
    each value.
    """
    images = _checked(input, "iuf", 2, "max_pool2d")
    rows, cols = _fixed(images, kernel_size, stride, padding, dilation, ceil_mode, 2, "max_pool2d")
    return _max_pool2d(images, rows, cols, return_indices, input, 2)


def avg_pool1d(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
    """The average of each window: (N, C, L) -> (N, C, OL); see `avg_pool2d`."""
    images = _checked(input, "f", 1, "avg_pool1d")
    rows, cols = _fixed(images, kernel_size, stride, padding, 1, ceil_mode, 1, "avg_pool1d")
    return from_images(
        _avg_pool2d(images, rows, cols, _divisor(rows, cols, count_include_pad)), input, 1
    )


def avg_pool2d(
    input,
    kernel_size,
    stride=None,
    padding=0,
    ceil_mode=False,
    count_include_pad=True,
    divisor_override=None,
):
    """The average of each window: (N, C, H, W) -> (N, C, OH, OW), sizes as for `max_pool2d`.

    The sum is divided by the size of the window, with or without the padding in it, or by
    ``divisor_override``.
    """
    images = _checked(input, "f", 2, "avg_pool2d")
    rows, cols = _fixed(images, kernel_size, stride, padding, 1, ceil_mode, 2, "avg_pool2d")
    divisor = _divisor(rows, cols, count_include_pad)
    if divisor_override is not None:
        if divisor_override == 0:
            raise RuntimeError("avg_pool2d: divisor_override must not be 0")
        divisor = np.full_like(divisor, divisor_override)
    return from_images(_avg_pool2d(images, rows, cols, divisor), input, 2)


def adaptive_max_pool1d(input, output_size, return_indices=False):
    """The largest value of each of ``output_size`` windows: (N, C, L) -> (N, C, OL)."""
    images = _checked(input, "f", 1, "adaptive_max_pool1d")
    rows, cols = _adaptive(images, output_size, 1, "adaptive_max_pool1d")
    return _max_pool2d(images, rows, cols, return_indices, input, 1)


def adaptive_max_pool2d(input, output_size, return_indices=False):
    """The largest value of each of ``output_size`` windows: (N, C, H, W) -> (N, C, OH, OW).

    Window ``i`` of ``OH`` spans ``floor(i * H / OH)`` to ``ceil((i + 1) * H / OH)``. A size of None
    is that of the input.
    """
    images = _checked(input, "f", 2, "adaptive_max_pool2d")
    rows, cols = _adaptive(images, output_size, 2, "adaptive_max_pool2d")
    return _max_pool2d(images, rows, cols, return_indices, input, 2)


def adaptive_avg_pool1d(input, output_size):
    """The average of each of ``output_size`` windows: (N, C, L) -> (N, C, OL)."""
    images = _checked(input, "f", 1, "adaptive_avg_pool1d")
    rows, cols = _adaptive(images, output_size, 1, "adaptive_avg_pool1d")
    return from_images(_avg_pool2d(images, rows, cols, _divisor(rows, cols)), input, 1)


def adaptive_avg_pool2d(input, output_size):
    """The average of each of ``output_size`` windows, those of `adaptive_max_pool2d`."""
    images = _checked(input, "f", 2, "adaptive_avg_pool2d")
    rows, cols = _adaptive(images, output_size, 2, "adaptive_avg_pool2d")
    if len(rows.sizes) == len(cols.sizes) == 1:
        return mean(input, (-2, -1), keepdim=True)
    return from_images(_avg_pool2d(images, rows, cols, _divisor(rows, cols)), input, 2)


def global_avg_pool(input):
    """The average of each channel: (N, C, H, W) -> (N, C)."""
    _checked(input, "f", 2, "global_avg_pool")
    return mean(input, (-2, -1))


def _checked(x, kinds, rank, name):
    """The input as images of a dtype of one of the ``kinds`` and with something in them."""
    images = to_images(x, rank, name)
    if x.dtype.kind not in kinds:
        raise NotImplementedError(f"{name}: not defined for {x.dtype}: x.float()")
    if 0 in x.shape[-rank:]:
        raise RuntimeError(f"{name}: nothing to pool in an input of shape {x.shape}")
    return images


class _Axis(NamedTuple):
    """The windows along one axis."""

    windows: np.ndarray  # (output size, 3): start, stop and step, clipped to the input
    sizes: np.ndarray  # with the padding


def _fixed(images, kernel_size, stride, padding, dilation, ceil_mode, rank, name):
    """Windows of one size, along height and width."""
    kernel = per_axis(kernel_size, rank, "kernel_size", name, 1)
    stride = kernel if stride in (None, (), []) else per_axis(stride, rank, "stride", name, 1)
    padding = per_axis(padding, rank, "padding", name, 0)
    dilation = per_axis(dilation, rank, "dilation", name, 1)
    if any(p > k // 2 for p, k in zip(padding, kernel, strict=True)):
        raise RuntimeError(
            f"{name}: padding can be at most half of kernel_size, got {padding} and {kernel}"
        )
    geometry = zip(images.shape[-rank:], kernel, stride, padding, dilation, strict=True)
    axes = [_fixed_axis(*axis, bool(ceil_mode)) for axis in geometry]
    if not all(len(axis.windows) for axis in axes):
        raise RuntimeError(
            f"{name}: the window is larger than the padded input: x {images.shape}, kernel_size "
            f"{kernel}, padding {padding}, dilation {dilation}"
        )
    return as_pair(axes, _adaptive_axis(1, 1))


@functools.lru_cache(maxsize=1024)
def _fixed_axis(size, kernel, stride, padding, dilation, ceil_mode):
    reach = dilation * (kernel - 1) + 1
    count = (size + 2 * padding - reach + ceil_mode * (stride - 1)) // stride + 1
    if ceil_mode and (count - 1) * stride >= size + padding:
        count -= 1  # the last window would lie in the padding
    start = np.arange(count) * stride - padding
    stop = start + reach
    before = np.maximum(-start, 0)
    first = start + -(-before // dilation) * dilation
    lines = first, np.minimum(stop, size), np.full_like(start, dilation)
    return _axis(lines, np.minimum(stop, size + padding) - start)


def _adaptive(images, output_size, rank, name):
    """As many windows as wanted, along height and width."""
    size = images.shape[-rank:]
    wanted = output_size if isinstance(output_size, (tuple, list)) else (output_size,) * rank
    if len(wanted) == rank:
        wanted = [n if w is None else w for n, w in zip(size, wanted, strict=True)]
    wanted = per_axis(wanted, rank, "output_size", name, 0)
    axes = [_adaptive_axis(*axis) for axis in zip(size, wanted, strict=True)]
    return as_pair(axes, _adaptive_axis(1, 1))


@functools.lru_cache(maxsize=1024)
def _adaptive_axis(size, count):
    i = np.arange(count)
    start, stop = i * size // max(count, 1), -(-(i + 1) * size // max(count, 1))
    return _axis((start, stop, np.ones_like(start)), stop - start)


def _axis(lines, sizes):
    windows = np.stack(lines, axis=1)
    windows.flags.writeable = sizes.flags.writeable = False  # they are shared by all calls
    return _Axis(windows, sizes)


def _divisor(rows, cols, count_include_pad=True):
    """The number of elements of each window: (OH, OW)."""
    if count_include_pad:
        return np.multiply.outer(rows.sizes, cols.sizes)
    return np.multiply.outer(*(axis.windows[:, 1] - axis.windows[:, 0] for axis in (rows, cols)))


def _max_pool2d(images, rows, cols, return_indices, x, rank):
    windows, shape = (rows.windows, cols.windows), images.shape
    values, ordinals = kernels.max_pool2d(images.array, *windows)
    values = record(values, (images, lambda g: _max_pool_grad(g, ordinals, shape, *windows)))
    values = from_images(values, x, rank)
    if not return_indices:
        return values
    return values, from_images(Tensor(_positions(ordinals, *windows, shape[3])), x, rank)


def _positions(ordinals, rows, cols, width):
    """From the ordinal in each window to the position in the image."""
    start, stop, step = cols.T
    line, place = np.divmod(ordinals.astype(np.int64), np.maximum(-((start - stop) // step), 1))
    h = rows[:, :1] + line * rows[:, 2:]
    return h * width + start + place * step


def _max_pool_grad(g, ordinals, x_shape, rows, cols):
    """Put each element where the largest value was: (N, C, OH, OW) -> (N, C, H, W)."""
    return record(
        kernels.max_pool2d_grad(g.array, ordinals, x_shape, rows, cols),
        (g, lambda h: _max_pool_take(h, ordinals, rows, cols)),
    )


def _max_pool_take(x, ordinals, rows, cols):
    """Take the elements from where the largest values were: (N, C, H, W) -> (N, C, OH, OW)."""
    x_shape = x.shape
    return record(
        kernels.max_pool2d_take(x.array, ordinals, rows, cols),
        (x, lambda g: _max_pool_grad(g, ordinals, x_shape, rows, cols)),
    )


def _avg_pool2d(x, rows, cols, divisor):
    """The sum of each window over its divisor: (N, C, H, W) -> (N, C, OH, OW)."""
    geometry, x_shape = (rows.windows, cols.windows, divisor), x.shape
    return record(
        kernels.avg_pool2d(x.array, *geometry),
        (x, lambda g: _average_grad(g, x_shape, rows, cols, divisor)),
    )


def _average_grad(g, x_shape, rows, cols, divisor):
    """Spread each element over its window: (N, C, OH, OW) -> (N, C, H, W)."""
    return record(
        kernels.avg_pool2d_grad(g.array, x_shape, rows.windows, cols.windows, divisor),
        (g, lambda h: _avg_pool2d(h, rows, cols, divisor)),
    )
