"""Activation functions, element by element, and softmax; named and defined as in PyTorch.

Most are written in other operations, whose gradients carry over. At a kink the gradient is
PyTorch's: that of ``relu`` at 0 is 0.
"""

import math

import numpy as np

from autotensor import dtypes, kernels
from autotensor.deferred import Deferred
from autotensor.gradients import differentiate
from autotensor.modes import is_grad_enabled
from autotensor.ops.arguments import cast, dimension, tensor_of
from autotensor.ops.elementary import erf, exp, expm1, sigmoid, tanh
from autotensor.ops.elementwise import abs, clamp
from autotensor.ops.reduce import sum
from autotensor.ops.shape import narrow, reshape
from autotensor.tensor import Tensor, record

__all__ = [
    "celu",
    "elu",
    "gelu",
    "glu",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "leaky_relu",
    "log_softmax",
    "logsigmoid",
    "mish",
    "prelu",
    "relu",
    "relu6",
    "selu",
    "silu",
    "softmax",
    "softmin",
    "softplus",
    "softshrink",
    "softsign",
    "swish",
    "tanhshrink",
    "threshold",
]

# The fixed point of mean 0 and variance 1 (Klambauer et al. 2017).
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946
_SMALL = 1 << 14  # elements below which NumPy is quicker than a kernel on threads


def keep(x, mask):
    """``x`` where the boolean array ``mask`` holds, else 0.

    By masking bits: np.where takes a branch for each element, which on random signs costs ten times
    as much, and a product with the mask would make NaN of infinities that are masked out.
    """
    bits = np.dtype(f"i{x.itemsize}")
    kept = x.array.view(bits) & -mask.view(np.int8).astype(bits)
    return record(kept.view(x.dtype), (x, lambda g: keep(g, mask)))


def floats_only(x, name):
    """The tensor ``x`` if its dtype is a floating one."""
    if tensor_of(x, name).dtype.kind != "f":
        raise NotImplementedError(
            f"{name}: expected a floating dtype, got {x.dtype}: use x.float()"
        )
    return x


def relu(input):
    """``max(x, 0)``."""
    if type(input) is Deferred and "relu" in input.fused:
        return input.fused["relu"]()
    if tensor_of(input, "relu").dtype.kind == "b":
        raise RuntimeError("relu: not defined for truth values; use x.float()")
    if input.dtype != dtypes.float32 or input.array.size < _SMALL:
        value = np.maximum(input.array, input.dtype.type(0))
        return record(value, (input, lambda g, y: keep(g, y.array != 0), True))

    def rule(g, y):
        if is_grad_enabled():
            return keep(g, y.array != 0)
        return Tensor(kernels.relu_grad(g.array, y.array))

    return record(kernels.relu(input.array), (input, rule, True))


def _negative(x):
    """``min(x, 0)``, what `relu` leaves out; the gradient at 0 is 1."""
    return record(np.minimum(x.array, x.dtype.type(0)), (x, lambda g: keep(g, ~(x.array > 0))))


def leaky_relu(input, negative_slope=0.01):
    """``x`` where x > 0, else ``negative_slope * x``."""
    x = floats_only(input, "leaky_relu")
    compiled = x.dtype == dtypes.float32 and x.array.size >= _SMALL

    def rule(g):
        if compiled and not is_grad_enabled():
            return Tensor(kernels.leaky_relu_grad(g.array, x.array, negative_slope))
        positive = x.array > 0
        return keep(g, positive) + keep(g, ~positive) * negative_slope

    if compiled:
        return record(kernels.leaky_relu(x.array, negative_slope), (x, rule))
    zero, slope = x.dtype.type(0), x.dtype.type(negative_slope)
    return record(np.maximum(x.array, zero) + np.minimum(x.array, zero) * slope, (x, rule))


