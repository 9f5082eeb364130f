"""Convolution and pooling of volumes (N, C, D, H, W), made of those of images.

Depth is one more axis of windows: its taps become channels of the images at each depth.
"""

from autotensor.ops.arguments import tensor_of
from autotensor.ops.conv import conv2d, conv_transpose2d
from autotensor.ops.indexing import gather
from autotensor.ops.padding import pad
from autotensor.ops.pool import (
    adaptive_avg_pool2d,
    adaptive_max_pool2d,
    avg_pool2d,
    max_pool2d,
)
from autotensor.ops.rearrange import overlapped, windows
from autotensor.ops.shape import permute, reshape, unsqueeze
from autotensor.ops.spatial import per_axis

__all__ = [
    "adaptive_avg_pool3d",
    "adaptive_max_pool3d",
    "avg_pool3d",
    "conv3d",
    "conv_transpose3d",
    "max_pool3d",
]


def _volumes(x, name):
    """``x`` as (N, C, D, H, W), from that or from (C, D, H, W)."""
    if tensor_of(x, name).ndim not in (4, 5):
        raise RuntimeError(
            f"{name}: expected input (N, C, D, H, W) or (C, D, H, W), got shape {x.shape}"
        )
    return x if x.ndim == 5 else unsqueeze(x, 0)


def _like(volumes, x):
    """(N, C, D, H, W) in the layout of ``x``."""
    return volumes if x.ndim == 5 else reshape(volumes, volumes.shape[1:])


def _at_depths(x):
    """(N, C, D, H, W) -> (N D, C, H, W)."""
    n, c, d, h, w = x.shape
    return reshape(permute(x, 0, 2, 1, 3, 4), n * d, c, h, w)


def _checked_weight(x, weight, name):
    if tensor_of(weight, name).ndim != 5 or 0 in weight.shape:
        raise RuntimeError(
            f"{name}: expected weight (O, C, KD, KH, KW) with no empty axis, got {weight.shape}"
        )


