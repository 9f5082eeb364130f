"""Normalisation: zero mean and unit variance over the batch, the features, or groups of channels.

float32 runs in fused kernels. The plain formula stands beside them: for other dtypes, and where
gradients of the gradient are recorded.
"""

import math
import operator

import numpy as np

from autotensor import dtypes, kernels
from autotensor.deferred import defer
from autotensor.gradients import differentiate
from autotensor.memory import overwrite
from autotensor.modes import is_grad_enabled
from autotensor.ops.activation import floats_only, relu
from autotensor.ops.arguments import tensor_of
from autotensor.ops.elementary import rsqrt
from autotensor.ops.elementwise import square
from autotensor.ops.padding import pad
from autotensor.ops.pool import avg_pool2d
from autotensor.ops.reduce import mean
from autotensor.ops.shape import reshape
from autotensor.tensor import Tensor, is_recorded, record

__all__ = [
    "batch_norm",
    "group_norm",
    "instance_norm",
    "layer_norm",
    "local_response_norm",
    "rms_norm",
]


def batch_norm(
    input,
    running_mean,
    running_var,
    weight=None,
    bias=None,
    training=False,
    momentum=0.1,
    eps=1e-5,
):
    """Each channel at mean 0, variance 1, then scaled and shifted: (N, C, ...) -> (N, C, ...).

    ``y = (x - mean) / sqrt(var + eps) * weight + bias`` (Ioffe and Szegedy 2015). In training mean
    and variance are the batch's, and the running ones, where given, move towards them by
    ``momentum`` (towards the unbiased variance); otherwise they are the running ones.
    """
    _check_channels("batch_norm", input, running_mean, running_var, weight, bias)
    if training:
        center, spread = _batch_statistics(input, running_mean, running_var, momentum)
    elif running_mean is None or running_var is None:
        raise RuntimeError("batch_norm: training=False needs running_mean and running_var")
    else:  # copies, since training writes to them later
        center, spread = (v.array.astype(np.float64) for v in (running_mean, running_var))
    inverse_std = 1 / np.sqrt(spread + eps)
    factor = np.ones_like(inverse_std) if weight is None else weight.array
    shift = np.zeros_like(inverse_std) if bias is None else bias.array
    if not training and "scale" in getattr(input, "fused", ()) and not is_recorded(weight, bias):
        scale = inverse_std * factor
        return input.fused["scale"](scale, shift - center * scale)

    def formula(x, weight, bias):
        if training:
            y = _standardised(x, _over_batch(x), eps)
        else:
            y = (x - _per_channel(center, x)) * _per_channel(inverse_std, x)
        return _affine(y, _per_channel(weight, x), _per_channel(bias, x))

    if input.dtype != dtypes.float32 or not input.array.size:
        return formula(input, weight, bias)
    array, line = input.array, (center, inverse_std * factor, shift.copy())

    def fused(name, formula, floor, **others):
        """The value limited from below, which who reads it may make itself; with its joint rule."""
        image = kernels.normalised(array, *line, floor)

        def rule(g):
            if is_grad_enabled() or not training:
                return differentiate(formula, (input, weight, bias), g)
            sums = None
            if "sums" in getattr(g, "fused", ()):
                g.array, sums = g.fused["sums"](image)
            found = kernels.batch_norm_grad(g.array, image, center, inverse_std, sums)
            return tuple(Tensor(part) for part in found)

        rule.__qualname__ = name
        followed = {"image": lambda: image, **others}
        value = defer(
            input.shape, input.dtype, (array,), lambda: kernels.normalise(image), followed
        )
        return record(value, ((input, weight, bias), rule))

    def rectified():
        return fused("batch_norm+relu", lambda *inputs: relu(formula(*inputs)), 0.0)

    return fused("batch_norm", formula, -np.inf, relu=rectified)


def layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-5):
    """Each sample at mean 0, variance 1 over its last dims: (*, *normalized_shape) -> the same.

    ``y = (x - mean) / sqrt(var + eps) * weight + bias`` (Ba, Kiros and Hinton 2016).
    """
    shape = _sizes(normalized_shape)
    x = floats_only(input, "layer_norm")
    if not shape or x.shape[-len(shape) :] != shape:
        raise RuntimeError(
            f"layer_norm: x {x.shape} does not end in normalized_shape {shape}, which must have "
            f"one size at least"
        )
    for name, v in (("weight", weight), ("bias", bias)):
        _check_vector("layer_norm", name, v, shape, x)
    axes = tuple(range(x.ndim - len(shape), x.ndim))

    def formula(x, weight, bias):
        return _affine(_standardised(x, axes, eps), weight, bias)

    if x.dtype != dtypes.float32 or not x.array.size:
        return formula(x, weight, bias)
    size = int(np.prod(shape))
    factor = np.ones(size, x.dtype) if weight is None else weight.array.reshape(-1)
    shift = np.zeros(size, x.dtype) if bias is None else bias.array.reshape(-1)
    y, scales = kernels.layer_norm(x.array, factor, shift, eps)

    def rule(g):
        if is_grad_enabled():
            return differentiate(formula, (x, weight, bias), g)
        gx, *found = kernels.layer_norm_grad(g.array, x.array, factor, scales)
        return Tensor(gx), *(Tensor(part.reshape(shape)) for part in found)

    return record(y, ((x, weight, bias), rule))


