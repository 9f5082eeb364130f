"""Mixtures of distributions of one family."""

import numpy as np

from autotensor.distributions import constraints
from autotensor.distributions.categorical import Categorical
from autotensor.distributions.distribution import Distribution
from autotensor.ops.indexing import take_along_dim
from autotensor.ops.reduce import logsumexp, sum
from autotensor.ops.shape import reshape, squeeze, unsqueeze
from autotensor.tensor import Tensor


class MixtureSameFamily(Distribution):
    """The last batch dimension of a distribution mixed, as a `Categorical` chooses."""

    def __init__(self, mixture_distribution, component_distribution, validate_args=None):
        mixture, components = mixture_distribution, component_distribution
        if not isinstance(mixture, Categorical):
            raise ValueError(
                "The Mixture distribution needs to be an instance of "
                "torch.distributions.Categorical"
            )
        if not isinstance(components, Distribution):
            raise ValueError(
                "The Component distribution need to be an instance of "
                "torch.distributions.Distribution"
            )
        batch = components.batch_shape
        if not batch or mixture.param_shape[-1] != batch[-1]:
            raise ValueError(
                f"`mixture_distribution` of {mixture.param_shape[-1]} components does not equal "
                f"the last batch dimension of `component_distribution`, {batch}"
            )
        try:
            np.broadcast_shapes(mixture.batch_shape, batch[:-1])
        except ValueError:
            raise ValueError(
                f"`mixture_distribution.batch_shape` ({mixture.batch_shape}) is not compatible "
                f"with `component_distribution.batch_shape[:-1]` ({batch[:-1]})"
            ) from None
        self.mixture_distribution, self.component_distribution = mixture, components
        super().__init__(batch[:-1], components.event_shape, validate_args)

    @property
    def support(self):
        """That of the components."""
        return _OfComponents(self.component_distribution.support)

    def expand(self, batch_shape, _instance=None):
        """The same mixtures, repeated over a larger batch."""
        shape = tuple(batch_shape)
        count = self.component_distribution.batch_shape[-1:]
        return MixtureSameFamily(
            self.mixture_distribution.expand(shape),
            self.component_distribution.expand(shape + count),
            validate_args=False,
        )

    def _weights(self):
        probs, events = self.mixture_distribution.probs, len(self.event_shape)
        return reshape(probs, probs.shape + (1,) * events)

    def _average(self, x):
        return sum(self._weights() * x, -1 - len(self.event_shape))

    @property
    def mean(self):
        """The mean of the means."""
        return self._average(self.component_distribution.mean)

    @property
    def variance(self):
        """The mean of the variances, and the variance of the means."""
        means = self.component_distribution.mean
        off = means - unsqueeze(self.mean, -1 - len(self.event_shape))
        return self._average(self.component_distribution.variance + off**2)

    def cdf(self, value):
        """The mean of those of the components."""
        parts = self.component_distribution.cdf(self._for_each(value))
        return sum(parts * self.mixture_distribution.probs, -1)

    def _for_each(self, value):
        return unsqueeze(value, -1 - len(self.event_shape))

    def log_prob(self, value):
        """The logarithm of the mean density."""
        self._validate_sample(value)
        densities = self.component_distribution.log_prob(self._for_each(value))
        return logsumexp(densities + self.mixture_distribution.logits, -1)

    def sample(self, sample_shape=()):
        """Of each component a value, and one of them."""
        values = self.component_distribution.sample(sample_shape)
        chosen = self.mixture_distribution.sample(sample_shape).array
        events = len(self.event_shape)
        batch = tuple(sample_shape) + self.batch_shape
        chosen = np.broadcast_to(chosen, batch).reshape(batch + (1,) * (events + 1))
        chosen = Tensor(np.broadcast_to(chosen, batch + (1, *self.event_shape)))
        return squeeze(take_along_dim(values, chosen, -1 - events), -1 - events)

    def __repr__(self):
        return f"MixtureSameFamily({self.mixture_distribution!r}, {self.component_distribution!r})"


class _OfComponents(constraints.Constraint):
    """What the support of the components holds, of each of them."""

    def __init__(self, base):
        self.base = base
        self.is_discrete, self.event_dim = base.is_discrete, base.event_dim

    def check(self, value):
        """In that of all components."""
        return self.base.check(unsqueeze(value, -1 - self.event_dim)).all(-1)

    def __repr__(self):
        return repr(self.base)
