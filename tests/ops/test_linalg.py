"""Linear algebra: what defines each result, gradients of any order, and errors."""

import numpy as np
import pytest

import autotensor as at
from autotensor import linalg
from autotensor.tensor import Tensor
from autotensor.testing import gradcheck, gradgradcheck

RNG = np.random.default_rng(0)


def matrix(*shape):
    return Tensor(RNG.standard_normal(shape)).requires_grad_()


def symmetric(x):
    return x + x.mT


def definite(x):
    return x @ x.mT + at.eye(x.shape[-1], dtype=x.dtype)


def without_sign(vectors):
    """What does not depend on the signs of the columns."""
    return vectors * vectors.detach().sign()


SQUARE = {
    "inv": linalg.inv,
    "det": linalg.det,
    "slogdet": lambda x: linalg.slogdet(x).logabsdet,
    "logdet": lambda x: at.logdet(definite(x)),
    "cholesky": lambda x: linalg.cholesky(definite(x)),
    "cholesky upper": lambda x: linalg.cholesky(definite(x), upper=True),
    "eigh": lambda x: linalg.eigh(symmetric(x)),
    "eigh upper": lambda x: linalg.eigh(symmetric(x), "U").eigenvectors,
    "eigvalsh": lambda x: linalg.eigvalsh(symmetric(x)),
    "eigvals": lambda x: at.view_as_real(linalg.eigvals(x)),
    "eig": lambda x: linalg.eig(x).eigenvectors.abs(),
    "matrix_exp": linalg.matrix_exp,
    "matrix_power": lambda x: linalg.matrix_power(x, 3),
    "inverse power": lambda x: linalg.matrix_power(x, -2),
    "cond": linalg.cond,
    "cond 1": lambda x: linalg.cond(x, 1),
    "nuclear": lambda x: linalg.matrix_norm(x, "nuc"),
    "spectral": lambda x: linalg.matrix_norm(x, 2),
    "triangular": lambda x: linalg.solve_triangular(x, x.mT, upper=False),
    "unitriangular": lambda x: linalg.solve_triangular(
        x, x.mT, upper=True, left=False, unitriangular=True
    ),
}
ANY = {
    "qr": linalg.qr,
    "R": lambda x: linalg.qr(x).R,
    "svd": lambda x: linalg.svd(x, full_matrices=False),
    "U": lambda x: linalg.svd(x, full_matrices=False).U,
    "V": lambda x: linalg.svd(x, full_matrices=False).Vh,
    "svdvals": linalg.svdvals,
    "pinv": linalg.pinv,
    "lstsq": lambda x: linalg.lstsq(x, x[..., :2] ** 2, driver="gels")[:2],
    "vector_norm": lambda x: linalg.vector_norm(x, 3, dim=-1),
    "matrix_norm": lambda x: linalg.matrix_norm(x, 1, dim=(0, 1)),
    "norm": linalg.norm,
}
CASES = [
    *((name, f, (2, 3, 3)) for name, f in SQUARE.items()),
    *((name, f, shape) for name, f in ANY.items() for shape in ((2, 4, 3), (3, 4), (3, 3))),
]


@pytest.mark.parametrize(
    ("name", "function", "shape"), CASES, ids=[f"{c[0]}-{c[2]}" for c in CASES]
)
def test_gradients(name, function, shape):
    x = matrix(*shape)
    gradcheck(function, (x,), fast_mode=True)
    gradgradcheck(function, (x,), fast_mode=True, atol=2e-4)


@pytest.mark.parametrize("shapes", [((3, 3), (3, 2)), ((2, 3, 3), (3, 2)), ((3, 3), (3,)),
                                    ((2, 3, 3), (2, 3)), ((2, 3, 3), (2, 3, 1))])  # fmt: skip
