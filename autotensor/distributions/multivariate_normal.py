"""The normal distribution of vectors."""

from functools import cached_property

import numpy as np

from autotensor.creation import randn
from autotensor.distributions import constraints
from autotensor.distributions.distribution import Distribution
from autotensor.distributions.utils import HALF_LOG_2PI
from autotensor.ops.decompositions import cholesky
from autotensor.ops.elementary import log
from autotensor.ops.reduce import sum
from autotensor.ops.shape import expand, matrix_transpose, reshape, squeeze, unsqueeze
from autotensor.ops.solving import inv, solve_triangular
from autotensor.ops.strided import diagonal


class MultivariateNormal(Distribution):
    """Normal vectors of mean ``loc`` (..., n) and a covariance (..., n, n).

    That is given as ``covariance_matrix``, as its inverse ``precision_matrix``, or as its Cholesky
    factor ``scale_tril``.
    """

    arg_constraints = {
        "loc": constraints.real_vector,
        "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite,
        "scale_tril": constraints.lower_cholesky,
    }
    support = constraints.real_vector
    has_rsample = True

    def __init__(self, loc, covariance_matrix=None, precision_matrix=None, scale_tril=None,
                 validate_args=None):  # fmt: skip
        if loc.ndim < 1:
            raise ValueError("loc must be at least one-dimensional.")
        given = {
            "covariance_matrix": covariance_matrix,
            "precision_matrix": precision_matrix,
            "scale_tril": scale_tril,
        }
        given = {name: value for name, value in given.items() if value is not None}
        if len(given) != 1:
            raise ValueError(
                "Exactly one of covariance_matrix or precision_matrix or scale_tril may be "
                "specified."
            )
        ((name, matrix),) = given.items()
        if matrix.ndim < 2:
            raise ValueError(
                f"{name} must be at least two-dimensional, with optional leading batch dimensions"
            )
        batch, n = np.broadcast_shapes(matrix.shape[:-2], loc.shape[:-1]), loc.shape[-1:]
        self.loc = expand(loc, batch + n)
        setattr(self, name, expand(matrix, batch + matrix.shape[-2:]))
        super().__init__(batch, n, validate_args=validate_args)
        self._factor = {"scale_tril": lambda m: m, "covariance_matrix": cholesky,
                        "precision_matrix": _factor_of_inverse}[name](matrix)  # fmt: skip

    @cached_property
    def scale_tril(self):
        """The Cholesky factor of the covariance."""
        return expand(self._factor, self.batch_shape + self.event_shape * 2)

    @cached_property
    def covariance_matrix(self):
        """The covariance."""
        return self.scale_tril @ matrix_transpose(self.scale_tril)

    @cached_property
    def precision_matrix(self):
        """The inverse of the covariance."""
        return inv(self.covariance_matrix)

    mean = mode = property(lambda self: self.loc)
    variance = property(lambda self: expand(sum(self._factor**2, -1), self.loc.shape))

    def rsample(self, sample_shape=()):
        """The mean, and the Cholesky factor times standard normal vectors."""
        noise = randn(self._extended_shape(sample_shape), dtype=self.loc.dtype)
        return self.loc + squeeze(self._factor @ unsqueeze(noise, -1), -1)

    def log_prob(self, value):
        """The logarithm of the density."""
        self._validate_sample(value)
        squares = _squared_lengths(self._factor, value - self.loc)
        return (squares + self.event_shape[0] * 2 * HALF_LOG_2PI) * -0.5 - self._half_log_det()

    def _half_log_det(self):
        return sum(log(diagonal(self._factor, dim1=-2, dim2=-1)), -1)

    def entropy(self):
        """By the determinant of the covariance."""
        constant = self.event_shape[0] * (0.5 + HALF_LOG_2PI)
        return expand(self._half_log_det() + constant, self.batch_shape)


def _squared_lengths(factor, offsets):
    """Squared lengths of what the factors take to ``offsets``: (..., n, n), (..., n) -> (...)."""
    if factor.ndim > 2:
        unit = solve_triangular(factor, unsqueeze(offsets, -1), upper=False)
        return sum(squeeze(unit, -1) ** 2, -1)
    rows = reshape(offsets, -1, offsets.shape[-1])
    unit = solve_triangular(factor, matrix_transpose(rows), upper=False)
    return reshape(sum(unit**2, 0), offsets.shape[:-1])


def _factor_of_inverse(precision):
    """The Cholesky factor of the inverse of a matrix, by the one of the matrix turned around."""
    turned = cholesky(precision.flip(-2, -1)).flip(-2, -1)
    return inv(matrix_transpose(turned))
