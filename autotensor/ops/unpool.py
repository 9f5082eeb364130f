"""Power averages of windows, and the way back from a maximum to where it was."""

import math

from autotensor.creation import zeros
from autotensor.ops.activation import relu
from autotensor.ops.arguments import tensor_of
from autotensor.ops.elementwise import abs, sign
from autotensor.ops.indexing import scatter
from autotensor.ops.pool import avg_pool1d, avg_pool2d
from autotensor.ops.shape import reshape
from autotensor.ops.spatial import per_axis
from autotensor.ops.volume import avg_pool3d

__all__ = ["lp_pool1d", "lp_pool2d", "lp_pool3d", "max_unpool1d", "max_unpool2d", "max_unpool3d"]


def lp_pool1d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    """``sum(x**p)**(1 / p)`` of each window: (N, C, L) -> (N, C, OL); p is ``norm_type``."""
    return _lp_pool(input, norm_type, kernel_size, stride, ceil_mode, avg_pool1d, 1)


def lp_pool2d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    """``sum(x**p)**(1 / p)`` of each window: (N, C, H, W) -> (N, C, OH, OW); p is ``norm_type``."""
    return _lp_pool(input, norm_type, kernel_size, stride, ceil_mode, avg_pool2d, 2)


def lp_pool3d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    """``sum(x**p)**(1 / p)`` of each window: (N, C, D, H, W) -> (N, C, OD, OH, OW)."""
    return _lp_pool(input, norm_type, kernel_size, stride, ceil_mode, avg_pool3d, 3)


def _lp_pool(x, p, kernel_size, stride, ceil_mode, average, rank):
    kernel = per_axis(kernel_size, rank, "kernel_size", f"lp_pool{rank}d", 1)
    powers = average(tensor_of(x, f"lp_pool{rank}d") ** p, kernel, stride, 0, ceil_mode)
    # A sum of odd powers below 0 has no root: it counts as 0, as in PyTorch.
    return (sign(powers) * relu(abs(powers)) * math.prod(kernel)) ** (1.0 / p)


def max_unpool1d(input, indices, kernel_size, stride=None, padding=0, output_size=None):
    """Values put back where `max_pool1d` found them, among zeros: (N, C, OL) -> (N, C, L)."""
    return _max_unpool(input, indices, kernel_size, stride, padding, output_size, 1)


def max_unpool2d(input, indices, kernel_size, stride=None, padding=0, output_size=None):
    """Values put back where `max_pool2d` found them, among zeros: (N, C, OH, OW) -> (N, C, H, W).

    ``indices`` is what the pool returned, of several values for one place the last counts;
    ``output_size`` (the last dimensions, or all) picks one of the sizes that pool to this one.
    """
    return _max_unpool(input, indices, kernel_size, stride, padding, output_size, 2)


def max_unpool3d(input, indices, kernel_size, stride=None, padding=0, output_size=None):
    """Values put back where `max_pool3d` found them, among zeros; see `max_unpool2d`."""
    return _max_unpool(input, indices, kernel_size, stride, padding, output_size, 3)


def _max_unpool(x, indices, kernel_size, stride, padding, output_size, rank):
    name = f"max_unpool{rank}d"
    kernel = per_axis(kernel_size, rank, "kernel_size", name, 1)
    stride = per_axis(kernel if stride is None else stride, rank, "stride", name, 1)
    padding = per_axis(padding, rank, "padding", name, 0)
    if tensor_of(x, name).ndim not in (rank + 1, rank + 2) or x.shape != indices.shape:
        raise RuntimeError(
            f"{name}: expected input (N, C, ...) and indices of the same shape, got {x.shape} and "
            f"{indices.shape}"
        )
    axes = list(zip(x.shape[-rank:], kernel, stride, padding, strict=True))
    usual = [(n - 1) * s + k - 2 * p for n, k, s, p in axes]
    size = usual if output_size is None else list(output_size)[-rank:]
    for n, least, (_, _, s, _) in zip(size, usual, axes, strict=True):
        if not least - s < n < least + s:
            raise ValueError(
                f"{name}: invalid output_size {tuple(size)}: each must be less than a stride, "
                f"{stride}, from {tuple(usual)}"
            )
    area, leading = math.prod(size), x.shape[:-rank]
    wrong = (indices.array < 0) | (indices.array >= area)
    if wrong.any():
        raise RuntimeError(
            f"{name}: found an invalid max index: {indices.array[wrong][0]} (output volumes are of "
            f"size {tuple(size)})"
        )
    empty = zeros(*leading, area, dtype=x.dtype)
    flat = [reshape(v, *leading, math.prod(v.shape[-rank:])) for v in (indices, x)]
    return reshape(scatter(empty, len(leading), *flat), *leading, *size)
