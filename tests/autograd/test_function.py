"""Function: values and gradients that the user writes."""

import gc
import weakref

import numpy as np
import pytest

import autotensor as at
from autotensor.autograd import Function, gradcheck, gradgradcheck, once_differentiable


class Square(Function):
    """Saves an input."""

    @staticmethod
    def forward(ctx, x):
        assert not at.is_grad_enabled()
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 2 * x * g


class Exp(Function):
    """Saves its output, through which it is differentiated again."""

    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, g):
        return ctx.saved_tensors[0] * g


class Pair(Function):
    """Several outputs, of which some are no tensors; sees what gradients come."""

    seen = ()

    @staticmethod
    def forward(ctx, x, materialize=True):
        ctx.set_materialize_grads(materialize)
        return x * 2, "text", x * 3, 7

    @staticmethod
    def backward(ctx, *gradients):
        Pair.seen = gradients
        total = 0
        for factor, g in ((2, gradients[0]), (3, gradients[2])):
            total = total if g is None else total + factor * g
        return total, None


class Double(Function):
    """Writes to its input."""

    @staticmethod
    def forward(ctx, x):
        ctx.mark_dirty(x)
        x.mul_(2)
        return x

    @staticmethod
    def backward(ctx, g):
        return 2 * g


def leaf(*values):
    return at.tensor(values, dtype=at.float64, requires_grad=True)


def slope(function, x):
    return at.grad(function(x).sum(), x)[0].tolist()


class TestSaving:
    @pytest.mark.parametrize("function", [Square, Exp])
    def test_orders_one_and_two(self, function):
        assert gradcheck(function.apply, leaf(0.5, -1.5))
        assert gradgradcheck(function.apply, leaf(0.5, -1.5))

    def test_many_orders_through_a_saved_output(self):
        x = leaf(0.5, 1.5)
        y = Exp.apply(x)
        for _ in range(4):
            (y,) = at.grad(y.sum(), x, create_graph=True)
        np.testing.assert_allclose(y.array, np.exp([0.5, 1.5]))

    def test_writes_to_what_is_saved_are_noticed(self):
        y = Exp.apply(leaf(1.0))
        y.add_(1)
        with pytest.raises(RuntimeError, match=r"gradient of Exp needs.* overwritten in place"):
            y.sum().backward()
        x = leaf(1.0) * 1
        y = Square.apply(x)
        x.mul_(2)
        with pytest.raises(RuntimeError, match="gradient of Square needs"):
            y.sum().backward()

    def test_only_tensors_are_saved(self):
        class Wrong(Square):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x, 3)

        with pytest.raises(TypeError, match=r"not int: keep other things as attributes, ctx\."):
            Wrong.apply(leaf(1.0))

    def test_intermediates_none_and_attributes(self):
        class Tripled(Function):
            @staticmethod
            def forward(ctx, x, power):
                ctx.power = power
                ctx.save_for_backward(x**2, None)
                return x**power

            @staticmethod
            def backward(ctx, g):
                square, nothing = ctx.saved_tensors
                assert nothing is None
                return ctx.power * square * g, None

        assert slope(lambda x: Tripled.apply(x, 3), leaf(1.0, 2.0)) == [3, 12]

    def test_saved_values_are_freed_and_retained(self):
        x = leaf(1.0, 2.0)
        y = Square.apply(x).sum()
        y.backward(retain_graph=True)
        y.backward()
        assert x.grad.tolist() == [4, 8]
        with pytest.raises(RuntimeError, match="a second time"):
            y.backward()


