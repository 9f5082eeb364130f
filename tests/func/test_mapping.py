"""vmap: functions of one sample mapped over a batch."""

import numpy as np
import pytest

import autotensor as at
from autotensor.func import vmap
from autotensor.nn import functional as F

X = at.arange(6.0).reshape(3, 2)


def same(found, expected):
    np.testing.assert_array_equal(found.array, expected)


class TestDimensions:
    def test_in(self):
        same(vmap(lambda x: x.sum())(X), [1, 5, 9])
        same(vmap(lambda x: x.sum(), in_dims=1)(X), [6, 9])
        same(vmap(lambda x: x.sum(), in_dims=-1)(X), [6, 9])
        same(vmap(lambda x, k: x.sum() * k, in_dims=(0, None))(X, 2.0), [2, 10, 18])
        same(vmap(lambda x, y: x * y, in_dims=(0, 1))(X, X.T), X.array**2)

    def test_in_trees(self):
        def f(d):
            return {"r": d["a"].sum() * d["b"][0]}

        found = vmap(f, in_dims=({"a": 0, "b": None},))({"a": X, "b": (2,)})
        same(found["r"], [2, 10, 18])
        same(vmap(f, in_dims=1)({"a": X, "b": [X]})["r"], X.array.sum(0)[:, None] * X.array.T)

    def test_keyword_arguments_are_shared(self):
        found = vmap(lambda x, *, k: x.sum() * k)(X, k=at.tensor([1.0, 2.0]))
        same(found, np.outer([1, 5, 9], [1, 2]))

    def test_out(self):
        assert vmap(lambda x: x, out_dims=1)(X).shape == (2, 3)
        same(vmap(lambda x: x, in_dims=-1, out_dims=-1)(X), X.array)
        first, second = vmap(lambda x: (x, x[None]), out_dims=(1, 2))(X)
        assert first.shape == (2, 3) and second.shape == (1, 2, 3)
        found = vmap(lambda x: {"a": x, "b": (x, x)}, out_dims={"a": 0, "b": 1})(X)
        same(found["b"][1], X.array.T)
        same(vmap(lambda x: at.ones(2), out_dims=None)(X), [1, 1])
        assert vmap(lambda x: (x, "name"), out_dims=(0, None))(X)[1] == "name"

    def test_nested(self):
        outer = vmap(vmap(lambda a, b: a * b, in_dims=(None, 0)), in_dims=(0, None))
        same(outer(X[:, 1], X[0]), np.outer(X.array[:, 1], X.array[0]))


def test_control_flow_on_values():
    same(vmap(lambda x: x if x.sum() > 2 else -x)(X), [[0, -1], [2, 3], [4, 5]])


def test_gradients_and_writes_pass():
    x = X.clone().requires_grad_()
    vmap(lambda row: row**2)(x).sum().backward()
    same(x.grad, 2 * X.array)
    y = X.clone()
    vmap(lambda row: row.mul_(2))(y)
    same(y, 2 * X.array)


class TestRandomness:
    def test_it_is_an_error_unless_chosen(self):
        with pytest.raises(RuntimeError, match="draws random numbers: say randomness="):
            vmap(lambda x: F.dropout(x, 0.5))(X)
        same(vmap(lambda x: F.dropout(x, 0.5, training=False))(X), X.array)

    def test_same_and_different(self):
        state = at.default_generator.get_state()
        found = vmap(lambda x: at.randn(4), randomness="same")(X)
        at.default_generator.set_state(state)
        drawn = at.randn(12)
        same(found, np.stack([drawn.array[:4]] * 3))
        at.default_generator.set_state(state)
        same(vmap(lambda x: at.randn(4), randomness="different")(X), drawn.array.reshape(3, 4))


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: vmap(lambda x: x, in_dims=None), ValueError, "an int or a tuple, got NoneType"),
        (lambda: vmap(lambda x: x, in_dims=[0]), ValueError, "an int or a tuple, got list"),
        (lambda: vmap(lambda x: x, randomness="some"), RuntimeError, "not 'some'"),
        (lambda: vmap(lambda x: x, chunk_size=0), ValueError, "greater than 0, got 0"),
        (lambda: vmap(lambda x: x, in_dims=2)(X), ValueError, r"2 is out of range .*\(3, 2\)"),
        (lambda: vmap(lambda x: x)(at.tensor(1.0)), ValueError, r"out of range .*\(\)"),
        (lambda: vmap(lambda x, y: x)(X, X[:2]), ValueError, r"differ: \[2, 3\]"),
        (lambda: vmap(lambda x: x)(2.0), ValueError, "for a float, which has no dimensions"),
        (lambda: vmap(lambda x, y: x, in_dims=(0,))(X, X), ValueError, r"in_dims \(0,\) does not"),
        (lambda: vmap(lambda x: x, in_dims=({"b": 0},))({"a": X}), ValueError, "does not fit"),
        (lambda: vmap(lambda: X)(), ValueError, "at least one argument"),
        (lambda: vmap(lambda x: x)(X[:0]), ValueError, "a batch of no samples"),
        (lambda: vmap(lambda x: 2.0)(X), ValueError, "must return Tensors, got float"),
        (lambda: vmap(lambda x: (x, x), out_dims=(0,))(X), ValueError, "out_dims .* does not fit"),
        (lambda: vmap(lambda x: x, out_dims=None)(X), ValueError, "differs between samples"),
        (lambda: vmap(lambda x: x, out_dims=3)(X), IndexError, "out of range"),
        (
            lambda: vmap(lambda x: (x,) if x.sum() > 2 else x)(X),
            ValueError,
            "samples return results arranged as",
        ),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
