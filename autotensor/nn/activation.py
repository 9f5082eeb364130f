"""Activation functions as modules.

``inplace`` writes the result over the input, as in PyTorch.
"""

import inspect

from autotensor.creation import full
from autotensor.nn import check, functional, init
from autotensor.nn.module import Module
from autotensor.nn.parameter import Parameter

# The functions that Activation knows by name: names of `functional`, and Keras's and older names.
_FUNCTIONS = """relu relu6 leaky_relu elu selu celu gelu silu mish sigmoid tanh softplus softsign
    softmax log_softmax softmin logsigmoid hardtanh hardswish hardsigmoid hardshrink softshrink
    tanhshrink threshold glu identity"""
_ALIASES = {
    "swish": "silu",
    "linear": "identity",
    "hard_sigmoid": "hardsigmoid",
    "hard_swish": "hardswish",
    "log_sigmoid": "logsigmoid",
}


class Activation(Module):
    """The activation function of a name, with its options: ``Activation("leaky_relu",
    negative_slope=0.2)``. ``"softmax"`` runs over dimension 1 unless ``dim`` is given."""

    def __init__(self, name, **options):
        super().__init__()
        self.name = name
        self.options = options
        known = _ALIASES.get(name, name) if isinstance(name, str) else None
        functions = _FUNCTIONS.split()
        if known not in functions:
            listed = ", ".join(sorted([*functions, *_ALIASES]))
            raise ValueError(f"Activation: unknown name {name!r}; known are {listed}")
        self.function = known  # by name: functions made in functions cannot be pickled
        if known in ("softmax", "log_softmax", "softmin"):
            options.setdefault("dim", 1)
        try:
            inspect.signature(getattr(functional, known)).bind(None, **options)
        except TypeError as error:
            raise TypeError(f"Activation: {name!r} {error}") from None

    def forward(self, input):
        return getattr(functional, self.function)(input, **self.options)

    def extra_repr(self):
        return ", ".join([repr(self.name), *(f"{k}={v!r}" for k, v in self.options.items())])


class _Plain(Module):
    """Base of the classes below: ``shown`` names the hyper-parameters that `repr` shows."""

    shown = ()

    def extra_repr(self):
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in self.shown)


class _Inplace(_Plain):
    """Base of those that can write over their input."""

    def __init__(self, inplace=False):
        super().__init__()
        self.inplace = inplace

    def extra_repr(self):
        shown = super().extra_repr()
        return ", ".join([*filter(None, [shown]), *(["inplace=True"] if self.inplace else [])])


class ReLU(_Inplace):
    """max(x, 0)."""

    def forward(self, input):
        return functional.relu(input, self.inplace)


class ReLU6(_Inplace):
    """min(max(x, 0), 6)."""

    def forward(self, input):
        return functional.relu6(input, self.inplace)


class LeakyReLU(_Inplace):
    """x where x > 0, else negative_slope x."""

    shown = ("negative_slope",)

    def __init__(self, negative_slope=0.01, inplace=False):
        super().__init__(inplace)
        self.negative_slope = check.number(self, "negative_slope", negative_slope)

    def forward(self, input):
        return functional.leaky_relu(input, self.negative_slope, self.inplace)


class PReLU(_Plain):
    """x where x > 0, else weight x, with one weight or one for every channel (dimension 1)."""

    shown = ("num_parameters",)

    def __init__(self, num_parameters=1, init=0.25, device=None, dtype=None):
        super().__init__()
        self.num_parameters = check.integer(self, "num_parameters", num_parameters)
        self.init = check.number(self, "init", init)
        self.weight = Parameter(full((num_parameters,), float(init), dtype=dtype, device=device))

    def reset_parameters(self):
        """Set the weights to their initial value."""
        init.constant_(self.weight, self.init)

    def forward(self, input):
        return functional.prelu(input, self.weight)


class ELU(_Inplace):
    """x where x > 0, else alpha (e^x - 1) (Clevert et al., 2016)."""

    shown = ("alpha",)

    def __init__(self, alpha=1.0, inplace=False):
        super().__init__(inplace)
        self.alpha = check.number(self, "alpha", alpha)

    def forward(self, input):
        return functional.elu(input, self.alpha, self.inplace)


class SELU(_Inplace):
    """ELU scaled so that activations keep mean 0 and variance 1 (Klambauer et al., 2017)."""

    def forward(self, input):
        return functional.selu(input, self.inplace)


class CELU(_Inplace):
    """max(x, 0) + min(0, alpha (e^(x / alpha) - 1)) (Barron, 2017)."""

    shown = ("alpha",)

    def __init__(self, alpha=1.0, inplace=False):
        super().__init__(inplace)
        self.alpha = check.number(self, "alpha", alpha)
        if alpha == 0:
            raise ValueError("CELU: alpha cannot be 0")

    def forward(self, input):
        return functional.celu(input, self.alpha, self.inplace)


class GELU(_Plain):
    """x P(X <= x) for a standard normal X; ``approximate="tanh"`` is the faster formula
    (Hendrycks and Gimpel, 2016)."""

    shown = ("approximate",)

    def __init__(self, approximate="none"):
        super().__init__()
        self.approximate = check.choice(self, "approximate", approximate, ("none", "tanh"))

    def forward(self, input):
        return functional.gelu(input, approximate=self.approximate)


