"""Derivatives of functions: values, structure, nesting, and what they are part of outside."""

import gc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autotensor as at
from autotensor.func import (
    grad,
    grad_and_value,
    hessian,
    hvp,
    jacfwd,
    jacobian,
    jacrev,
    jvp,
    value_and_grad,
    vjp,
    vmap,
)
from autotensor.tensor import Tensor


def vector(*values, **named):
    return at.tensor(values, dtype=at.float64, **named)


def number(value, **named):
    return at.tensor(value, dtype=at.float64, **named)


def close(found, expected):
    np.testing.assert_allclose(found.array, expected, rtol=1e-10, atol=1e-12)


def cubes(x):
    return (x**3).sum()


def swirl(x):
    """Three values of two."""
    return at.stack([x[0] * x[1], x[0] ** 2, x[1].sin()])


SWIRL = np.array([[2, 1], [2, 0], [0, np.cos(2)]])  # at (1, 2)
X, V = vector(1.0, 2.0), vector(1.0, 10.0)


class TestGrad:
    def test_arguments(self):
        def f(x, y):
            return (x * y).sum()

        y = X + 1
        close(grad(f)(X, y), y.array)
        close(grad(f, argnums=-1)(X, y), X.array)
        first, second = grad(f, argnums=(0, 1))(X, y)
        close(first, y.array)
        close(second, X.array)
        assert isinstance(grad(f, argnums=(1,))(X, y), tuple)
        close(grad(f)(X, y=y), y.array)

    def test_trees(self):
        inputs = {"a": X, "b": [V, (number(3.0),)]}
        found = grad(lambda d: (d["a"] * d["b"][0]).sum() * d["b"][1][0])(inputs)
        close(found["a"], [3, 30])
        close(found["b"][0], [3, 6])
        close(found["b"][1][0], 21)
        assert isinstance(found["b"], list) and isinstance(found["b"][1], tuple)

    def test_values_and_aux(self):
        def f(x):
            return cubes(x), {"twice": x * 2, "name": "f"}

        value, g = value_and_grad(cubes)(X)
        close(value, 9)
        close(g, [3, 12])
        (value, aux), g = value_and_grad(f, has_aux=True)(X)
        assert value.item() == 9 and aux["name"] == "f"
        close(aux["twice"], [2, 4])
        g, (value, aux) = grad_and_value(f, has_aux=True)(X)
        close(g, [3, 12])
        g, aux = grad(f, has_aux=True)(X)
        close(g, [3, 12])
        assert not any(y.requires_grad for y in (value, g, aux["twice"]))

    def test_unused_inputs_and_constants_have_zeros(self):
        first, second = grad(lambda x, y: cubes(x), argnums=(0, 1))(X, V)
        close(first, [3, 12])
        close(second, [0, 0])
        close(grad(lambda x: number(3.0))(X), [0, 0])

    def test_inputs_are_left_alone(self):
        x = vector(1.0, 2.0, requires_grad=True)
        g = grad(cubes)(x)
        assert x.grad is None and x.is_leaf
        g.sum().backward()
        close(x.grad, [6, 12])

    def test_it_keeps_the_name(self):
        assert grad(cubes).__name__ == "cubes"

    @pytest.mark.parametrize(
        "call, error, message",
        [
            (lambda: grad(lambda x: x)(X), RuntimeError, r"scalar Tensor, got shape \(2,\)"),
            (lambda: grad(lambda x: 2.0)(X), RuntimeError, "return a Tensor, got float"),
            (lambda: grad(lambda x: (x.sum(),))(X), RuntimeError, "return a Tensor, got tuple"),
            (lambda: grad(cubes, has_aux=True)(X), RuntimeError, r"a tuple \(output, aux\)"),
            (lambda: grad(cubes)(3.0), ValueError, "with respect to Tensors, got float"),
            (lambda: grad(cubes)(at.tensor([1])), RuntimeError, r"int64: convert .*x\.float"),
            (lambda: grad(cubes, 1)(X), RuntimeError, "argnums=1, but only 1 positional"),
            (lambda: grad(cubes, "x")(X), RuntimeError, "an int or a tuple of ints, got 'x'"),
            (lambda: grad(cubes, (0, -1))(X), RuntimeError, "argnums must be unique"),
            (lambda: grad(lambda x: x.mul_(2).sum())(X), RuntimeError, "in place"),
            (lambda: jacrev(lambda x: 2.0)(X), RuntimeError, "only Tensors, got float"),
            (lambda: jacrev(lambda x: x.long())(X), RuntimeError, "floating dtype, got int64"),
            (lambda: jvp(cubes, X, X), RuntimeError, "primals to be a tuple, got Tensor"),
            (lambda: jvp(cubes, (X,), (X, X)), RuntimeError, "tangents must be arranged as"),
            (lambda: jvp(cubes, (X,), (X[:1],)), RuntimeError, r"shape \(2,\), got \(1,\)"),
            (lambda: vjp(cubes, X)[1]((X.sum(),)), RuntimeError, "cotangents must be arranged"),
            (lambda: vjp(cubes, X)[1](1.0), RuntimeError, "must be Tensors, got float"),
            (
                lambda: jvp(lambda x: at.ones(2), (X,), (X,), strict=True),
                RuntimeError,
                "strict=True refuses",
            ),
        ],
    )
    def test_errors(self, call, error, message):
        before = X.tolist()
        with pytest.raises(error, match=message):
            call()
        assert X.tolist() == before