def prelu(input, weight):
    """``x`` where x > 0, else ``weight * x``; one weight, or one for each channel (dimension 1)."""
    x = floats_only(input, "prelu")
    channels = x.shape[1] if x.ndim > 1 else 1
    if tensor_of(weight, "prelu").array.size not in (1, channels) or weight.ndim > 1:
        raise RuntimeError(
            f"prelu: expected one weight or one for each of {channels} channels of x {x.shape}, "
            f"got weights {weight.shape}"
        )
    if weight.array.size > 1:
        weight = reshape(weight, (-1,) + (1,) * (x.ndim - 2))
    return relu(x) + _negative(x) * weight


def hardtanh(input, min_val=-1.0, max_val=1.0):
    """``x`` limited to between ``min_val`` and ``max_val``; the gradient at the limits is 0."""
    if min_val > max_val:
        raise ValueError(f"hardtanh: min_val {min_val} is greater than max_val {max_val}")
    x = tensor_of(input, "hardtanh")
    low, high = (x.dtype.type(limit) for limit in (min_val, max_val))

    def rule(g):
        return keep(g, ~((x.array <= low) | (x.array >= high)))

    return record(np.clip(x.array, low, high), (x, rule))


def relu6(input):
    """``min(max(x, 0), 6)``."""
    return hardtanh(input, 0.0, 6.0)


def hardsigmoid(input):
    """``x / 6 + 1 / 2`` limited to between 0 and 1."""
    x = floats_only(input, "hardsigmoid")
    return relu6(x + 3) / 6


def hardswish(input):
    """``x * hardsigmoid(x)`` (Howard et al. 2019)."""
    x = floats_only(input, "hardswish")
    return x * hardsigmoid(x)


def threshold(input, threshold, value):
    """``x`` where x > ``threshold``, else ``value``."""
    x = tensor_of(input, "threshold")
    above = ~(x.array <= threshold)
    return record(np.where(above, x.array, x.dtype.type(value)), (x, lambda g: keep(g, above)))


def hardshrink(input, lambd=0.5):
    """``x`` where ``|x| > lambd``, else 0."""
    x = floats_only(input, "hardshrink")
    outside = ~(np.abs(x.array) <= lambd)
    return keep(x, outside)


def softshrink(input, lambd=0.5):
    """``x`` moved towards 0 by ``lambd``, and 0 where ``|x| <= lambd``."""
    if not lambd >= 0:
        raise RuntimeError(f"softshrink: lambd must be greater or equal to 0, but is {lambd}")
    x = floats_only(input, "softshrink")
    return x - clamp(x, -lambd, lambd)


def _elu(x, alpha, scale, input_scale):
    bent = expm1(_negative(x) * input_scale)
    return relu(x) * scale + bent * (alpha * scale)


def elu(input, alpha=1.0):
    """``x`` where x > 0, else ``alpha * (e**x - 1)`` (Clevert et al. 2016)."""
    x = floats_only(input, "elu")
    return _elu(x, alpha, 1, 1)


def selu(input):
    """`elu` scaled so that activations tend to mean 0 and variance 1 (Klambauer et al. 2017)."""
    x = floats_only(input, "selu")
    return _elu(x, _SELU_ALPHA, _SELU_SCALE, 1)


def celu(input, alpha=1.0):
    """``max(x, 0) + min(0, alpha * (e**(x / alpha) - 1))`` (Barron 2017)."""
    if alpha == 0:
        raise RuntimeError("celu: alpha cannot be 0")
    x = floats_only(input, "celu")
    return _elu(x, alpha, 1, 1 / alpha)


def gelu(input, approximate="none"):
    """``x * P(X <= x)`` for a standard normal X, or its approximation by "tanh".

    (Hendrycks and Gimpel 2016): ``x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3)))``.
    """
    x = floats_only(input, "gelu")
    if approximate == "tanh":
        return x * (tanh((x + x * x * x * 0.044715) * math.sqrt(2 / math.pi)) + 1) * 0.5
    if approximate != "none":
        raise RuntimeError(f"gelu: approximate is 'none' or 'tanh', not {approximate!r}")

    def formula(x):
        return x * (erf(x * math.sqrt(0.5)) + 1) * 0.5

    if x.dtype != dtypes.float32:
        return formula(x)

    def rule(g):
        if is_grad_enabled():
            return differentiate(formula, (x,), g)[0]
        return Tensor(kernels.gelu_grad(g.array, x.array))

    return record(kernels.gelu(x.array), (x, rule))