def test_solve(shapes):
    a, b = (matrix(*shape) for shape in shapes)
    gradcheck(linalg.solve, (a, b), fast_mode=True)
    gradgradcheck(linalg.solve, (a, b), fast_mode=True, atol=1e-4)
    x = linalg.solve(a, b)
    product = (a @ x.unsqueeze(-1)).squeeze(-1) if x.ndim < a.ndim else a @ x
    np.testing.assert_allclose(product.array, np.broadcast_to(b.array, x.shape), atol=1e-10)


def test_solve_from_the_right():
    a, b = matrix(3, 3), matrix(2, 3)
    solve = lambda a, b: linalg.solve(a, b, left=False)  # noqa: E731
    np.testing.assert_allclose((solve(a, b) @ a).array, b.array, atol=1e-10)
    gradcheck(solve, (a, b), fast_mode=True)


@pytest.mark.parametrize("rank", [0, 1, 2, 3])
def test_determinant_of_singular_matrices(rank):
    x = Tensor(RNG.standard_normal((2, 4, rank)) @ RNG.standard_normal((2, rank, 4)))
    x.requires_grad_()
    gradcheck(linalg.det, (x,))
    gradgradcheck(linalg.det, (x,), fast_mode=True)


def test_what_decompositions_promise():
    x = matrix(2, 4, 3).detach()
    for mode, shapes in (("reduced", ((2, 4, 3), (2, 3, 3))), ("complete", ((2, 4, 4), (2, 4, 3)))):
        q, r = linalg.qr(x, mode)
        assert (q.shape, r.shape) == shapes
        np.testing.assert_allclose((q @ r).array, x.array, atol=1e-10)
    u, s, vh = linalg.svd(x)
    assert (u.shape, s.shape, vh.shape) == ((2, 4, 4), (2, 3), (2, 3, 3))
    np.testing.assert_allclose((u[..., :3] * s[:, None] @ vh).array, x.array, atol=1e-10)
    u, s, v = at.svd(x)
    np.testing.assert_allclose((u * s[:, None] @ v.mT).array, x.array, atol=1e-10)
    a = x @ x.mT
    values, vectors = linalg.eigh(a)
    np.testing.assert_allclose((a @ vectors).array, (vectors * values[:, None]).array, atol=1e-10)
    lower = linalg.cholesky(a + at.eye(4))
    np.testing.assert_allclose((lower @ lower.mT).array, (a + at.eye(4)).array, atol=1e-10)
    a = matrix(3, 3).detach()
    values, vectors = linalg.eig(a)
    assert values.dtype == at.complex128
    product = a.to(at.complex128) @ vectors
    np.testing.assert_allclose(product.array, (vectors * values).array, atol=1e-10)


def test_pseudo_inverse_and_rank_of_what_is_singular():
    x = Tensor(RNG.standard_normal((4, 2)) @ RNG.standard_normal((2, 5)))
    y = linalg.pinv(x)
    for a, b in ((x @ y @ x, x), (y @ x @ y, y)):
        np.testing.assert_allclose(a.array, b.array, atol=1e-10)
    assert linalg.matrix_rank(x).item() == 2
    assert linalg.matrix_rank(x, atol=1e9).item() == 0
    np.testing.assert_allclose(linalg.lstsq(x, at.ones(4, 1, dtype=at.float64))[0].array,
                               y.array.sum(1, keepdims=True), atol=1e-10)  # fmt: skip


def test_equal_eigenvalues():
    """Gradients of the values are right; of the vectors there is none."""
    x = at.eye(3, dtype=at.float64).requires_grad_()
    linalg.eigvalsh(x)[0].backward()
    np.testing.assert_allclose(np.trace(x.grad.array), 1)
    x.grad = None
    linalg.eigh(x).eigenvectors[0, 1].backward()
    assert not np.isfinite(x.grad.array).all()


