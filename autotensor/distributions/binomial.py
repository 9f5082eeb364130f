"""The binomial distribution."""

import numpy as np

from autotensor.creation import default_generator
from autotensor.distributions import constraints
from autotensor.distributions.bernoulli import OfOdds
from autotensor.distributions.utils import enumerated
from autotensor.ops.activation import softplus
from autotensor.ops.elementary import exp
from autotensor.ops.elementwise import clamp, floor
from autotensor.ops.reduce import sum
from autotensor.ops.special import lgamma
from autotensor.tensor import Tensor


class Binomial(OfOdds):
    """The number of successes in ``total_count`` trials, of probability ``probs`` each."""

    arg_constraints = {"total_count": constraints.nonnegative_integer} | OfOdds.arg_constraints
    has_enumerate_support = True

    def __init__(self, total_count=1, probs=None, logits=None, validate_args=None):
        value, (self.total_count,) = self._give(probs, logits, total_count)
        super().__init__(value.shape, validate_args=validate_args)

    @property
    def support(self):
        """Whole numbers up to the number of trials."""
        return constraints.integer_interval(0, self.total_count)

    mean = property(lambda self: self.total_count * self.probs)
    variance = property(lambda self: self.total_count * self.probs * (1 - self.probs))
    mode = property(lambda self: clamp(floor((self.total_count + 1) * self.probs),
                                       max=self.total_count))  # fmt: skip

    def sample(self, sample_shape=()):
        """Whole numbers, in the dtype of the probabilities."""
        counts = self.total_count.array.astype(np.int64)
        shape = self._extended_shape(sample_shape)
        found = default_generator.numpy.binomial(counts, self.probs.array, shape)
        return Tensor(np.asarray(found).astype(self.probs.dtype))

    def log_prob(self, value):
        """The logarithm of the probability."""
        self._validate_sample(value)
        n = self.total_count
        ways = lgamma(n + 1) - lgamma(value + 1) - lgamma(n - value + 1)
        return ways + value * self.logits - n * softplus(self.logits)

    def entropy(self):
        """By the sum over all values; the numbers of trials must be equal."""
        log_prob = self.log_prob(self.enumerate_support(False))
        return -sum(exp(log_prob) * log_prob, 0)

    def enumerate_support(self, expand=True):
        """0 to the number of trials; NotImplementedError unless it is the same in all the batch."""
        most = int(self.total_count.array.max())
        if not (self.total_count.array == most).all():
            raise NotImplementedError(
                "Inhomogeneous total count not supported by `enumerate_support`."
            )
        values = Tensor(np.arange(most + 1).astype(self.probs.dtype))
        return enumerated(values, self.batch_shape, expand)
