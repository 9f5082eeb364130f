"""Layers that take the number of their inputs from the first input they see.

A lazy layer has parameters without a shape. Its first forward makes the layer that it stands for,
takes over what that one has, and becomes one itself.
"""

import inspect

from autotensor.nn.conv import (
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose1d,
    ConvTranspose2d,
    ConvTranspose3d,
)
from autotensor.nn.linear import Linear
from autotensor.nn.module import BUFFER, PARAMETER, Module
from autotensor.nn.norm import (
    BatchNorm1d,
    BatchNorm2d,
    BatchNorm3d,
    InstanceNorm1d,
    InstanceNorm2d,
    InstanceNorm3d,
)
from autotensor.nn.parameter import UninitializedBuffer, UninitializedParameter, is_lazy


class LazyModuleMixin(Module):
    """What lazy layers share; the second base is the layer to become, ``cls_to_become``.

    Its first argument, the number of inputs, is left out.
    """

    cls_to_become = None
    _width_name = None

    def __init__(self, *args, **options):
        bound = self.__signature__.bind(*args, **options)
        bound.apply_defaults()
        given = bound.arguments
        super().__init__(given.get("groups", 1), **given)  # the least there can be
        self._options = given
        setattr(self, self._width_name, 0)
        for name, value in [*self._own(PARAMETER), *self._own(BUFFER)]:
            if value is not None and value.ndim:
                kind = UninitializedParameter if value.requires_grad else UninitializedBuffer
                self.__dict__[name] = kind(dtype=value.dtype)

    def has_uninitialized_params(self):
        """Whether any parameter or buffer is still without a shape."""
        return any(is_lazy(v) for _, v in [*self._own(PARAMETER), *self._own(BUFFER)])

    def initialize_parameters(self, input, *args, **kwargs):
        """Give the parameters the shapes that ``input`` needs, and their initial values."""
        real = self.cls_to_become(self._width(input), **self._options)
        for name, value in real.__dict__.items():
            if name in self._registry:
                if is_lazy(self.__dict__[name]):
                    self.__dict__[name].become(value.array)
            elif name not in ("training", "_registry", "_non_persistent_buffers_set"):
                self.__dict__[name] = value

    def reset_parameters(self):
        """Draw the parameters anew; nothing happens before they have shapes."""
        if not self.has_uninitialized_params():
            super().reset_parameters()

    def forward(self, input, *args, **kwargs):
        self.initialize_parameters(input)
        del self._options
        self.__class__ = self.cls_to_become
        return self.forward(input, *args, **kwargs)


class _ByFeature(LazyModuleMixin):
    def _width(self, input):
        return input.shape[-1]


class _ByChannel(LazyModuleMixin):
    def _width(self, input):
        self._check_rank(input)
        return input.shape[1]


class _ByConvolution(LazyModuleMixin):
    def _width(self, input):
        if input.ndim not in (self.rank + 1, self.rank + 2):
            raise RuntimeError(
                f"Expected {self.rank + 1}D (unbatched) or {self.rank + 2}D (batched) input to "
                f"{type(self).__name__}, but got input of size: {input.shape}"
            )
        return input.shape[-self.rank - 1]


def _lazy(how, layer, **defaults):
    """The lazy form of ``layer``, with some defaults of its own."""
    doc = f"`{layer.__name__}` that takes the number of its inputs from the first input."
    width, *others = inspect.signature(layer).parameters.values()
    others = [p.replace(default=defaults.get(p.name, p.default)) for p in others]
    own = {
        "__doc__": doc,
        "__module__": __name__,
        "__signature__": inspect.Signature(others),
        "cls_to_become": layer,
        "_width_name": width.name,
    }
    return type(f"Lazy{layer.__name__}", (how, layer), own)


LazyLinear = _lazy(_ByFeature, Linear)
LazyConv1d = _lazy(_ByConvolution, Conv1d)
LazyConv2d = _lazy(_ByConvolution, Conv2d)
LazyConv3d = _lazy(_ByConvolution, Conv3d)
LazyConvTranspose1d = _lazy(_ByConvolution, ConvTranspose1d)
LazyConvTranspose2d = _lazy(_ByConvolution, ConvTranspose2d)
LazyConvTranspose3d = _lazy(_ByConvolution, ConvTranspose3d)
LazyBatchNorm1d = _lazy(_ByChannel, BatchNorm1d)
LazyBatchNorm2d = _lazy(_ByChannel, BatchNorm2d)
LazyBatchNorm3d = _lazy(_ByChannel, BatchNorm3d)
LazyInstanceNorm1d = _lazy(_ByChannel, InstanceNorm1d, affine=True, track_running_stats=True)
LazyInstanceNorm2d = _lazy(_ByChannel, InstanceNorm2d, affine=True, track_running_stats=True)
LazyInstanceNorm3d = _lazy(_ByChannel, InstanceNorm3d, affine=True, track_running_stats=True)
