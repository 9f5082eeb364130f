"""The exponential distribution."""

from autotensor.creation import zeros_like
from autotensor.distributions import constraints
from autotensor.distributions.distribution import Distribution
from autotensor.distributions.utils import broadcast_all, drawn
from autotensor.ops.elementary import exp, log, log1p


class Exponential(Distribution):
    """Exponential of the given ``rate``."""

    arg_constraints = {"rate": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True

    def __init__(self, rate, validate_args=None):
        (self.rate,) = broadcast_all(rate)
        super().__init__(self.rate.shape, validate_args=validate_args)

    mean = stddev = property(lambda self: 1 / self.rate)
    mode = property(lambda self: zeros_like(self.rate))
    variance = property(lambda self: self.rate**-2)

    def rsample(self, sample_shape=()):
        """Exponential numbers of rate 1, divided."""
        shape = self._extended_shape(sample_shape)
        return drawn("standard_exponential", shape, self.rate.dtype) / self.rate

    def log_prob(self, value):
        """The logarithm of the density."""
        self._validate_sample(value)
        return log(self.rate) - self.rate * value

    def cdf(self, value):
        """``1 - exp(-rate * value)``."""
        self._validate_sample(value)
        return 1 - exp(-self.rate * value)

    def icdf(self, value):
        """The inverse of `cdf`."""
        return -log1p(-value) / self.rate

    def entropy(self):
        """``1 - log(rate)``."""
        return 1 - log(self.rate)
