"""Module: registration, traversal, state, hooks, copying, messages."""

import copy
import pickle

import numpy as np
import pytest

import autotensor as at
from autotensor import nn
from autotensor.tensor import Tensor


class Scale(nn.Module):
    """A module with one of everything."""

    def __init__(self, size=2):
        super().__init__()
        self.weight = nn.Parameter(at.ones(size))
        self.register_parameter("bias", None)
        self.register_buffer("seen", at.zeros(size))
        self.register_buffer("scratch", at.zeros(size), persistent=False)

    def forward(self, x, factor=1.0):
        return x * self.weight * factor


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = Scale()
        self.rest = nn.Sequential(Scale(), nn.Identity())

    def forward(self, x):
        return self.rest(self.first(x))


@pytest.fixture
def net():
    return Net()


def values(shape=(3, 2), **options):
    return at.arange(np.prod(shape), dtype=at.float32).reshape(shape).requires_grad_(**options)


# -- registration --------------------------------------------------------------------------------


def test_assignment_registers_in_order(net):
    assert [name for name, _ in net.named_parameters()] == ["first.weight", "rest.0.weight"]
    assert [name for name, _ in net.named_buffers()] == [
        "first.seen",
        "first.scratch",
        "rest.0.seen",
        "rest.0.scratch",
    ]
    assert [name for name, _ in net.named_modules()] == ["", "first", "rest", "rest.0", "rest.1"]
    assert [name for name, _ in net.named_children()] == ["first", "rest"]
    assert dict(net.first._parameters) == {"weight": net.first.weight, "bias": None}


def test_an_attribute_that_becomes_a_parameter_moves_to_the_end():
    module = nn.Module()
    module.a = None
    module.b = nn.Parameter(at.ones(1))
    module.a = nn.Parameter(at.ones(1))
    assert [name for name, _ in module.named_parameters()] == ["b", "a"]


def test_a_reserved_parameter_keeps_its_place():
    module = nn.Module()
    module.register_parameter("a", None)
    module.b = nn.Parameter(at.ones(1))
    module.a = nn.Parameter(at.ones(1))
    assert [name for name, _ in module.named_parameters()] == ["a", "b"]


def test_shared_parameters_modules_and_buffers_appear_once():
    module = nn.Module()
    module.one = Scale()
    module.two = module.one
    module.three = Scale()
    module.three.weight = module.one.weight
    assert len(list(module.parameters())) == 1
    assert len(list(module.modules())) == 3
    assert len(list(module.children())) == 2
    assert len(list(module.named_parameters(remove_duplicate=False))) == 3
    assert [*module.state_dict()] == [
        f"{path}.{name}" for path in ("one", "two", "three") for name in ("weight", "seen")
    ]


def test_modules_in_a_cycle_and_deep_nests_are_walked():
    module = Scale()
    module.again = module
    assert len(list(module.parameters())) == 1
    deep = nn.Identity()
    for _ in range(5000):
        deep = nn.Sequential(deep)
    assert len(list(deep.modules())) == 5001


def test_delete_and_replace():
    module = Scale()
    del module.weight
    assert list(module.parameters()) == []
    with pytest.raises(AttributeError, match="'Scale' object has no attribute 'weight'"):
        module.weight  # noqa: B018
    module.seen = None
    assert [*module.state_dict()] == []
    module.seen = at.ones(3)
    assert [*module.state_dict()] == ["seen"]
    module.seen = nn.Parameter(at.ones(1))
    assert [name for name, _ in module.named_parameters()] == ["seen"]
    assert [name for name, _ in module.named_buffers()] == ["scratch"]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("weight", at.ones(2), "cannot assign 'Tensor' as parameter 'weight'"),
        ("bias", 3, "cannot assign 'int' as parameter 'bias'"),
        ("child", 3, "cannot assign 'int' as child module 'child'"),
        ("seen", [1.0], "cannot assign 'list' as buffer 'seen'"),
    ],
)
def test_assigning_the_wrong_kind_raises(name, value, message):
    module = Scale()
    module.child = nn.Identity()
    with pytest.raises(TypeError, match=message):
        setattr(module, name, value)


@pytest.mark.parametrize(
    ("method", "arguments", "error", "message"),
    [
        ("register_buffer", ("a.b", None), KeyError, r"buffer name can.{1,3}t contain .\."),
        ("register_buffer", ("", None), KeyError, "buffer name can.{1,3}t be empty"),
        ("register_buffer", ("child", None), KeyError, "'child' already exists"),
        ("register_buffer", ("x", 3), TypeError, "'int' object as buffer 'x'"),
        ("register_parameter", (3, None), TypeError, "should be a string. Got int"),
        ("register_parameter", ("x", at.ones(1)), TypeError, "'Tensor' object as parameter"),
        ("add_module", ("train", None), KeyError, "'train' already exists"),
        ("add_module", ("x", 3), TypeError, "'int' object as module 'x'"),
    ],
)
def test_explicit_registration_is_checked(method, arguments, error, message):
    module = nn.Module()
    module.child = nn.Identity()
    with pytest.raises(error, match=message):
        getattr(module, method)(*arguments)


