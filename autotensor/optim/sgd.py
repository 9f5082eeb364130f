"""Stochastic gradient descent."""

from autotensor import kernels
from autotensor.optim.optimizer import Optimizer, at_least_zero, moment


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum and Nesterov's form of it.

    ``d = g + weight_decay p;  b = momentum b + (1 - dampening) d;  p -= lr b``, or with
    ``nesterov`` ``p -= lr (d + momentum b)``. The first ``b`` is ``d``. ``maximize`` ascends.
    Sutskever et al., "On the importance of initialization and momentum in deep learning", 2013.
    """

    moments = ("momentum_buffer",)

    def __init__(
        self,
        params,
        lr=1e-3,
        momentum=0,
        dampening=0,
        weight_decay=0,
        nesterov=False,
        *,
        maximize=False,
        **execution,
    ):
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "dampening": dampening,
                "weight_decay": weight_decay,
                "nesterov": nesterov,
                "maximize": maximize,
            },
            **execution,
        )

    def check(self, options):
        at_least_zero(
            options,
            lr="learning rate",
            momentum="momentum value",
            weight_decay="weight_decay value",
        )
        if options["nesterov"] and (options["momentum"] <= 0 or options["dampening"] != 0):
            raise ValueError(
                f"Nesterov momentum requires a momentum and zero dampening, not momentum "
                f"{options['momentum']} and dampening {options['dampening']}"
            )

    def update(self, p, g, state, options):
        buf, dampening = None, options["dampening"]
        if options["momentum"] != 0:
            if state.get("momentum_buffer") is None:
                dampening = 0  # the first gradient enters whole
            buf = moment(state, "momentum_buffer", p)
        kernels.sgd_step(
            p.array,
            g,
            buf,
            lr=options["lr"],
            momentum=options["momentum"],
            dampening=dampening,
            weight_decay=options["weight_decay"],
            nesterov=options["nesterov"],
            maximize=options["maximize"],
        )
