"""Dimensions of the batch taken for dimensions of one event."""

from autotensor.distributions import constraints
from autotensor.distributions.distribution import Distribution
from autotensor.distributions.transforms import sum_events


class Independent(Distribution):
    """``base_distribution`` with its last batch dimensions as parts of one event."""

    def __init__(self, base_distribution, reinterpreted_batch_ndims, validate_args=None):
        count, shape = reinterpreted_batch_ndims, base_distribution.batch_shape
        if count > len(shape):
            raise ValueError(
                f"Expected reinterpreted_batch_ndims <= len(base_distribution.batch_shape), "
                f"actual {count} vs {len(shape)}"
            )
        self.base_dist, self.reinterpreted_batch_ndims = base_distribution, count
        batch, event = shape[: len(shape) - count], shape[len(shape) - count :]
        super().__init__(batch, event + base_distribution.event_shape, validate_args)

    has_rsample = property(lambda self: self.base_dist.has_rsample)
    mean = property(lambda self: self.base_dist.mean)
    mode = property(lambda self: self.base_dist.mode)
    variance = property(lambda self: self.base_dist.variance)

    @property
    def support(self):
        """That of the base, of all parts."""
        base, count = self.base_dist.support, self.reinterpreted_batch_ndims
        return constraints.independent(base, count) if count else base

    def expand(self, batch_shape, _instance=None):
        """The same distributions, repeated over a larger batch."""
        event = self.event_shape[: self.reinterpreted_batch_ndims]
        base = self.base_dist.expand(tuple(batch_shape) + event)
        return Independent(base, self.reinterpreted_batch_ndims, validate_args=False)

    def sample(self, sample_shape=()):
        """Samples of the base."""
        return self.base_dist.sample(sample_shape)

    def rsample(self, sample_shape=()):
        """Samples of the base."""
        return self.base_dist.rsample(sample_shape)

    def log_prob(self, value):
        """The sum over the parts."""
        return sum_events(self.base_dist.log_prob(value), self.reinterpreted_batch_ndims)

    def entropy(self):
        """The sum over the parts."""
        return sum_events(self.base_dist.entropy(), self.reinterpreted_batch_ndims)

    def __repr__(self):
        return f"Independent({self.base_dist!r}, {self.reinterpreted_batch_ndims})"
