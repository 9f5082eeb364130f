"""The base of all distributions."""

import copy

import numpy as np

from autotensor.modes import no_grad
from autotensor.ops.elementary import exp, sqrt
from autotensor.ops.shape import expand
from autotensor.tensor import Tensor


class Distribution:
    """A batch of distributions of events: ``batch_shape`` of independent ones, each of values of
    ``event_shape``.

    Parameters are attributes named in ``arg_constraints``, and are checked unless
    ``validate_args`` is false. A subclass defines ``support``, `log_prob`, and `rsample` (its
    samples are differentiable in the parameters: ``has_rsample``) or `sample`.
    """

    has_rsample = False
    has_enumerate_support = False
    arg_constraints = {}
    support = None
    _validate_args = True

    def __init__(self, batch_shape=(), event_shape=(), validate_args=None):
        self._batch_shape, self._event_shape = tuple(batch_shape), tuple(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            self._check_parameters()

    def _check_parameters(self):
        for name, constraint in self.arg_constraints.items():
            if name not in self.__dict__:
                continue  # the other of two forms is given
            value = getattr(self, name)
            if not constraint.check(value).array.all():
                raise ValueError(
                    f"Expected parameter {name} ({type(value).__name__} of shape "
                    f"{tuple(value.shape)}) of distribution {self!r} to satisfy the constraint "
                    f"{constraint!r}, but found invalid values:\n{value!r}"
                )

    @staticmethod
    def set_default_validate_args(value):
        """Whether arguments are checked where ``validate_args`` is not given; at first they are."""
        if value not in (True, False):
            raise ValueError(f"expected True or False, got {value!r}")
        Distribution._validate_args = value

    batch_shape = property(lambda self: self._batch_shape, doc="The shape of the batch.")
    event_shape = property(lambda self: self._event_shape, doc="The shape of one value.")

    def expand(self, batch_shape, _instance=None):
        """The same distributions, repeated over a larger batch."""
        batch_shape = tuple(batch_shape)
        new = copy.copy(self)
        for name, constraint in self.arg_constraints.items():
            value = self.__dict__.get(name)
            if isinstance(value, Tensor):
                event = value.shape[value.ndim - constraint.event_dim :]
                setattr(new, name, expand(value, batch_shape + event))
        new._batch_shape = batch_shape
        return new

    def sample(self, sample_shape=()):
        """Values of shape ``sample_shape + batch_shape + event_shape``, without gradients."""
        with no_grad():
            return self.rsample(sample_shape).detach()

    def rsample(self, sample_shape=()):
        """Values like `sample`'s that are differentiable in the parameters."""
        raise NotImplementedError(
            f"{type(self).__name__} has no rsample: its samples are not differentiable in its "
            f"parameters (has_rsample is False); use sample() and log_prob()"
        )

    def log_prob(self, value):
        """The logarithm of the density, or probability, of values: one for each event."""
        raise self._missing("log_prob")

    def cdf(self, value):
        """The probability of values up to ``value``."""
        raise self._missing("cdf")

    def icdf(self, value):
        """The value up to which the probability is ``value``."""
        raise self._missing("icdf")

    def entropy(self):
        """The expectation of ``-log_prob``: one number for each distribution of the batch."""
        raise self._missing("entropy")

    def enumerate_support(self, expand=True):
        """All values there are, along a new first dimension."""
        raise self._missing("enumerate_support")

    @property
    def mean(self):
        """The expectation."""
        raise self._missing("mean")

    @property
    def mode(self):
        """The likeliest value."""
        raise self._missing("mode")

    @property
    def variance(self):
        """The variance."""
        raise self._missing("variance")

    @property
    def stddev(self):
        """The standard deviation."""
        return sqrt(self.variance)

    def perplexity(self):
        """``exp(entropy)``."""
        return exp(self.entropy())

    def _missing(self, name):
        return NotImplementedError(f"{type(self).__name__} does not implement {name}")

    def _extended_shape(self, sample_shape=()):
        return tuple(sample_shape) + self.batch_shape + self.event_shape

    def _validate_sample(self, value):
        """ValueError unless ``value`` fits in shape and lies in the support."""
        if not self._validate_args:
            return
        if not isinstance(value, Tensor):
            raise ValueError("The value argument to log_prob must be a Tensor")
        expected = self.batch_shape + self.event_shape
        if value.shape[value.ndim - len(self.event_shape) :] != self.event_shape:
            raise ValueError(
                f"The right-most size of value must match event_shape: {value.shape} vs "
                f"{self.event_shape}."
            )
        try:
            np.broadcast_shapes(value.shape, expected)
        except ValueError:
            raise ValueError(
                f"Value is not broadcastable with batch_shape+event_shape: {value.shape} vs "
                f"{expected}."
            ) from None
        if self.support is not None and not self.support.check(value).array.all():
            raise ValueError(
                f"Expected value argument ({type(value).__name__} of shape {value.shape}) to be "
                f"within the support ({self.support!r}) of the distribution {self!r}, but found "
                f"invalid values:\n{value!r}"
            )

    def __repr__(self):
        named = [name for name in self.arg_constraints if name in self.__dict__]
        given = [(name, self.__dict__[name]) for name in named]
        shown = [f"{name}: {x.item() if x.array.size == 1 else x.shape}" for name, x in given]
        return f"{type(self).__name__}({', '.join(shown)})"
