"""Writing in place: views follow, history follows, and no gradient is ever silently wrong."""

import gc
import tracemalloc
import weakref

import numpy as np
import pytest

import autotensor as at
from autotensor import memory
from autotensor.gradients import grad
from autotensor.tensor import record
from autotensor.testing import gradcheck


def leaf(array):
    return at.tensor(np.asarray(array, np.float64), requires_grad=True)


def matrix():
    return leaf(np.arange(12.0).reshape(3, 4) / 7 - 0.6)


ROW = np.array([0.3, -0.2, 0.5, 0.9])
INDICES = [
    (0, (4,)),
    ((1, 2), ()),
    ((slice(1, None), slice(None, None, 2)), (2, 2)),
    ((Ellipsis, 0), (3,)),
    ((None, slice(1)), (1, 1, 4)),
    (Ellipsis, (3, 4)),
    (([2, 0], [1, 1]), (2,)),
    (([2, 0],), (2, 4)),
    ((slice(None), [3, 1]), (3, 2)),
    ((0, [3, 1]), (2,)),
    ((np.array([[0, 1], [2, 0]]), [[1], [3]]), (2, 2)),
    (np.array([True, False, True]), (2, 4)),
    (np.eye(3, 4, dtype=bool), (3,)),
    ((np.array([True, False, True]), slice(2)), (2, 2)),
    ([], (0, 4)),
]


class TestAssignment:
    @pytest.mark.parametrize("index, shape", INDICES, ids=[str(i) for i, _ in INDICES])
    def test_every_form_of_index(self, index, shape):
        x, v = matrix(), leaf(np.cos(np.arange(np.prod(shape))).reshape(shape))
        expected = x.array.copy()
        expected[index] = v.array
        assert expected[index].shape == shape

        def assigned(x, v):
            y = x * 1
            y[index] = v
            return y

        y = assigned(x, v)
        np.testing.assert_array_equal(y.array, expected)
        gradcheck(lambda x, v: assigned(x, v).sin(), (x, v))
        np.testing.assert_array_equal((x * 1)[index].array, x.array[index])
        gradcheck(lambda x: (x * 1)[index].sin(), (x,), fast_mode=True) if y[index].numel() else 0

    def test_numbers_and_arrays_are_assigned(self):
        x = matrix()
        y = x * 1
        y[0] = 5
        y[1] = ROW
        y[2, :2] = at.tensor(2.0)
        np.testing.assert_array_equal(y.array[0], 5)
        np.testing.assert_array_equal(y.array[1], ROW)
        y.sum().backward()
        np.testing.assert_array_equal(x.grad.array, [[0] * 4, [0] * 4, [0, 0, 1, 1]])

    def test_leading_dimensions_of_size_one_are_ignored(self):
        y = at.zeros(3, 4)
        y[0] = at.ones(1, 1, 4)
        y[[1, 2]] = at.ones(1, 2, 4)
        assert y.sum().item() == 12

    def test_of_repeated_indices_the_last_counts(self):
        x, v = leaf([1.0, 2.0, 3.0]), leaf([10.0, 20.0, 30.0])
        y = x * 1
        y[[0, 1, 0]] = v
        assert y.tolist() == [30, 20, 3]
        y.sum().backward()
        assert v.grad.tolist() == [0, 1, 1] and x.grad.tolist() == [0, 0, 1]

    def test_augmented_assignment(self):
        x, v = matrix(), leaf(ROW)

        def augmented(x, v):
            y = x * 1
            y[0] += v
            y[:, 1] *= 3
            y[[2, 0]] -= v
            y[y > 0.5] /= v.sum()
            return y.sin()

        gradcheck(augmented, (x, v))

    def test_assignment_from_itself(self):
        def shifted(x):
            y = x * 1
            y[1:] = y[:-1]
            y[0] = y[1] + y[2]
            return y.sin()

        gradcheck(shifted, (matrix(),))

    def test_an_untracked_tensor_takes_a_history(self):
        v = leaf(ROW)
        y = at.zeros(3, 4, dtype=at.float64)
        first = y[1]
        y[1] = v * 2
        assert y.requires_grad and first.requires_grad
        (y * 3).sum().backward(retain_graph=True)
        assert v.grad.tolist() == [6] * 4

    def test_numbers_are_converted_as_in_pytorch(self):
        y = at.tensor([1, 2, 3])
        y[0] = 1.7
        y[1:] = at.tensor([2.5, 3.5])
        assert y.tolist() == [1, 2, 3] and y.dtype == at.int64

    def test_wrong_assignments_are_named(self):
        y = at.zeros(3, 4)
        with pytest.raises(RuntimeError, match=r"shape \(3,\) does not fit in x\[index\], of"):
            y[0] = at.zeros(3)
        with pytest.raises(RuntimeError, match=r"shape \(3,\) does not fit in x\[index\]"):
            y[[0, 1]] = at.zeros(3)
        with pytest.raises(IndexError, match=r"index 5 is out of bounds.*shape"):
            y[5] = 1
        with pytest.raises(IndexError, match=r"out of bounds.*\(3, 4\)"):
            y[[5]] = 1
        with pytest.raises(IndexError, match="not by str"):
            y["a"] = 1
        with pytest.raises(RuntimeError, match="float32 cannot be written to a tensor of int64"):
            at.zeros(3, dtype=at.int64)[[0, 1]] = at.zeros(2)
        assert y.tolist() == at.zeros(3, 4).tolist()


