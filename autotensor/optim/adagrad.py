"""Adagrad and Adadelta: gradients scaled by the size of all, or of recent, ones."""

import numpy as np

from autotensor.optim.optimizer import Optimizer, at_least_zero, descent, moment


class Adagrad(Optimizer):
    """Divides each gradient by the root of the sum of its squares so far.

    ``p -= lr' d / (sqrt(s) + eps)`` with ``s += d d``, ``d = g + weight_decay p`` and ``lr' = lr /
    (1 + (step - 1) lr_decay)``. Duchi, Hazan and Singer, "Adaptive subgradient methods", 2011.
    """

    moments = ("sum",)

    def __init__(self, params, lr=1e-2, lr_decay=0, weight_decay=0, initial_accumulator_value=0,
                 eps=1e-10, *, maximize=False, **execution):  # fmt: skip
        defaults = {"lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
                    "initial_accumulator_value": initial_accumulator_value,
                    "maximize": maximize}  # fmt: skip
        super().__init__(params, defaults, **execution)

    def check(self, options):
        at_least_zero(
            options,
            lr="learning rate",
            lr_decay="lr_decay value",
            weight_decay="weight_decay value",
            initial_accumulator_value="initial_accumulator_value value",
            eps="epsilon value",
        )

    def update(self, p, g, state, options):
        d = descent(p, g, options)
        if "sum" not in state:
            moment(state, "sum", p).fill(options["initial_accumulator_value"])
        state["step"] = state.get("step", 0) + 1
        total = state["sum"].array
        total += d * d
        rate = options["lr"] / (1 + (state["step"] - 1) * options["lr_decay"])
        p.array[...] -= rate * d / (np.sqrt(total) + options["eps"])


class Adadelta(Optimizer):
    """Scales each gradient by the ratio of recent steps to recent gradients.

    ``p -= lr u`` with ``u = sqrt(a + eps) / sqrt(v + eps) d`` and the running means (factor
    ``rho``) ``v`` of ``d d`` and ``a`` of ``u u``. Zeiler, "Adadelta: an adaptive learning rate
    method", 2012.
    """

    moments = ("square_avg", "acc_delta")

    def __init__(self, params, lr=1.0, rho=0.9, eps=1e-6, weight_decay=0, *, maximize=False,
                 **execution):  # fmt: skip
        defaults = {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay,
                    "maximize": maximize}  # fmt: skip
        super().__init__(params, defaults, **execution)

    def check(self, options):
        at_least_zero(
            options,
            lr="learning rate",
            rho="rho value",
            eps="epsilon value",
            weight_decay="weight_decay value",
        )
        if options["rho"] > 1:
            raise ValueError(f"Invalid rho value: {options['rho']} (must be at most 1)")

    def update(self, p, g, state, options):
        d, rho, eps = descent(p, g, options), options["rho"], options["eps"]
        state["step"] = state.get("step", 0) + 1  # unused here; PyTorch's checkpoints have it
        squares, steps = moment(state, "square_avg", p), moment(state, "acc_delta", p)
        squares *= rho
        squares += (1 - rho) * d * d
        u = np.sqrt(steps + eps) / np.sqrt(squares + eps) * d
        steps *= rho
        steps += (1 - rho) * u * u
        p.array[...] -= options["lr"] * u
