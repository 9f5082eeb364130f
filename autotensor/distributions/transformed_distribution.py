"""Distributions of what transforms make of values of another one."""

from autotensor.distributions import constraints
from autotensor.distributions.distribution import Distribution
from autotensor.distributions.independent import Independent
from autotensor.distributions.transforms import ComposeTransform, Transform, sum_events
from autotensor.modes import no_grad
from autotensor.ops.elementwise import where


class TransformedDistribution(Distribution):
    """What ``transforms``, one or a list, make of values of ``base_distribution``.

    The density is by the rule of substitution, so that ``log_prob`` needs transforms that are
    bijective and keep the shape.
    """

    def __init__(self, base_distribution, transforms, validate_args=None):
        transforms = [transforms] if isinstance(transforms, Transform) else transforms
        is_list = isinstance(transforms, list)
        if not is_list or not all(isinstance(t, Transform) for t in transforms):
            raise ValueError(f"transforms must be a Transform or list, but was {transforms!r}")
        self.transforms = transforms
        self._whole = ComposeTransform(transforms)
        wanted = max([t.domain.event_dim for t in transforms], default=0)
        shape = base_distribution.batch_shape + base_distribution.event_shape
        if len(shape) < wanted:
            raise ValueError(
                f"base_distribution needs to have shape with size at least {wanted}, but got "
                f"{shape}."
            )
        more = wanted - len(base_distribution.event_shape)
        base = Independent(base_distribution, more) if more > 0 else base_distribution
        self.base_dist = base
        super().__init__(base.batch_shape, base.event_shape, validate_args)

    has_rsample = property(lambda self: self.base_dist.has_rsample)

    @property
    def support(self):
        """The codomain of the last transform."""
        held = self._whole.codomain if self.transforms else self.base_dist.support
        more = len(self.event_shape) - held.event_dim
        return constraints.independent(held, more) if more > 0 else held

    def expand(self, batch_shape, _instance=None):
        """The same distributions, repeated over a larger batch."""
        new = super().expand(batch_shape)
        new.base_dist = self.base_dist.expand(batch_shape)
        return new

    def sample(self, sample_shape=()):
        """Samples of the base, transformed."""
        with no_grad():
            return self._whole(self.base_dist.sample(sample_shape))

    def rsample(self, sample_shape=()):
        """Samples of the base, transformed; differentiable in parameters of both."""
        return self._whole(self.base_dist.rsample(sample_shape))

    def log_prob(self, value):
        """The density of the base, by the Jacobian."""
        self._validate_sample(value)
        events, total, y = len(self.event_shape), 0, value
        for transform in reversed(self.transforms):
            if not transform.bijective:
                raise NotImplementedError(f"log_prob: {transform!r} has no inverse")
            x = transform.inv(y)
            jacobian = transform.log_abs_det_jacobian(x, y)
            total = total - sum_events(jacobian, events - transform.domain.event_dim)
            y = x
        return total + self.base_dist.log_prob(y)

    def _with_sign(self, probability):
        """What is a probability from above where the transforms fall."""
        sign = self._whole.sign
        if isinstance(sign, int):
            return probability if sign == 1 else 1 - probability
        return where(sign > 0, probability, 1 - probability)

    def cdf(self, value):
        """That of the base, of the inverse."""
        self._validate_sample(value)
        return self._with_sign(self.base_dist.cdf(self._whole.inv(value)))

    def icdf(self, value):
        """That of the base, transformed."""
        return self._whole(self.base_dist.icdf(self._with_sign(value)))

    def __repr__(self):
        return f"{type(self).__name__}({self.base_dist!r}, {self.transforms!r})"
