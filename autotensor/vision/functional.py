"""Operations on images: uint8 arrays (H, W) or (H, W, C), Pillow's images, tensors (..., C, H, W).

Each returns an array for an array or Pillow's image, and a tensor for a tensor. Values of floating
images are 0 to 1.
"""

import functools
import math

import numpy as np

from autotensor.dtypes import as_dtype
from autotensor.tensor import Tensor

_GREY = (0.299, 0.587, 0.114)  # ITU-R BT.601


def _of_images(function):
    """Let a function of an array (H, W, ...), channels last, take images of all kinds."""

    @functools.wraps(function)
    def call(img, *args, **named):
        if not isinstance(img, Tensor):
            return function(np.asarray(img), *args, **named)
        made = function(np.moveaxis(img.array, (-2, -1), (0, 1)), *args, **named)
        return Tensor(np.ascontiguousarray(np.moveaxis(made, (0, 1), (-2, -1))))

    return call


def get_dimensions(img):
    """[channels, height, width]."""
    if isinstance(img, Tensor):
        return [img.shape[-3] if img.ndim > 2 else 1, *img.shape[-2:]]
    array = np.asarray(img)
    return [array.shape[2] if array.ndim == 3 else 1, *array.shape[:2]]


def pil_to_tensor(pic):
    """(H, W) or (H, W, C) -> a tensor (C, H, W) of the same dtype."""
    array = np.asarray(pic)
    if array.ndim not in (2, 3):
        raise ValueError(f"pic should be 2/3 dimensional. Got {array.ndim} dimensions.")
    array = array[..., None] if array.ndim == 2 else array
    return Tensor(np.ascontiguousarray(array.transpose(2, 0, 1)))


def to_tensor(pic):
    """(H, W) or (H, W, C) -> a tensor (C, H, W); uint8 values become float32, 0 to 1."""
    if isinstance(pic, Tensor):
        raise TypeError(f"pic should be PIL Image or ndarray. Got {type(pic).__name__}")
    made = pil_to_tensor(pic)
    return convert_image_dtype(made) if made.dtype.kind == "u" else made


def convert_image_dtype(image, dtype=np.float32):
    """Another dtype, values scaled: 0 to 1 for floating ones, 0 to 255 for uint8."""
    dtype = as_dtype(dtype)
    array = image.array
    if array.dtype.kind == dtype.kind == "f" or array.dtype == dtype:
        return image.to(dtype)
    if dtype.kind == "f":
        return Tensor(array.astype(dtype) / dtype.type(np.iinfo(array.dtype).max))
    if array.dtype.kind == "f" and dtype == np.uint8:
        return Tensor((array * (256 - 1e-3)).astype(np.uint8))
    raise RuntimeError(f"convert_image_dtype: cannot convert {array.dtype} to {dtype}")


def to_pil_image(pic, mode=None):
    """A tensor (C, H, W) or an array as Pillow's image."""
    from autotensor.vision.io import pillow

    if isinstance(pic, Tensor):
        pic = convert_image_dtype(pic, np.uint8).array
        pic = pic.transpose(1, 2, 0) if pic.ndim == 3 else pic
    pic = pic[..., 0] if pic.ndim == 3 and pic.shape[2] == 1 else pic
    return pillow().fromarray(pic)


def normalize(tensor, mean, std, inplace=False):
    """``(x - mean) / std`` for each channel of (..., C, H, W)."""
    if not isinstance(tensor, Tensor):
        raise TypeError(f"img should be Tensor Image. Got {type(tensor).__name__}")
    if tensor.dtype.kind != "f":
        raise TypeError(f"Input tensor should be a float tensor. Got {tensor.dtype}.")
    mean, std = (np.asarray(v, tensor.dtype).reshape(-1, 1, 1) for v in (mean, std))
    if (std == 0).any():
        raise ValueError("std evaluated to zero, leading to division by zero.")
    made = (tensor - Tensor(mean)) / Tensor(std)
    return tensor.copy_(made) if inplace else made


@_of_images
def crop(img, top, left, height, width):
    """The part from (top, left) on; black where it reaches beyond the image."""
    rows, columns = img.shape[:2]
    made = np.zeros((height, width, *img.shape[2:]), img.dtype)
    a, b = max(top, 0), min(top + height, rows)
    c, d = max(left, 0), min(left + width, columns)
    if a < b and c < d:
        made[a - top : b - top, c - left : d - left] = img[a:b, c:d]
    return made


