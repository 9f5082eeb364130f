"""The categorical distribution."""

from functools import cached_property

import numpy as np

from autotensor.creation import default_generator
from autotensor.distributions import constraints
from autotensor.distributions.distribution import Distribution
from autotensor.distributions.utils import (
    either,
    enumerated,
    logits_to_probs,
    normalised,
    probs_to_logits,
)
from autotensor.ops.arguments import cast
from autotensor.ops.elementwise import clamp
from autotensor.ops.indexing import gather
from autotensor.ops.reduce import argmax, sum
from autotensor.ops.shape import expand, squeeze, unsqueeze
from autotensor.tensor import Tensor


class Categorical(Distribution):
    """Numbers of classes, 0 to n - 1, of probabilities ``probs`` (..., n), which need not sum to 1,
    or their logarithms ``logits``."""

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    has_enumerate_support = True

    def __init__(self, probs=None, logits=None, validate_args=None):
        name, value = either(probs, logits)
        if value.ndim < 1:
            raise ValueError(f"`{name}` parameter must be at least one-dimensional.")
        if name == "probs":
            self.probs = value / sum(value, -1, keepdim=True)
        else:
            self.logits = normalised(value)
        self._num_events = value.shape[-1]
        super().__init__(value.shape[:-1], validate_args=validate_args)

    @cached_property
    def probs(self):
        """The probabilities."""
        return logits_to_probs(self.logits)

    @cached_property
    def logits(self):
        """The logarithms of the probabilities."""
        return probs_to_logits(self.probs)

    @property
    def support(self):
        """Numbers of classes."""
        return constraints.integer_interval(0, self._num_events - 1)

    @property
    def param_shape(self):
        """The shape of the probabilities."""
        return self.batch_shape + (self._num_events,)

    mean = property(lambda self: sum(self.probs.detach() * float("nan"), -1))
    variance = mean
    mode = property(lambda self: argmax(self.probs, -1))

    def sample(self, sample_shape=()):
        """Numbers of classes, int64."""
        ends = np.cumsum(self.probs.array, axis=-1, dtype=np.float64)
        shape = self._extended_shape(sample_shape)
        draws = default_generator.numpy.random(shape)[..., None] * ends[..., -1:]
        # A class of probability 0 ends where the one before it does, so it is never drawn.
        return Tensor(np.asarray((draws >= ends).sum(axis=-1)))

    def log_prob(self, value):
        """The logarithm of the probability of classes."""
        self._validate_sample(value)
        shape = np.broadcast_shapes(value.shape, self.batch_shape)
        numbers = unsqueeze(expand(cast(value, np.dtype(np.int64)), shape), -1)
        logits = expand(self.logits, shape + (self._num_events,))
        return squeeze(gather(logits, -1, numbers), -1)

    def entropy(self):
        """``-sum(p log(p))``."""
        least = float(np.finfo(self.logits.dtype).min)
        return -sum(clamp(self.logits, min=least) * self.probs, -1)

    def enumerate_support(self, expand=True):
        """All classes: (n, ...)."""
        return enumerated(Tensor(np.arange(self._num_events)), self.batch_shape, expand)
