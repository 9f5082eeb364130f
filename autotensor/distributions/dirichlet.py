"""The Dirichlet distribution."""

import numpy as np

from autotensor.distributions import constraints
from autotensor.distributions.distribution import Distribution
from autotensor.ops.elementwise import clamp, where
from autotensor.ops.reduce import argmax, sum
from autotensor.ops.sampling import standard_gamma
from autotensor.ops.shape import expand
from autotensor.ops.special import digamma, lgamma, xlogy
from autotensor.tensor import Tensor


class Dirichlet(Distribution):
    """Vectors that sum to 1, of ``concentration`` (..., n)."""

    arg_constraints = {"concentration": constraints.independent(constraints.positive, 1)}
    support = constraints.simplex
    has_rsample = True

    def __init__(self, concentration, validate_args=None):
        if concentration.ndim < 1:
            raise ValueError("`concentration` parameter must be at least one-dimensional.")
        self.concentration = concentration
        shape = concentration.shape
        super().__init__(shape[:-1], shape[-1:], validate_args=validate_args)

    @property
    def mean(self):
        """The shares of the concentrations."""
        return self.concentration / sum(self.concentration, -1, keepdim=True)

    @property
    def mode(self):
        """The shares of the concentrations above 1; a corner if all are below, else NaN."""
        above = clamp(self.concentration - 1, min=0)
        total = sum(above, -1, keepdim=True)
        most = argmax(self.concentration, -1, keepdim=True).array
        corner = Tensor((np.arange(self.event_shape[0]) == most).astype(above.dtype))
        below = (self.concentration < 1).all(-1, keepdim=True)
        return where(below, corner, above / where(below, 1, total))

    @property
    def variance(self):
        """Of each element."""
        total = sum(self.concentration, -1, keepdim=True)
        a = self.concentration
        return a * (total - a) / (total**2 * (total + 1))

    def rsample(self, sample_shape=()):
        """Gamma samples, divided by their sum; differentiable as `Gamma.rsample`."""
        parts = standard_gamma(expand(self.concentration, self._extended_shape(sample_shape)))
        return parts / sum(parts, -1, keepdim=True)

    def log_prob(self, value):
        """The logarithm of the density on the simplex."""
        self._validate_sample(value)
        a = self.concentration
        return sum(xlogy(a - 1, value), -1) + lgamma(sum(a, -1)) - sum(lgamma(a), -1)

    def entropy(self):
        """By the logarithm of the gamma function and its derivative."""
        a, n = self.concentration, self.event_shape[0]
        total = sum(a, -1)
        beta = sum(lgamma(a), -1) - lgamma(total)
        return beta - (n - total) * digamma(total) - sum((a - 1) * digamma(a), -1)
