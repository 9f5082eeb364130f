"""The strategies draw what they promise."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autotensor as at
from autotensor.nn import functional as F
from autotensor.testing.strategies import (
    LAYOUTS,
    arrays,
    broadcastable,
    convolutions,
    indices,
    laid_out,
    poolings,
    shapes,
    tensors,
)

dtypes = st.sampled_from([np.float16, np.float32, np.float64, np.int64, np.uint8, np.bool_])


@given(arrays(dtype=dtypes, low=0, high=9), st.sampled_from(LAYOUTS))
def test_layouts_hold_the_same_elements(array, layout):
    other = laid_out(array, layout)
    np.testing.assert_array_equal(other, array)
    assert (
        isinstance(other, np.ndarray)
        and other.dtype == array.dtype
        and not np.shares_memory(other, array)
    )


def test_layouts_are_what_they_are_called():
    image = np.arange(120.0).reshape(2, 3, 4, 5)
    assert laid_out(image.T, "rows").flags.c_contiguous
    assert laid_out(image, "columns").flags.f_contiguous
    assert laid_out(image, "channels last").transpose(0, 2, 3, 1).flags.c_contiguous
    assert laid_out(image, "spaced").strides[-1] == 16
    assert max(laid_out(image, "backwards").strides) < 0
    assert not laid_out(image, "inside").flags.contiguous
    with pytest.raises(ValueError, match=r"layout is one of rows, .*, not 'diagonal'"):
        laid_out(image, "diagonal")


@given(arrays(low=-1, high=3, away_from=(2, 0), margin=0.25))
def test_values_keep_away_from_kinks(array):
    assert ((array >= -1) & (array <= 3)).all()
    assert all((np.abs(array - kink) >= 0.25 - 1e-12).all() for kink in (0, 2))


@given(arrays(shapes(max_side=3), low=-1, high=1, away_from=(0,), distinct=True))
def test_distinct_values(array):
    values = np.sort(array.ravel())
    assert (np.diff(values) > 0.99 * 1.8 / max(array.size, 1)).all()


@given(st.data())
def test_a_domain_may_be_empty(data):
    with pytest.raises(ValueError, match=r"no numbers from -0.1 to 0.1 are 0.5 away from \[0\]"):
        data.draw(arrays(low=-0.1, high=0.1, away_from=(0,), margin=0.5))


@given(tensors((2, 3), at.float32, requires_grad=True), tensors((4,), at.int64, -3, 3))
def test_tensors(x, n):
    assert x.shape == (2, 3) and x.dtype == at.float32 and x.requires_grad and x.is_leaf
    assert n.dtype == at.int64 and not n.requires_grad and (abs(n.array) <= 3).all()


@given(broadcastable(3))
def test_shapes_broadcast(found):
    assert len(np.broadcast_shapes(*found)) <= 3


@given(shapes(max_side=3), st.data())
def test_indices_index(shape, data):
    array = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    index = data.draw(indices(shape))
    np.testing.assert_array_equal(at.tensor(array)[index].array, array[index])


@given(st.sampled_from([(1, F.conv1d), (2, F.conv2d)]), st.data())
def test_convolutions_fit(kind, data):
    rank, function = kind
    case = data.draw(convolutions(rank))
    y = function(at.ones(case.x_shape), at.ones(case.w_shape), **case.options)
    assert y.shape[:2] == (case.x_shape[0], case.w_shape[0]) and min(y.shape[2:]) >= 1


@given(st.sampled_from([(1, F.max_pool1d), (2, F.max_pool2d)]), st.data())
def test_poolings_fit(kind, data):
    rank, function = kind
    case = data.draw(poolings(rank))
    assert min(function(at.ones(2, 3, *case.size), **case.options).shape) >= 1


def test_without_hypothesis_the_rest_works():
    code = (
        "import sys; sys.modules['hypothesis'] = None\n"
        "import autotensor.testing\n"
        "try: import autotensor.testing.strategies\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "needs Hypothesis: pip install hypothesis" in done.stdout
