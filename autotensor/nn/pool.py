"""Pooling layers."""

from autotensor.nn import check, functional
from autotensor.nn.module import Module


class _Pool(Module):
    """What the pools with a window share: its geometry, checked here and shown by `repr`."""

    rank = None
    shown = ("kernel_size", "stride", "padding")

    def __init__(self, kernel_size, stride, padding, dilation=1):
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        sizes = check.integers(self, "kernel_size", kernel_size, self.rank)
        check.integers(self, "stride", self.stride, self.rank)
        steps = check.integers(self, "dilation", dilation, self.rank)
        pads = check.integers(self, "padding", padding, self.rank, minimum=0)
        for size, step, pad in zip(sizes, steps, pads, strict=True):
            if 2 * pad > step * (size - 1) + 1:
                raise ValueError(
                    f"{type(self).__name__}: padding should be at most half of the effective "
                    f"kernel size, got padding={padding}, kernel_size={kernel_size} and "
                    f"dilation={dilation}"
                )

    def extra_repr(self):
        return ", ".join(f"{name}={getattr(self, name)}" for name in self.shown)


class _MaxPool(_Pool):
    shown = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")

    def __init__(
        self,
        kernel_size,
        stride=None,
        padding=0,
        dilation=1,
        return_indices=False,
        ceil_mode=False,
    ):
        super().__init__(kernel_size, stride, padding, dilation)
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def _geometry(self):
        window = (self.kernel_size, self.stride, self.padding, self.dilation)
        return (*window, self.ceil_mode, self.return_indices)


class MaxPool1d(_MaxPool):
    """The greatest value in every window: (N, C, L) -> (N, C, OL)."""

    rank = 1

    def forward(self, input):
        return functional.max_pool1d(input, *self._geometry())


class MaxPool2d(_MaxPool):
    """The greatest value in every window: (N, C, H, W) -> (N, C, OH, OW).

    OH = (H + 2 padding - dilation (kernel_size - 1) - 1) // stride + 1, and so OW.
    """

    rank = 2

    def forward(self, input):
        return functional.max_pool2d(input, *self._geometry())


class MaxPool3d(_MaxPool):
    """The greatest value in every window: (N, C, D, H, W) -> (N, C, OD, OH, OW)."""

    rank = 3

    def forward(self, input):
        return functional.max_pool3d(input, *self._geometry())


class AvgPool1d(_Pool):
    """The mean of every window: (N, C, L) -> (N, C, OL)."""

    rank = 1

    def __init__(
        self, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True
    ):
        super().__init__(kernel_size, stride, padding)
        for name in self.shown:
            setattr(self, name, check.integers(self, name, getattr(self, name), 1, minimum=0))
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input):
        window = (self.kernel_size, self.stride, self.padding)
        return functional.avg_pool1d(input, *window, self.ceil_mode, self.count_include_pad)


class AvgPool2d(_Pool):
    """The mean of every window: (N, C, H, W) -> (N, C, OH, OW).

    The sum is divided by the size of the window, without its padding unless
    ``count_include_pad``, or by ``divisor_override``.
    """

    rank = 2
    average = staticmethod(functional.avg_pool2d)

    def __init__(
        self,
        kernel_size,
        stride=None,
        padding=0,
        ceil_mode=False,
        count_include_pad=True,
        divisor_override=None,
    ):
        super().__init__(kernel_size, stride, padding)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override
        if divisor_override is not None:
            check.integer(self, "divisor_override", divisor_override)

    def forward(self, input):
        window = (self.kernel_size, self.stride, self.padding)
        counted = (self.count_include_pad, self.divisor_override)
        return self.average(input, *window, self.ceil_mode, *counted)


class AvgPool3d(AvgPool2d):
    """The mean of every window: (N, C, D, H, W) -> (N, C, OD, OH, OW); see `AvgPool2d`."""

    rank = 3
    average = staticmethod(functional.avg_pool3d)


class _LPPool(Module):
    def __init__(self, norm_type, kernel_size, stride=None, ceil_mode=False):
        super().__init__()
        self.norm_type = check.number(self, "norm_type", norm_type)
        check.integers(self, "kernel_size", kernel_size, self.rank)
        self.kernel_size, self.stride, self.ceil_mode = kernel_size, stride, ceil_mode

    def forward(self, input):
        geometry = (self.norm_type, self.kernel_size, self.stride, self.ceil_mode)
        return getattr(functional, f"lp_pool{self.rank}d")(input, *geometry)

    def extra_repr(self):
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )


