"""The Cauchy distribution."""

import math

from autotensor.distributions import constraints
from autotensor.distributions.distribution import Distribution
from autotensor.distributions.utils import broadcast_all, uniform
from autotensor.ops.elementary import atan, log, log1p, tan


class Cauchy(Distribution):
    """Cauchy around ``loc``, half as dense at the distance ``scale``; it has no mean."""

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True

    def __init__(self, loc, scale, validate_args=None):
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    mean = property(lambda self: self.loc.detach() * float("nan"))
    mode = property(lambda self: self.loc)
    variance = property(lambda self: self.loc.detach() * 0 + math.inf)

    def rsample(self, sample_shape=()):
        """By `icdf` of uniform numbers."""
        return self.icdf(uniform(self._extended_shape(sample_shape), self.loc.dtype))

    def log_prob(self, value):
        """The logarithm of the density."""
        self._validate_sample(value)
        return -math.log(math.pi) - log(self.scale) - log1p(((value - self.loc) / self.scale) ** 2)

    def cdf(self, value):
        """By the inverse tangent."""
        self._validate_sample(value)
        return atan((value - self.loc) / self.scale) / math.pi + 0.5

    def icdf(self, value):
        """By the tangent."""
        return tan((value - 0.5) * math.pi) * self.scale + self.loc

    def entropy(self):
        """``log(4 * pi * scale)``."""
        return log(self.scale) + math.log(4 * math.pi)
