"""Learning-rate schedules give PyTorch's learning rates, step by step."""

import json
import math
import pickle
from pathlib import Path

import numpy as np
import pytest
from problem import advance, make_scheduler, rates, run_scheduler

from autotensor import optim
from autotensor.optim import SGD, Adam, Optimizer
from autotensor.optim.lr_scheduler import (
    ChainedScheduler,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    LRScheduler,
    MultiStepLR,
    OneCycleLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
)
from autotensor.tensor import Tensor

CASES = [
    case
    for case in json.loads(Path(__file__).with_name("trajectories.json").read_text())
    if "case" in case
]


def name_of(case):
    return "-".join(case["case"]["schedulers"])


def parameter():
    return Tensor(np.zeros(1, np.float32)).requires_grad_()


def sgd(lr=1.0):
    return SGD([parameter()], lr=lr)


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_learning_rates_are_pytorchs(case):
    path = run_scheduler(optim, [parameter(), parameter()], **case["case"])
    # Bit by bit, but for the last digit of another platform's cosine.
    np.testing.assert_allclose(path, case["path"], rtol=1e-14, atol=1e-17)


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_a_saved_schedule_continues_as_if_nothing_had_happened(case):
    setting = case["case"]
    ((name, options), *_) = setting["schedulers"].items()

    def make():
        groups = [{"params": parameter()}, {"params": parameter()}]
        optimizer = getattr(optim, setting["optimizer"])(groups, lr=0.3)
        return optimizer, make_scheduler(optim, optimizer, name, options)

    paths = []
    for cut in (None, 4):
        optimizer, scheduler = make()
        path = []
        for step in range(9):
            if step == cut:
                saved = pickle.loads(pickle.dumps((optimizer.state_dict(), scheduler.state_dict())))
                optimizer, scheduler = make()
                optimizer.load_state_dict(saved[0])
                scheduler.load_state_dict(saved[1])
                assert scheduler.get_last_lr() == path[-1][:2]
            optimizer.step()
            advance(scheduler, 10 - min(step, 3))
            path.append(rates(optimizer))
        paths.append(path)
    assert paths[0] == paths[1]


def test_a_saved_schedule_is_a_copy():
    scheduler = MultiStepLR(sgd(), [2])
    saved = scheduler.state_dict()
    saved["milestones"][1] = 5
    saved["base_lrs"][0] = 9
    assert scheduler.milestones == {2: 1} and scheduler.base_lrs == [1.0]
    assert "optimizer" not in saved


def test_the_state_of_another_schedule_raises_and_changes_nothing():
    scheduler = CosineAnnealingLR(sgd(), T_max=5)
    before = scheduler.state_dict()
    with pytest.raises(ValueError, match="CosineAnnealingLR: the state dict has no T_max, eta_min"):
        scheduler.load_state_dict(StepLR(sgd(), 2).state_dict())
    assert scheduler.state_dict() == before


def test_lambdas_are_not_saved_but_callable_objects_are():
    class Warmup:
        def __init__(self, steps):
            self.steps = steps

        def __call__(self, epoch):
            return min(1, epoch / self.steps)

    optimizer = SGD([{"params": parameter()}, {"params": parameter()}], lr=1)
    scheduler = LambdaLR(optimizer, [Warmup(4), lambda epoch: 1])
    saved = scheduler.state_dict()
    assert saved["lr_lambdas"] == [{"steps": 4}, None]
    other = LambdaLR(optimizer, [Warmup(9), lambda epoch: 2])
    other.load_state_dict(saved)
    assert other.lr_lambdas[0].steps == 4
    assert other.lr_lambdas[1](0) == 2


