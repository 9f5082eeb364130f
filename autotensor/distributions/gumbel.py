"""The Gumbel distribution."""

import math

from autotensor.distributions.location_scale import LocationScale
from autotensor.distributions.utils import EULER
from autotensor.ops.elementary import exp, log


class Gumbel(LocationScale):
    """The extreme value distribution of mode ``loc`` and width ``scale``."""

    mean = property(lambda self: self.loc + self.scale * EULER)
    mode = property(lambda self: self.loc)
    stddev = property(lambda self: self.scale * (math.pi / math.sqrt(6)))
    variance = property(lambda self: self.stddev**2)

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
