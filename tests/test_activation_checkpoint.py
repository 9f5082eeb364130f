"""Checkpointing: the same gradients, with less memory, or an error."""

import weakref

import numpy as np
import pytest

import autotensor as at
from autotensor import nn
from autotensor.checkpoint import checkpoint, checkpoint_sequential


def network():
    return nn.Sequential(
        *(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 16)),
        *(nn.LayerNorm(16), nn.ReLU(inplace=True), nn.Linear(16, 4)),
    )


def step(module, x, forward):
    """Values and all gradients of one training step."""
    at.manual_seed(3)
    module.zero_grad()
    x.grad = None
    y = forward(module, x)
    (y.sin() * y).sum().backward()
    return [y, x.grad, *(p.grad for p in module.parameters()), at.randn(2)]


def equal_bits(found, expected):
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a.array, b.array)


class TestGradients:
    @pytest.mark.parametrize(
        "forward",
        [
            checkpoint,
            lambda m, x: checkpoint(checkpoint, m, x),
            lambda m, x: checkpoint(lambda: m(x)),
            *(lambda m, x, n=n: checkpoint_sequential(m, n, x) for n in (1, 2, 3, 4)),
            lambda m, x: checkpoint_sequential(list(m), 2, x, use_reentrant=False),
        ],
    )
    def test_they_are_the_same_bits(self, forward):
        module, x = network(), at.randn(6, 8, requires_grad=True)
        equal_bits(step(module, x, forward), step(module, x, lambda m, x: m(x)))

    def test_convolutions(self):
        module = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())
        x = at.randn(2, 1, 8, 8, requires_grad=True)
        equal_bits(step(module, x, checkpoint), step(module, x, lambda m, x: m(x)))

    def test_nested_arguments_and_results(self):
        def f(pair, *, scale, name):
            return {"y": pair[0] * pair[1] * scale, "z": [pair[1].exp(), name, pair[1].long()]}

        x, w = at.randn(3, requires_grad=True), at.randn(3, requires_grad=True)
        found = []
        for call in (f, lambda *args, **named: checkpoint(f, *args, **named)):
            out = call((x, w), scale=2.0, name="n")
            assert out["z"][1] == "n" and not out["z"][2].requires_grad
            found.append(at.grad((out["y"] * out["z"][0]).sum(), (x, w)))
        equal_bits(*found)

    def test_results_that_gradients_do_not_come_from(self):
        x = at.randn(3, requires_grad=True)
        y, _ = checkpoint(lambda x: (x * 2, x.exp()), x)
        y.sum().backward()
        assert x.grad.tolist() == [2, 2, 2]

    def test_arguments_made_from_each_other(self):
        x = at.tensor(2.0, requires_grad=True)
        y = x * x
        z = checkpoint(lambda a, b: a * b, x, y)
        assert at.grad(z, (x, y), retain_graph=True)[1].item() == 2
        assert at.grad(z, x)[0].item() == 12

    def test_hooks_run_once(self):
        x = at.tensor(2.0, requires_grad=True)
        y = x * 3
        for tensor in (x, y):
            tensor.register_hook(lambda g: g * 10)
        checkpoint(lambda: x * y).backward()
        assert x.grad.item() == 10 * (6 + 3 * 10 * 2)

    def test_retained_graphs(self):
        x = at.tensor(2.0, requires_grad=True)
        y = checkpoint(lambda x: x**3, x)
        y.backward(retain_graph=True)
        y.backward()
        assert x.grad.item() == 24
        with pytest.raises(RuntimeError, match="a second time"):
            y.backward()

    def test_higher_orders(self):
        x, w = at.randn(4, requires_grad=True), at.randn(4, requires_grad=True)

        def f(x):
            return (x * w).sin() * x

        def penalty(f):
            (g,) = at.grad(f(x).sum(), x, create_graph=True)
            return at.grad(g.square().sum(), (x, w))

        equal_bits(penalty(lambda x: checkpoint(f, x)), penalty(f))

    def test_with_transforms(self):
        x = at.randn(4).double()
        found = at.func.hessian(lambda x: checkpoint(lambda x: (x**3).prod(), x))(x)
        np.testing.assert_allclose(found.array, at.func.hessian(lambda x: (x**3).prod())(x).array)
        g = at.func.grad(
            lambda x: checkpoint(lambda x: at.func.grad(lambda y: (y**3).sum())(x), x).sum()
        )
        np.testing.assert_allclose(g(x).array, 6 * x.array, rtol=1e-12)

    def test_results_do_not_share_memory_with_arguments(self):
        x = at.randn(3, requires_grad=True)
        z = x * 1
        part, same = checkpoint(lambda z: (z[:2], z), z)
        assert same is z
        part.mul_(3)
        np.testing.assert_array_equal(z.array, x.array)
        assert at.grad(part.sum(), x)[0].tolist() == [3, 3, 0]

    def test_without_gradients(self):
        assert not checkpoint(lambda x: x * 2, at.ones(2)).requires_grad
        x = at.randn(3, requires_grad=True)
        with at.no_grad():
            assert not checkpoint(lambda x: x * 2, x).requires_grad


