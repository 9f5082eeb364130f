import builtins

import numpy as np
import pytest

import autotensor as at
from autotensor.vision import functional as F
from autotensor.vision import io, transforms, utils

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (9, 7), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (9, 7, 3), dtype=np.uint8)
KINDS = {
    "grey": GREY,
    "colour": COLOUR,
    "tensor": F.to_tensor(COLOUR),
    "bytes": F.pil_to_tensor(COLOUR),
}
every = pytest.mark.parametrize("img", KINDS.values(), ids=KINDS)


def pixels(img):
    """The image as an array (H, W, ...)."""
    return np.moveaxis(img.array, 0, -1) if isinstance(img, at.Tensor) else np.asarray(img)


def test_to_tensor():
    made = transforms.ToTensor()(COLOUR)
    assert made.dtype == at.float32 and made.shape == (3, 9, 7)
    np.testing.assert_allclose(made.array, COLOUR.transpose(2, 0, 1) / 255, rtol=1e-6)
    assert transforms.ToTensor()(GREY).shape == (1, 9, 7)
    assert transforms.ToTensor()(GREY.astype(np.int64)).dtype == at.int64
    with pytest.raises(TypeError, match="pic should be"):
        transforms.ToTensor()(made)


def test_normalize():
    made = transforms.Normalize([0.5, 0.4, 0.3], [0.2, 0.1, 0.5])(KINDS["tensor"])
    expected = (COLOUR / 255 - [0.5, 0.4, 0.3]) / [0.2, 0.1, 0.5]
    np.testing.assert_allclose(pixels(made), expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(TypeError, match="float tensor"):
        F.normalize(KINDS["bytes"], [0], [1])
    with pytest.raises(ValueError, match="zero"):
        F.normalize(KINDS["tensor"], [0], [0])


@every
def test_geometry(img):
    array = pixels(img)
    for made, expected in [
        (transforms.CenterCrop(4)(img), array[2:6, 2:6]),
        (F.crop(img, 1, 2, 3, 4), array[1:4, 2:6]),
        (F.hflip(img), array[:, ::-1]),
        (F.vflip(img), array[::-1]),
        (transforms.Pad(2)(img)[..., 2:-2, 2:-2] if isinstance(img, at.Tensor)
         else transforms.Pad(2)(img)[2:-2, 2:-2], array),
    ]:  # fmt: skip
        assert type(made) is type(img) and np.array_equal(pixels(made), expected)
    outside = pixels(F.crop(img, -1, -2, 4, 5))
    assert (outside[0] == 0).all() and np.array_equal(outside[1:, 2:], array[:3, :3])
    padded = pixels(F.pad(img, (1, 2, 3, 4), padding_mode="edge"))
    assert padded.shape[:2] == (9 + 6, 7 + 4) and np.array_equal(padded[0, 0], array[0, 0])
    assert pixels(F.pad(img, (1, 0), fill=1))[0, 0].max() == 1


@every
def test_resize(img):
    whole = pixels(transforms.Resize((18, 14))(img))
    assert whole.shape[:2] == (18, 14) and whole.dtype == pixels(img).dtype
    assert pixels(transforms.Resize(14)(img)).shape[:2] == (18, 14)
    assert abs(whole.astype(float).mean() / pixels(img).astype(float).mean() - 1) < 0.02
    near = pixels(F.resize(img, (18, 14), transforms.InterpolationMode.NEAREST))
    assert np.array_equal(near[::2, ::2], pixels(img))
    assert F.resize(img, 7) is img
    with pytest.raises(ValueError, match="bicubic"):
        F.resize(img, 5, "bicubic")


def test_resize_is_pillows():
    image = pytest.importorskip("PIL.Image")
    big = RNG.integers(0, 256, (40, 30, 3), dtype=np.uint8)
    for height, width in ((20, 15), (57, 90), (13, 30)):
        theirs = image.fromarray(big).resize((width, height), image.Resampling.BILINEAR)
        ours = F.resize(big, (height, width))
        assert np.abs(ours.astype(int) - np.asarray(theirs)).max() <= 1


@every
def test_turning(img):
    square = img[..., :7, :] if isinstance(img, at.Tensor) else img[:7]
    array = pixels(square)
    assert np.array_equal(pixels(F.rotate(square, 90)), np.rot90(array))
    assert np.array_equal(pixels(F.rotate(square, 180)), np.rot90(array, 2))
    moved = pixels(F.affine(square, 0, (2, 1), 1.0, (0, 0)))
    assert np.array_equal(moved[1:, 2:], array[:-1, :-2]) and (moved[0] == 0).all()


def test_colours():
    for img in (COLOUR, KINDS["tensor"]):
        top = 255 if img is COLOUR else 1
        array = pixels(img).astype(float)
        brighter = pixels(F.adjust_brightness(img, 1.5)).astype(float)
        np.testing.assert_allclose(brighter, np.minimum(array * 1.5, top), atol=top / 255)
        grey = pixels(F.adjust_saturation(img, 0.0)).astype(float)
        np.testing.assert_allclose(grey[..., 0], array @ [0.299, 0.587, 0.114], atol=top / 255)
        flat = pixels(F.adjust_contrast(img, 0.0)).astype(float)
        assert flat.max() - flat.min() <= top / 255
        np.testing.assert_allclose(pixels(F.invert(F.invert(img))), array, atol=1e-6)
        stretched = pixels(F.autocontrast(img))
        assert stretched.min() == 0 and abs(stretched.max() - top) <= top / 255
    assert np.array_equal(F.posterize(COLOUR, 3), COLOUR & 0b11100000)
    assert np.array_equal(F.solarize(COLOUR, 128), np.where(COLOUR >= 128, 255 - COLOUR, COLOUR))
    assert transforms.Grayscale(3)(COLOUR).shape == COLOUR.shape


RANDOM = [
    transforms.RandomCrop(5, padding=2),
    transforms.RandomResizedCrop(6),
    transforms.RandomHorizontalFlip(),
    transforms.RandomVerticalFlip(0.3),
    transforms.RandomRotation(30),
    transforms.RandomAffine(10, (0.1, 0.2), (0.8, 1.2), 5),
    transforms.RandomGrayscale(0.5),
    transforms.ColorJitter(0.4, 0.4, 0.4),
    transforms.TrivialAugmentWide(),
    transforms.RandomApply([transforms.CenterCrop(9)], 0.5),
    transforms.RandomChoice([transforms.CenterCrop(3), transforms.CenterCrop(4)]),
]


@pytest.mark.parametrize("transform", RANDOM, ids=repr)
@pytest.mark.parametrize("kind", ["colour", "tensor", "bytes"])
def test_random_transforms_follow_the_seed_and_keep_the_kind(kind, transform):
    made = []
    for _ in range(2):
        at.manual_seed(3)
        made.append([transform(KINDS[kind]) for _ in range(12)])
    for a, b in zip(*made, strict=True):
        assert type(a) is type(KINDS[kind]) and a.dtype == KINDS[kind].dtype
        np.testing.assert_array_equal(pixels(a), pixels(b))
    assert len({pixels(a).tobytes() for a in made[0]}) > 1


def test_random_crop():
    top, left, height, width = transforms.RandomCrop.get_params(COLOUR, (4, 5))
    assert 0 <= top <= 5 and 0 <= left <= 2 and (height, width) == (4, 5)
    with pytest.raises(ValueError, match="larger than input"):
        transforms.RandomCrop(8)(COLOUR)
    assert transforms.RandomCrop(8, pad_if_needed=True)(COLOUR).shape == (8, 8, 3)


def test_random_erasing():
    at.manual_seed(0)
    img = KINDS["tensor"] + 1
    made = transforms.RandomErasing(1.0, value=0)(img)
    assert (made.array == 0).any() and (img.array != 0).all()
    assert transforms.RandomErasing(0.0)(img) is img


def test_grid_and_file(tmp_path):
    images = at.tensor(RNG.random((5, 1, 4, 6)), dtype=at.float32)
    grid = utils.make_grid(images, nrow=3, padding=1)
    assert grid.shape == (3, 2 * 5 + 1, 3 * 7 + 1)
    np.testing.assert_array_equal(grid.array[0, 1:5, 8:14], images.array[1, 0])
    assert (grid.array[:, 0] == 0).all()
    spread = utils.make_grid(images * 5 - 2, normalize=True).array
    assert spread.min() == 0 and abs(spread.max() - 1) < 1e-6
    pytest.importorskip("PIL")
    utils.save_image(images, tmp_path / "grid.png", nrow=3, padding=1)
    read = io.read_image(tmp_path / "grid.png")
    assert read.dtype == at.uint8 and read.shape == grid.shape
    assert np.abs(read.array / 255.0 - grid.array).max() <= 0.5 / 255 + 1e-6
    assert io.read_image(tmp_path / "grid.png", io.ImageReadMode.GRAY).shape == (1, 11, 22)
    again = transforms.ToPILImage()(read)
    np.testing.assert_array_equal(np.asarray(again), pixels(read))


def test_without_pillow_the_remedy_is_named(tmp_path, monkeypatch):
    found = builtins.__import__

    def absent(name, *args, **kwargs):
        if name == "PIL":
            raise ImportError(name)
        return found(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(ImportError, match=r"pip install autotensor\[images\]"):
        io.read_image(tmp_path / "a.png")