class TestProducts:
    def test_vjp(self):
        value, pull = vjp(lambda x, d: {"y": x * d["a"]}, X, {"a": V})
        close(value["y"], [1, 20])
        for _ in range(2):
            gx, gd = pull({"y": vector(1.0, 2.0)})
            close(gx, [1, 20])
            close(gd["a"], [1, 4])
        value, pull, aux = vjp(lambda x: (x * 2, x * 3), X, has_aux=True)
        close(pull(V)[0], [2, 20])
        assert not (aux.requires_grad or value.requires_grad)

    def test_jvp(self):
        value, along = jvp(swirl, (X,), (V,))
        close(value, swirl(X).array)
        close(along, SWIRL @ V.array)
        _, along = jvp(lambda x, d: (x * d["a"], 3 * x), (X, {"a": V}), (V, {"a": X}))
        close(along[0], [1 + 1, 100 + 4])
        close(along[1], [3, 30])
        close(jvp(lambda x: at.ones(3), (X,), (V,))[1], [0, 0, 0])
        assert jvp(lambda x: (x, "aux"), (X,), (V,), has_aux=True)[2] == "aux"

    def test_of_weights_and_tangents(self):
        close(
            grad(lambda v: (vjp(swirl, X)[1](v)[0] ** 2).sum())(at.ones(3).double()),
            2 * SWIRL @ SWIRL.T @ np.ones(3),
        )
        close(grad(lambda t: jvp(cubes, (X,), (t,))[1])(V), [3, 12])
        close(grad(lambda x: jvp(cubes, (x,), (V,))[1])(X), [6, 120])

    def test_hvp(self):
        close(hvp(cubes, (X,), (V,)), [6, 120])
        first, second = hvp(lambda x, y: (x**2 * y).sum(), (X, V), (V, X))
        close(first, 2 * V.array * V.array + 2 * X.array * X.array)
        close(second, 2 * X.array * V.array)


