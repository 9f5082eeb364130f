"""Hypothesis strategies: shapes, pairs of them that broadcast, arrays in any memory layout."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

seeds = st.integers(0, 2**32 - 1)


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


def layouts(array):
    """The same elements in other memory layouts, by name."""
    turned = np.ascontiguousarray(array.T).T
    spaced = np.repeat(array, 2, axis=-1)[..., ::2] if array.ndim else array
    backwards = np.flip(np.flip(array).copy())
    inside = np.pad(array, 1)[(slice(1, -1),) * array.ndim]
    found = {"turned": turned, "spaced": spaced, "backwards": backwards, "inside": inside}
    if array.ndim > 1:
        order = (0, *range(2, array.ndim), 1)  # channels last
        found["channels last"] = np.ascontiguousarray(array.transpose(order)).transpose(
            np.argsort(order)
        )
    return found


@st.composite
def arrays(draw, shape=None, low=-2.0, high=2.0, dtype=np.float64):
    """Arrays of numbers between ``low`` and ``high`` in any of the `layouts`."""
    shape = draw(shapes() if shape is None else shape) if not isinstance(shape, tuple) else shape
    array = np.random.default_rng(draw(seeds)).uniform(low, high, shape).astype(dtype)
    variants = [array, *layouts(array).values()]
    return variants[draw(st.integers(0, len(variants) - 1))]
