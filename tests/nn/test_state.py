"""States given out and taken in, with what users hang on it; other methods of all modules."""

import numpy as np
import pytest

import autotensor as at
from autotensor import nn


def net():
    return nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.BatchNorm1d(3)))


def test_hooks_see_every_module_s_state():
    model, seen = net(), []
    model.register_state_dict_pre_hook(lambda *args: seen.append(("before", *args[1:])))
    handle = model[1].register_state_dict_post_hook(
        lambda module, state, prefix, metadata: seen.append((prefix, sorted(state)[:1]))
    )
    renamed = model.register_state_dict_post_hook(
        lambda module, state, prefix, metadata: state.update(version=at.tensor(1))
    )
    state = model.state_dict()
    assert seen == [("before", "", False), ("1.", ["0.bias"])]
    assert "version" in state
    handle.remove(), renamed.remove()
    model[1].register_state_dict_post_hook(lambda *args: 1)
    with pytest.raises(RuntimeError, match="must return None"):
        model.state_dict()


def test_hooks_change_what_is_loaded():
    model = net()
    old = {f"old.{key}": value for key, value in net().state_dict().items()}

    def rename(module, state, prefix, metadata, strict, missing, unexpected, errors):
        for key in [key for key in state if key.startswith("old.")]:
            state[key[4:]] = state.pop(key)

    handle = model.register_load_state_dict_pre_hook(rename)
    model.load_state_dict(old)
    assert "old.0.bias" in old  # the user's dict stays
    np.testing.assert_array_equal(model[0].weight.tolist(), old["old.0.weight"].tolist())
    handle.remove()
    part = {"0.weight": at.zeros(3, 2), "more": at.zeros(1)}
    with pytest.raises(RuntimeError, match="Missing key"):
        model.load_state_dict(part)
    assert model[0].weight.any()  # nothing was written
    model.register_load_state_dict_post_hook(lambda module, keys: keys.missing_keys.clear())
    with pytest.raises(RuntimeError, match='state_dict: "more"'):
        model.load_state_dict(part)
    model.register_load_state_dict_post_hook(lambda module, keys: keys.unexpected_keys.clear())
    model.load_state_dict(part)
    assert not model[0].weight.any()


def test_extra_state():
    class Counting(nn.Linear):
        count = 0

        def get_extra_state(self):
            return {"count": self.count}

        def set_extra_state(self, state):
            self.count = state["count"]

    model, other = nn.Sequential(Counting(2, 3)), nn.Sequential(Counting(2, 3))
    model[0].count = 5
    state = model.state_dict()
    assert list(state) == ["0.weight", "0.bias", "0._extra_state"]
    other.load_state_dict(state)
    assert other[0].count == 5
    del state["0._extra_state"]
    with pytest.raises(RuntimeError, match="_extra_state"):
        other.load_state_dict(state)
    with pytest.raises(RuntimeError, match="Unexpected"):
        nn.Sequential(nn.Linear(2, 3)).load_state_dict(model.state_dict())


def test_methods_of_programs_elsewhere():
    model = net()
    assert model.share_memory() is model and model.to_empty(device="cpu") is model
    assert model.type(at.float64)[0].weight.dtype == at.float64
    assert model[1][0].num_batches_tracked.dtype == at.int64
    assert model.compile() is None
    model.set_submodule("1.0", nn.Identity())
    assert type(model[1][0]) is nn.Identity
    model.set_submodule("1.more", nn.ReLU())
    assert type(model[1].more) is nn.ReLU
    with pytest.raises(AttributeError):
        model.set_submodule("1.other", nn.ReLU(), strict=True)
    with pytest.raises(AttributeError, match="is not an"):
        model.set_submodule("0.weight", nn.ReLU())
    with pytest.raises(ValueError, match="is not an"):
        model.set_submodule("0", 1)
    with pytest.raises(ValueError, match="target name"):
        model.set_submodule("", nn.ReLU())
    seen = []
    layer = nn.Linear(2, 3)
    layer.register_backward_hook(lambda module, into, out: seen.append(out[0].shape))
    layer(at.ones(4, 2).requires_grad_()).sum().backward()
    assert seen == [(4, 3)]


def test_dicts_of_parameters():
    a, b = nn.Parameter(at.zeros(1)), nn.Parameter(at.ones(1))
    first = nn.ParameterDict({"a": a})
    joined = first | {"b": b}
    assert list(joined) == ["a", "b"] and joined["b"] is b and list(first) == ["a"]
    assert list({"b": b} | first) == ["b", "a"]
    first |= {"b": b}
    assert isinstance(first, nn.ParameterDict) and list(first) == ["a", "b"]
    assert first.copy() is not first and list(first.copy().items()) == [("a", a), ("b", b)]
    assert list(first.fromkeys(["x", "y"], at.zeros(2))) == ["x", "y"]
    assert first.pop("a") is a and first.setdefault("c", a) is a and list(first) == ["b", "c"]


OLD = "constant dirac eye kaiming_normal kaiming_uniform normal orthogonal sparse uniform "
OLD += "xavier_normal xavier_uniform"


@pytest.mark.parametrize("name", OLD.split())
def test_older_names_of_initialisers(name):
    arguments = {"constant": (0.5,), "sparse": (0.25,)}.get(name, ())
    shape = (4, 4, 3) if name == "dirac" else (4, 5)
    found = []
    for suffix in ("", "_"):
        at.manual_seed(0)
        x, function = at.zeros(*shape), getattr(nn.init, name + suffix)
        if suffix:
            assert function(x, *arguments) is x
        else:
            with pytest.warns(FutureWarning, match=rf"in favor of `nn.init.{name}_`"):
                assert function(x, *arguments) is x
        found.append(x.numpy())
    np.testing.assert_array_equal(*found)


def test_sparse():
    x = nn.init.sparse_(at.zeros(10, 50), 0.25, std=2.0)
    assert ((x == 0).sum(0) == 3).all() and 1.5 < x[x != 0].std().item() < 2.5
    with pytest.raises(ValueError, match="2 dimensions"):
        nn.init.sparse_(at.zeros(3), 0.1)


def test_bases_of_kinds_of_layers():
    kinds = {nn._BatchNorm: nn.BatchNorm3d, nn._InstanceNorm: nn.InstanceNorm1d,
             nn._ConvNd: nn.ConvTranspose2d, nn._Loss: nn.CTCLoss, nn.RNNBase: nn.GRU,
             nn.RNNCellBase: nn.LSTMCell}  # fmt: skip
    for base, kind in kinds.items():
        assert [base for base in kinds if issubclass(kind, base)] == [base]