class TestJacobians:
    @pytest.mark.parametrize("transform", [jacrev, jacfwd, jacobian])
    def test_values(self, transform):
        close(transform(swirl)(X), SWIRL)
        assert transform(lambda x: x[:0])(X).shape == (0, 2)
        assert transform(lambda x: x * 2)(X[:0]).shape == (0, 0)
        close(transform(lambda x: x.reshape(2, 1))(X), np.eye(2).reshape(2, 1, 2))
        close(transform(cubes)(X), [3, 12])
        close(transform(lambda x: x * 2)(number(1.0)), 2)
        close(transform(lambda x: at.ones(3))(X), np.zeros((3, 2)))

    @pytest.mark.parametrize("transform", [jacrev, jacfwd])
    def test_arrangement(self, transform):
        found = transform(lambda d, y: {"o": (d["a"] * y, y)}, argnums=(0, 1))({"a": X}, V)
        close(found["o"][0][0]["a"], np.diag([1, 10]))
        close(found["o"][0][1], np.diag([1, 2]))
        close(found["o"][1][0]["a"], np.zeros((2, 2)))
        jacobian, aux = transform(lambda x: (x * 2, x), has_aux=True)(X)
        close(jacobian, np.diag([2, 2]))
        assert not aux.requires_grad

    @given(st.integers(1, 4), st.integers(1, 4))
    def test_both_ways_agree(self, n, m):
        w = at.tensor(np.random.default_rng(n * 5 + m).standard_normal((n, m)))
        x = at.tensor(np.random.default_rng(m).standard_normal(n))
        f = lambda x: (x @ w).tanh() * x.sum()  # noqa: E731
        close(jacfwd(f)(x), jacrev(f)(x).array)

    @pytest.mark.parametrize(
        "second",
        [
            hessian,
            lambda f: jacfwd(jacrev(f)),
            lambda f: jacrev(jacfwd(f)),
            lambda f: jacfwd(jacfwd(f)),
        ],
    )
    def test_hessians(self, second):
        close(second(lambda x: cubes(x) * x[0])(X), [[2 * 3 + 6, 12], [12, 12]])

    def test_hessians_of_trees(self):
        found = hessian(lambda d: (d["a"] ** 2 * d["b"]).sum())({"a": X, "b": V})
        close(found["a"]["a"], np.diag([2, 20]))
        close(found["a"]["b"], np.diag([2, 4]))
        close(found["b"]["a"], np.diag([2, 4]))
        close(found["b"]["b"], np.zeros((2, 2)))
        found = hessian(lambda x, y: (x * y).sum(), argnums=(0, 1))(X, V)
        close(found[0][1], np.eye(2))

    def test_third_order(self):
        third = jacrev(hessian(lambda x: (x**4).sum()))(X)
        expected = np.zeros((2, 2, 2))
        expected[0, 0, 0], expected[1, 1, 1] = 24, 48
        close(third, expected)


