"""Initial values of parameters, written in place; every function returns its tensor.

The ``xavier_`` and ``kaiming_`` functions are PyTorch's. The ``glorot_`` and ``he_`` functions are
Keras's: their uniform forms are the same, their normal forms are truncated at two standard
deviations and widened to keep the variance.
"""

import functools
import math
import warnings

import numpy as np

from autotensor.creation import default_generator
from autotensor.memory import overwrite
from autotensor.tensor import Tensor

# The standard deviation of a standard normal variable cut off at -2 and 2.
TRUNCATED_STD = 0.87962566103423978

_GAINS = {
    "tanh": 5.0 / 3,
    "relu": math.sqrt(2.0),
    "selu": 0.75,
}
_UNIT_GAINS = ("linear", "sigmoid", "conv1d", "conv2d", "conv3d")
_UNIT_GAINS += ("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")


def calculate_gain(nonlinearity, param=None):
    """The factor by which a nonlinearity shrinks the standard deviation, to be made up for."""
    if nonlinearity in _UNIT_GAINS:
        return 1.0
    if nonlinearity in _GAINS:
        return _GAINS[nonlinearity]
    if nonlinearity != "leaky_relu":
        known = ", ".join([*_UNIT_GAINS, *_GAINS, "leaky_relu"])
        raise ValueError(f"Unsupported nonlinearity {nonlinearity!r}: it must be one of {known}")
    if isinstance(param, bool) or not isinstance(param, (int, float, type(None))):
        raise ValueError(f"negative_slope {param!r} not a valid number")
    return math.sqrt(2.0 / (1 + (0.01 if param is None else param) ** 2))


def uniform_(tensor, a=0.0, b=1.0, generator=None):
    """Draw from the uniform distribution on [a, b)."""
    if not a <= b:
        raise ValueError(f"uniform_: expected a <= b, got a={a} and b={b}")
    return _write(tensor, a + (b - a) * _random(generator).random(tensor.shape, _drawn(tensor)))


def normal_(tensor, mean=0.0, std=1.0, generator=None):
    """Draw from the normal distribution."""
    if not std >= 0:
        raise ValueError(f"normal_: expected std >= 0, got {std}")
    values = _random(generator).standard_normal(tensor.shape, _drawn(tensor))
    return _write(tensor, mean + std * values)


def trunc_normal_(tensor, mean=0.0, std=1.0, a=-2.0, b=2.0, generator=None):
    """Draw from the normal distribution cut off outside of [a, b]; a and b are values.

    By rejection, so that the distribution is exact.
    """
    if not std > 0 or not a < b:
        raise ValueError(f"trunc_normal_: expected std > 0 and a < b, got {std}, {a} and {b}")
    low, high = (a - mean) / std, (b - mean) / std
    if low > 2 or high < -2:
        raise ValueError(
            f"trunc_normal_: mean {mean} is more than 2 std from [{a}, {b}]; move the bounds"
        )
    random = _random(generator)
    values = np.empty(tensor.array.size)
    todo = np.arange(values.size)
    while todo.size:
        values[todo], accepted = _propose(random, todo.size, low, high)
        todo = todo[~accepted]
    return _write(tensor, np.clip(mean + std * values, a, b).reshape(tensor.shape))


def _propose(random, count, low, high):
    """Draws for the standard normal on [low, high], and which of them to keep."""
    if high - low > 1:
        drawn = random.standard_normal(count)
        return drawn, (drawn >= low) & (drawn <= high)
    # Between close bounds most normal draws would be lost: draw evenly, keep by the density.
    drawn = random.uniform(low, high, count)
    peak = min(max(0.0, low), high)
    return drawn, random.random(count) <= np.exp((peak**2 - drawn**2) / 2)


def constant_(tensor, val):
    """Fill with the value ``val``."""
    return _write(tensor, val)


def ones_(tensor):
    """Fill with ones."""
    return _write(tensor, 1)


def zeros_(tensor):
    """Fill with zeros."""
    return _write(tensor, 0)


def eye_(tensor):
    """Fill a matrix with the identity."""
    if tensor.ndim != 2:
        raise ValueError(f"eye_: only tensors with 2 dimensions, got shape {tensor.shape}")
    return _write(tensor, np.eye(*tensor.shape))


def dirac_(tensor, groups=1):
    """Fill convolution weights (O, C, *K) so that channels pass unchanged, in every group."""
    if tensor.ndim not in (3, 4, 5):
        raise ValueError(f"dirac_: only tensors with 3 to 5 dimensions, got shape {tensor.shape}")
    channels = tensor.shape[0]
    if channels % groups:
        raise ValueError(f"dirac_: {channels} output channels do not divide into {groups} groups")
    per_group = channels // groups
    values = np.zeros(tensor.shape)
    centre = tuple(size // 2 for size in tensor.shape[2:])
    for group in range(groups):
        for channel in range(min(per_group, tensor.shape[1])):
            values[(group * per_group + channel, channel, *centre)] = 1
    return _write(tensor, values)


def xavier_uniform_(tensor, gain=1.0, generator=None):
    """Uniform on +-gain * sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio, 2010)."""
    bound = gain * math.sqrt(6.0 / sum(_fans(tensor)))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor, gain=1.0, generator=None):
    """Normal with std gain * sqrt(2 / (fan_in + fan_out)) (Glorot and Bengio, 2010)."""
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / sum(_fans(tensor))), generator)


