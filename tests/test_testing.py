"""The checks of gradients find wrong gradients."""

import numpy as np
import pytest

import autotensor as at
from autotensor.tensor import record
from autotensor.testing import assert_close, gradcheck, gradgradcheck


def leaf(*shape):
    return at.randn(*shape, dtype=at.float64, requires_grad=True)


def wrong(x):
    """``x ** 2`` with the gradient of ``x``."""
    return record(x.array**2, (x, lambda g: g))


def half_wrong(x):
    """``x ** 3`` whose gradient is right but constant for the gradient of the gradient."""
    slope = 3 * x.detach() ** 2
    return record(x.array**3, (x, lambda g: g * slope))


@pytest.mark.parametrize("fast_mode", [False, True])
def test_gradcheck(fast_mode):
    assert gradcheck(lambda x, y: x.sin() * y, (leaf(2, 3), leaf(3)), fast_mode=fast_mode)
    with pytest.raises(AssertionError, match=r"gradient of input 0.* by backward"):
        gradcheck(wrong, leaf(3), fast_mode=fast_mode)
    assert not gradcheck(wrong, leaf(3), fast_mode=fast_mode, raise_exception=False)


@pytest.mark.parametrize("fast_mode", [False, True])
def test_gradgradcheck(fast_mode):
    assert gradgradcheck(lambda x, y: x.sin() * y, (leaf(2, 3), leaf(3)), fast_mode=fast_mode)
    assert gradcheck(half_wrong, leaf(3), fast_mode=fast_mode)
    with pytest.raises(AssertionError, match="by differences"):
        gradgradcheck(half_wrong, leaf(3), fast_mode=fast_mode)


def test_nan_is_no_agreement():
    x = at.zeros(1, dtype=at.float64, requires_grad=True)
    with pytest.raises(AssertionError, match="nan"):
        gradcheck(lambda x: x.sqrt() * 0, x)


def test_several_outputs_and_untracked_ones():
    gradcheck(lambda x: (x * 2, x.exp(), x.argmax(), x.detach()), leaf(3))


def test_inputs_are_left_as_they_were():
    x = leaf(3)
    before = x.array.copy()
    gradcheck(lambda x: x.exp(), x)
    np.testing.assert_array_equal(x.array, before)
    assert x.grad is None


def test_inputs_are_checked():
    with pytest.raises(ValueError, match="give float64 tensors"):
        gradcheck(lambda x: x, at.ones(2, requires_grad=True))
    with pytest.raises(ValueError, match="one at least with requires_grad=True"):
        gradcheck(lambda x: x, at.ones(2, dtype=at.float64))
    with pytest.raises(ValueError, match="no output of the function requires a gradient"):
        gradcheck(lambda x: x.detach(), leaf(2))


def test_assert_close():
    assert_close(at.ones(2), at.ones(2) + 1e-6)
    assert_close(at.ones(2), np.ones(2))
    assert_close(1.0, 1.0)
    assert_close(at.ones(1) * float("nan"), at.ones(1) * float("nan"), equal_nan=True)
    assert_close(at.ones(2), at.ones(2) * 1.1, rtol=0.2, atol=0)
    for a, b in [
        (at.ones(2), at.ones(2) + 1e-3),
        (at.ones(2), at.ones(3)),
        (at.ones(2), at.ones(2, dtype=at.float64)),
        (at.tensor([1]), at.tensor([2])),
        (at.ones(1) * float("nan"), at.ones(1) * float("nan")),
    ]:
        with pytest.raises(AssertionError):
            assert_close(a, b)
