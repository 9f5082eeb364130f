import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotensor import kernels
from autotensor.data import (
    Compose,
    Normalise,
    Normalize,
    RandomCrop,
    RandomHorizontalFlip,
    RandomZoom,
    ToFloat,
)


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (16, 6, 8, 3), dtype=np.uint8)


def rng():
    return np.random.default_rng(42)


def floats(images):
    return images.astype(np.float32) / np.float32(255)


ALL = [
    ToFloat(),
    Normalize(0.5, 0.25),
    RandomHorizontalFlip(),
    RandomZoom(0.5, 1.5),
    RandomCrop(5, padding=2),
    Compose([RandomHorizontalFlip(), RandomZoom(0.5, 1.5), Normalize(0.5, 0.25)]),
]


@pytest.mark.parametrize("transform", ALL, ids=repr)
def test_every_transform_scales_bytes_once_and_is_repeatable(transform, images):
    kept = images.copy()
    first = transform(images, rng())
    assert first.dtype == np.float32 and first.ndim == 4
    np.testing.assert_array_equal(transform(images, rng()), first)
    np.testing.assert_allclose(transform(floats(images), rng()), first, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(images, kept)
    assert transform(images[:0], rng()).shape == (0, *first.shape[1:])


@pytest.mark.parametrize("transform", ALL[:-1], ids=repr)
def test_every_transform_checks_its_input(transform, images):
    with pytest.raises(TypeError, match="float64"):
        transform(images.astype(np.float64), rng())
    with pytest.raises(TypeError, match="list"):
        transform(images.tolist(), rng())
    with pytest.raises(ValueError, match=r"\(N, H, W, C\), got \(6, 8, 3\)"):
        transform(images[0], rng())


def test_normalize(images):
    mean, std = (0.1, 0.2, 0.3), (0.5, 1.0, 2.0)
    expected = (images / 255 - np.array(mean)) / np.array(std)
    np.testing.assert_allclose(Normalize(mean, std)(images), expected, atol=1e-6)
    assert Normalise is Normalize
    with pytest.raises(ValueError, match=r"mean has 2 values, .* have 3 channels"):
        Normalize((0.1, 0.2), std)(images)
    with pytest.raises(ValueError, match="std must be positive"):
        Normalize(0.0, 0.0)


def test_flip_mirrors_the_drawn_images(images):
    flipped = RandomHorizontalFlip()(images, rng())
    drawn = rng().random(16) < 0.5
    assert 0 < drawn.sum() < 16
    expected = np.where(drawn[:, None, None, None], images[:, :, ::-1], images)
    np.testing.assert_array_equal(flipped, floats(expected))
    np.testing.assert_array_equal(RandomHorizontalFlip(0)(images, rng()), floats(images))
    with pytest.raises(ValueError, match=r"p must lie in 0\.\.1, got 2"):
        RandomHorizontalFlip(2)


def test_zoom_reads_around_the_centre():
    ramp = np.tile(np.arange(8, dtype=np.float32), (2, 5, 1))[..., None]  # value = column
    out = RandomZoom(1.5, 1.5)(ramp, rng())
    columns = np.clip(1.5 * (np.arange(8) - 3.5) + 3.5, 0, 7)
    np.testing.assert_allclose(out, np.broadcast_to(columns[:, None], out.shape), atol=1e-6)
    np.testing.assert_array_equal(RandomZoom(1, 1)(ramp, rng()), ramp)


def test_zoom_draws_height_and_width_apart(images):
    out = RandomZoom(0.5, 1.5)(images, rng())
    zoom = rng().uniform(0.5, 1.5, (2, 16))
    y, x = np.clip(
        zoom[:, :, None] * (np.arange(8) - [[[2.5]], [[3.5]]]) + [[[2.5]], [[3.5]]],
        0,
        [[[5]], [[7]]],
    )
    top, left = np.floor(y[:, :6]).astype(int), np.floor(x).astype(int)
    below, beside = np.minimum(top + 1, 5), np.minimum(left + 1, 7)
    v, u = (y[:, :6] - top)[:, :, None, None], (x - left)[:, None, :, None]
    n = np.arange(16)[:, None, None]

    def pick(rows, columns):
        return images[n, rows[:, :, None], columns[:, None, :]] / 255

    upper = (1 - u) * pick(top, left) + u * pick(top, beside)
    lower = (1 - u) * pick(below, left) + u * pick(below, beside)
    np.testing.assert_allclose(out, (1 - v) * upper + v * lower, atol=1e-5)
    with pytest.raises(ValueError, match="low=0, high=1"):
        RandomZoom(0, 1)


def test_crop_takes_a_window_of_the_padded_image(images):
    out = RandomCrop((5, 7), padding=2)(images, rng())
    tops, lefts = rng().integers(0, [[6], [6]], (2, 16))
    padded = np.pad(floats(images), ((0, 0), (2, 2), (2, 2), (0, 0)))
    for k, (top, left) in enumerate(zip(tops, lefts, strict=True)):
        np.testing.assert_array_equal(out[k], padded[k, top : top + 5, left : left + 7])
    assert RandomCrop(6, padding=0)(images, rng()).shape == (16, 6, 6, 3)
    with pytest.raises(ValueError, match=r"window of \(9, 9\) does not fit into images \(16, 6"):
        RandomCrop(9, padding=1)(images, rng())
    with pytest.raises(ValueError, match="size=0, padding=0"):
        RandomCrop(0)


def test_transforms_show_their_settings():
    assert repr(Compose([RandomHorizontalFlip(), RandomCrop(8, 2)])) == (
        "Compose(transforms=(RandomHorizontalFlip(p=0.5), RandomCrop(size=(8, 8), padding=2)))"
    )


PARTS = [
    ToFloat(),
    Normalize((0.1, 0.2, 0.3), (0.5, 1.0, 2.0)),
    RandomHorizontalFlip(),
    RandomZoom(0.5, 1.5),
    RandomCrop((6, 5), padding=3),
    RandomCrop(4, padding=0),
    lambda images, rng: images + np.float32(rng.random()),
]
NORMAL = PARTS[1]
WHOLE = [RandomHorizontalFlip(0.4), RandomCrop((6, 7), padding=4), RandomCrop(5, padding=1)]


def one_after_the_other(transforms, images):
    generator = rng()
    for transform in transforms:
        images = transform(images, generator)
    return images, generator.random()


def together(transforms, images):
    generator = rng()
    return Compose(transforms)(images, generator), generator.random()


@settings(deadline=None)
@given(st.lists(st.sampled_from(PARTS), max_size=4), st.booleans())
def test_compose_is_one_transform_after_the_other(transforms, byte):
    images = np.random.default_rng(0).integers(0, 256, (9, 6, 8, 3), dtype=np.uint8)
    images = images if byte else floats(images)
    (found, drawn), (expected, next_drawn) = (
        run(transforms, images) for run in (together, one_after_the_other)
    )
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, atol=1e-6, rtol=1e-6)
    assert drawn == next_drawn


