"""The Laplace distribution."""

import math

from autotensor.distributions.location_scale import LocationScale
from autotensor.ops.elementary import expm1, log, log1p
from autotensor.ops.elementwise import abs, sign


class Laplace(LocationScale):
    """Two exponentials back to back: mean ``loc``, width ``scale``."""

    mean = mode = property(lambda self: self.loc)
    variance = property(lambda self: self.scale**2 * 2)
    stddev = property(lambda self: self.scale * math.sqrt(2))

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
