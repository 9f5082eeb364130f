"""Filling memory with random numbers: ``x.normal_()``, ``x.random_(10)`` and the like.

All draw from the `Generator` given, by default the one that `manual_seed` seeds.
"""

import math

import numpy as np

from autotensor.creation import default_generator
from autotensor.ops.inplace import assign
from autotensor.tensor import Tensor


def _fill(x, drawn):
    return assign(x, Tensor(np.asarray(drawn).astype(x.dtype, copy=False)))


def _source(generator):
    return (generator or default_generator).numpy


def _positive(name, **values):
    for label, value in values.items():
        if not value > 0:
            raise RuntimeError(f"{name}: {label} must be positive, got {value}")


def _float(x, name):
    """The dtype to draw numbers for ``x`` in, which must be of a floating one."""
    if x.dtype.kind != "f":
        raise RuntimeError(f"{name}: expected a floating dtype, got {x.dtype}")
    return _float_kind(x)


def _float_kind(x):
    return x.dtype if x.dtype.itemsize in (4, 8) and x.dtype.kind == "f" else np.float32


def uniform_(x, a=0.0, b=1.0, *, generator=None):
    """Overwrite with numbers drawn evenly from [a, b)."""
    if a > b:
        raise RuntimeError(f"uniform_: expected a <= b, got {a} and {b}")
    return _fill(x, _source(generator).random(x.shape, _float_kind(x)) * (b - a) + a)


def normal_(x, mean=0.0, std=1.0, *, generator=None):
    """Overwrite with normal numbers."""
    if std < 0:
        raise RuntimeError(f"normal_: std must not be negative, got {std}")
    return _fill(x, _source(generator).standard_normal(x.shape, _float_kind(x)) * std + mean)


def log_normal_(x, mean=1.0, std=2.0, *, generator=None):
    """Overwrite with the exponentials of normal numbers."""
    _positive("log_normal_", std=std)
    drawn = _source(generator).standard_normal(x.shape, _float(x, "log_normal_"))
    return _fill(x, np.exp(drawn * std + mean))


def exponential_(x, lambd=1.0, *, generator=None):
    """Overwrite with numbers of density ``lambd exp(-lambd x)``."""
    _positive("exponential_", lambd=lambd)
    kind = _float(x, "exponential_")
    return _fill(x, _source(generator).standard_exponential(x.shape, kind) / lambd)


def cauchy_(x, median=0.0, sigma=1.0, *, generator=None):
    """Overwrite with numbers of density ``sigma / (pi ((x - median)^2 + sigma^2))``."""
    _positive("cauchy_", sigma=sigma)
    _float(x, "cauchy_")
    drawn = _source(generator).random(x.shape) - 0.5
    return _fill(x, median + sigma * np.tan(math.pi * drawn))


def geometric_(x, p, *, generator=None):
    """Overwrite with the number of trials up to the first success, of probability ``p``."""
    if not 0 < p < 1:
        raise RuntimeError(f"geometric_: expected a probability between 0 and 1, got {p}")
    return _fill(x, _source(generator).geometric(p, x.shape))


def bernoulli_(x, p=0.5, *, generator=None):
    """Overwrite with 1 with probability ``p``, otherwise 0."""
    p = p.array if isinstance(p, Tensor) else p
    if not np.all((np.asarray(p) >= 0) & (np.asarray(p) <= 1)):
        raise RuntimeError(f"bernoulli_: a probability is between 0 and 1, got {p}")
    return _fill(x, _source(generator).random(x.shape) < p)


def random_(x, from_=None, to=None, *, generator=None):
    """Overwrite with whole numbers: from 0 to below the one given, or from one to below the other.

    By default, up to what the dtype holds exactly.
    """
    if x.dtype.kind == "f":
        most = 2 ** (np.finfo(x.dtype).nmant + 1) + 1
    else:
        most = 2 if x.dtype.kind == "b" else np.iinfo(x.dtype).max + 1
    low, high = (0, most) if from_ is None else (0, from_) if to is None else (from_, to)
    if not low < high:
        raise RuntimeError(f"random_: expected from < to, got {low} and {high}")
    return _fill(x, _source(generator).integers(low, high - 1, x.shape, endpoint=True))
