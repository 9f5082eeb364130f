"""The Cauchy distribution."""

import math

from autotensor.distributions.location_scale import LocationScale
from autotensor.ops.elementary import atan, log, log1p, tan


class Cauchy(LocationScale):
    """Cauchy around ``loc``, half as dense at the distance ``scale``; it has no mean."""

    mean = property(lambda self: self.loc.detach() * float("nan"))
    mode = property(lambda self: self.loc)
    variance = property(lambda self: self.loc.detach() * 0 + math.inf)

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
