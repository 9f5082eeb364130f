"""Losses of scores, distances, counts and sequences as modules; otherwise as those of ``loss``."""

from autotensor.nn import check, functional
from autotensor.nn.loss import Loss
from autotensor.nn.reduction import legacy_reduction


class TripletMarginLoss(Loss):
    """max(0, |a - p| - |a - n| + margin): three (N, D) -> (); see `F.triplet_margin_loss`."""

    @legacy_reduction
    def __init__(self, margin=1.0, p=2.0, eps=1e-6, swap=False, reduction="mean"):
        super().__init__(reduction)
        self.margin = _positive(self, margin)
        self.p, self.eps = check.number(self, "p", p), check.number(self, "eps", eps)
        self.swap = swap

    def forward(self, anchor, positive, negative):
        return functional.triplet_margin_loss(
            *(anchor, positive, negative),
            margin=self.margin,
            p=self.p,
            eps=self.eps,
            swap=self.swap,
            reduction=self.reduction,
        )


def _positive(layer, margin):
    if not check.number(layer, "margin", margin) > 0:
        name = type(layer).__name__
        raise ValueError(f"{name}: expected margin to be greater than 0, got {margin} instead")
    return margin


class TripletMarginWithDistanceLoss(Loss):
    """`TripletMarginLoss` with a distance of one's own: (N, D), (N, D) -> (N)."""

    def __init__(self, *, distance_function=None, margin=1.0, swap=False, reduction="mean"):
        super().__init__(reduction)
        self.distance_function = distance_function
        self.margin, self.swap = _positive(self, margin), swap

    def forward(self, anchor, positive, negative):
        return functional.triplet_margin_with_distance_loss(
            *(anchor, positive, negative),
            distance_function=self.distance_function,
            margin=self.margin,
            swap=self.swap,
            reduction=self.reduction,
        )


class MultiMarginLoss(Loss):
    """sum max(0, margin - x[t] + x[i])^p / C over all classes i but the target: (N, C), (N)."""

    @legacy_reduction
    def __init__(self, p=1, margin=1.0, weight=None, reduction="mean"):
        super().__init__(reduction)
        if p not in (1, 2):
            raise ValueError(f"MultiMarginLoss: only p == 1 and p == 2 supported, got {p}")
        self.p, self.margin = p, check.number(self, "margin", margin)
        self.register_buffer("weight", weight)

    def forward(self, input, target):
        return functional.multi_margin_loss(
            *(input, target),
            p=self.p,
            margin=self.margin,
            weight=self.weight,
            reduction=self.reduction,
        )


class MultiLabelMarginLoss(Loss):
    """sum max(0, 1 - x[t] + x[i]) / C over targets t and other classes i: (N, C), (N, C).

    The targets of a row end at the first -1.
    """

    @legacy_reduction
    def __init__(self, reduction="mean"):
        super().__init__(reduction)

    def forward(self, input, target):
        return functional.multilabel_margin_loss(input, target, reduction=self.reduction)


class MultiLabelSoftMarginLoss(Loss):
    """The mean over classes of `BCEWithLogitsLoss`: (N, C), (N, C); ``weight`` is (C)."""

    @legacy_reduction
    def __init__(self, weight=None, reduction="mean"):
        super().__init__(reduction)
        self.register_buffer("weight", weight)

    def forward(self, input, target):
        return functional.multilabel_soft_margin_loss(
            input, target, weight=self.weight, reduction=self.reduction
        )


class SoftMarginLoss(Loss):
    """log(1 + exp(-y x)), for y = 1 or -1."""

    @legacy_reduction
    def __init__(self, reduction="mean"):
        super().__init__(reduction)

    def forward(self, input, target):
        return functional.soft_margin_loss(input, target, reduction=self.reduction)


class PoissonNLLLoss(Loss):
    """exp(x) - y x for counts y, or without ``log_input`` x - y log(x + eps)."""

    @legacy_reduction(size_average_before="eps")
    def __init__(self, log_input=True, full=False, eps=1e-8, reduction="mean"):
        super().__init__(reduction)
        self.log_input, self.full, self.eps = log_input, full, check.number(self, "eps", eps)

    def forward(self, log_input, target):
        return functional.poisson_nll_loss(
            *(log_input, target),
            log_input=self.log_input,
            full=self.full,
            eps=self.eps,
            reduction=self.reduction,
        )


class CTCLoss(Loss):
    """Minus the log-likelihood of labels whose times are not known: see `F.ctc_loss`.

    (T, N, C) log-probabilities, (N, S) or (sum of lengths) targets, (N), (N) lengths -> ()
    (Graves et al., 2006).
    """

    def __init__(self, blank=0, reduction="mean", zero_infinity=False):
        super().__init__(reduction)
        self.blank = check.integer(self, "blank", blank, 0)
        self.zero_infinity = zero_infinity

    def forward(self, log_probs, targets, input_lengths, target_lengths):
        return functional.ctc_loss(
            *(log_probs, targets, input_lengths, target_lengths),
            self.blank,
            self.reduction,
            self.zero_infinity,
        )
