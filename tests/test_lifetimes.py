"""What an operation made dies with its result: at once, by reference count, whatever happened."""

import gc
import os
import tracemalloc
import weakref
from pathlib import Path

import numpy as np
import pytest

import autotensor as at
from autotensor import nn, optim
from autotensor.nn import functional as F


def tracked(*shape):
    return at.randn(*shape).requires_grad_()


def _layer(layer, *shape):
    def program():
        result = layer(at.randn(*shape).requires_grad_())
        result = result[0] if isinstance(result, tuple) else result
        (result * result).mean().backward()
        return result

    return program


def _raising_rule():
    def rule(g):
        raise ValueError("from a rule")

    y = tracked(3) * 2
    z = at.record(y.array * 1, (y, rule))
    with pytest.raises(ValueError, match="from a rule"):
        (z * z).sum().backward()
    return z


def _raising_hook():
    y = tracked(3) * 2

    def hook(g):
        raise ValueError("from a hook")

    y.register_hook(hook)
    with pytest.raises(ValueError, match="from a hook"):
        y.sin().sum().backward()
    return y


def _keeping_hook():
    kept = []
    y = tracked(3) * 2
    y.register_hook(kept.append)
    y.retain_grad()
    y.sin().sum().backward()
    return y


def _overwritten():
    y = tracked(3) * 2
    z = y.sin()
    y.add_(1)
    with pytest.raises(RuntimeError, match="overwritten in place"):
        z.sum().backward()
    return z


def _refused():
    x = tracked(3)
    y = x * 2
    for write in (lambda: x.add_(1), lambda: y.add_(at.ones(2)), lambda: y.add_(at.ones(2, 3))):
        with pytest.raises(RuntimeError):
            write()
    return y


def _twice():
    y = tracked(3).sin()
    y.sum().backward()
    with pytest.raises(RuntimeError, match="a second time"):
        y.sum().backward()
    return y


def _in_place():
    y = tracked(3, 4) * 2
    view, other = y[1:], y.T
    view.mul_(y[:2])
    y[0] += other[:, 1]
    y.unsqueeze_(0)
    (y.sum() + (other * view.sum()).sum()).backward()
    return y


def _second_order():
    x = tracked(3)
    (g,) = at.grad((x.sin() * x).sum(), x, create_graph=True)
    (g * g).sum().backward()
    return g


def _never_used():
    return nn.LSTM(3, 4)(tracked(5, 2, 3))[0]


class _Doubled(at.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = x * 2
        ctx.save_for_backward(x, y)
        return y

    @staticmethod
    def backward(ctx, g):
        x, y = ctx.saved_tensors
        return g * y / x


PROGRAMS = {
    "linear": _layer(nn.Linear(4, 3), 5, 4),
    "convolution": _layer(
        nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU()), 2, 2, 6, 6
    ),
    "pooling": _layer(nn.MaxPool2d(2), 2, 2, 6, 6),
    "layer norm": _layer(nn.LayerNorm(4), 5, 4),
    "dropout": _layer(nn.Dropout(0.5), 5, 4),
    "in place": _layer(nn.Sequential(nn.Linear(4, 4), nn.ReLU(inplace=True)), 5, 4),
    "lstm": _layer(nn.LSTM(3, 4, num_layers=2, bidirectional=True), 5, 2, 3),
    "gru": _layer(nn.GRU(3, 4), 5, 2, 3),
    "rnn": _layer(nn.RNN(3, 4), 5, 2, 3),
    "function": _layer(_Doubled.apply, 4),
    "hook that raises": _raising_hook,
    "hook that keeps": _keeping_hook,
    "rule that raises": _raising_rule,
    "overwritten": _overwritten,
    "refused": _refused,
    "twice": _twice,
    "writes": _in_place,
    "second order": _second_order,
    "no backward": _never_used,
}


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_nothing_is_left_for_the_collector(program):
    for _ in range(2):  # compiles, fills caches
        program()
    gc.collect()
    gc.disable()
    result = program()
    node = weakref.ref(result.node)
    memory = weakref.ref(result.array)
    del result
    assert node() is None and memory() is None
    assert gc.collect() == 0


class Small(nn.Module):
    """A network of layers that keep something from step to step."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(4, 8)
        self.norm = nn.BatchNorm1d(8)
        self.out = nn.Linear(8, 3)

    def forward(self, x):
        return self.out(F.relu(self.norm(self.lstm(x)[1][0][0]), inplace=True))


def resident():
    """The memory of this process in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads Linux's /proc")
def test_ten_thousand_steps_take_no_more_memory_than_one():
    model = Small()
    optimizer = optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    random = np.random.default_rng(0)
    batches = [at.tensor(random.normal(size=(5, 8, 4)).astype(np.float32)) for _ in range(4)]
    labels = at.tensor(random.integers(0, 3, 8))

    def train(steps):
        for step in range(steps):
            optimizer.zero_grad()
            F.cross_entropy(model(batches[step % 4]), labels).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()

    train(1000)  # compiles, fills caches
    gc.collect()
    gc.disable()
    before = resident()
    train(9000)
    grown = resident() - before
    tracemalloc.start()
    train(50)
    first = tracemalloc.get_traced_memory()[0]
    train(500)
    traced = tracemalloc.get_traced_memory()[0] - first
    tracemalloc.stop()
    print(f"10,000 steps: resident {grown / 1e3:+.0f} kB, traced {traced / 500:+.1f} bytes a step")
    assert grown < 2e6
    assert traced < 500 * 20
    assert gc.collect() == 0
