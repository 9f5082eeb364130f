"""Pooling in float32, channels innermost so that the vector lanes are channels.

Windows are described as in `reference`, which also does every other dtype. Images come back as
transposed views of fresh (N, H, W, C) arrays. A task is some whole images. The pixels of a
window are listed once; a block of channels stays in registers while it runs down the list.
"""

import numba
import numpy as np

from autotensor.kernels import reference, threads
from autotensor.kernels.jit import Kernel, serial
from autotensor.kernels.lanes import (
    load_like,
    load_whole,
    over_channels,
    store_whole,
    where_equal,
    where_larger,
)
from autotensor.kernels.rows import zero_floats
from autotensor.kernels.simd import address, integers, load_integer, load_scalar, store

_BLOCK = 1 << 14  # values of the images in one task, if one image has not more
_LOWEST = np.float32(-np.inf)
_BYTE, _INT = np.uint8(0), np.int32(0)  # what ordinals are kept as


def max_pool2d(x, rows, cols):
    """The largest value of each window and its ordinal: (N, C, H, W) -> two of (N, C, OH, OW)."""
    if x.dtype != np.float32:
        return reference.max_pool2d(x, rows, cols)
    x = _channels_last(x)
    out = np.empty((len(x), len(rows), len(cols), x.shape[3]), np.float32)
    arg = np.empty(out.shape, reference.ordinal_dtype(rows, cols))
    _launch(_max_pool, x, rows, cols, out, arg)
    return out.transpose(0, 3, 1, 2), arg.transpose(0, 3, 1, 2)


def max_pool2d_grad(g, arg, x_shape, rows, cols):
    """Adjoint of `max_pool2d`, adding up where windows overlap: (N, C, OH, OW) -> (N, C, H, W)."""
    if g.dtype != np.float32:
        return reference.max_pool2d_grad(g, arg, x_shape, rows, cols)
    n, c, height, width = x_shape
    gx = np.empty((n, height, width, c), np.float32)
    _launch(_max_pool_grad, gx, rows, cols, _channels_last(g), _channels_last(arg))
    return gx.transpose(0, 3, 1, 2)


def max_pool2d_take(x, arg, rows, cols):
    """The value of each window at a given ordinal: (N, C, H, W) -> (N, C, OH, OW)."""
    return reference.max_pool2d_take(x, arg, rows, cols)


def avg_pool2d(x, rows, cols, divisor):
    """The sum of each window over its divisor (OH, OW): (N, C, H, W) -> (N, C, OH, OW)."""
    if x.dtype != np.float32:
        return reference.avg_pool2d(x, rows, cols, divisor)
    x = _channels_last(x)
    out = np.empty((len(x), len(rows), len(cols), x.shape[3]), np.float32)
    _launch(_avg_pool, x, rows, cols, out, divisor.astype(np.float32))
    return out.transpose(0, 3, 1, 2)


def avg_pool2d_grad(g, x_shape, rows, cols, divisor):
    """Adjoint of `avg_pool2d`: (N, C, OH, OW) -> (N, C, H, W)."""
    if g.dtype != np.float32:
        return reference.avg_pool2d_grad(g, x_shape, rows, cols, divisor)
    n, c, height, width = x_shape
    gx = np.empty((n, height, width, c), np.float32)
    _launch(_avg_pool_grad, gx, rows, cols, _channels_last(g), divisor.astype(np.float32))
    return gx.transpose(0, 3, 1, 2)


def _channels_last(x):
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1))


