"""The categorical distribution of vectors with a single 1."""

import numpy as np

from autotensor.distributions import constraints
from autotensor.distributions.categorical import Categorical
from autotensor.distributions.distribution import Distribution
from autotensor.ops.reduce import argmax
from autotensor.ops.shape import expand as expanded
from autotensor.tensor import Tensor


class OneHotCategorical(Distribution):
    """Vectors of n elements with a single 1, as likely as the class of a `Categorical`."""

    arg_constraints = Categorical.arg_constraints
    support = constraints.one_hot
    has_enumerate_support = True

    def __init__(self, probs=None, logits=None, validate_args=None):
        self._categorical = Categorical(probs, logits, validate_args)
        shape = self._categorical.param_shape
        super().__init__(shape[:-1], shape[-1:], validate_args=validate_args)

    probs = property(lambda self: self._categorical.probs, doc="The probabilities.")
    logits = property(lambda self: self._categorical.logits, doc="Their logarithms.")
    param_shape = property(lambda self: self._categorical.param_shape)
    mean = property(lambda self: self.probs)
    variance = property(lambda self: self.probs * (1 - self.probs))

    def _one_hot(self, numbers):
        count = np.arange(self.event_shape[0])
        return Tensor((numbers.array[..., None] == count).astype(self.probs.dtype))

    mode = property(lambda self: self._one_hot(self._categorical.mode))

    def expand(self, batch_shape, _instance=None):
        """The same distributions, repeated over a larger batch."""
        new = super().expand(batch_shape)
        new._categorical = self._categorical.expand(batch_shape)
        return new

    def sample(self, sample_shape=()):
        """Vectors with a single 1."""
        return self._one_hot(self._categorical.sample(sample_shape))

    def log_prob(self, value):
        """The logarithm of the probability of the class."""
        self._validate_sample(value)
        return self._categorical.log_prob(argmax(value, -1))

    def entropy(self):
        """As `Categorical.entropy`."""
        return self._categorical.entropy()

    def enumerate_support(self, expand=True):
        """All vectors: (n, ..., n)."""
        n = self.event_shape[0]
        ones = (1,) * len(self.batch_shape)
        unit = Tensor(np.eye(n, dtype=self.probs.dtype).reshape(n, *ones, n))
        return expanded(unit, (n, *self.batch_shape, n)) if expand else unit

    def __repr__(self):
        return repr(self._categorical).replace("Categorical", type(self).__name__, 1)


class OneHotCategoricalStraightThrough(OneHotCategorical):
    """`OneHotCategorical` whose samples pass gradients on to the probabilities (Bengio 2013)."""

    has_rsample = True

    def rsample(self, sample_shape=()):
        """Samples, with the gradient of the probabilities."""
        return self.sample(sample_shape) + (self.probs - self.probs.detach())
