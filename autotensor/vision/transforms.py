"""Transforms of single images, torchvision's; random ones draw from the default generator."""

import math

import numpy as np

from autotensor.creation import default_generator
from autotensor.tensor import Tensor
from autotensor.vision import functional
from autotensor.vision import functional as F

__all__ = [
    "CenterCrop",
    "ColorJitter",
    "Compose",
    "ConvertImageDtype",
    "Grayscale",
    "InterpolationMode",
    "Lambda",
    "Normalize",
    "PILToTensor",
    "Pad",
    "RandomAffine",
    "RandomApply",
    "RandomChoice",
    "RandomCrop",
    "RandomErasing",
    "RandomGrayscale",
    "RandomHorizontalFlip",
    "RandomResizedCrop",
    "RandomRotation",
    "RandomVerticalFlip",
    "Resize",
    "ToPILImage",
    "ToTensor",
    "TrivialAugmentWide",
    "functional",
]


class InterpolationMode:
    """The ways to compute values between pixels."""

    NEAREST = "nearest"
    BILINEAR = "bilinear"


def _random():
    return default_generator.numpy


class Compose:
    """Transforms one after the other.

    ``of_batch`` transforms many images at once, (N, H, W[, C]); it is None unless all can.
    """

    def __init__(self, transforms):
        self.transforms = list(transforms)

    def __call__(self, img):
        for transform in self.transforms:
            img = transform(img)
        return img

    @property
    def of_batch(self):
        """A function of a batch of images, or None."""
        steps = [getattr(transform, "of_batch", None) for transform in self.transforms]
        if None in steps or not steps:
            return None

        def run(images):
            for step in steps:
                images = step(images)
            return images

        return run

    def __repr__(self):
        lines = [f"    {transform}" for transform in self.transforms]
        return "\n".join([f"{type(self).__name__}(", *lines, ")"])


class _Transform:
    """Arguments kept under their names, which is all there is to its text."""

    def __init__(self, **arguments):
        vars(self).update(arguments)

    def __repr__(self):
        listed = ", ".join(f"{name}={value}" for name, value in vars(self).items())
        return f"{type(self).__name__}({listed})"


class ToTensor(_Transform):
    """An image (H, W[, C]) as a tensor (C, H, W), uint8 values scaled to 0..1."""

    def __call__(self, pic):
        return F.to_tensor(pic)

    def of_batch(self, images):
        """(N, H, W[, C]) -> (N, C, H, W)."""
        images = images[..., None] if images.ndim == 3 else images
        made = images.transpose(0, 3, 1, 2)
        return F.convert_image_dtype(Tensor(made)) if made.dtype.kind == "u" else Tensor(made)


class PILToTensor(_Transform):
    """An image (H, W[, C]) as a tensor (C, H, W), values as they are."""

    def __call__(self, pic):
        return F.pil_to_tensor(pic)


class ConvertImageDtype(_Transform):
    """A tensor with another dtype, values scaled."""

    def __init__(self, dtype):
        super().__init__(dtype=dtype)

    def __call__(self, image):
        return F.convert_image_dtype(image, self.dtype)


class ToPILImage(_Transform):
    """A tensor (C, H, W) or an array as Pillow's image."""

    def __init__(self, mode=None):
        super().__init__(mode=mode)

    def __call__(self, pic):
        return F.to_pil_image(pic, self.mode)


class Normalize(_Transform):
    """``(x - mean) / std`` for each channel of a tensor (..., C, H, W)."""

    def __init__(self, mean, std, inplace=False):
        super().__init__(mean=mean, std=std, inplace=inplace)

    def __call__(self, tensor):
        return F.normalize(tensor, self.mean, self.std, self.inplace)

    of_batch = __call__


class Resize(_Transform):
    """To a (height, width), or the shorter edge to a length; see `functional.resize`."""

    def __init__(self, size, interpolation="bilinear", max_size=None, antialias=True):
        super().__init__(
            size=size, interpolation=interpolation, max_size=max_size, antialias=antialias
        )

    def __call__(self, img):
        return F.resize(img, self.size, self.interpolation, self.max_size, self.antialias)


class CenterCrop(_Transform):
    """The middle of an image."""

    def __init__(self, size):
        super().__init__(size=size)

    def __call__(self, img):
        return F.center_crop(img, self.size)


class Pad(_Transform):
    """Borders around an image; see `functional.pad`."""

    def __init__(self, padding, fill=0, padding_mode="constant"):
        super().__init__(padding=padding, fill=fill, padding_mode=padding_mode)

    def __call__(self, img):
        return F.pad(img, self.padding, self.fill, self.padding_mode)


