"""Optimizer steps, in place: one pass over a parameter, its gradient and its running averages.

float32 arrays that lie in memory alike run compiled, large ones on all threads; everything else
(float64 above all) runs the NumPy twin, the same formula spelled out. Scalars are combined in
double precision first, so that both round alike. Compiled steps take them as one array, and
0 for the address of a state that the algorithm does without: they are compiled once, called fast.
"""

import functools
import math

import numpy as np

from autotensor.kernels import threads
from autotensor.kernels.jit import Kernel, serial
from autotensor.kernels.layout import floats
from autotensor.kernels.simd import integers

_BLOCK = 1 << 14  # elements in one task: five arrays of this length fit in the second-level cache
_LARGE = 1 << 18  # below this many elements, waking the threads costs more than it saves
_FLOAT32 = np.dtype(np.float32)


def sgd_step(p, g, buf, *, lr, momentum, dampening, weight_decay, nesterov, maximize):
    """``buf = momentum buf + (1 - dampening) d;  p -= lr buf``, where ``d = g + weight_decay p``.

    ``buf`` is None without momentum (``p -= lr d``); Nesterov steps along ``d + momentum buf``.
    """
    sign = -1.0 if maximize else 1.0
    scalars = (lr, momentum, 1 - dampening, weight_decay, sign, nesterov)
    _run(_sgd_task, _sgd_numpy, (p, g, buf), scalars)


@serial
def _sgd(p, g, buf, scalars):
    lr, momentum, keep, weight_decay, sign, nesterov = scalars[:6]
    for i in range(p.size):
        d = sign * g[i]
        d = d + weight_decay * p[i] if weight_decay != 0 else d
        if buf.size:
            b = momentum * buf[i] + keep * d
            buf[i] = b
            d = d + momentum * b if nesterov else b
        p[i] -= lr * d


@Kernel
def _sgd_task(task, worker, arguments):
    scalars, size, block, p, g, buf = integers(arguments, 6)
    p, g = _part(p, task, size, block), _part(g, task, size, block)
    _sgd(p, g, _part(buf, task, size, block), floats(scalars, 1, 6)[0])


def _sgd_numpy(p, g, buf, lr, momentum, keep, weight_decay, sign, nesterov):
    d = _ascent(p, g, weight_decay, sign)
    if buf is not None:
        buf *= momentum
        buf += keep * d
        d = d + momentum * buf if nesterov else buf
    p -= lr * d


def adam_step(p, g, m, v, v_max, *, step, lr, beta1, beta2, eps, weight_decay, decoupled, maximize):
    """``p -= lr m' / (sqrt(v') + eps)`` with the bias-corrected running means of ``g`` and ``g g``.

    ``m = beta1 m + (1 - beta1) d, m' = m / (1 - beta1^step)``, ``v`` likewise with ``beta2``;
    ``d = g + weight_decay p``, or with ``decoupled`` decay ``d = g, p *= 1 - lr weight_decay``
    first. ``v_max`` (or None) is AMSGrad's running maximum of ``v``, which then divides.
    """
    sign = -1.0 if maximize else 1.0
    shrink = 1 - lr * weight_decay if decoupled else 1.0
    rate = lr / (1 - beta1**step)
    correction = 1 / math.sqrt(1 - beta2**step)
    decay = 0.0 if decoupled else weight_decay
    scalars = (rate, 1 - beta1, beta2, 1 - beta2, correction, eps, decay, shrink, sign)
    _run(_adam_task, _adam_numpy, (p, g, m, v, v_max), scalars)


@serial
def _adam(p, g, m, v, v_max, scalars):
    rate, w1, beta2, w2, correction, eps, weight_decay, shrink, sign = scalars
    for i in range(p.size):
        d = sign * g[i]
        d = d + weight_decay * p[i] if weight_decay != 0 else d
        m[i] += w1 * (d - m[i])
        v[i] = beta2 * v[i] + w2 * d * d
        top = v[i]
        if v_max.size:
            top = np.maximum(v_max[i], top)
            v_max[i] = top
        p[i] = shrink * p[i] - rate * m[i] / (math.sqrt(top) * correction + eps)


@Kernel
def _adam_task(task, worker, arguments):
    scalars, size, block, p, g, m, v, v_max = integers(arguments, 8)
    p, g = _part(p, task, size, block), _part(g, task, size, block)
    m, v = _part(m, task, size, block), _part(v, task, size, block)
    v_max = _part(v_max, task, size, block)
    _adam(p, g, m, v, v_max, floats(scalars, 1, 9)[0])


def _adam_numpy(
    p, g, m, v, v_max, rate, w1, beta2, w2, correction, eps, weight_decay, shrink, sign
):
    d = _ascent(p, g, weight_decay, sign)
    m += w1 * (d - m)
    v *= beta2
    v += w2 * d * d
    if v_max is not None:
        np.maximum(v_max, v, out=v_max)
        v = v_max
    p *= shrink
    p -= rate * m / (np.sqrt(v) * correction + eps)


