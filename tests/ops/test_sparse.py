"""Sparse tensors: against dense ones, gradients of values and of what is multiplied."""

import numpy as np
import pytest

import autotensor as at
from autotensor.tensor import Tensor
from autotensor.testing import gradcheck, gradgradcheck

INDICES = np.array([[0, 1, 1, 0, 3], [2, 0, 2, 2, 1]])
RNG = np.random.default_rng(0)


def leaf(*shape):
    return Tensor(RNG.standard_normal(shape)).requires_grad_()


def made(values, size=(4, 3)):
    return at.sparse_coo_tensor(Tensor(INDICES), values, size)


def dense(values):
    whole = np.zeros((4, 3, *values.shape[1:]))
    np.add.at(whole, tuple(INDICES), values.array)
    return whole


@pytest.mark.parametrize("shape", [(3, 2), (3,)])
def test_product(shape):
    values, other = leaf(5), leaf(*shape)
    product = made(values) @ other
    np.testing.assert_allclose(product.array, dense(values) @ other.array, atol=1e-12)
    gradcheck(lambda v, x: made(v) @ x, (values, other))
    gradgradcheck(lambda v, x: made(v) @ x, (values, other))
    np.testing.assert_array_equal(at.spmm(made(values), other).array, product.array)
    np.testing.assert_array_equal(at.sparse.mm(made(values), other).array, product.array)


@pytest.mark.parametrize("more", [(), (2,)])
def test_dense_and_coalesced(more):
    values = leaf(5, *more)
    whole = made(values, (4, 3, *more))
    np.testing.assert_allclose(whole.to_dense().array, dense(values))
    gradcheck(lambda v: made(v, (4, 3, *more)).to_dense(), (values,))
    once = whole.coalesce()
    assert once.indices().tolist() == [[0, 1, 1, 3], [2, 0, 2, 1]]
    assert once.is_coalesced() and once.coalesce() is once and once._nnz() == 4
    np.testing.assert_allclose(once.to_dense().array, dense(values))
    gradcheck(lambda v: made(v, (4, 3, *more)).coalesce().values(), (values,))


def test_there_and_back():
    x = at.tensor([[0.0, 2, 0], [1, 0, 3]]).requires_grad_()
    sparse = x.to_sparse()
    assert sparse.is_sparse and not x.is_sparse and sparse.shape == sparse.size() == (2, 3)
    assert sparse.values().tolist() == [2, 1, 3] and sparse.dtype == at.float32
    np.testing.assert_array_equal(sparse.to_dense().array, x.array)
    np.testing.assert_array_equal(sparse.t().to_dense().array, x.array.T)
    (sparse @ at.ones(3, 1)).sum().backward()
    assert x.grad.tolist() == [[0, 1, 0], [1, 0, 1]]
    assert sparse.requires_grad and not sparse.detach().requires_grad


def test_made_of_lists():
    x = at.sparse_coo_tensor([[0, 2], [1, 0]], [1.0, 2], requires_grad=True)
    assert x.shape == (3, 2) and x.dtype == at.float32 and x.requires_grad
    assert at.sparse_coo_tensor([[0], [1]], [1], (2, 2)).dtype == at.int64
    assert x.to(at.float64).dtype == at.float64
    assert "nnz=2" in repr(x)
    empty = at.sparse_coo_tensor(np.zeros((2, 0), int), np.zeros(0), (2, 2))
    assert empty.to_dense().tolist() == [[0, 0], [0, 0]]


def test_wrong_arguments_are_named():
    x = made(leaf(5))
    for call, message in (
        (lambda: x.indices(), "coalesce"),
        (lambda: x @ at.ones(4, 1, dtype=at.float64), "cannot be multiplied"),
        (lambda: x @ at.ones(3, 1), "one dtype"),
        (lambda: at.sparse_coo_tensor([[0, 1], [0, 0]], [1.0], (2, 2)), "same nnz"),
        (lambda: at.sparse_coo_tensor([[0, 5]], [1.0, 2], (2,)), "outside"),
        (lambda: at.sparse_coo_tensor([[0, 1]], [1.0, 2], (2, 2)), "size"),
        (lambda: at.sparse_coo_tensor([[0.5]], [1.0], (2,)), "integers"),
    ):
        with pytest.raises(RuntimeError, match=message):
            call()
    with pytest.raises(TypeError, match="sparse"):
        at.spmm(at.eye(3), at.eye(3))
    with pytest.raises(TypeError):
        at.matmul(x, at.eye(3))
