"""Schedules that come back: cosine waves with restarts, and triangles."""

import math

from autotensor.optim.lr_scheduler.base import LRScheduler, per_group


class CosineAnnealingWarmRestarts(LRScheduler):
    """Half a cosine wave from the initial learning rate to ``eta_min``, again and again.

    The first takes ``T_0`` steps, each further one ``T_mult`` times as many; ``step(epoch)`` goes
    to any point of time, fractions included. Loshchilov and Hutter, "SGDR: stochastic gradient
    descent with warm restarts", 2017.
    """

    def __init__(self, optimizer, T_0, T_mult=1, eta_min=0.0, last_epoch=-1):
        if not isinstance(T_0, int) or T_0 <= 0:
            raise ValueError(f"Expected positive integer T_0, but got {T_0}")
        if not isinstance(T_mult, int) or T_mult < 1:
            raise ValueError(f"Expected integer T_mult >= 1, but got {T_mult}")
        self.T_0 = self.T_i = T_0
        self.T_mult = T_mult
        self.eta_min = eta_min
        self.T_cur = last_epoch
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        wave = (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2
        return [self.eta_min + (base - self.eta_min) * wave for base in self.base_lrs]

    def step(self, epoch=None):
        """Go on by one, or to ``epoch``, which may be a fraction."""
        if epoch is None and self.last_epoch < 0:
            epoch = 0
        if epoch is None:
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur -= self.T_i
                self.T_i *= self.T_mult
        elif epoch < 0:
            raise ValueError(f"Expected non-negative epoch, but got {epoch}")
        else:
            self._go_to(epoch)
            self.last_epoch = math.floor(epoch) - 1
        super().step()

    def _go_to(self, epoch):
        """Set which wave ``epoch`` falls in, and how far."""
        self.T_i, self.T_cur = self.T_0, epoch
        if epoch >= self.T_0 and self.T_mult == 1:
            self.T_cur = epoch % self.T_0
        elif epoch >= self.T_0:
            n = int(math.log(epoch / self.T_0 * (self.T_mult - 1) + 1, self.T_mult))
            self.T_cur = epoch - self.T_0 * (self.T_mult**n - 1) / (self.T_mult - 1)
            self.T_i = self.T_0 * self.T_mult**n


class CyclicLR(LRScheduler):
    """Goes up from ``base_lr`` to ``max_lr`` in a line and down again, once a cycle.

    ``step_size_up`` and ``step_size_down`` count batches. ``mode``: "triangular"; "triangular2"
    halves the height with each cycle; "exp_range" scales it by ``gamma`` with each step;
    ``scale_fn`` instead of a mode gives the scale of a cycle or, by ``scale_mode``, of a step
    ("iterations"). ``cycle_momentum`` moves the momentum (or Adam's first beta) the other way.
    Smith, "Cyclical learning rates for training neural networks", 2017.
    """

    def __init__(self, optimizer, base_lr, max_lr, step_size_up=2000, step_size_down=None,
                 mode="triangular", gamma=1.0, scale_fn=None, scale_mode="cycle",
                 cycle_momentum=True, base_momentum=0.8, max_momentum=0.9,
                 last_epoch=-1):  # fmt: skip
        bases = per_group("base_lr", base_lr, optimizer)
        self.max_lrs = per_group("max_lr", max_lr, optimizer)
        if mode not in _MODES and scale_fn is None:
            raise ValueError(f"mode must be one of {', '.join(_MODES)}, not {mode!r}")
        if scale_mode not in ("cycle", "iterations"):
            raise ValueError(f"scale_mode must be 'cycle' or 'iterations', not {scale_mode!r}")
        self.total_size = float(step_size_up + (step_size_down or step_size_up))
        self.step_ratio = step_size_up / self.total_size
        self.mode, self.gamma, self.scale_fn = mode, gamma, scale_fn
        self.scale_mode = scale_mode if scale_fn is not None else _MODES.get(mode)
        self.cycle_momentum = cycle_momentum
        if cycle_momentum and not {"momentum", "betas"} & optimizer.defaults.keys():
            raise ValueError(
                f"{type(optimizer).__name__} has neither momentum nor betas to cycle: pass "
                f"cycle_momentum=False"
            )
        if last_epoch == -1:
            tops = per_group("max_momentum", max_momentum, optimizer)
            lows = per_group("base_momentum", base_momentum, optimizer)
            for group, base, top, low in zip(
                optimizer.param_groups, bases, tops, lows, strict=True
            ):
                group["lr"] = group["initial_lr"] = base
                if cycle_momentum:
                    group["max_momentum"], group["base_momentum"] = top, low
        super().__init__(optimizer, last_epoch)
        self.base_lrs = bases

    def get_lr(self):
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1.0 + self.last_epoch / self.total_size - cycle
        up = x <= self.step_ratio
        height = x / self.step_ratio if up else (x - 1) / (self.step_ratio - 1)
        scale = height * self._scale(cycle)
        if self.cycle_momentum:
            for group in self.optimizer.param_groups:
                top = group["max_momentum"]
                value = top - (top - group["base_momentum"]) * scale
                if "betas" in group:
                    group["betas"] = (value, *group["betas"][1:])
                else:
                    group["momentum"] = value
        bases = [group["initial_lr"] for group in self.optimizer.param_groups]
        pairs = zip(bases, self.max_lrs, strict=True)
        return [base + (top - base) * scale for base, top in pairs]

    def _scale(self, cycle):
        x = cycle if self.scale_mode == "cycle" else self.last_epoch
        if self.scale_fn is not None:
            return self.scale_fn(x)
        if self.mode == "triangular2":
            return 1 / 2.0 ** (x - 1)
        return self.gamma**x if self.mode == "exp_range" else 1.0


_MODES = {"triangular": "cycle", "triangular2": "cycle", "exp_range": "iterations"}
