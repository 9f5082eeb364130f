"""The beta distribution."""

from autotensor.distributions import constraints
from autotensor.distributions.dirichlet import Dirichlet
from autotensor.distributions.distribution import Distribution
from autotensor.distributions.utils import broadcast_all, clamp_probs
from autotensor.ops.elementary import log1p
from autotensor.ops.joining import stack
from autotensor.ops.sampling import standard_gamma
from autotensor.ops.shape import expand
from autotensor.ops.special import digamma, lgamma, xlogy


class Beta(Distribution):
    """Beta of two concentrations: the density is ``x**(a - 1) * (1 - x)**(b - 1)``, normalised."""

    arg_constraints = {
        "concentration1": constraints.positive,
        "concentration0": constraints.positive,
    }
    support = constraints.unit_interval
    has_rsample = True

    def __init__(self, concentration1, concentration0, validate_args=None):
        self.concentration1, self.concentration0 = broadcast_all(concentration1, concentration0)
        super().__init__(self.concentration1.shape, validate_args=validate_args)

    @property
    def mean(self):
        """The share of the first concentration."""
        return self.concentration1 / (self.concentration1 + self.concentration0)

    @property
    def mode(self):
        """As `Dirichlet.mode`."""
        return Dirichlet(stack([self.concentration1, self.concentration0], -1)).mode[..., 0]

    @property
    def variance(self):
        """By both concentrations."""
        total = self.concentration1 + self.concentration0
        return self.concentration1 * self.concentration0 / (total**2 * (total + 1))

    def rsample(self, sample_shape=()):
        """The share of one gamma sample in two; differentiable as `Gamma.rsample`."""
        shape = self._extended_shape(sample_shape)
        x = standard_gamma(expand(self.concentration1, shape))
        y = standard_gamma(expand(self.concentration0, shape))
        return clamp_probs(x / (x + y))

    def log_prob(self, value):
        """The logarithm of the density."""
        self._validate_sample(value)
        a, b = self.concentration1, self.concentration0
        near_one = (b - 1) * log1p(-value)
        return xlogy(a - 1, value) + near_one + lgamma(a + b) - lgamma(a) - lgamma(b)

    def entropy(self):
        """By the logarithm of the gamma function and its derivative."""
        a, b = self.concentration1, self.concentration0
        beta = lgamma(a) + lgamma(b) - lgamma(a + b)
        slopes = (a - 1) * digamma(a) + (b - 1) * digamma(b) - (a + b - 2) * digamma(a + b)
        return beta - slopes
