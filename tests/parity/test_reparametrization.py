"""Weight and spectral normalisation beside PyTorch's: state, values, gradients."""

import warnings

import numpy as np
import pytest

import autotensor as at

torch = pytest.importorskip("torch")
LAYERS = {
    "linear": (lambda nn: nn.Linear(3, 4), (5, 3)),
    "conv": (lambda nn: nn.Conv2d(2, 4, 3), (1, 2, 5, 5)),
    "transposed": (lambda nn: nn.ConvTranspose2d(2, 4, 3), (1, 2, 5, 5)),
}
FORMS = {
    "weight_norm": lambda nn, m: nn.utils.weight_norm(m),
    "weight_norm of all": lambda nn, m: nn.utils.weight_norm(m, dim=None),
    "spectral_norm": lambda nn, m: nn.utils.spectral_norm(m, n_power_iterations=2),
    "weight parametrization": lambda nn, m: nn.utils.parametrizations.weight_norm(m, dim=1),
    "spectral parametrization": lambda nn, m: nn.utils.parametrizations.spectral_norm(m),
}
REMOVED = {
    "weight_norm": lambda nn, m: nn.utils.remove_weight_norm(m),
    "spectral_norm": lambda nn, m: nn.utils.remove_spectral_norm(m),
    "weight parametrization": lambda nn, m: nn.utils.parametrize.remove_parametrizations(
        m, "weight"
    ),
}


def same(a, b, **tolerance):
    tolerance = {"rtol": 1e-4, "atol": 1e-5} | tolerance
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), **tolerance)


def quiet(call, *args):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return call(*args)


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("form", FORMS)
def test_forms(layer, form):
    make, shape = LAYERS[layer]
    theirs, ours = (quiet(FORMS[form], lib.nn, make(lib.nn)) for lib in (torch, at))
    state = theirs.state_dict()
    assert list(ours.state_dict()) == list(state)
    ours.load_state_dict({k: at.tensor(v.numpy()) for k, v in state.items()})
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    for step in range(3):
        if step == 2:
            ours.eval(), theirs.eval()
        a, b = ours(at.tensor(x)), theirs(torch.tensor(x))
        same(a, b)
        ours.zero_grad(), theirs.zero_grad()
        (a**2).sum().backward(), (b**2).sum().backward()
        for (name, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
            assert p.grad is not None, name
            same(p.grad, q.grad, rtol=1e-3, atol=1e-4)
        for p, q in zip(ours.buffers(), theirs.buffers(), strict=True):
            same(p, q)
    if form in REMOVED:
        before = ours(at.tensor(x))
        REMOVED[form](at.nn, ours), REMOVED[form](torch.nn, theirs)
        assert sorted(ours.state_dict()) == sorted(theirs.state_dict()) == ["bias", "weight"]
        assert type(ours) is type(make(at.nn)) and isinstance(ours.weight, at.nn.Parameter)
        same(ours(at.tensor(x)), before)
        same(ours.weight, theirs.weight)


def test_errors():
    for lib in (at, torch):
        utils, layer = lib.nn.utils, lib.nn.Linear(2, 3)
        with pytest.raises(ValueError, match="weight_norm of 'weight' not found"):
            utils.remove_weight_norm(layer)
        with pytest.raises(ValueError, match="spectral_norm of 'weight' not found"):
            utils.remove_spectral_norm(layer)
        with pytest.raises(ValueError, match="n_power_iterations"):
            utils.spectral_norm(layer, n_power_iterations=0)
        with pytest.warns(FutureWarning, match="weight_norm"):
            utils.weight_norm(layer)
        with pytest.raises(RuntimeError, match="two weight_norm hooks"):
            quiet(utils.weight_norm, layer)


def test_parametrizations_of_ones_own():
    for lib in (at, torch):
        nn = lib.nn

        class Symmetric(nn.Module):
            def forward(self, x):
                return x.triu() + x.triu(1).T

            def right_inverse(self, x):
                return x.triu()

        class Doubled(nn.Module):
            def forward(self, x):
                return x * 2

        parametrize, layer = nn.utils.parametrize, nn.Linear(3, 3)
        assert not parametrize.is_parametrized(layer)
        kept = layer.weight.detach().clone()
        parametrize.register_parametrization(layer, "weight", Symmetric())
        assert parametrize.is_parametrized(layer, "weight")
        assert not parametrize.is_parametrized(layer, "bias")
        same(layer.weight, layer.weight.T)
        same(layer.weight.triu(), kept.triu())
        parametrize.register_parametrization(layer, "weight", Doubled())
        same(layer.weight.triu(), 2 * kept.triu())
        assert type(layer).__name__ == "ParametrizedLinear"
        assert [*layer.state_dict()] == ["bias", "parametrizations.weight.original"]
        layer(lib.ones(1, 3)).sum().backward()
        assert layer.parametrizations.weight.original.grad is not None
        with pytest.raises(RuntimeError):
            layer.weight = lib.eye(3)  # Doubled has no way back
        parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)
        same(layer.weight, kept.triu())
        parametrize.register_parametrization(layer, "weight", Symmetric())
        layer.weight = lib.eye(3)
        same(layer.weight, lib.eye(3))
        with pytest.raises(ValueError, match="shape"):
            nn.utils.parametrize.register_parametrization(layer, "bias", nn.Linear(3, 2))
        with pytest.raises(ValueError, match="does not have a parameter"):
            nn.utils.parametrize.register_parametrization(layer, "wait", Doubled())


@pytest.mark.parametrize("name", ["clip_grad_norm_", "clip_grad_value_"])
def test_clipping(name):
    found = []
    for lib in (at, torch):
        x = lib.ones(3).requires_grad_()
        (x * lib.arange(3.0)).sum().backward()
        getattr(lib.nn.utils, name)(iter([x]), 1.2, foreach=False)
        found.append(x.grad)
    same(*found)
