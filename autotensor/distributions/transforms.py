"""Functions with an inverse and a known Jacobian, to make distributions of others."""

import functools
import math

from autotensor import ops
from autotensor.distributions import constraints
from autotensor.distributions.utils import clamp_probs
from autotensor.ops.activation import softplus
from autotensor.tensor import Tensor


class Transform:
    """A function of values in ``domain`` to values in ``codomain``, invertible if ``bijective``.

    A subclass defines ``_call``, ``_inverse`` and `log_abs_det_jacobian`. ``sign`` is 1 if an
    elementwise function rises, -1 if it falls. With ``cache_size`` 1 the last pair of tensors is
    remembered: the inverse of a sample is then exact, where the function is flat, too.
    """

    bijective = True
    domain = codomain = constraints.real
    sign = 1

    def __init__(self, cache_size=0):
        if cache_size not in (0, 1):
            raise ValueError("cache_size must be 0 or 1")
        self._cache_size, self._pair = cache_size, (None, None)

    def __call__(self, x):
        """The function's value."""
        known, value = self._pair
        return value if known is x else self._remember(x, self._call(x))[1]

    def _invert(self, y):
        value, known = self._pair
        return value if known is y else self._remember(self._inverse(y), y)[0]

    def _remember(self, x, y):
        if self._cache_size:
            self._pair = x, y
        return x, y

    @property
    def inv(self):
        """The inverse, a `Transform`."""
        return _Inverse(self)

    def log_abs_det_jacobian(self, x, y):
        """The logarithm of the magnitude of the determinant of dy/dx, where ``y`` is of ``x``."""
        raise NotImplementedError(f"{type(self).__name__} has no log_abs_det_jacobian")

    def forward_shape(self, shape):
        """The shape of the value for one of the argument."""
        return shape

    def inverse_shape(self, shape):
        """The shape of the argument for one of the value."""
        return shape

    def __eq__(self, other):
        return type(self) is type(other) and _same(_public(self), _public(other))

    __hash__ = object.__hash__

    def __repr__(self):
        return f"{type(self).__name__}()"


def _public(transform):
    return {name: value for name, value in vars(transform).items() if name[0] != "_"}


def _same(a, b):
    if a.keys() != b.keys():
        return False
    pairs = [(a[name], b[name]) for name in a]
    return all(
        x is y or (ops.equal(x, y) if isinstance(x, Tensor) and isinstance(y, Tensor) else
                   type(x) is type(y) and not isinstance(x, Tensor) and x == y)
        for x, y in pairs
    )  # fmt: skip


class _Inverse(Transform):
    """A transform the other way."""

    def __init__(self, transform):
        super().__init__()
        self.inv_of = transform

    bijective = property(lambda self: self.inv_of.bijective)
    domain = property(lambda self: self.inv_of.codomain)
    codomain = property(lambda self: self.inv_of.domain)
    sign = property(lambda self: self.inv_of.sign)
    inv = property(lambda self: self.inv_of)

    def _call(self, y):
        return self.inv_of._invert(y)

    def _inverse(self, x):
        return self.inv_of(x)

    def log_abs_det_jacobian(self, x, y):
        """Minus that of the transform."""
        return -self.inv_of.log_abs_det_jacobian(y, x)

    def forward_shape(self, shape):
        """As `inverse_shape` of the transform."""
        return self.inv_of.inverse_shape(shape)

    def inverse_shape(self, shape):
        """As `forward_shape` of the transform."""
        return self.inv_of.forward_shape(shape)


class ExpTransform(Transform):
    """``exp(x)``."""

    codomain = constraints.positive

    def _call(self, x):
        return ops.exp(x)

    def _inverse(self, y):
        return ops.log(y)

    def log_abs_det_jacobian(self, x, y):
        """``x``."""
        return x


