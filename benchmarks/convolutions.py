"""Convolution kernels beside PyTorch's, forward and backward, layer by layer."""

from dataclasses import dataclass

import numpy as np

from autotensor.kernels import conv

from .libraries import load
from .report import row, total
from .timing import alternate


@dataclass(frozen=True)
class Layer:
    """One convolution: images of ``size`` x ``size`` pixels, filters of ``kernel`` x ``kernel``."""

    name: str
    batch: int
    size: int
    channels: int
    out_channels: int
    kernel: int = 3
    stride: int = 1
    padding: int = 1
    dilation: int = 1
    groups: int = 1
    first: bool = False  # the images need no gradient

    @property
    def geometry(self):
        """As the kernels take it."""
        pairs = ((value, value) for value in (self.stride, self.padding, self.dilation))
        return (*pairs, self.groups)

    @property
    def flop(self):
        """Of one pass by the definition, a multiply-add being two; for stride 1, same size."""
        taps = self.kernel**2 * self.channels // self.groups
        return 2 * self.batch * self.size**2 * self.out_channels * taps


NETWORK_A = [
    Layer("A1 32x32 3->32", 128, 32, 3, 32, first=True),
    Layer("A2 32x32 32->32", 128, 32, 32, 32),
    Layer("A3 16x16 32->64", 128, 16, 32, 64),
    Layer("A4 16x16 64->64", 128, 16, 64, 64),
    Layer("A5 8x8 64->128", 128, 8, 64, 128),
    Layer("A6 8x8 128->128", 128, 8, 128, 128),
]
CLASS_MAPS = Layer("1x1 8x8 128->10", 128, 8, 128, 10, kernel=1, padding=0)
OTHERS = [
    CLASS_MAPS,
    Layer("1x1 16x16 64->128", 64, 16, 64, 128, kernel=1, padding=0),
    Layer("stride 2 16x16 64->128", 64, 16, 64, 128, stride=2),
    Layer("dilation 2 16x16 64->64", 64, 16, 64, 64, padding=2, dilation=2),
    Layer("4 groups 16x16 64->64", 64, 16, 64, 64, groups=4),
    Layer("depthwise 16x16 64", 64, 16, 64, 64, groups=64),
    Layer("depthwise stride 2 16x16 128", 64, 16, 128, 128, stride=2, groups=128),
    Layer("7x7 stride 2 64x64 3->64", 16, 64, 3, 64, kernel=7, stride=2, padding=3, first=True),
    Layer("5x5 14x14 6->16", 128, 14, 6, 16, kernel=5, padding=0),
]


def _arrays(layer):
    rng = np.random.default_rng(0)
    x_shape = (layer.batch, layer.size, layer.size, layer.channels)
    x = rng.standard_normal(x_shape, np.float32).transpose(0, 3, 1, 2)
    w_shape = (layer.out_channels, layer.channels // layer.groups, layer.kernel, layer.kernel)
    w = rng.standard_normal(w_shape, np.float32)
    y = conv.conv2d(x, w, *layer.geometry)
    g = rng.standard_normal(y.transpose(0, 2, 3, 1).shape, np.float32).transpose(0, 3, 1, 2)
    return x, w, g


def _torch_candidates(name, layer, x, w, g):
    """PyTorch's forward and backward in the memory format of ``name``."""
    library = load(name)
    torch, aten = library.module, library.module.ops.aten
    layout = {"memory_format": getattr(torch, library.memory_format)}
    tx, tw, tg = (torch.tensor(array).contiguous(**layout) for array in (x, w, g))
    stride, padding, dilation, groups = layer.geometry
    geometry = (stride, padding, dilation, False, [0, 0], groups)
    wanted = [not layer.first, True, False]
    return (
        lambda: aten.convolution(tx, tw, None, *geometry),
        lambda: aten.convolution_backward(tg, tx, tw, None, *geometry, wanted),
    )


def _layer_rows(layer, setup):
    """The rows of one layer: forward, backward."""
    x, w, g = _arrays(layer)
    geometry = layer.geometry

    def backward():
        if not layer.first:
            conv.conv2d_input_grad(g, w, x.shape, *geometry)
        conv.conv2d_weight_grad(x, g, w.shape, *geometry)

    candidates = {"autotensor": (lambda: conv.conv2d(x, w, *geometry), backward)}
    for name in setup.names[1:]:
        candidates[name] = _torch_candidates(name, layer, x, w, g)
    for i, direction in enumerate(("forward", "backward")):
        functions = {name: both[i] for name, both in candidates.items()}
        yield row(f"{layer.name} {direction}", "ms", alternate(functions, setup.rounds))


def network_a(setup):
    """The 3x3 convolutions of network A, kernels alone, and their sums."""
    pairs = [tuple(_layer_rows(layer, setup)) for layer in NETWORK_A]
    forward, backward = map(list, zip(*pairs, strict=True))
    return [
        *forward,
        *backward,
        total("3x3 convolutions of network A, forward", forward),
        total("3x3 convolutions of network A, backward", backward),
    ]


def others(setup):
    """Other geometries."""
    return [found for layer in OTHERS for found in _layer_rows(layer, setup)]
