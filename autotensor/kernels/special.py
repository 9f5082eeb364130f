"""Functions that NumPy lacks."""

import math

import numpy as np

from autotensor.kernels.jit import serial


@serial
def _erf(x, y):
    for i in range(x.size):
        y[i] = math.erf(x[i])


def erf(x):
    """The error function of each element, in the dtype and shape of ``x``."""
    if x.dtype == np.float16:  # which Numba does not compute with
        return erf(x.astype(np.float32)).astype(x.dtype)
    y = np.empty(x.shape, x.dtype)
    _erf(np.ascontiguousarray(x).reshape(-1), y.reshape(-1))
    return y
