"""Samples that are differentiable in the parameters of their distribution."""

import numpy as np

from autotensor import kernels
from autotensor.creation import default_generator
from autotensor.ops.arguments import floating
from autotensor.tensor import Tensor, record


def standard_gamma(concentration):
    """Samples of gamma distributions of rate 1, differentiable in their concentration, once.

    The gradient is that of a sample as its concentration moves, its place among all samples kept
    (implicit reparametrisation, Figurnov et al. 2018).
    """
    a = floating(concentration, "standard_gamma")
    drawn = default_generator.numpy.standard_gamma(a.array.astype(np.float64))
    samples = np.maximum(drawn, np.finfo(a.dtype).tiny).astype(a.dtype)
    return record(samples, (a, lambda g, z: g * _slope(a, z), True))


def _slope(a, z):
    def gamma_slope_rule(g):
        raise RuntimeError(
            "the gradient of gamma, beta, Dirichlet and Student's t samples can be taken once "
            "only: its own gradient in the concentration is not implemented"
        )

    value = kernels.gamma_slope(*np.broadcast_arrays(a.array, z.array))
    return record(value, ((a, z), gamma_slope_rule))


def poisson(input, generator=None):
    """Poisson numbers of the rates in ``input``; same shape and dtype."""
    if not np.all(input.array >= 0):
        raise RuntimeError("poisson: rates must not be negative")
    drawn = (generator or default_generator).numpy.poisson(input.array)
    return Tensor(np.asarray(drawn).astype(input.dtype))
