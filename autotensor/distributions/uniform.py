"""The uniform distribution."""

from autotensor.creation import rand
from autotensor.distributions import constraints
from autotensor.distributions.distribution import Distribution
from autotensor.distributions.utils import broadcast_all
from autotensor.ops.arguments import cast
from autotensor.ops.elementary import log
from autotensor.ops.elementwise import clamp


class Uniform(Distribution):
    """Evenly from ``low`` to below ``high``."""

    arg_constraints = {"low": constraints.real, "high": constraints.real}
    has_rsample = True

    def __init__(self, low, high, validate_args=None):
        self.low, self.high = broadcast_all(low, high)
        super().__init__(self.low.shape, validate_args=validate_args)
        if self._validate_args and not (self.low.array < self.high.array).all():
            raise ValueError("Uniform is not defined when low >= high")

    support = property(lambda self: constraints.interval(self.low, self.high))
    mean = property(lambda self: (self.low + self.high) / 2)
    mode = property(lambda self: self.high * float("nan"))
    variance = property(lambda self: (self.high - self.low) ** 2 / 12)

    def rsample(self, sample_shape=()):
        """Numbers from [0, 1), stretched."""
        drawn = rand(self._extended_shape(sample_shape), dtype=self.low.dtype)
        return self.low + drawn * (self.high - self.low)

    def log_prob(self, value):
        """The logarithm of one by the length, or of 0 outside."""
        self._validate_sample(value)
        inside = cast((self.low <= value) & (self.high > value), self.low.dtype)
        return log(inside) - log(self.high - self.low)

    def cdf(self, value):
        """A slope from 0 to 1."""
        self._validate_sample(value)
        return clamp((value - self.low) / (self.high - self.low), 0, 1)

    def icdf(self, value):
        """Stretched from [0, 1]."""
        return value * (self.high - self.low) + self.low

    def entropy(self):
        """The logarithm of the length."""
        return log(self.high - self.low)
