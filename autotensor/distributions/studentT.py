"""Student's t distribution."""

import math

from autotensor.creation import randn
from autotensor.distributions import constraints
from autotensor.distributions.distribution import Distribution
from autotensor.distributions.utils import broadcast_all
from autotensor.ops.elementary import log, log1p, rsqrt, sqrt
from autotensor.ops.elementwise import where
from autotensor.ops.sampling import standard_gamma
from autotensor.ops.shape import expand
from autotensor.ops.special import digamma, lgamma


class StudentT(Distribution):
    """Student's t of ``df`` degrees of freedom, moved to ``loc`` and stretched by ``scale``."""

    arg_constraints = {
        "df": constraints.positive,
        "loc": constraints.real,
        "scale": constraints.positive,
    }
    support = constraints.real
    has_rsample = True

    def __init__(self, df, loc=0.0, scale=1.0, validate_args=None):
        self.df, self.loc, self.scale = broadcast_all(df, loc, scale)
        super().__init__(self.df.shape, validate_args=validate_args)

    mean = property(lambda self: where(self.df <= 1, math.nan, self.loc))
    mode = property(lambda self: self.loc)

    @property
    def variance(self):
        """Infinite up to 2 degrees of freedom, and up to 1 undefined."""
        finite = self.df > 2
        value = self.scale**2 * self.df / where(finite, self.df - 2, 1)
        return where(self.df <= 1, math.nan, where(finite, value, math.inf))

    def rsample(self, sample_shape=()):
        """A normal number by the root of a chi-squared one; differentiable as `Gamma.rsample`."""
        shape = self._extended_shape(sample_shape)
        squares = standard_gamma(expand(self.df * 0.5, shape)) * 2
        t = randn(shape, dtype=self.df.dtype) * rsqrt(squares / self.df)
        return self.loc + self.scale * t

    def log_prob(self, value):
        """The logarithm of the density."""
        self._validate_sample(value)
        y, half = (value - self.loc) / self.scale, self.df * 0.5
        constant = log(self.scale) + (log(self.df) + math.log(math.pi)) * 0.5
        constant = constant + lgamma(half) - lgamma(half + 0.5)
        return (half + 0.5) * log1p(y**2 / self.df) * -1 - constant

    def entropy(self):
        """By the logarithm of the beta function."""
        half = self.df * 0.5
        beta = lgamma(half) + math.lgamma(0.5) - lgamma(half + 0.5)
        slopes = (half + 0.5) * (digamma(half + 0.5) - digamma(half))
        return log(self.scale) + slopes + log(sqrt(self.df)) + beta