@pytest.mark.parametrize("value", [nn.Identity(), nn.Parameter(at.ones(1))])
def test_forgotten_init_is_named(value):
    class Forgetful(nn.Module):
        def __init__(self):
            self.x = value

    with pytest.raises(AttributeError, match=r"before Module.__init__\(\) call.*Forgetful"):
        Forgetful()


def test_missing_attributes_name_the_class_and_what_is_close(net):
    with pytest.raises(AttributeError, match=r"'Net' object has no attribute 'frist'.*first"):
        net.frist  # noqa: B018
    with pytest.raises(NotImplementedError, match=r'Module \[Module\] is missing.*"forward"'):
        nn.Module()(1)
    assert not hasattr(net, "absent")


def test_registries_are_read_only_views(net):
    with pytest.raises(TypeError, match="does not support item assignment"):
        net._modules["first"] = nn.Identity()


def test_dir_lists_attributes_but_no_positions():
    module = nn.Sequential(nn.Identity())
    assert "0" not in dir(module)
    assert {"weight", "seen", "forward"} <= set(dir(Scale()))


def test_getting_by_path(net):
    assert net.get_submodule("rest.0") is net.rest[0]
    assert net.get_submodule("") is net
    assert net.get_parameter("rest.0.weight") is net.rest[0].weight
    assert net.get_buffer("first.seen") is net.first.seen
    for method, path in [
        ("get_submodule", "first.weight"),
        ("get_submodule", "first.no"),
        ("get_parameter", "first.seen"),
        ("get_buffer", "first.weight"),
    ]:
        with pytest.raises(AttributeError):
            getattr(net, method)(path)


# -- modes and conversion ------------------------------------------------------------------------


def test_train_and_eval_reach_all_and_honour_overrides():
    class Frozen(Scale):
        def train(self, mode=True):
            return super().train(False)

    module = nn.Sequential(Scale(), Frozen())
    assert module.train() is module
    assert [m.training for m in module.modules()] == [True, True, False]
    module.eval()
    assert not any(m.training for m in module.modules())
    with pytest.raises(ValueError, match="expected to be boolean, got 1"):
        module.train(1)


def test_requires_grad_and_zero_grad(net):
    net(values()).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    net.zero_grad(set_to_none=False)
    assert all((p.grad.array == 0).all() for p in net.parameters())
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())
    assert net.requires_grad_(False) is net
    assert not any(p.requires_grad for p in net.parameters())


def test_apply_visits_children_first(net):
    seen = []
    assert net.apply(lambda module: seen.append(type(module).__name__)) is net
    assert seen == ["Scale", "Scale", "Identity", "Sequential", "Net"]


def test_conversion_keeps_parameters_and_converts_gradients():
    module = nn.BatchNorm2d(2)
    weight = module.weight
    (weight * 2).sum().backward()
    assert module.double() is module
    assert module.weight is weight
    assert weight.dtype == weight.grad.dtype == module.running_mean.dtype == np.float64
    assert module.num_batches_tracked.dtype == np.int64
    (weight * 2).sum().backward()
    assert weight.grad.tolist() == [4.0, 4.0]
    assert module.to("cpu", at.float32).weight.dtype == np.float32
    assert module.to(at.zeros(1, dtype=at.float64)).weight.dtype == np.float64
    assert module.half().weight.dtype == np.float16
    assert module.float().cpu().weight.dtype == np.float32
    with pytest.raises(TypeError, match=r"only accepts floating point dtypes.*int64"):
        module.to(at.int64)
    with pytest.raises(RuntimeError, match="cuda"):
        module.to("cuda")


# -- state ---------------------------------------------------------------------------------------


def test_state_dict_is_detached_and_shares_memory(net):
    state = net.state_dict()
    assert [*state] == ["first.weight", "first.seen", "rest.0.weight", "rest.0.seen"]
    assert not any(x.requires_grad for x in state.values())
    assert state["first.weight"].array is net.first.weight.array
    assert net.state_dict(keep_vars=True)["first.weight"] is net.first.weight
    assert [*net.first.state_dict(prefix="a.")] == ["a.weight", "a.seen"]


