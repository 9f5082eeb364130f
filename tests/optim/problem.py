"""What the optimizers and schedulers of the tests are run on, here and with PyTorch."""

import numpy as np

STEPS = 12
LOOKS = (1, 2, 5, 12)  # the steps whose positions trajectories.json has
_START = np.array([[-1.2, 1.0, 0.5], [0.3, -0.7, 2.0]])
_SLOPES = np.array([[1.0, 4.0, 0.3], [9.0, 0.05, 2.0]])
_METRICS = [3, 2.5, 2.4, 2.6, 2.39, 2.7, 2.9, 1.0, 0.9, 1.2, 1.3, 1.1, 1.0]
_FUNCTIONS = {"half": lambda epoch: 0.5**epoch, "inverse": lambda epoch: 1 / (1 + epoch)}


def gradient(p):
    """Of a quartic valley in six dimensions, steep in some and flat in others, coupled."""
    return _SLOPES * (p - 0.4) + 0.1 * p**3 + 0.2 * np.roll(p, 1)


def run_optimizer(make, set_gradient, values):
    """The start and the position after each step, in float64.

    ``make(start)`` returns a parameter and its optimizer, ``values(p)`` the parameter's array.
    """
    p, optimizer = make(_START.copy())
    path = [values(p).astype(np.float64)]
    for _ in range(STEPS):
        set_gradient(p, gradient(path[-1]))
        optimizer.step()
        path.append(values(p).astype(np.float64))
    return path


def run_scheduler(optim, params, optimizer, schedulers, last_epoch):
    """Learning rates, and momenta if cycled, of two groups: at first and after each step.

    ``optim`` is PyTorch's module or ours; ``last_epoch`` is where a run before this one has ended.
    """
    groups = [{"params": params[0], "lr": 0.1}, {"params": params[1], "lr": 0.7}]
    if last_epoch >= 0:
        for group in groups:
            group["initial_lr"] = 1.5 * group["lr"]
    optimizer = getattr(optim, optimizer)(groups)
    made = [
        make_scheduler(optim, optimizer, name, options, last_epoch)
        for name, options in schedulers.items()
    ]
    path = [rates(optimizer)]
    for metric in _METRICS:
        optimizer.step()
        for scheduler in made:
            advance(scheduler, metric)
        path.append(rates(optimizer))
    return path


def make_scheduler(optim, optimizer, name, options, last_epoch=-1):
    """A scheduler by name; functions among its options are given by name, too."""
    if "lr_lambda" in options:
        chosen = options["lr_lambda"]
        one = isinstance(chosen, str)
        options = {"lr_lambda": _FUNCTIONS[chosen] if one else [_FUNCTIONS[f] for f in chosen]}
    if "schedulers" in options:
        parts = [make_scheduler(optim, optimizer, *part) for part in options["schedulers"]]
        if name == "ChainedScheduler":
            return optim.lr_scheduler.ChainedScheduler(parts, optimizer)
        options = {**options, "schedulers": parts}
    if last_epoch != -1:
        options = {**options, "last_epoch": last_epoch}
    return getattr(optim.lr_scheduler, name)(optimizer, **options)


def advance(scheduler, metric):
    """One step of any scheduler."""
    scheduler.step(*([metric] if type(scheduler).__name__ == "ReduceLROnPlateau" else []))
    assert scheduler.get_last_lr() == [group["lr"] for group in scheduler.optimizer.param_groups]


def rates(optimizer):
    """What schedulers change in the groups of an optimizer."""
    groups = optimizer.param_groups
    momenta = [
        group["betas"][0] if "betas" in group else group["momentum"]
        for group in groups
        if "max_momentum" in group
    ]
    return [group["lr"] for group in groups] + momenta
