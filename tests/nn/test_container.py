"""Sequential, lists and dicts of modules and parameters."""

from collections import OrderedDict

import pytest

import autotensor as at
from autotensor import nn


class Add(nn.Module):
    def __init__(self, number):
        super().__init__()
        self.number = number

    def forward(self, x):
        return x + self.number

    def extra_repr(self):
        return str(self.number)


def numbers(container):
    return [module.number for module in container]


def names(container):
    return [name for name, _ in container.named_children()]


def test_sequential_calls_in_order():
    model = nn.Sequential(Add(1), nn.Sequential(Add(2)), Add(3))
    assert model(0) == 6
    assert nn.Sequential()(5) == 5


def test_sequential_with_names():
    model = nn.Sequential(OrderedDict(a=Add(1), b=Add(2)))
    assert model.a.number == 1 and names(model) == ["a", "b"]
    model.append(Add(3))
    assert names(model) == ["a", "b", "2"]
    assert names(model[1:]) == ["b", "2"] and model[1:](0) == 5
    del model[0]
    assert names(model) == ["b", "1"] and numbers(model) == [2, 3]
    assert names(model + nn.Sequential(Add(4))) == ["0", "1", "2"]
    with pytest.raises(TypeError):
        model + [Add(1)]


@pytest.mark.parametrize("container", [nn.Sequential, nn.ModuleList])
def test_rows_behave_like_lists(container):
    row = container()
    assert len(row) == 0
    row.append(Add(1)).extend([Add(2), Add(3)])
    row += [Add(4)]
    assert numbers(row) == [1, 2, 3, 4] and names(row) == ["0", "1", "2", "3"]
    assert row[0].number == row[-4].number == 1 and numbers(row[1:3]) == [2, 3]
    assert type(row[1:3]) is container and numbers(row[::-2]) == [4, 2]
    row.insert(1, Add(9)).insert(-1, Add(8))
    assert numbers(row) == [1, 9, 2, 3, 8, 4] and names(row) == list("012345")
    del row[1]
    del row[1:3]
    assert numbers(row) == [1, 8, 4] and names(row) == list("012")
    assert row.pop(1).number == 8 and row.pop().number == 4
    row[0] = Add(7)
    assert numbers(row) == [7]


def test_rows_keep_equal_modules_at_several_places():
    shared = Add(1)
    assert nn.Sequential(shared, shared)(0) == 2
    assert len(nn.ModuleList([shared, shared])) == 2


@pytest.mark.parametrize("container", [nn.Sequential, nn.ModuleList])
def test_rows_refuse(container):
    row = container()
    row.append(Add(1))
    for index in (1, -2):
        with pytest.raises(IndexError, match=f"index {index} is out of range for a row of 1"):
            row[index]
    with pytest.raises(IndexError, match="index 3 is out of range"):
        row.insert(3, Add(1))
    for wrong in (3, None, at.ones(1)):
        with pytest.raises(TypeError, match="is not a Module subclass"):
            row.append(wrong)
        with pytest.raises(TypeError, match="is not a Module subclass"):
            row[0] = wrong
        with pytest.raises(TypeError, match="is not a Module subclass"):
            row.insert(0, wrong)
    with pytest.raises(TypeError, match="expected a sequence, got int"):
        row.extend(3)
    assert numbers(row) == [1]


def test_module_list_is_no_function_and_joins_equal_lines():
    row = nn.ModuleList([Add(1), Add(1), Add(2), nn.Sequential(Add(1))])
    assert repr(row) == (
        "ModuleList(\n  (0-1): 2 x Add(1)\n  (2): Add(2)\n"
        "  (3): Sequential(\n    (0): Add(1)\n  )\n)"
    )
    assert repr(nn.ModuleList()) == "ModuleList()"
    assert type(row + row) is nn.ModuleList and len(row + row) == 8
    with pytest.raises(NotImplementedError):
        row(1)


def test_module_dict():
    modules = nn.ModuleDict({"a": Add(1), "b": Add(2)})
    modules.update([("c", Add(3))])
    modules["a"] = Add(5)
    assert list(modules) == list(modules.keys()) == ["a", "b", "c"] and len(modules) == 3
    assert [m.number for m in modules.values()] == [5, 2, 3]
    assert "b" in modules and "training" not in modules
    assert modules.pop("b").number == 2 and dict(modules.items())["c"].number == 3
    assert repr(modules) == "ModuleDict(\n  (a): Add(5)\n  (c): Add(3)\n)"
    del modules["a"]
    with pytest.raises(KeyError, match="training"):
        del modules["training"]
    with pytest.raises(KeyError, match="a"):
        modules["a"]
    with pytest.raises(TypeError, match="int is not a Module subclass"):
        modules["x"] = 3
    with pytest.raises(KeyError, match="'forward' already exists"):
        modules["forward"] = Add(1)
    modules.clear()
    assert len(modules) == 0 and modules == modules and {modules: 1}[modules] == 1


def test_parameter_list():
    row = nn.ParameterList([nn.Parameter(at.ones(2, 3)), at.ones(())])
    row.append(at.ones(1)).insert(0, at.zeros(4))
    assert [p.shape for p in row] == [(4,), (2, 3), (), (1,)]
    assert len(list(row.parameters())) == 4 and [*row.state_dict()] == list("0123")
    assert repr(row[1:3]) == (
        "ParameterList(\n"
        "    (0): Parameter containing: [float32 of size 2x3]\n"
        "    (1): Parameter containing: [float32 of size ]\n)"
    )
    row[0] = at.ones(1)
    assert isinstance(row[0], nn.Parameter) and row.pop().shape == (1,)
    with pytest.raises(TypeError, match="expected a Tensor, got int"):
        row.append(3)
    with pytest.raises(TypeError, match="expected a sequence, got Tensor"):
        row.extend(at.ones(3))


def test_parameter_dict():
    held = nn.ParameterDict({"a": at.ones(2)})
    held["b"] = nn.Parameter(at.ones(1))
    assert list(held.items())[1][0] == "b" and isinstance(held["a"], nn.Parameter)
    assert [*held.state_dict()] == ["a", "b"] and "a" in held and len(held) == 2
    assert repr(held).splitlines()[1] == "    (a): Parameter containing: [float32 of size 2]"
    with pytest.raises(TypeError, match="expected a Tensor, got int"):
        held["c"] = 1
