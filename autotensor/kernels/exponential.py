"""The exponential function in float32, written so that LLVM can run it on vectors."""

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_LOWEST, _HIGHEST = np.float32(-87.33654), np.float32(88.72283)  # beyond: 0 and infinity
_LOG2_E = np.float32(1.44269504088896341)
# log(2) in two parts, the first with so few digits that a product with an exponent is exact.
_LOG_2, _LOG_2_REST = np.float32(0.693359375), np.float32(-2.12194440e-4)
# Minimax polynomial of (exp(r) - 1 - r) / r**2 on |r| <= log(2) / 2 (Moshier, Cephes expf).
_P0, _P1, _P2 = (
    np.float32(1.9875691500e-4),
    np.float32(1.3981999507e-3),
    np.float32(8.3334519073e-3),
)
_P3, _P4, _P5 = (
    np.float32(4.1665795894e-2),
    np.float32(1.6666665459e-1),
    np.float32(5.0000001201e-1),
)


@intrinsic
def _float_of_bits(typing, bits):
    def codegen(context, builder, signature, args):
        return builder.bitcast(args[0], ir.FloatType())

    return types.float32(types.int32), codegen


@numba.njit(inline="always")
def _power_of_two(n):
    return _float_of_bits((n + np.int32(127)) << np.int32(23))


# Without reassociation, which would put the two parts of log(2) together again.
@numba.njit(nogil=True, fastmath={"contract", "nsz"}, error_model="numpy")
def exp32(x):
    """``exp(x)`` of a float32, to within one unit in the last place; results below 1e-38 are 0."""
    inside = x if x > _LOWEST else _LOWEST
    inside = _HIGHEST if inside > _HIGHEST else inside
    power = np.floor(inside * _LOG2_E + np.float32(0.5))
    r = inside - power * _LOG_2 - power * _LOG_2_REST
    p = ((((_P0 * r + _P1) * r + _P2) * r + _P3) * r + _P4) * r + _P5
    y = p * (r * r) + r + np.float32(1)
    first = np.int32(power) >> np.int32(1)  # in two steps, since 2**128 is no float
    y = y * _power_of_two(first) * _power_of_two(np.int32(power) - first)
    y = np.float32(np.inf) if x > _HIGHEST else y
    y = np.float32(0) if x < _LOWEST else y
    return x if x != x else y
