"""What all optimizers share: groups, state dicts, closures, gradients, what is refused."""

import copy
import pickle

import numpy as np
import pytest

from autotensor.modes import is_grad_enabled, no_grad
from autotensor.optim import SGD, Adam, AdamW, Optimizer
from autotensor.tensor import Tensor, record


def parameter(*shape, dtype=np.float32, fill=1.0):
    p = Tensor(np.full(shape, fill, dtype)).requires_grad_()
    p.grad = Tensor(np.ones(shape, dtype))
    return p


def test_groups_take_the_defaults_they_do_not_name():
    p, q, r = parameter(1), parameter(1), parameter(1)
    optimizer = SGD([{"params": p, "lr": 0.5}, {"params": iter([q])}], lr=0.1)
    optimizer.add_param_group({"params": [r], "weight_decay": 1})
    optimizer.step()
    assert [float(x.array[0]) for x in (p, q, r)] == pytest.approx([0.5, 0.9, 0.8])
    assert optimizer.param_groups[2]["momentum"] == 0


def test_groups_given_stay_as_they_were():
    group = {"params": [parameter(1)]}
    SGD([group], lr=0.1)
    assert group.keys() == {"params"}


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ([], ValueError, "empty parameter list"),
        (iter(()), ValueError, "empty parameter list"),
        (parameter(1), TypeError, "not one Tensor"),
        ({parameter(1)}, TypeError, "order"),
        ([{"params": {parameter(1)}}], TypeError, "order"),
        ([np.ones(3)], TypeError, "one of the params is ndarray"),
        ([parameter(1), {"params": [parameter(1)]}], TypeError, "one of the params is dict"),
        ([{"params": [parameter(1)]}, parameter(1)], TypeError, "must be a dict, not Tensor"),
        ({"weight": parameter(1)}, TypeError, "one of the params is str"),
        ([{"params": [parameter(1)], "lr": -1}], ValueError, "Invalid learning rate: -1"),
        ([{"lr": 1}], ValueError, "no 'params'"),
    ],
)
def test_params_that_cannot_be_optimized_raise(params, error, message):
    with pytest.raises(error, match=message):
        SGD(params, lr=0.1)


def test_results_of_operations_cannot_be_optimized():
    x = parameter(2)
    y = record(x.array * 2, (x, lambda g: g))
    with pytest.raises(ValueError, match=r"can't optimize a non-leaf Tensor \(shape \(2,\)\)"):
        SGD([y])
    y.retain_grad()
    SGD([y])


def test_a_parameter_belongs_to_one_group_once():
    p = parameter(1)
    with pytest.raises(ValueError, match="more than one parameter group"):
        SGD([p, p])
    optimizer = SGD([p])
    with pytest.raises(ValueError, match="more than one parameter group"):
        optimizer.add_param_group({"params": [parameter(1), p]})
    assert len(optimizer.param_groups) == 1


def test_step_returns_the_loss_of_its_closure():
    p = parameter(1)
    p.grad = None
    optimizer = SGD([p], lr=0.5)

    def closure():
        assert is_grad_enabled()
        p.grad = Tensor(np.ones(1, np.float32))
        return 7

    with no_grad():
        assert optimizer.step(closure) == 7
    assert p.array == 0.5
    assert optimizer.step() is None


def test_a_step_is_a_write_that_backward_notices():
    p = parameter(2)
    y = record(p.array**2, (p, lambda g: Tensor(g.array * 2 * p.array)))
    SGD([p]).step()
    with pytest.raises(RuntimeError, match="overwritten in place"):
        y.backward(Tensor(np.ones(2, np.float32)))


def test_a_step_changes_memory_in_place_and_records_nothing():
    p = parameter(2)
    array = p.array
    Adam([p]).step()
    assert p.array is array and p.is_leaf and (array != 1).all()


def test_zero_grad_forgets_or_clears():
    p, q = parameter(2), parameter(2)
    q.grad = None
    optimizer = SGD([p, q])
    kept = p.grad
    optimizer.zero_grad(set_to_none=False)
    assert p.grad is kept and (kept.array == 0).all() and q.grad is None
    optimizer.zero_grad()
    assert p.grad is None


def test_zero_grad_cuts_the_history_of_a_gradient():
    p = parameter(2)
    p.grad = p.grad.requires_grad_()
    SGD([p]).zero_grad(set_to_none=False)
    assert not p.grad.requires_grad and (p.grad.array == 0).all()


def test_state_dict_has_pytorchs_form():
    p, q = parameter(2), parameter(3)
    optimizer = Adam([{"params": [p]}, {"params": [q], "lr": 0.5}])
    p.grad = None
    optimizer.step()
    saved = optimizer.state_dict()
    assert saved["state"].keys() == {1}
    assert saved["state"][1]["step"] == 1
    assert saved["state"][1]["exp_avg"] is optimizer.state[q]["exp_avg"]
    assert [group["params"] for group in saved["param_groups"]] == [[0], [1]]
    assert [group["lr"] for group in saved["param_groups"]] == [1e-3, 0.5]
    assert optimizer.param_groups[1]["params"] == [q]


