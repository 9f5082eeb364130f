"""Schedules given by a formula of the step number.

The learning rate follows from the last one, not from the first, so that schedules can be chained:
each multiplies what it finds. The recurrences are PyTorch's, to the last bit.
"""

import copy
import math
import types
from collections import Counter

from autotensor.optim.lr_scheduler.base import LRScheduler, per_group


class LambdaLR(LRScheduler):
    """The initial learning rate times ``lr_lambda(last_epoch)``, a function or one per group."""

    def __init__(self, optimizer, lr_lambda, last_epoch=-1):
        self.lr_lambdas = per_group("lr_lambda", lr_lambda, optimizer)
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        pairs = zip(self.base_lrs, self.lr_lambdas, strict=True)
        return [base * factor(self.last_epoch) for base, factor in pairs]

    def state_dict(self):
        """Everything but the optimizer; of the lambdas, only the attributes of callable objects."""
        names = vars(self).keys() - {"optimizer", "lr_lambdas"}
        state = {name: copy.deepcopy(getattr(self, name)) for name in sorted(names)}
        state["lr_lambdas"] = [
            None if isinstance(f, types.FunctionType) else copy.deepcopy(f.__dict__)
            for f in self.lr_lambdas
        ]
        return state

    def load_state_dict(self, state_dict):
        """Go on from a `state_dict`; functions stay the ones given to this scheduler."""
        functions = self.lr_lambdas
        super().load_state_dict(state_dict)
        attributes, self.lr_lambdas = self.lr_lambdas, functions
        for function, values in zip(functions, attributes, strict=True):
            if values is not None:
                vars(function).update(values)


class MultiplicativeLR(LambdaLR):
    """Multiplies the learning rate by ``lr_lambda(last_epoch)`` at every step."""

    def get_lr(self):
        if self._is_initial:
            return self._scaled(1)
        pairs = zip(self._scaled(1), self.lr_lambdas, strict=True)
        return [lr * factor(self.last_epoch) for lr, factor in pairs]


class ConstantLR(LRScheduler):
    """Multiplies the learning rate by ``factor`` until ``total_iters`` steps are done."""

    def __init__(self, optimizer, factor=1.0 / 3, total_iters=5, last_epoch=-1):
        if not 0 <= factor <= 1:
            raise ValueError(f"ConstantLR: factor must be in [0, 1], got {factor}")
        self.factor = factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        if self.last_epoch == 0:
            return self._scaled(self.factor)
        due = not self._is_initial and self.last_epoch == self.total_iters
        return self._scaled(1.0 / self.factor if due else 1)


class PolynomialLR(LRScheduler):
    """Lowers the learning rate to 0 within ``total_iters`` steps, as ``(1 - part)**power``."""

    def __init__(self, optimizer, total_iters=5, power=1.0, last_epoch=-1):
        self.total_iters = total_iters
        self.power = power
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        if self._is_initial or self.last_epoch > self.total_iters:
            return self._scaled(1)
        left = 1.0 - self.last_epoch / self.total_iters
        before = 1.0 - (self.last_epoch - 1) / self.total_iters
        return self._scaled((left / before) ** self.power)


class StepLR(LRScheduler):
    """Multiplies the learning rate by ``gamma`` every ``step_size`` steps."""

    def __init__(self, optimizer, step_size, gamma=0.1, last_epoch=-1):
        if step_size <= 0:
            raise ValueError(f"StepLR: step_size must be positive, got {step_size}")
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        due = self.last_epoch > 0 and self.last_epoch % self.step_size == 0
        return self._scaled(self.gamma if due else 1)


class MultiStepLR(LRScheduler):
    """Multiplies the learning rate by ``gamma`` at each of the steps ``milestones``."""

    def __init__(self, optimizer, milestones, gamma=0.1, last_epoch=-1):
        self.milestones = Counter(milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        return self._scaled(self.gamma ** self.milestones.get(self.last_epoch, 0))


class ExponentialLR(LRScheduler):
    """Multiplies the learning rate by ``gamma`` at every step."""

    def __init__(self, optimizer, gamma, last_epoch=-1):
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        return self._scaled(1 if self._is_initial else self.gamma)


class LinearLR(LRScheduler):
    """Moves a factor of the learning rate along a line.

    From ``start_factor`` to ``end_factor`` within ``total_iters`` steps, where it stays.
    """

    def __init__(
        self, optimizer, start_factor=1.0 / 3, end_factor=1.0, total_iters=5, last_epoch=-1
    ):
        if not 0 < start_factor <= 1:
            raise ValueError(f"LinearLR: start_factor must be in (0, 1], got {start_factor}")
        if not 0 <= end_factor <= 1:
            raise ValueError(f"LinearLR: end_factor must be in [0, 1], got {end_factor}")
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        if self.last_epoch == 0:
            return self._scaled(self.start_factor)
        if self._is_initial or self.last_epoch > self.total_iters:
            return self._scaled(1)
        rise = self.end_factor - self.start_factor
        last = self.total_iters * self.start_factor + (self.last_epoch - 1) * rise
        return self._scaled(1.0 + rise / last)


class CosineAnnealingLR(LRScheduler):
    """Follows half a cosine wave from the initial learning rate to ``eta_min``, and back.

    ``lr = eta_min + (initial_lr - eta_min) (1 + cos(pi last_epoch / T_max)) / 2``. Loshchilov and
    Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017, without the restarts.
    """

    def __init__(self, optimizer, T_max, eta_min=0.0, last_epoch=-1):
        if T_max <= 0:
            raise ValueError(f"CosineAnnealingLR: T_max must be positive, got {T_max}")
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        if self._is_initial:
            return self._scaled(1)
        if (self.last_epoch - 1 - self.T_max) % (2 * self.T_max) == 0:
            # The last factor was zero: there is nothing to multiply, the wave starts anew.
            step = (1 - math.cos(math.pi / self.T_max)) / 2
            rates = zip(self._scaled(1), self.base_lrs, strict=True)
            return [lr + (base - self.eta_min) * step for lr, base in rates]
        ratio = self._wave(self.last_epoch) / self._wave(self.last_epoch - 1)
        return [ratio * (lr - self.eta_min) + self.eta_min for lr in self._scaled(1)]

    def _wave(self, epoch):
        return 1 + math.cos(math.pi * epoch / self.T_max)
