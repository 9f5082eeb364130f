"""The checks of gradients find wrong gradients, and pass right ones."""

import numpy as np
import pytest

import autotensor as at
from autotensor.autograd import Function
from autotensor.tensor import record
from autotensor.testing import GradcheckError, assert_close, gradcheck, gradgradcheck

modes = pytest.mark.parametrize("fast_mode", [False, True])


def leaf(*shape):
    return at.randn(*shape, dtype=at.float64, requires_grad=True)


def wrong(x):
    """``x ** 2`` with the gradient of ``x``."""
    return record(x.array**2, (x, lambda g: g))


def half_wrong(x):
    """``x ** 3`` whose gradient is right but constant for the gradient of the gradient."""
    slope = 3 * x.detach() ** 2
    return record(x.array**3, (x, lambda g: g * slope))


@modes
def test_gradcheck(fast_mode):
    assert gradcheck(lambda x, y: x.sin() * y, (leaf(2, 3), leaf(3)), fast_mode=fast_mode)
    with pytest.raises(GradcheckError, match="Jacobian mismatch for output 0"):
        gradcheck(wrong, leaf(3), fast_mode=fast_mode)
    assert not gradcheck(wrong, leaf(3), fast_mode=fast_mode, raise_exception=False)


@modes
def test_gradgradcheck(fast_mode):
    assert gradgradcheck(lambda x, y: x.sin() * y, (leaf(2, 3), leaf(3)), fast_mode=fast_mode)
    assert gradcheck(half_wrong, leaf(3), fast_mode=fast_mode)
    with pytest.raises(GradcheckError, match="by differences"):
        gradgradcheck(half_wrong, leaf(3), fast_mode=fast_mode)
    assert not gradgradcheck(half_wrong, leaf(3), raise_exception=False, fast_mode=fast_mode)


def test_the_worst_entry_is_named():
    def one_wrong(x, y):
        slope = np.ones((2, 3))
        slope[1, 2] = 4
        return x.sum(), record(y.array * 1, (y, lambda g: g * at.tensor(slope)))

    with pytest.raises(GradcheckError) as found:
        gradcheck(one_wrong, (leaf(1), leaf(2, 3)))
    text = str(found.value)
    assert "output 1 with respect to input 1: 1 of 36 entries" in text
    assert "output element (1, 2) by input element (1, 2): 4 by backward, 1" in text
    assert "numerical:\n" in text and "analytical:\n" in text


def test_numbers_of_inputs_count_those_without_gradient():
    with pytest.raises(GradcheckError, match="with respect to input 2"):
        gradcheck(lambda n, x, y: wrong(y), (2, at.ones(1), leaf(3)))


def test_a_gradient_that_is_silently_detached_is_found():
    def detached(x):
        slope = 3 * x.detach() ** 2
        return record(x.array**3, (x, lambda g: (g * slope).detach()))

    assert gradcheck(detached, leaf(2))
    with pytest.raises(GradcheckError, match="Jacobian mismatch"):
        gradgradcheck(detached, leaf(2))


def test_nan_is_no_agreement():
    x = at.zeros(1, dtype=at.float64, requires_grad=True)
    with pytest.raises(GradcheckError, match="nan"):
        gradcheck(lambda x: x.sqrt() * 0, x)


def test_small_errors_along_random_vectors_only():
    x = at.tensor(np.linspace(0.5, 1.5, 400), requires_grad=True)
    tight = {"atol": 3e-10, "rtol": 0.0}  # about the rounding of one entry, less than that of sums
    with pytest.raises(GradcheckError, match="along random vectors"):
        gradcheck(lambda x: record(x.array * 1, (x, lambda g: g * (1 + 2e-10))), x, fast_mode=True,
                  **tight)  # fmt: skip


def test_several_outputs_and_untracked_ones():
    gradcheck(lambda x: (x * 2, (x.exp(), x.argmax()), x.detach()), leaf(3))


def test_a_function_without_gradients_must_be_constant():
    assert gradcheck(lambda x: x.detach() * 0, leaf(2))
    with pytest.raises(GradcheckError, match="0 by backward, 1"):
        gradcheck(lambda x: x.detach() * 1, leaf(2))


@modes
def test_zero_size(fast_mode):
    for check in (gradcheck, gradgradcheck):
        assert check(lambda x, y: x * y, (leaf(0, 3), leaf(3)), fast_mode=fast_mode)
        assert check(lambda x: x[:0], leaf(3), fast_mode=fast_mode)


@modes
def test_one_input_twice_and_inputs_with_history(fast_mode):
    x = leaf(3)
    for inputs in ((x, x), (x * 1, leaf(3)), (leaf(6)[::2], leaf(3))):
        assert gradcheck(lambda x, y: x * y.exp(), inputs, fast_mode=fast_mode)
        assert gradgradcheck(lambda x, y: x * y.exp(), inputs, fast_mode=fast_mode)


def test_views_and_parameters_behind_the_function():
    x, weight = leaf(2, 3), leaf(3)
    assert gradcheck(lambda x: (x.T, x.view(-1)), x)
    assert gradcheck(lambda _: (x * weight).sum(), weight)