class RandomCrop(_Transform):
    """A part of an image at a random place, after padding it."""

    def __init__(self, size, padding=None, pad_if_needed=False, fill=0, padding_mode="constant"):
        super().__init__(size=F._pair(size), padding=padding, pad_if_needed=pad_if_needed,
                         fill=fill, padding_mode=padding_mode)  # fmt: skip

    @staticmethod
    def get_params(img, output_size):
        """A random place: (top, left, height, width)."""
        _, rows, columns = F.get_dimensions(img)
        height, width = output_size
        if height > rows or width > columns:
            raise ValueError(
                f"Required crop size {(height, width)} is larger than input image size "
                f"{(rows, columns)}"
            )
        top = int(_random().integers(rows - height + 1))
        return top, int(_random().integers(columns - width + 1)), height, width

    def __call__(self, img):
        if self.padding is not None:
            img = F.pad(img, self.padding, self.fill, self.padding_mode)
        if self.pad_if_needed:
            _, rows, columns = F.get_dimensions(img)
            wanted = max(self.size[1] - columns, 0), max(self.size[0] - rows, 0)
            img = F.pad(img, wanted, self.fill, self.padding_mode)
        return F.crop(img, *self.get_params(img, self.size))


class RandomResizedCrop(_Transform):
    """A part of random area and shape, brought to a size."""

    def __init__(self, size, scale=(0.08, 1.0), ratio=(3 / 4, 4 / 3), interpolation="bilinear",
                 antialias=True):  # fmt: skip
        super().__init__(size=F._pair(size), scale=scale, ratio=ratio,
                         interpolation=interpolation, antialias=antialias)  # fmt: skip

    @staticmethod
    def get_params(img, scale, ratio):
        """A random part: (top, left, height, width)."""
        _, rows, columns = F.get_dimensions(img)
        for _ in range(10):
            area = rows * columns * _random().uniform(*scale)
            shape = math.exp(_random().uniform(math.log(ratio[0]), math.log(ratio[1])))
            width, height = round(math.sqrt(area * shape)), round(math.sqrt(area / shape))
            if 0 < width <= columns and 0 < height <= rows:
                top = int(_random().integers(rows - height + 1))
                return top, int(_random().integers(columns - width + 1)), height, width
        width = min(columns, round(rows * ratio[1]))
        height = min(rows, round(columns / ratio[0]))
        return (rows - height) // 2, (columns - width) // 2, height, width

    def __call__(self, img):
        img = F.crop(img, *self.get_params(img, self.scale, self.ratio))
        return F.resize(img, self.size, self.interpolation, antialias=self.antialias)


class _Chance(_Transform):
    """Something that is done with probability ``p``."""

    def __init__(self, p=0.5, **arguments):
        super().__init__(p=p, **arguments)

    def __call__(self, img):
        return self.change(img) if _random().random() < self.p else img


class RandomHorizontalFlip(_Chance):
    """Left and right exchanged, with probability ``p``."""

    change = staticmethod(F.hflip)


class RandomVerticalFlip(_Chance):
    """Top and bottom exchanged, with probability ``p``."""

    change = staticmethod(F.vflip)


class RandomGrayscale(_Chance):
    """In grey, with probability ``p``; the number of channels stays."""

    def __init__(self, p=0.1):
        super().__init__(p)

    def change(self, img):
        """The image in grey."""
        return F.rgb_to_grayscale(img, F.get_dimensions(img)[0])


class RandomApply(_Chance):
    """All of some transforms, with probability ``p``."""

    def __init__(self, transforms, p=0.5):
        super().__init__(p, transforms=transforms)

    def change(self, img):
        """The image after all transforms."""
        return Compose(self.transforms)(img)


class RandomChoice(_Transform):
    """One of some transforms."""

    def __init__(self, transforms):
        super().__init__(transforms=transforms)

    def __call__(self, img):
        return self.transforms[int(_random().integers(len(self.transforms)))](img)


class RandomErasing(_Chance):
    """With probability ``p``, a random rectangle set to ``value``, or to noise ("random")."""

    def __init__(self, p=0.5, scale=(0.02, 0.33), ratio=(0.3, 3.3), value=0, inplace=False):
        super().__init__(p, scale=scale, ratio=ratio, value=value, inplace=inplace)

    def change(self, img):
        """The tensor with the rectangle."""
        top, left, height, width = RandomResizedCrop.get_params(img, self.scale, self.ratio)
        img = img if self.inplace else img.clone()
        shape = (*img.shape[:-2], height, width)
        noise = self.value == "random"
        value = _random().standard_normal(shape).astype(np.float32) if noise else self.value
        img[..., top : top + height, left : left + width] = Tensor(value) if noise else value
        return img


