"""The normal distribution."""

import math

from autotensor.creation import randn
from autotensor.distributions.location_scale import LocationScale
from autotensor.distributions.utils import HALF_LOG_2PI
from autotensor.ops.elementary import erf, log
from autotensor.ops.special import erfinv


class Normal(LocationScale):
    """Normal of mean ``loc`` and standard deviation ``scale``."""

    mean = mode = property(lambda self: self.loc)
    stddev = property(lambda self: self.scale)
    variance = property(lambda self: self.scale**2)

    def rsample(self, sample_shape=()):
        """The mean, and standard normal numbers times the scale."""
        shape = self._extended_shape(sample_shape)
        return self.loc + randn(shape, dtype=self.loc.dtype) * self.scale

    def log_prob(self, value):
        """The logarithm of the density."""
        self._validate_sample(value)
        deviation = (value - self.loc) / self.scale
        return deviation**2 * -0.5 - log(self.scale) - HALF_LOG_2PI

    def cdf(self, value):
        """By the error function."""
        self._validate_sample(value)
        return (erf((value - self.loc) / (self.scale * math.sqrt(2))) + 1) * 0.5

    def icdf(self, value):
        """By the inverse error function."""
        return self.loc + self.scale * erfinv(value * 2 - 1) * math.sqrt(2)

    def entropy(self):
        """``log(scale)`` and a constant."""
        return log(self.scale) + (0.5 + HALF_LOG_2PI)