class TestOutputs:
    def test_several_and_no_tensors(self):
        x = leaf(1.0, 2.0)
        _, text, z, number = Pair.apply(x)
        assert (text, number) == ("text", 7)
        z.sum().backward()
        assert x.grad.tolist() == [3, 3]
        assert [None if g is None else g.tolist() for g in Pair.seen] == [
            [0, 0],
            None,
            [1, 1],
            None,
        ]
        Pair.seen = ()

    def test_gradients_that_are_not_materialized(self):
        x = leaf(1.0, 2.0)
        Pair.apply(x, False)[2].sum().backward()
        assert Pair.seen[0] is None and x.grad.tolist() == [3, 3]
        Pair.seen = ()

    def test_both_outputs(self):
        x = leaf(1.0, 2.0)
        y, _, z, _ = Pair.apply(x)
        assert at.grad((y + z).sum(), x)[0].tolist() == [5, 5]
        Pair.seen = ()

    def test_the_same_output_twice(self):
        class Twice(Function):
            @staticmethod
            def forward(ctx, x):
                y = x * 2
                return y, y

            @staticmethod
            def backward(ctx, g, h):
                return 2 * g + 20 * h

        assert slope(lambda x: sum(Twice.apply(x)), leaf(1.0)) == [22]

    def test_constant_outputs(self):
        class Signed(Function):
            @staticmethod
            def forward(ctx, x):
                sign = x.sign()
                ctx.mark_non_differentiable(sign)
                return x * 2, sign, x.long()

            @staticmethod
            def backward(ctx, g, *others):
                return 2 * g

        x = leaf(1.0, -2.0)
        y, sign, whole = Signed.apply(x)
        assert y.requires_grad and not sign.requires_grad and not whole.requires_grad
        y.sum().backward()
        assert x.grad.tolist() == [2, 2]

    @pytest.mark.parametrize("change", [lambda x: x, lambda x: x.view(2, 1), lambda x: x[:1]])
    def test_an_input_or_a_view_of_it_is_not_shared(self, change):
        class Passed(Function):
            @staticmethod
            def forward(ctx, x):
                ctx.shape = x.shape
                return change(x)

            @staticmethod
            def backward(ctx, g):
                return 5 * g.sum() * at.ones(ctx.shape, dtype=g.dtype)

        x = leaf(1.0, 2.0)
        y = Passed.apply(x)
        assert y is not x and not np.shares_memory(y.array, x.array)
        y.mul_(3)
        assert x.tolist() == [1, 2]
        assert at.grad(y.sum(), x)[0].tolist() == [15 * y.array.size] * 2


class TestDirty:
    def test_writes_are_followed(self):
        x = leaf(1.0, 2.0)
        z = x * 3
        assert Double.apply(z) is z
        (z * z).sum().backward()
        assert x.grad.tolist() == [72, 144]

    def test_through_a_view(self):
        x = leaf(1.0, 2.0)
        z = x * 3
        Double.apply(z[:1])
        (z * z).sum().backward()
        assert x.grad.tolist() == [72, 36]

    def test_leaves_are_refused(self):
        with pytest.raises(RuntimeError, match="a leaf tensor that requires grad"):
            Double.apply(leaf(1.0))

    def test_it_has_to_be_returned(self):
        class Lost(Double):
            @staticmethod
            def forward(ctx, x):
                ctx.mark_dirty(x)
                return x.mul_(2) * 1

        with pytest.raises(RuntimeError, match="marked dirty must be returned"):
            Lost.apply(leaf(1.0) * 1)

    def test_untracked(self):
        x = at.ones(2)
        assert Double.apply(x) is x and x.tolist() == [2, 2]


