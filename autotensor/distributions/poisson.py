"""The Poisson distribution."""

from autotensor.distributions import constraints
from autotensor.distributions.distribution import Distribution
from autotensor.distributions.utils import broadcast_all
from autotensor.ops import sampling
from autotensor.ops.elementwise import floor
from autotensor.ops.shape import expand
from autotensor.ops.special import lgamma, xlogy


class Poisson(Distribution):
    """Numbers of events of the given ``rate``."""

    arg_constraints = {"rate": constraints.nonnegative}
    support = constraints.nonnegative_integer

    def __init__(self, rate, validate_args=None):
        (self.rate,) = broadcast_all(rate)
        super().__init__(self.rate.shape, validate_args=validate_args)

    mean = variance = property(lambda self: self.rate)
    mode = property(lambda self: floor(self.rate))

    def sample(self, sample_shape=()):
        """Whole numbers, in the dtype of the rate."""
        return sampling.poisson(expand(self.rate.detach(), self._extended_shape(sample_shape)))

    def log_prob(self, value):
        """The logarithm of the probability."""
        self._validate_sample(value)
        return xlogy(value, self.rate) - self.rate - lgamma(value + 1)