KINDS_OF_VIEW = {
    "row": lambda x: x[1],
    "columns": lambda x: x[:, 1:3],
    "transpose": lambda x: x.T,
    "reshape": lambda x: x.reshape(4, 3),
    "view": lambda x: x.view(-1),
    "flatten": lambda x: x.flatten(),
    "unsqueeze": lambda x: x.unsqueeze(1),
    "squeeze": lambda x: x.unsqueeze(0).squeeze(0),
    "permute": lambda x: x.view(3, 2, 2).permute(2, 0, 1),
    "movedim": lambda x: x.view(3, 2, 2).movedim(0, -1),
    "narrow": lambda x: x.narrow(1, 1, 2),
    "select": lambda x: x.select(1, 2),
    "split": lambda x: x.split(2, 1)[1],
    "chunk": lambda x: x.chunk(2)[0],
    "unbind": lambda x: x.unbind(1)[3],
    "of a view": lambda x: x[1:].T[::2],
    "unflatten": lambda x: x.unflatten(1, (2, 2)),
    "diagonal": lambda x: x.diagonal(1),
    "unfold": lambda x: x.unfold(1, 2, 2),
    "element": lambda x: x[1, 2],
    "itself": lambda x: x[...],
}
every = pytest.mark.parametrize("view", KINDS_OF_VIEW.values(), ids=KINDS_OF_VIEW)


class TestViews:
    @every
    def test_a_write_to_the_view_reaches_the_base(self, view):
        def program(x):
            y = x * 2
            v = view(y)
            v.mul_(3)
            v += v.sum()
            return (y.sin() * y).sum() + (v * v).sum()

        gradcheck(program, (matrix(),))

    @every
    def test_a_write_to_the_base_reaches_the_view(self, view):
        def program(x):
            y = x * 2
            v = view(y)
            y.sin_()
            y[1, 2] = x[0, 0]
            return (v * v).sum() + (y * v.sum()).sum()

        gradcheck(program, (matrix(),))

    @every
    def test_a_write_through_one_view_reaches_another(self, view):
        def program(x):
            y = x * 2
            v, w = view(y), y[1:, 1:]
            w.mul_(w.sum())
            v.add_(x[0, 1])
            return (v * v).sum() + (w * w).sum() + y.sum()

        gradcheck(program, (matrix(),))

    def test_copies_are_not_views(self):
        y = matrix() * 1
        for copied in (y.T.reshape(-1), y[[0, 1]], y.clone(), y.T.contiguous(), y[y > -9]):
            before = copied.array.copy()
            y.mul_(2)
            np.testing.assert_array_equal(copied.array, before)

    def test_the_base_dies_with_its_last_view(self):
        y = matrix() * 1
        base = weakref.ref(y)
        v = y[0]
        v.mul_(2)
        del y, v
        assert base() is None

    def test_expanded_memory_cannot_be_written(self):
        y = (leaf([1.0, 2.0]) * 1).expand(3, 2)
        with pytest.raises(RuntimeError, match="read-only, or expanded"):
            y.add_(1)

    def test_a_view_of_another_dtype_sees_the_bits(self):
        x = at.tensor([1.0, -2.0])
        bits = x.view(at.int32)
        bits.bitwise_and_(0x7FFFFFFF)
        assert x.tolist() == [1, 2]


