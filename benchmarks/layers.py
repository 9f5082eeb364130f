"""Where the time of a training step of network A goes: by layer, and by kernel."""

import time
from collections import defaultdict
from functools import wraps

from autotensor import kernels

from . import networks
from .libraries import batch_of, load
from .report import row, total
from .timing import Sample, turns
from .training import IMAGES, NESTEROV, steps


class _Stopwatch:
    """Seconds that the parts of a step take, by name; ``lap`` ends one part and begins the next."""

    def __init__(self):
        self.seconds = defaultdict(float)
        self.name, self.since = None, 0.0

    def lap(self, name):
        now = time.perf_counter()
        if self.name is not None:
            self.seconds[self.name] += now - self.since
        self.name, self.since = name, now


def _watch(model, watch):
    """Let the children of ``model`` tell the watch when they begin, forward and backward.

    A child's backward begins when the gradient of its output is known. One whose output is only
    used by a kernel fused with the next child has no backward of its own: it counts there.
    """
    for name, child in model.named_children():

        def begin(child, args, name=name):
            watch.lap((name, "forward"))

        def end(child, args, output, name=name):
            output.register_hook(lambda g: watch.lap((name, "backward")))

        child.register_forward_pre_hook(begin)
        child.register_forward_hook(end)


def _watched_step(library, x, labels):
    """A step of network A that returns the seconds of its parts."""
    model = library.network(networks.network_a)
    optimizer = library.module.optim.SGD(model.parameters(), lr=0.01, **NESTEROV)
    watch = _Stopwatch()
    _watch(model, watch)

    def step():
        watch.seconds.clear()
        watch.lap(("optimizer", "step"))
        optimizer.zero_grad()
        scores = model(x)
        watch.lap(("loss", "forward"))
        loss = library.module.nn.functional.cross_entropy(scores, labels)
        watch.lap(("loss", "backward"))
        loss.backward()
        watch.lap(("optimizer", "step"))
        optimizer.step()
        watch.lap(None)
        return dict(watch.seconds)

    return step


def by_layer(setup):
    """Forward and backward of every layer, loss and optimizer: hooks tell when each begins."""
    x, labels = batch_of(IMAGES)
    candidates = {
        library.name: _watched_step(library, library.tensor(x), library.tensor(labels))
        for library in setup.libraries()
    }
    samples = defaultdict(lambda: defaultdict(Sample))
    for name in turns(candidates, setup.rounds):
        for part, seconds in candidates[name]().items():
            samples[part][name].values.append(seconds)
    rows = [
        row(f"  {layer}, {direction}", "ms", {
            name: found.get(name, Sample([0.0])) for name in candidates
        })
        for (layer, direction), found in samples.items()
    ]  # fmt: skip
    return [*rows, total("network A by layer, sum", rows)]


def _timed(kernel, name, watched):
    @wraps(kernel)
    def run(*args, **kwargs):
        start = time.perf_counter()
        result = kernel(*args, **kwargs)
        watched[name].append(time.perf_counter() - start)
        return result

    return run


def by_kernel(setup):
    """The kernels of autotensor in a step, the number of calls of each, and the remaining time."""
    [step] = steps([load("autotensor")], networks.network_a, IMAGES, **NESTEROV).values()
    step()  # looks the kernels up
    used = {
        name: value
        for name, value in vars(kernels).items()
        if getattr(value, "__module__", "").startswith(f"{kernels.__name__}.")
    }
    watched, samples, calls = defaultdict(list), defaultdict(Sample), {}
    for name, kernel in used.items():
        setattr(kernels, name, _timed(kernel, name, watched))
    try:
        for _ in turns({"autotensor": step}, setup.rounds):
            watched.clear()
            start = time.perf_counter()
            step()
            whole = time.perf_counter() - start
            for name, seconds in watched.items():
                samples[name].values.append(sum(seconds))
                calls[name] = len(seconds)
            rest = whole - sum(map(sum, watched.values()))
            samples["Python and NumPy"].values.append(rest)
    finally:
        vars(kernels).update(used)
    costly = sorted(samples, key=lambda name: -samples[name].median)
    return [
        row(f"  {name}" + (f", {calls[name]} calls" if name in calls else ""), "ms",
            {"autotensor": samples[name]})
        for name in costly
    ]  # fmt: skip
