"""Convolution layers."""

from autotensor.creation import empty
from autotensor.nn import check, functional, init
from autotensor.nn.module import Module
from autotensor.nn.parameter import Parameter

_PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class _Conv(Module):
    """What all convolutions share: sizes, their validation, weights and their initial values."""

    rank = None
    transposed = False

    def __init__(
        self,
        in_channels,
        out_channels,
        kernel_size,
        stride=1,
        padding=0,
        dilation=1,
        groups=1,
        bias=True,
        padding_mode="zeros",
        device=None,
        dtype=None,
    ):
        super().__init__()
        self.in_channels = check.integer(self, "in_channels", in_channels)
        self.out_channels = check.integer(self, "out_channels", out_channels)
        self.kernel_size = check.integers(self, "kernel_size", kernel_size, self.rank)
        self.stride = check.integers(self, "stride", stride, self.rank)
        self.dilation = check.integers(self, "dilation", dilation, self.rank)
        self.groups = self._checked_groups(groups)
        self.padding = self._checked_padding(padding)
        self.padding_mode = check.choice(self, "padding_mode", padding_mode, _PADDING_MODES)
        first, second = self.out_channels, self.in_channels
        if self.transposed:
            first, second = second, first
        made = {"device": device, "dtype": dtype}
        self.weight = Parameter(empty(first, second // groups, *self.kernel_size, **made))
        self.register_parameter("bias", Parameter(empty(out_channels, **made)) if bias else None)
        self.reset_parameters()

    def _checked_groups(self, groups):
        check.integer(self, "groups", groups)
        for name, channels in (
            ("in_channels", self.in_channels),
            ("out_channels", self.out_channels),
        ):
            if channels % groups:
                raise ValueError(
                    f"{type(self).__name__}: {name} must be divisible by groups, "
                    f"got {channels} and {groups}"
                )
        return groups

    def _checked_padding(self, padding):
        if not isinstance(padding, str):
            return check.integers(self, "padding", padding, self.rank, minimum=0)
        check.choice(self, "padding", padding, ("same", "valid"))
        if padding == "same" and any(step != 1 for step in self.stride):
            raise ValueError(
                f"{type(self).__name__}: padding='same' is not supported for strided "
                f"convolutions, got stride {self.stride}"
            )
        return padding

    def reset_parameters(self):
        """Draw weight and bias anew, uniform on +-1 / sqrt(fan_in)."""
        init.fan_in_uniform_(self.weight, self.bias)

    def forward(self, input):
        padding = self.padding
        if self.padding_mode != "zeros":
            input, padding = functional.pad(input, self._border(), self.padding_mode), 0
        convolve = getattr(functional, f"conv{self.rank}d")
        return convolve(
            input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups
        )

    def _border(self):
        """The padding in the order of ``pad``: before and after, from the last dimension."""
        border = []
        for axis in reversed(range(self.rank)):
            if self.padding == "same":
                total = self.dilation[axis] * (self.kernel_size[axis] - 1)
                border += [total // 2, total - total // 2]
            else:
                size = 0 if self.padding == "valid" else self.padding[axis]
                border += [size, size]
        return border

    def extra_repr(self):
        options = {
            "padding": (self.padding, (0,) * self.rank),
            "dilation": (self.dilation, (1,) * self.rank),
            "output_padding": (getattr(self, "output_padding", 0), (0,) * self.rank),
            "groups": (self.groups, 1),
            "bias": (self.bias is not None, True),
            "padding_mode": (self.padding_mode, "zeros"),
        }
        if not self.transposed:
            del options["output_padding"]
        shown = [f"{name}={value}" for name, (value, usual) in options.items() if value != usual]
        sizes = f"kernel_size={self.kernel_size}, stride={self.stride}"
        return ", ".join([f"{self.in_channels}, {self.out_channels}, {sizes}", *shown])


class Conv1d(_Conv):
    """Slide filters over sequences: (N, C, L) -> (N, O, OL).

    ``padding`` is a size, ``"same"`` or ``"valid"``; OL = (L + 2 padding - dilation (K - 1) - 1)
    // stride + 1.
    """

    rank = 1


class Conv2d(_Conv):
    """Slide filters over images: (N, C, H, W) -> (N, O, OH, OW).

    ``padding`` is a size, ``"same"`` or ``"valid"``; OH = (H + 2 padding - dilation (KH - 1) - 1)
    // stride + 1, and so OW.
    """

    rank = 2


class Conv3d(_Conv):
    """Slide filters over volumes: (N, C, D, H, W) -> (N, O, OD, OH, OW); sizes as of `Conv2d`."""

    rank = 3


class _ConvTranspose(_Conv):
    """The input gradient of a convolution as a layer: it makes larger what that makes smaller."""

    transposed = True

    def __init__(
        self,
        in_channels,
        out_channels,
        kernel_size,
        stride=1,
        padding=0,
        output_padding=0,
        groups=1,
        bias=True,
        dilation=1,
        padding_mode="zeros",
        device=None,
        dtype=None,
    ):
        if padding_mode != "zeros":
            raise ValueError(
                f'Only "zeros" padding mode is supported for {type(self).__name__}, '
                f"got {padding_mode!r}"
            )
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )
        self.output_padding = check.integers(
            self, "output_padding", output_padding, self.rank, minimum=0
        )

    def _checked_padding(self, padding):
        return check.integers(self, "padding", padding, self.rank, minimum=0)

    def forward(self, input, output_size=None):
        """Convolve; ``output_size`` (the last dimensions) picks one of the sizes that fit."""
        convolve = getattr(functional, f"conv_transpose{self.rank}d")
        return convolve(
            input,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            self._output_padding(input, output_size),
            self.groups,
            self.dilation,
        )

    def _output_padding(self, input, output_size):
        """What to add at the end of every dimension for the wanted size."""
        if output_size is None:
            return self.output_padding
        wanted = tuple(output_size)[-self.rank :]
        geometry = zip(
            input.shape[-self.rank :],
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            strict=True,
        )
        least = [(n - 1) * s - 2 * p + d * (k - 1) + 1 for n, k, s, p, d in geometry]
        most = [low + s - 1 for low, s in zip(least, self.stride, strict=True)]
        if not all(a <= b <= c for a, b, c in zip(least, wanted, most, strict=True)):
            raise ValueError(
                f"{type(self).__name__}: requested an output size of {wanted}, but valid sizes "
                f"range from {least} to {most} (for an input of {tuple(input.shape)})"
            )
        return tuple(want - low for want, low in zip(wanted, least, strict=True))


class ConvTranspose1d(_ConvTranspose):
    """The input gradient of Conv1d as a layer: (N, C, L) -> (N, O, OL).

    OL = (L - 1) stride - 2 padding + dilation (K - 1) + output_padding + 1.
    """

    rank = 1


class ConvTranspose2d(_ConvTranspose):
    """The input gradient of Conv2d as a layer: (N, C, H, W) -> (N, O, OH, OW).

    OH = (H - 1) stride - 2 padding + dilation (KH - 1) + output_padding + 1, and so OW.
    """

    rank = 2


class ConvTranspose3d(_ConvTranspose):
    """The input gradient of Conv3d as a layer: (N, C, D, H, W) -> (N, O, OD, OH, OW)."""

    rank = 3


Conv1D = Conv1d
Conv2D = Conv2d
