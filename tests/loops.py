"""Convolution and pooling as their definitions say, element by element.

Slow and plain on purpose: the tests compare everything else with these loops.
"""

import itertools

import numpy as np


def spread(sizes):
    """All index tuples of an array of the given sizes."""
    return itertools.product(*map(range, sizes))


def conv2d(x, w, stride, padding, dilation, groups):
    """(N, C, H, W) * (O, C/groups, KH, KW) -> (N, O, OH, OW)."""
    n, _, height, width = x.shape
    o, c, kh, kw = w.shape
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, (kh, kw), strict=True)]
    size = [
        (length + 2 * p - r) // s + 1
        for length, p, r, s in zip((height, width), padding, reach, stride, strict=True)
    ]
    y = np.zeros((n, o, *size), x.dtype)
    for b, f, i, j in spread(y.shape):
        first = f // (o // groups) * c
        for channel, u, v in spread((c, kh, kw)):
            h = i * stride[0] - padding[0] + u * dilation[0]
            k = j * stride[1] - padding[1] + v * dilation[1]
            if 0 <= h < height and 0 <= k < width:
                y[b, f, i, j] += x[b, first + channel, h, k] * w[f, channel, u, v]
    return y


def fixed_windows(size, kernel, stride, padding, dilation=1, ceil_mode=False):
    """For each window along an axis its positions, and its size with padding."""
    found, start, end = [], -padding, size + padding
    while True:
        last = start + dilation * (kernel - 1)
        may_hang_over = ceil_mode and start < size and last - stride < end - 1
        if last >= end and not may_hang_over:
            return found
        window = [start + dilation * u for u in range(kernel)]
        found.append(([p for p in window if 0 <= p < size], len([p for p in window if p < end])))
        start += stride


def adaptive_windows(size, count):
    """For each of ``count`` windows along an axis its positions, and how many they are."""
    found = []
    for i in range(count):
        start, stop = int(np.floor(i * size / count)), int(np.ceil((i + 1) * size / count))
        found.append((list(range(start, stop)), stop - start))
    return found


def max_pool2d(x, rows, cols):
    """Values and positions ``h * W + w``: (N, C, H, W) -> two of (N, C, OH, OW).

    Of equal values the first wins, and NaN over everything, a later NaN over an earlier one.
    """
    size = (*x.shape[:2], len(rows), len(cols))
    values = np.full(size, -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min, x.dtype)
    positions = np.full(size, -1)
    for n, c, i, j in spread(size):
        for h, w in itertools.product(rows[i][0], cols[j][0]):
            value, best = x[n, c, h, w], values[n, c, i, j]
            if positions[n, c, i, j] < 0 or value > best or value != value:
                values[n, c, i, j], positions[n, c, i, j] = value, h * x.shape[3] + w
    return values, positions


def avg_pool2d(x, rows, cols, count_include_pad=True, divisor_override=None):
    """(N, C, H, W) -> (N, C, OH, OW)."""
    y = np.zeros((*x.shape[:2], len(rows), len(cols)), x.dtype)
    for n, c, i, j in spread(y.shape):
        inside = list(itertools.product(rows[i][0], cols[j][0]))
        count = rows[i][1] * cols[j][1] if count_include_pad else len(inside)
        total = sum(x[n, c, h, w] for h, w in inside)
        y[n, c, i, j] = total / (divisor_override or count)
    return y