def test_given_weights_of_outputs():
    weights = leaf(3)
    assert gradgradcheck(lambda x: x**3, leaf(3), weights)
    assert gradgradcheck(lambda x: x**3, leaf(3), (at.ones(3, dtype=at.float64),))
    assert weights.grad is None


def test_weights_with_gaps_in_memory():
    class Cube(Function):
        contiguous = None

        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx, g):
            Cube.contiguous = g.is_contiguous()
            return g * 3 * ctx.saved_tensors[0] ** 2

    assert gradgradcheck(Cube.apply, leaf(3), gen_non_contig_grad_outputs=True)
    assert not Cube.contiguous
    assert gradgradcheck(Cube.apply, leaf(3))
    assert Cube.contiguous


def test_what_differs_from_run_to_run_is_found():
    noise = np.random.default_rng(0)

    def random_value(x):
        return x * noise.random()

    def random_gradient(x):
        return record(x.array * 1, (x, lambda g: g * (1 + 1e-7 * noise.random())))

    with pytest.raises(GradcheckError, match="not reentrant: the values of output 0 differ"):
        gradcheck(random_value, leaf(2))
    with pytest.raises(GradcheckError, match="not reentrant: the gradients of output 0 by input 0"):
        gradcheck(random_gradient, leaf(2))
    assert gradcheck(random_gradient, leaf(2), nondet_tol=1e-5)


def test_gradients_that_do_not_vanish_with_those_of_outputs_are_found():
    with pytest.raises(GradcheckError, match="backward not multiplied by grad_output"):
        gradcheck(lambda x: record(x.array.sum(), (x, lambda g: g * 0 + at.ones(2))), leaf(2))


class Pair(Function):
    """``(2 x, 3 x)``; ``backward`` is left to a subclass, and may get None."""

    @staticmethod
    def forward(ctx, x):
        ctx.set_materialize_grads(False)
        return x * 2, x * 3


class Careful(Pair):
    @staticmethod
    def backward(ctx, a, b):
        return sum(n * g for n, g in ((2, a), (3, b)) if g is not None)


class Careless(Pair):
    @staticmethod
    def backward(ctx, a, b):
        return 2 * a + 3 * b


class Forgetful(Pair):
    @staticmethod
    def backward(ctx, a, b):
        return 2 * a + 3 * b if a is not None and b is not None else None


def test_outputs_without_gradients():
    assert gradcheck(Careful.apply, leaf(2)) and gradgradcheck(Careful.apply, leaf(2))
    with pytest.raises(GradcheckError, match=r"fails where output 0 alone.*take None for zero"):
        gradcheck(Careless.apply, leaf(2))
    with pytest.raises(GradcheckError, match="outputs other than 0 have no gradient"):
        gradcheck(Forgetful.apply, leaf(2))
    for function in (Careless, Forgetful):
        assert gradcheck(function.apply, leaf(2), check_undefined_grad=False)


def test_inputs_are_left_as_they_were():
    x = leaf(3)
    before, graph = x.array.copy(), x.exp()
    gradcheck(lambda x: x.exp(), x)
    gradgradcheck(lambda x: x.exp(), x)
    np.testing.assert_array_equal(x.array, before)
    assert x.grad is None
    graph.sum().backward()  # what was saved before the check is as it was
    np.testing.assert_allclose(x.grad.array, np.exp(before))


def test_inputs_are_left_as_they_were_when_the_function_raises():
    x = leaf(3)
    before = x.array.copy()

    def picky(x):
        if x.array[0] > before[0]:
            raise KeyError("too large")
        return x * 1

    with pytest.raises(KeyError):
        gradcheck(picky, x)
    np.testing.assert_array_equal(x.array, before)


def test_outputs_that_change_shape():
    x = at.tensor([1.0, 2.0, -1e-9], dtype=at.float64, requires_grad=True)
    with pytest.raises(GradcheckError, match=r"other shapes.*\[\(3,\)\] instead of \[\(2,\)\]"):
        gradcheck(lambda x: x[x > 0], x)


def test_inputs_are_checked():
    x = leaf(3)
    with pytest.warns(UserWarning, match=r"Input 0 requires gradient and is float32"):
        assert gradcheck(lambda x: x * 2, at.ones(2, requires_grad=True), eps=1e-2)
    with pytest.raises(ValueError, match="none of them have requires_grad=True"):
        gradcheck(lambda x: x, at.ones(2, dtype=at.float64))
    with pytest.raises(RuntimeError, match=r"input 0, of shape \(2, 3\), overlap in memory"):
        gradcheck(lambda x: x * 2, x.expand(2, 3))
    for other in (x.detach(), x.detach()[1:].requires_grad_()):
        with pytest.raises(RuntimeError, match="inputs 0 and 1 share memory"):
            gradcheck(lambda x, y: x * y.sum(), (x, other))
    pairs = leaf(3, 2)
    assert gradcheck(lambda x, y: x * y, (pairs[:, 0], pairs[:, 1]))
    with pytest.raises(ValueError, match="input 0 is complex128; only real tensors"):
        gradcheck(lambda x: x, at.ones(2, dtype=at.complex128).requires_grad_())
    with pytest.raises(TypeError, match="check_forward_ad"):
        gradcheck(lambda x: x, x, check_forward_ad=True)


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
