"""The Gumbel distribution."""

import math

from autotensor.distributions import constraints
from autotensor.distributions.distribution import Distribution
from autotensor.distributions.utils import EULER, broadcast_all, uniform
from autotensor.ops.elementary import exp, log


class Gumbel(Distribution):
    """The extreme value distribution of mode ``loc`` and width ``scale``."""

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True

    def __init__(self, loc, scale, validate_args=None):
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    mean = property(lambda self: self.loc + self.scale * EULER)
    mode = property(lambda self: self.loc)
    stddev = property(lambda self: self.scale * (math.pi / math.sqrt(6)))
    variance = property(lambda self: self.stddev**2)

    def rsample(self, sample_shape=()):
        """By `icdf` of uniform numbers."""
        return self.icdf(uniform(self._extended_shape(sample_shape), self.loc.dtype))

    def log_prob(self, value):
        """The logarithm of the density."""
        self._validate_sample(value)
        y = (self.loc - value) / self.scale
        return y - exp(y) - log(self.scale)

    def cdf(self, value):
        """``exp(-exp(-y))``."""
        self._validate_sample(value)
        return exp(-exp((self.loc - value) / self.scale))

    def icdf(self, value):
        """The inverse of `cdf`."""
        return self.loc - self.scale * log(-log(value))

    def entropy(self):
        """``log(scale)`` and a constant."""
        return log(self.scale) + (1 + EULER)
