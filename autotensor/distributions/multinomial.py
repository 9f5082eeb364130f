"""The multinomial distribution."""

import numpy as np

from autotensor.creation import default_generator
from autotensor.distributions import constraints
from autotensor.distributions.binomial import Binomial
from autotensor.distributions.categorical import Categorical
from autotensor.distributions.distribution import Distribution
from autotensor.ops.elementary import exp
from autotensor.ops.elementwise import where
from autotensor.ops.reduce import sum
from autotensor.ops.special import lgamma
from autotensor.tensor import Tensor


class Multinomial(Distribution):
    """How often each of n classes occurs in ``total_count`` draws of a `Categorical`."""

    arg_constraints = Categorical.arg_constraints

    def __init__(self, total_count=1, probs=None, logits=None, validate_args=None):
        if not isinstance(total_count, int):
            raise NotImplementedError("inhomogeneous total_count is not supported")
        self.total_count = total_count
        self._categorical = Categorical(probs, logits, validate_args)
        shape = self._categorical.param_shape
        super().__init__(shape[:-1], shape[-1:], validate_args=validate_args)

    probs = property(lambda self: self._categorical.probs, doc="The probabilities.")
    logits = property(lambda self: self._categorical.logits, doc="Their logarithms.")
    param_shape = property(lambda self: self._categorical.param_shape)
    support = property(lambda self: constraints.multinomial(self.total_count))
    mean = property(lambda self: self.probs * self.total_count)
    variance = property(lambda self: self.probs * (1 - self.probs) * self.total_count)

    def expand(self, batch_shape, _instance=None):
        """The same distributions, repeated over a larger batch."""
        new = super().expand(batch_shape)
        new._categorical = self._categorical.expand(batch_shape)
        return new

    def sample(self, sample_shape=()):
        """Counts, in the dtype of the probabilities."""
        p = self.probs.array.astype(np.float64)
        p = np.broadcast_to(p, self._extended_shape(sample_shape))
        found = default_generator.numpy.multinomial(self.total_count, p / p.sum(-1, keepdims=True))
        return Tensor(found.astype(self.probs.dtype))

    def log_prob(self, value):
        """The logarithm of the probability of counts."""
        self._validate_sample(value)
        impossible = (value == 0) & (self.logits == -float("inf"))
        each = value * where(impossible, 0, self.logits)
        return lgamma(sum(value, -1) + 1) - sum(lgamma(value + 1), -1) + sum(each, -1)

    def entropy(self):
        """By sums over the counts of each class."""
        n = Tensor(np.asarray(self.total_count, self.probs.dtype))
        one = Binomial(self.total_count, probs=self.probs, validate_args=False)
        counts = one.enumerate_support(False)[1:]
        repeated = sum(sum(exp(one.log_prob(counts)) * lgamma(counts + 1), -1), 0)
        return n * self._categorical.entropy() - lgamma(n + 1) + repeated

    def __repr__(self):
        return repr(self._categorical).replace("Categorical", type(self).__name__, 1)