class SiLU(_Inplace):
    """x sigmoid(x), also known as swish (Elfwing et al., 2017)."""

    def forward(self, input):
        return functional.silu(input, self.inplace)


class Mish(_Inplace):
    """x tanh(softplus(x)) (Misra, 2019)."""

    def forward(self, input):
        return functional.mish(input, self.inplace)


class Sigmoid(_Plain):
    """1 / (1 + e^-x)."""

    def forward(self, input):
        return functional.sigmoid(input)


class LogSigmoid(_Plain):
    """log(1 / (1 + e^-x))."""

    def forward(self, input):
        return functional.logsigmoid(input)


class Tanh(_Plain):
    """The hyperbolic tangent."""

    def forward(self, input):
        return functional.tanh(input)


class Tanhshrink(_Plain):
    """x - tanh(x)."""

    def forward(self, input):
        return functional.tanhshrink(input)


class Softplus(_Plain):
    """log(1 + e^(beta x)) / beta; x itself where beta x > threshold."""

    shown = ("beta", "threshold")

    def __init__(self, beta=1.0, threshold=20.0):
        super().__init__()
        self.beta = check.number(self, "beta", beta)
        self.threshold = check.number(self, "threshold", threshold)
        if beta == 0:
            raise ValueError("Softplus: beta cannot be 0")

    def forward(self, input):
        return functional.softplus(input, self.beta, self.threshold)


class Softsign(_Plain):
    """x / (1 + |x|)."""

    def forward(self, input):
        return functional.softsign(input)


class _Softmax(_Plain):
    shown = ("dim",)

    def __init__(self, dim):
        super().__init__()
        self.dim = check.integer(self, "dim", dim, minimum=-64)


class Softmax(_Softmax):
    """e^x / sum of e^x along the dimension ``dim``."""

    def forward(self, input):
        return functional.softmax(input, self.dim)


class LogSoftmax(_Softmax):
    """x - log(sum of e^x) along the dimension ``dim``."""

    def forward(self, input):
        return functional.log_softmax(input, self.dim)


class Softmin(_Softmax):
    """The softmax of -x along the dimension ``dim``."""

    def forward(self, input):
        return functional.softmin(input, self.dim)


class Hardtanh(_Inplace):
    """x cut off at ``min_val`` and ``max_val``."""

    shown = ("min_val", "max_val")

    def __init__(self, min_val=-1.0, max_val=1.0, inplace=False):
        super().__init__(inplace)
        self.min_val = check.number(self, "min_val", min_val)
        self.max_val = check.number(self, "max_val", max_val)
        if not min_val < max_val:
            raise ValueError(f"Hardtanh: expected min_val < max_val, got {min_val} and {max_val}")

    def forward(self, input):
        return functional.hardtanh(input, self.min_val, self.max_val, self.inplace)


class Hardswish(_Inplace):
    """x hardsigmoid(x) (Howard et al., 2019)."""

    def forward(self, input):
        return functional.hardswish(input, self.inplace)


class Hardsigmoid(_Inplace):
    """x / 6 + 1 / 2 cut off at 0 and 1."""

    def forward(self, input):
        return functional.hardsigmoid(input, self.inplace)


class _Shrink(_Plain):
    shown = ("lambd",)

    def __init__(self, lambd=0.5):
        super().__init__()
        self.lambd = check.number(self, "lambd", lambd, 0)

    def extra_repr(self):
        return str(self.lambd)


class Hardshrink(_Shrink):
    """x where |x| > lambd, else 0."""

    def forward(self, input):
        return functional.hardshrink(input, self.lambd)


class Softshrink(_Shrink):
    """x moved towards 0 by lambd."""

    def forward(self, input):
        return functional.softshrink(input, self.lambd)


class Threshold(_Inplace):
    """x where x > threshold, else ``value``."""

    shown = ("threshold", "value")

    def __init__(self, threshold, value, inplace=False):
        super().__init__(inplace)
        self.threshold = check.number(self, "threshold", threshold)
        self.value = check.number(self, "value", value)

    def forward(self, input):
        return functional.threshold(input, self.threshold, self.value, self.inplace)


class GLU(_Plain):
    """a sigmoid(b) for the halves a and b of dimension ``dim`` (Dauphin et al., 2016)."""

    shown = ("dim",)

    def __init__(self, dim=-1):
        super().__init__()
        self.dim = check.integer(self, "dim", dim, minimum=-64)

    def forward(self, input):
        return functional.glu(input, self.dim)


class Softmax2d(_Plain):
    """The softmax over channels: (N, C, H, W) or (C, H, W) -> the same shape."""

    def forward(self, input):
        if input.ndim not in (3, 4):
            raise ValueError(f"Softmax2d: expected input to be 3D or 4D, got {input.ndim}D instead")
        return functional.softmax(input, -3)


class RReLU(_Inplace):
    """x where x > 0, else a x, in training with a drawn evenly from [lower, upper].

    Otherwise a is their mean (Xu et al., 2015).
    """

    shown = ("lower", "upper")

    def __init__(self, lower=1.0 / 8, upper=1.0 / 3, inplace=False):
        super().__init__(inplace)
        self.lower = check.number(self, "lower", lower)
        self.upper = check.number(self, "upper", upper)

    def forward(self, input):
        return functional.rrelu(input, self.lower, self.upper, self.training, self.inplace)
