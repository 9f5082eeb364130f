"""Images taken apart and put together: sliding windows, and channels exchanged for size.

`windows` and `overlapped` are each other's gradients, so that both can be differentiated to any
order.
"""

import numpy as np

from autotensor.ops.arguments import tensor_of
from autotensor.ops.padding import pad
from autotensor.ops.shape import permute, reshape, unsqueeze
from autotensor.ops.spatial import per_axis
from autotensor.tensor import record

# Not `unfold`, which is the name of a method, too, that does something else.
__all__ = ["channel_shuffle", "fold", "pixel_shuffle", "pixel_unshuffle"]


def windows(x, kernel, stride, dilation):
    """All windows of the last two dimensions: (N, C, H, W) -> (N, C, KH, KW, OH, OW)."""
    size = x.shape[2:]
    shape = (*x.shape[:2], *kernel, *_counts(size, kernel, stride, dilation))
    taken = np.empty(shape, x.dtype)
    for place, part in _parts(shape, stride, dilation):
        taken[(slice(None), slice(None), *place)] = x.array[part]
    return record(taken, (x, lambda g: overlapped(g, size, stride, dilation)))


def overlapped(x, size, stride, dilation):
    """Windows added where they come from: (N, C, KH, KW, OH, OW) -> (N, C, H, W)."""
    kernel = x.shape[2:4]
    total = np.zeros((*x.shape[:2], *size), x.dtype)
    for place, part in _parts(x.shape, stride, dilation):
        total[part] += x.array[(slice(None), slice(None), *place)]
    return record(total, (x, lambda g: windows(g, kernel, stride, dilation)))


def _counts(size, kernel, stride, dilation):
    """How many windows there are along each axis."""
    axes = zip(size, kernel, stride, dilation, strict=True)
    return tuple([(n - d * (k - 1) - 1) // s + 1 for n, k, s, d in axes])


def _parts(shape, stride, dilation):
    """Each place in the window, and the index of all elements that are there in some window."""
    counts = shape[4:]
    for place in np.ndindex(shape[2:4]):
        axes = zip(place, counts, stride, dilation, strict=True)
        along = [slice(p * d, p * d + s * (n - 1) + 1, s) for p, n, s, d in axes]
        yield place, (slice(None), slice(None), *along)


def _geometry(name, kernel_size, dilation, padding, stride):
    given = {"kernel_size": kernel_size, "dilation": dilation, "stride": stride}
    kernel, dilation, stride = [per_axis(v, 2, k, name, 1) for k, v in given.items()]
    return kernel, dilation, per_axis(padding, 2, "padding", name, 0), stride


def unfold(input, kernel_size, dilation=1, padding=0, stride=1):
    """Each window as a column: (N, C, H, W) -> (N, C * KH * KW, windows); N may be missing."""
    kernel, dilation, (ph, pw), stride = _geometry("unfold", kernel_size, dilation, padding, stride)
    if tensor_of(input, "unfold").ndim == 3:
        return unfold(unsqueeze(input, 0), kernel, dilation, (ph, pw), stride)[0]
    if input.ndim != 4:
        raise RuntimeError(
            f"unfold: expected input (N, C, H, W) or (C, H, W), got shape {input.shape}"
        )
    padded = pad(input, (pw, pw, ph, ph))
    if min(_counts(padded.shape[2:], kernel, stride, dilation)) < 1:
        raise RuntimeError(
            f"unfold: windows {kernel}, dilation {dilation}, are larger than the padded input "
            f"{padded.shape[2:]}"
        )
    taken = windows(padded, kernel, stride, dilation)
    n, c, *_, rows, columns = taken.shape
    return reshape(taken, n, c * kernel[0] * kernel[1], rows * columns)


def fold(input, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """Columns added where `unfold` takes them: (N, C * KH * KW, windows) -> (N, C, H, W)."""
    kernel, dilation, (ph, pw), stride = _geometry("fold", kernel_size, dilation, padding, stride)
    height, width = per_axis(output_size, 2, "output_size", "fold", 1)
    if tensor_of(input, "fold").ndim == 2:
        one = unsqueeze(input, 0)
        return fold(one, (height, width), kernel, dilation, (ph, pw), stride)[0]
    padded = (height + 2 * ph, width + 2 * pw)
    counts = _counts(padded, kernel, stride, dilation)
    area = kernel[0] * kernel[1]
    wrong = input.ndim != 3 or min(counts) < 1 or input.shape[1] % area
    if wrong or input.shape[2] != counts[0] * counts[1]:
        raise RuntimeError(
            f"fold: expected input (N, C * {area}, {counts[0] * counts[1]}) for output_size "
            f"{(height, width)}, kernel_size {kernel}, got shape {input.shape}"
        )
    columns = reshape(input, input.shape[0], input.shape[1] // area, *kernel, *counts)
    return pad(overlapped(columns, padded, stride, dilation), (-pw, -pw, -ph, -ph))


def pixel_shuffle(input, upscale_factor):
    """Channels become pixels: (..., C r^2, H, W) -> (..., C, H r, W r) (Shi et al. 2016)."""
    r = upscale_factor
    *batch, c, h, w = _image("pixel_shuffle", input, r)
    if c % r**2:
        raise RuntimeError(
            f"pixel_shuffle: the channels of {input.shape} do not divide by upscale_factor "
            f"squared, {r}**2"
        )
    parts = reshape(input, *batch, c // r**2, r, r, h, w)
    return reshape(_last(parts, 0, 3, 1, 4, 2), *batch, c // r**2, h * r, w * r)


def pixel_unshuffle(input, downscale_factor):
    """Pixels become channels: (..., C, H r, W r) -> (..., C r^2, H, W)."""
    r = downscale_factor
    *batch, c, h, w = _image("pixel_unshuffle", input, r)
    if h % r or w % r:
        raise RuntimeError(
            f"pixel_unshuffle: height and width of {input.shape} do not divide by "
            f"downscale_factor, {r}"
        )
    parts = reshape(input, *batch, c, h // r, r, w // r, r)
    return reshape(_last(parts, 0, 2, 4, 1, 3), *batch, c * r**2, h // r, w // r)


def _image(name, input, factor):
    if tensor_of(input, name).ndim < 3 or factor < 1:
        raise RuntimeError(
            f"{name}: expected input (..., C, H, W) and a positive factor, got shape {input.shape} "
            f"and {factor}"
        )
    return input.shape


def _last(x, *order):
    """The last dimensions in another order."""
    rest = x.ndim - len(order)
    return permute(x, *range(rest), *[rest + d for d in order])


def channel_shuffle(input, groups):
    """Channels of all groups take turns: (N, C, ...) -> (N, C, ...) (Zhang et al. 2018)."""
    if tensor_of(input, "channel_shuffle").ndim < 3 or groups < 1 or input.shape[1] % groups:
        raise RuntimeError(
            f"channel_shuffle: expected (N, C, ...) with C divisible by groups, got {input.shape} "
            f"and {groups}"
        )
    n, c, *size = input.shape
    parts = reshape(input, n, groups, c // groups, *size)
    return reshape(parts.transpose(1, 2), n, c, *size)
