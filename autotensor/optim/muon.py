"""Muon."""

import math

import numpy as np

from autotensor.optim.optimizer import Optimizer, at_least_zero, moment


class Muon(Optimizer):
    """Momentum for matrices, each step brought near to an orthogonal matrix.

    ``p *= 1 - lr weight_decay; p -= lr' U`` where ``U`` follows from the momentum (Nesterov's, by
    default) by ``ns_steps`` steps of a Newton-Schulz iteration with ``ns_coefficients``. ``lr'`` is
    ``lr sqrt(max(1, rows / columns))``, or with ``adjust_lr_fn="match_rms_adamw"``
    ``0.2 lr sqrt(max(rows, columns))``. Matrices only: others are AdamW's.
    Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024.
    """

    moments = ("momentum_buffer",)

    def __init__(self, params, lr=1e-3, weight_decay=0.1, momentum=0.95, nesterov=True,
                 ns_coefficients=(3.4445, -4.7750, 2.0315), eps=1e-7, ns_steps=5,
                 adjust_lr_fn=None):  # fmt: skip
        defaults = {"lr": lr, "weight_decay": weight_decay, "momentum": momentum,
                    "nesterov": nesterov, "ns_coefficients": ns_coefficients, "eps": eps,
                    "ns_steps": ns_steps, "adjust_lr_fn": adjust_lr_fn}  # fmt: skip
        super().__init__(params, defaults)
        for p in (p for group in self.param_groups for p in group["params"]):
            if p.ndim != 2:
                raise ValueError(f"Muon only supports 2D parameters, found one of {p.shape}")

    def check(self, options):
        at_least_zero(
            options,
            lr="learning rate",
            momentum="momentum value",
            weight_decay="weight_decay value",
        )
        if options["adjust_lr_fn"] not in (None, "original", "match_rms_adamw"):
            raise ValueError(f"Adjust learning rate function {options['adjust_lr_fn']} is unknown")
        if options["ns_steps"] >= 100 or len(options["ns_coefficients"]) != 3:
            raise ValueError("Muon takes three ns_coefficients and fewer than 100 ns_steps")

    def update(self, p, g, state, options):
        momentum, lr = options["momentum"], options["lr"]
        buffer = moment(state, "momentum_buffer", p)
        buffer += (1 - momentum) * (g - buffer)
        along = g + momentum * (buffer - g) if options["nesterov"] else buffer
        along = _orthogonal(along, options)
        rows, columns = p.shape
        if options["adjust_lr_fn"] == "match_rms_adamw":
            rate = 0.2 * lr * math.sqrt(max(rows, columns))
        else:
            rate = lr * math.sqrt(max(1, rows / columns))
        p.array *= 1 - lr * options["weight_decay"]
        p.array[...] -= rate * along


def _orthogonal(x, options):
    """A matrix with singular values near 1 and the singular vectors of ``x``."""
    a, b, c = options["ns_coefficients"]
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    x = x / max(np.linalg.norm(x), options["eps"])
    for _ in range(options["ns_steps"]):
        square = x @ x.T
        x = a * x + (b * square + c * (square @ square)) @ x
    return x.T if tall else x