def test_a_schedule_of_ones_own_defines_get_lr():
    class Root(LRScheduler):
        def get_lr(self):
            return [base / math.sqrt(1 + self.last_epoch) for base in self.base_lrs]

    optimizer = sgd()
    scheduler = Root(optimizer)
    for _ in range(3):
        optimizer.step()
        scheduler.step()
    assert scheduler.last_epoch == 3
    assert scheduler.get_last_lr() == [optimizer.param_groups[0]["lr"]] == [0.5]
    with pytest.raises(NotImplementedError, match="LRScheduler must define get_lr"):
        LRScheduler(sgd())


def test_stepping_before_the_optimizer_warns():
    scheduler = StepLR(sgd(), 2)
    with pytest.warns(UserWarning, match=r"`lr_scheduler.step\(\)` before `optimizer.step\(\)`"):
        scheduler.step()
    scheduler.step()  # once is enough


def test_an_optimizer_with_a_step_of_its_own_is_trusted():
    class Own(Optimizer):
        def step(self, closure=None):
            return None

    optimizer = Own([parameter()], {"lr": 1.0})
    optimizer.step()
    StepLR(optimizer, 2).step()


def test_resuming_needs_the_first_learning_rates():
    with pytest.raises(KeyError, match=r"'initial_lr' is not specified in param_groups\[0\]"):
        StepLR(sgd(), 2, last_epoch=3)


def test_one_cycle_ends_with_its_steps():
    optimizer = sgd()
    scheduler = OneCycleLR(optimizer, max_lr=1.0, total_steps=3)
    for _ in range(3):
        optimizer.step()
        scheduler.step()
    with pytest.raises(ValueError, match=r"Tried to step 4 times.*total steps is 3"):
        scheduler.step()


def test_one_cycle_with_a_phase_of_a_single_step():
    optimizer = sgd()
    scheduler = OneCycleLR(optimizer, max_lr=1.0, total_steps=10, pct_start=0.1)
    assert scheduler.get_last_lr() == [1.0]


def test_one_cycle_leaves_the_second_beta():
    optimizer = Adam([parameter()], betas=(0.5, 0.123))
    OneCycleLR(optimizer, max_lr=1.0, total_steps=10)
    assert optimizer.param_groups[0]["betas"] == (pytest.approx(0.95), 0.123)


def test_a_metric_may_be_a_tensor_or_nan():
    optimizer = sgd()
    scheduler = ReduceLROnPlateau(optimizer, patience=0)
    scheduler.step(np.float32(1))
    scheduler.step(float("nan"))
    assert scheduler.get_last_lr() == [0.1]


