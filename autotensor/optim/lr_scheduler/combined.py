"""Schedules made of schedules: one after the other, or all at once."""

import copy
from bisect import bisect_right

from autotensor.optim.lr_scheduler.base import optimizer_of


class _Combined:
    """Schedules of one optimizer."""

    def __init__(self, name, optimizer, schedulers):
        if not schedulers:
            raise ValueError(f"{name} expects at least one scheduler, but got none")
        for number, scheduler in enumerate(schedulers):
            if scheduler.optimizer is not optimizer:
                raise ValueError(
                    f"{name} expects all schedulers to belong to the same optimizer, but got "
                    f"scheduler {number} ({type(scheduler).__name__}) of another"
                )
        self.optimizer = optimizer_of(optimizer)
        self._schedulers = list(schedulers)

    def _note(self):
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]

    def get_last_lr(self):
        """The learning rates that the last `step` has set, one for each group."""
        return self._last_lr

    def state_dict(self):
        """Everything but the optimizer, the schedulers by their own state."""
        names = vars(self).keys() - {"optimizer", "_schedulers"}
        state = {name: copy.deepcopy(getattr(self, name)) for name in sorted(names)}
        return state | {"_schedulers": [s.state_dict() for s in self._schedulers]}

    def load_state_dict(self, state_dict):
        """Go on from a `state_dict`; load the optimizer's as well, it holds the learning rates."""
        state = dict(state_dict)
        for scheduler, inner in zip(self._schedulers, state.pop("_schedulers"), strict=True):
            scheduler.load_state_dict(inner)
        vars(self).update(copy.deepcopy(state))


class SequentialLR(_Combined):
    """Schedules one after the other: each begins at its milestone, a number of steps."""

    def __init__(self, optimizer, schedulers, milestones, last_epoch=-1):
        super().__init__("SequentialLR", optimizer, schedulers)
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(
                f"Sequential Schedulers expects number of schedulers provided to be one more than "
                f"the number of milestone points, but got number of schedulers {len(schedulers)} "
                f"and the number of milestones to be equal to {len(milestones)}"
            )
        self._milestones = list(milestones)
        self.last_epoch = last_epoch + 1
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        for scheduler in schedulers[1:]:
            scheduler.last_epoch -= 1  # each has made a first step, for which it was not its turn
        self._schedulers[0].begin()
        self._note()

    def step(self):
        """Go on to the next learning rates; call it after the optimizer's step()."""
        self.last_epoch += 1
        turn = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[turn]
        if turn and self._milestones[turn - 1] == self.last_epoch:
            for group in self.optimizer.param_groups:
                group["lr"] = group["initial_lr"]
            scheduler.begin()
        else:
            scheduler.step()
        self._note()


class ChainedScheduler(_Combined):
    """Several schedules at once: each scales what the one before it has set."""

    def __init__(self, schedulers, optimizer=None):
        schedulers = list(schedulers)
        if optimizer is None and schedulers:
            optimizer = schedulers[0].optimizer
        super().__init__("ChainedScheduler", optimizer, schedulers)
        self._note()

    def step(self):
        """Go on to the next learning rates; call it after the optimizer's step()."""
        for scheduler in self._schedulers:
            scheduler.step()
        self._note()
