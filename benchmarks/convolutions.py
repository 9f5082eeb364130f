"""Convolution kernels beside PyTorch's, forward and backward, layer by layer."""

from dataclasses import dataclass

import numpy as np

from autotensor.kernels import conv

from .timing import alternate, ratio


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


NETWORK_A = [
    Layer("A1 32x32 3->32", 128, 32, 3, 32, first=True),
    Layer("A2 32x32 32->32", 128, 32, 32, 32),
    Layer("A3 16x16 32->64", 128, 16, 32, 64),
    Layer("A4 16x16 64->64", 128, 16, 64, 64),
    Layer("A5 8x8 64->128", 128, 8, 64, 128),
    Layer("A6 8x8 128->128", 128, 8, 128, 128),
]
OTHERS = [
    Layer("1x1 8x8 128->10", 128, 8, 128, 10, kernel=1, padding=0),
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


def _torch_candidates(layer, x, w, g):
    try:
        import torch
    except ImportError:
        return {}, {}
    stride, padding, dilation, groups = layer.geometry
    forward, backward = {}, {}
    for name in ("contiguous_format", "channels_last"):
        layout = {"memory_format": getattr(torch, name)}
        tx, tw, tg = (torch.tensor(a).contiguous(**layout) for a in (x, w, g))

        def run(tx=tx, tw=tw):
            return torch.nn.functional.conv2d(tx, tw, None, stride, padding, dilation, groups)

        def run_back(tx=tx, tw=tw, tg=tg):
            wanted = [not layer.first, True, False]
            return torch.ops.aten.convolution_backward(
                tg, tx, tw, None, stride, padding, dilation, False, [0, 0], groups, wanted
            )

        forward[f"torch {name}"], backward[f"torch {name}"] = run, run_back
    return forward, backward


def measure(layer, rounds):
    """``{direction: {candidate: Timing}}`` of one layer."""
    x, w, g = _arrays(layer)
    forward, backward = _torch_candidates(layer, x, w, g)
    forward = {"autotensor": lambda: conv.conv2d(x, w, *layer.geometry), **forward}
    backward = {
        "autotensor": lambda: conv.conv2d_backward(
            x, w, g, *layer.geometry, need_x=not layer.first
        ),
        **backward,
    }
    return {"forward": alternate(forward, rounds), "backward": alternate(backward, rounds)}


def table(layers, rounds):
    """Print a row per layer and a sum; returns them as plain data."""
    rows, sums = [], {}
    print(
        f"{'convolution, ms (median / min)':32}{'':10}{'autotensor':>16}{'torch':>16}{'ratio':>14}"
    )
    for layer in layers:
        for direction, timings in measure(layer, rounds).items():
            row = {"layer": layer.name, "direction": direction}
            ours, others = timings.pop("autotensor"), list(timings.values())
            for what in ("median", "min"):
                row[f"autotensor_{what}_ms"] = 1e3 * getattr(ours, what)
                if others:
                    row[f"torch_{what}_ms"] = 1e3 * min(getattr(t, what) for t in others)
                    row[f"ratio_{what}"] = ratio(ours, others, what)
            rows.append(row)
            _print(row)
            for key, value in row.items():
                if key.endswith("_ms"):
                    total = sums.setdefault(direction, {})
                    total[key] = total.get(key, 0) + value
    for direction, total in sums.items():
        for what in ("median", "min"):
            if f"torch_{what}_ms" in total:
                total[f"ratio_{what}"] = total[f"autotensor_{what}_ms"] / total[f"torch_{what}_ms"]
        rows.append({"layer": "sum", "direction": direction, **total})
        _print(rows[-1])
    return rows


def _print(row):
    def pair(name, digits):
        values = [row.get(f"{name.format(what)}") for what in ("median", "min")]
        return " / ".join("-" if v is None else f"{v:.{digits}f}" for v in values)

    print(
        f"{row['layer']:32}{row['direction']:10}{pair('autotensor_{}_ms', 2):>16}"
        f"{pair('torch_{}_ms', 2):>16}{pair('ratio_{}', 2):>14}",
        flush=True,
    )
