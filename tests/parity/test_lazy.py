"""Layers that take their sizes from the first input, beside PyTorch's."""

import copy
import pickle
import warnings

import numpy as np
import pytest

import autotensor as at

torch = pytest.importorskip("torch")
CASES = [
    (lambda nn: nn.LazyLinear(3), (2, 4)),
    (lambda nn: nn.LazyLinear(3, bias=False), (2, 5, 4)),
    (lambda nn: nn.LazyConv1d(4, 3, stride=2), (2, 3, 9)),
    (lambda nn: nn.LazyConv2d(4, 3, padding=1, groups=2), (2, 6, 5, 5)),
    (lambda nn: nn.LazyConv2d(4, (3, 1)), (6, 5, 5)),
    (lambda nn: nn.LazyConv3d(4, 3, bias=False), (2, 3, 5, 5, 5)),
    (lambda nn: nn.LazyConvTranspose1d(4, 3), (2, 3, 9)),
    (lambda nn: nn.LazyConvTranspose2d(4, 3, 2, output_padding=1, groups=2), (2, 6, 5, 5)),
    (lambda nn: nn.LazyConvTranspose3d(2, 2), (1, 3, 2, 2, 2)),
    (lambda nn: nn.LazyBatchNorm1d(), (4, 3)),
    (lambda nn: nn.LazyBatchNorm2d(momentum=None), (2, 3, 4, 4)),
    (lambda nn: nn.LazyBatchNorm3d(affine=False), (2, 3, 2, 2, 2)),
    (lambda nn: nn.LazyInstanceNorm1d(), (2, 3, 4)),
    (lambda nn: nn.LazyInstanceNorm2d(affine=True), (2, 3, 4, 4)),
    (lambda nn: nn.LazyInstanceNorm3d(track_running_stats=True), (2, 3, 2, 2, 2)),
]
every = pytest.mark.parametrize(("make", "shape"), CASES)


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Lazy modules are a new feature")
        yield


def same(a, b):
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-4, atol=1e-5)


@every
@pytest.mark.parametrize("loaded", [False, True])
def test_first_forward(make, shape, loaded):
    ours, theirs = make(at.nn), make(torch.nn)
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert ours.has_uninitialized_params() == theirs.has_uninitialized_params()
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    if not loaded:
        ours(at.tensor(x))
    before = list(ours.parameters())
    theirs(torch.tensor(x))
    ours.load_state_dict({k: at.tensor(v.numpy()) for k, v in theirs.state_dict().items()})
    same(ours(at.tensor(x)), theirs(torch.tensor(x)))
    assert type(ours).__name__ == type(theirs).__name__ and repr(ours) == repr(theirs)
    assert [p.shape for p in ours.parameters()] == [tuple(p.shape) for p in theirs.parameters()]
    assert all(a is b for a, b in zip(before, ours.parameters(), strict=True))
    for a, b in zip(ours.buffers(), theirs.buffers(), strict=True):
        same(a, b)


def model(nn):
    return nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(2))


def test_optimizers_made_before():
    for lib in (at, torch):
        lib.manual_seed(0)
        net = model(lib.nn)
        optimizer = lib.optim.Adam(net.parameters(), lr=0.1)
        listed = list(net.parameters())
        x = lib.randn(8, 1, 5, 5)
        net(x).square().mean().backward()
        assert all(a is b for a, b in zip(listed, net.parameters(), strict=True))
        before = [p.detach().clone() for p in listed]
        optimizer.step()
        assert all((a != b).any() for a, b in zip(before, listed, strict=True) if b.grad.any())
        assert type(net[0]) is lib.nn.Conv2d and type(listed[0]) is lib.nn.Parameter


def test_initialisers_after_a_dry_run():
    net = model(at.nn)
    with pytest.raises(ValueError, match="uninitialized parameter"):
        net.apply(lambda m: hasattr(m, "weight") and at.nn.init.constant_(m.weight, 0.5))
    with at.no_grad():
        net(at.ones(2, 1, 5, 5))
    net.apply(lambda m: hasattr(m, "weight") and at.nn.init.constant_(m.weight, 0.5))
    assert all((m.weight == 0.5).all() for m in net if hasattr(m, "weight"))


def test_what_has_no_shape_says_so():
    for lib in (at, torch):
        weight = lib.nn.LazyLinear(3).weight
        assert repr(weight) == "<UninitializedParameter>" and isinstance(weight, lib.nn.Parameter)
        assert weight.requires_grad and weight.dtype == lib.float32
        with pytest.raises(RuntimeError, match="Can't access the shape"):
            weight.shape  # noqa: B018
        with pytest.raises(ValueError, match="uninitialized parameter"):
            weight + 1
        with pytest.raises(RuntimeError):
            lib.nn.Linear(2, 3).load_state_dict(lib.nn.LazyLinear(3).state_dict())
        fresh = lib.nn.LazyLinear(3)
        fresh.load_state_dict(lib.nn.LazyLinear(3).state_dict())
        assert fresh.has_uninitialized_params()
        loaded = lib.nn.LazyLinear(3)
        loaded.load_state_dict(lib.nn.Linear(4, 3).state_dict())
        assert loaded.weight.shape == (3, 4) and not loaded.has_uninitialized_params()
        with pytest.raises(RuntimeError):
            lib.nn.LazyConv2d(3, 3)(lib.zeros(2, 2))


def test_copies_and_conversion():
    net = model(at.nn).double()
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert twin[0].has_uninitialized_params() and twin[0].weight is not net[0].weight
        assert twin(at.ones(3, 1, 5, 5, dtype=at.float64)).dtype == at.float64
        assert twin[0].weight.dtype == at.float64
    frozen = at.nn.LazyLinear(2).requires_grad_(False)
    frozen(at.ones(1, 3))
    assert not frozen.weight.requires_grad
    frozen.requires_grad_()
    frozen(at.ones(1, 3)).sum().backward()
    assert frozen.weight.grad.shape == (2, 3)
    parameter = at.nn.UninitializedParameter(requires_grad=False)
    parameter.materialize((2, 3), dtype=at.float64)
    assert type(parameter) is at.nn.Parameter and parameter.shape == (2, 3)
    assert parameter.dtype == at.float64 and not parameter.requires_grad
