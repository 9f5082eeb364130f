"""Geometric image augmentation: each image is read along rows and columns of its own."""

import math

import numpy as np
from numba import prange

from autotensor.kernels.jit import parallel, serial


def resample(images, rows, columns, height, width, zeros=False):
    """Read every image at its own places: (N, H, W, C) -> float32 (N, height, width, C).

    ``rows`` and ``columns`` (N, 2) hold scale and shift of each image: output pixel p reads the
    input at ``scale * p + shift``, bilinearly. Beyond the edge lies the nearest pixel, or 0 with
    ``zeros``. uint8 pixels are divided by 255.
    """
    images = np.ascontiguousarray(images)
    out = np.empty((len(images), height, width, images.shape[3]), np.float32)
    divisor = np.float32(255 if images.dtype == np.uint8 else 1)
    _resample(images, rows, columns, zeros, divisor, out)
    return out


@parallel
def _resample(images, rows, columns, zeros, divisor, out):
    for n in prange(len(images)):
        _resample_one(images[n], rows[n], columns[n], zeros, divisor, out[n])


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
