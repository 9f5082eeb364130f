"""Depthwise convolution: every channel has its own filter, so lanes are channels throughout.

For each pixel the taps of the window that hit the other image are listed once, then all channels
run down the list. The input gradient is the same sum with the roles of the images exchanged: pixel
``y`` of the image was seen by tap ``i`` from ``(y + padding - i * dilation) / stride``, if whole.
"""

import numpy as np

from autotensor.kernels import scratch, threads
from autotensor.kernels.jit import Kernel, serial
from autotensor.kernels.rows import image_integers, zero_floats
from autotensor.kernels.simd import (
    WIDTH,
    fma,
    integers,
    load,
    load_integer,
    splat,
    store,
    store_integer,
)

_SHARES = 16  # partial sums of a weight gradient


@serial
def _other(place, tap, stride, dilation, padding, size, adjoint):
    """Where a tap of the window at a place falls in the other image, or -1."""
    if adjoint:
        at = place + padding - tap * dilation
        at = at // stride if at % stride == 0 else -1
    else:
        at = place * stride - padding + tap * dilation
    return at if 0 <= at < size else -1


@serial
def _list_taps(taps, image, window, row, col, filter_step, adjoint):
    """Write (offset into the image, filter entry) of every tap that hits; returns how many."""
    _, _, h_step, w_step, height, width, _ = integers(image, 7)
    kh, kw, sh, sw, dh, dw, ph, pw = integers(window, 8)
    count = 0
    for i in range(kh):
        y = _other(row, i, sh, dh, ph, height, adjoint)
        if y >= 0:
            for j in range(kw):
                x = _other(col, j, sw, dw, pw, width, adjoint)
                if x >= 0:
                    store_integer(taps, 2 * count, 4 * (y * h_step + x * w_step))
                    store_integer(taps, 2 * count + 1, 4 * (i * kw + j) * filter_step)
                    count += 1
    return count


@serial
def _four_blocks(source, filters, taps, count, to, c):
    """Four vectors of channels of one pixel: sums that do not wait for one another."""
    t0 = t1 = t2 = t3 = splat(np.float32(0))
    for tap in range(count):
        x, w = source + load_integer(taps, 2 * tap), filters + load_integer(taps, 2 * tap + 1)
        t0 = fma(load(x, c), load(w, c), t0)
        t1 = fma(load(x, c + WIDTH), load(w, c + WIDTH), t1)
        t2 = fma(load(x, c + 2 * WIDTH), load(w, c + 2 * WIDTH), t2)
        t3 = fma(load(x, c + 3 * WIDTH), load(w, c + 3 * WIDTH), t3)
    store(to, c, t0)
    store(to, c + WIDTH, t1)
    store(to, c + 2 * WIDTH, t2)
    store(to, c + 3 * WIDTH, t3)


@Kernel
def _convolve(task, worker, arguments):
    """One row of the result; or, if adjoint, of the input's gradient."""
    image, window = arguments, arguments + 56
    height, width, adjoint, out, filters, memory, size = integers(arguments + 120, 7)
    channels = load_integer(image, 6)
    taps = memory + 4 * size * worker
    source = load_integer(image, 0) + 4 * (task // height * load_integer(image, 1))
    for col in range(width):
        count = _list_taps(taps, image, window, task % height, col, channels, adjoint)
        to = out + 4 * (task * width + col) * channels
        c = 0
        while c + 4 * WIDTH <= channels:
            _four_blocks(source, filters, taps, count, to, c)
            c += 4 * WIDTH
        for block in range(c, channels, WIDTH):
            c = min(block, channels - WIDTH)  # the last block may cover some channels again
            total = splat(np.float32(0))
            for tap in range(count):
                x = load(source + load_integer(taps, 2 * tap), c)
                total = fma(x, load(filters + load_integer(taps, 2 * tap + 1), c), total)
            store(to, c, total)


@Kernel
def _weight_gradient(task, worker, arguments):
    """The filters' gradient from a share of the output's rows: (taps, blocks of lanes)."""
    image, window = arguments, arguments + 56
    height, width, rows, shares, g, total, memory, size = integers(arguments + 120, 8)
    n_step, channels = load_integer(image, 1), load_integer(image, 6)
    line = -(-channels // WIDTH) * WIDTH
    taps = memory + 4 * size * worker
    total += 4 * task * load_integer(window, 0) * load_integer(window, 1) * line
    zero_floats(total, load_integer(window, 0) * load_integer(window, 1) * line)
    for row in range(task * rows // shares, (task + 1) * rows // shares):
        source = load_integer(image, 0) + 4 * (row // height * n_step)
        for col in range(width):
            count = _list_taps(taps, image, window, row % height, col, line, False)
            at = g + 4 * (row * width + col) * channels
            for block in range(0, channels, WIDTH):
                c = min(block, channels - WIDTH)
                weight = load(at, c)
                for tap in range(count):
                    x = load(source + load_integer(taps, 2 * tap), c)
                    entry = load_integer(taps, 2 * tap + 1) + 4 * block
                    store(total + entry, 0, fma(x, weight, load(total + entry, 0)))


def _tap_floats(window):
    return -(-4 * window[0] * window[1] // 16) * 16


def convolve(x, w, out, window, adjoint=False):
    """(N, H, W, C) * (C, 1, KH, KW) -> (N, OH, OW, C), written to ``out``; C at least `WIDTH`.

    If adjoint: from the gradient of the output to that of the input.
    """
    n, height, width, channels = out.shape
    filters = np.ascontiguousarray(w.reshape(channels, -1).T)
    size = _tap_floats(window)
    with scratch.borrow(size * threads.get_num_threads()) as memory:
        threads.launch(_convolve, n * height, *image_integers(x), *window, height, width, adjoint,
                       out.ctypes.data, filters.ctypes.data, memory.ctypes.data,
                       size)  # fmt: skip


def weight_gradient(x, g, out, window):
    """Adjoint of `convolve` in ``w``, written to ``out`` (C, 1, KH, KW); ``g`` is dense."""
    n, height, width, channels = g.shape
    taps, line = window[0] * window[1], -(-channels // WIDTH) * WIDTH
    shares = min(_SHARES, n * height)
    size = _tap_floats(window)
    with scratch.borrow(shares * taps * line, size * threads.get_num_threads()) as buffers:
        total, memory = buffers
        threads.launch(_weight_gradient, shares, *image_integers(x), *window, height, width,
                       n * height, shares, g.ctypes.data, total.ctypes.data, memory.ctypes.data,
                       size)  # fmt: skip
        summed = total.reshape(shares, taps, line).sum(axis=0)
    last = channels % WIDTH  # lanes of the last block that no other block had
    columns = np.concatenate([summed[:, : channels - last], summed[:, line - last :]], axis=1)
    out[:] = columns.T.reshape(out.shape)
