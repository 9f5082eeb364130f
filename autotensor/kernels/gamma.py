"""The slope of gamma samples in their concentration."""

import math

import numpy as np

from autotensor.kernels.jit import serial
from autotensor.kernels.special import polygamma


@serial
def _slopes(a, z, psi, y):
    for i in range(z.size):
        term, total, digamma, logarithm = 1.0, 0.0, psi[i], math.log(z[i])
        n, first = a[i], abs(logarithm - psi[i])
        while True:
            part = term * (logarithm - digamma)
            total += part
            n += 1.0
            digamma += 1.0 / n
            term *= z[i] / n
            # Past z terms fall at least as fast as those of a geometric series.
            rest = term * (first + digamma + 1) * (n + 1)
            if n > z[i] and rest <= 1e-17 * abs(total) * (n + 1 - z[i]):
                break
            if not term < math.inf:
                total = math.nan
                break
        y[i] = -total * z[i] / a[i]


def gamma_slope(a, z):
    """dz/da of samples ``z`` of gamma distributions of concentration ``a`` and rate 1.

    Implicitly, from the distribution function F: ``-(dF/da) / (dF/dz)`` (Figurnov et al. 2018).
    With the series F = z**a e**-z sum(z**n / Gamma(a + n + 1)) that is
    ``-z / a * sum(t_n * (log(z) - digamma(a + n + 1)))``, t_0 = 1, t_n = t_(n-1) * z / (a + n).
    """
    wide, samples = (np.ascontiguousarray(v, np.float64).reshape(-1) for v in (a, z))
    slopes = np.empty_like(samples)
    _slopes(wide, samples, polygamma(0, wide + 1), slopes)
    return slopes.reshape(z.shape).astype(z.dtype)