class Grayscale(_Transform):
    """In grey, in 1 channel or 3 equal ones."""

    def __init__(self, num_output_channels=1):
        super().__init__(num_output_channels=num_output_channels)

    def __call__(self, img):
        return F.rgb_to_grayscale(img, self.num_output_channels)


def _around_one(value):
    """A range of factors: (low, high) as given, or 1 - value to 1 + value."""
    return tuple(value) if isinstance(value, (tuple, list)) else (max(0, 1 - value), 1 + value)


class ColorJitter(_Transform):
    """Brightness, contrast and saturation changed by random factors, in random order."""

    def __init__(self, brightness=0, contrast=0, saturation=0, hue=0):
        if hue:
            raise ValueError("ColorJitter: hue is not available: leave it 0")
        super().__init__(brightness=brightness, contrast=contrast, saturation=saturation)

    def __call__(self, img):
        steps = [(F.adjust_brightness, self.brightness), (F.adjust_contrast, self.contrast),
                 (F.adjust_saturation, self.saturation)]  # fmt: skip
        for n in _random().permutation(3):
            adjust, value = steps[n]
            if value:
                img = adjust(img, _random().uniform(*_around_one(value)))
        return img


def _both_ways(value):
    return tuple(value) if isinstance(value, (tuple, list)) else (-value, value)


class RandomRotation(_Transform):
    """Turned by a random angle within ``degrees``, a number or (low, high); nearest pixels."""

    def __init__(self, degrees, interpolation="nearest", expand=False, center=None, fill=0):
        if expand or center is not None:
            raise ValueError("RandomRotation: expand and center are not available")
        super().__init__(degrees=_both_ways(degrees), fill=fill)

    def __call__(self, img):
        return F.rotate(img, _random().uniform(*self.degrees), self.fill)


class RandomAffine(_Transform):
    """Turned, moved (by parts of the size), scaled and sheared at random; nearest pixels."""

    def __init__(self, degrees, translate=None, scale=None, shear=None, interpolation="nearest",
                 fill=0):  # fmt: skip
        super().__init__(degrees=_both_ways(degrees), translate=translate, scale=scale,
                         shear=shear, fill=fill)  # fmt: skip

    def __call__(self, img):
        _, rows, columns = F.get_dimensions(img)
        angle, move = _random().uniform(*self.degrees), (0, 0)
        if self.translate is not None:
            parts = zip((columns, rows), self.translate, strict=True)
            move = [round(_random().uniform(-n * part, n * part)) for n, part in parts]
        scale = 1.0 if self.scale is None else _random().uniform(*self.scale)
        shear = 0.0 if self.shear is None else _random().uniform(*_both_ways(self.shear))
        return F.affine(img, angle, move, scale, (shear, 0.0), self.fill)


class Lambda(_Transform):
    """A function as a transform."""

    def __init__(self, lambd):
        if not callable(lambd):
            raise TypeError(f"Argument lambd should be callable, got {type(lambd).__name__}")
        super().__init__(lambd=lambd)

    def __call__(self, img):
        return self.lambd(img)


class TrivialAugmentWide(_Transform):
    """One random change of random strength (Müller and Hutter 2021), of those that are here."""

    def __init__(self, num_magnitude_bins=31, interpolation="nearest", fill=None):
        super().__init__(num_magnitude_bins=num_magnitude_bins, fill=fill or 0)

    def __call__(self, img):
        strength = _random().integers(self.num_magnitude_bins) / (self.num_magnitude_bins - 1)
        strength *= _random().choice((-1, 1))
        whole = 255 if np.asarray(getattr(img, "array", img)).dtype == np.uint8 else 1.0
        fill, still = self.fill, (0, 0)
        factor = 1 + 0.99 * strength
        changes = [
            lambda: img,
            lambda: F.affine(img, 0, still, 1.0, (math.degrees(0.99 * strength), 0), fill),
            lambda: F.affine(img, 0, still, 1.0, (0, math.degrees(0.99 * strength)), fill),
            lambda: F.affine(img, 0, (round(32 * strength), 0), 1.0, still, fill),
            lambda: F.affine(img, 0, (0, round(32 * strength)), 1.0, still, fill),
            lambda: F.rotate(img, 135 * strength, fill),
            lambda: F.adjust_brightness(img, factor),
            lambda: F.adjust_saturation(img, factor),
            lambda: F.adjust_contrast(img, factor),
            lambda: F.solarize(img, whole * (1 - abs(strength))),
            lambda: F.autocontrast(img),
        ]
        if whole == 255:
            changes.append(lambda: F.posterize(img, 8 - round(6 * abs(strength))))
        return changes[int(_random().integers(len(changes)))]()
