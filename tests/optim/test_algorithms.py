"""Optimizers go where PyTorch's go."""

import json
from pathlib import Path

import numpy as np
import pytest
from problem import LOOKS, STEPS, gradient, run_optimizer

from autotensor import optim
from autotensor.tensor import Tensor

CASES = [
    case
    for case in json.loads(Path(__file__).with_name("trajectories.json").read_text())
    if "options" in case
]
LAYOUTS = {
    "rows": lambda a: a,
    "columns": lambda a: np.asfortranarray(a),
    "gaps": lambda a: np.repeat(a, 2, axis=1)[:, ::2],
}
NAMES = [
    "SGD",
    "Adam",
    "AdamW",
    "RMSprop",
    "Adagrad",
    "Adadelta",
    "Adamax",
    "NAdam",
    "RAdam",
    "Lion",
]


def parameter(values, dtype=np.float64):
    return Tensor(np.array(values, dtype)).requires_grad_()


def set_gradient(p, g):
    p.grad = Tensor(g.astype(p.dtype))


def name_of(case):
    return "-".join([case["name"], *(str(option) for option in case["options"])])


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_trajectory_is_pytorchs(case, dtype, layout):
    def make(start):
        p = Tensor(LAYOUTS[layout](start.astype(dtype))).requires_grad_()
        return p, getattr(optim, case["name"])([p], **case["options"])

    path = run_optimizer(make, set_gradient, lambda p: p.array)
    tolerance = 1e-12 if dtype == np.float64 else 1e-5
    for step, wanted in zip(LOOKS, case["path"], strict=True):
        np.testing.assert_allclose(path[step], wanted, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_a_saved_state_continues_as_if_nothing_had_happened(case, dtype):
    def make(start):
        p = parameter(start, dtype)
        return p, getattr(optim, case["name"])([p], **case["options"])

    straight = run_optimizer(make, set_gradient, lambda p: p.array)[STEPS]
    p, optimizer = make(straight * 0)
    p.array[...] = run_optimizer(make, set_gradient, lambda p: p.array)[0]
    for step in range(STEPS):
        if step == 5:
            saved = optimizer.state_dict()
            p = parameter(p.array, dtype)
            optimizer = getattr(optim, case["name"])([p])  # the options are in the state, too
            optimizer.load_state_dict(saved)
        set_gradient(p, gradient(p.array.astype(np.float64)))
        optimizer.step()
    np.testing.assert_array_equal(p.array, straight)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_moves_without_a_gradient(name):
    p, q = parameter([1, 2]), parameter([3])
    optimizer = getattr(optim, name)([p, q], lr=0.1)
    p.grad = Tensor(np.ones(2))
    optimizer.step()
    assert (p.array < [1, 2]).all()
    assert q.array == 3
    assert q not in optimizer.state


@pytest.mark.parametrize("name", NAMES)
def test_a_number_is_a_parameter(name):
    p = parameter(3, np.float32)
    p.grad = Tensor(np.array(1, np.float32))
    getattr(optim, name)([p], lr=0.1).step()
    assert p.shape == () and p.array < 3


@pytest.mark.parametrize("name", NAMES)
def test_state_has_pytorchs_names(name):
    options = {"SGD": {"momentum": 0.9}, "RMSprop": {"momentum": 0.9, "centered": True}}
    options = options.get(name, {"amsgrad": True} if name in ("Adam", "AdamW") else {})
    names = {
        "Adagrad": {"step", "sum"},
        "Adadelta": {"step", "square_avg", "acc_delta"},
        "Adamax": {"step", "exp_avg", "exp_inf"},
        "NAdam": {"step", "exp_avg", "exp_avg_sq", "mu_product"},
        "RAdam": {"step", "exp_avg", "exp_avg_sq"},
        "Lion": {"exp_avg"},
        "SGD": {"momentum_buffer"},
        "RMSprop": {"step", "square_avg", "grad_avg", "momentum_buffer"},
    }
    p = parameter(np.ones((2, 3)))
    p.grad = Tensor(np.ones((2, 3)))
    optimizer = getattr(optim, name)([p], **options)
    optimizer.step()
    wanted = names.get(name, {"step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"})
    assert optimizer.state_dict()["state"][0].keys() == wanted
    assert {"step", "mu_product"} | set(optimizer.moments) >= wanted


def test_state_lies_in_memory_like_the_parameter():
    p = Tensor(np.ones((4, 3, 3, 2), np.float32).transpose(0, 3, 1, 2)).requires_grad_()
    p.grad = Tensor(np.ones(p.shape, np.float32))
    optimizer = optim.Adam([p])
    optimizer.step()
    assert optimizer.state[p]["exp_avg"].array.strides == p.array.strides
    optimizer.load_state_dict({**optimizer.state_dict(), "state": {0: {
        "step": 1.0,
        "exp_avg": np.ones(p.shape),
        "exp_avg_sq": np.ones(p.shape),
    }}})  # fmt: skip
    loaded = optimizer.state[p]["exp_avg"].array
    assert (loaded.strides, loaded.dtype) == (p.array.strides, p.dtype)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("SGD", {"lr": -0.1}, "Invalid learning rate: -0.1"),
        ("SGD", {"lr": float("nan")}, "Invalid learning rate: nan"),
        ("SGD", {"momentum": -1}, "Invalid momentum value: -1"),
        ("SGD", {"weight_decay": -1}, "Invalid weight_decay value: -1"),
        ("SGD", {"nesterov": True}, "Nesterov momentum requires a momentum and zero dampening"),
        ("SGD", {"nesterov": True, "momentum": 0.9, "dampening": 0.1}, "Nesterov"),
        ("Adam", {"lr": -1}, "Invalid learning rate: -1"),
        ("Adam", {"eps": -1}, "Invalid epsilon value: -1"),
        ("Adam", {"betas": (1.0, 0.9)}, "Invalid beta parameter at index 0: 1.0"),
        ("Adam", {"betas": (0.9, -0.1)}, "Invalid beta parameter at index 1: -0.1"),
        ("Adam", {"betas": (0.9,)}, r"betas must be two numbers, got \(0.9,\)"),
        ("AdamW", {"weight_decay": -1}, "Invalid weight_decay value: -1"),
        ("RMSprop", {"alpha": -1}, "Invalid alpha value: -1"),
        ("RMSprop", {"momentum": -1}, "Invalid momentum value: -1"),
        ("Adagrad", {"lr_decay": -1}, "Invalid lr_decay value: -1"),
        ("Adadelta", {"rho": 1.5}, "Invalid rho value: 1.5"),
        ("NAdam", {"momentum_decay": -1}, "Invalid momentum_decay value: -1"),
        ("RAdam", {"betas": (0.9, 1.0)}, "Invalid beta parameter at index 1: 1.0"),
        ("Lion", {"betas": (0.9, 1.0)}, "Invalid beta parameter at index 1: 1.0"),
    ],
)
def test_options_that_mean_nothing_raise(name, options, message):
    make = getattr(optim, name)
    with pytest.raises(ValueError, match=message):
        make([parameter([1])], **options)
    with pytest.raises(ValueError, match=message):
        make([{"params": [parameter([1])], **options}])


