"""Pooling in float32, channels innermost so that the vector lanes are channels.

Windows are described as in `reference`, which also does every other dtype. Images come back as
transposed views of fresh (N, H, W, C) arrays.
"""

import numpy as np
from numba import prange

from autotensor.kernels import reference
from autotensor.kernels.jit import parallel, serial

_SMALL = 1 << 16  # below this many values, waking the threads costs more than it saves


def max_pool2d(x, rows, cols):
    """The largest value of each window and its ordinal: (N, C, H, W) -> two of (N, C, OH, OW)."""
    if x.dtype != np.float32:
        return reference.max_pool2d(x, rows, cols)
    x = _channels_last(x)
    out = np.empty((len(x), len(rows), len(cols), x.shape[3]), np.float32)
    arg = np.empty(out.shape, reference.ordinal_dtype(rows, cols))
    run = _max_pool_images if x.size < _SMALL else _max_pool_batch
    run(x, rows, cols, out, arg)
    return out.transpose(0, 3, 1, 2), arg.transpose(0, 3, 1, 2)


def max_pool2d_grad(g, arg, x_shape, rows, cols):
    """Adjoint of `max_pool2d`, adding up where windows overlap: (N, C, OH, OW) -> (N, C, H, W)."""
    if g.dtype != np.float32:
        return reference.max_pool2d_grad(g, arg, x_shape, rows, cols)
    n, c, height, width = x_shape
    gx = np.empty((n, height, width, c), np.float32)
    run = _max_pool_grad_images if gx.size < _SMALL else _max_pool_grad_batch
    run(_channels_last(g), _channels_last(arg), rows, cols, gx)
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
    run = _avg_pool_images if x.size < _SMALL else _avg_pool_batch
    run(x, rows, cols, divisor.astype(np.float32), out)
    return out.transpose(0, 3, 1, 2)


def avg_pool2d_grad(g, x_shape, rows, cols, divisor):
    """Adjoint of `avg_pool2d`: (N, C, OH, OW) -> (N, C, H, W)."""
    if g.dtype != np.float32:
        return reference.avg_pool2d_grad(g, x_shape, rows, cols, divisor)
    n, c, height, width = x_shape
    gx = np.empty((n, height, width, c), np.float32)
    run = _avg_pool_grad_images if gx.size < _SMALL else _avg_pool_grad_batch
    run(_channels_last(g), rows, cols, divisor.astype(np.float32), gx)
    return gx.transpose(0, 3, 1, 2)


def _channels_last(x):
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1))


@serial
def _max_pool_images(x, rows, cols, out, arg):
    ordinals = np.empty(x.shape[3], np.int32)
    for n in range(x.shape[0]):
        for i in range(rows.shape[0]):
            tall = (rows[i, 1] - rows[i, 0] == 2) & (rows[i, 2] == 1)
            for j in range(cols.shape[0]):
                wide = (cols[j, 1] - cols[j, 0] == 2) & (cols[j, 2] == 1)
                if tall & wide:
                    above, below, w = x[n, rows[i, 0]], x[n, rows[i, 0] + 1], cols[j, 0]
                    pixels = above[w], above[w + 1], below[w], below[w + 1]
                    _best_of_four(pixels, out[n, i, j], arg[n, i, j])
                else:
                    _best_of_window(x[n], rows[i], cols[j], out[n, i, j], ordinals)
                    arg[n, i, j] = ordinals


@serial
def _best_of_four(pixels, best, ordinal):
    """The commonest window, wholly in registers."""
    first, second, third, fourth = pixels
    for c in range(len(best)):
        leader, winner = first[c], np.int32(0)
        leader, winner = _better(leader, winner, second[c], np.int32(1))
        leader, winner = _better(leader, winner, third[c], np.int32(2))
        best[c], ordinal[c] = _better(leader, winner, fourth[c], np.int32(3))


@serial
def _best_of_window(image, row, col, best, ordinal):
    """Any window, three pixels of a line at a time; the last one stands in for what is missing."""
    best[:] = -np.inf
    ordinal[:] = 0
    start, stop, step = col
    width = (stop - start + step - 1) // step
    before = 0
    for h in range(row[0], row[1], row[2]):
        line = image[h]
        for i in range(0, width, 3):
            j, k = min(i + 1, width - 1), min(i + 2, width - 1)
            pixels = line[start + i * step], line[start + j * step], line[start + k * step]
            ordinals = np.int32(before + i), np.int32(before + j), np.int32(before + k)
            _best_of_three(pixels, ordinals, best, ordinal)
        before += width


@serial
def _best_of_three(pixels, ordinals, best, ordinal):
    first, second, third = pixels
    i, j, k = ordinals
    for c in range(len(best)):
        leader, winner = _better(best[c], ordinal[c], first[c], i)
        leader, winner = _better(leader, winner, second[c], j)
        best[c], ordinal[c] = _better(leader, winner, third[c], k)


@serial
def _better(leader, winner, value, k):
    better = (value > leader) | (value != value)
    return value if better else leader, k if better else winner


@serial
def _max_pool_grad_images(g, arg, rows, cols, gx):
    for n in range(gx.shape[0]):
        gx[n] = 0
        for i in range(rows.shape[0]):
            for j in range(cols.shape[0]):
                k = 0
                for h in range(rows[i, 0], rows[i, 1], rows[i, 2]):
                    for w in range(cols[j, 0], cols[j, 1], cols[j, 2]):
                        for c in range(gx.shape[3]):
                            share = g[n, i, j, c] if arg[n, i, j, c] == k else np.float32(0)
                            gx[n, h, w, c] += share
                        k += 1


@serial
def _avg_pool_images(x, rows, cols, divisor, out):
    for n in range(x.shape[0]):
        for i in range(rows.shape[0]):
            for j in range(cols.shape[0]):
                total = out[n, i, j]
                total[:] = 0
                for h in range(rows[i, 0], rows[i, 1], rows[i, 2]):
                    for w in range(cols[j, 0], cols[j, 1], cols[j, 2]):
                        for c in range(x.shape[3]):
                            total[c] += x[n, h, w, c]
                for c in range(x.shape[3]):
                    total[c] /= divisor[i, j]


@serial
def _avg_pool_grad_images(g, rows, cols, divisor, gx):
    for n in range(gx.shape[0]):
        gx[n] = 0
        for i in range(rows.shape[0]):
            for j in range(cols.shape[0]):
                for h in range(rows[i, 0], rows[i, 1], rows[i, 2]):
                    for w in range(cols[j, 0], cols[j, 1], cols[j, 2]):
                        for c in range(gx.shape[3]):
                            gx[n, h, w, c] += g[n, i, j, c] / divisor[i, j]


@parallel
def _max_pool_batch(x, rows, cols, out, arg):
    for n in prange(len(x)):
        one = slice(n, n + 1)
        _max_pool_images(x[one], rows, cols, out[one], arg[one])


@parallel
def _max_pool_grad_batch(g, arg, rows, cols, gx):
    for n in prange(len(gx)):
        one = slice(n, n + 1)
        _max_pool_grad_images(g[one], arg[one], rows, cols, gx[one])


@parallel
def _avg_pool_batch(x, rows, cols, divisor, out):
    for n in prange(len(x)):
        one = slice(n, n + 1)
        _avg_pool_images(x[one], rows, cols, divisor, out[one])


@parallel
def _avg_pool_grad_batch(g, rows, cols, divisor, gx):
    for n in prange(len(gx)):
        one = slice(n, n + 1)
        _avg_pool_grad_images(g[one], rows, cols, divisor, gx[one])
