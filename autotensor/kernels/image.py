"""Geometric image augmentation: each image is read along rows and columns of its own."""

import math

import numpy as np

from autotensor.kernels import threads
from autotensor.kernels.jit import Kernel, serial
from autotensor.kernels.layout import bytes_at, doubles_at, floats
from autotensor.kernels.simd import integers

_BLOCK = 1 << 13  # values in one task, if one image has not more


def resample(images, rows, columns, height, width, zeros=False):
    """Read every image at its own places: (N, H, W, C) -> float32 (N, height, width, C).

    ``rows`` and ``columns`` (N, 2) hold scale and shift of each image: output pixel p reads the
    input at ``scale * p + shift``, bilinearly. Beyond the edge lies the nearest pixel, or 0 with
    ``zeros``. uint8 pixels are divided by 255.
    """
    images, rows, columns = map(np.ascontiguousarray, (images, rows, columns))
    out = np.empty((len(images), height, width, images.shape[3]), np.float32)
    step = max(1, _BLOCK // max(1, out[:1].size))
    addresses = (a.ctypes.data for a in (images, rows, columns, out))
    threads.launch(_resample, -(-len(images) // step), *addresses, *images.shape, height, width,
                   step, images.itemsize, zeros)  # fmt: skip
    return out


@Kernel
def _resample(task, worker, arguments):
    images, rows, columns, results, count, tall, wide, channels = integers(arguments, 8)
    height, width, step, item, zeros = integers(arguments + 64, 5)
    size, shape = tall * wide * channels, (tall, wide, channels)
    for n in range(task * step, min((task + 1) * step, count)):
        row, column = doubles_at(rows + 16 * n, 2), doubles_at(columns + 16 * n, 2)
        out = floats(results + 4 * n * height * width * channels, height * width, channels)
        out = out.reshape((height, width, channels))
        if item == 1:
            image = bytes_at(images + n * size, size).reshape(shape)
            _resample_one(image, row, column, zeros, np.float32(255), out)
        else:
            image = floats(images + 4 * n * size, 1, size).reshape(shape)
            _resample_one(image, row, column, zeros, np.float32(1), out)


@serial
def _resample_one(image, row_line, column_line, zeros, divisor, out):
    height, width, channels = out.shape
    rows, row_weights = _taps(row_line, height, image.shape[0], zeros)
    columns, column_weights = _taps(column_line, width, image.shape[1], zeros)
    for i in range(height):
        upper, lower = image[rows[i, 0]], image[rows[i, 1]]
        for j in range(width):
            left, right = columns[j]
            for c in range(channels):
                value = np.float32(0)
                for row, row_weight in ((upper, row_weights[i, 0]), (lower, row_weights[i, 1])):
                    value += row_weight * (
                        column_weights[j, 0] * np.float32(row[left, c])
                        + column_weights[j, 1] * np.float32(row[right, c])
                    )
                out[i, j, c] = value / divisor


@serial
def _taps(line, count, size, zeros):
    """The two neighbours of every place ``scale * p + shift`` on an axis, and their weights."""
    places = np.empty((count, 2), np.int64)
    weights = np.empty((count, 2), np.float32)
    for p in range(count):
        place = line[0] * p + line[1]
        low = math.floor(place)
        weights[p, 0] = low + 1 - place
        weights[p, 1] = place - low
        for k in range(2):
            places[p, k] = min(max(low + k, 0), size - 1)
            if zeros and places[p, k] != low + k:
                weights[p, k] = 0
    return places, weights
