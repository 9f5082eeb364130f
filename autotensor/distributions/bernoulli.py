"""The Bernoulli distribution."""

from functools import cached_property

import numpy as np

from autotensor.distributions import constraints
from autotensor.distributions.distribution import Distribution
from autotensor.distributions.utils import (
    broadcast_all,
    drawn,
    either,
    enumerated,
    logits_to_probs,
    probs_to_logits,
)
from autotensor.ops.activation import softplus
from autotensor.ops.arguments import cast
from autotensor.ops.elementwise import where
from autotensor.tensor import Tensor


class OfOdds(Distribution):
    """Distributions of one probability, given as ``probs`` or as log odds, ``logits``."""

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}

    def _give(self, probs, logits, *others):
        """Set what is given, all of one shape; the other form is computed when asked for."""
        name, value = either(probs, logits)
        value, *others = broadcast_all(value, *others)
        setattr(self, name, value)
        return value, others

    @cached_property
    def probs(self):
        """The probabilities."""
        return logits_to_probs(self.logits, is_binary=True)

    @cached_property
    def logits(self):
        """The log odds."""
        return probs_to_logits(self.probs, is_binary=True)

    @property
    def param_shape(self):
        """The shape of the parameter."""
        return self.__dict__.get("probs", self.logits).shape


class Bernoulli(OfOdds):
    """1 with a probability, given as ``probs`` or as log odds, ``logits``; otherwise 0."""

    support = constraints.boolean
    has_enumerate_support = True

    def __init__(self, probs=None, logits=None, validate_args=None):
        value, _ = self._give(probs, logits)
        super().__init__(value.shape, validate_args=validate_args)

    mean = property(lambda self: self.probs)
    variance = property(lambda self: self.probs * (1 - self.probs))

    @property
    def mode(self):
        """0 or 1; NaN if they are as likely."""
        more = cast(self.probs >= 0.5, self.probs.dtype)
        return where(self.probs == 0.5, float("nan"), more)

    def sample(self, sample_shape=()):
        """Zeros and ones."""
        shape, dtype = self._extended_shape(sample_shape), self.probs.dtype
        return cast(drawn("random", shape, dtype) < self.probs.detach(), dtype)

    def log_prob(self, value):
        """The logarithm of the probability, by log odds."""
        self._validate_sample(value)
        return value * self.logits - softplus(self.logits)

    def entropy(self):
        """``-p log(p) - (1 - p) log(1 - p)``."""
        return softplus(self.logits) - self.probs * self.logits

    def enumerate_support(self, expand=True):
        """0 and 1: (2, ...)."""
        both = Tensor(np.arange(2).astype(self.probs.dtype))
        return enumerated(both, self.batch_shape, expand)
