"""Linear algebra beside PyTorch's: values, gradients, shapes of results, types of errors."""

import numpy as np
import pytest

import autotensor as at

torch = pytest.importorskip("torch")
RNG = np.random.default_rng(0)

ANY = {
    "norm": lambda t, x: t.linalg.norm(x),
    "norm rows": lambda t, x: t.linalg.norm(x, 3, dim=-1, keepdim=True),
    "norm matrix": lambda t, x: t.linalg.norm(x, 1, dim=(-2, -1)),
    "vector_norm": lambda t, x: t.linalg.vector_norm(x, float("inf"), dim=0),
    "matrix_norm": lambda t, x: t.linalg.matrix_norm(x, "nuc", keepdim=True),
    "matrix_norm -2": lambda t, x: t.linalg.matrix_norm(x, -2),
    "matrix_norm inf": lambda t, x: t.linalg.matrix_norm(x, float("inf"), dim=(0, 1)),
    "qr": lambda t, x: t.linalg.qr(x),
    "qr r": lambda t, x: t.linalg.qr(x.detach(), "r"),
    "qr complete": lambda t, x: t.linalg.qr(x.detach(), "complete"),
    "svdvals": lambda t, x: t.linalg.svdvals(x),
    "svd": lambda t, x: [y.abs() for y in t.linalg.svd(x, full_matrices=False)],
    "old svd": lambda t, x: [y.abs() for y in t.svd(x)],
    "full svd": lambda t, x: t.linalg.svd(x)[1],
    "pinv": lambda t, x: t.linalg.pinv(x),
    "pinv rtol": lambda t, x: t.linalg.pinv(x, rtol=0.3),
    "pinverse": lambda t, x: x.pinverse(),
    "rank": lambda t, x: t.linalg.matrix_rank(x),
    "rank tol": lambda t, x: t.linalg.matrix_rank(x, tol=1.0),
    "lstsq": lambda t, x: t.linalg.lstsq(x, x[..., :2] * 2 + 1)[0],
    "lstsq gelsd": lambda t, x: t.linalg.lstsq(x.detach(), x.detach()[..., :2], driver="gelsd"),
    "cond": lambda t, x: t.linalg.cond(x),
    "diagonal": lambda t, x: t.linalg.diagonal(x, offset=1),
    "vecdot": lambda t, x: t.linalg.vecdot(x, x + 1),
}
SQUARE = {
    "inv": lambda t, x: (t.linalg.inv(x), x.inverse(), t.inverse(x)),
    "det": lambda t, x: (t.linalg.det(x), t.det(x)),
    "slogdet": lambda t, x: t.linalg.slogdet(x),
    "logdet": lambda t, x: t.logdet(x @ x.mT),
    "cholesky": lambda t, x: t.linalg.cholesky(x @ x.mT),
    "cholesky upper": lambda t, x: t.linalg.cholesky(x @ x.mT + _eye(t, x), upper=True),
    "cholesky gradient": lambda t, x: t.linalg.cholesky(x * 0.01 + 2 * _eye(t, x)),
    "eigh": lambda t, x: [y.abs() for y in t.linalg.eigh(x)],
    "eigh upper": lambda t, x: t.linalg.eigvalsh(x, "U"),
    "eigvals": lambda t, x: t.linalg.eigvals(x).abs().sum(-1),
    "eig": lambda t, x: t.linalg.eig(x)[1].abs().sum(-1),
    "solve": lambda t, x: t.linalg.solve(x, x[..., 0] + 1),
    "solve right": lambda t, x: t.linalg.solve(x, x.mT + 1, left=False),
    "solve_triangular": lambda t, x: t.linalg.solve_triangular(x, x.mT, upper=True),
    "unitriangular": lambda t, x: t.linalg.solve_triangular(
        x, x.mT, upper=False, left=False, unitriangular=True
    ),
    "matrix_exp": lambda t, x: (t.linalg.matrix_exp(x), x.matrix_exp()),
    "matrix_power": lambda t, x: [t.linalg.matrix_power(x, n) for n in (-2, 0, 1, 5)],
    "multi_dot": lambda t, x: t.linalg.multi_dot([x[0], x[1], x[0]]),
    "cross": lambda t, x: t.linalg.cross(x, x.flip(0) * 2),
    "cond fro": lambda t, x: t.linalg.cond(x.detach(), "fro"),
}
CASES = [
    *((name, f, shape) for name, f in ANY.items() for shape in ((2, 4, 3), (3, 4))),
    *((name, f, (2, 3, 3)) for name, f in SQUARE.items()),
]


