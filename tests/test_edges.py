"""Operations at the edges: kinks, poles, ties, NaN, what is empty, and what is refused."""

import numpy as np
import pytest

import autotensor as at
from autotensor.gradients import grad

NAN, INF = float("nan"), float("inf")


def leaf(*values):
    return at.tensor(values, dtype=at.float64, requires_grad=True)


def slopes(function, *values):
    """First and second derivative of the sum of ``function`` at the given values."""
    x = leaf(*values)
    (first,) = grad(function(x).sum(), x, create_graph=True)
    second = grad(first.sum(), x)[0] if first.requires_grad else at.zeros_like(x)
    return first.tolist(), second.tolist()


@pytest.mark.parametrize(
    "function, points, first, second",
    [
        (lambda x: x**0, (0, 2), [0, 0], [0, 0]),
        (lambda x: x**1, (0, 2), [1, 1], [0, 0]),
        (lambda x: x**2, (0, 2), [0, 4], [2, 2]),
        (lambda x: x**3, (0, 2), [0, 12], [0, 12]),
        (lambda x: x ** at.tensor(2.0), (0, -2), [0, -4], [2, 2]),
        (lambda x: at.pow(0, x), (1, 2), [0, 0], [0, 0]),
        (lambda x: x.abs(), (0, -2), [0, -1], [0, 0]),
        (lambda x: x.clamp(0, 1), (0, 1, 2), [1, 1, 0], [0, 0, 0]),
        (lambda x: at.maximum(x, x * 1), (1,), [1], [0]),
        (lambda x: x.amax(), (3, 1, 3), [0.5, 0, 0.5], [0, 0, 0]),
        (lambda x: x.max(0).values, (3, 1, 3), [1, 0, 0], [0, 0, 0]),
        (lambda x: x.amax(), (1, NAN), [0, 1], [0, 0]),
        (lambda x: x.prod(), (0, 2, 3), [6, 0, 0], [5, 3, 2]),
        (lambda x: x.prod(), (0, 0, 3), [0, 0, 0], [3, 3, 0]),
        (lambda x: x.norm(), (0, 0), [0, 0], [0, 0]),
        (lambda x: x.norm(3), (0, 0), [0, 0], [0, 0]),
        (lambda x: x.norm(1), (0, -2), [0, -1], [0, 0]),
        (lambda x: x.std(), (2, 2), [0, 0], [0, 0]),
        (lambda x: x.sqrt(), (0, 4), [INF, 0.25], [-INF, -0.03125]),
        (lambda x: x.log(), (0, 2), [INF, 0.5], [-INF, -0.25]),
        (lambda x: 1 / x, (0, 2), [-INF, -0.25], [INF, 0.25]),
        (lambda x: x.sigmoid(), (-1000, 1000), [0, 0], [0, 0]),
        (lambda x: x.logsumexp(0), (-INF, 0), [0, 1], [0, 0]),
        (lambda x: x.floor(), (0.5, 2), [0, 0], [0, 0]),
    ],
)
def test_gradients(function, points, first, second):
    found = slopes(function, *points)
    np.testing.assert_allclose(found[0], first)
    np.testing.assert_allclose(found[1], second, atol=1e-12)


def test_exponents_at_zero():
    x, y = leaf(0.0, 0.0, 2.0), leaf(0.0, 2.0, 3.0)
    gx, gy = grad((x**y).sum(), (x, y))
    np.testing.assert_allclose(gx.array, [0, 0, 12])
    np.testing.assert_allclose(gy.array, [0, 0, 8 * np.log(2)])


