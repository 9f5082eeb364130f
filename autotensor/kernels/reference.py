"""Convolution and pooling in NumPy, for any dtype: float64 runs here, and the compiled kernels
are tested against it.

Images are logical (N, C, H, W) of any strides and are worked on as (N, H, W, C). A convolution is
one matrix product per group: every output position becomes a row of its window's values ("im2col",
Chellapilla, Puri, Simard 2006). A 1x1 window at stride 1 is a row already, and nothing is copied.
Rows are made for a few images at a time, so that they are multiplied while still in the cache.

Pooling windows are described per axis by an integer array (output size, 3) whose lines are the
start, stop and step of each window, clipped to the image. A position inside a window is its ordinal
in row order.
"""

import numpy as np
from numpy.lib.stride_tricks import as_strided

_BLOCK_BYTES = 1 << 21
_quiet = np.errstate(over="ignore", invalid="ignore")  # infinity and NaN are values like others


@_quiet
def conv2d(x, w, stride, padding, dilation, groups):
    """Slide the filters over the image: (N, C, H, W) * (O, C/groups, KH, KW) -> (N, O, OH, OW)."""
    n, c, *size = x.shape
    kernel = w.shape[2:]
    out_size = tuple(map(_out_size, size, kernel, stride, padding, dilation))
    x = _channels_last(x, padding)
    matrix = _weight_matrix(w, groups)
    out = np.empty((n, *out_size, w.shape[0]), x.dtype)
    rows = _rows(out, groups)
    for images, positions in _blocks(n, out_size, c * kernel[0] * kernel[1] * x.itemsize):
        columns = _columns(x[images], kernel, out_size, stride, dilation, groups)
        np.matmul(columns, matrix, out=rows[:, positions])
    return out.transpose(0, 3, 1, 2)


