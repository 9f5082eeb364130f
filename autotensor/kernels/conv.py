"""Convolution and its two adjoints: which kernel does the work is chosen here, by shape and dtype.

All take and return logical (N, C, H, W) arrays of any strides; images come back as transposed
views of fresh (N, H, W, C) arrays. ``stride``, ``padding`` and ``dilation`` are pairs of ints, and
the padding is the same on both sides.
"""

import math
import os

import numpy as np

from autotensor.kernels import reference

_SMALL = 1 << 14  # multiplications below which NumPy's few calls are quicker
_precision = "high"


def set_precision(level):
    """``"high"`` allows fast algorithms with a relative error of 1e-5; ``"highest"`` does not."""
    global _precision
    if level not in ("high", "highest"):
        raise ValueError(f'precision: expected "high" or "highest", got {level!r}')
    _precision = level


def get_precision():
    """What `set_precision` was last given."""
    return _precision


def _is_compiled(x, w_shape, pixels):
    """Whether the compiled kernels take it: float32, and enough work to be worth the call."""
    enough = pixels * math.prod(w_shape) >= _SMALL
    return enough and x.dtype == np.float32 and os.environ.get("NUMBA_DISABLE_JIT", "0") == "0"


def _is_winograd(w_shape, out_size, stride, dilation, groups):
    """3x3 at stride 1 with enough channels and pixels that fewer products pay for transforms."""
    o, c, *kernel = w_shape
    plain = kernel == [3, 3] and tuple(stride) == tuple(dilation) == (1, 1) and groups == 1
    return plain and _precision == "high" and min(o, c) >= 8 and max(out_size) > 2


def _winograd(out):
    """The form of the algorithm that suits the size of its output, (N, OH, OW, O)."""
    from autotensor.kernels import winograd, winograd_wide

    return winograd_wide if winograd_wide.is_wide(out.shape) else winograd


def _pixels(x, dense=False):
    """(N, C, H, W) of any strides as (N, H, W, C), channels contiguous; copied only if needed."""
    if not isinstance(x, np.ndarray):  # a `normalised` image, or none to gather for
        return x and x._replace(x=_pixels(x.x, dense))
    rows = x.transpose(0, 2, 3, 1)
    usable = rows.flags.c_contiguous if dense else rows.strides[3] == rows.itemsize
    return rows if usable and rows.flags.aligned else np.ascontiguousarray(rows)


def _window(w_shape, stride, padding, dilation):
    return (*w_shape[2:], *stride, *dilation, *padding)


def conv2d_shape(x_shape, w_shape, stride, padding, dilation, groups):
    """The shape of what `conv2d` gives, (N, O, OH, OW)."""
    return (x_shape[0], w_shape[0], *_out_size(x_shape, w_shape, stride, padding, dilation))