def test_load_state_dict_copies_tensors_and_arrays(net):
    kept = net.first.weight
    state = {key: np.full(2, number) for number, key in enumerate(net.state_dict())}
    state["rest.0.seen"] = at.tensor([7.0, 8.0])
    result = net.load_state_dict(state)
    assert result == ([], []) and repr(result) == "<All keys matched successfully>"
    assert net.first.weight is kept and kept.tolist() == [0, 0]
    assert net.rest[0].seen.tolist() == [7, 8]
    assert not np.shares_memory(net.rest[0].seen.array, state["rest.0.seen"].array)


def test_load_state_dict_lists_all_that_is_wrong_and_writes_nothing(net):
    before = {key: x.tolist() for key, x in net.state_dict().items()}
    state = {
        "first.weight": at.zeros(2),
        "first.seen": at.zeros(3),
        "rest.0.seen": "text",
        "surplus": at.zeros(1),
    }
    with pytest.raises(RuntimeError) as caught:
        net.load_state_dict(state)
    assert str(caught.value) == (
        "Error(s) in loading state_dict for Net:\n"
        '\tMissing key(s) in state_dict: "rest.0.weight". \n'
        '\tUnexpected key(s) in state_dict: "surplus". \n'
        "\tsize mismatch for first.seen: copying a param with shape (3,) from checkpoint, "
        "the shape in current model is (2,).\n"
        '\tWhile copying the parameter named "rest.0.seen", expected a Tensor or an array '
        "from checkpoint but received <class 'str'>"
    )
    assert {key: x.tolist() for key, x in net.state_dict().items()} == before
    with pytest.raises(TypeError, match="dict-like, got <class 'int'>"):
        net.load_state_dict(3)


def test_load_state_dict_not_strict(net):
    result = net.load_state_dict({"first.weight": at.zeros(2), "surplus": 1}, strict=False)
    assert result.missing_keys == ["first.seen", "rest.0.weight", "rest.0.seen"]
    assert result.unexpected_keys == ["surplus"]
    with pytest.raises(RuntimeError, match="size mismatch"):
        net.load_state_dict({"first.weight": at.zeros(1)}, strict=False)


def test_loading_between_forward_and_backward_is_noticed(net):
    loss = net(values()).sum()
    net.load_state_dict(copy.deepcopy(net).state_dict())
    with pytest.raises(RuntimeError, match="overwritten in place"):
        loss.backward()


def test_pickle_and_deepcopy_are_independent(net):
    net.eval()
    net.first.weight.requires_grad_(False)
    for twin in (pickle.loads(pickle.dumps(net)), copy.deepcopy(net)):
        assert repr(twin) == repr(net) and not twin.first.training
        assert isinstance(twin.first.weight, nn.Parameter)
        assert not twin.first.weight.requires_grad and twin.rest[0].weight.requires_grad
        assert [*twin.state_dict()] == [*net.state_dict()]
        twin.first.weight.array[...] = 5
        assert net.first.weight.tolist() == [1, 1]


def test_deepcopy_keeps_sharing():
    module = nn.Sequential(Scale(), Scale())
    module[1].weight = module[0].weight
    twin = copy.deepcopy(module)
    assert twin[1].weight is twin[0].weight is not module[0].weight


# -- parameters ----------------------------------------------------------------------------------


def test_parameter_shares_memory_and_is_a_leaf():
    source = at.ones(2)
    parameter = nn.Parameter(source)
    assert np.shares_memory(parameter.array, source.array)
    assert parameter.is_leaf and parameter.requires_grad
    assert not nn.Parameter(source, requires_grad=False).requires_grad
    assert repr(parameter) == "Parameter containing:\ntensor([1., 1.], requires_grad=True)"
    assert type(parameter * 2) is Tensor
    with pytest.raises(TypeError, match="expected a Tensor, got list"):
        nn.Parameter([1.0])
    with pytest.raises(RuntimeError, match="floating-point"):
        nn.Parameter(at.ones(2, dtype=at.int64))


# -- hooks ---------------------------------------------------------------------------------------


def test_forward_hooks_see_and_replace():
    module, calls = Scale(), []
    first = module.register_forward_pre_hook(lambda m, args: calls.append("pre"))
    module.register_forward_pre_hook(
        lambda m, args, kwargs: (args, {"factor": 3.0}), with_kwargs=True
    )
    module.register_forward_hook(lambda m, args, output: output + 1)
    module.register_forward_hook(
        lambda m, args, kwargs, output: calls.append(kwargs), prepend=True, with_kwargs=True
    )
    assert module(at.ones(2)).tolist() == [4, 4]
    assert calls == ["pre", {"factor": 3.0}]
    first.remove()
    first.remove()
    module(at.ones(2))
    assert calls.count("pre") == 1
    with pytest.raises(TypeError, match="hook must be callable, got int"):
        module.register_forward_hook(3)


