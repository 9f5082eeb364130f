"""Lion."""

import numpy as np

from autotensor.optim.adam import check_betas
from autotensor.optim.optimizer import Optimizer, at_least_zero, moment


class Lion(Optimizer):
    """Steps of one size: the sign of a mean of the gradient and its running mean.

    ``p -= lr (sign(beta1 m + (1 - beta1) g) + weight_decay p)``, then ``m = beta2 m + (1 - beta2)
    g``.
    Chen et al., "Symbolic discovery of optimization algorithms", 2023.
    """

    moments = ("exp_avg",)

    def __init__(self, params, lr=1e-4, betas=(0.9, 0.99), weight_decay=0.0, *, maximize=False):
        super().__init__(
            params,
            {"lr": lr, "betas": betas, "weight_decay": weight_decay, "maximize": maximize},
        )

    def check(self, options):
        at_least_zero(options, lr="learning rate", weight_decay="weight_decay value")
        check_betas(options)

    def update(self, p, g, state, options):
        g = -g if options["maximize"] else g
        beta1, beta2 = options["betas"]
        mean = moment(state, "exp_avg", p)
        sign = np.sign(beta1 * mean + (1 - beta1) * g)
        p.array[...] -= options["lr"] * (sign + options["weight_decay"] * p.array)
        mean *= beta2
        mean += (1 - beta2) * g
