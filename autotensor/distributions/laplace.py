"""The Laplace distribution."""

import math

from autotensor.distributions import constraints
from autotensor.distributions.distribution import Distribution
from autotensor.distributions.utils import broadcast_all, uniform
from autotensor.ops.elementary import expm1, log, log1p
from autotensor.ops.elementwise import abs, sign


class Laplace(Distribution):
    """Two exponentials back to back: mean ``loc``, width ``scale``."""

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True

    def __init__(self, loc, scale, validate_args=None):
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    mean = mode = property(lambda self: self.loc)
    variance = property(lambda self: self.scale**2 * 2)
    stddev = property(lambda self: self.scale * math.sqrt(2))

    def rsample(self, sample_shape=()):
        """By `icdf` of uniform numbers."""
        return self.icdf(uniform(self._extended_shape(sample_shape), self.loc.dtype))

    def log_prob(self, value):
        """The logarithm of the density."""
        self._validate_sample(value)
        return -log(self.scale * 2) - abs(value - self.loc) / self.scale

    def cdf(self, value):
        """Exponential to both sides."""
        self._validate_sample(value)
        off = value - self.loc
        return 0.5 - sign(off) * expm1(-abs(off) / self.scale) * 0.5

    def icdf(self, value):
        """The inverse of `cdf`."""
        term = value - 0.5
        return self.loc - self.scale * sign(term) * log1p(abs(term) * -2)

    def entropy(self):
        """``1 + log(2 * scale)``."""
        return log(self.scale * 2) + 1
