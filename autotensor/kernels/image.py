"""Image augmentation in one pass: each image is read along rows and columns of its own.

An output line is made in two steps: its two source lines are blended and normalised to one line of
floats, which fills the vector lanes whatever the number of channels, and from that line every float
is picked by a table that was made once for the image.
"""

import math

import numpy as np

from autotensor.kernels import threads
from autotensor.kernels.jit import Kernel, serial
from autotensor.kernels.layout import bytes_at, doubles_at, floats
from autotensor.kernels.simd import integers

_BLOCK = 1 << 13  # values in one task, if one image has not more
_ZERO = np.float32(0)


def resample(images, places, size, centre=0.0, scale=1.0):
    """Read every image at its own places: (N, H, W, C) -> float32 (N, *size, C).

    ``places`` (4, 2, N) hold, for rows and columns of each image, the scale and shift of a line,
    and a range: output pixels from its start to before its stop read the input at
    ``scale * p + shift``, bilinearly, and beyond the edge the nearest pixel; other pixels are 0.
    uint8 values are divided by 255. The result is ``(value - centre) * scale``, by channel.
    """
    n, _, wide, channels = images.shape
    images, places = np.ascontiguousarray(images), np.ascontiguousarray(places, np.float64)
    factors = np.empty((2, wide + 1, channels), np.float32)
    factors[0], factors[1] = centre, scale
    out = np.empty((n, *size, channels), np.float32)
    step = max(1, _BLOCK // max(1, out[:1].size))
    addresses = (a.ctypes.data for a in (images, places, factors, out))
    threads.launch(_resample, -(-n // step), *addresses, *images.shape, *size, step,
                   images.itemsize)  # fmt: skip
    return out


@Kernel
def _resample(task, worker, arguments):
    images, places, factors, results, count, tall, wide, channels = integers(arguments, 8)
    height, width, step, item = integers(arguments + 64, 4)
    source, target = wide * channels, width * channels
    places, factors = doubles_at(places, 8, count), floats(factors, 2, source + channels)
    line = np.empty(source + channels, np.float32)  # with the pixel behind it that lies outside
    near, far = np.empty(target, np.uint32), np.empty(target, np.uint32)
    weights = np.empty(target, np.float32)
    for n in range(task * step, min((task + 1) * step, count)):
        whole = _list_floats(places[1::2, n], wide, channels, near, far, weights)
        rows, table = places[::2, n], (near, far, weights, whole)
        out = floats(results + 4 * n * height * target, height, target)
        if item == 1:
            image = bytes_at(images + n * tall * source, tall, source)
            _resample_image(image, np.float32(255), rows, line, factors, table, out)
        else:
            image = floats(images + 4 * n * tall * source, tall, source)
            _resample_image(image, np.float32(1), rows, line, factors, table, out)


@serial
def _neighbours(axis, p, size):
    """The two pixels next to where place ``p`` of an axis is read, and the weight of the second."""
    place = axis[0] * p + axis[1]
    low = math.floor(place)
    return min(max(low, 0), size - 1), min(max(low + 1, 0), size - 1), np.float32(place - low)


@serial
def _list_floats(axis, wide, channels, near, far, weights):
    """Which two floats of a source line each float of an output line is made of, and how.

    Returns whether it is one float everywhere.
    """
    whole = True
    for j in range(len(near) // channels):
        first, second, weight = _neighbours(axis, j, wide)
        if j < axis[2] or j >= axis[3]:
            first, second, weight = wide, wide, _ZERO
        whole &= weight == 0
        for c in range(channels):
            near[j * channels + c] = first * channels + c
            far[j * channels + c] = second * channels + c
            weights[j * channels + c] = weight
    return whole


@serial
def _resample_image(image, divisor, axis, line, factors, table, out):
    near, far, weights, whole = table
    _blank(line, factors[0], factors[1])
    for i in range(len(out)):
        if axis[2] <= i < axis[3]:
            first, second, weight = _neighbours(axis, i, len(image))
            _blend(image[first], image[second], weight, divisor, factors[0], factors[1], line)
        elif i == axis[3]:
            _blank(line, factors[0], factors[1])
        if whole:
            _pick(line, near, out[i])
        else:
            _interpolate(line, near, far, weights, out[i])


@serial
def _blank(line, centre, scale):
    """The source line of what lies outside."""
    for k in range(len(line)):
        line[k] = (_ZERO - centre[k]) * scale[k]


@serial
def _blend(first, second, weight, divisor, centre, scale, line):
    """A source line between two others."""
    if weight == 0:
        for k in range(len(first)):
            line[k] = (np.float32(first[k]) / divisor - centre[k]) * scale[k]
    else:
        for k in range(len(first)):
            a, b = np.float32(first[k]), np.float32(second[k])
            line[k] = ((a + weight * (b - a)) / divisor - centre[k]) * scale[k]


@serial
def _pick(line, near, out):
    for k in range(len(out)):
        out[k] = line[near[k]]


@serial
def _interpolate(line, near, far, weights, out):
    for k in range(len(out)):
        a, b = line[near[k]], line[far[k]]
        out[k] = a + weights[k] * (b - a)
