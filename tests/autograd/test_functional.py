"""The older interface to derivatives of functions, compared with closed forms."""

import numpy as np
import pytest

import autotensor as at
from autotensor.autograd import functional as AF


def vector(*values, **named):
    return at.tensor(values, dtype=at.float64, **named)


X, Y, V = vector(1.0, 2.0), vector(3.0, 5.0), vector(1.0, 10.0)


def same(found, expected):
    if isinstance(expected, tuple):
        assert isinstance(found, tuple) and len(found) == len(expected)
        for f, e in zip(found, expected, strict=True):
            same(f, e)
    else:
        np.testing.assert_allclose(found.array, expected, rtol=1e-12)


def cubes(x):
    return (x**3).sum()


def mixed(x, y):
    return (x**2 * y).sum()


diag = np.diag


class TestValues:
    @pytest.mark.parametrize("strategy", ["reverse-mode", "forward-mode"])
    def test_jacobian(self, strategy):
        def jacobian(f, inputs):
            return AF.jacobian(f, inputs, strategy=strategy, vectorize=True)

        same(jacobian(lambda x: x**2, X), diag([2, 4]))
        same(jacobian(lambda x: x**2, (X,)), (diag([2, 4]),))
        same(jacobian(lambda x: x.sum(), X), [1, 1])
        products = ((diag([3, 5]), diag([1, 2])), (diag([1, 1]), np.zeros((2, 2))))
        same(jacobian(lambda x, y: (x * y, x), (X, Y)), products)
        same(jacobian(lambda x: at.ones(3), X), np.zeros((3, 2)))
        same(jacobian(lambda x: x.reshape(2, 1), X), np.eye(2).reshape(2, 1, 2))

    def test_hessian(self):
        same(AF.hessian(cubes, X), diag([6, 12]))
        same(AF.hessian(lambda x: cubes(x)[None], X), diag([6, 12]))
        blocks = ((diag([6, 10]), diag([2, 4])), (diag([2, 4]), np.zeros((2, 2))))
        same(AF.hessian(mixed, (X, Y)), blocks)
        same(AF.hessian(mixed, (X, Y), outer_jacobian_strategy="forward-mode"), blocks)
        same(AF.hessian(lambda x: x.sum(), X), np.zeros((2, 2)))

    def test_products(self):
        same(AF.vjp(lambda x: x**2, X, V), ([1, 4], [2, 40]))
        same(AF.jvp(lambda x: x**2, X, V), ([1, 4], [2, 40]))
        same(
            AF.vjp(lambda x, y: (x * y, x), (X, Y), (V, V)), (([3, 10], [1, 2]), ([4, 60], [1, 20]))
        )
        same(
            AF.jvp(lambda x, y: (x * y, x), (X, Y), (V, V)), (([3, 10], [1, 2]), ([4, 70], [1, 10]))
        )
        for product in (AF.hvp, AF.vhp):
            same(product(cubes, X, V), (9, [6, 120]))
            same(product(mixed, (X, Y), (V, V)), (23, ([8, 140], [2, 40])))

    def test_a_single_number_needs_no_vector(self):
        same(AF.vjp(cubes, X), (9, [3, 12]))
        same(AF.jvp(lambda x: x**2, X[:1]), ([1], [2]))
        same(AF.hvp(cubes, X[0]), (1, 6))
        for product in (AF.jvp, AF.hvp):
            with pytest.raises(RuntimeError, match="v can only be None for a single Tensor"):
                product(cubes, X)


class TestHistory:
    def test_there_is_none_without_create_graph(self):
        x, w = vector(1.0, 2.0, requires_grad=True), vector(3.0, requires_grad=True)
        for found in (AF.jacobian(lambda x: x * w, x), *AF.vjp(lambda x: x * w, x, V)):
            assert not found.requires_grad

    @pytest.mark.parametrize("mode", [at.enable_grad, at.no_grad])
    def test_with_create_graph_it_leads_outside(self, mode):
        x, w = vector(1.0, 2.0, requires_grad=True), vector(3.0, requires_grad=True)
        with mode():
            jacobian = AF.jacobian(lambda x: x**3 * w, x, create_graph=True)
            value, product = AF.hvp(lambda x: cubes(x) * w.sum(), x, V, create_graph=True)
        gx, gw = at.grad(jacobian.sum(), (x, w))
        same((gx, gw), ([18, 36], [15]))
        gx, gw = at.grad(product.sum() + value, (x, w))
        same((gx, gw), ([18 + 9, 180 + 36], [6 + 120 + 9]))

    def test_of_the_vector(self):
        v = vector(1.0, 10.0, requires_grad=True)
        same(at.grad(AF.vjp(lambda x: x**2, X, v, create_graph=True)[1].sum(), v), ([2, 4],))
        same(at.grad(AF.jvp(lambda x: x**2, X, v, create_graph=True)[1].sum(), v), ([2, 4],))


class TestErrors:
    def test_strict(self):
        for call in (AF.vjp, AF.jvp):
            with pytest.raises(RuntimeError, match=r"an output .* independent of input 0"):
                call(lambda x: at.ones(2), X, V, strict=True)
        with pytest.raises(RuntimeError, match=r"an output .* independent of input 1"):
            AF.jacobian(lambda x, y: x**2, (X, Y), strict=True)
        same(AF.jacobian(lambda x: x * 2, X, strict=True), diag([2, 2]))
        with pytest.raises(RuntimeError, match="the Jacobian is independent of input 0"):
            AF.jacobian(lambda x: x * 2, X, strict=True, create_graph=True)
        for call in (AF.hessian, AF.hvp):
            with pytest.raises(RuntimeError, match="the Jacobian is independent of input 0"):
                call(lambda x: x.sum(), X, *([V] if call is AF.hvp else []), strict=True)

    @pytest.mark.parametrize("inputs", [2.0, [X], (X, 2.0)])
    def test_inputs(self, inputs):
        with pytest.raises(TypeError, match="inputs must be a Tensor or a tuple of Tensors"):
            AF.jacobian(cubes, inputs)

    def test_others(self):
        with pytest.raises(TypeError, match=r"outputs of the function must be .* got float"):
            AF.vjp(lambda x: 2.0, X)
        with pytest.raises(RuntimeError, match="only floating-point tensors"):
            AF.jacobian(cubes, at.tensor([1, 2]))
        with pytest.raises(RuntimeError, match="a Tensor of a single element"):
            AF.hessian(lambda x: x**2, X)
        with pytest.raises(RuntimeError, match=r"should be \[\(2,\)\], got \[\(1,\)\]"):
            AF.vjp(lambda x: x**2, X, V[:1])
        with pytest.raises(RuntimeError, match="strategy is one of"):
            AF.jacobian(cubes, X, strategy="sideways")
