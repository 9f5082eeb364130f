"""What distributions of a place and a width share."""

from autotensor.distributions import constraints
from autotensor.distributions.distribution import Distribution
from autotensor.distributions.utils import broadcast_all, uniform


class LocationScale(Distribution):
    """A distribution on all numbers, moved by ``loc`` and stretched by ``scale``."""

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True

    def __init__(self, loc, scale, validate_args=None):
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    def rsample(self, sample_shape=()):
        """By `icdf` of uniform numbers."""
        return self.icdf(uniform(self._extended_shape(sample_shape), self.loc.dtype))