@_quiet
def conv2d_input_grad(g, w, x_shape, stride, padding, dilation, groups):
    """Adjoint of `conv2d` in ``x``: (N, O, OH, OW) * (O, C/groups, KH, KW) -> (N, C, H, W)."""
    n, c, height, width = x_shape
    (kh, kw), (oh, ow) = w.shape[2:], g.shape[2:]
    rows = _rows(_channels_last(g), groups)
    matrix = _weight_matrix(w, groups).transpose(0, 2, 1)
    gx = np.zeros(
        (n, height + 2 * padding[0], width + 2 * padding[1], groups, c // groups), g.dtype
    )
    for images, positions in _blocks(n, (oh, ow), c * kh * kw * g.itemsize):
        columns = rows[:, positions] @ matrix
        columns = columns.reshape(groups, len(gx[images]), oh, ow, kh, kw, c // groups)
        columns = columns.transpose(4, 5, 1, 2, 3, 0, 6)
        for i, j in np.ndindex(kh, kw):
            reached_rows = _reach(i, oh, stride[0], dilation[0])
            reached_cols = _reach(j, ow, stride[1], dilation[1])
            gx[images, reached_rows, reached_cols] += columns[i, j]
    gx = gx.reshape(*gx.shape[:3], c)
    gx = gx[:, padding[0] : padding[0] + height, padding[1] : padding[1] + width]
    return np.ascontiguousarray(gx).transpose(0, 3, 1, 2)


@_quiet
def conv2d_weight_grad(x, g, w_shape, stride, padding, dilation, groups):
    """Adjoint of `conv2d` in ``w``: (N, C, H, W) * (N, O, OH, OW) -> (O, C/groups, KH, KW)."""
    o, c, kh, kw = w_shape
    x = _channels_last(x, padding)
    rows = _rows(_channels_last(g), groups)
    gw = np.zeros((groups, kh * kw * c, o // groups), x.dtype)
    for images, positions in _blocks(len(x), g.shape[2:], groups * c * kh * kw * x.itemsize):
        columns = _columns(x[images], (kh, kw), g.shape[2:], stride, dilation, groups)
        gw += columns.transpose(0, 2, 1) @ rows[:, positions]
    gw = gw.reshape(groups, kh, kw, c, o // groups).transpose(0, 4, 3, 1, 2)
    return np.ascontiguousarray(gw).reshape(w_shape)


def max_pool2d(x, rows, cols):
    """The largest value of each window and its ordinal: (N, C, H, W) -> two of (N, C, OH, OW).

    The first of equal values counts, but the last NaN, as in PyTorch. An empty window gives the
    lowest value of the dtype.
    """
    n, c = x.shape[:2]
    x = x.transpose(0, 2, 3, 1)
    lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    out = np.full((n, len(rows), len(cols), c), lowest, x.dtype)
    arg = np.zeros(out.shape, ordinal_dtype(rows, cols))
    for position, window in _windows(rows, cols):
        values = _flat(x[window])
        if not values.size:
            continue
        found = values.argmax(axis=1)
        out[position] = np.take_along_axis(values, found[:, None], axis=1)[:, 0]
        last_nan = values.shape[1] - 1 - np.isnan(values[:, ::-1]).argmax(axis=1)
        arg[position] = np.where(np.isnan(out[position]), last_nan, found)
    return out.transpose(0, 3, 1, 2), arg.transpose(0, 3, 1, 2)


@_quiet
def max_pool2d_grad(g, arg, x_shape, rows, cols):
    """Adjoint of `max_pool2d`, adding up where windows overlap: (N, C, OH, OW) -> (N, C, H, W)."""
    gx, g, arg = _image(x_shape, g.dtype), g.transpose(0, 2, 3, 1), arg.transpose(0, 2, 3, 1)
    for position, window in _windows(rows, cols):
        target = gx[window]
        ordinals = np.arange(target.shape[1] * target.shape[2]).reshape(*target.shape[1:3], 1)
        target += np.where(
            ordinals == arg[position][:, None, None], g[position][:, None, None], g.dtype.type(0)
        )
    return gx.transpose(0, 3, 1, 2)


def max_pool2d_take(x, arg, rows, cols):
    """The value of each window at a given ordinal: (N, C, H, W) -> (N, C, OH, OW)."""
    x, arg = x.transpose(0, 2, 3, 1), arg.transpose(0, 2, 3, 1)
    out = np.zeros(arg.shape, x.dtype)
    for position, window in _windows(rows, cols):
        values = _flat(x[window])
        if values.size:
            ordinals = arg[position][:, None].astype(np.intp)
            out[position] = np.take_along_axis(values, ordinals, axis=1)[:, 0]
    return out.transpose(0, 3, 1, 2)


@_quiet
def avg_pool2d(x, rows, cols, divisor):
    """The sum of each window over its divisor (OH, OW): (N, C, H, W) -> (N, C, OH, OW)."""
    n, c = x.shape[:2]
    x = x.transpose(0, 2, 3, 1)
    out = np.empty((n, len(rows), len(cols), c), x.dtype)
    for position, window in _windows(rows, cols):
        out[position] = x[window].sum(axis=(1, 2))
    out /= divisor.astype(x.dtype)[..., None]
    return out.transpose(0, 3, 1, 2)


@_quiet
def avg_pool2d_grad(g, x_shape, rows, cols, divisor):
    """Adjoint of `avg_pool2d`: (N, C, OH, OW) -> (N, C, H, W)."""
    gx = _image(x_shape, g.dtype)
    share = (g / divisor.astype(g.dtype)).transpose(0, 2, 3, 1)
    for position, window in _windows(rows, cols):
        gx[window] += share[position][:, None, None]
    return gx.transpose(0, 3, 1, 2)


def ordinal_dtype(rows, cols):
    """The integer type that holds every position inside a pooling window."""
    axes = (windows.T for windows in (rows, cols))
    height, width = ((-((start - stop) // step)).max(initial=0) for start, stop, step in axes)
    return np.uint8 if height * width <= 256 else np.int32


def _image(shape, dtype):
    """Zeros (N, H, W, C) for a shape (N, C, H, W)."""
    n, c, height, width = shape
    return np.zeros((n, height, width, c), dtype)


def _flat(window):
    """(N, KH, KW, C) -> (N, KH * KW, C)."""
    n, height, width, c = window.shape
    return window.reshape(n, height * width, c)


def _windows(rows, cols):
    """Each output position with the window that belongs to it, as indices into (N, H, W, C)."""
    for i, row in enumerate(rows.tolist()):
        for j, col in enumerate(cols.tolist()):
            yield (slice(None), i, j), (slice(None), slice(*row), slice(*col))


def _out_size(size, kernel, stride, padding, dilation):
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def _reach(offset, out_size, stride, dilation):
    """The padded input positions that one filter offset meets, as a slice."""
    first = offset * dilation
    return slice(first, first + (out_size - 1) * stride + 1, stride)


def _channels_last(x, padding=(0, 0)):
    """(N, C, H, W) of any strides -> contiguous (N, H, W, C) with zeros around."""
    x = x.transpose(0, 2, 3, 1)
    if not any(padding):
        return np.ascontiguousarray(x)
    (n, height, width, c), (top, left) = x.shape, padding
    padded = np.zeros((n, height + 2 * top, width + 2 * left, c), x.dtype)
    padded[:, top : top + height, left : left + width] = x
    return padded


def _weight_matrix(w, groups):
    """(O, C/groups, KH, KW) -> (groups, KH * KW * C/groups, O/groups)."""
    o, c, kh, kw = w.shape
    w = w.reshape(groups, o // groups, c, kh, kw).transpose(0, 3, 4, 2, 1)
    return w.reshape(groups, kh * kw * c, o // groups)


def _rows(image, groups):
    """(N, H, W, C) -> view (groups, N * H * W, C/groups)."""
    n, height, width, c = image.shape
    return image.reshape(n * height * width, groups, c // groups).transpose(1, 0, 2)


def _columns(x, kernel, out_size, stride, dilation, groups):
    """Window values: padded (N, H, W, C) -> (groups, N * OH * OW, KH * KW * C/groups)."""
    n, _, _, c = x.shape
    c //= groups
    along_n, along_h, along_w, along_c = x.strides
    windows = as_strided(
        x,
        (groups, n, *out_size, *kernel, c),
        (
            *(c * along_c, along_n, along_h * stride[0], along_w * stride[1]),
            *(along_h * dilation[0], along_w * dilation[1], along_c),
        ),
        writeable=False,
    )
    return windows.reshape(groups, n * out_size[0] * out_size[1], kernel[0] * kernel[1] * c)


def _blocks(n, out_size, row_bytes):
    """Pairs of slices, over images and over their output positions, that split the batch."""
    area = out_size[0] * out_size[1]
    step = max(1, _BLOCK_BYTES // max(1, area * row_bytes))
    for start in range(0, n, step):
        stop = min(start + step, n)
        yield slice(start, stop), slice(start * area, stop * area)