class TestCalls:
    def test_needs_input_grad(self):
        class Product(Function):
            needed = None

            @staticmethod
            def forward(ctx, x, number, y):
                ctx.save_for_backward(x, y)
                return x * number * y

            @staticmethod
            def backward(ctx, g):
                Product.needed = ctx.needs_input_grad
                x, y = ctx.saved_tensors
                return g * y * 2, None, g * x * 2

        x = leaf(3.0)
        assert slope(lambda x: Product.apply(x, 2, at.ones(1)), x) == [2]
        assert Product.needed == (True, False, False)
        assert at.grad(Product.apply(at.ones(1), 2, x), x)[0].tolist() == [2]
        assert Product.needed == (False, False, True)

    def test_setup_context_defaults_and_names(self):
        class Scale(Function):
            @staticmethod
            def forward(x, factor=3.0):
                return x * factor

            @staticmethod
            def setup_context(ctx, inputs, output):
                ctx.factor = inputs[1]
                assert output.shape == inputs[0].shape

            @staticmethod
            def backward(ctx, g):
                return g * ctx.factor, None

        assert slope(Scale.apply, leaf(1.0)) == [3]
        assert slope(lambda x: Scale.apply(x, 4.0), leaf(1.0)) == [4]
        assert slope(lambda x: Scale.apply(factor=5.0, x=x), leaf(1.0)) == [5]
        assert slope(lambda x: Square.apply(x=x), leaf(4.0)) == [8]

    def test_without_recording(self):
        x = leaf(1.0)
        with at.no_grad():
            assert not Square.apply(x).requires_grad
        assert not Square.apply(at.ones(1)).requires_grad

    def test_a_tape_of_its_own(self):
        class Taped(Function):
            @staticmethod
            def forward(ctx, x):
                with at.enable_grad():
                    ctx.x = x.detach().requires_grad_()
                    ctx.y = ctx.x**3
                return ctx.y.detach()

            @staticmethod
            def backward(ctx, g):
                with at.enable_grad():
                    return at.grad(ctx.y, ctx.x, g)

        assert slope(Taped.apply, leaf(1.0, 2.0)) == [3, 12]

    def test_names(self):
        y = Square.apply(leaf(1.0))
        assert y.grad_fn.next_functions[0][0].name == "Square" == y.grad_fn.name

    def test_what_is_not_defined(self):
        class Half(Function):
            @staticmethod
            def forward(ctx, x):
                return x

        with pytest.raises(NotImplementedError, match="static method forward"):
            Function.apply(leaf(1.0))
        with pytest.raises(NotImplementedError, match="static method backward"):
            Half.apply(leaf(1.0)).sum().backward()


class TestGradients:
    @pytest.mark.parametrize(
        "returned, error, message",
        [
            (lambda g: (), RuntimeError, "incorrect number of gradients: 0 for 2"),
            (lambda g: g, RuntimeError, "incorrect number of gradients: 1 for 2"),
            (lambda g: (g, g), RuntimeError, "argument 1 is no tensor: return None"),
            (lambda g: (3.0, None), TypeError, "gradient 0 is a float"),
            (lambda g: (g.sum(), None), RuntimeError, r"index 0: got \(\) but expected"),
            (lambda g: (g, None, g), RuntimeError, "incorrect number of gradients: 3 for 2"),
        ],
    )
    def test_they_are_checked(self, returned, error, message):
        class Wrong(Function):
            @staticmethod
            def forward(ctx, x, number):
                return x * number

            @staticmethod
            def backward(ctx, g):
                return returned(g)

        with pytest.raises(error, match=message):
            Wrong.apply(leaf(1.0, 2.0), 3).sum().backward()

    @pytest.mark.parametrize(
        "returned, expected",
        [
            (lambda g: (g, None, None), [1, 1]),
            (lambda g: (g[None].expand(3, 2), None), [3, 3]),
            (lambda g: (g.float(), None), [1, 1]),
            (lambda g: (None, None), [0, 0]),
        ],
    )
    def test_they_are_fitted(self, returned, expected):
        class Fitted(Square):
            @staticmethod
            def forward(ctx, x, number):
                return x * number

            @staticmethod
            def backward(ctx, g):
                return returned(g)

        x = leaf(1.0, 2.0)
        (g,) = at.grad(Fitted.apply(x, 3).sum(), x, materialize_grads=True)
        assert g.tolist() == expected and g.dtype == at.float64

    def test_once_differentiable(self):
        class Once(Square):
            @staticmethod
            @once_differentiable
            def backward(ctx, g):
                assert not at.is_grad_enabled()
                return at.from_numpy(2 * ctx.saved_tensors[0].array * g.array)

        x = leaf(1.0, 2.0)
        assert slope(Once.apply, x) == [2, 4]
        (g,) = at.grad(Once.apply(x).sum(), x, create_graph=True)
        assert g.tolist() == [2, 4]
        with pytest.raises(RuntimeError, match=r"marked with @once_differentiable: Once\.backward"):
            g.sum().backward()


def test_nothing_is_left_to_the_collector():
    gc.collect()
    x = leaf(1.0, 2.0)
    for function in (Square.apply, Exp.apply, lambda x: Double.apply(x * 1)):
        y = function(x)
        node, array = weakref.ref(y.node), weakref.ref(y.array)
        (g,) = at.grad(y.sum(), x, create_graph=True)
        del y, g
        assert node() is None and array() is None
    assert gc.collect() == 0