def _launch(kernel, images, rows, cols, pooled, other):
    """Run a kernel on images (N, H, W, C), windows, (N, OH, OW, C), and one array more.

    That is (N, OH, OW, C), too, or (OH, OW) for all images and channels.
    """
    rows, cols = (np.ascontiguousarray(windows, np.int64) for windows in (rows, cols))
    step = max(1, _BLOCK // max(1, images[:1].size))
    per_window = other.itemsize * (images.shape[3] if other.ndim == 4 else 1)
    per_image = per_window * len(rows) * len(cols) if other.ndim == 4 else 0
    addresses = (a.ctypes.data for a in (images, rows, cols, pooled, other))
    threads.launch(kernel, -(-len(images) // step), *addresses, *images.shape,
                   len(rows), len(cols), step, other.itemsize, per_image, per_window)  # fmt: skip


@serial
def _list_pixels(pixels, tall, row_step, wide, col_step, width, channels):
    """Write the bytes from a window's first pixel to each of its pixels; returns how many."""
    count = 0
    for h in range(0, tall, row_step):
        for w in range(0, wide, col_step):
            pixels[count] = 4 * (h * width + w) * channels
            count += 1
    return count


@serial
def _cover_once(windows, count, size):
    """Whether the windows on an axis meet each of its places exactly once."""
    place = 0
    for i in range(count):
        start, stop, step = integers(windows + 24 * i, 3)
        if start != place or step != 1:
            return False
        place = stop
    return place == size


def _over_windows(function, gradient):
    """``run(task, arguments)`` calls a function for each window and block of channels from c on.

    It is ``function(zero, c, first, (pixels, count), pooled, other, item, add)``: where the first
    pixel of the window lies, the bytes from there to each of its pixels, where the pooled pixel
    lies and what the other array has for it, the size of that array's items, and whether a
    gradient is to be added to what is there, since windows overlap or leave pixels out.
    """
    over = over_channels(function)

    @numba.njit
    def run(task, arguments):
        images, rows, cols, pooled, other, n, tall, wide, channels = integers(arguments, 9)
        height, width, step, item, per_image, per_window = integers(arguments + 72, 6)
        add = gradient and not (_cover_once(rows, height, tall) and _cover_once(cols, width, wide))
        pixels, listed, count = np.empty(tall * wide, np.int64), (0, 0, 0, 0), 0
        for k in range(task * step, min((task + 1) * step, n)):
            image = images + 4 * k * tall * wide * channels
            if add:
                zero_floats(image, tall * wide * channels)
            for i in range(height):
                for j in range(width):
                    row, col = integers(rows + 24 * i, 3), integers(cols + 24 * j, 3)
                    shape = row[1] - row[0], row[2], col[1] - col[0], col[2]
                    if shape != listed:
                        count, listed = _list_pixels(pixels, *shape, wide, channels), shape
                    first = image + 4 * (row[0] * wide + col[0]) * channels
                    window = address(pixels), count
                    to = pooled + 4 * ((k * height + i) * width + j) * channels
                    its = other + k * per_image + (i * width + j) * per_window
                    over(channels, first, window, to, its, item, add)

    return run


@serial
def _max_of_window(zero, c, first, window, out, arg, item, add):
    leader, winner = zero + _LOWEST, zero
    for k in range(window[1]):
        value = load_like(zero, first + load_integer(window[0], k), c)
        winner = where_larger(value, leader, k, winner)
        leader = where_larger(value, leader, value, leader)
    store(out, c, leader)
    if item == 1:
        store_whole(arg, c, winner, _BYTE)
    else:
        store_whole(arg, c, winner, _INT)


@serial
def _put_in_window(zero, c, first, window, g, arg, item, add):
    share = load_like(zero, g, c)
    winner = load_whole(zero, arg, c, _BYTE) if item == 1 else load_whole(zero, arg, c, _INT)
    for k in range(window[1]):
        place = first + load_integer(window[0], k)
        value = where_equal(winner, k, share, 0)
        store(place, c, load_like(zero, place, c) + value if add else value)


@serial
def _average_of_window(zero, c, first, window, out, divisor, item, add):
    total = zero
    for k in range(window[1]):
        total = total + load_like(zero, first + load_integer(window[0], k), c)
    store(out, c, total / load_scalar(divisor, 0))


@serial
def _spread_in_window(zero, c, first, window, g, divisor, item, add):
    share = load_like(zero, g, c) / load_scalar(divisor, 0)
    for k in range(window[1]):
        place = first + load_integer(window[0], k)
        store(place, c, load_like(zero, place, c) + share if add else share)


_max_windows = _over_windows(_max_of_window, gradient=False)
_put_in_windows = _over_windows(_put_in_window, gradient=True)
_average_windows = _over_windows(_average_of_window, gradient=False)
_spread_in_windows = _over_windows(_spread_in_window, gradient=True)


@Kernel
def _max_pool(task, worker, arguments):
    _max_windows(task, arguments)


@Kernel
def _max_pool_grad(task, worker, arguments):
    _put_in_windows(task, arguments)


@Kernel
def _avg_pool(task, worker, arguments):
    _average_windows(task, arguments)


@Kernel
def _avg_pool_grad(task, worker, arguments):
    _spread_in_windows(task, arguments)