class TestLeaves:
    def test_a_leaf_is_not_written_in_place(self):
        x = matrix()
        before = x.array.copy()
        writes = [
            lambda: x.add_(1),
            lambda: x.__setitem__(0, 1.0),
            lambda: x[0].mul_(2),
            lambda: x.T.zero_(),
            lambda: x.__setitem__([0, 1], 1.0),
            lambda: x.copy_(at.zeros(3, 4)),
            lambda: x.normal_(),
        ]
        for write in writes:
            with pytest.raises(RuntimeError, match="a leaf tensor that requires grad"):
                write()
        np.testing.assert_array_equal(x.array, before)

    def test_without_recording_it_is(self):
        x = matrix()
        view = x[0]
        with at.no_grad():
            x.mul_(2)
            x[1] = 0.0
            view += 1
        assert x.is_leaf and x.requires_grad
        assert x[1].tolist() == [0] * 4
        x.data.zero_()
        assert x.sum().item() == 0

    def test_a_written_tensor_is_no_leaf(self):
        y = at.zeros(3, dtype=at.float64)
        y += leaf([1.0, 2.0, 3.0])
        assert not y.is_leaf and y.grad_fn.name != "leaf"

    def test_overwritten_history_gives_zero(self):
        x = leaf([1.0, 2.0])
        for write in (lambda y: y.zero_(), lambda y: y.fill_(2.0), lambda y: y.uniform_()):
            y = write(x * 1)
            assert grad(y.sum(), x)[0].tolist() == [0, 0]


def saving(y):
    """An operation that keeps a tensor in places where a check might not look."""
    held = [(y, None), {"y": y}]

    def inner(g):
        return g * held[0][0]

    return record(y.array.copy(), (y, lambda g: inner(g)))


class TestSavedValues:
    def test_the_error_names_operation_and_line(self):
        x = leaf([1.0, 2.0])
        y = x * 1
        z = y * y
        y.add_(1)  # this line
        with pytest.raises(RuntimeError) as caught:
            z.sum().backward()
        message = str(caught.value)
        assert "gradient of mul needs, of shape (2,)" in message
        with open(__file__) as source:
            line = 1 + source.read().splitlines().index("        y.add_(1)  # this line")
        assert f"{__file__}:{line} before" in message

    def test_a_saved_output_is_watched(self):
        y = leaf([1.0, 2.0]).exp()
        y.mul_(2)
        with pytest.raises(RuntimeError, match="gradient of exp needs"):
            y.sum().backward()

    def test_an_operation_in_place_saves_what_was_there_before(self):
        gradcheck(lambda x: (x * 1).exp_().mul_(2).sin_(), (leaf([1.0, 2.0]),))

    @pytest.mark.parametrize(
        "write",
        [
            lambda y: y.add_(1),
            lambda y: y[0].zero_(),
            lambda y: y.detach().add_(1),
            lambda y: y.data.add_(1),
            lambda y: y.__setitem__([0], 1.0),
            lambda y: y.view(-1).sin_(),
        ],
    )
    def test_any_way_of_writing_is_noticed(self, write):
        y = matrix() * 1
        z = (y * y).sum()
        write(y)
        with pytest.raises(RuntimeError, match="overwritten in place"):
            z.backward()

    def test_a_replaced_leaf_is_noticed(self):
        w = leaf([1.0, 2.0])
        z = (w * w).sum()
        w.data = at.zeros(2, dtype=at.float64)
        with pytest.raises(RuntimeError, match="overwritten in place"):
            z.backward()

    def test_a_step_between_forward_and_backward_is_noticed(self):
        w, x = leaf([[1.0, 2.0]]), leaf([3.0, 4.0])
        first = at.linear(x, w).sum()
        with at.no_grad():
            w -= 0.1
        with pytest.raises(RuntimeError, match="gradient of linear needs"):
            first.backward()
        at.linear(x, w).sum().backward()  # a new forward pass is good

    def test_writes_that_no_rule_minds_are_allowed(self):
        x = leaf([1.0, 2.0])
        y = x * 3
        z = (y + 1).sum()
        y.mul_(5)
        z.backward()
        assert x.grad.tolist() == [3, 3]

    def test_a_write_before_the_node_is_no_harm(self):
        x = leaf([1.0, 2.0])
        y = x * 1
        y.add_(1)
        (y * y).sum().backward()
        assert x.grad.tolist() == [4, 6]

    def test_a_write_after_backward_is_no_harm(self):
        x = leaf([1.0, 2.0])
        y = x * 1
        z = (y * y).sum()
        z.backward()
        y.add_(1)
        assert x.grad.tolist() == [2, 4]

    def test_values_in_tuples_and_nested_functions_are_watched(self):
        x = leaf([1.0, 2.0])
        y = x * 1

        z = saving(y)
        y.add_(1)
        with pytest.raises(RuntimeError, match="gradient of saving needs"):
            z.sum().backward()

    def test_the_ledger_forgets_memory_that_died(self):
        gc.collect()
        before = len(memory._writes)
        for _ in range(100):
            at.zeros(4).add_(1)
        assert len(memory._writes) <= before + 1