def _out_size(x_shape, w_shape, stride, padding, dilation):
    geometry = zip(x_shape[2:], w_shape[2:], stride, padding, dilation, strict=True)
    return tuple((size + 2 * p - d * (k - 1) - 1) // s + 1 for size, k, s, p, d in geometry)


def _is_depthwise(w_shape, groups):
    """One filter per channel, and channels enough for a vector."""
    return w_shape[:2] == (groups, 1) and groups >= 16


def _is_pointwise(window, groups):
    """1x1 at stride 1 without padding: a product of matrices."""
    return groups == 1 and window[:4] == (1, 1, 1, 1) and window[6:] == (0, 0)


def _by_groups(w, groups):
    """(O, C/groups, KH, KW) -> (groups, O/groups, C/groups, KH, KW), a view."""
    return w.reshape(groups, -1, *w.shape[1:])


def _turned(w, groups):
    """The filters of the adjoint at stride 1: rotated by 180 degrees, channels exchanged."""
    return _by_groups(w, groups)[..., ::-1, ::-1].swapaxes(1, 2)


def takes_normalised(image, w_shape, stride, padding, dilation, groups):
    """Whether the kernels of a convolution and its weight's gradient normalise as they read."""
    pixels = len(image.x) * math.prod(_out_size(image.shape, w_shape, stride, padding, dilation))
    window = _window(w_shape, stride, padding, dilation)
    suits = _is_depthwise(w_shape, groups) or _is_pointwise(window, groups)
    return suits and _is_compiled(image, w_shape, pixels)


def conv2d(x, w, stride, padding, dilation, groups, bias=None, rectified=False):
    """Slide the filters over the image: (N, C, H, W) * (O, C/groups, KH, KW) -> (N, O, OH, OW).

    With a bias (O,) added; if ``rectified``, what is then below 0 becomes 0. The image may be a
    `normalised` one if the kernel `takes_normalised`.
    """
    return _conv2d(x, w, stride, padding, dilation, groups, bias, rectified)[0]


def conv2d_moments(x, w, stride, padding, dilation, groups, bias=None):
    """What `conv2d` gives; and the mean and the variance (biased) of its channels, in float64."""
    y, found = _conv2d(x, w, stride, padding, dilation, groups, bias, False, "moments")
    if found is None:
        from autotensor.kernels import norm

        found = norm.channel_statistics(y)
    return y, *found


def _conv2d(x, w, stride, padding, dilation, groups, bias, rectified, gathered=None):
    """The convolution, and what was to be gathered if the same pass gives it, or None."""
    out_size = _out_size(x.shape, w.shape, stride, padding, dilation)
    shape = (x.shape[0], *out_size, w.shape[0])
    if not _is_compiled(x, w.shape, math.prod(shape[:3])):
        y = reference.conv2d(x, w, stride, padding, dilation, groups)
        return _finished(y, bias, rectified), None
    from autotensor.kernels import depthwise, direct, pointwise
    from autotensor.kernels.layout import aligned

    out, found = aligned(shape), None
    window = _window(w.shape, stride, padding, dilation)
    if _is_winograd(w.shape, out_size, stride, dilation, groups):
        _winograd(out).convolve(_pixels(x), w.transpose(1, 0, 2, 3), out, padding, bias, rectified)
    elif _is_depthwise(w.shape, groups):
        gathered = gathered if bias is None else None
        found = depthwise.convolve(_pixels(x, dense=True), w, out, window, gathered=gathered)
        _finished(out.transpose(0, 3, 1, 2), bias, rectified)
    elif _is_pointwise(window, groups):
        image = _pixels(x, dense=True)
        found = pointwise.convolve(image, w, out, bias, rectified, gathered)
    else:
        direct.convolve(_pixels(x), _by_groups(w, groups), out, window, bias, rectified)
    return out.transpose(0, 3, 1, 2), found


def _finished(y, bias, rectified):
    """What some kernels leave to be done, in place."""
    with np.errstate(over="ignore", invalid="ignore"):
        if bias is not None:
            y += bias[:, None, None]
        return np.maximum(y, 0, out=y) if rectified else y


def conv2d_input_grad(g, w, x_shape, stride, padding, dilation, groups, bias=None):
    """Adjoint of `conv2d` in ``x``: (N, O, OH, OW) * (O, C/groups, KH, KW) -> (N, C, H, W).

    With a bias (C,) added, as a transposed convolution has it.
    """
    return _input_grad(g, w, x_shape, stride, padding, dilation, groups, bias)[0]


def conv2d_input_grad_sums(g, w, image, stride, padding, dilation, groups):
    """What `conv2d_input_grad` gives, and what `batch_norm_grad` sums of it for this image.

    The sums are None where the same pass does not give them.
    """
    return _input_grad(g, w, image.shape, stride, padding, dilation, groups, None, image)


def _input_grad(g, w, x_shape, stride, padding, dilation, groups, bias, gathered=None):
    n, c, height, width = x_shape
    if not _is_compiled(g, w.shape, n * height * width):
        gx = reference.conv2d_input_grad(g, w, x_shape, stride, padding, dilation, groups)
        return _finished(gx, bias, False), None
    from autotensor.kernels import depthwise, direct, pointwise
    from autotensor.kernels.layout import aligned

    out, found = aligned((n, height, width, c)), None
    window = _window(w.shape, stride, padding, dilation)
    turned = tuple(d * (k - 1) - p for k, d, p in zip(w.shape[2:], dilation, padding, strict=True))
    gathered = _pixels(gathered, dense=True)
    if _is_winograd(w.shape, (height, width), stride, dilation, groups):
        _winograd(out).convolve(_pixels(g), w[:, :, ::-1, ::-1], out, turned, bias)
    elif _is_depthwise(w.shape, groups):
        found = depthwise.convolve(_pixels(g, dense=True), w, out, window, True, gathered)
        _finished(out.transpose(0, 3, 1, 2), bias, False)
    elif _is_pointwise(window, groups):
        rows, w = _pixels(g, dense=True), w.swapaxes(0, 1)
        found = pointwise.convolve(rows, w, out, bias, gathered=gathered)
    elif tuple(stride) == (1, 1) and min(turned) >= 0 and w.shape[1] >= 8:
        window = _window(w.shape, stride, turned, dilation)
        direct.convolve(_pixels(g), _turned(w, groups), out, window, bias)
    else:
        direct.input_gradient(_pixels(g, dense=True), _by_groups(w, groups), out, window)
        _finished(out.transpose(0, 3, 1, 2), bias, False)
    return out.transpose(0, 3, 1, 2), found


def conv2d_weight_grad(x, g, w_shape, stride, padding, dilation, groups):
    """Adjoint of `conv2d` in ``w``: (N, C, H, W) * (N, O, OH, OW) -> (O, C/groups, KH, KW)."""
    return _weight_grad(x, g, w_shape, stride, padding, dilation, groups, biased=False)[0]


def conv2d_parameter_grads(x, g, w_shape, stride, padding, dilation, groups):
    """What `conv2d_weight_grad` gives, and the adjoint in the bias, (O,)."""
    gw, sums = _weight_grad(x, g, w_shape, stride, padding, dilation, groups, biased=True)
    if sums is None:
        from autotensor.kernels import norm

        sums = norm.channel_sum(g)
    return gw, sums


def _weight_grad(x, g, w_shape, stride, padding, dilation, groups, biased):
    """The weight's gradient; and the sums over ``g``, where the same pass gives them, or None."""
    if not _is_compiled(x, w_shape, g.size // max(1, g.shape[1])):
        gw = reference.conv2d_weight_grad(x, g, w_shape, stride, padding, dilation, groups)
        return gw, g.sum((0, 2, 3))
    from autotensor.kernels import depthwise, direct, pointwise

    out = np.empty(w_shape, np.float32)
    window = _window(w_shape, stride, padding, dilation)
    if _is_winograd(w_shape, g.shape[2:], stride, dilation, groups):
        w, rows = out.transpose(1, 0, 2, 3), _pixels(g)
        return out, _winograd(rows).weight_gradient(_pixels(x), rows, w, padding)
    if _is_depthwise(w_shape, groups):
        depthwise.weight_gradient(*(_pixels(a, dense=True) for a in (x, g)), out, window)
        return out, None
    if _is_pointwise(window, groups):
        rows = (_pixels(a, dense=True) for a in (x, g))
        return out, pointwise.weight_gradient(*rows, out, biased)
    w = _by_groups(out, groups)
    return out, direct.weight_gradient(_pixels(x), _pixels(g, dense=True), w, window)