def test_handles_work_as_context_managers():
    module, calls = Scale(), []
    with module.register_forward_hook(lambda *_: calls.append(1)):
        module(at.ones(2))
    module(at.ones(2))
    assert calls == [1] and not module._hooks


def test_backward_hooks_see_the_gradients_at_the_border(net):
    seen = []

    def hook(module, grad_input, grad_output):
        seen.append((grad_input[0].tolist(), grad_output[0].tolist()))
        return (grad_input[0] * 10,)

    net.first.weight.data = at.tensor([2.0, 3.0])
    net.first.register_full_backward_hook(hook)
    x = values((1, 2))
    (net(x) * at.tensor([1.0, 5.0])).sum().backward()
    assert seen == [([[2.0, 15.0]], [[1.0, 5.0]])]
    assert x.grad.tolist() == [[20.0, 150.0]]
    assert net.first.weight.grad.tolist() == [0.0, 5.0]


def test_backward_hooks_run_once_for_several_inputs_and_outputs():
    class Pair(nn.Module):
        def forward(self, x, number, y):
            return x * y, x + number * y

    module, seen = Pair(), []
    module.register_full_backward_pre_hook(lambda m, g: (g[0] * 2, g[1]))
    module.register_full_backward_hook(lambda m, gi, go: seen.append((gi, go)))
    x, y = at.tensor(3.0, requires_grad=True), at.tensor(5.0, requires_grad=True)
    a, b = module(x, 7, y)
    (a + b).backward(retain_graph=True)
    ((gx, none, gy), (ga, gb)) = seen.pop()
    assert (gx.item(), none, gy.item()) == (11, None, 13) and not seen
    assert (ga.item(), gb.item()) == (2, 1)
    a.backward()
    ((gx, _, gy), (ga, gb)) = seen.pop()
    assert (gx.item(), gy.item(), ga.item(), gb) == (10, 6, 2, None)


def test_backward_hooks_without_gradient_of_the_input():
    module, seen = Scale(), []
    module.register_full_backward_hook(lambda m, gi, go: seen.append((gi, go[0].tolist())))
    module(at.ones(2)).sum().backward()
    assert seen == [((None,), [1.0, 1.0])]
    with at.no_grad():
        module(at.ones(2))
    assert len(seen) == 1


def test_backward_hooks_differentiate_twice():
    module = Scale(1)
    module.register_full_backward_hook(lambda m, gi, go: (gi[0] * 2,))
    x = at.tensor([3.0], requires_grad=True)
    (slope,) = at.grad((module(x) ** 2).sum(), x, create_graph=True)
    slope.sum().backward()
    assert slope.tolist() == [12.0] and x.grad.tolist() == [4.0 * 2]


def test_backward_hooks_leave_in_place_writes_correct():
    class Inplace(nn.Module):
        def forward(self, x):
            return x.mul_(2.0)

    module = Inplace()
    module.register_full_backward_hook(lambda *_: None)
    x = at.tensor([3.0], requires_grad=True)
    y = x * 1
    z = module(y)
    (z.add_(1.0) * y).sum().backward()
    assert z.tolist() == [7.0] and y.tolist() == [3.0]
    assert x.grad.tolist() == [2 * 3.0 + 7.0]


def test_backward_hook_mistakes_are_named():
    module = Scale()
    handle = module.register_full_backward_hook(lambda *_: (None, None))
    with pytest.raises(RuntimeError, match="returned 2 gradients, expected 1"):
        module(values()).sum().backward()
    handle.remove()
    module.forward = lambda x: {"out": x}
    module.register_full_backward_hook(lambda *_: None)
    with pytest.raises(TypeError, match="tuple of Tensors, got dict"):
        module(values())


# -- display -------------------------------------------------------------------------------------


def test_repr_is_pytorchs():
    class Described(nn.Module):
        def __init__(self):
            super().__init__()
            self.add_module("none", None)
            self.net = nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.ReLU()))

        def extra_repr(self):
            return "x=1\ny=2"

    assert repr(Described()) == (
        "Described(\n"
        "  x=1\n"
        "  y=2\n"
        "  (none): None\n"
        "  (net): Sequential(\n"
        "    (0): Linear(in_features=2, out_features=3, bias=True)\n"
        "    (1): Sequential(\n"
        "      (0): ReLU()\n"
        "    )\n"
        "  )\n"
        ")"
    )
    assert repr(nn.Module()) == "Module()"
