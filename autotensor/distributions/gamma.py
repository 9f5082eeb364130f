"""The gamma distribution."""

from autotensor.distributions import constraints
from autotensor.distributions.distribution import Distribution
from autotensor.distributions.utils import broadcast_all
from autotensor.ops.elementary import log
from autotensor.ops.elementwise import clamp
from autotensor.ops.sampling import standard_gamma
from autotensor.ops.shape import expand
from autotensor.ops.special import digamma, lgamma, xlogy


class Gamma(Distribution):
    """Gamma of a ``concentration`` (shape) and a ``rate``."""

    arg_constraints = {"concentration": constraints.positive, "rate": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True

    def __init__(self, concentration, rate, validate_args=None):
        self.concentration, self.rate = broadcast_all(concentration, rate)
        super().__init__(self.concentration.shape, validate_args=validate_args)

    mean = property(lambda self: self.concentration / self.rate)
    mode = property(lambda self: clamp((self.concentration - 1) / self.rate, min=0))
    variance = property(lambda self: self.concentration / self.rate**2)

    def rsample(self, sample_shape=()):
        """Samples of rate 1, divided; differentiable by implicit reparametrisation, once."""
        shape = self._extended_shape(sample_shape)
        return standard_gamma(expand(self.concentration, shape)) / self.rate

    def log_prob(self, value):
        """The logarithm of the density."""
        self._validate_sample(value)
        a, rate = self.concentration, self.rate
        return xlogy(a, rate) + xlogy(a - 1, value) - rate * value - lgamma(a)

    def entropy(self):
        """By the logarithm of the gamma function and its derivative."""
        a = self.concentration
        return a - log(self.rate) + lgamma(a) + (1 - a) * digamma(a)