class NoMomentum(Optimizer):
    def update(self, p, g, state, options):
        pass


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: StepLR("sgd", 2), TypeError, "str is not an Optimizer"),
        (lambda: LambdaLR(None, abs), TypeError, "NoneType is not an Optimizer"),
        (lambda: OneCycleLR(None, 1, 2), TypeError, "NoneType is not an Optimizer"),
        (lambda: ReduceLROnPlateau(None), TypeError, "NoneType is not an Optimizer"),
        (lambda: StepLR(sgd(), 0), ValueError, "step_size must be positive, got 0"),
        (lambda: CosineAnnealingLR(sgd(), 0), ValueError, "T_max must be positive, got 0"),
        (lambda: LinearLR(sgd(), 0), ValueError, r"start_factor must be in \(0, 1\], got 0"),
        (lambda: LinearLR(sgd(), 1, 2), ValueError, r"end_factor must be in \[0, 1\], got 2"),
        (lambda: LambdaLR(sgd(), [abs, abs]), ValueError, "lr_lambda has 2 values, .* 1 param"),
        (lambda: OneCycleLR(sgd(), 1), ValueError, "either total_steps OR"),
        (lambda: OneCycleLR(sgd(), 1, epochs=2), ValueError, "either total_steps OR"),
        (lambda: OneCycleLR(sgd(), 1, 0), ValueError, "positive integer total_steps, but got 0"),
        (lambda: OneCycleLR(sgd(), 1, 2.5), ValueError, "positive integer total_steps"),
        (lambda: OneCycleLR(sgd(), 1, None, 2, -1), ValueError, "steps_per_epoch, but got -1"),
        (lambda: OneCycleLR(sgd(), 1, 9, pct_start=1.5), ValueError, "pct_start, but got 1.5"),
        (lambda: OneCycleLR(sgd(), 1, 9, anneal_strategy="x"), ValueError, "'cos' or 'linear'"),
        (lambda: OneCycleLR(sgd(), [1, 2], 9), ValueError, "max_lr has 2 values"),
        (
            lambda: OneCycleLR(NoMomentum([parameter()], {"lr": 1.0}), 1, 9),
            ValueError,
            "NoMomentum has neither momentum nor betas",
        ),
        (lambda: ReduceLROnPlateau(sgd(), "least"), ValueError, "mode least is unknown"),
        (lambda: ReduceLROnPlateau(sgd(), factor=1.0), ValueError, "should be < 1.0, got 1.0"),
        (
            lambda: ReduceLROnPlateau(sgd(), threshold_mode="x"),
            ValueError,
            "threshold mode x is unknown",
        ),
        (lambda: ReduceLROnPlateau(sgd(), min_lr=[0, 0]), ValueError, "min_lr has 2 values"),
    ],
)
def test_settings_that_mean_nothing_raise(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_exponential_multiplies_what_it_finds():
    optimizer = sgd()
    scheduler = ExponentialLR(optimizer, gamma=0.5)
    optimizer.step()
    optimizer.param_groups[0]["lr"] = 8.0
    scheduler.step()
    assert scheduler.get_last_lr() == [4.0]


def test_restarts_go_to_any_point_of_time():
    optimizer = sgd()
    schedule = CosineAnnealingWarmRestarts(optimizer, 2, T_mult=2)
    optimizer.step()
    schedule.step(2 + 4 * 0.5)
    assert schedule.get_last_lr() == [pytest.approx(0.5)] and schedule.last_epoch == 4
    schedule.step(0.5)
    assert schedule.get_last_lr() == [pytest.approx((1 + math.cos(math.pi / 4)) / 2)]
    with pytest.raises(ValueError, match="non-negative"):
        schedule.step(-1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda o: optim.lr_scheduler.ConstantLR(o, factor=2), "factor must be in"),
        (lambda o: CosineAnnealingWarmRestarts(o, 0), "positive integer T_0"),
        (lambda o: CosineAnnealingWarmRestarts(o, 2, T_mult=0), "T_mult >= 1"),
        (lambda o: CyclicLR(o, 0.1, 1, mode="square"), "mode must be one of triangular"),
        (lambda o: CyclicLR(o, 0.1, 1, scale_fn=abs, scale_mode="x"), "scale_mode"),
        (lambda o: CyclicLR(optim.Adagrad([parameter()]), 0.1, 1), "neither momentum nor betas"),
        (lambda o: SequentialLR(o, [], []), "at least one scheduler"),
        (lambda o: SequentialLR(o, [StepLR(o, 1)], [3]), "one more than"),
        (lambda o: SequentialLR(o, [StepLR(sgd(), 1)], []), "same optimizer"),
        (lambda o: ChainedScheduler([StepLR(o, 1), StepLR(sgd(), 1)]), "same optimizer"),
    ],
)
def test_combined_and_cyclic_schedules_check_what_they_get(make, message):
    with pytest.raises(ValueError, match=message):
        make(sgd())


def test_cycles_take_a_scale_of_ones_own():
    optimizer = SGD([parameter()], lr=1.0, momentum=0.5)
    schedule = CyclicLR(optimizer, 0, 1, 2, scale_fn=lambda x: 1 / x, cycle_momentum=False)
    rates = []
    for _ in range(8):
        optimizer.step()
        rates += schedule.get_last_lr()
        schedule.step()
    assert rates == [0, 0.5, 1, 0.5, 0, 0.25, 0.5, 0.25]