def test_functions_at_poles_are_silent():
    x = at.tensor([NAN, INF, -INF, 0.0, -1.0])
    functions = (at.exp, at.log, at.log1p, at.sqrt, at.rsqrt, at.sin, at.tan, at.asin, at.acosh)
    for function in (*functions, at.atanh, at.sigmoid, at.tanh):
        function(x)
    for y in (x / 0, x // 0, x % 0, 1 / x, x**0.5, x.fmod(0), x.logsumexp(0), x.mean(), x.var()):
        assert y.dtype == at.float32


def test_products_that_overflow_are_silent():
    x = at.full((2, 2), 1e30)
    for y in (x @ x, at.linear(x, x), at.dot(x[0], x[0])):
        assert y.isinf().all()


def test_empty_reductions():
    x = at.zeros(0, 3, requires_grad=True)
    assert x.sum().item() == 0 and x.prod().item() == 1
    assert np.isnan(x.mean().item()) and np.isnan(x.var().item())
    assert x.prod(0).tolist() == [1, 1, 1] and x.logsumexp(0).tolist() == [-INF] * 3
    assert x.all().item() is True and x.any().item() is False
    for result in (x.sum(), x.prod(), x.mean(), x.prod(0).sum()):
        x.grad = None
        result.backward()
        assert x.grad.shape == (0, 3)


def test_results_never_share_memory_with_integers_either():
    x = at.tensor([[1], [2]])
    for name in ["floor", "ceil", "trunc", "round", "abs", "square"]:
        assert not np.shares_memory(getattr(x, name)().array, x.array)
    assert not np.shares_memory(x.prod(1).array, x.array)
    assert not np.shares_memory(at.pad(x, (0, 0), "replicate").array, x.array)


def test_wholes_stay_whole():
    x = at.tensor([7, -7])
    assert (x // 2).tolist() == [3, -4] and (x % 2).tolist() == [1, 1]
    assert at.fmod(x, 2).tolist() == [1, -1]
    assert at.div(x, 2, rounding_mode="trunc").tolist() == [3, -3]
    assert at.div(x, 2, rounding_mode="floor").dtype == at.int64


def test_options_of_reductions():
    x = at.arange(6.0).reshape(2, 3)
    assert x.sum(axis=1, keepdims=True).shape == (2, 1) and x.sum(()).shape == ()
    assert x.var(False).item() == x.var(unbiased=False).item() == x.var(correction=0).item()
    assert x.max(1).indices.tolist() == [2, 2] and x.min(0, keepdim=True)[0].shape == (1, 3)
    assert x.argmax().item() == 5 and x.argmax(keepdim=True).shape == (1, 1)
    variance, mean = at.var_mean(x, 0)
    assert variance.tolist() == [4.5] * 3 and mean.tolist() == [1.5, 2.5, 3.5]


def test_scatter_takes_a_number():
    x = at.zeros(2, 3)
    index = at.tensor([[2], [0]])
    expected = [[0, 0, 5], [5, 0, 0]]
    assert x.scatter(1, index, 5.0).tolist() == x.scatter(1, index, value=5.0).tolist() == expected
    assert x.scatter(1, index, at.ones(2, 1), reduce="add").sum().item() == 2


MATRIX, INDEX = at.zeros(3, 4), at.tensor([[0, 1]])
REFUSED = {
    "add": (lambda: MATRIX + at.zeros(3), RuntimeError, r"add: shapes \(3, 4\) and \(3,\)"),
    "sub of bools": (lambda: (MATRIX > 0) - (MATRIX > 0), RuntimeError, "sub: not defined"),
    "neg of bools": (lambda: -(MATRIX > 0), RuntimeError, "use ~x"),
    "floats by bits": (lambda: MATRIX & 1, NotImplementedError, "bitwise_and: for integers"),
    "pow": (lambda: at.tensor(2) ** -1, RuntimeError, "negative integer power"),
    "integers by zero": (lambda: at.tensor(1) // 0, RuntimeError, "division of an integer by zero"),
    "rounding": (lambda: at.div(1, MATRIX, rounding_mode="up"), RuntimeError, "not 'up'"),
    "where": (lambda: at.where(INDEX, 1, 0), RuntimeError, "dtype bool, not int64"),
    "clamp": (lambda: MATRIX.clamp(), RuntimeError, "at least one of min and max"),
    "sum": (lambda: MATRIX.sum(2), IndexError, r"range of \[-2, 1\], but got 2"),
    "sum twice": (lambda: MATRIX.sum((0, -2)), RuntimeError, "more than once"),
    "mean": (lambda: INDEX.mean(), RuntimeError, r"x.float\(\).mean\(\)"),
    "max": (lambda: at.zeros(0).max(), RuntimeError, "nothing to choose from"),
    "argmax": (lambda: at.zeros(0, 2).argmax(0), IndexError, "nothing to choose from"),
    "reshape": (lambda: MATRIX.reshape(5, -1), RuntimeError, "invalid for 12 elements"),
    "view": (lambda: MATRIX.T.view(-1), RuntimeError, r"use reshape\(\), which copies"),
    "unflatten": (lambda: MATRIX.unflatten(1, (3, -1)), RuntimeError, "unflatten"),
    "flatten": (lambda: MATRIX.flatten(1, 0), RuntimeError, "start_dim 1 is behind"),
    "permute": (lambda: MATRIX.permute(0, 0), RuntimeError, "more than once"),
    "expand": (lambda: MATRIX.expand(2, 4), RuntimeError, r"does not expand to \(2, 4\)"),
    "cat": (lambda: at.cat([MATRIX, at.zeros(2, 3)]), RuntimeError, "except in dimension 0"),
    "cat of nothing": (lambda: at.cat([]), ValueError, "at least one tensor"),
    "stack": (lambda: at.stack([MATRIX, at.zeros(3)]), RuntimeError, "sizes must be equal"),
    "narrow": (lambda: MATRIX.narrow(1, 3, 2), RuntimeError, "exceeds size 4 of dim 1"),
    "split": (lambda: MATRIX.split([1, 1]), RuntimeError, "do not add up to 3"),
    "chunk": (lambda: MATRIX.chunk(0), RuntimeError, "must be positive, not 0"),
    "repeat": (lambda: MATRIX.repeat(2), RuntimeError, "1 numbers for 2 dimensions"),
    "pad": (lambda: at.pad(MATRIX, (1,)), RuntimeError, "not a pair for each"),
    "pad too far": (lambda: at.pad(MATRIX, (-5, 0)), RuntimeError, "cuts off more"),
    "pad mode": (lambda: at.pad(MATRIX, (1, 1), "wrap"), NotImplementedError, "'wrap'; there are"),
    "reflect": (lambda: at.pad(MATRIX, (4, 0), "reflect"), RuntimeError, "at most 3"),
    "gather": (lambda: MATRIX.gather(0, INDEX + 3), RuntimeError, "index 3 is out of bounds"),
    "gather floats": (lambda: MATRIX.gather(0, MATRIX), RuntimeError, "expected int64 for index"),
    "scatter": (lambda: MATRIX.scatter(0, INDEX), TypeError, "either as src or as value"),
    "scatter types": (lambda: MATRIX.scatter(0, INDEX, INDEX), RuntimeError, "dtype float32"),
    "index_add": (lambda: MATRIX.index_add(0, INDEX[0], MATRIX), RuntimeError, "expected a vector"),
    "masks": (lambda: MATRIX.masked_select(INDEX), RuntimeError, "mask of dtype bool"),
    "fill": (lambda: MATRIX.masked_fill(INDEX, 1), RuntimeError, "mask of dtype bool"),
    "matmul": (lambda: MATRIX @ MATRIX, RuntimeError, "4 columns, 3 rows"),
    "matmul dtypes": (lambda: MATRIX @ MATRIX.double().T, RuntimeError, "float32 and float64"),
    "mm": (lambda: at.mm(MATRIX, at.zeros(4)), RuntimeError, "two tensors of 2 dimensions"),
    "linear": (
        lambda: at.linear(MATRIX, at.zeros(2, 3)),
        RuntimeError,
        "has 4 features.*expects 3",
    ),
    "a list": (lambda: at.exp([1.0]), TypeError, "exp: expected a Tensor, got list"),
}


@pytest.mark.parametrize("call, error, message", REFUSED.values(), ids=REFUSED)
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
