"""Sets that parameters and values of distributions lie in."""

import numpy as np

from autotensor import ops
from autotensor.tensor import Tensor


class Constraint:
    """A set: ``check(value)`` gives truth values, over ``event_dim`` dimensions at once."""

    is_discrete = False
    event_dim = 0

    def check(self, value):
        """Whether the elements (vectors, matrices) of ``value`` are in the set."""
        raise NotImplementedError

    def __repr__(self):
        return f"{type(self).__name__.lstrip('_')}()"


class _Bounded(Constraint):
    """A constraint with bounds, numbers or tensors."""

    def _named(self):
        named = ", ".join(f"{name}={value}" for name, value in vars(self).items())
        return f"{type(self).__name__}({named})"

    __repr__ = _named


class Real(Constraint):
    """Numbers, infinite ones included."""

    def check(self, value):
        """Not NaN."""
        return value == value


class Boolean(Constraint):
    """0 and 1."""

    is_discrete = True

    def check(self, value):
        """0 or 1."""
        return (value == 0) | (value == 1)


class GreaterThan(_Bounded):
    """Numbers above a bound."""

    def __init__(self, lower_bound):
        self.lower_bound = lower_bound

    def check(self, value):
        """Above."""
        return value > self.lower_bound


class GreaterThanEq(GreaterThan):
    """Numbers from a bound upwards."""

    def check(self, value):
        """Above or equal."""
        return value >= self.lower_bound


class Interval(_Bounded):
    """Numbers between two bounds, both included."""

    def __init__(self, lower_bound, upper_bound):
        self.lower_bound, self.upper_bound = lower_bound, upper_bound

    def check(self, value):
        """Between."""
        return (value >= self.lower_bound) & (value <= self.upper_bound)


class HalfOpenInterval(Interval):
    """Numbers between two bounds, the upper one left out."""

    def check(self, value):
        """Between."""
        return (value >= self.lower_bound) & (value < self.upper_bound)


class IntegerInterval(Interval):
    """Whole numbers between two bounds, both included."""

    is_discrete = True

    def check(self, value):
        """Whole, and between."""
        return _is_whole(value) & super().check(value)


class IntegerGreaterThanEq(GreaterThanEq):
    """Whole numbers from a bound upwards."""

    is_discrete = True

    def check(self, value):
        """Whole, and above or equal."""
        return _is_whole(value) & super().check(value)


def _is_whole(value):
    return Tensor(np.asarray(value.array % 1 == 0))


class Simplex(Constraint):
    """Vectors of numbers that are not negative and sum to 1."""

    event_dim = 1

    def check(self, value):
        """Not negative, and 1 in sum to within 1e-6."""
        return (value >= 0).all(-1) & (ops.abs(value.sum(-1) - 1) < 1e-6)


class OneHot(Constraint):
    """Vectors with a single 1 among zeros."""

    is_discrete = True
    event_dim = 1

    def check(self, value):
        """One 1, else 0."""
        return ((value == 0) | (value == 1)).all(-1) & (value.sum(-1) == 1)


class Multinomial(Constraint):
    """Vectors of numbers that are not negative, with a given sum at most."""

    is_discrete = True
    event_dim = 1

    def __init__(self, upper_bound):
        self.upper_bound = upper_bound

    def check(self, value):
        """Not negative, and not more in sum."""
        return (value >= 0).all(-1) & (value.sum(-1) <= self.upper_bound)


class LowerCholesky(Constraint):
    """Lower triangles with a positive diagonal."""

    event_dim = 2

    def check(self, value):
        """Zeros above, and above zero on the diagonal."""
        lower = (ops.tril(value) == value).flatten(-2).all(-1)
        return lower & (ops.diagonal(value, dim1=-2, dim2=-1) > 0).all(-1)


class PositiveDefinite(Constraint):
    """Symmetric matrices with positive eigenvalues."""

    event_dim = 2

    def check(self, value):
        """Symmetric to within 1e-6, and its eigenvalues are positive."""
        matrices = value.array
        turned = matrices.swapaxes(-1, -2)
        symmetric = np.isclose(matrices, turned, atol=1e-6).all(axis=(-2, -1))
        finite = np.where(np.isfinite(matrices), matrices, 0)
        return Tensor(np.asarray(symmetric & (np.linalg.eigvalsh(finite) > 0).all(axis=-1)))


class IndependentConstraint(Constraint):
    """A constraint of all elements of the last dimensions together."""

    def __init__(self, base_constraint, reinterpreted_batch_ndims):
        self.base_constraint = base_constraint
        self.reinterpreted_batch_ndims = reinterpreted_batch_ndims
        self.is_discrete = base_constraint.is_discrete
        self.event_dim = base_constraint.event_dim + reinterpreted_batch_ndims

    def check(self, value):
        """All of them."""
        held = self.base_constraint.check(value)
        if held.ndim < self.reinterpreted_batch_ndims:
            raise ValueError(
                f"expected at least {self.event_dim} dimensions, got the shape {value.shape}"
            )
        count = self.reinterpreted_batch_ndims
        return held.flatten(-count).all(-1) if count else held

    def __repr__(self):
        return f"IndependentConstraint({self.base_constraint!r}, {self.reinterpreted_batch_ndims})"


independent = IndependentConstraint
greater_than, greater_than_eq = GreaterThan, GreaterThanEq
interval, half_open_interval = Interval, HalfOpenInterval
integer_interval = IntegerInterval
multinomial = Multinomial
boolean = Boolean()
real = Real()
real_vector = independent(real, 1)
positive = GreaterThan(0.0)
nonnegative = GreaterThanEq(0.0)
nonnegative_integer = IntegerGreaterThanEq(0)
positive_integer = IntegerGreaterThanEq(1)
unit_interval = Interval(0.0, 1.0)
simplex = Simplex()
one_hot = OneHot()
lower_cholesky = LowerCholesky()
positive_definite = PositiveDefinite()
positive_vector = independent(positive, 1)
