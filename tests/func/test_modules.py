"""Modules called with other parameters and buffers."""

import numpy as np
import pytest

import autotensor as at
from autotensor import nn
from autotensor.func import functional_call, grad, stack_module_state, vmap


class Tied(nn.Module):
    """A weight at two paths, and a buffer that forward assigns anew."""

    def __init__(self):
        super().__init__()
        self.a = nn.Linear(2, 2, bias=False)
        self.b = nn.Linear(2, 2, bias=False)
        self.b.weight = self.a.weight
        self.register_buffer("calls", at.zeros(()))

    def forward(self, x, fail=False):
        self.calls = self.calls + 1
        if fail:
            raise ZeroDivisionError
        return self.b(self.a(x))


W, X = at.eye(2) * 2, at.ones(1, 2)


def state(module):
    tensors = [*module.named_parameters(remove_duplicate=False), *module.named_buffers()]
    return [(name, id(tensor), tensor.tolist()) for name, tensor in tensors]


class TestFunctionalCall:
    @pytest.mark.parametrize(
        "given", [{"a.weight": W}, {"b.weight": W}, {"a.weight": W, "b.weight": W}]
    )
    def test_ties(self, given):
        module = Tied()
        before = state(module)[:2]
        assert functional_call(module, given, X).tolist() == [[4, 4]]
        assert state(module)[:2] == before and isinstance(module.a.weight, nn.Parameter)

    def test_untied(self):
        module = Tied()
        y = functional_call(module, {"a.weight": W}, X, tie_weights=False)
        np.testing.assert_allclose(y.array, (module.b(X @ W)).array)
        both = {"a.weight": W, "b.weight": W * 3}
        assert functional_call(module, both, X, tie_weights=False).tolist() == [[12, 12]]
        with pytest.raises(ValueError, match=r"\['a.weight', 'b.weight'\], which are tied"):
            functional_call(module, both, X)

    def test_the_module_is_as_before_after_an_exception(self):
        module = Tied()
        before = state(module)
        with pytest.raises(ZeroDivisionError):
            functional_call(module, {"a.weight": W, "calls": at.tensor(5.0)}, X, {"fail": True})
        assert state(module) == before

    def test_new_buffers_go_to_the_dict(self):
        module, given = Tied(), {"a.weight": W, "calls": at.tensor(5.0)}
        functional_call(module, given, X)
        assert given["calls"].item() == 6 and module.calls.item() == 0
        assert given["a.weight"] is W and given.keys() == {"a.weight", "calls"}

    def test_running_statistics_are_those_given(self):
        norm = nn.BatchNorm1d(2)
        before = norm.state_dict()
        before = {name: tensor.tolist() for name, tensor in before.items()}
        given = {name: tensor.clone() for name, tensor in norm.named_buffers()}
        functional_call(norm, given, at.randn(4, 2))
        assert {name: tensor.tolist() for name, tensor in norm.state_dict().items()} == before
        assert given["running_mean"].tolist() != before["running_mean"]

    def test_gradients(self):
        module = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
        given = {name: p.detach() for name, p in module.named_parameters()}
        found = grad(lambda p: functional_call(module, p, X).sum())(given)
        module(X).sum().backward()
        for name, parameter in module.named_parameters():
            np.testing.assert_array_equal(found[name].array, parameter.grad.array)

    def test_per_sample_gradients(self):
        module, x = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)), at.randn(5, 2)
        given = {name: p.detach() for name, p in module.named_parameters()}

        def loss(p, row):
            return functional_call(module, p, row[None]).square().sum()

        each = vmap(grad(loss), in_dims=(None, 0))(given, x)
        for number in range(5):
            module.zero_grad()
            module(x[number : number + 1]).square().sum().backward()
            for name, parameter in module.named_parameters():
                np.testing.assert_array_equal(each[name][number].array, parameter.grad.array)

    def test_calls(self):
        module = Tied()
        given = {"a.weight": W}
        assert functional_call(module, given, kwargs={"x": X}).tolist() == [[4, 4]]
        parts = ({"a.weight": W}, {"calls": at.tensor(5.0)})
        assert functional_call(module, parts, (X,), strict=True).tolist() == [[4, 4]]
        assert module.calls.item() == 1  # by the call that was not given it

    @pytest.mark.parametrize(
        "given, error, message",
        [
            ({"c.weight": W}, AttributeError, "no attribute 'c'"),
            ({"a.training": W}, AttributeError, "Linear has no parameter or buffer 'training'"),
            ({"a.weight": 3}, TypeError, "'a.weight' must be a Tensor, got int"),
            (({"a.weight": W}, {"a.weight": W}), ValueError, "in more than one dict"),
            ([W], ValueError, "a dict or a tuple of dicts"),
        ],
    )
    def test_errors(self, given, error, message):
        module = Tied()
        before = state(module)
        with pytest.raises(error, match=message):
            functional_call(module, given, X)
        assert state(module) == before

    def test_strict(self):
        with pytest.raises(
            RuntimeError, match=r"missing keys \['calls'\], unexpected keys \['z'\]"
        ):
            functional_call(Tied(), {"a.weight": W, "z": W}, X, strict=True)


class TestStackModuleState:
    def test_an_ensemble(self):
        models = [nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)).eval() for _ in range(4)]
        parameters, buffers = stack_module_state(models)
        assert parameters["0.weight"].shape == (4, 3, 2) and parameters["0.weight"].is_leaf
        assert all(p.requires_grad for p in parameters.values())
        assert not any(b.requires_grad for b in buffers.values())

        def call(p, b, x):
            return functional_call(models[0], (p, b), x)

        x = at.randn(5, 2)
        y = vmap(call, in_dims=(0, 0, None))(parameters, buffers, x)
        np.testing.assert_array_equal(y.array, np.stack([m(x).array for m in models]))
        y.sum().backward()
        assert parameters["0.weight"].grad.shape == (4, 3, 2)

    def test_errors(self):
        with pytest.raises(RuntimeError, match="at least one model"):
            stack_module_state([])
        with pytest.raises(RuntimeError, match="one class"):
            stack_module_state([Tied(), nn.Linear(2, 2)])
        with pytest.raises(RuntimeError, match="the same mode"):
            stack_module_state([Tied(), Tied().eval()])
