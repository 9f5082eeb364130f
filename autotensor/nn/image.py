"""Layers that resize, rearrange or take apart images."""

from autotensor.nn import check, functional
from autotensor.nn.module import Module


class Upsample(Module):
    """Another size by interpolation: (N, C, *size) -> (N, C, *new size); see `F.interpolate`."""

    def __init__(
        self,
        size=None,
        scale_factor=None,
        mode="nearest",
        align_corners=None,
        recompute_scale_factor=None,
    ):
        super().__init__()
        self.size, self.scale_factor = size, scale_factor
        if isinstance(scale_factor, (tuple, list)):
            self.scale_factor = tuple(float(factor) for factor in scale_factor)
        elif scale_factor is not None:
            self.scale_factor = float(scale_factor)
        self.mode, self.align_corners = mode, align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, input):
        return functional.interpolate(
            input,
            self.size,
            self.scale_factor,
            self.mode,
            self.align_corners,
            self.recompute_scale_factor,
        )

    def extra_repr(self):
        name = "size" if self.scale_factor is None else "scale_factor"
        return f"{name}={getattr(self, name)!r}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """`Upsample` of images with mode "nearest"."""

    def __init__(self, size=None, scale_factor=None):
        super().__init__(size, scale_factor, "nearest")


class UpsamplingBilinear2d(Upsample):
    """`Upsample` of images with mode "bilinear" and aligned corners."""

    def __init__(self, size=None, scale_factor=None):
        super().__init__(size, scale_factor, "bilinear", align_corners=True)


class PixelShuffle(Module):
    """Channels become pixels: (*, C r^2, H, W) -> (*, C, H r, W r) (Shi et al., 2016)."""

    def __init__(self, upscale_factor):
        super().__init__()
        self.upscale_factor = check.integer(self, "upscale_factor", upscale_factor)

    def forward(self, input):
        return functional.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self):
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """Pixels become channels: (*, C, H r, W r) -> (*, C r^2, H, W)."""

    def __init__(self, downscale_factor):
        super().__init__()
        self.downscale_factor = check.integer(self, "downscale_factor", downscale_factor)

    def forward(self, input):
        return functional.pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self):
        return f"downscale_factor={self.downscale_factor}"


class ChannelShuffle(Module):
    """Channels of all groups take turns: (N, C, *) -> (N, C, *) (Zhang et al., 2018)."""

    def __init__(self, groups):
        super().__init__()
        self.groups = check.integer(self, "groups", groups)

    def forward(self, input):
        return functional.channel_shuffle(input, self.groups)

    def extra_repr(self):
        return f"groups={self.groups}"


class _Windows(Module):
    shown = ("kernel_size", "dilation", "padding", "stride")

    def __init__(self, kernel_size, dilation, padding, stride):
        super().__init__()
        for name, value, least in zip(
            self.shown[-4:], (kernel_size, dilation, padding, stride), (1, 1, 0, 1), strict=True
        ):
            check.integers(self, name, value, 2, least)
            setattr(self, name, value)

    def _geometry(self):
        return self.kernel_size, self.dilation, self.padding, self.stride

    def extra_repr(self):
        return ", ".join(f"{name}={getattr(self, name)}" for name in self.shown)


class Unfold(_Windows):
    """Each window as a column: (N, C, H, W) -> (N, C KH KW, windows)."""

    def __init__(self, kernel_size, dilation=1, padding=0, stride=1):
        super().__init__(kernel_size, dilation, padding, stride)

    def forward(self, input):
        return functional.unfold(input, *self._geometry())


class Fold(_Windows):
    """Columns added where `Unfold` takes them: (N, C KH KW, windows) -> (N, C, *output_size)."""

    shown = ("output_size", *_Windows.shown)

    def __init__(self, output_size, kernel_size, dilation=1, padding=0, stride=1):
        super().__init__(kernel_size, dilation, padding, stride)
        check.integers(self, "output_size", output_size, 2)
        self.output_size = output_size

    def forward(self, input):
        return functional.fold(input, self.output_size, *self._geometry())
