"""The tensor as an object: conversion, printing, indexing, copying, pickling."""

import copy
import pickle

import numpy as np
import pytest

import autotensor as at
from autotensor.tensor import Tensor


def matrix(**named):
    return at.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], **named)


class TestProperties:
    def test_shape_and_size(self):
        x = at.zeros(2, 3, 4)
        assert x.shape == x.size() == (2, 3, 4) and x.size(-1) == 4
        assert x.ndim == x.dim() == 3 and x.numel() == x.nelement() == 24 and len(x) == 2
        assert x.itemsize == x.element_size() == 4 and x.nbytes == 96
        assert x.stride() == (12, 4, 1) and x.stride(0) == 12 and x.T.stride() == (1, 4, 12)
        assert x.is_contiguous() and not x.T.is_contiguous()
        assert x.is_floating_point() and not at.tensor(1).is_floating_point()
        assert x.device == at.device("cpu") and x.cpu() is x
        with pytest.raises(IndexError, match=r"range of \[-3, 2\], but got 3"):
            x.size(3)

    def test_transposes(self):
        x = at.arange(24).reshape(2, 3, 4)
        np.testing.assert_array_equal(x.T.array, x.array.T)
        np.testing.assert_array_equal(x.mT.array, x.array.transpose(0, 2, 1))
        with pytest.raises(RuntimeError, match="at least 2 dimensions"):
            _ = at.zeros(3).mT

    def test_attributes_are_fixed(self):
        with pytest.raises(AttributeError):
            at.zeros(2).graad = None

    def test_data_shares_memory_and_has_no_history(self):
        x = matrix(requires_grad=True)
        for y in (x.data, x.detach(), (x * 1).detach()):
            assert not y.requires_grad and y.is_leaf
        x.data[0, 0] = 9.0
        assert x[0, 0].item() == 9
        with pytest.raises(TypeError, match="data must be a Tensor, not int"):
            x.data = 3


