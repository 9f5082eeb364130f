"""The magnitude of normal numbers."""

import math

from autotensor.creation import zeros_like
from autotensor.distributions import constraints
from autotensor.distributions.distribution import Distribution
from autotensor.distributions.normal import Normal
from autotensor.distributions.utils import broadcast_all
from autotensor.ops.elementwise import abs, where


class HalfNormal(Distribution):
    """The magnitude of normal numbers of mean 0 and standard deviation ``scale``."""

    arg_constraints = {"scale": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True

    def __init__(self, scale, validate_args=None):
        (self.scale,) = broadcast_all(scale)
        super().__init__(self.scale.shape, validate_args=validate_args)

    mean = property(lambda self: self.scale * math.sqrt(2 / math.pi))
    mode = property(lambda self: zeros_like(self.scale))
    variance = property(lambda self: self.scale**2 * (1 - 2 / math.pi))

    def _normal(self):
        return Normal(self.scale * 0, self.scale, validate_args=False)

    def rsample(self, sample_shape=()):
        """Magnitudes of normal numbers."""
        return abs(self._normal().rsample(sample_shape))

    def log_prob(self, value):
        """Twice the normal density."""
        self._validate_sample(value)
        density = self._normal().log_prob(value) + math.log(2)
        return where(value >= 0, density, -math.inf)

    def cdf(self, value):
        """What the normal has between ``-value`` and ``value``."""
        self._validate_sample(value)
        return self._normal().cdf(value) * 2 - 1

    def icdf(self, value):
        """The inverse of `cdf`."""
        return self._normal().icdf((value + 1) / 2)

    def entropy(self):
        """That of the normal, less the sign."""
        return self._normal().entropy() - math.log(2)
