import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotensor import kernels


def loops(images, rows, columns, height, width, zeros):
    """The definition of resample, pixel by pixel, in float64."""
    n, tall, wide, channels = images.shape
    source = images / 255 if images.dtype == np.uint8 else images.astype(np.float64)

    def pixel(k, i, j):
        inside = 0 <= i < tall and 0 <= j < wide
        if zeros and not inside:
            return np.zeros(channels)
        return source[k, min(max(i, 0), tall - 1), min(max(j, 0), wide - 1)]

    out = np.zeros((n, height, width, channels))
    for k in range(n):
        for i in range(height):
            for j in range(width):
                y = rows[k, 0] * i + rows[k, 1]
                x = columns[k, 0] * j + columns[k, 1]
                top, left = math.floor(y), math.floor(x)
                v, u = y - top, x - left
                out[k, i, j] = (
                    (1 - v) * (1 - u) * pixel(k, top, left)
                    + (1 - v) * u * pixel(k, top, left + 1)
                    + v * (1 - u) * pixel(k, top + 1, left)
                    + v * u * pixel(k, top + 1, left + 1)
                )
    return out


@settings(deadline=None)  # the first call compiles
@given(
    shape=st.tuples(st.integers(0, 3), st.integers(1, 5), st.integers(1, 6), st.integers(1, 4)),
    size=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    byte=st.booleans(),
    zeros=st.booleans(),
    seed=st.integers(0, 10**6),
)
def test_resample_is_its_definition(shape, size, byte, zeros, seed):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, shape, dtype=np.uint8)
    if not byte:
        images = rng.standard_normal(shape).astype(np.float32)
    rows, columns = rng.uniform([-2, -5], [2, 5], (2, shape[0], 2))
    out = kernels.resample(images, rows, columns, *size, zeros)
    assert out.dtype == np.float32 and out.shape == (shape[0], *size, shape[3])
    np.testing.assert_allclose(out, loops(images, rows, columns, *size, zeros), atol=2e-5)


@pytest.mark.parametrize("zeros", [False, True])
def test_whole_shifts_copy_exactly(zeros):
    images = np.random.default_rng(0).integers(0, 256, (2, 5, 5, 3), dtype=np.uint8)
    flip = np.tile([-1.0, 4.0], (2, 1))
    out = kernels.resample(images, flip, flip, 5, 5, zeros)
    expected = images[:, ::-1, ::-1].astype(np.float32) / np.float32(255)
    np.testing.assert_array_equal(out, expected)


def test_any_strides_and_read_only_memory():
    images = np.random.default_rng(0).random((2, 3, 4, 5), np.float32).transpose(0, 2, 3, 1)
    images.flags.writeable = False
    line = np.tile([0.7, 0.2], (2, 1))
    out = kernels.resample(images, line, line, 4, 5)
    np.testing.assert_allclose(out, loops(images, line, line, 4, 5, False), atol=1e-6)
