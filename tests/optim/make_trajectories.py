"""Write trajectories.json: where PyTorch's optimizers and schedulers go, for comparing.

Run ``python tests/optim/make_trajectories.py`` where torch is installed (made with torch 2.13).
Optimizers walk down `problem.gradient` in float64; schedulers write down the learning rates (and
momenta, where these are cycled) of two parameter groups, at first and after every step.
"""

import json
import warnings
from pathlib import Path

import torch
from problem import LOOKS, run_optimizer, run_scheduler


def case(last_epoch=-1, optimizer="SGD", **schedulers):
    """A scheduler, or several that are chained, after a run that has ended at ``last_epoch``."""
    return {"last_epoch": last_epoch, "optimizer": optimizer, "schedulers": schedulers}


OPTIMIZERS = [
    ("SGD", {"lr": 0.02}),
    ("SGD", {"lr": 0.02, "momentum": 0.9}),
    ("SGD", {"lr": 0.02, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.02, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.002, "momentum": 0.5, "maximize": True, "weight_decay": 0.1}),
    ("Adam", {}),
    ("Adam", {"lr": 0.05, "betas": [0.8, 0.95], "weight_decay": 0.1}),
    ("Adam", {"lr": 0.3, "betas": [0.5, 0.6], "amsgrad": True, "eps": 1e-4}),
    ("Adam", {"lr": 0.05, "amsgrad": True, "maximize": True, "weight_decay": 0.3}),
    ("AdamW", {}),
    ("AdamW", {"lr": 0.05, "betas": [0.8, 0.95], "weight_decay": 0.3}),
    ("AdamW", {"lr": 0.05, "amsgrad": True, "maximize": True}),
    ("RMSprop", {}),
    ("RMSprop", {"centered": True, "alpha": 0.9}),
    ("RMSprop", {"lr": 0.003, "momentum": 0.9, "weight_decay": 0.2}),
    ("RMSprop", {"lr": 0.003, "momentum": 0.9, "centered": True, "maximize": True}),
    ("Adagrad", {}),
    (
        "Adagrad",
        {"lr": 0.3, "lr_decay": 0.1, "weight_decay": 0.2, "initial_accumulator_value": 0.5},
    ),
    ("Adagrad", {"lr": 0.03, "maximize": True, "eps": 0.1}),
    ("Adadelta", {}),
    ("Adadelta", {"lr": 0.5, "rho": 0.7, "eps": 0.01, "weight_decay": 0.1}),
    ("Adadelta", {"maximize": True}),
    ("Adamax", {}),
    ("Adamax", {"lr": 0.1, "betas": [0.7, 0.8], "weight_decay": 0.1, "maximize": True}),
    ("NAdam", {}),
    ("NAdam", {"lr": 0.1, "betas": [0.7, 0.8], "weight_decay": 0.1, "momentum_decay": 0.1}),
    ("NAdam", {"lr": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True}),
    ("RAdam", {}),
    ("RAdam", {"lr": 0.1, "betas": [0.8, 0.9], "weight_decay": 0.1}),
    ("RAdam", {"lr": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True}),
]
SCHEDULERS = [
    case(StepLR={"step_size": 3}),
    case(5, StepLR={"step_size": 4, "gamma": 0.5}),
    case(MultiStepLR={"milestones": [7, 2, 7, 11], "gamma": 0.3}),
    case(ExponentialLR={"gamma": 0.87}),
    case(3, ExponentialLR={"gamma": 0.87}),
    case(LinearLR={}),
    case(LinearLR={"start_factor": 0.9, "end_factor": 0.1, "total_iters": 9}),
    case(2, LinearLR={"start_factor": 0.2, "total_iters": 9}),
    case(CosineAnnealingLR={"T_max": 6}),
    case(CosineAnnealingLR={"T_max": 5, "eta_min": 0.02}),
    case(8, CosineAnnealingLR={"T_max": 20, "eta_min": 0.001}),
    case(LambdaLR={"lr_lambda": "half"}),
    case(LambdaLR={"lr_lambda": ["half", "inverse"]}),
    case(LinearLR={"total_iters": 4}, ExponentialLR={"gamma": 0.9}),
    case(StepLR={"step_size": 4}, CosineAnnealingLR={"T_max": 9}),
    case(OneCycleLR={"max_lr": 0.5, "total_steps": 14}),
    case(OneCycleLR={"max_lr": [0.5, 1], "epochs": 2, "steps_per_epoch": 8, "pct_start": 0.0,
                     "anneal_strategy": "linear", "div_factor": 5}),
    case(optimizer="Adam",
         OneCycleLR={"max_lr": 0.1, "total_steps": 15, "three_phase": True, "max_momentum": 0.99,
                     "base_momentum": [0.8, 0.7], "final_div_factor": 50}),
    case(optimizer="RMSprop",
         OneCycleLR={"max_lr": 0.1, "total_steps": 30, "three_phase": True, "pct_start": 0.2,
                     "anneal_strategy": "linear", "cycle_momentum": False}),
    case(MultiplicativeLR={"lr_lambda": ["half", "inverse"]}),
    case(ConstantLR={}),
    case(ConstantLR={"factor": 0.25, "total_iters": 3}),
    case(PolynomialLR={"total_iters": 8, "power": 2.0}),
    case(3, PolynomialLR={"total_iters": 8}),
    case(ConstantLR={"total_iters": 4}, ExponentialLR={"gamma": 0.9}),
    case(CosineAnnealingWarmRestarts={"T_0": 4}),
    case(CosineAnnealingWarmRestarts={"T_0": 2, "T_mult": 2, "eta_min": 0.01}),
    case(optimizer="RMSprop",
         CyclicLR={"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 3, "cycle_momentum": False}),
    case(optimizer="Adam",
         CyclicLR={"base_lr": [0.01, 0.02], "max_lr": 0.1, "step_size_up": 2, "step_size_down": 3,
                   "mode": "triangular2"}),
    case(CyclicLR={"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 4, "mode": "exp_range",
                   "gamma": 0.9, "base_momentum": 0.5}),
    case(SequentialLR={"milestones": [4], "schedulers": [
        ["LinearLR", {"start_factor": 0.1, "total_iters": 4}],
        ["CosineAnnealingLR", {"T_max": 9}]]}),
    case(SequentialLR={"milestones": [2, 7], "schedulers": [
        ["ConstantLR", {"factor": 0.1}], ["StepLR", {"step_size": 2, "gamma": 0.7}],
        ["ExponentialLR", {"gamma": 0.9}]]}),
    case(SequentialLR={"milestones": [3], "schedulers": [
        ["LambdaLR", {"lr_lambda": "half"}], ["CosineAnnealingWarmRestarts", {"T_0": 4}]]}),
    case(ChainedScheduler={"schedulers": [
        ["ConstantLR", {"factor": 0.1, "total_iters": 3}], ["ExponentialLR", {"gamma": 0.9}]]}),
    case(ReduceLROnPlateau={"patience": 1, "factor": 0.5}),
    case(ReduceLROnPlateau={"patience": 0, "cooldown": 2, "min_lr": [0.01, 0.03]}),
    case(ReduceLROnPlateau={"patience": 0, "threshold": 0.2, "threshold_mode": "abs"}),
    case(ReduceLROnPlateau={"patience": 2, "threshold": 0.1, "mode": "max", "eps": 0.02}),
    case(ReduceLROnPlateau={"patience": 1, "threshold": 0.3, "mode": "max",
                            "threshold_mode": "abs"}),
]  # fmt: skip


def optimizer_path(name, options):
    """Where an optimizer of PyTorch's is after some of its steps."""

    def make(start):
        p = torch.from_numpy(start).requires_grad_()
        return p, getattr(torch.optim, name)([p], **options)

    def set_gradient(p, g):
        p.grad = torch.from_numpy(g)

    path = run_optimizer(make, set_gradient, lambda p: p.detach().numpy())
    return [path[step].tolist() for step in LOOKS]


def main():
    """Write the file."""
    warnings.simplefilter("ignore")
    params = [torch.zeros(1, requires_grad=True) for _ in range(2)]
    lines = [
        json.dumps({"name": name, "options": options, "path": optimizer_path(name, options)})
        for name, options in OPTIMIZERS
    ]
    lines += [
        json.dumps({"case": case, "path": run_scheduler(torch.optim, params, **case)})
        for case in SCHEDULERS
    ]
    path = Path(__file__).with_name("trajectories.json")
    path.write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()