def center_crop(img, output_size):
    """The middle, of a size (height, width)."""
    height, width = _pair(output_size)
    _, rows, columns = get_dimensions(img)
    top, left = round((rows - height) / 2.0), round((columns - width) / 2.0)
    return crop(img, top, left, height, width)


def _pair(size):
    if isinstance(size, (tuple, list)):
        return tuple(size) if len(size) == 2 else (size[0], size[0])
    return size, size


_PADDING = {"constant": "constant", "edge": "edge", "reflect": "reflect", "symmetric": "symmetric"}


def pad(img, padding, fill=0, padding_mode="constant"):
    """Borders: one number, (left and right, top and bottom), or (left, top, right, bottom)."""
    if padding_mode not in _PADDING:
        raise ValueError(f"padding_mode is one of {', '.join(_PADDING)}, not {padding_mode!r}")
    widths = [padding] if isinstance(padding, int) else list(padding)
    if len(widths) not in (1, 2, 4):
        raise ValueError(f"Padding must be an int or a 1, 2, or 4 element tuple, not {padding!r}")
    left, top, right, bottom = widths * (4 // len(widths))
    return _padded(img, ((top, bottom), (left, right)), fill, padding_mode)


@_of_images
def _padded(img, borders, fill, mode):
    borders = [*borders, *[(0, 0)] * (img.ndim - 2)]
    if mode != "constant":
        return np.pad(img, borders, mode)
    (top, bottom), (left, right) = borders[:2]
    rows, columns = img.shape[:2]
    made = np.empty((rows + top + bottom, columns + left + right, *img.shape[2:]), img.dtype)
    made[...] = fill
    made[top : top + rows, left : left + columns] = img
    return made


@_of_images
def hflip(img):
    """Left and right exchanged."""
    return img[:, ::-1].copy()


@_of_images
def vflip(img):
    """Top and bottom exchanged."""
    return img[::-1].copy()


def resize(img, size, interpolation="bilinear", max_size=None, antialias=True):
    """A height and width, or the length of the shorter edge; "bilinear" or "nearest".

    Making an image smaller, bilinear means over all pixels that a new one covers (``antialias``).
    """
    _, rows, columns = get_dimensions(img)
    if isinstance(size, int) or len(size) == 1:
        short = size if isinstance(size, int) else size[0]
        ratio = short / min(rows, columns)
        height, width = (short if n == min(rows, columns) else int(n * ratio)
                         for n in (rows, columns))  # fmt: skip
        if max_size is not None and max(height, width) > max_size:
            shrink = max_size / max(height, width)
            height, width = int(height * shrink), int(width * shrink)
    else:
        height, width = size
    if (height, width) == (rows, columns):
        return img
    mode = str(getattr(interpolation, "value", interpolation))
    if mode not in ("bilinear", "nearest"):
        raise ValueError(f"interpolation is 'bilinear' or 'nearest', not {interpolation!r}")
    return _resized(img, height, width, mode, antialias)


@_of_images
def _resized(img, height, width, mode, antialias):
    if mode == "nearest":
        rows, columns = (
            np.minimum(((np.arange(n) + 0.5) * m / n).astype(int), m - 1)
            for n, m in zip((height, width), img.shape, strict=False)
        )
        return img[rows[:, None], columns]
    made = img.astype(np.float32)
    for axis, n in enumerate((height, width)):
        weights = _line_weights(img.shape[axis], n, antialias)
        made = np.moveaxis(np.tensordot(weights, made, (1, axis)), 0, axis)
    if img.dtype == np.uint8:
        return np.clip(np.rint(made), 0, 255).astype(np.uint8)
    return made.astype(img.dtype, copy=False)


@functools.lru_cache(maxsize=64)
def _line_weights(before, after, antialias):
    """(after, before): how much of each old pixel is in each new one, by triangles."""
    scale = before / after
    reach = max(scale, 1.0) if antialias else 1.0
    centre = (np.arange(after)[:, None] + 0.5) * scale
    place = np.arange(before) + 0.5
    if not antialias:
        centre = np.clip(centre, 0.5, before - 0.5)
    weights = np.maximum(0, 1 - np.abs(place - centre) / reach)
    return (weights / weights.sum(1, keepdims=True)).astype(np.float32)


def affine(img, angle, translate, scale, shear, fill=0):
    """Turned by ``angle`` degrees, moved, scaled and sheared about the middle; nearest pixels.

    ``translate`` (x, y) in pixels, ``shear`` (x, y) in degrees; outside is ``fill``.
    """
    turn, (sx, sy) = math.radians(angle), (math.radians(v) for v in _pair(shear))
    matrix = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    matrix = scale * matrix @ np.array([[1, -math.tan(sx)], [-math.tan(sy), 1]])
    return _mapped(img, np.linalg.inv(matrix), translate, fill)


def rotate(img, angle, fill=0):
    """Turned counter-clockwise by ``angle`` degrees about the middle; nearest pixels."""
    return affine(img, -angle, (0, 0), 1.0, (0, 0), fill)


@_of_images
def _mapped(img, inverse, translate, fill):
    rows, columns = img.shape[:2]
    y, x = np.mgrid[:rows, :columns].astype(float)
    x, y = x - (columns - 1) / 2 - translate[0], y - (rows - 1) / 2 - translate[1]
    from_x = np.rint(inverse[0, 0] * x + inverse[0, 1] * y + (columns - 1) / 2).astype(int)
    from_y = np.rint(inverse[1, 0] * x + inverse[1, 1] * y + (rows - 1) / 2).astype(int)
    inside = (from_x >= 0) & (from_x < columns) & (from_y >= 0) & (from_y < rows)
    made = np.empty_like(img)
    made[...] = fill
    made[inside] = img[from_y[inside], from_x[inside]]
    return made


def _blended(img, other, factor):
    """``factor`` of the image and the rest of another, within the range of values."""
    top = 255 if img.dtype == np.uint8 else 1.0
    return np.clip(factor * img.astype(np.float32) + (1 - factor) * other, 0, top).astype(img.dtype)


def _grey(img):
    if img.ndim == 2 or img.shape[-1] == 1:
        return img.astype(np.float32)
    return (img.astype(np.float32) @ np.array(_GREY, np.float32))[..., None]


@_of_images
def rgb_to_grayscale(img, num_output_channels=1):
    """The luminance, in 1 channel or 3 equal ones."""
    grey = _grey(img)
    grey = grey.astype(img.dtype)
    return np.repeat(grey, num_output_channels, -1) if grey.ndim > 2 else grey


to_grayscale = rgb_to_grayscale


@_of_images
def adjust_brightness(img, brightness_factor):
    """Values times a factor."""
    return _blended(img, 0.0, brightness_factor)


@_of_images
def adjust_contrast(img, contrast_factor):
    """Away from (or towards, below 1) the mean luminance."""
    axes = (0, 1, -1) if img.ndim > 3 else None
    return _blended(img, _grey(img).mean(axes, keepdims=img.ndim > 3), contrast_factor)


@_of_images
def adjust_saturation(img, saturation_factor):
    """Away from (or towards, below 1) the image in grey."""
    return _blended(img, _grey(img), saturation_factor)


@_of_images
def posterize(img, bits):
    """Only the highest ``bits`` of uint8 values."""
    return img & np.uint8(256 - (1 << (8 - bits)))


@_of_images
def solarize(img, threshold):
    """Values from ``threshold`` on inverted."""
    top = img.dtype.type(255 if img.dtype == np.uint8 else 1)
    return np.where(img >= threshold, top - img, img)


@_of_images
def invert(img):
    """All values inverted."""
    return img.dtype.type(255 if img.dtype == np.uint8 else 1) - img


@_of_images
def autocontrast(img):
    """Each channel stretched over the whole range of values."""
    top = 255 if img.dtype == np.uint8 else 1.0
    low, high = (f(img, axis=(0, 1), keepdims=True).astype(np.float32) for f in (np.min, np.max))
    spread = np.where(high > low, high - low, top)
    made = (img - np.where(high > low, low, 0)) * (top / spread)
    return np.clip(made, 0, top).astype(img.dtype)