class TestInPlaceOperations:
    def test_they_return_the_tensor(self):
        y = at.ones(3)
        assert y.add_(1) is y and y.tolist() == [2] * 3
        z = y
        z += 1
        assert z is y

    def test_shape_and_dtype_are_kept(self):
        y = at.ones(3)
        with pytest.raises(RuntimeError, match=r"shape \(2, 3\) does not fit in place of \(3,\)"):
            y.add_(at.ones(2, 3))
        with pytest.raises(RuntimeError, match="float32 cannot be written to a tensor of int64"):
            at.tensor([1]).add_(0.5)
        with pytest.raises(RuntimeError, match="cannot be written"):
            at.tensor([1]).div_(2)
        assert at.ones(3).add_(at.ones(3, dtype=at.float64)).dtype == at.float32
        assert y.tolist() == [1] * 3

    def test_the_other_operand_may_be_the_tensor_itself(self):
        gradcheck(lambda x: (x * 1).mul_(x).sin(), (matrix(),))

        def squared(x):
            y = x * 1
            y *= y
            return y.sin()

        gradcheck(squared, (matrix(),))

    def test_overlapping_memory(self):
        def program(x):
            y = x * 1
            y[:, 1:] += y[:, :-1]
            return y.sin()

        gradcheck(program, (matrix(),))

    def test_random_fillings_are_checked(self):
        with pytest.raises(RuntimeError, match="std must not be negative"):
            at.zeros(2).normal_(0, -1)
        with pytest.raises(RuntimeError, match="uniform_: expected a <= b, got 2 and 1"):
            at.zeros(2).uniform_(2, 1)
        with pytest.raises(RuntimeError, match="between 0 and 1, got 2"):
            at.zeros(2).bernoulli_(2)
        with pytest.raises(RuntimeError, match="expected a number or a 0-d tensor"):
            at.zeros(2).fill_(at.zeros(2))
        values = at.zeros(1000).uniform_(-1, 3).array
        assert values.min() >= -1 and values.max() < 3 and 0.8 < values.mean() < 1.2
        assert set(at.zeros(100).bernoulli_(0.5).tolist()) == {0, 1}

    def test_random_numbers_have_their_distributions(self):
        x = at.zeros(20000)
        for fill, mean in (
            (lambda: x.exponential_(2.0), 0.5),
            (lambda: x.geometric_(0.25), 4.0),
            (lambda: x.log_normal_(0.0, 0.5), np.exp(0.125)),
            (lambda: x.random_(4, 9), 6.0),
        ):
            assert fill() is x and abs(x.mean().item() / mean - 1) < 0.05
        assert abs(np.median(x.cauchy_(3.0, 0.5).array) - 3) < 0.05
        assert set(at.zeros(50, dtype=at.int64).random_(3).tolist()) == {0, 1, 2}
        assert at.zeros(9, dtype=at.uint8).random_().array.max() > 5
        for wrong in (
            lambda: x.exponential_(-1),
            lambda: x.geometric_(0),
            lambda: x.log_normal_(0, -1),
            lambda: x.cauchy_(0, -1),
            lambda: x.random_(3, 3),
            lambda: at.zeros(2, dtype=at.int64).exponential_(),
        ):
            with pytest.raises(RuntimeError):
                wrong()

    def test_diagonals_are_filled(self):
        def filled(rows, columns, **named):
            return at.zeros(rows, columns).fill_diagonal_(1, **named).array

        np.testing.assert_array_equal(filled(3, 5), np.eye(3, 5))
        np.testing.assert_array_equal(filled(5, 2), np.eye(5, 2))
        wrapped = np.zeros((6, 3))
        np.fill_diagonal(wrapped, 1, wrap=True)
        np.testing.assert_array_equal(filled(6, 3, wrap=True), wrapped)
        with pytest.raises(RuntimeError, match="must be equal"):
            at.zeros(2, 2, 3).fill_diagonal_(1)
        with pytest.raises(RuntimeError, match="at least 2 dimensions"):
            at.zeros(2).fill_diagonal_(1)

    def test_augmented_assignment_of_integers(self):
        x = at.tensor([7, 12])
        same = x
        x //= 2
        x **= 2
        x %= 8
        x |= 6
        x &= 5
        x ^= 1
        assert x is same and x.tolist() == [((3**2 % 8 | 6) & 5) ^ 1, ((6**2 % 8 | 6) & 5) ^ 1]
        with pytest.raises(RuntimeError, match="cannot be written to a tensor of int64"):
            x /= 2
        with pytest.raises(NotImplementedError, match="bitwise_and"):
            y = at.zeros(2)
            y &= 1
        matrix = at.eye(2)
        product = matrix
        product @= matrix * 2  # PyTorch has no product in place either
        assert product is not matrix and matrix.tolist() == at.eye(2).tolist()

    def test_without_recording_nothing_is_allocated(self):
        x, y = at.zeros(100000), at.ones(100000)
        x.add_(y)
        tracemalloc.start()
        x.add_(y).mul_(0.25).sub_(y).mul_(y)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 20000 and x.tolist() == [-0.5] * 100000

    def test_of_views_of_the_tensor_the_former_values_count(self):
        def program(x):
            y = x[:, :3] * 1
            y.mul_(y.T)
            y[1:].addcmul_(y[:-1], y[1:], value=0.5)
            y.clamp_(min=-y.mT)
            return y.sin()

        gradcheck(program, (matrix(),))