def kaiming_uniform_(tensor, a=0, mode="fan_in", nonlinearity="leaky_relu", generator=None):
    """Uniform on +-gain * sqrt(3 / fan), ``a`` the slope of a leaky ReLU (He et al., 2015)."""
    bound = math.sqrt(3.0) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(tensor, a=0, mode="fan_in", nonlinearity="leaky_relu", generator=None):
    """Normal with std gain / sqrt(fan), ``a`` the slope of a leaky ReLU (He et al., 2015)."""
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity), generator)


def glorot_uniform_(tensor, generator=None):
    """Keras's ``glorot_uniform``: uniform on +-sqrt(6 / (fan_in + fan_out))."""
    return xavier_uniform_(tensor, 1.0, generator)


def glorot_normal_(tensor, generator=None):
    """Keras's ``glorot_normal``: truncated normal of std sqrt(2 / (fan_in + fan_out))."""
    return _truncated(tensor, math.sqrt(2.0 / sum(_fans(tensor))), generator)


def he_uniform_(tensor, generator=None):
    """Keras's ``he_uniform``: uniform on +-sqrt(6 / fan_in)."""
    return kaiming_uniform_(tensor, nonlinearity="relu", generator=generator)


def he_normal_(tensor, generator=None):
    """Keras's ``he_normal``: truncated normal of std sqrt(2 / fan_in)."""
    return _truncated(tensor, math.sqrt(2.0 / _fans(tensor)[0]), generator)


def orthogonal_(tensor, gain=1, generator=None):
    """Fill with a (semi-)orthogonal matrix, (rows, the rest) (Saxe et al., 2013)."""
    if tensor.ndim < 2:
        raise ValueError(f"orthogonal_: at least 2 dimensions expected, got shape {tensor.shape}")
    if tensor.array.size == 0:
        return tensor
    rows = tensor.shape[0]
    columns = tensor.array.size // rows
    flat = _random(generator).standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(flat)
    q *= np.sign(np.diag(r))  # makes the distribution uniform over all orthogonal matrices
    return _write(tensor, gain * (q if rows >= columns else q.T).reshape(tensor.shape))


def sparse_(tensor, sparsity, std=0.01, generator=None):
    """Normal values, in each column a fraction ``sparsity`` of them 0 (Martens, 2010)."""
    if tensor.ndim != 2:
        raise ValueError(f"Only tensors with 2 dimensions are supported, got shape {tensor.shape}")
    random = _random(generator)
    values = std * random.standard_normal(tensor.shape)
    order = np.argsort(random.random(tensor.shape), axis=0)
    values[order < math.ceil(sparsity * len(values))] = 0
    return _write(tensor, values)


def fan_in_uniform_(weight, bias=None, generator=None):
    """PyTorch's default for a linear or convolution layer: both uniform on +-1 / sqrt(fan_in)."""
    bound = 1.0 / math.sqrt(_fans(weight)[0])
    uniform_(weight, -bound, bound, generator)
    if bias is not None:
        uniform_(bias, -bound, bound, generator)
    return weight


def _fans(tensor):
    """How many inputs an output sums up, and how many outputs an input goes to."""
    if tensor.ndim < 2:
        raise ValueError(
            "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions, "
            f"got shape {tensor.shape}"
        )
    if tensor.array.size == 0:
        raise ValueError(f"Fan in and fan out need at least one element, got shape {tensor.shape}")
    field = math.prod(tensor.shape[2:])
    return tensor.shape[1] * field, tensor.shape[0] * field


def _kaiming_std(tensor, a, mode, nonlinearity):
    fans = dict(zip(("fan_in", "fan_out"), _fans(tensor), strict=True))
    if mode not in fans:
        raise ValueError(f"Mode {mode!r} not supported, please use one of fan_in, fan_out")
    return calculate_gain(nonlinearity, a) / math.sqrt(fans[mode])


def _truncated(tensor, std, generator):
    wide = std / TRUNCATED_STD
    return trunc_normal_(tensor, 0.0, wide, -2 * wide, 2 * wide, generator)


def _random(generator):
    return (default_generator if generator is None else generator).numpy


def _drawn(tensor):
    """The dtype to draw in: double for double, else single."""
    return np.float64 if tensor.dtype == np.float64 else np.float32


def _write(tensor, values):
    if not isinstance(tensor, Tensor):
        raise TypeError(f"init: expected a Tensor, got {type(tensor).__name__}")
    overwrite(tensor, values)
    return tensor


def _deprecated(function):
    """``function`` under the name that PyTorch had before, without the underscore."""
    new = function.__name__
    old = new[:-1]

    @functools.wraps(function)
    def call(*args, **options):
        text = f"`nn.init.{old}` is now deprecated in favor of `nn.init.{new}`."
        warnings.warn(text, FutureWarning, stacklevel=2)
        return function(*args, **options)

    call.__name__, call.__doc__ = old, f"`{new}`, under its older name."
    return call


constant = _deprecated(constant_)
dirac = _deprecated(dirac_)
eye = _deprecated(eye_)
kaiming_normal = _deprecated(kaiming_normal_)
kaiming_uniform = _deprecated(kaiming_uniform_)
normal = _deprecated(normal_)
orthogonal = _deprecated(orthogonal_)
sparse = _deprecated(sparse_)
uniform = _deprecated(uniform_)
xavier_normal = _deprecated(xavier_normal_)
xavier_uniform = _deprecated(xavier_uniform_)