class LPPool1d(_LPPool):
    """(sum x^p)^(1 / p) of every window, p = ``norm_type``: (N, C, L) -> (N, C, OL)."""

    rank = 1


class LPPool2d(_LPPool):
    """(sum x^p)^(1 / p) of every window: (N, C, H, W) -> (N, C, OH, OW)."""

    rank = 2


class LPPool3d(_LPPool):
    """(sum x^p)^(1 / p) of every window: (N, C, D, H, W) -> (N, C, OD, OH, OW)."""

    rank = 3


class _MaxUnpool(Module):
    def __init__(self, kernel_size, stride=None, padding=0):
        super().__init__()
        self.kernel_size = check.integers(self, "kernel_size", kernel_size, self.rank)
        stride = self.kernel_size if stride is None else stride
        self.stride = check.integers(self, "stride", stride, self.rank)
        self.padding = check.integers(self, "padding", padding, self.rank, minimum=0)

    def forward(self, input, indices, output_size=None):
        geometry = (self.kernel_size, self.stride, self.padding, output_size)
        return getattr(functional, f"max_unpool{self.rank}d")(input, indices, *geometry)

    def extra_repr(self):
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpool):
    """Values put back where `MaxPool1d` found them, among zeros: (N, C, OL) -> (N, C, L)."""

    rank = 1


class MaxUnpool2d(_MaxUnpool):
    """Values put back where `MaxPool2d` found them, among zeros: (N, C, OH, OW) -> (N, C, H, W)."""

    rank = 2


class MaxUnpool3d(_MaxUnpool):
    """Values put back where `MaxPool3d` found them, among zeros."""

    rank = 3


class _AdaptivePool(Module):
    """Pools that are told the size of their output; None keeps the size of the input."""

    rank = None

    def __init__(self, output_size):
        super().__init__()
        sizes = output_size if isinstance(output_size, (tuple, list)) else (output_size,)
        for size in sizes:
            if size is not None:
                check.integer(self, "output_size", size)
        if len(sizes) not in (1, self.rank):
            raise ValueError(
                f"{type(self).__name__}: output_size must have {self.rank} values, "
                f"got {output_size}"
            )
        self.output_size = output_size

    def extra_repr(self):
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_AdaptivePool):
    """The mean of each of ``output_size`` equal parts: (N, C, L) -> (N, C, output_size)."""

    rank = 1

    def forward(self, input):
        return functional.adaptive_avg_pool1d(input, self.output_size)


class AdaptiveAvgPool2d(_AdaptivePool):
    """The mean of each of ``output_size`` equal parts: (N, C, H, W) -> (N, C, *output_size)."""

    rank = 2

    def forward(self, input):
        return functional.adaptive_avg_pool2d(input, self.output_size)


class AdaptiveAvgPool3d(_AdaptivePool):
    """The mean of each of ``output_size`` parts: (N, C, D, H, W) -> (N, C, *output_size)."""

    rank = 3

    def forward(self, input):
        return functional.adaptive_avg_pool3d(input, self.output_size)


class _AdaptiveMaxPool(_AdaptivePool):
    def __init__(self, output_size, return_indices=False):
        super().__init__(output_size)
        self.return_indices = return_indices


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """The greatest of each of ``output_size`` equal parts: (N, C, L) -> (N, C, output_size)."""

    rank = 1

    def forward(self, input):
        return functional.adaptive_max_pool1d(input, self.output_size, self.return_indices)


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """The greatest of each of ``output_size`` parts: (N, C, H, W) -> (N, C, *output_size)."""

    rank = 2

    def forward(self, input):
        return functional.adaptive_max_pool2d(input, self.output_size, self.return_indices)


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    """The greatest of each of ``output_size`` parts: (N, C, D, H, W) -> (N, C, *output_size)."""

    rank = 3

    def forward(self, input):
        return functional.adaptive_max_pool3d(input, self.output_size, self.return_indices)


class GAP(Module):
    """Global average pooling, the mean of every feature map: (N, C, H, W) -> (N, C)."""

    def forward(self, input):
        return functional.global_avg_pool(input)