class TestMemory:
    def test_intermediate_values_are_forgotten(self):
        alive = []

        def part(x):
            for _ in range(5):
                x = x.tanh()
                alive.append(weakref.ref(x.array))
            return x

        def saved(forward):
            """How many intermediate values live after forward, and at most in backward."""
            alive.clear()
            peak = []

            def count(_=None):
                peak.append(sum(array() is not None for array in alive))

            x = at.randn(10, requires_grad=True)
            for _ in range(4):
                x = forward(x)
                x.register_hook(count)
            count()
            after = peak.pop()
            x.sum().backward()
            return after, max(peak)

        assert saved(part) == (20, 20)
        after, peak = saved(lambda x: checkpoint(part, x))
        assert after == 4 and peak <= 4 + 5

    def test_the_graph_of_a_part_is_forgotten(self):
        nodes = []

        def part(x):
            y = x.exp()
            nodes.append(weakref.ref(y.node))
            return y.sin()

        x = at.randn(3, requires_grad=True)
        y = checkpoint(part, x)
        assert nodes[0]() is None
        y.sum().backward()
        assert nodes[1]() is None


class TestErrors:
    def test_parameters_that_changed(self):
        module, x = nn.Linear(4, 4), at.randn(2, 4)
        y = checkpoint(module, x)
        with at.no_grad():
            module.weight.mul_(2)
        with pytest.raises(
            RuntimeError, match=r"gave other results.*optimizer\.step\(\) comes after"
        ):
            y.sum().backward()

    def test_arguments_that_changed(self):
        x = at.randn(3, requires_grad=True) * 1
        y = checkpoint(lambda x: x.exp(), x)
        x.mul_(2)
        with pytest.raises(RuntimeError, match=r"gradient of checkpoint needs.*overwritten"):
            y.sum().backward()

    def test_another_mode(self):
        module, x = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5)), at.randn(2, 4)
        y = checkpoint(module, x)
        module.eval()
        with pytest.raises(RuntimeError, match="gave other results"):
            y.sum().backward()

    def test_random_numbers_that_are_not_preserved(self):
        x = at.randn(100, requires_grad=True)

        def noisy(x):
            return nn.functional.dropout(x)

        with pytest.raises(RuntimeError, match="gave other results"):
            checkpoint(noisy, x, preserve_rng_state=False).sum().backward()
        y = checkpoint(noisy, x, preserve_rng_state=False, determinism_check="none")
        y.sum().backward()
        assert ((x.grad == 0) != (y == 0)).any()

    def test_writes_to_arguments(self):
        x = at.randn(3, requires_grad=True) * 1
        with pytest.raises(RuntimeError, match=r"writes in place to its argument of shape \(3,\)"):
            checkpoint(lambda x: x.mul_(2).exp(), x)

    def test_leaves_made_inside(self):
        x = at.randn(3, requires_grad=True)
        with pytest.raises(RuntimeError, match=r"makes a leaf .* of shape \(3,\).*make it outside"):
            checkpoint(lambda x: x * at.ones(3, requires_grad=True), x)

    def test_arguments(self):
        with pytest.raises(ValueError, match="not 'maybe'"):
            checkpoint(lambda x: x, at.ones(1), determinism_check="maybe")
        for segments in (0, 9):
            with pytest.raises(ValueError, match=f"{segments} segments of 8 functions"):
                checkpoint_sequential(network(), segments, at.ones(1))

    def test_the_generator_goes_on_after_an_exception(self):
        x = at.randn(3, requires_grad=True)
        calls = []

        def failing(x):
            calls.append(at.randn(1))
            if len(calls) > 1:
                raise ZeroDivisionError
            return x.exp()

        y = checkpoint(failing, x)
        state = at.default_generator.get_state()
        with pytest.raises(ZeroDivisionError):
            y.sum().backward()
        assert at.default_generator.get_state() == state
        assert calls[0].tolist() == calls[1].tolist()