def test_a_learning_rate_that_is_no_number_raises():
    with pytest.raises(TypeError, match="lr must be a number, not Tensor"):
        optim.SGD([parameter([1])], lr=Tensor(np.array(0.1)))


def test_momentum_may_begin_later():
    p = parameter([1.0])
    optimizer = optim.SGD([p], lr=1)
    for _ in range(2):
        p.grad = Tensor(np.ones(1))
        optimizer.step()
        optimizer.param_groups[0].update(momentum=0.5, dampening=0.9)
    assert p.array == -1
    optimizer.step()
    assert p.array == -1.6  # 0.5 * 1 + (1 - 0.9) * 1


def test_choices_of_execution_are_accepted():
    p = parameter([1.0])
    assert optim.AdamW([p], fused=True, foreach=False).defaults == optim.AdamW([p]).defaults
    with pytest.raises(ValueError, match="not recorded"):
        optim.SGD([p], differentiable=True)
    with pytest.raises(TypeError, match="faster"):
        optim.SGD([p], faster=True)


def test_lion_steps_by_the_sign():
    p = parameter([1.0, -2.0, 3.0])
    optimizer = optim.Lion([p], lr=0.1, betas=(0.5, 0.9), weight_decay=0.5)
    p.grad = Tensor(np.array([0.3, -4.0, 0.0]))
    optimizer.step()
    np.testing.assert_allclose(p.array, [1 - 0.1 * 1.5, -2 + 0.1 * 2, 3 - 0.1 * 1.5])
    np.testing.assert_allclose(optimizer.state[p]["exp_avg"].array, [0.03, -0.4, 0])


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4)])
def test_muon_steps_along_a_nearly_orthogonal_matrix(shape):
    p = parameter(np.zeros(shape))
    g = np.random.default_rng(0).standard_normal(shape)
    optimizer = optim.Muon([p], lr=1.0, weight_decay=0.0)
    p.grad = Tensor(g)
    optimizer.step()
    sizes = np.linalg.svd(p.array / max(1, shape[0] / shape[1]) ** 0.5, compute_uv=False)
    assert sizes.min() > 0.6 and sizes.max() < 1.3
    whole = np.linalg.svd(g, full_matrices=False)
    assert np.sum(-p.array * (whole[0] @ whole[2])) > 0.9 * sum(sizes)
    with pytest.raises(ValueError, match="2D"):
        optim.Muon([parameter([1.0])])