def group_norm(input, num_groups, weight=None, bias=None, eps=1e-5):
    """Each group of channels of a sample at mean 0, variance 1: (N, C, ...) -> (N, C, ...).

    Then each channel is scaled and shifted (Wu and He 2018).
    """
    _check_channels("group_norm", input, None, None, weight, bias)
    n, c, *size = input.shape
    if operator.index(num_groups) < 1 or c % num_groups:
        raise RuntimeError(
            f"group_norm: num_groups {num_groups} does not divide the {c} channels of {input.shape}"
        )
    _check_count("group_norm", input, input.array.size // num_groups)
    groups = reshape(input, (n, num_groups, c // num_groups, *size))
    y = reshape(layer_norm(groups, groups.shape[2:], eps=eps), input.shape)
    return _affine(y, _per_channel(weight, input), _per_channel(bias, input))


def instance_norm(
    input,
    running_mean=None,
    running_var=None,
    weight=None,
    bias=None,
    use_input_stats=True,
    momentum=0.1,
    eps=1e-5,
):
    """Each channel of each sample at mean 0, variance 1: (N, C, ...) -> (N, C, ...).

    Then scaled and shifted (Ulyanov et al. 2016). The running statistics, where given, move towards
    the average over samples; without ``use_input_stats`` they are what is used.
    """
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    _check_channels("instance_norm", input, running_mean, running_var, weight, bias)
    count = int(np.prod(input.shape[2:]))
    _check_count("instance_norm", input, count)
    if input.array.size and not (running_mean is None and running_var is None):
        array, axes = input.array.astype(np.float64), tuple(range(2, input.ndim))
        center, spread = array.mean(axes).mean(0), array.var(axes).mean(0)
        _track(count, running_mean, running_var, center, spread, momentum)
    y = layer_norm(input, input.shape[2:], eps=eps)
    return _affine(y, _per_channel(weight, input), _per_channel(bias, input))


def rms_norm(input, normalized_shape, weight=None, eps=None):
    """Each sample at root mean square 1 over its last dimensions: (*, *normalized_shape) -> same.

    ``y = x / sqrt(mean(x^2) + eps) * weight`` (Zhang and Sennrich 2019); ``eps`` is the dtype's
    unless given.
    """
    shape = _sizes(normalized_shape)
    if not shape or floats_only(input, "rms_norm").shape[-len(shape) :] != shape:
        raise RuntimeError(
            f"rms_norm: input {input.shape} does not end in normalized_shape {shape}, which must "
            f"have one size at least"
        )
    _check_vector("rms_norm", "weight", weight, shape, input)
    eps = float(np.finfo(input.dtype).eps) if eps is None else eps
    axes = tuple(range(input.ndim - len(shape), input.ndim))
    return _affine(input * rsqrt(mean(square(input), axes, keepdim=True) + eps), weight, None)


def local_response_norm(input, size, alpha=1e-4, beta=0.75, k=1.0):
    """Channels over the power of their neighbours: (N, C, ...) -> (N, C, ...).

    ``y = x / (k + alpha * mean(x^2))^beta``, the mean over ``size`` channels around each
    (Krizhevsky et al. 2012).
    """
    if floats_only(input, "local_response_norm").ndim < 3:
        raise ValueError(
            f"local_response_norm: expected 3D or higher dimensionality input (got {input.ndim} "
            f"dimensions)"
        )
    n, c = input.shape[:2]
    squares = reshape(square(input), n, 1, c, math.prod(input.shape[2:]))
    around = avg_pool2d(pad(squares, (0, 0, size // 2, (size - 1) // 2)), (size, 1), 1)
    return input / (reshape(around, input.shape) * alpha + k) ** beta


def _over_batch(x):
    """All dimensions but that of the channels."""
    return (0, *range(2, x.ndim))


def _per_channel(v, x):
    """A value for each channel, a tensor or array, as a tensor that broadcasts along ``x``."""
    if v is None:
        return None
    v = v if isinstance(v, Tensor) else Tensor(v.astype(x.dtype))
    return reshape(v, (-1,) + (1,) * (x.ndim - 2))


def _standardised(x, axes, eps):
    """``(x - mean) / sqrt(var + eps)`` over the dimensions ``axes``."""
    centred = x - mean(x, axes, keepdim=True)
    return centred * rsqrt(mean(square(centred), axes, keepdim=True) + eps)


def _affine(x, weight, bias):
    x = x if weight is None else x * weight
    return x if bias is None else x + bias


def _batch_statistics(x, running_mean, running_var, momentum):
    """Mean and variance (biased) of each channel, float64 arrays; the running ones follow them."""
    channels = x.shape[1]
    size = math.prod(x.shape)
    count = size // (channels or 1)
    _check_count("batch_norm", x, count)
    if not size:
        return np.zeros(channels), np.ones(channels)
    if "moments" in getattr(x, "fused", ()):
        x.array, center, spread = x.fused["moments"]()
    elif x.dtype == dtypes.float32:
        center, spread = kernels.channel_statistics(x.array)
    else:
        array, axes = x.array.astype(np.float64), _over_batch(x)
        center, spread = array.mean(axes), array.var(axes)
    _track(count, running_mean, running_var, center, spread, momentum)
    return center, spread


def _track(count, running_mean, running_var, center, spread, momentum):
    """Move the running statistics towards those of a batch of ``count`` values."""
    unbiased = spread * (count / (count - 1))
    for running, value in ((running_mean, center), (running_var, unbiased)):
        if running is not None:
            overwrite(running, (1 - momentum) * running.array + momentum * value)


def _sizes(size):
    return tuple(map(operator.index, size if isinstance(size, (tuple, list)) else (size,)))


def _check_channels(name, x, running_mean, running_var, weight, bias):
    """Raise unless x is floating (N, C, ...) and each of the others None or (C,) of its dtype."""
    if floats_only(x, name).ndim < 2:
        raise RuntimeError(f"{name}: expected (N, C, ...), 2 dimensions at least, got {x.shape}")
    vectors = {
        "running_mean": running_mean,
        "running_var": running_var,
        "weight": weight,
        "bias": bias,
    }
    for label, v in vectors.items():
        _check_vector(name, label, v, x.shape[1:2], x)


def _check_vector(name, label, v, shape, x):
    if v is None:
        return
    if tensor_of(v, name).shape != shape:
        raise RuntimeError(f"{name}: {label} should be {shape} for x {x.shape}, got {v.shape}")
    if v.dtype != x.dtype:
        raise RuntimeError(f"{name}: {label} is {v.dtype} but x is {x.dtype}: convert one of them")


def _check_count(name, x, count):
    if count == 1:
        raise ValueError(
            f"{name}: Expected more than 1 value per channel when training, got input size "
            f"{x.shape}: use larger batches (drop_last=True leaves out a small last one), or eval()"
        )
