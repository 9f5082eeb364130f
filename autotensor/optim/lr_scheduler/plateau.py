"""The schedule that watches a measure of success."""

import math

from autotensor.optim.lr_scheduler.base import LRScheduler, per_group


class ReduceLROnPlateau(LRScheduler):
    """Multiplies the learning rate by ``factor`` when a metric stops getting better.

    ``scheduler.step(metric)`` once an epoch; more than ``patience`` epochs in a row without a
    better value than the best so far (lower in ``mode`` "min", higher in "max", by more than
    ``threshold``, which is relative or absolute by ``threshold_mode`` "rel" or "abs") are a
    plateau. Then ``cooldown`` epochs do not count. Learning rates stay above ``min_lr``; changes
    below ``eps`` are not made.
    """

    def __init__(
        self,
        optimizer,
        mode="min",
        factor=0.1,
        patience=10,
        threshold=1e-4,
        threshold_mode="rel",
        cooldown=0,
        min_lr=0,
        eps=1e-8,
    ):
        if factor >= 1.0:
            raise ValueError(f"Factor should be < 1.0, got {factor}")
        if mode not in ("min", "max"):
            raise ValueError(f"mode {mode} is unknown: 'min' or 'max'")
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(f"threshold mode {threshold_mode} is unknown: 'rel' or 'abs'")
        self.min_lrs = per_group("min_lr", min_lr, optimizer)
        self.optimizer = optimizer
        self.factor = factor
        self.patience = patience
        self.mode = mode
        self.threshold = threshold
        self.threshold_mode = threshold_mode
        self.cooldown = cooldown
        self.eps = eps
        self.best = math.inf if mode == "min" else -math.inf
        self.cooldown_counter = 0
        self.num_bad_epochs = 0
        self.last_epoch = 0
        self._last_lr = self._scaled(1)

    def step(self, metrics):
        """Take note of an epoch's metric, a number; lower the learning rates on a plateau."""
        metric = float(metrics)
        self.last_epoch += 1
        if self._is_better(metric):
            self.best = metric
            self.num_bad_epochs = 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0
        self._last_lr = self._scaled(1)

    def _is_better(self, metric):
        by = self.threshold if self.mode == "max" else -self.threshold
        bar = self.best * (1.0 + by) if self.threshold_mode == "rel" else self.best + by
        return metric > bar if self.mode == "max" else metric < bar

    def _reduce(self):
        for group, least in zip(self.optimizer.param_groups, self.min_lrs, strict=True):
            lr = max(group["lr"] * self.factor, least)
            if group["lr"] - lr > self.eps:
                group["lr"] = lr