def rosenbrock(p):
    x, y = p
    return (1 - x) ** 2 + 100 * (y - x * x) ** 2


def minimised(steps, start=(-1.5, 2.0), **options):
    """Where L-BFGS gets from a start in so many calls of step(), and how often it looked."""
    p = parameter(start)
    optimizer = optim.LBFGS([p], **options)

    def closure():
        optimizer.zero_grad()
        loss = rosenbrock(p)
        loss.backward()
        return loss

    losses = [optimizer.step(closure).item() for _ in range(steps)]
    return p.array, losses, optimizer


@pytest.mark.parametrize("history_size", [2, 100])
def test_lbfgs_with_line_search_finds_the_minimum_of_rosenbrock(history_size):
    options = {"line_search_fn": "strong_wolfe", "history_size": history_size}
    position, losses, optimizer = minimised(5, **options)
    np.testing.assert_allclose(position, [1, 1], atol=1e-5)
    assert losses == sorted(losses, reverse=True) and losses[0] == 12.5
    assert len(optimizer.state[optimizer.param_groups[0]["params"][0]]["old_dirs"]) <= history_size


def test_lbfgs_solves_a_quadratic_in_a_few_steps():
    p, scale = parameter(np.ones(4)), Tensor(np.array([1.0, 5.0, 20.0, 3.0]))
    optimizer = optim.LBFGS([p], max_iter=30)

    def closure():
        optimizer.zero_grad()
        loss = (scale * (p - 2) ** 2).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    np.testing.assert_allclose(p.array, 2, atol=1e-4)


@pytest.mark.parametrize("options", [{}, {"line_search_fn": "strong_wolfe"}, {"max_iter": 4}])
def test_lbfgs_goes_where_pytorchs_goes(options):
    torch = pytest.importorskip("torch")
    start = (-0.5, 0.5)
    lr = 0.02 if "line_search_fn" not in options else 1
    ours, losses, _ = minimised(3, start, lr=lr, **options)
    p = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([p], lr=lr, **options)

    def closure():
        optimizer.zero_grad()
        loss = rosenbrock(p)
        loss.backward()
        return loss

    theirs = [optimizer.step(closure).item() for _ in range(3)]
    np.testing.assert_allclose(losses, theirs, rtol=1e-6)
    np.testing.assert_allclose(ours, p.detach().numpy(), rtol=1e-5)


def test_lbfgs_goes_on_from_its_state():
    straight = minimised(2, max_iter=5, lr=0.1)[0]
    position, _, first = minimised(1, max_iter=5, lr=0.1)
    p = parameter(position)
    optimizer = optim.LBFGS([p])
    optimizer.load_state_dict(first.state_dict())

    def closure():
        optimizer.zero_grad()
        loss = rosenbrock(p)
        loss.backward()
        return loss

    optimizer.step(closure)
    np.testing.assert_allclose(p.array, straight, rtol=1e-12)
    with pytest.raises(RuntimeError, match="strong_wolfe"):
        optim.LBFGS([p], line_search_fn="armijo")
    with pytest.raises(ValueError, match="parameter groups"):
        optim.LBFGS([{"params": [p]}, {"params": [parameter([1])]}])
