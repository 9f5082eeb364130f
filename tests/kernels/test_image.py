"""Resampling, against plain loops."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotensor import kernels


def loops(images, places, size, centre=0.0, scale=1.0):
    """The definition of resample, pixel by pixel, in float64."""
    n, tall, wide, channels = images.shape
    source = images / 255 if images.dtype == np.uint8 else images.astype(np.float64)

    def pixel(k, i, j):
        return source[k, min(max(i, 0), tall - 1), min(max(j, 0), wide - 1)]

    out = np.zeros((n, *size, channels))
    for k in range(n):
        for i, j in np.ndindex(size):
            inside = (places[2, :, k] <= (i, j)) & ((i, j) < places[3, :, k])
            if inside.all():
                y, x = places[0, :, k] * (i, j) + places[1, :, k]
                top, left = math.floor(y), math.floor(x)
                v, u = y - top, x - left
                out[k, i, j] = (
                    (1 - v) * (1 - u) * pixel(k, top, left)
                    + (1 - v) * u * pixel(k, top, left + 1)
                    + v * (1 - u) * pixel(k, top + 1, left)
                    + v * u * pixel(k, top + 1, left + 1)
                )
    return (out - centre) * scale


def whole_image(n, size):
    """Every pixel read at its own place."""
    places = np.zeros((4, 2, n))
    places[0] = 1
    places[3] = np.reshape(size, (2, 1))
    return places


@settings(deadline=None)  # the first call compiles
@given(
    shape=st.tuples(st.integers(0, 3), st.integers(1, 5), st.integers(1, 6), st.integers(0, 4)),
    size=st.tuples(st.integers(0, 6), st.integers(0, 6)),
    byte=st.booleans(),
    whole=st.booleans(),
    seed=st.integers(0, 10**6),
)
def test_resample_is_its_definition(shape, size, byte, whole, seed):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, shape, dtype=np.uint8)
    if not byte:
        images = rng.standard_normal(shape).astype(np.float32)
    places = np.empty((4, 2, shape[0]))
    places[:2] = rng.uniform([[[-2]], [[-5]]], [[[2]], [[5]]], (2, 2, shape[0]))
    if whole:
        places[:2] = np.sign(places[0]), np.round(places[1])
    places[2:] = rng.integers([[[-2]], [[-1]]], [[[4]], [[9]]], (2, 2, shape[0]))
    centre, scale = rng.uniform(0.5, 2, (2, shape[3]))
    out = kernels.resample(images, places, size, centre, scale)
    assert out.dtype == np.float32 and out.shape == (shape[0], *size, shape[3])
    np.testing.assert_allclose(out, loops(images, places, size, centre, scale), atol=5e-5)


def test_whole_places_are_copied_exactly():
    images = np.random.default_rng(0).integers(0, 256, (2, 5, 4, 3), dtype=np.uint8)
    places = whole_image(2, (5, 4))
    places[:2, :, 1] = [-1, -1], [4, 3]
    expected = images.astype(np.float32) / np.float32(255)
    out = kernels.resample(images, places, (5, 4))
    np.testing.assert_array_equal(out, [expected[0], expected[1, ::-1, ::-1]])
    places[1] += 1
    out = kernels.resample(images, places, (5, 4))  # the edge once more
    np.testing.assert_array_equal(out[0, :4, :3], expected[0, 1:, 1:])
    np.testing.assert_array_equal(out[0, 4, 3], expected[0, 4, 3])


def test_a_pixel_that_is_not_read_does_no_harm():
    images = np.full((1, 2, 2, 1), np.nan, np.float32)
    images[0, 0, 0] = 1
    out = kernels.resample(images, whole_image(1, (1, 1)), (2, 2))
    np.testing.assert_array_equal(out[0, ..., 0], [[1, 0], [0, 0]])


def test_any_strides_and_read_only_memory():
    images = np.random.default_rng(0).random((2, 3, 4, 5), np.float32).transpose(0, 2, 3, 1)
    images.flags.writeable = False
    places = whole_image(2, (4, 5))
    places[:2] = [[[0.7]], [[0.2]]]
    out = kernels.resample(images, places, (4, 5))
    np.testing.assert_allclose(out, loops(images, places, (4, 5)), atol=1e-6)


@pytest.mark.parametrize("scale", [1.0, 0.9])
def test_results_do_not_depend_on_the_number_of_threads(scale):
    images = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 3), dtype=np.uint8)
    places = whole_image(40, (16, 16))
    places[0] = scale
    before, results = kernels.get_num_threads(), []
    for n in (1, 3):
        kernels.set_num_threads(n)
        results.append(kernels.resample(images, places, (16, 16), 0.5, 2.0))
    kernels.set_num_threads(before)
    np.testing.assert_array_equal(*results)
