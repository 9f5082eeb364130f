"""Normalisation of rows in float32, each in one visit to the cache: layer norm and its gradient.

Rows are the last ``weight.size`` elements of an array of any strides. Gradients of weight and bias
are summed over blocks of rows in float32, and over blocks in float64; the blocks depend on the
shape alone, so results are the same for any number of threads.
"""

import math

import numpy as np

from autotensor.kernels import threads
from autotensor.kernels.jit import Kernel, serial
from autotensor.kernels.layout import floats
from autotensor.kernels.simd import integers

_BLOCK = 1 << 14  # elements in one task


def layer_norm(x, weight, bias, eps):
    """``(x - mean) / sqrt(var + eps) * weight + bias`` in each row: (*, D), (D,), (D,) -> (*, D).

    The second value is what the gradient needs: mean and ``1 / sqrt(var + eps)``, (2, rows).
    """
    rows = np.ascontiguousarray(x).reshape(-1, weight.size)
    factors = np.concatenate([weight, bias, [eps]], dtype=np.float32)
    y, scales = np.empty_like(rows), np.empty((2, len(rows)), np.float32)
    step, tasks = _partition(rows)
    addresses = (a.ctypes.data for a in (rows, factors, y, scales))
    threads.launch(_layer_norm, tasks, *addresses, *rows.shape, step)
    return y.reshape(x.shape), scales


def layer_norm_grad(g, x, weight, scales):
    """Gradients in x, weight and bias: (*, D), (*, D), (D,) -> (*, D), (D,), (D,).

    ``gx = (h - average(h) - x^ * average(h * x^)) / std`` with ``h = g * weight`` and
    ``x^ = (x - mean) / std`` (Ba, Kiros and Hinton 2016).
    """
    g_rows, x_rows = (np.ascontiguousarray(a).reshape(-1, weight.size) for a in (g, x))
    weight = np.ascontiguousarray(weight)
    step, tasks = _partition(x_rows)
    gx, parts = np.empty_like(x_rows), np.zeros((tasks, 2, weight.size), np.float32)
    addresses = (a.ctypes.data for a in (g_rows, x_rows, weight, scales, gx, parts))
    threads.launch(_layer_norm_grad, tasks, *addresses, *x_rows.shape, step)
    weight_grad, bias_grad = parts.sum(0, dtype=np.float64).astype(np.float32)
    return gx.reshape(x.shape), weight_grad, bias_grad


def _partition(rows):
    """``(rows of a task, number of tasks)``."""
    step = max(1, _BLOCK // rows.shape[1])
    return step, -(-len(rows) // step)


@serial
def _normalise_rows(x, weight, bias, eps, y, mean, inverse_std):
    width = np.float32(x.shape[1])
    for i in range(len(x)):
        row, out = x[i], y[i]
        total = np.float32(0)
        for k in range(len(row)):
            total += row[k]
        near = total / width
        rest, squares = np.float32(0), np.float32(0)
        for k in range(len(row)):
            rest += row[k] - near
            squares += (row[k] - near) * (row[k] - near)
        rest /= width  # what rounding kept from the mean
        center = near + rest
        scale = np.float32(1 / math.sqrt(squares / width - rest * rest + eps))
        for k in range(len(row)):
            out[k] = (row[k] - center) * scale * weight[k] + bias[k]
        mean[i], inverse_std[i] = center, scale


@serial
def _grad_rows(g, x, weight, mean, inverse_std, gx, weight_grad, bias_grad):
    width = np.float32(x.shape[1])
    for i in range(len(x)):
        row, gradient, out, center, scale = x[i], g[i], gx[i], mean[i], inverse_std[i]
        h_sum, product_sum = np.float32(0), np.float32(0)
        for k in range(len(row)):
            h = gradient[k] * weight[k]
            h_sum += h
            product_sum += h * ((row[k] - center) * scale)
        h_sum, product_sum = h_sum / width, product_sum / width
        for k in range(len(row)):
            exact = (row[k] - center) * scale
            out[k] = (gradient[k] * weight[k] - h_sum - exact * product_sum) * scale
        for k in range(len(row)):
            weight_grad[k] += gradient[k] * ((row[k] - center) * scale)
            bias_grad[k] += gradient[k]


@Kernel
def _layer_norm(task, worker, arguments):
    x, factors, y, scales, rows, width, step = integers(arguments, 7)
    a, b = task * step, min((task + 1) * step, rows)
    x, y, scales = floats(x, rows, width), floats(y, rows, width), floats(scales, 2, rows)
    factors = floats(factors, 1, 2 * width + 1)[0]
    weight, bias = factors[:width], factors[width : 2 * width]
    _normalise_rows(
        x[a:b], weight, bias, factors[2 * width], y[a:b], scales[0][a:b], scales[1][a:b]
    )


@Kernel
def _layer_norm_grad(task, worker, arguments):
    g, x, weight, scales, gx, parts, rows, width, step = integers(arguments, 9)
    a, b = task * step, min((task + 1) * step, rows)
    g, x, gx = floats(g, rows, width), floats(x, rows, width), floats(gx, rows, width)
    weight, scales = floats(weight, 1, width)[0], floats(scales, 2, rows)
    part = floats(parts + task * 8 * width, 2, width)
    mean, inverse_std = scales[0][a:b], scales[1][a:b]
    _grad_rows(g[a:b], x[a:b], weight, mean, inverse_std, gx[a:b], part[0], part[1])