def silu(input):
    """``x * sigmoid(x)`` (Elfwing et al. 2017; "swish", Ramachandran et al. 2017)."""
    x = floats_only(input, "silu")
    return x * sigmoid(x)


swish = silu


def mish(input):
    """``x * tanh(softplus(x))`` (Misra 2019)."""
    x = floats_only(input, "mish")
    return x * tanh(softplus(x))


def softplus(input, beta=1.0, threshold=20.0):
    """``log(1 + e**(beta * x)) / beta``; ``x`` itself where ``beta * x > threshold``."""
    x = floats_only(input, "softplus")
    array = x.array
    with np.errstate(under="ignore"):
        z = array * x.dtype.type(beta)
        value = (np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))) / x.dtype.type(beta)
    linear = z > threshold

    def rule(g):
        return keep(g * sigmoid(x * beta), ~linear) + keep(g, linear)

    return record(np.where(linear, array, value), (x, rule))


def logsigmoid(input):
    """``log(1 / (1 + e**-x))``, without overflow."""
    x = floats_only(input, "logsigmoid")
    return -softplus(-x, threshold=math.inf)


def softsign(input):
    """``x / (1 + |x|)``."""
    x = tensor_of(input, "softsign")
    return x / (abs(x) + 1)


def tanhshrink(input):
    """``x - tanh(x)``."""
    x = floats_only(input, "tanhshrink")
    return x - tanh(x)


def glu(input, dim=-1):
    """``a * sigmoid(b)`` for the halves a and b of dimension ``dim`` (Dauphin et al. 2017)."""
    x = floats_only(input, "glu")
    if not x.ndim:
        raise RuntimeError("glu: a 0-d tensor has no halves")
    dim = dimension(dim, x.ndim, "glu")
    half, odd = divmod(x.shape[dim], 2)
    if odd:
        raise RuntimeError(
            f"glu: halving dimension must be even, but dimension {dim} of {x.shape} is "
            f"{x.shape[dim]}"
        )
    return narrow(x, dim, 0, half) * sigmoid(narrow(x, dim, half, half))


def _shifted(x, dim, dtype, name):
    """For softmax: the tensor, its dimension, and its values minus the largest along it."""
    if dtype is not None:
        x = cast(tensor_of(x, name), dtypes.as_dtype(dtype))
    dim = dimension(dim, floats_only(x, name).ndim, name)
    if not x.array.size or not x.ndim:
        return x, dim, x.array - x.array
    with np.errstate(invalid="ignore"):  # infinity minus infinity
        return x, dim, x.array - x.array.max(axis=dim, keepdims=True)


def softmax(input, dim, dtype=None):
    """``e**x / sum(e**x)`` along ``dim``, without overflow; ``dtype`` converts x before."""
    x, dim, array = _shifted(input, dim, dtype, "softmax")
    with np.errstate(under="ignore", invalid="ignore"):
        y = np.exp(array)
        y = y / y.sum(axis=dim if x.ndim else None, keepdims=True)
    return record(y, (x, lambda g, y: y * (g - sum(g * y, dim, keepdim=True)), True))


def log_softmax(input, dim, dtype=None):
    """``x - log(sum(e**x))`` along ``dim``, without overflow; ``dtype`` converts x before."""
    x, dim, array = _shifted(input, dim, dtype, "log_softmax")
    with np.errstate(under="ignore", invalid="ignore", divide="ignore"):  # log(0) of no elements
        y = array - np.log(np.exp(array).sum(axis=dim if x.ndim else None, keepdims=True))
    return record(y, (x, lambda g, y: g - exp(y) * sum(g, dim, keepdim=True), True))


def softmin(input, dim, dtype=None):
    """`softmax` of ``-x``."""
    x = tensor_of(input, "softmin")
    return softmax(-x, dim, dtype)
