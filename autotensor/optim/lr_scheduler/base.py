"""What all schedules share."""

import copy
import warnings

from autotensor.optim.optimizer import Optimizer


class LRScheduler:
    """Sets the learning rate of every parameter group, from one `step` to the next.

    A schedule defines `get_lr`, the learning rates at ``last_epoch``, which counts the steps from
    0. To resume without a state dict, pass the ``last_epoch`` reached so far; the groups must have
    their "initial_lr" then. Making a scheduler sets the first learning rates at once.
    """

    def __init__(self, optimizer, last_epoch=-1):
        self.optimizer = optimizer_of(optimizer)
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{i}] when resuming with "
                    f"last_epoch={last_epoch}: load the optimizer's state dict first"
                )
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.begin(last_epoch)

    def begin(self, last_epoch=-1):
        """Set the first learning rates, from those that the groups have now."""
        self.last_epoch = last_epoch
        self._step_count = 0
        self._is_initial = True
        self.step()
        self._is_initial = False

    def get_lr(self):
        """The learning rate of each group at ``last_epoch``, often computed from the last one."""
        raise NotImplementedError(f"{type(self).__name__} must define get_lr()")

    def get_last_lr(self):
        """The learning rates that the last `step` has set, one for each group."""
        return self._last_lr

    def step(self):
        """Go on to the next learning rates; call it after the optimizer's step()."""
        if self._step_count == 1 and not self.optimizer.stepped():
            warnings.warn(
                "Detected call of `lr_scheduler.step()` before `optimizer.step()`: the first value "
                "of the learning rate schedule is skipped. Call `optimizer.step()` first.",
                stacklevel=2,
            )
        self._step_count += 1
        self.last_epoch += 1
        rates = self.get_lr()
        for group, lr in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = lr
        self._last_lr = rates

    def state_dict(self):
        """Everything but the optimizer, to be given to `load_state_dict`."""
        state = {name: value for name, value in vars(self).items() if name != "optimizer"}
        return copy.deepcopy(state)

    def load_state_dict(self, state_dict):
        """Go on from a `state_dict`; load the optimizer's as well, it holds the learning rates.

        Raises ValueError, having changed nothing, if it was saved by another kind of scheduler.
        """
        own = self.state_dict()
        missing = sorted(own.keys() - state_dict.keys())
        if missing:
            raise ValueError(
                f"{type(self).__name__}: the state dict has no {', '.join(missing)}; was it saved "
                f"by another kind of scheduler?"
            )
        vars(self).update(copy.deepcopy({name: state_dict[name] for name in own}))

    def _scaled(self, factor):
        return [group["lr"] * factor for group in self.optimizer.param_groups]


def optimizer_of(optimizer):
    """The optimizer, if it is one."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
    return optimizer


def per_group(name, value, optimizer):
    """One value for each parameter group: a list as it is, anything else repeated."""
    groups = len(optimizer_of(optimizer).param_groups)
    if not isinstance(value, (list, tuple)):
        return [value] * groups
    if len(value) != groups:
        raise ValueError(f"{name} has {len(value)} values, the optimizer {groups} param_groups")
    return list(value)
