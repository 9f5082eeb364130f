"""Loss functions as modules.

``reduction`` is ``"mean"``, ``"sum"`` or ``"none"``.
"""

from autotensor.nn import check, functional
from autotensor.nn.module import Module
from autotensor.nn.reduction import legacy_reduction


class Loss(Module):
    """What all losses share: their reduction."""

    reductions = ("none", "mean", "sum")

    def __init__(self, reduction):
        super().__init__()
        self.reduction = check.choice(self, "reduction", reduction, self.reductions)


class CrossEntropyLoss(Loss):
    """Minus the logarithm of the softmax of the target's score: (N, C, *), (N, *) -> ().

    The target holds class indices, or probabilities (N, C, *). ``weight`` (C,) weighs the classes,
    ``ignore_index`` marks positions without a class, ``label_smoothing`` mixes the target with the
    uniform distribution.
    """

    @legacy_reduction(size_average_before="ignore_index")
    def __init__(self, weight=None, *, ignore_index=-100, reduction="mean", label_smoothing=0.0):
        super().__init__(reduction)
        self.register_buffer("weight", weight)
        self.ignore_index = check.integer(self, "ignore_index", ignore_index, -(2**63))
        self.label_smoothing = check.number(self, "label_smoothing", label_smoothing, 0.0, 1.0)

    def forward(self, input, target):
        return functional.cross_entropy(
            input,
            target,
            weight=self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


class NLLLoss(Loss):
    """Minus the target's log-probability: (N, C, *), (N, *) -> ()."""

    @legacy_reduction(size_average_before="ignore_index")
    def __init__(self, weight=None, *, ignore_index=-100, reduction="mean"):
        super().__init__(reduction)
        self.register_buffer("weight", weight)
        self.ignore_index = check.integer(self, "ignore_index", ignore_index, -(2**63))

    def forward(self, input, target):
        return functional.nll_loss(
            input,
            target,
            weight=self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
        )


class MSELoss(Loss):
    """(x - y)^2."""

    @legacy_reduction
    def __init__(self, *, reduction="mean"):
        super().__init__(reduction)

    def forward(self, input, target):
        return functional.mse_loss(input, target, reduction=self.reduction)


class L1Loss(Loss):
    """|x - y|."""

    @legacy_reduction
    def __init__(self, *, reduction="mean"):
        super().__init__(reduction)

    def forward(self, input, target):
        return functional.l1_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(Loss):
    """0.5 (x - y)^2 / beta where |x - y| < beta, else |x - y| - 0.5 beta (Girshick, 2015)."""

    @legacy_reduction
    def __init__(self, *, reduction="mean", beta=1.0):
        super().__init__(reduction)
        self.beta = check.number(self, "beta", beta, 0)

    def forward(self, input, target):
        return functional.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class HuberLoss(Loss):
    """0.5 (x - y)^2 where |x - y| < delta, else delta (|x - y| - 0.5 delta) (Huber, 1964)."""

    def __init__(self, reduction="mean", delta=1.0):
        super().__init__(reduction)
        self.delta = check.number(self, "delta", delta)
        if not delta > 0:
            raise ValueError(f"HuberLoss: delta must be greater than 0, got {delta}")

    def forward(self, input, target):
        return functional.huber_loss(input, target, reduction=self.reduction, delta=self.delta)


class BCELoss(Loss):
    """-(y log x + (1 - y) log(1 - x)), for probabilities x; ``weight`` broadcasts."""

    @legacy_reduction
    def __init__(self, weight=None, *, reduction="mean"):
        super().__init__(reduction)
        self.register_buffer("weight", weight)

    def forward(self, input, target):
        return functional.binary_cross_entropy(
            input, target, weight=self.weight, reduction=self.reduction
        )


class BCEWithLogitsLoss(Loss):
    """`BCELoss` of sigmoid(x), without its overflow; ``pos_weight`` weighs the positive class."""

    @legacy_reduction
    def __init__(self, weight=None, *, reduction="mean", pos_weight=None):
        super().__init__(reduction)
        self.register_buffer("weight", weight)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input, target):
        return functional.binary_cross_entropy_with_logits(
            input,
            target,
            weight=self.weight,
            reduction=self.reduction,
            pos_weight=self.pos_weight,
        )


class KLDivLoss(Loss):
    """y (log y - x), for log-probabilities x and probabilities y (``log_target``: their logs).

    ``reduction="batchmean"`` divides the sum by the batch size, which is the divergence itself.
    """

    reductions = (*Loss.reductions, "batchmean")

    @legacy_reduction
    def __init__(self, *, reduction="mean", log_target=False):
        super().__init__(reduction)
        self.log_target = log_target

    def forward(self, input, target):
        return functional.kl_div(
            input, target, reduction=self.reduction, log_target=self.log_target
        )


class _MarginLoss(Loss):
    @legacy_reduction
    def __init__(self, margin=0.0, *, reduction="mean"):
        super().__init__(reduction)
        self.margin = check.number(self, "margin", margin)


class HingeEmbeddingLoss(_MarginLoss):
    """x where y = 1, max(0, margin - x) where y = -1."""

    @legacy_reduction
    def __init__(self, margin=1.0, *, reduction="mean"):
        super().__init__(margin, reduction=reduction)

    def forward(self, input, target):
        return functional.hinge_embedding_loss(
            input, target, margin=self.margin, reduction=self.reduction
        )


class MarginRankingLoss(_MarginLoss):
    """max(0, margin - y (x1 - x2)), for y = 1 where x1 should be the larger, else -1."""

    def forward(self, input1, input2, target):
        return functional.margin_ranking_loss(
            input1, input2, target, margin=self.margin, reduction=self.reduction
        )


class CosineEmbeddingLoss(_MarginLoss):
    """1 - cos(x1, x2) where y = 1, max(0, cos(x1, x2) - margin) where y = -1."""

    def forward(self, input1, input2, target):
        return functional.cosine_embedding_loss(
            input1, input2, target, margin=self.margin, reduction=self.reduction
        )


class GaussianNLLLoss(Loss):
    """(log max(var, eps) + (x - y)^2 / max(var, eps)) / 2; ``full`` adds log(2 pi) / 2."""

    def __init__(self, *, full=False, eps=1e-6, reduction="mean"):
        super().__init__(reduction)
        self.full = full
        self.eps = check.number(self, "eps", eps)
        if not eps > 0:
            raise ValueError(f"GaussianNLLLoss: eps must be greater than 0, got {eps}")

    def forward(self, input, target, var):
        return functional.gaussian_nll_loss(
            input, target, var, full=self.full, eps=self.eps, reduction=self.reduction
        )