class TestShapesInPlace:
    def test_the_tensor_itself_changes(self):
        y = at.zeros(2, 3)
        assert y.unsqueeze_(0) is y and y.shape == (1, 2, 3)
        assert y.squeeze_().t_().shape == (3, 2)
        assert y.transpose_(0, 1).swapaxes_(0, 1).swapdims_(0, 1).shape == (2, 3)

    def test_gradients_and_views_follow(self):
        def program(x):
            y = x * 2
            before = y[1]
            y.t_()
            after = y[1:]
            after.mul_(3)
            before.add_(x[0, 0])
            y.unsqueeze_(1)
            y[0] *= x[:, 0]
            return (y.sin() * 2).sum() + (before * before).sum() + after.cos().sum()

        gradcheck(program, (matrix(),))

    def test_a_saved_tensor_in_another_shape_is_noticed(self):
        y, w = matrix() * 1, matrix()
        z = y * w
        y.t_()
        with pytest.raises(RuntimeError, match="overwritten in place"):
            z.sum().backward()

    def test_what_is_refused(self):
        with pytest.raises(RuntimeError, match="a leaf tensor that requires grad"):
            matrix().t_()
        with at.no_grad(), pytest.raises(RuntimeError, match="not recorded under no_grad"):
            matrix().t_()


