"""RMSprop."""

from autotensor import kernels
from autotensor.optim.optimizer import Optimizer, at_least_zero, moment


class RMSprop(Optimizer):
    """Scales each gradient by the running root mean square of its past.

    ``p -= lr d / (sqrt(v) + eps)`` with ``v = alpha v + (1 - alpha) d d`` and ``d = g +
    weight_decay p``; ``centered`` divides by the running standard deviation instead; with
    ``momentum`` the quotients accumulate. Hinton, "Neural networks for machine learning", lecture
    6e, 2012; centered: Graves, "Generating sequences with recurrent neural networks", 2013.
    """

    moments = ("square_avg", "grad_avg", "momentum_buffer")

    def __init__(
        self,
        params,
        lr=1e-2,
        alpha=0.99,
        eps=1e-8,
        weight_decay=0,
        momentum=0,
        centered=False,
        *,
        maximize=False,
        **execution,
    ):
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "alpha": alpha,
                "eps": eps,
                "centered": centered,
                "weight_decay": weight_decay,
                "maximize": maximize,
            },
            **execution,
        )

    def check(self, options):
        at_least_zero(
            options,
            lr="learning rate",
            eps="epsilon value",
            momentum="momentum value",
            weight_decay="weight_decay value",
            alpha="alpha value",
        )

    def update(self, p, g, state, options):
        state["step"] = state.get("step", 0) + 1  # unused here; PyTorch's checkpoints have it
        kernels.rmsprop_step(
            p.array,
            g,
            moment(state, "square_avg", p),
            moment(state, "grad_avg", p) if options["centered"] else None,
            moment(state, "momentum_buffer", p) if options["momentum"] > 0 else None,
            lr=options["lr"],
            alpha=options["alpha"],
            eps=options["eps"],
            weight_decay=options["weight_decay"],
            momentum=options["momentum"],
            maximize=options["maximize"],
        )