def _eye(t, x):
    return t.eye(x.shape[-1], dtype=x.dtype)


def listed(results):
    return list(results) if isinstance(results, (tuple, list)) else [results]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "function", "shape"), CASES, ids=str)
def test_values_and_gradients(name, function, shape, dtype):
    array = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    exact = 1e-9 if dtype == "float64" else 2e-3
    found = []
    for library in (at, torch):
        x = library.tensor(array).requires_grad_()
        results = listed(function(library, x))
        tracked = [y for y in results if y.requires_grad]
        if tracked:
            sum((y * y).sum() for y in tracked).backward()
        found.append((results, x.grad))
    (ours, our_grad), (theirs, their_grad) = found
    assert len(ours) == len(theirs)
    for y, z in zip(ours, theirs, strict=True):
        assert tuple(y.shape) == tuple(z.shape)
        assert str(y.dtype) == str(z.dtype).removeprefix("torch.")
        np.testing.assert_allclose(y.detach().numpy(), z.detach().numpy(), exact, exact)
    assert (our_grad is None) == (their_grad is None)
    if our_grad is not None:
        scale = float(their_grad.abs().max())
        np.testing.assert_allclose(our_grad.numpy(), their_grad.numpy(), exact, exact * scale)


FAILURES = {
    "singular": lambda t: t.linalg.inv(t.zeros(2, 2)),
    "singular system": lambda t: t.linalg.solve(t.zeros(2, 2), t.ones(2)),
    "not definite": lambda t: t.linalg.cholesky(-t.eye(2)),
    "not square": lambda t: t.linalg.det(t.ones(2, 3)),
    "vector": lambda t: t.linalg.eigh(t.ones(2)),
    "integers": lambda t: t.linalg.inv(t.ones(2, 2, dtype=t.int64)),
    "half": lambda t: t.linalg.inv(t.ones(2, 2, dtype=t.float16)),
    "shapes": lambda t: t.linalg.solve(t.eye(2), t.ones(3, 2)),
    "mode": lambda t: t.linalg.qr(t.eye(2), "full"),
    "triangle": lambda t: t.linalg.eigh(t.eye(2), "x"),
    "order": lambda t: t.linalg.matrix_norm(t.eye(2), "spectral"),
    "order of vectors": lambda t: t.linalg.vector_norm(t.ones(2), "fro"),
    "one matrix": lambda t: t.linalg.multi_dot([t.eye(2)]),
    "driver": lambda t: t.linalg.lstsq(t.eye(2), t.eye(2), driver="best"),
    "size 3": lambda t: t.linalg.cross(t.ones(2), t.ones(2)),
    "dims": lambda t: t.linalg.diagonal(t.eye(2), dim1=0, dim2=0),
    "gradient of mode r": lambda t: t.linalg.qr(t.eye(2).requires_grad_(), "r").R.sum().backward(),
}


@pytest.mark.parametrize("name", FAILURES)
def test_errors(name):
    kinds = []
    for library in (at, torch):
        with pytest.raises(Exception) as caught:
            FAILURES[name](library)
        kinds.append(caught.value)
    ours, theirs = kinds
    assert isinstance(theirs, torch.linalg.LinAlgError) == isinstance(ours, at.linalg.LinAlgError)
    assert isinstance(ours, at.linalg.LinAlgError) or type(ours) is type(theirs)


def test_named_results():
    x = RNG.standard_normal((3, 3))
    for name in ("qr", "svd", "eigh", "eig", "slogdet"):
        ours = getattr(at.linalg, name)(at.tensor(x))
        theirs = getattr(torch.linalg, name)(torch.tensor(x))
        for field in ours._fields:
            assert getattr(theirs, field).shape == getattr(ours, field).shape
