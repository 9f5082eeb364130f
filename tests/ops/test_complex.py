"""Complex tensors: parts, and gradients in PyTorch's convention."""

import numpy as np
import pytest
from table import TABLE, draws, filled, wrapped
from table_functions import FUNCTION_ROWS

import autotensor as at
from autotensor.autograd import Function
from autotensor.tensor import Tensor
from autotensor.testing import gradcheck, gradgradcheck

RNG = np.random.default_rng(0)


def pairs(*shape):
    return Tensor(RNG.uniform(0.3, 1.5, (*shape, 2))).requires_grad_()


def of_pairs(function):
    """A function of complex tensors as one of pairs of real numbers, with real results."""

    def call(*tensors):
        y = function(*map(at.view_as_complex, tensors))
        return at.view_as_real(y) if y.is_complex() else y

    return call


HOLOMORPHIC = {
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "pow": lambda a, b: a**b,
    "exp": lambda a, b: (a.exp() + b.sin()).log(),
    "sqrt": lambda a, b: a.sqrt() * b.tanh(),
    "acosh": lambda a, b: (-a).acosh() + b.asinh() + a.acos(),
    "matmul": lambda a, b: a @ b.mT,
    "reductions": lambda a, b: a.prod(0) + b.cumsum(1).mean(0),
    "indexing": lambda a, b: at.cat([a[:, 1:], b[:, :1]], 1),
    "where": lambda a, b: at.where(Tensor(np.eye(2, dtype=bool)), a, b),
}
OTHERS = {
    "abs": lambda a, b: a.abs() * b,
    "sign": lambda a, b: a.sign() + b,
    "angle": lambda a, b: a.angle() * b.imag,
    "conj": lambda a, b: a * b.conj(),
    "parts": lambda a, b: a.real * b,
    "made": lambda a, b: at.complex(a.real * 2, b.imag),
    "polar": lambda a, b: at.polar(a.real, b.imag),
    "real and complex": lambda a, b: a.real * b + a.imag,
    "norm": lambda a, b: (a * b).norm(),
    "vdot": lambda a, b: at.vdot(a[0], b[1]),
}
every = pytest.mark.parametrize("name", [*HOLOMORPHIC, *OTHERS])


@every
def test_gradients(name):
    function = of_pairs((HOLOMORPHIC | OTHERS)[name])
    gradcheck(function, (pairs(2, 2), pairs(2, 2)))
    gradgradcheck(function, (pairs(2, 2), pairs(2, 2)))


def test_gradient_is_the_conjugate():
    """As in PyTorch, dL/da + i dL/db: the direction of steepest ascent."""
    z = at.tensor([1 + 2j]).requires_grad_()
    seen = []
    z.register_hook(lambda g: seen.append(g))
    (z * z).real.sum().backward()
    assert z.grad.tolist() == [2 - 4j] == seen[0].tolist()
    (g,) = at.grad(z * z, z, at.tensor([1j]))
    assert g.tolist() == [(2 - 4j) * 1j]
    z.abs().sum().backward(inputs=[z])
    np.testing.assert_allclose(z.grad.array, 2 - 4j + (1 + 2j) / np.sqrt(5), rtol=1e-6)


def test_function_gets_and_gives_the_conjugate():
    class Square(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            return g * (ctx.saved_tensors[0] * 2).conj()

    gradcheck(of_pairs(lambda a: Square.apply(a) * 1j), (pairs(3),))


def test_parts_are_views():
    z = at.tensor([1 + 2j, 3 - 1j])
    z.real.mul_(2)
    z.imag.zero_()
    assert z.tolist() == [2, 6]
    at.view_as_real(z)[0, 1] = 5
    assert z.tolist() == [2 + 5j, 6]
    x = at.tensor([1.0, 2.0])
    assert x.real is x and x.conj() is x


def test_wrong_dtypes_are_named():
    x = at.ones(2)
    for wrong in (at.imag, at.view_as_real):
        with pytest.raises(RuntimeError, match="only for complex"):
            wrong(x)
    with pytest.raises(RuntimeError, match="pairs"):
        at.view_as_complex(at.ones(3))
    with pytest.raises(RuntimeError, match="float32 or float64"):
        at.complex(x, at.ones(2, dtype=at.float64))
    z = at.complex(x, x).requires_grad_()
    with pytest.raises(RuntimeError, match="only for real scalar"):
        z.sum().backward()


def test_zero_has_the_gradient_zero():
    z = at.zeros(2, dtype=at.complex64).requires_grad_()
    (z.abs() + z.angle()).sum().backward()
    assert z.grad.tolist() == [0, 0]


ROWS = [row for row in (*TABLE, *FUNCTION_ROWS) if row.differentiable and list(draws(row.args))]


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_no_operation_has_a_wrong_gradient(row):
    """Operations differentiate complex tensors rightly, or refuse them."""

    def run(*tensors):
        numbers = iter([at.view_as_complex(x) for x in tensors])
        result = row.call(*filled(wrapped(row.args), numbers), **row.named)
        results = [result] if isinstance(result, Tensor) else result
        return [at.view_as_real(y) if y.is_complex() else y for y in results]

    leaves = [
        Tensor(RNG.uniform(draw.low, draw.high, (*draw.shape, 2))).requires_grad_()
        for draw in draws(row.args)
    ]
    try:
        run(*leaves)
    except Exception:
        pytest.skip("not defined for complex tensors")
    gradcheck(run, leaves, fast_mode=True)
