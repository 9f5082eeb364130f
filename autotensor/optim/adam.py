"""Adam and AdamW."""

from autotensor import kernels
from autotensor.optim.optimizer import Optimizer, at_least_zero, moment


def check_adam(optimizer, options):
    """Raise ValueError for options that mean nothing for Adam and its relatives."""
    at_least_zero(
        options, lr="learning rate", eps="epsilon value", weight_decay="weight_decay value"
    )
    check_betas(options)


def check_betas(options):
    """Raise ValueError unless there are two factors of running means."""
    if len(options["betas"]) != 2:
        raise ValueError(f"betas must be two numbers, got {options['betas']}")
    for i, beta in enumerate(options["betas"]):
        if not 0 <= beta < 1:
            raise ValueError(
                f"Invalid beta parameter at index {i}: {beta} (must be at least 0, below 1)"
            )


class Adam(Optimizer):
    """Steps along the mean gradient, scaled by its root mean square, both running averages.

    ``p -= lr m / (sqrt(v) + eps)`` with the bias-corrected averages ``m`` of ``d`` (factor
    ``betas[0]``) and ``v`` of ``d d`` (``betas[1]``), where ``d = g + weight_decay p``; with
    ``decoupled_weight_decay`` the parameter itself shrinks: ``p *= 1 - lr weight_decay``.
    ``amsgrad`` divides by the largest ``v`` so far. Kingma and Ba, "Adam: a method for stochastic
    optimization", 2015; Reddi et al., "On the convergence of Adam and beyond", 2018.
    """

    moments = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")

    def __init__(
        self,
        params,
        lr=1e-3,
        betas=(0.9, 0.999),
        eps=1e-8,
        weight_decay=0,
        amsgrad=False,
        *,
        maximize=False,
        decoupled_weight_decay=False,
        **execution,
    ):
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "amsgrad": amsgrad,
                "maximize": maximize,
                "decoupled_weight_decay": decoupled_weight_decay,
            },
            **execution,
        )

    def check(self, options):
        check_adam(self, options)

    def update(self, p, g, state, options):
        beta1, beta2 = options["betas"]
        state["step"] = state.get("step", 0) + 1
        kernels.adam_step(
            p.array,
            g,
            moment(state, "exp_avg", p),
            moment(state, "exp_avg_sq", p),
            moment(state, "max_exp_avg_sq", p) if options["amsgrad"] else None,
            step=state["step"],
            lr=options["lr"],
            beta1=beta1,
            beta2=beta2,
            eps=options["eps"],
            weight_decay=options["weight_decay"],
            decoupled=options["decoupled_weight_decay"],
            maximize=options["maximize"],
        )


class AdamW(Adam):
    """Adam with decoupled weight decay: ``p *= 1 - lr weight_decay`` before each step.

    Loshchilov and Hutter, "Decoupled weight decay regularization", 2019.
    """

    def __init__(
        self,
        params,
        lr=1e-3,
        betas=(0.9, 0.999),
        eps=1e-8,
        weight_decay=1e-2,
        amsgrad=False,
        *,
        maximize=False,
        **execution,
    ):
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            maximize=maximize,
            decoupled_weight_decay=True,
            **execution,
        )