@given(st.lists(st.sampled_from(WHOLE), max_size=4))
def test_flips_and_crops_together_copy_exactly(transforms):
    images = np.random.default_rng(0).integers(0, 256, (9, 6, 8, 3), dtype=np.uint8)
    (found, _), (expected, _) = (run(transforms, images) for run in (together, one_after_the_other))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("transforms", "passes"),
    [
        ([RandomCrop(6, padding=2), RandomHorizontalFlip(), NORMAL], 1),
        ([RandomHorizontalFlip(), RandomZoom(0.5, 1.5), RandomCrop(5), NORMAL, NORMAL], 1),
        ([ToFloat(), Compose([RandomHorizontalFlip()]), NORMAL], 1),
        ([RandomZoom(0.5, 1.5), RandomZoom(0.5, 1.5)], 2),
        ([RandomCrop(6, padding=2), RandomZoom(0.5, 1.5)], 2),  # the zoom stops at the crop's edge
        ([NORMAL, RandomCrop(6, padding=2)], 2),  # zeros come after the mean is taken off
        ([RandomHorizontalFlip(), lambda images, rng: images, NORMAL], 2),
    ],
)
def test_neighbours_share_a_pass_where_that_is_exact(transforms, passes, images, monkeypatch):
    calls, resample = [], kernels.resample
    monkeypatch.setattr(kernels, "resample", lambda *args: calls.append(args) or resample(*args))
    Compose(transforms)(images, rng())
    assert len(calls) == passes


def test_nothing_to_do_leaves_images_as_they_are(images):
    assert Compose([])(images, rng()) is images
    kept = floats(images)
    assert Compose([ToFloat()])(kept, rng()) is kept
    np.testing.assert_array_equal(ToFloat()(images), kept)