def rmsprop_step(
    p, g, square_avg, grad_avg, buf, *, lr, alpha, eps, weight_decay, momentum, maximize
):
    """``p -= lr d / (sqrt(square_avg) + eps)``, where ``d = g + weight_decay p``.

    ``square_avg`` is the running mean of ``d d``; with ``grad_avg`` (or None), that of ``d``, the
    variance ``square_avg - grad_avg^2`` divides. ``buf`` (or None) accumulates the quotients:
    ``buf = momentum buf + quotient;  p -= lr buf``.
    """
    sign = -1.0 if maximize else 1.0
    scalars = (lr, alpha, 1 - alpha, eps, weight_decay, momentum, sign)
    _run(_rmsprop_task, _rmsprop_numpy, (p, g, square_avg, grad_avg, buf), scalars)


@serial
def _rmsprop_elements(p, g, square_avg, grad_avg, buf, scalars):
    lr, alpha, w, eps, weight_decay, momentum, sign = scalars
    for i in range(p.size):
        d = sign * g[i]
        d = d + weight_decay * p[i] if weight_decay != 0 else d
        square = alpha * square_avg[i] + w * d * d
        square_avg[i] = square
        if grad_avg is not None:
            mean = grad_avg[i] + w * (d - grad_avg[i])
            grad_avg[i] = mean
            square -= mean * mean
        quotient = d / (math.sqrt(square) + eps)
        if buf.size:
            quotient += momentum * buf[i]
            buf[i] = quotient
        p[i] -= lr * quotient


@serial
def _rmsprop(p, g, square_avg, grad_avg, buf, scalars):
    if grad_avg.size:  # decided here, since LLVM takes one decision out of a loop, but not two
        _rmsprop_elements(p, g, square_avg, grad_avg, buf, scalars)
    else:
        _rmsprop_elements(p, g, square_avg, None, buf, scalars)


@Kernel
def _rmsprop_task(task, worker, arguments):
    scalars, size, block, p, g, square_avg, grad_avg, buf = integers(arguments, 8)
    p, g = _part(p, task, size, block), _part(g, task, size, block)
    square_avg, buf = _part(square_avg, task, size, block), _part(buf, task, size, block)
    grad_avg = _part(grad_avg, task, size, block)
    _rmsprop(p, g, square_avg, grad_avg, buf, floats(scalars, 1, 7)[0])


def _rmsprop_numpy(
    p, g, square_avg, grad_avg, buf, lr, alpha, w, eps, weight_decay, momentum, sign
):
    d = _ascent(p, g, weight_decay, sign)
    square_avg *= alpha
    square_avg += w * d * d
    square = square_avg
    if grad_avg is not None:
        grad_avg += w * (d - grad_avg)
        square = square_avg - grad_avg * grad_avg
    quotient = d / (np.sqrt(square) + eps)
    if buf is not None:
        buf *= momentum
        buf += quotient
        quotient = buf
    p -= lr * quotient


def _ascent(p, g, weight_decay, sign):
    """The direction that the objective grows in, decay included; in new memory unless it is g."""
    d = g if sign > 0 else -g
    return d + weight_decay * p if weight_decay != 0 else d


@serial
def _part(address, task, size, block):
    """The elements that belong to one task; none of an array that is not there."""
    start = task * block
    return floats(address + 4 * start, 1, min(block, size - start) if address else 0)[0]


def _run(kernel, twin, arrays, scalars):
    """Run a step compiled if these arrays allow it, otherwise in NumPy."""
    size, shape = arrays[0].size, arrays[0].shape
    for a in arrays:
        if a is not None and a.shape != shape:
            raise RuntimeError(
                f"optimizer step: a gradient or state of shape {a.shape} for a parameter of shape "
                f"{shape}; was the parameter replaced, or another model's state loaded?"
            )
    lines = _lines(arrays)
    if lines is None:
        twin(*arrays, *scalars)
        return
    block = _BLOCK if size >= _LARGE else _LARGE
    threads.launch(kernel, -(-size // block), _float32(*scalars), size, block, *lines)


@functools.lru_cache(64)
def _float32(*scalars):
    """The same numbers for all parameters of a group, so converted once a step."""
    return np.array(scalars, np.float32)


def _lines(arrays):
    """The arrays as kernels take them, 0 for None; or None if they cannot be walked side by side.

    That is, float32 arrays whose elements have the order in memory of the first, the parameter.
    The second, the gradient, is only read: it is copied if it lies otherwise.
    """
    p, lines = arrays[0], []
    order = None if p.flags.c_contiguous else sorted(range(p.ndim), key=lambda i: -p.strides[i])
    for a in arrays:
        if a is None:
            lines.append(0)
            continue
        if order is not None:
            a = a.transpose(order)
        if not (a.flags.carray and a.dtype == _FLOAT32):
            if len(lines) != 1:
                return None
            a = a.astype(np.float32, order="C")
        lines.append(a)
    return lines