def conv3d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Slide filters over volumes: (N, C, D, H, W) * (O, C/groups, KD, KH, KW) -> (N, O, ...).

    Otherwise as `conv2d`; RuntimeError for shapes that do not fit together.
    """
    x = _volumes(input, "conv3d")
    _checked_weight(x, weight, "conv3d")
    stride = per_axis(stride, 3, "stride", "conv3d", 1)
    dilation = per_axis(dilation, 3, "dilation", "conv3d", 1)
    if padding == "same" and max(stride) > 1:
        raise RuntimeError(f"conv3d: padding='same' keeps the size only at stride 1, got {stride}")
    kernel = weight.shape[2:]
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            raise RuntimeError(f"conv3d: padding is 'same', 'valid' or numbers, got {padding!r}")
        reach = dilation[0] * (kernel[0] - 1) if padding == "same" else 0
        before, beside = reach // 2, padding
    else:
        before, *beside = per_axis(padding, 3, "padding", "conv3d", 0)
        reach = 2 * before
    x = pad(x, (0, 0, 0, 0, before, reach - before))
    n, c, depth, h, w = x.shape
    if depth < dilation[0] * (kernel[0] - 1) + 1:
        raise RuntimeError(
            f"conv3d: the filters {kernel} are deeper than the padded input {x.shape}"
        )
    steps = (stride[0], 1), (dilation[0], 1)
    taps = windows(reshape(x, n, c, depth, h * w), (kernel[0], 1), *steps)
    count = taps.shape[4]  # (N, C, KD, 1, OD, H W)
    images = reshape(permute(taps, 0, 4, 1, 2, 3, 5), n * count, c * kernel[0], h, w)
    filters = reshape(weight, weight.shape[0], -1, *kernel[1:])
    y = conv2d(images, filters, bias, stride[1:], beside, dilation[1:], groups)
    return _like(permute(reshape(y, n, count, *y.shape[1:]), 0, 2, 1, 3, 4), input)


def conv_transpose3d(
    input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1
):
    """Spread filters over volumes: (N, C, D, H, W) * (C, O/groups, KD, KH, KW) -> (N, O, ...).

    The gradient of `conv3d` in its volume, as an operation; otherwise as `conv_transpose2d`.
    """
    name = "conv_transpose3d"
    x = _volumes(input, name)
    _checked_weight(x, weight, name)
    given = {"stride": (stride, 1), "padding": (padding, 0), "dilation": (dilation, 1)}
    given["output_padding"] = (output_padding, 0)
    sizes = [per_axis(value, 3, what, name, least) for what, (value, least) in given.items()]
    (s, *stride), (p, *padding), (d, *dilation), (more, *extra) = sizes
    if more >= max(s, d):
        raise RuntimeError(
            f"{name}: output_padding must be smaller than stride or dilation, got {more} with "
            f"stride {s}, dilation {d}"
        )
    n, _, depth, _, _ = x.shape
    channels, taps = weight.shape[1] * groups, weight.shape[2]
    filters = reshape(weight, weight.shape[0], -1, *weight.shape[3:])
    y = conv_transpose2d(_at_depths(x), filters, None, stride, padding, extra, groups, dilation)
    h, w = y.shape[2:]
    y = permute(reshape(y, n, depth, channels, taps, 1, h * w), 0, 2, 3, 4, 1, 5)
    full = (depth - 1) * s + d * (taps - 1) + 1
    y = reshape(overlapped(y, (full, h * w), (s, 1), (d, 1)), n, channels, full, h, w)
    y = pad(y, (0, 0, 0, 0, -p, more - p))
    return _like(y if bias is None else y + reshape(bias, -1, 1, 1, 1), input)


def _separately(input, name, over_image, over_depth):
    """Pool height and width, then depth; for both, functions of images."""
    x = _volumes(input, name)
    n, c, depth, _, _ = x.shape
    y = over_image(_at_depths(x))
    h, w = y.shape[2:]
    y = permute(reshape(y, n, depth, c, h, w), 0, 2, 1, 3, 4)
    y = over_depth(reshape(y, n, c, depth, h * w))
    return _like(reshape(y, n, c, y.shape[2], h, w), input)


def _with_places(input, name, over_image, over_depth):
    """`_separately` for pools that return values and places, d * H * W + h * W + w."""
    area = input.shape[-1] * input.shape[-2]
    places = []

    def image(x):
        values, inside = over_image(x)
        n, c, d, _, _ = _volumes(input, name).shape
        h, w = inside.shape[2:]
        inside = permute(reshape(inside, n, d, c, h, w), 0, 2, 1, 3, 4)
        places.append(reshape(inside, n, c, d, h * w))
        return values

    def deep(x):
        values, flat = over_depth(x)
        at_depth = flat // x.shape[3]
        places.append(at_depth * area + gather(places[0], 2, at_depth))
        return values

    values = _separately(input, name, image, deep)
    return values, reshape(places[1], values.shape)


def max_pool3d(
    input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False
):
    """The largest value of each window: (N, C, D, H, W) -> (N, C, OD, OH, OW); see `max_pool2d`."""
    kernel = per_axis(kernel_size, 3, "kernel_size", "max_pool3d", 1)
    stride = kernel if stride in (None, (), []) else stride
    given = {"stride": (stride, 1), "padding": (padding, 0), "dilation": (dilation, 1)}
    sizes = [per_axis(v, 3, what, "max_pool3d", least) for what, (v, least) in given.items()]

    def over_image(x):
        geometry = [size[1:] for size in (kernel, *sizes)]
        return max_pool2d(x, *geometry, ceil_mode, return_indices)

    def over_depth(x):
        geometry = [
            (size[0], none) for size, none in zip((kernel, *sizes), (1, 1, 0, 1), strict=True)
        ]
        return max_pool2d(x, *geometry, ceil_mode, return_indices)

    pool = _with_places if return_indices else _separately
    return pool(input, "max_pool3d", over_image, over_depth)


def avg_pool3d(
    input,
    kernel_size,
    stride=None,
    padding=0,
    ceil_mode=False,
    count_include_pad=True,
    divisor_override=None,
):
    """The average of each window: (N, C, D, H, W) -> (N, C, OD, OH, OW); see `avg_pool2d`."""
    kernel = per_axis(kernel_size, 3, "kernel_size", "avg_pool3d", 1)
    stride = kernel if stride in (None, (), []) else per_axis(stride, 3, "stride", "avg_pool3d", 1)
    padding = per_axis(padding, 3, "padding", "avg_pool3d", 0)
    counted = (ceil_mode, count_include_pad)
    divisor = divisor_override

    def over_image(x):
        return avg_pool2d(x, kernel[1:], stride[1:], padding[1:], *counted, divisor)

    def over_depth(x):
        depth = [(size[0], none) for size, none in ((kernel, 1), (stride, 1), (padding, 0))]
        return avg_pool2d(x, *depth, *counted, None if divisor is None else 1)

    return _separately(input, "avg_pool3d", over_image, over_depth)


def _adaptive(input, output_size, name):
    """The wanted sizes of depth and of height and width; None is that of the input."""
    given = output_size if isinstance(output_size, (tuple, list)) else (output_size,) * 3
    if len(given) == 3:
        sizes = _volumes(input, name).shape[2:]
        given = [n if want is None else want for n, want in zip(sizes, given, strict=True)]
    depth, *image = per_axis(given, 3, "output_size", name, 0)
    return (depth, None), tuple(image)


def adaptive_avg_pool3d(input, output_size):
    """The average of each of ``output_size`` windows: (N, C, D, H, W) -> (N, C, OD, OH, OW)."""
    depth, image = _adaptive(input, output_size, "adaptive_avg_pool3d")
    return _separately(
        input,
        "adaptive_avg_pool3d",
        lambda x: adaptive_avg_pool2d(x, image),
        lambda x: adaptive_avg_pool2d(x, depth),
    )


def adaptive_max_pool3d(input, output_size, return_indices=False):
    """The largest value of each of ``output_size`` windows, those of `adaptive_avg_pool3d`."""
    depth, image = _adaptive(input, output_size, "adaptive_max_pool3d")
    pool = _with_places if return_indices else _separately
    return pool(
        input,
        "adaptive_max_pool3d",
        lambda x: adaptive_max_pool2d(x, image, return_indices),
        lambda x: adaptive_max_pool2d(x, depth, return_indices),
    )
