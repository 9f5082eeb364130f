"""Relatives of Adam: Adamax, NAdam and RAdam."""

import math

import numpy as np

from autotensor.optim.adam import check_adam
from autotensor.optim.optimizer import Optimizer, at_least_zero, decay, descent, moment


def _averaged(p, d, state, options):
    """The step number, and Adam's running means of ``d`` and ``d d``, brought up to date."""
    beta1, beta2 = options["betas"]
    state["step"] = state.get("step", 0) + 1
    mean, squares = moment(state, "exp_avg", p), moment(state, "exp_avg_sq", p)
    mean += (1 - beta1) * (d - mean)
    squares *= beta2
    squares += (1 - beta2) * d * d
    return state["step"], mean, squares


class Adamax(Optimizer):
    """Adam with the largest gradient, fading, in place of the root mean square.

    ``p -= lr m' / u`` with the bias-corrected mean ``m'`` and ``u = max(beta2 u, abs(d) + eps)``.
    Kingma and Ba, "Adam: a method for stochastic optimization", 2015, section 7.
    """

    moments = ("exp_avg", "exp_inf")

    def __init__(self, params, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, *,
                 maximize=False, **execution):  # fmt: skip
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
                    "maximize": maximize}  # fmt: skip
        super().__init__(params, defaults, **execution)

    check = check_adam

    def update(self, p, g, state, options):
        d, (beta1, beta2) = descent(p, g, options), options["betas"]
        state["step"] = state.get("step", 0) + 1
        mean, largest = moment(state, "exp_avg", p), moment(state, "exp_inf", p)
        mean += (1 - beta1) * (d - mean)
        np.maximum(beta2 * largest, np.abs(d) + options["eps"], out=largest)
        p.array[...] -= options["lr"] / (1 - beta1 ** state["step"]) * mean / largest


class NAdam(Optimizer):
    """Adam with Nesterov's momentum, whose factor grows with the steps.

    ``p -= lr ((1 - mu) / (1 - M) d + mu' / (1 - M mu') m) / (sqrt(v') + eps)`` with ``mu = beta1
    (1 - 0.96**(step momentum_decay) / 2)``, ``mu'`` that of the next step, and ``M`` the product of
    all ``mu``. Dozat, "Incorporating Nesterov momentum into Adam", 2016.
    """

    moments = ("exp_avg", "exp_avg_sq")

    def __init__(self, params, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0,
                 momentum_decay=4e-3, decoupled_weight_decay=False, *, maximize=False,
                 **execution):  # fmt: skip
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
                    "momentum_decay": momentum_decay, "maximize": maximize,
                    "decoupled_weight_decay": decoupled_weight_decay}  # fmt: skip
        super().__init__(params, defaults, **execution)

    def check(self, options):
        check_adam(self, options)
        at_least_zero(options, momentum_decay="momentum_decay value")

    def update(self, p, g, state, options):
        d, (beta1, beta2) = decay(p, g, options), options["betas"]
        step, mean, squares = _averaged(p, d, state, options)
        now, then = (beta1 * (1 - 0.5 * 0.96 ** (t * options["momentum_decay"]))
                     for t in (step, step + 1))  # fmt: skip
        # In single precision, as PyTorch keeps it.
        product = float(np.float32(float(state.get("mu_product", 1))) * np.float32(now))
        state["mu_product"] = product
        scale = np.sqrt(squares / (1 - beta2**step)) + options["eps"]
        along = (1 - now) / (1 - product) * d + then / (1 - product * then) * mean
        p.array[...] -= options["lr"] * along / scale


class RAdam(Optimizer):
    """Adam that does without its scale while too few gradients are known to trust it.

    The step of Adam times a factor for the variance of ``v``; until that is defined, a step along
    the mean. Liu et al., "On the variance of the adaptive learning rate and beyond", 2020.
    """

    moments = ("exp_avg", "exp_avg_sq")

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0,
                 decoupled_weight_decay=False, *, maximize=False, **execution):  # fmt: skip
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
                    "maximize": maximize,
                    "decoupled_weight_decay": decoupled_weight_decay}  # fmt: skip
        super().__init__(params, defaults, **execution)

    check = check_adam

    def update(self, p, g, state, options):
        d, (beta1, beta2) = decay(p, g, options), options["betas"]
        step, mean, squares = _averaged(p, d, state, options)
        along = mean / (1 - beta1**step)
        longest = 2 / (1 - beta2) - 1
        length = longest - 2 * step * beta2**step / (1 - beta2**step)
        if length > 5:
            known = (length - 4) * (length - 2) / length
            whole = (longest - 4) * (longest - 2) / longest
            factor = math.sqrt(known / whole * (1 - beta2**step))
            along *= factor / (np.sqrt(squares) + options["eps"])
        p.array[...] -= options["lr"] * along
