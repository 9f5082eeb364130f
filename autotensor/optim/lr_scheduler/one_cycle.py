"""The one-cycle schedule."""

import math

from autotensor.optim.lr_scheduler.base import LRScheduler, per_group


class OneCycleLR(LRScheduler):
    """Raises the learning rate to ``max_lr``, then lowers it far below where it began.

    From ``max_lr / div_factor`` up within ``pct_start`` of the steps, then down to that divided by
    ``final_div_factor``; with ``three_phase``, first down again the way it came. Steps are batches:
    ``total_steps``, or ``epochs * steps_per_epoch`` of them. ``cycle_momentum`` moves the momentum
    (or Adam's first beta) the other way, between ``max_momentum`` and ``base_momentum``.
    Smith and Topin, "Super-convergence", 2018.
    """

    def __init__(
        self,
        optimizer,
        max_lr,
        total_steps=None,
        epochs=None,
        steps_per_epoch=None,
        pct_start=0.3,
        anneal_strategy="cos",
        cycle_momentum=True,
        base_momentum=0.85,
        max_momentum=0.95,
        div_factor=25.0,
        final_div_factor=1e4,
        three_phase=False,
        last_epoch=-1,
    ):
        peaks = per_group("max_lr", max_lr, optimizer)
        tops = per_group("max_momentum", max_momentum, optimizer)
        bases = per_group("base_momentum", base_momentum, optimizer)
        if not (isinstance(pct_start, float) and 0 <= pct_start <= 1):
            raise ValueError(f"Expected float between 0 and 1 pct_start, but got {pct_start}")
        if anneal_strategy not in _ANNEAL:
            raise ValueError(
                f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        self.total_steps = _total_steps(total_steps, epochs, steps_per_epoch)
        self.anneal_strategy = anneal_strategy
        self.cycle_momentum = cycle_momentum
        self.phases = _phases(self.total_steps, pct_start, three_phase)
        if cycle_momentum and not {"momentum", "betas"} & optimizer.defaults.keys():
            raise ValueError(
                f"{type(optimizer).__name__} has neither momentum nor betas to cycle: pass "
                f"cycle_momentum=False"
            )
        if last_epoch == -1:
            for group, peak, top, base in zip(
                optimizer.param_groups, peaks, tops, bases, strict=True
            ):
                group["initial_lr"] = peak / div_factor
                group["max_lr"] = peak
                group["min_lr"] = group["initial_lr"] / final_div_factor
                if cycle_momentum:
                    group["max_momentum"] = top
                    group["base_momentum"] = base
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        if self.last_epoch > self.total_steps:
            raise ValueError(
                f"Tried to step {self.last_epoch} times. The specified number of total steps is "
                f"{self.total_steps}"
            )
        lr, momentum, part = self._now()
        anneal = _ANNEAL[self.anneal_strategy]
        if self.cycle_momentum:
            for group in self.optimizer.param_groups:
                value = anneal(*(group[name] for name in momentum), part)
                if "betas" in group:
                    group["betas"] = (value, *group["betas"][1:])
                else:
                    group["momentum"] = value
        return [anneal(*(g[name] for name in lr), part) for g in self.optimizer.param_groups]

    def _now(self):
        """The present phase's rates and momenta, and what part of it has passed."""
        passed = sum(end < self.last_epoch for end, *_ in self.phases[:-1])
        start = self.phases[passed - 1][0] if passed else 0.0
        end, lr, momentum = self.phases[passed]
        # A phase of a single step has no length: it is over.
        return lr, momentum, (self.last_epoch - start) / (end - start) if end != start else 1.0


def _phases(steps, pct_start, three_phase):
    """Of each phase: its last step, and between which learning rates and momenta it goes."""
    top, base = "max_momentum", "base_momentum"
    rise = [pct_start * steps - 1, ["initial_lr", "max_lr"], [top, base]]
    if not three_phase:
        return [rise, [steps - 1, ["max_lr", "min_lr"], [base, top]]]
    fall = [2 * pct_start * steps - 2, ["max_lr", "initial_lr"], [base, top]]
    return [rise, fall, [steps - 1, ["initial_lr", "min_lr"], [top, top]]]


def _total_steps(total_steps, epochs, steps_per_epoch):
    if total_steps is None and (epochs is None or steps_per_epoch is None):
        raise ValueError("You must define either total_steps OR (epochs AND steps_per_epoch)")
    if total_steps is not None:
        given = {"total_steps": total_steps}
    else:
        given = {"epochs": epochs, "steps_per_epoch": steps_per_epoch}
    for name, value in given.items():
        if not isinstance(value, int) or value <= 0:
            raise ValueError(f"Expected positive integer {name}, but got {value}")
    return math.prod(given.values())


def _cosine(start, end, part):
    return end + (start - end) / 2.0 * (math.cos(math.pi * part) + 1)


def _linear(start, end, part):
    return (end - start) * part + start


_ANNEAL = {"cos": _cosine, "linear": _linear}
