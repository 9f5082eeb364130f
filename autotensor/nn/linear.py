"""Layers that multiply by a matrix."""

from autotensor.creation import empty
from autotensor.nn import check, functional, init
from autotensor.nn.module import Module
from autotensor.nn.parameter import Parameter


class Identity(Module):
    """Return the input; any arguments are accepted and ignored."""

    def __init__(self, *args, **kwargs):
        super().__init__()

    def forward(self, input):
        return input


class Linear(Module):
    """y = x W' + b: (*, in_features) -> (*, out_features)."""

    def __init__(self, in_features, out_features, bias=True, device=None, dtype=None):
        super().__init__()
        self.in_features = check.integer(self, "in_features", in_features)
        self.out_features = check.integer(self, "out_features", out_features)
        made = {"device": device, "dtype": dtype}
        self.weight = Parameter(empty(out_features, in_features, **made))
        self.register_parameter("bias", Parameter(empty(out_features, **made)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self):
        """Draw weight and bias anew, uniform on +-1 / sqrt(in_features)."""
        init.fan_in_uniform_(self.weight, self.bias)

    def forward(self, input):
        return functional.linear(input, self.weight, self.bias)

    def extra_repr(self):
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}"
        )


class Bilinear(Module):
    """y_o = x1' W_o x2 + b_o: (*, in1_features), (*, in2_features) -> (*, out_features)."""

    def __init__(
        self, in1_features, in2_features, out_features, bias=True, device=None, dtype=None
    ):
        super().__init__()
        self.in1_features = check.integer(self, "in1_features", in1_features)
        self.in2_features = check.integer(self, "in2_features", in2_features)
        self.out_features = check.integer(self, "out_features", out_features)
        made = {"device": device, "dtype": dtype}
        self.weight = Parameter(empty(out_features, in1_features, in2_features, **made))
        self.register_parameter("bias", Parameter(empty(out_features, **made)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self):
        """Draw weight and bias anew, uniform on +-1 / sqrt(in1_features)."""
        bound = self.in1_features**-0.5
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input1, input2):
        return functional.bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self):
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, "
            f"out_features={self.out_features}, bias={self.bias is not None}"
        )