class AffineTransform(Transform):
    """``loc + scale * x``; events of ``event_dim`` dimensions."""

    def __init__(self, loc, scale, event_dim=0, cache_size=0):
        super().__init__(cache_size)
        self.loc, self.scale, self.event_dim = loc, scale, event_dim

    @property
    def domain(self):
        """Real numbers, vectors ..."""
        real = constraints.real
        return constraints.independent(real, self.event_dim) if self.event_dim else real

    codomain = domain

    @property
    def sign(self):
        """The sign of the scale."""
        if isinstance(self.scale, Tensor):
            return ops.sign(self.scale)
        return (self.scale > 0) - (self.scale < 0)

    def _call(self, x):
        return self.loc + self.scale * x

    def _inverse(self, y):
        return (y - self.loc) / self.scale

    def log_abs_det_jacobian(self, x, y):
        """The logarithm of the magnitude of the scale, summed over events."""
        if isinstance(self.scale, Tensor):
            logs = ops.log(ops.abs(self.scale)) + x.detach() * 0
        else:
            logs = x.detach() * 0 + math.log(abs(self.scale))
        return ops.sum(logs, tuple(range(-self.event_dim, 0))) if self.event_dim else logs

    def __repr__(self):
        return f"AffineTransform(loc={self.loc}, scale={self.scale})"


class PowerTransform(Transform):
    """``x ** exponent`` of positive numbers."""

    domain = codomain = constraints.positive

    def __init__(self, exponent, cache_size=0):
        super().__init__(cache_size)
        self.exponent = exponent

    @property
    def sign(self):
        """The sign of the exponent."""
        return AffineTransform(0, self.exponent).sign

    def _call(self, x):
        return x**self.exponent

    def _inverse(self, y):
        return y ** (1 / self.exponent)

    def log_abs_det_jacobian(self, x, y):
        """``log |exponent * y / x|``."""
        return ops.log(ops.abs(self.exponent * y / x))


class SigmoidTransform(Transform):
    """``1 / (1 + exp(-x))``."""

    codomain = constraints.unit_interval

    def _call(self, x):
        return clamp_probs(ops.sigmoid(x))

    def _inverse(self, y):
        y = clamp_probs(y)
        return ops.log(y) - ops.log1p(-y)

    def log_abs_det_jacobian(self, x, y):
        """``-softplus(-x) - softplus(x)``."""
        return -softplus(-x) - softplus(x)


class TanhTransform(Transform):
    """``tanh(x)``."""

    codomain = constraints.interval(-1.0, 1.0)

    def _call(self, x):
        return ops.tanh(x)

    def _inverse(self, y):
        return ops.atanh(y)

    def log_abs_det_jacobian(self, x, y):
        """``log(1 - tanh(x)**2)``, exact where that is small."""
        return (math.log(2) - x - softplus(x * -2)) * 2


class AbsTransform(Transform):
    """``|x|``, which has no inverse: `_inverse` gives the positive one."""

    bijective = False
    codomain = constraints.nonnegative

    def _call(self, x):
        return ops.abs(x)

    def _inverse(self, y):
        return y


class ComposeTransform(Transform):
    """Transforms of one element each, one after the other."""

    def __init__(self, parts, cache_size=0):
        super().__init__(cache_size)
        self.parts = list(parts)

    bijective = property(lambda self: all(part.bijective for part in self.parts))

    @property
    def domain(self):
        """That of the first."""
        return self.parts[0].domain if self.parts else constraints.real

    @property
    def codomain(self):
        """That of the last."""
        return self.parts[-1].codomain if self.parts else constraints.real

    @property
    def sign(self):
        """The product of the signs."""
        return functools.reduce(lambda s, part: s * part.sign, self.parts, 1)

    def _call(self, x):
        return functools.reduce(lambda x, part: part(x), self.parts, x)

    def _inverse(self, y):
        return functools.reduce(lambda y, part: part.inv(y), reversed(self.parts), y)

    def log_abs_det_jacobian(self, x, y):
        """The sum, those of single elements summed over the event."""
        total, event = 0, self.domain.event_dim
        for part in self.parts:
            event = max(event, part.domain.event_dim, part.codomain.event_dim)
        for part in self.parts:
            y = part(x)
            jacobian = part.log_abs_det_jacobian(x, y)
            total = total + sum_events(jacobian, event - part.domain.event_dim)
            x = y
        return total if self.parts else x.detach() * 0

    def __repr__(self):
        return f"ComposeTransform({self.parts!r})"


def sum_events(x, count):
    """The sum over the last ``count`` dimensions."""
    return ops.sum(x, tuple(range(-count, 0))) if count else x


identity_transform = ComposeTransform([])
