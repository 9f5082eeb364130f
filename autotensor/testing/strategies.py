"""Hypothesis strategies for one's own tests: shapes, values, memory layouts, indices, geometry.

Values are drawn from a seed and not element by element, which is quick; what Hypothesis makes
smaller in a failing example are shapes, layouts and geometry.
"""

from typing import NamedTuple

import numpy as np

from autotensor.tensor import Tensor

try:
    from hypothesis import strategies as st
    from hypothesis.extra import numpy as hnp
except ModuleNotFoundError as error:
    raise ImportError(
        "autotensor.testing.strategies needs Hypothesis: pip install hypothesis"
    ) from error

__all__ = [
    "LAYOUTS",
    "Convolution",
    "Pooling",
    "arrays",
    "broadcastable",
    "convolutions",
    "fitting_sizes",
    "indices",
    "laid_out",
    "layouts",
    "poolings",
    "seeds",
    "shapes",
    "tensors",
]

seeds = st.integers(0, 2**32 - 1)

LAYOUTS = ("rows", "columns", "channels last", "spaced", "backwards", "inside")
layouts = st.sampled_from(LAYOUTS)


def laid_out(array, layout):
    """The same elements in another arrangement of memory, one of `LAYOUTS`.

    "rows" is C order and "columns" Fortran order; "spaced" has gaps along the last dimension,
    "backwards" negative strides; "inside" is cut out of a larger array.
    """
    if layout not in LAYOUTS:
        raise ValueError(f"layout is one of {', '.join(LAYOUTS)}, not {layout!r}")
    if layout == "rows" or not array.ndim:  # NumPy's slices of no dimensions are numbers
        return np.array(array, order="C")
    if layout == "columns":
        return np.array(array, order="F")
    if layout == "channels last":
        order = (*range(min(array.ndim, 1)), *range(2, array.ndim), *range(1, array.ndim)[:1])
        return np.array(array.transpose(order), order="C").transpose(np.argsort(order))
    if layout == "spaced":
        return np.repeat(array, 2, axis=-1)[..., ::2]
    if layout == "backwards":
        return np.flip(np.flip(array).copy())
    return np.pad(array, 1)[(slice(1, -1),) * array.ndim]  # "inside"


def shapes(min_dims=0, max_dims=4, min_side=0, max_side=4):
    """Shapes, zero-size ones among them unless ``min_side`` is positive."""
    return hnp.array_shapes(
        min_dims=min_dims, max_dims=max_dims, min_side=min_side, max_side=max_side
    )


def broadcastable(count=2, max_dims=3, min_side=0, max_side=3):
    """Tuples of ``count`` shapes that broadcast against each other."""
    found = hnp.mutually_broadcastable_shapes(
        num_shapes=count, max_dims=max_dims, min_side=min_side, max_side=max_side
    )
    return found.map(lambda drawn: drawn.input_shapes)


@st.composite
def arrays(
    draw,
    shape=None,
    dtype=np.float64,
    low=-2.0,
    high=2.0,
    *,
    away_from=(),
    margin=0.1,
    distinct=False,
):
    """NumPy arrays of numbers from ``low`` to ``high``, in any of the `LAYOUTS`.

    ``shape`` and ``dtype`` may be strategies. Floats keep a distance of ``margin`` from the kinks
    and poles ``away_from``; ``distinct`` ones are spread out evenly, so that there are no ties.
    """
    shape, dtype = _drawn(draw, shapes() if shape is None else shape), _drawn(draw, dtype)
    dtype, random = np.dtype(dtype), np.random.default_rng(draw(seeds))
    size = int(np.prod(shape, dtype=int))
    if dtype.kind == "b":
        values = random.random(size) < 0.5
    elif dtype.kind in "iu":
        low, high = int(np.ceil(low)), int(np.floor(high))
        values = (
            low + random.permutation(size) if distinct else random.integers(low, high + 1, size)
        )
    else:
        places = (
            (random.permutation(size) + 0.5) / max(size, 1) if distinct else random.random(size)
        )
        values = _spread_out(places, low, high, sorted(away_from), margin)
    return laid_out(values.astype(dtype).reshape(shape), draw(layouts))


def tensors(*args, requires_grad=False, **named):
    """Tensors with the values of `arrays`."""
    return arrays(*args, **named).map(lambda array: Tensor(array).requires_grad_(requires_grad))


def _drawn(draw, value):
    return draw(value) if isinstance(value, st.SearchStrategy) else value


