"""Layers that put a border around their input; negative sizes cut off."""

from autotensor.nn import check, functional
from autotensor.nn.module import Module


class _Pad(Module):
    """``padding`` is one size, or a pair for each dimension, the last one first."""

    rank = None
    mode = "constant"
    value = None

    def __init__(self, padding):
        super().__init__()
        self.padding = check.integers(self, "padding", padding, 2 * self.rank, -(2**31))

    def forward(self, input):
        if input.ndim not in (self.rank + 1, self.rank + 2):
            raise ValueError(
                f"{type(self).__name__}: expected {self.rank + 1}D or {self.rank + 2}D input (got "
                f"{input.ndim}D input)"
            )
        return functional.pad(input, self.padding, self.mode, self.value)

    def extra_repr(self):
        return f"{self.padding}"


class _ConstantPad(_Pad):
    def __init__(self, padding, value):
        super().__init__(padding)
        self.value = check.number(self, "value", value)

    def forward(self, input):
        return functional.pad(input, self.padding, self.mode, self.value)

    def extra_repr(self):
        return f"padding={self.padding}, value={self.value}"


class _ZeroPad(_ConstantPad):
    def __init__(self, padding):
        super().__init__(padding, 0.0)

    def extra_repr(self):
        return f"{self.padding}"


class _ReflectionPad(_Pad):
    mode = "reflect"


class _ReplicationPad(_Pad):
    mode = "replicate"


class _CircularPad(_Pad):
    mode = "circular"


def _layers(base, what):
    """The three layers of one kind, for sequences, images and volumes."""
    name = base.__name__[1:]
    shapes = ("(N, C, L)", "(N, C, H, W)", "(N, C, D, H, W)")
    for rank, shape in enumerate(shapes, 1):
        doc = f"A border of {what} around {shape}; ``padding``: (before, after) of the last first."
        own = {"rank": rank, "__doc__": doc, "__module__": __name__}
        yield type(base)(f"{name}{rank}d", (base,), own)


ConstantPad1d, ConstantPad2d, ConstantPad3d = _layers(_ConstantPad, "one value")
ZeroPad1d, ZeroPad2d, ZeroPad3d = _layers(_ZeroPad, "zeros")
ReflectionPad1d, ReflectionPad2d, ReflectionPad3d = _layers(_ReflectionPad, "mirrored elements")
ReplicationPad1d, ReplicationPad2d, ReplicationPad3d = _layers(_ReplicationPad, "the outermost")
CircularPad1d, CircularPad2d, CircularPad3d = _layers(_CircularPad, "elements of the other side")
