"""The geometric distribution."""

import numpy as np

from autotensor.creation import zeros_like
from autotensor.distributions import constraints
from autotensor.distributions.bernoulli import OfOdds
from autotensor.distributions.utils import uniform
from autotensor.ops.activation import softplus
from autotensor.ops.elementary import log1p
from autotensor.ops.elementwise import where
from autotensor.tensor import Tensor


class Geometric(OfOdds):
    """The number of failures before the first success, of probability ``probs``."""

    support = constraints.nonnegative_integer

    def __init__(self, probs=None, logits=None, validate_args=None):
        value, _ = self._give(probs, logits)
        super().__init__(value.shape, validate_args=validate_args)
        if self._validate_args and probs is not None and not (value.array > 0).all():
            raise ValueError(f"Geometric: probs must be greater than 0, got {value!r}")

    mean = property(lambda self: 1 / self.probs - 1)
    mode = property(lambda self: zeros_like(self.probs))
    variance = property(lambda self: (1 / self.probs - 1) / self.probs)

    def sample(self, sample_shape=()):
        """By the inverse of the distribution function."""
        p = self.probs.detach()
        even = uniform(self._extended_shape(sample_shape), p.dtype).array
        with np.errstate(divide="ignore"):
            return Tensor(np.floor(np.log(even) / np.log1p(-p.array)))

    def log_prob(self, value):
        """The logarithm of the probability."""
        self._validate_sample(value)
        certain = (self.probs == 1) & (value == 0)
        probs = where(certain, 0, self.probs)
        return value * log1p(-probs) + where(self.probs == 1, 1, self.probs).log()

    def entropy(self):
        """That of a Bernoulli, for each trial there will be."""
        return (softplus(self.logits) - self.probs * self.logits) / self.probs