def _spread_out(places, low, high, points, margin):
    """``places`` from 0 to 1 as numbers from ``low`` to ``high`` outside the margins of points."""
    ends = [low, *(end for p in points for end in (p - margin, p + margin)), high]
    starts, stops = np.clip(ends[::2], low, high), np.clip(ends[1::2], low, high)
    lengths = np.maximum(stops - starts, 0)
    if not lengths.sum() > 0:
        raise ValueError(f"no numbers from {low} to {high} are {margin} away from {points}")
    before = np.concatenate([[0], np.cumsum(lengths)])
    along = np.asarray(places) * before[-1]
    piece = np.minimum(np.searchsorted(before, along, "right") - 1, len(lengths) - 1)
    return starts[piece] + along - before[piece]


@st.composite
def indices(draw, shape):
    """What ``x[...]`` takes for ``x`` of the given shape: basic, integer and boolean indices.

    Integer arrays, where drawn, have one shape and stand beside slices; a boolean one covers the
    first dimensions. Slices go forwards.
    """
    kind = draw(st.sampled_from(["basic", "integers", "mask"]))
    if kind == "basic" or not shape:
        index = draw(hnp.basic_indices(shape, allow_newaxis=True))
        return tuple(map(_forwards, index)) if isinstance(index, tuple) else _forwards(index)
    if kind == "mask":
        covered = shape[: draw(st.integers(1, len(shape)))]
        return draw(arrays(covered, np.bool_))
    common = draw(shapes(max_dims=2, max_side=3))
    parts = []
    for n in shape:
        choices = [st.slices(n).map(_forwards)]
        if n:
            choices.append(arrays(common, np.int64, -n, n - 1))
        parts.append(draw(st.one_of(choices)))
    return tuple(parts)


def _forwards(part):
    """A part of an index; a slice with a step above 0, as tensors take them."""
    if not isinstance(part, slice) or part.step is None:
        return part
    return slice(part.start, part.stop, abs(part.step))


class Convolution(NamedTuple):
    """Shapes of input and weight, and the geometry, a tuple for each of the spatial axes."""

    x_shape: tuple
    w_shape: tuple
    stride: tuple
    padding: tuple
    dilation: tuple
    groups: int

    @property
    def options(self):
        """The geometry as the keyword arguments of ``conv1d`` and ``conv2d``."""
        return dict(zip(self._fields[2:], self[2:], strict=True))


class Pooling(NamedTuple):
    """The sizes of the spatial axes, and the geometry, a tuple for each of them."""

    size: tuple
    kernel_size: tuple
    stride: tuple
    padding: tuple
    dilation: tuple
    ceil_mode: bool

    @property
    def options(self):
        """The geometry as the keyword arguments of ``max_pool1d`` and ``max_pool2d``."""
        return dict(zip(self._fields[1:], self[1:], strict=True))


def fitting_sizes(kernel_size, padding, dilation, beyond=5):
    """Sizes, a tuple for each axis, at which windows fit; at most ``beyond`` the smallest such."""
    axes = zip(kernel_size, padding, dilation, strict=True)
    least = [max(1, d * (k - 1) + 1 - 2 * p) for k, p, d in axes]
    return st.tuples(*[st.integers(n, n + beyond) for n in least])


@st.composite
def convolutions(
    draw,
    rank=2,
    *,
    max_batch=2,
    max_channels=3,
    max_kernel=3,
    max_stride=3,
    max_padding=2,
    max_dilation=2,
    max_groups=3,
    beyond=5,
):
    """`Convolution` cases over ``rank`` axes that fit; ``max_channels`` counts those of a group."""

    def per_axis(least, most):
        return draw(st.tuples(*[st.integers(least, most)] * rank))

    kernel, stride = per_axis(1, max_kernel), per_axis(1, max_stride)
    padding, dilation = per_axis(0, max_padding), per_axis(1, max_dilation)
    groups = draw(st.integers(1, max_groups))
    c, o = draw(st.integers(1, max_channels)), draw(st.integers(1, max_channels))
    size = draw(fitting_sizes(kernel, padding, dilation, beyond))
    x_shape = (draw(st.integers(0, max_batch)), c * groups, *size)
    return Convolution(x_shape, (o * groups, c, *kernel), stride, padding, dilation, groups)


@st.composite
def poolings(draw, rank=2, *, max_kernel=4, max_stride=4, max_dilation=2, beyond=5):
    """`Pooling` cases over ``rank`` axes that fit, padded by at most half a window."""

    def per_axis(most):
        return draw(st.tuples(*[st.integers(1, most)] * rank))

    kernel, stride, dilation = per_axis(max_kernel), per_axis(max_stride), per_axis(max_dilation)
    padding = draw(st.tuples(*[st.integers(0, k // 2) for k in kernel]))
    size = draw(fitting_sizes(kernel, padding, dilation, beyond))
    return Pooling(size, kernel, stride, padding, dilation, draw(st.booleans()))