def test_arbitrary_vectors_have_no_gradient():
    with pytest.raises(RuntimeError, match="full_matrices=False"):
        linalg.svd(matrix(4, 2)).U.sum().backward()
    with pytest.raises(RuntimeError, match="mode='r'"):
        linalg.qr(matrix(3, 2), "r").R.sum().backward()
    with pytest.raises(RuntimeError, match="mode='reduced'"):
        linalg.qr(matrix(3, 2), "complete").Q.sum().backward()
    with pytest.raises(RuntimeError, match="ill-defined"):
        turning = Tensor(np.array([[0.0, 1.0, 0.3], [-1, 0, 0.2], [0.1, 0.5, 1]])).requires_grad_()
        at.view_as_real(linalg.eig(turning).eigenvectors).sum().backward()


def test_chains():
    chain = [matrix(2, 5), matrix(5, 3), matrix(3, 4), matrix(4)]
    expected = chain[0] @ chain[1] @ chain[2] @ chain[3]
    np.testing.assert_allclose(linalg.multi_dot(chain).array, expected.array)
    gradcheck(lambda *x: linalg.multi_dot(x), chain, fast_mode=True)
    a, b = matrix(2, 3), matrix(1, 3)
    np.testing.assert_allclose(linalg.cross(a, b).array, np.cross(a.array, b.array))
    gradcheck(linalg.cross, (a, b))
    np.testing.assert_allclose(linalg.vecdot(a, b).array, (a.array * b.array).sum(-1))


def test_diagonals_are_views():
    x = at.zeros(2, 3, 3)
    linalg.diagonal(x).fill_(2)
    linalg.diagonal(x, offset=1).add_(1)
    assert x[1].tolist() == [[2, 1, 0], [0, 2, 1], [0, 0, 2]]


@pytest.mark.parametrize("scale", [0.0, 0.1, 30.0])
def test_exponential(scale):
    x = RNG.standard_normal((3, 3)) * scale
    values, vectors = np.linalg.eig(x)
    expected = (vectors * np.exp(values) @ np.linalg.inv(vectors)).real
    np.testing.assert_allclose(at.matrix_exp(Tensor(x)).array, expected, rtol=1e-9)


def test_empty_and_narrow():
    empty = at.zeros(2, 0, 0)
    assert linalg.det(empty).tolist() == [1, 1]
    assert linalg.inv(empty).shape == linalg.matrix_exp(empty).shape == (2, 0, 0)
    x = at.randn(3, 3)
    results = [linalg.inv(x), linalg.det(x), at.matrix_exp(x), linalg.pinv(x), *linalg.svd(x)]
    assert {y.dtype for y in results} == {at.float32}
    assert linalg.eigvals(x).dtype == at.complex64


def test_failures_are_named():
    singular = at.zeros(2, 2)
    for call in (linalg.inv, lambda x: linalg.solve(x, at.ones(2)), linalg.cholesky):
        with pytest.raises(linalg.LinAlgError, match=r"^linalg\."):
            call(singular)
    x = at.ones(2, 2).requires_grad_()
    logarithm = linalg.slogdet(x).logabsdet
    with pytest.raises(linalg.LinAlgError):
        logarithm.backward()
    assert issubclass(linalg.LinAlgError, RuntimeError)
    for call in (linalg.inv, linalg.det, linalg.eigh, linalg.cholesky, at.matrix_exp):
        with pytest.raises(RuntimeError, match="3 by 4"):
            call(at.ones(3, 4))
        with pytest.raises(RuntimeError, match="at least 2 dimensions"):
            call(at.ones(3))
        with pytest.raises(RuntimeError, match="Got int64"):
            call(at.ones(3, 3, dtype=at.int64))
    with pytest.raises(RuntimeError, match="UPLO"):
        linalg.eigh(at.eye(2), "x")
    with pytest.raises(RuntimeError, match="not supported"):
        linalg.matrix_norm(at.eye(2), 3)
    with pytest.raises(RuntimeError, match="1D or 2D"):
        linalg.norm(at.ones(2, 2, 2), 2)
    with pytest.raises(RuntimeError, match="Incompatible shapes"):
        linalg.solve(at.eye(2), at.ones(3, 1))
    with pytest.raises(RuntimeError, match="at least 2 tensors"):
        linalg.multi_dot([x])
