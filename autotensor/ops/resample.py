"""Images in another size or seen through a grid: interpolation as PyTorch defines it.

Along each axis an output element is a weighed sum of a few input elements, ``taps``; axes are done
one after the other.
"""

import math

import numpy as np

from autotensor.ops.activation import floats_only
from autotensor.ops.elementwise import abs, clamp, where
from autotensor.ops.indexing import getitem
from autotensor.ops.linalg import matmul
from autotensor.ops.pool import adaptive_avg_pool1d, adaptive_avg_pool2d
from autotensor.ops.shape import movedim, reshape
from autotensor.ops.volume import adaptive_avg_pool3d
from autotensor.tensor import Tensor, record

__all__ = ["affine_grid", "grid_sample", "interpolate"]

_LINEAR = {"linear": 3, "bilinear": 4, "bicubic": 4, "trilinear": 5}
_MODES = ("nearest", "nearest-exact", "area", *_LINEAR)


def interpolate(
    input,
    size=None,
    scale_factor=None,
    mode="nearest",
    align_corners=None,
    recompute_scale_factor=None,
    antialias=False,
):
    """Another size by interpolation: (N, C, *size) -> (N, C, *new size), 1 to 3 dimensions.

    ``size`` or ``scale_factor``, a number or one for each dimension; ``mode`` is "nearest",
    "nearest-exact", "linear", "bilinear", "bicubic", "trilinear" or "area". ``align_corners`` lets
    the centres of corner pixels coincide, instead of the corners of corner pixels.
    """
    rank = floats_only(input, "interpolate").ndim - 2
    _check_mode(input, mode, align_corners, antialias)
    sizes, scales = _sizes(input, size, scale_factor, recompute_scale_factor)
    if mode == "area":
        pools = (adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d)
        return pools[rank - 1](input, sizes)
    x = input
    for axis in range(rank):
        x = _along(x, axis + 2, sizes[axis], scales[axis], mode, bool(align_corners))
    return x.clone() if x is input else x


def _check_mode(input, mode, align_corners, antialias):
    if mode not in _MODES:
        raise NotImplementedError(f"interpolate: mode {mode!r}; there are {', '.join(_MODES)}")
    if input.ndim not in (3, 4, 5) or _LINEAR.get(mode, input.ndim) != input.ndim:
        raise NotImplementedError(
            f"interpolate: mode {mode!r} of an input of {input.ndim} dimensions: (N, C, L) has "
            f"'linear', (N, C, H, W) 'bilinear' and 'bicubic', (N, C, D, H, W) 'trilinear'"
        )
    if align_corners is not None and mode not in _LINEAR:
        raise ValueError(
            "align_corners option can only be set with the interpolating modes: linear | bilinear "
            f"| bicubic | trilinear, not {mode}"
        )
    if antialias:
        raise NotImplementedError("interpolate: antialias is not available; smooth before")


def _sizes(input, size, scale_factor, recompute):
    """The new sizes, and how far input pixels are apart by the given factors (None: by sizes)."""
    rank = input.ndim - 2
    if (size is None) == (scale_factor is None):
        few = "only one of" if size is not None else "either"
        raise ValueError(f"interpolate: {few} size or scale_factor should be defined")
    given = scale_factor if size is None else size
    given = tuple(given) if isinstance(given, (tuple, list)) else (given,) * rank
    if len(given) != rank:
        raise ValueError(
            f"interpolate: input {input.shape} has {rank} spatial dimensions, but "
            f"{'size' if size is not None else 'scale_factor'} is {given}"
        )
    if size is not None:
        if recompute:
            raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
        sizes, scales = tuple(map(int, given)), (None,) * rank
    else:
        sizes = tuple(math.floor(n * s) for n, s in zip(input.shape[2:], given, strict=True))
        scales = (None,) * rank if recompute else tuple(1 / s for s in given)
    if min(input.shape[1:] + sizes) < 1:
        raise RuntimeError(
            f"Input and output sizes should be greater than 0, but got {input.shape} and {sizes}"
        )
    return sizes, scales


def _along(x, dim, size, scale, mode, align_corners):
    """Interpolate along one dimension."""
    old = x.shape[dim]
    if mode in ("nearest", "nearest-exact"):
        step = np.float32(old / size if scale is None else scale)
        half = np.float32(0.5 if mode == "nearest-exact" else 0)
        places = np.floor((np.arange(size, dtype=np.float32) + half) * step).astype(np.int64)
        return _take(x, dim, np.minimum(places, old - 1))
    if align_corners:
        places = np.arange(size) * ((old - 1) / (size - 1) if size > 1 else 0.0)
    else:
        places = (np.arange(size) + 0.5) * (old / size if scale is None else scale) - 0.5
        places = places if mode == "bicubic" else np.maximum(places, 0)
    first = np.floor(places).astype(np.int64)
    weights = (_cubic if mode == "bicubic" else _hat)(places - first)
    start = -1 if mode == "bicubic" else 0
    shape = (size,) + (1,) * (x.ndim - dim - 1)
    total = 0
    for tap, weight in enumerate(weights, start):
        part = _take(x, dim, np.clip(first + tap, 0, old - 1))
        total = total + part * Tensor(weight.astype(x.dtype).reshape(shape))
    return total