def test_a_state_dict_of_pytorchs_is_taken():
    p = parameter(2, 2)
    optimizer = AdamW([p])
    moments = {"exp_avg": np.full((2, 2), 0.5), "exp_avg_sq": Tensor(np.full((2, 2), 0.25))}
    group = {"lr": 0.1, "betas": (0.9, 0.99), "eps": 1e-8, "weight_decay": 0, "amsgrad": False}
    others = {"foreach": None, "capturable": False, "fused": None, "params": [0]}
    state = {0: {"step": Tensor(np.array(3, np.float32)), **moments}}
    optimizer.load_state_dict({"state": state, "param_groups": [{**group, **others}]})
    optimizer.step()
    m = (0.9 * 0.5 + 0.1) / (1 - 0.9**4)
    v = (0.99 * 0.25 + 0.01) / (1 - 0.99**4)
    np.testing.assert_allclose(p.array, 1 - 0.1 * m / np.sqrt(v), rtol=1e-6)
    assert optimizer.state[p]["step"] == 4
    assert (moments["exp_avg_sq"].array == 0.25).all(), "what was loaded is the caller's"
    assert optimizer.param_groups[0]["decoupled_weight_decay"] is True


def test_other_state_is_copied_as_it_is():
    p = parameter(2, dtype=np.float64)
    optimizer = SGD([p])
    values = {"rows": np.ones(5, np.float32), "note": "x", "history": [1, 2], "none": None}
    saved = {
        "state": {0: values, "shared": 3},
        "param_groups": optimizer.state_dict()["param_groups"],
    }
    optimizer.load_state_dict(saved)
    state = optimizer.state[p]
    assert (state["rows"].shape, state["rows"].dtype) == ((5,), np.float64)
    assert (state["note"], state["history"], state["none"]) == ("x", [1, 2], None)
    assert state["history"] is not values["history"]
    assert optimizer.state_dict()["state"]["shared"] == 3


def test_a_state_dict_that_does_not_fit_changes_nothing():
    p = parameter(2)
    optimizer = SGD([p], lr=0.5, momentum=0.9)
    optimizer.step()
    before = optimizer.state[p]["momentum_buffer"]
    group = {"lr": 9.0, "params": [0]}
    wrong = {"momentum_buffer": np.zeros((3, 2))}
    for saved, message in [
        ({"state": {}, "param_groups": [group, group]}, r"sizes \[1, 1\], the optimizer \[1\]"),
        ({"state": {}, "param_groups": [{**group, "params": [0, 1]}]}, r"sizes \[2\]"),
        (
            {"state": {0: wrong}, "param_groups": [group]},
            r"momentum_buffer of parameter 0 has shape \(3, 2\), the parameter \(2,\)",
        ),
    ]:
        with pytest.raises(ValueError, match=message):
            optimizer.load_state_dict(saved)
        assert optimizer.param_groups[0]["lr"] == 0.5
        assert optimizer.state[p]["momentum_buffer"] is before


def test_loading_does_not_tie_two_optimizers():
    p, q = parameter(2), parameter(2)
    first, second = SGD([p], momentum=0.9), SGD([q], momentum=0.9)
    first.step()
    second.load_state_dict(first.state_dict())
    first.step()
    first.param_groups[0]["lr"] = 5
    assert (second.state[q]["momentum_buffer"].array == 1).all()
    assert second.param_groups[0]["lr"] == 1e-3


def test_a_copy_goes_its_own_way():
    p = parameter(2)
    optimizer = SGD([p], lr=0.5, momentum=0.9)
    optimizer.step()
    for other in (copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))):
        (q,) = other.param_groups[0]["params"]
        q.grad = Tensor(np.ones(2, np.float32))
        other.step()
        assert q is not p and (p.array == 0.5).all()
        np.testing.assert_allclose(q.array, 0.5 - 0.5 * 1.9)


def test_an_algorithm_is_one_method():
    class Sign(Optimizer):
        def __init__(self, params, lr):
            super().__init__(params, {"lr": lr})

        def update(self, p, g, state, options):
            state["seen"] = state.get("seen", 0) + 1
            p.array[...] -= options["lr"] * np.sign(g)

    p = parameter(2)
    optimizer = Sign([p], lr=0.25)
    optimizer.step()
    assert (p.array == 0.75).all() and optimizer.state[p] == {"seen": 1}


def test_the_base_has_no_algorithm():
    with pytest.raises(NotImplementedError, match="Optimizer must define update"):
        Optimizer([parameter(1)], {}).step()


def test_repr_is_pytorchs():
    optimizer = SGD([{"params": parameter(1), "lr": 0.5}, {"params": parameter(1)}], lr=0.1)
    assert repr(optimizer) == (
        "SGD (\n"
        "Parameter Group 0\n    dampening: 0\n    lr: 0.5\n    maximize: False\n    momentum: 0\n"
        "    nesterov: False\n    weight_decay: 0\n"
        "Parameter Group 1\n    dampening: 0\n    lr: 0.1\n    maximize: False\n    momentum: 0\n"
        "    nesterov: False\n    weight_decay: 0\n)"
    )
