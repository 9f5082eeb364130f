"""Convolution and transposed convolution of sequences and images.

The convolution is linear in the image and in the weight, so that it, its gradient in the image and
its gradient in the weight are each other's gradients: three operations that close under
differentiation of any order. In ``geometry`` travel stride, padding, dilation and groups.
"""

import numpy as np

from autotensor import dtypes, kernels
from autotensor.deferred import defer
from autotensor.modes import is_grad_enabled
from autotensor.ops.arguments import tensor_of
from autotensor.ops.padding import pad
from autotensor.ops.shape import reshape
from autotensor.ops.spatial import as_pair, from_images, per_axis, to_images
from autotensor.tensor import Made, is_recorded, record

__all__ = ["conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d"]


def conv1d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Slide filters over sequences: (N, C, L) * (O, C/groups, K) -> (N, O, OL); see `conv2d`."""
    return _conv(input, weight, bias, stride, padding, dilation, groups, 1)


def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Slide filters over images: (N, C, H, W) * (O, C/groups, KH, KW) -> (N, O, OH, OW).

    ``OH = (H + 2 * padding - dilation * (KH - 1) - 1) // stride + 1``, and OW likewise; each filter
    sees the channels of one of the groups. ``padding`` "same" keeps the size (at stride 1), "valid"
    is 0. N may be missing. RuntimeError for shapes, sizes and dtypes that do not fit together.
    """
    return _conv(input, weight, bias, stride, padding, dilation, groups, 2)


def conv_transpose1d(
    input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1
):
    """Spread filters over sequences: (N, C, L) * (C, O/groups, K) -> (N, O, OL)."""
    geometry = stride, padding, output_padding, groups, dilation
    return _conv_transpose(input, weight, bias, *geometry, 1)


def conv_transpose2d(
    input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1
):
    """Spread filters over images: (N, C, H, W) * (C, O/groups, KH, KW) -> (N, O, OH, OW).

    The gradient of `conv2d` in its image, as an operation:
    ``OH = (H - 1) * stride - 2 * padding + dilation * (KH - 1) + output_padding + 1``.
    """
    geometry = stride, padding, output_padding, groups, dilation
    return _conv_transpose(input, weight, bias, *geometry, 2)


def _conv(x, weight, bias, stride, padding, dilation, groups, rank):
    name = f"conv{rank}d"
    images = _checked_images(x, weight, rank, name)
    stride = per_axis(stride, rank, "stride", name, 1)
    dilation = per_axis(dilation, rank, "dilation", name, 1)
    (groups,) = per_axis(groups, 1, "groups", name, 1)
    _check_channels(x, weight, groups, images.shape[1], weight.shape[1] * groups, name)
    _check_bias(bias, weight, weight.shape[0], name)
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, weight.shape[2:], strict=True)]
    if isinstance(padding, str):
        images, padding = _pad_by_name(images, padding, stride, reach, name)
    padding = per_axis(padding, rank, "padding", name, 0)
    padded = [n + 2 * p for n, p in zip(images.shape[-rank:], padding, strict=True)]
    if any(n < r for n, r in zip(padded, reach, strict=True)):
        raise RuntimeError(
            f"{name}: the filters reach over {tuple(reach)}, more than the padded input "
            f"{tuple(padded)}: {_shapes(x, weight)}, padding {padding}, dilation {dilation}"
        )
    geometry = as_pair(stride, 1), as_pair(padding, 0), as_pair(dilation, 1), groups
    filters = _as_filters(weight, rank)
    return from_images(_conv2d(images, filters, bias, *geometry), x, rank)


