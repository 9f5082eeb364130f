"""Sparse matrices beside PyTorch's: values, gradients, types of errors."""

import warnings

import numpy as np
import pytest

import autotensor as at

torch = pytest.importorskip("torch")
RNG = np.random.default_rng(0)
INDICES, VALUES = RNG.integers(0, 4, (2, 9)), RNG.standard_normal(9)

USES = {
    "dense": lambda t, s, x: s.to_dense(),
    "product": lambda t, s, x: s @ x,
    "vector": lambda t, s, x: s @ x[:, 0],
    "spmm": lambda t, s, x: t.spmm(s, x),
    "mm": lambda t, s, x: t.sparse.mm(s, x),
    "values": lambda t, s, x: s.coalesce().values(),
    "indices": lambda t, s, x: s.coalesce().indices(),
    "transpose": lambda t, s, x: s.t() @ x,
    "there and back": lambda t, s, x: x.to_sparse().to_dense(),
    "wrong sizes": lambda t, s, x: s @ x[:2],
    "not coalesced": lambda t, s, x: s.values(),
    "dtypes": lambda t, s, x: t.spmm(s, x.float()),
    "counts": lambda t, s, x: t.sparse_coo_tensor(t.tensor(INDICES[:, :2]), t.tensor(VALUES)),
}


@pytest.mark.parametrize("name", USES)
def test_uses(name):
    found = []
    for library in (at, torch):
        values = library.tensor(VALUES).requires_grad_()
        x = library.tensor(np.arange(12.0).reshape(4, 3) + 1).requires_grad_()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # PyTorch's on unchecked invariants
            sparse = library.sparse_coo_tensor(library.tensor(INDICES), values, (4, 4))
            try:
                result = USES[name](library, sparse, x)
            except RuntimeError as error:
                found.append([type(error)])
                continue
        if result.requires_grad:
            (result**2).sum().backward()
        found.append([result.detach(), values.grad, x.grad])
    for ours, theirs in zip(*found, strict=True):
        if isinstance(theirs, type) or theirs is None:
            assert ours is theirs
        else:
            np.testing.assert_allclose(ours.numpy(), theirs.numpy(), 1e-12, 1e-12)