class TestPython:
    def test_numbers(self):
        assert at.tensor([[2.5]]).item() == 2.5 and isinstance(at.tensor(2).item(), int)
        assert float(at.tensor(2)) == 2.0 and int(at.tensor([2.7])) == 2
        assert [10, 20, 30][at.tensor(1)] == 20 and list(range(at.tensor(3))) == [0, 1, 2]
        assert f"{at.tensor(2.5):.3f}" == "2.500"
        for convert in (float, int, Tensor.item):
            with pytest.raises(RuntimeError, match=r"2 elements, shape \(2,\), is no number"):
                convert(at.zeros(2))
        with pytest.raises(TypeError, match="are an index, not float32"):
            _ = [1, 2][at.tensor(1.0)]

    def test_truth(self):
        assert at.tensor([1]) and not at.tensor(0.0)
        with pytest.raises(RuntimeError, match=r"shape \(2,\) is ambiguous: use .any"):
            bool(at.zeros(2))

    def test_lists_and_iteration(self):
        x = matrix()
        assert x.tolist() == [[1, 2, 3], [4, 5, 6]] and at.tensor(1.5).tolist() == 1.5
        assert [row.tolist() for row in x] == x.tolist()
        _, second = x
        assert second.tolist() == [4, 5, 6]
        assert 5 in x and 7 not in x
        with pytest.raises(TypeError, match="iteration over a 0-d tensor"):
            iter(at.tensor(1))
        with pytest.raises(TypeError, match=r"len\(\) of a 0-d tensor"):
            len(at.tensor(1))

    def test_tensors_are_hashed_by_identity(self):
        x, y = at.zeros(2), at.zeros(2)
        assert len({x, y, x}) == 2

    def test_operators(self):
        x, y = at.tensor([7.0, -7.0]), at.tensor([2.0, 2.0])
        for result, expected in [
            (x + y, [9, -5]), (x - 1, [6, -8]), (1 - x, [-6, 8]), (x * y, [14, -14]),
            (x / y, [3.5, -3.5]), (14 / x, [2, -2]), (x // y, [3, -4]), (x % y, [1, 1]),
            (5 % y, [1, 1]), (x**2, [49, 49]), (2**y, [4, 4]), (-x, [-7, 7]), (+x, [7, -7]),
            (abs(x), [7, 7]), (x @ y, 0), (x > 0, [True, False]), (x <= 0, [False, True]),
            (x == 7, [True, False]), (x != 7, [False, True]), (~(x < y), [True, False]),
        ]:  # fmt: skip
            assert result.tolist() == expected
        m = at.tensor([1, 2]) > 1
        assert [(m & True).tolist(), (m | True).tolist(), (m ^ True).tolist()] == [
            [False, True], [True, True], [True, False],
        ]  # fmt: skip

    def test_unknown_operands_are_left_to_others(self):
        class Other:
            def __radd__(self, x):
                return "mine"

        assert at.zeros(2) + Other() == "mine"
        assert (at.zeros(2) == None) is False  # noqa: E711
        for operand in ("a", [1, 2], None):
            with pytest.raises(TypeError, match="unsupported operand"):
                at.zeros(2) + operand


class TestNumpy:
    def test_memory_is_shared(self):
        x = matrix()
        x.numpy()[0, 0] = 9
        assert x[0, 0].item() == 9
        assert np.shares_memory(np.asarray(x), x.array)
        assert np.asarray(x, dtype=np.float64).dtype == np.float64
        assert not np.shares_memory(np.array(x), x.array)

    def test_history_is_not_lost_by_accident(self):
        x = matrix(requires_grad=True)
        for convert in (lambda: x.numpy(), lambda: np.asarray(x), lambda: np.sin(x * 1)):
            with pytest.raises((RuntimeError, TypeError)):
                convert()
        assert x.numpy(force=True) is x.array

    def test_arrays_leave_operators_to_tensors(self):
        x = matrix(requires_grad=True)
        a = np.ones((2, 3), np.float32)
        for y in (a + x, a * x, a - x, a / x, a @ x.T, a > x):
            assert isinstance(y, Tensor)
        assert (a * x).requires_grad


class TestPrinting:
    @pytest.mark.parametrize(
        "make, text",
        [
            (lambda: at.tensor([1.0, 2.5]), "tensor([1. , 2.5])"),
            (lambda: at.tensor(1), "tensor(1)"),
            (lambda: at.tensor([1, 2], dtype=at.int32), "tensor([1, 2], dtype=int32)"),
            (lambda: at.zeros(0), "tensor([])"),
            (lambda: at.zeros(2, 0), "tensor([], size=(2, 0))"),
            (lambda: at.ones(1, requires_grad=True), "tensor([1.], requires_grad=True)"),
            (lambda: at.ones(1, requires_grad=True).exp(), "tensor([2.7183], grad_fn=<exp>)"),
        ],
    )
    def test_repr(self, make, text):
        assert repr(make()) == str(make()) == f"{make()}" == text

    def test_rows_are_aligned(self):
        assert repr(matrix()) == "tensor([[1., 2., 3.],\n        [4., 5., 6.]])"

    def test_large_tensors_are_abbreviated(self):
        assert "..." in repr(at.zeros(2000)) and len(repr(at.zeros(2000))) < 100


class TestIndexing:
    @pytest.mark.parametrize(
        "index, message",
        [
            (2, r"out of bounds.*tensor of shape \(2, 3\)"),
            ((0, 3), r"out of bounds.*\(2, 3\)"),
            ((0, 0, 0), r"too many indices.*\(2, 3\)"),
            ([5], r"out of bounds.*\(2, 3\)"),
            (np.ones((3, 3), bool), r"\(2, 3\)"),
            (1.5, "not by float"),
            ("a", "not by str"),
            (np.array([1.0]), "holds integers or truth values, not float64"),
            ((..., ...), "ellips"),
        ],
    )
    def test_wrong_indices(self, index, message):
        with pytest.raises(IndexError, match=message):
            matrix()[index]

    def test_integers_and_slices_give_views(self):
        x = matrix()
        for view in (x[0], x[0, 1], x[:, 1], x[..., None], x[at.tensor(1)], x[np.int64(1)]):
            assert np.shares_memory(view.array, x.array)
        for copied in (x[[0]], x[x > 1], x[at.tensor([1])]):
            assert not np.shares_memory(copied.array, x.array)

    def test_an_element_is_a_tensor(self):
        x = matrix(requires_grad=True)
        assert x[0, 1].shape == () and x[0, 1].requires_grad
        (x[1, 2] * 2).backward()
        assert x.grad.tolist() == [[0, 0, 0], [0, 0, 2]]

    def test_repeated_indices_add_up(self):
        x = at.tensor([1.0, 2.0], requires_grad=True)
        x[[0, 1, 0, 0]].sum().backward()
        assert x.grad.tolist() == [3, 1]

    def test_sequences_within_tuples(self):
        assert matrix()[(0, 1), [1, 2]].tolist() == [2, 6]
        assert matrix()[:, range(2)].tolist() == [[1, 2], [4, 5]]
        assert matrix()[slice(at.tensor(1), None)].tolist() == [[4, 5, 6]]

    def test_zero_dimensions(self):
        x = at.tensor(3.0)
        assert x[...].item() == x[()].item() == 3 and x[None].shape == (1,)
        assert x.nonzero().shape == (1, 0) and at.tensor(0.0).nonzero().shape == (0, 0)


class TestCopies:
    @pytest.mark.parametrize("twin", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
    def test_values_and_flags_are_kept(self, twin):
        x = matrix(requires_grad=True)
        y = twin(x)
        assert y is not x and not np.shares_memory(y.array, x.array)
        assert y.tolist() == x.tolist() and y.dtype == x.dtype
        assert y.requires_grad and y.is_leaf and y.node is not x.node
        assert not twin(at.zeros(2)).requires_grad

    def test_deepcopy_takes_the_gradient_along(self):
        x = matrix(requires_grad=True)
        (x * 2).sum().backward()
        y = copy.deepcopy(x)
        assert y.grad.tolist() == x.grad.tolist() and y.grad is not x.grad

    def test_deepcopy_keeps_what_is_shared(self):
        x = at.zeros(2)
        first, second = copy.deepcopy([x, x])
        assert first is second

    def test_views_are_pickled_alone(self):
        y = pickle.loads(pickle.dumps(at.zeros(1000)[:2]))
        assert y.shape == (2,) and len(pickle.dumps(at.zeros(1000)[:2])) < 500

    @pytest.mark.parametrize("twin", [copy.copy, copy.deepcopy, pickle.dumps])
    def test_only_leaves_are_copied(self, twin):
        y = matrix(requires_grad=True) * 2
        with pytest.raises(RuntimeError, match="only leaf tensors can be"):
            twin(y)

    def test_clone_and_contiguous(self):
        x = matrix(requires_grad=True)
        y = x.clone()
        assert not np.shares_memory(x.array, y.array) and y.requires_grad
        assert x.contiguous() is x and x.T.contiguous().is_contiguous()
        assert x.T.clone().stride() == x.T.stride()


def test_where_elements_lie():
    x = at.arange(12).reshape(3, 4)
    assert x[1:, 2:].storage_offset() == 6 and x.T.storage_offset() == 0
    assert x[1, 2].data_ptr() == x.data_ptr() + 6 * x.element_size()
    assert x.is_cpu and not x.is_cuda and x.char().dtype == at.int8