class TestNesting:
    def test_perturbations_are_not_confused(self):
        """Siskind and Pearlmutter (2005): d/dx x d/dy (x + y) is 1, not 2."""
        close(grad(lambda x: x * grad(lambda y: x + y)(number(1.0)))(number(1.0)), 1)
        close(grad(lambda x: x * grad(lambda y: x * y)(number(2.0)))(number(5.0)), 10)
        close(grad(lambda x: grad(lambda y: x * y)(x))(number(5.0)), 1)
        close(grad(lambda x: grad(lambda x: x**3)(x * 2) * x)(number(1.0)), 3 * 4 + 3 * 4 * 2)

    def test_inner_derivatives_are_partial(self):
        """The input of the inner function does not count as made from what it stands for."""
        x = number(3.0, requires_grad=True)
        seen = []

        def f(y):
            seen.extend(at.grad(x * y, x, retain_graph=True))
            return x * y

        close(grad(f)(x), 3)
        close(seen[0], 3)

    @pytest.mark.parametrize("order, expected", [(1, 80), (2, 160), (3, 240), (4, 240), (5, 120)])
    def test_orders(self, order, expected):
        f = lambda x: x**5  # noqa: E731
        for _ in range(order):
            f = grad(f)
        close(f(number(2.0)), expected)

    def test_hessian_of_a_function_with_grad_inside(self):
        def f(x):
            return grad(lambda y: (y**3 * x).sum())(x * 2).sum()  # 12 x**3

        close(hessian(f)(X), np.diag([72, 144]))

    def test_closures_and_inputs_are_part_of_the_graph_outside(self):
        x, w = vector(1.0, 2.0, requires_grad=True), number(3.0, requires_grad=True)
        g = grad(lambda x: (x**3 * w).sum())(x)
        gx, gw = at.grad(g.sum(), (x, w))
        close(gx, [18, 36])
        close(gw, 15)
        for transform in (jacrev, jacfwd):
            j = transform(lambda x: x**2 * w)(X)
            close(at.grad(j.sum(), w)[0], 6)
        value, pull = vjp(lambda x: x**2 * w, x * 1)
        gx, gw = at.grad(pull(V)[0].sum() + value.sum(), (x, w))
        close(gx, [6 + 6, 60 + 12])
        close(gw, 42 + 5)

    def test_results_have_no_history_where_nothing_is_outside(self):
        w = number(3.0, requires_grad=True)
        for f in (cubes, lambda x: grad(cubes)(x).sum(), hessian(cubes), jacfwd(swirl)):
            for found in (grad(lambda x: f(x).sum())(X), jvp(f, (X,), (V,))[1]):
                assert not found.requires_grad and found.is_leaf
        g, aux = grad(lambda x: (cubes(x), x * w), has_aux=True)(X)
        assert not g.requires_grad
        close(at.grad(aux.sum(), w)[0], 3)

    def test_recording_modes(self):
        x, w = vector(1.0, 2.0, requires_grad=True), number(3.0, requires_grad=True)
        with at.no_grad():
            g = grad(lambda x: (x**3 * w).sum())(x)
        close(g, [9, 36])
        assert not g.requires_grad

        def frozen(x):
            with at.no_grad():
                slope = grad(cubes)(x)
            return cubes(x) + (slope * x).sum()

        close(grad(frozen)(X), [3 + 3, 12 + 12])

    def test_with_autograd_inside(self):
        def f(x):
            (g,) = at.grad(cubes(x), x, create_graph=True)
            return (g * g).sum()

        close(grad(f)(X), [2 * 3 * 6, 2 * 12 * 12])

    def test_a_leaf_made_inside_counts(self):
        made = []

        def f(x):
            made.append(number(2.0, requires_grad=True))
            return (x**2 * made[0]).sum()

        close(at.grad(grad(f)(X).sum(), made[0])[0], 6)

    def test_writes_to_what_a_function_closes_over_are_noticed(self):
        w = vector(1.0, 2.0)

        def f(x):
            y = (x * w).sum()
            w.add_(1)
            return y

        with pytest.raises(RuntimeError, match="overwritten in place"):
            grad(f)(X)

    def test_maps(self):
        points = at.arange(6).double().reshape(3, 2)
        p = X

        def loss(p, x):
            return (p * x).sum() ** 2

        products = points.array @ p.array
        each = 2 * products[:, None] * points.array
        close(vmap(grad(loss), in_dims=(None, 0))(p, points), each)
        close(grad(lambda p: vmap(lambda x: loss(p, x))(points).sum())(p), each.sum(0))
        outer = 2 * points.array[:, :, None] * points.array[:, None, :]
        close(vmap(hessian(loss), in_dims=(None, 0))(p, points), outer)
        close(jacrev(lambda p: vmap(loss, in_dims=(None, 0))(p, points))(p), each)


def test_nothing_is_left_to_the_collector():
    w = number(3.0, requires_grad=True)
    gc.collect()
    for f in (
        lambda: grad(cubes)(X),
        lambda: hessian(lambda x: cubes(x) * w)(X),
        lambda: jvp(swirl, (X,), (V,)),
        lambda: at.grad(grad(lambda x: cubes(x) * w)(X).sum(), w),
        lambda: vjp(swirl, X)[1](at.ones(3)),
    ):
        assert f() is not None
        assert not [x for x in gc.get_objects() if isinstance(x, Tensor) and x.node and x is not w]
    assert gc.collect() == 0