def _conv_transpose(x, weight, bias, stride, padding, output_padding, groups, dilation, rank):
    name = f"conv_transpose{rank}d"
    images = _checked_images(x, weight, rank, name)
    stride = per_axis(stride, rank, "stride", name, 1)
    padding = per_axis(padding, rank, "padding", name, 0)
    dilation = per_axis(dilation, rank, "dilation", name, 1)
    (groups,) = per_axis(groups, 1, "groups", name, 1)
    extra = per_axis(output_padding, rank, "output_padding", name, 0)
    _check_channels(x, weight, groups, images.shape[1], weight.shape[0], name)
    channels = weight.shape[1] * groups
    _check_bias(bias, weight, channels, name)
    if any(e >= max(s, d) for e, s, d in zip(extra, stride, dilation, strict=True)):
        raise RuntimeError(
            f"{name}: output_padding must be smaller than stride or dilation, got {extra} with "
            f"stride {stride}, dilation {dilation}"
        )
    axes = zip(
        images.shape[-rank:], weight.shape[2:], stride, padding, dilation, extra, strict=True
    )
    size = tuple([(n - 1) * s - 2 * p + d * (k - 1) + e + 1 for n, k, s, p, d, e in axes])
    if min(size) < 1:
        raise RuntimeError(
            f"{name}: the padding {padding} leaves nothing: {_shapes(x, weight)} would give size "
            f"{size}"
        )
    # Output that no filter reaches belongs to further input positions, which are 0.
    missing = as_pair([e // s for e, s in zip(extra, stride, strict=True)], 0)
    if any(missing):
        images = pad(images, (0, missing[1], 0, missing[0]))
    shape = (images.shape[0], channels, *as_pair(size, 1))
    geometry = as_pair(stride, 1), as_pair(padding, 0), as_pair(dilation, 1), groups
    filters = _as_filters(weight, rank)
    return from_images(_conv_transpose2d(images, filters, bias, shape, *geometry), x, rank)


def _conv2d(x, w, bias, *geometry):
    """(N, C, H, W) * (O, C/groups, KH, KW) -> (N, O, OH, OW)."""
    if x.dtype == dtypes.float32 and not is_recorded(x, w, bias):
        return _deferred(x.array, w.array, _array(bias), geometry)
    x_shape, w_shape = x.shape, w.shape

    def input_rule(g):
        if is_grad_enabled() or x.dtype != dtypes.float32:
            return _conv_transpose2d(g, w, None, x_shape, *geometry)
        return _deferred_grad(g.array, w.array, x_shape, geometry)

    def weight_rule(g):
        if is_grad_enabled():
            return _weight_grad(x, g, w_shape, *geometry)
        image = _image(x, w_shape, geometry)
        return Made(kernels.conv2d_weight_grad(image, g.array, w_shape, *geometry))

    def parameter_rule(g):
        if is_grad_enabled():
            return weight_rule(g), g.sum((0, 2, 3))
        image = _image(x, w_shape, geometry)
        found = kernels.conv2d_parameter_grads(image, g.array, w_shape, *geometry)
        return tuple(map(Made, found))

    return record(
        _to_be_normalised(_image(x, w_shape, geometry), w.array, _array(bias), geometry),
        (x, input_rule),
        (w, weight_rule) if bias is None else ((w, bias), parameter_rule),
    )


def _image(x, w_shape, geometry):
    """What a kernel reads: the array of ``x``, or, where it takes that, how it is to be made."""
    if "image" in getattr(x, "fused", ()):
        image = x.fused["image"]()
        if kernels.takes_normalised(image, w_shape, *geometry):
            return image
    return x.array


def _to_be_normalised(image, w, bias, geometry):
    """The convolution, made when first read: batch norm gets the moments of it from one pass."""
    if image.dtype != dtypes.float32:
        return kernels.conv2d(image, w, *geometry, bias)

    def made():
        return kernels.conv2d(image, w, *geometry, bias)

    shape = kernels.conv2d_shape(image.shape, w.shape, *geometry)
    array = image if isinstance(image, np.ndarray) else image.x
    sources = (array, w) if bias is None else (array, w, bias)

    def moments():
        return kernels.conv2d_moments(image, w, *geometry, bias)

    return defer(shape, image.dtype, sources, made, {"moments": moments})


def _deferred_grad(g, w, x_shape, geometry):
    """The gradient in the image, made when first read: batch norm gets its sums from one pass."""

    def made():
        return kernels.conv2d_input_grad(g, w, x_shape, *geometry)

    def summed(image):
        return kernels.conv2d_input_grad_sums(g, w, image, *geometry)

    return defer(x_shape, g.dtype, (g, w), made, {"sums": summed})


def _deferred(x, w, bias, geometry):
    """The convolution of arrays, made when first read: what follows may become a part of it.

    Batch norm with fixed statistics is a factor and a shift of each channel, so of the filters
    and of the bias; ReLU is a limit when the output is written.
    """

    def made(rectified=False):
        return kernels.conv2d(x, w, *geometry, bias, rectified)

    def scaled(factor, shift):
        filters = (w * factor[:, None, None, None]).astype(w.dtype)
        offset = shift if bias is None else bias * factor + shift
        return _deferred(x, filters, offset.astype(w.dtype), geometry)

    shape = kernels.conv2d_shape(x.shape, w.shape, *geometry)
    sources = (x, w) if bias is None else (x, w, bias)
    fused = {"scale": scaled, "relu": lambda: record(made(rectified=True))}
    return defer(shape, x.dtype, sources, made, fused)


def _conv_transpose2d(y, w, bias, x_shape, *geometry):
    """(N, O, OH, OW) * (O, C/groups, KH, KW) -> (N, C, H, W)."""
    w_shape = w.shape
    return record(
        kernels.conv2d_input_grad(y.array, w.array, x_shape, *geometry, _array(bias)),
        (y, lambda g: _conv2d(g, w, None, *geometry)),
        (w, lambda g: _weight_grad(g, y, w_shape, *geometry)),
        (bias, lambda g: g.sum((0, 2, 3))),
    )


def _weight_grad(x, y, w_shape, *geometry):
    """(N, C, H, W) * (N, O, OH, OW) -> (O, C/groups, KH, KW)."""
    x_shape = x.shape
    return record(
        kernels.conv2d_weight_grad(x.array, y.array, w_shape, *geometry),
        (x, lambda g: _conv_transpose2d(y, g, None, x_shape, *geometry)),
        (y, lambda g: _conv2d(x, g, None, *geometry)),
    )


def _array(bias):
    return None if bias is None else bias.array


def _as_filters(weight, rank):
    return weight if rank == 2 else reshape(weight, *weight.shape[:2], 1, weight.shape[2])


def _pad_by_name(images, padding, stride, reach, name):
    """The images, padded where the two sides differ, and the padding that remains to be done."""
    if padding == "valid":
        return images, 0
    if padding != "same":
        raise RuntimeError(f"{name}: padding is 'same', 'valid' or numbers, got {padding!r}")
    if max(stride) > 1:
        raise RuntimeError(f"{name}: padding='same' keeps the size only at stride 1, got {stride}")
    odd = as_pair([(r - 1) % 2 for r in reach], 0)
    if any(odd):  # the end gets one more than the beginning
        images = pad(images, (0, odd[1], 0, odd[0]))
    return images, tuple([(r - 1) // 2 for r in reach])


def _shapes(x, weight):
    return f"x {x.shape}, weight {weight.shape}"


def _checked_images(x, weight, rank, name):
    images = to_images(x, rank, name)
    if tensor_of(weight, name).ndim != rank + 2 or 0 in (weight.shape[0], *weight.shape[2:]):
        axes = "O, C, K" if rank == 1 else "O, C, KH, KW"
        raise RuntimeError(
            f"{name}: expected weight ({axes}) with filters and no empty axis, got {weight.shape}"
        )
    if x.dtype != weight.dtype:
        raise RuntimeError(
            f"{name}: input is {x.dtype}, weight {weight.dtype}: they must have one dtype"
        )
    if x.dtype.kind == "b":
        raise NotImplementedError(f"{name}: not defined for truth values: x.float()")
    return images


def _check_channels(x, weight, groups, channels, expected, name):
    if weight.shape[0] % groups:
        raise RuntimeError(
            f"{name}: {weight.shape[0]} filters do not divide into {groups} groups: "
            f"{_shapes(x, weight)}"
        )
    if channels != expected:
        grouped = f" in {groups} groups" if groups > 1 else ""
        raise RuntimeError(
            f"{name}: input has {channels} channels, weight expects {expected}{grouped}: "
            f"{_shapes(x, weight)}"
        )


def _check_bias(bias, weight, channels, name):
    if bias is None:
        return
    if tensor_of(bias, name).shape != (channels,):
        raise RuntimeError(
            f"{name}: bias has shape {bias.shape}, expected ({channels},) for weight {weight.shape}"
        )
    if bias.dtype != weight.dtype:
        raise RuntimeError(
            f"{name}: input is {weight.dtype}, bias {bias.dtype}: they must have one dtype"
        )