def _hat(t):
    """Weights of two neighbours, at ``t`` between them."""
    return 1 - t, t


def _cubic(t, a=-0.75):
    """Weights of four neighbours, at ``t`` between the middle ones (Keys 1981)."""

    def near(d):
        return ((a + 2) * d - (a + 3)) * d * d + 1

    def far(d):
        return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a

    return far(t + 1), near(t), near(1 - t), far(2 - t)


def _take(x, dim, places):
    """Elements along ``dim`` at ``places``, which never decrease."""
    size = x.shape[dim]
    return record(np.take(x.array, places, axis=dim), (x, lambda g: _spread(g, dim, places, size)))


def _spread(x, dim, places, size):
    """The transpose of `_take`: elements of one place are added."""
    starts = np.flatnonzero(np.diff(places, prepend=-1))
    total = np.zeros((*x.shape[:dim], size, *x.shape[dim + 1 :]), x.dtype)
    total[(slice(None),) * dim + (places[starts],)] = np.add.reduceat(x.array, starts, axis=dim)
    return record(total, (x, lambda g: _take(g, dim, places)))


def affine_grid(theta, size, align_corners=False):
    """Where an affine map takes pixels: (N, 2, 3), (N, C, H, W) -> (N, H, W, 2); also in 3-d.

    Coordinates are x, y (, z), from -1 to 1, as `grid_sample` takes them.
    """
    n, _, *sizes = size
    rank = len(sizes)
    if floats_only(theta, "affine_grid").shape != (n, rank, rank + 1) or rank not in (2, 3):
        raise ValueError(
            f"affine_grid: expected theta ({n}, {rank}, {rank + 1}) for size {tuple(size)}, got "
            f"{theta.shape}"
        )
    lines = [
        np.linspace(-1, 1, m) if align_corners and m > 1 else (np.arange(m) * 2 + 1) / m - 1
        for m in sizes
    ]
    grids = np.meshgrid(*lines, indexing="ij")[::-1]
    points = np.stack([*grids, np.ones(sizes)], -1).reshape(-1, rank + 1).astype(theta.dtype)
    return reshape(matmul(Tensor(points), theta.transpose(1, 2)), n, *sizes, rank)


def grid_sample(input, grid, mode="bilinear", padding_mode="zeros", align_corners=None):
    """The image at the points of a grid: (N, C, H, W), (N, OH, OW, 2) -> (N, C, OH, OW).

    The last dimension of the grid is x, y, from -1 to 1 over the image. ``mode`` is "bilinear" or
    "nearest"; beyond the border is what ``padding_mode`` says, "zeros", "border" or "reflection".
    """
    if mode not in ("bilinear", "nearest"):
        raise ValueError(f"grid_sample: mode is 'bilinear' or 'nearest', not {mode!r}")
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError(
            f"grid_sample: padding_mode is 'zeros', 'border' or 'reflection', not {padding_mode!r}"
        )
    floats_only(input, "grid_sample"), floats_only(grid, "grid_sample")
    if input.ndim != 4 or grid.ndim != 4 or (grid.shape[0], grid.shape[3]) != (len(input), 2):
        raise RuntimeError(
            f"grid_sample: expected input (N, C, H, W) and grid (N, OH, OW, 2), got {input.shape} "
            f"and {grid.shape}"
        )
    size = input.shape[:1:-1]  # width and height, as the grid has them
    x, y = (_pixels(grid[..., i], size[i], padding_mode, align_corners) for i in (0, 1))
    if mode == "nearest":
        return _at(input, np.rint(y.array), np.rint(x.array))
    left, top = np.floor(x.array), np.floor(y.array)
    total = 0
    for row, down in _corners(y, top):
        for column, right in _corners(x, left):
            total = total + _at(input, row, column) * (down * right).unsqueeze(1)
    return total


def _corners(x, first):
    """The two neighbouring places of each coordinate, and their weights."""
    share = x - Tensor(first)
    return (first, 1 - share), (first + 1, share)


def _pixels(x, size, padding_mode, align_corners):
    """Coordinates from -1 to 1 as those of pixels."""
    x = (x + 1) * ((size - 1) / 2) if align_corners else ((x + 1) * size - 1) / 2
    if padding_mode == "reflection":
        low, span = (0, size - 1) if align_corners else (-0.5, size)
        if span:  # a triangle wave: the distance from the nearest even multiple of the span
            turns = Tensor(2 * span * np.round((x.array - low) / (2 * span)))
            x = abs(x - low - turns) + low
        else:
            x = x * 0
    return x if padding_mode == "zeros" else clamp(x, 0, size - 1)


def _at(input, rows, columns):
    """Pixels (N, C, OH, OW) at whole coordinates (N, OH, OW); 0 outside of the image."""
    height, width = input.shape[2:]
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    batch = np.arange(len(input)).reshape(-1, 1, 1)
    places = [np.where(inside, v, 0).astype(np.int64) for v in (rows, columns)]
    found = getitem(input, (batch, slice(None), *places))  # (N, OH, OW, C)
    return where(Tensor(inside[:, None]), movedim(found, -1, 1), 0)
