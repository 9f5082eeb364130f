"""Optimizer steps, in place: one pass over a parameter, its gradient and its running averages.

float32 arrays that lie in memory alike run compiled, large ones on all threads; everything else
(float64 above all) runs the NumPy twin, the same formula spelled out. Scalars are combined in
double precision first, so that both round alike.
"""

import functools
import math

import numpy as np
from numba import prange

from autotensor.kernels.jit import parallel, serial

_BLOCK = 1 << 14  # elements a thread takes at a time: five arrays of this length fit in L2
_LARGE = 1 << 18  # below this many elements, waking the threads costs more than they save


def sgd_step(p, g, buf, *, lr, momentum, dampening, weight_decay, nesterov, maximize):
    """``buf = momentum buf + (1 - dampening) d;  p -= lr buf``, where ``d = g + weight_decay p``.

    ``buf`` is None without momentum (``p -= lr d``); Nesterov steps along ``d + momentum buf``.
    """
    sign = -1.0 if maximize else 1.0
    scalars = (lr, momentum, 1 - dampening, weight_decay, sign)
    _run(_sgd, _sgd_threads, _sgd_numpy, (p, g, buf), scalars, nesterov)


@serial
def _sgd(p, g, buf, lr, momentum, keep, weight_decay, sign, nesterov):
    for i in range(p.size):
        d = sign * g[i]
        if weight_decay != 0:
            d += weight_decay * p[i]
        if buf is not None:
            b = momentum * buf[i] + keep * d
            buf[i] = b
            d = d + momentum * b if nesterov else b
        p[i] -= lr * d


@parallel
def _sgd_threads(p, g, buf, lr, momentum, keep, weight_decay, sign, nesterov):
    for block in prange((p.size + _BLOCK - 1) // _BLOCK):
        s = slice(block * _BLOCK, (block + 1) * _BLOCK)
        b = None if buf is None else buf[s]
        _sgd(p[s], g[s], b, lr, momentum, keep, weight_decay, sign, nesterov)


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
    _run(_adam, _adam_threads, _adam_numpy, (p, g, m, v, v_max), scalars)


@serial
def _adam(p, g, m, v, v_max, rate, w1, beta2, w2, correction, eps, weight_decay, shrink, sign):
    for i in range(p.size):
        d = sign * g[i]
        if weight_decay != 0:
            d += weight_decay * p[i]
        m[i] += w1 * (d - m[i])
        v[i] = beta2 * v[i] + w2 * d * d
        top = v[i]
        if v_max is not None:
            top = np.maximum(v_max[i], top)
            v_max[i] = top
        p[i] = shrink * p[i] - rate * m[i] / (math.sqrt(top) * correction + eps)


@parallel
def _adam_threads(
    p, g, m, v, v_max, rate, w1, beta2, w2, correction, eps, weight_decay, shrink, sign
):
    for block in prange((p.size + _BLOCK - 1) // _BLOCK):
        s = slice(block * _BLOCK, (block + 1) * _BLOCK)
        top = None if v_max is None else v_max[s]
        _adam(
            p[s], g[s], m[s], v[s], top,
            rate, w1, beta2, w2, correction, eps, weight_decay, shrink, sign,
        )  # fmt: skip


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
    _run(_rmsprop, _rmsprop_threads, _rmsprop_numpy, (p, g, square_avg, grad_avg, buf), scalars)


@serial
def _rmsprop(p, g, square_avg, grad_avg, buf, lr, alpha, w, eps, weight_decay, momentum, sign):
    for i in range(p.size):
        d = sign * g[i]
        if weight_decay != 0:
            d += weight_decay * p[i]
        square = alpha * square_avg[i] + w * d * d
        square_avg[i] = square
        if grad_avg is not None:
            mean = grad_avg[i] + w * (d - grad_avg[i])
            grad_avg[i] = mean
            square -= mean * mean
        quotient = d / (math.sqrt(square) + eps)
        if buf is not None:
            quotient += momentum * buf[i]
            buf[i] = quotient
        p[i] -= lr * quotient


@parallel
def _rmsprop_threads(
    p, g, square_avg, grad_avg, buf, lr, alpha, w, eps, weight_decay, momentum, sign
):
    for block in prange((p.size + _BLOCK - 1) // _BLOCK):
        s = slice(block * _BLOCK, (block + 1) * _BLOCK)
        mean = None if grad_avg is None else grad_avg[s]
        b = None if buf is None else buf[s]
        _rmsprop(
            p[s], g[s], square_avg[s], mean, b, lr, alpha, w, eps, weight_decay, momentum, sign
        )


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


def _run(one_thread, threads, twin, arrays, scalars, *flags):
    """Run the fastest of three forms of a step that these arrays allow."""
    for a in arrays:
        if a is not None and a.shape != arrays[0].shape:
            raise RuntimeError(
                f"optimizer step: a gradient or state of shape {a.shape} for a parameter of shape "
                f"{arrays[0].shape}; was the parameter replaced, or another model's state loaded?"
            )
    lines = _lines(*arrays)
    if lines is None:
        twin(*arrays, *scalars, *flags)
    else:
        form = threads if lines[0].size >= _LARGE else one_thread
        form(*lines, *_float32(scalars), *flags)


@functools.lru_cache(64)
def _float32(scalars):
    """The same numbers for all parameters of a group, so converted once a step."""
    return tuple(map(np.float32, scalars))


def _lines(p, *others):
    """Flat views of float32 arrays whose elements have the same order in memory, or None.

    The order is that of ``p``. The first of the others, the gradient, is only read: it is copied
    if it lies otherwise.
    """
    order = None if p.flags.c_contiguous else sorted(range(p.ndim), key=lambda i: -p.strides[i])
    lines = []
    for number, a in enumerate((p, *others)):
        if a is not None and order is not None:
            a = a.transpose(order)
        if a is not None and not (a.dtype == np.float32 and a.flags.carray):
            if number != 1:
                return None
            a = a.astype(np.float32, order="C")
        lines.append(None if a is None else a.reshape(-1))
    return lines