class TestAliases:
    """Tensors on the same memory that the graph does not, or not always, connect."""

    def test_a_view_made_without_recording_is_a_constant_that_is_not_written(self):
        y = matrix() * 1
        with at.no_grad():
            v = y[0]
            v.mul_(2)
        assert not v.requires_grad
        for write in (lambda: v.mul_(2), lambda: v[1:].zero_(), lambda: v.__setitem__(0, 1.0)):
            with pytest.raises(RuntimeError, match="made under no_grad"):
                write()
        y.mul_(2)
        assert v.requires_grad  # as in PyTorch

    def test_a_view_of_what_becomes_a_leaf_leads_to_it(self):
        y = at.zeros(3)
        v = y[1:]
        y.requires_grad_()
        (v * 3).sum().backward()
        assert y.grad.tolist() == [0, 3, 3] and v.grad_fn is not None

    def test_a_leaf_that_is_a_view(self):
        y = at.zeros(4)
        v = y[:2].requires_grad_()
        with pytest.raises(RuntimeError, match="a leaf tensor that requires grad"):
            v.add_(1)
        y.add_(1)
        (v * v).sum().backward()
        assert v.grad.tolist() == [2, 2]
        y.mul_(at.ones(4).requires_grad_())
        with pytest.raises(RuntimeError, match="has been given a history since"):
            v * 2

    def test_detaching_in_place(self):
        y = matrix() * 1
        v = y[0]
        with pytest.raises(RuntimeError, match="a view cannot be detached in place"):
            v.detach_()
        assert not y.detach_().requires_grad
        with pytest.raises(RuntimeError, match="make the view anew"):
            v.sum()
        assert not y[0].requires_grad

    def test_a_write_that_cannot_be_recorded_is_not_made(self):
        y, z = matrix() * 1, matrix() * 1
        stale = z[0]
        z.detach_()
        before = y.array.copy()
        for write in (lambda: y[0].copy_(stale), lambda: y.__setitem__([0, 1], stale)):
            with pytest.raises(RuntimeError, match="make the view anew"):
                write()
        np.testing.assert_array_equal(y.array, before)

    def test_a_saved_tensor_that_lost_its_history_is_noticed_in_second_order(self):
        x = leaf([1.0, 2.0])
        y = x * 1.5
        z = (y * y).sum()
        y.detach_()
        assert grad(z, x, retain_graph=True)[0].tolist() == [4.5, 9]
        with pytest.raises(RuntimeError, match=r"detach_\(\) or requires_grad_\(\) has changed"):
            grad(z, x, create_graph=True)

    def test_new_data_parts_a_tensor_from_its_views(self):
        y = matrix() * 1
        v = y[0]
        y.data = at.zeros(3, 4, dtype=at.float64)
        v.mul_(3)
        assert not y.array.any()
        y.sin_()
        assert grad(v.sum(), y, allow_unused=True) == (None,)

    def test_new_data_of_another_shape(self):
        x = leaf([1.0, 2.0])
        y = x + 1
        calls = []
        x.register_hook(calls.append)
        x.data = at.zeros(3, dtype=at.float64)
        with pytest.raises(RuntimeError, match="data of another shape or dtype since"):
            y.sum().backward()
        x.sum().backward()
        assert x.grad.tolist() == [1] * 3 and len(calls) == 1
        with pytest.raises(RuntimeError, match="for a tensor with a history"):
            y.data = at.zeros(3, dtype=at.float64)

    def test_what_is_asked_of_a_gradient_after_a_write(self):
        x, seen = leaf([1.0, 2.0]), []
        y = x * 1
        y.retain_grad()
        y.register_hook(lambda g: seen.append(g.tolist()))
        y[:1].mul_(2)
        (y * 3).sum().backward()
        assert y.retains_grad and y.grad.tolist() == [3, 3]  # of the new values, as in PyTorch
        assert seen == [[6, 3]]  # of the values when the hook was registered

    def test_a_hook_may_write_to_its_gradient(self):
        x = leaf([1.0, 2.0])
        y, z = x * 1, x * 1

        def scale(g):
            g.mul_(10)

        y.register_hook(scale)
        (y + z).sum().backward()  # both are given the same gradient
        assert x.grad.tolist() == [11, 11]

    def test_arrays_of_the_user_are_copied_where_they_are_saved(self):
        x = leaf([1.0, 2.0, 3.0])
        factor, index = np.array([2.0, 3.0, 4.0]), np.array([0, 0, 1])
        y, z = x * factor, x[index]
        factor[:], index[:] = 0, 2
        (y.sum() + z.sum()).backward()
        assert x.grad.tolist() == [4, 4, 4]

    def test_steps_are_positive(self):
        for step in (-1, 0):
            with pytest.raises(ValueError, match="step of a slice must be positive"):
                at.zeros(3)[::step]
            with pytest.raises(ValueError, match="step of a slice must be positive"):
                at.zeros(3)[::step] = 1
