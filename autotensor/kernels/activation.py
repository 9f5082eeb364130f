"""Activations in float32: one pass over memory, on all threads."""

import numpy as np

from autotensor.kernels import threads
from autotensor.kernels.exponential import exp32
from autotensor.kernels.jit import Kernel, serial
from autotensor.kernels.layout import dense, floats
from autotensor.kernels.simd import integers
from autotensor.kernels.special import erf32

_BLOCK = 1 << 14  # elements in one task
_HALF, _ROOT = np.float32(0.5), np.float32(0.5**0.5)
_DENSITY = np.float32((2 * np.pi) ** -0.5)


def relu(x):
    """``max(x, 0)`` of each element, in the memory order of ``x``; NaN stays."""
    return _made(_relu, dense(x))


def relu_grad(g, y):
    """``g`` where the output ``y`` of `relu` is not 0, else 0, even where ``g`` is not finite."""
    return _made(_relu_grad, dense(g, y), dense(y))


def leaky_relu(x, slope):
    """``x`` where x > 0, else ``slope * x``, in the memory order of ``x``."""
    return leaky_relu_grad(x, x, slope)


def leaky_relu_grad(g, x, slope):
    """``g`` where the input ``x`` of `leaky_relu` is positive, else ``slope * g``."""
    return _made(_leaky_relu, dense(g, x), dense(x), after=(np.array([slope], np.float32),))


def gelu(x):
    """``x / 2 * (1 + erf(x / sqrt(2)))`` of each element."""
    return _made(_gelu, dense(x))


def gelu_grad(g, x):
    """``g`` times the slope of `gelu` at ``x``."""
    return _made(_gelu_grad, dense(g, x), dense(x))


def _made(kernel, *arrays, after=()):
    """What a kernel makes of arrays that lie in memory alike, in memory like theirs."""
    made = np.empty_like(arrays[-1])
    threads.launch(kernel, -(-made.size // _BLOCK), *arrays, made, *after, made.size)
    return made


@serial
def _relu_block(x, y):
    for i in range(len(x)):
        y[i] = 0 if x[i] < 0 else x[i]


@serial
def _relu_grad_block(g, y, gx):
    for i in range(len(g)):
        gx[i] = 0 if y[i] == 0 else g[i]


@serial
def _leaky_relu_block(values, x, y, slope):
    for i in range(len(x)):
        y[i] = values[i] if x[i] > 0 else values[i] * slope


@serial
def _gelu_block(x, y):
    for i in range(len(x)):
        y[i] = x[i] * (_HALF + _HALF * erf32(x[i] * _ROOT))


@serial
def _gelu_grad_block(g, x, gx):
    for i in range(len(g)):
        density = _DENSITY * exp32(-_HALF * x[i] * x[i])
        gx[i] = g[i] * (_HALF + _HALF * erf32(x[i] * _ROOT) + x[i] * density)


@serial
def _block(address, task, size):
    start = task * _BLOCK
    return floats(address + 4 * start, 1, min(_BLOCK, size - start))[0]


@Kernel
def _relu(task, worker, arguments):
    x, y, size = integers(arguments, 3)
    _relu_block(_block(x, task, size), _block(y, task, size))


@Kernel
def _relu_grad(task, worker, arguments):
    g, y, gx, size = integers(arguments, 4)
    _relu_grad_block(_block(g, task, size), _block(y, task, size), _block(gx, task, size))


@Kernel
def _leaky_relu(task, worker, arguments):
    values, x, y, slope, size = integers(arguments, 5)
    _leaky_relu_block(_block(values, task, size), _block(x, task, size), _block(y, task, size),
                      floats(slope, 1, 1)[0, 0])  # fmt: skip


@Kernel
def _gelu(task, worker, arguments):
    x, y, size = integers(arguments, 3)
    _gelu_block(_block(x, task, size), _block(y, task, size))


@Kernel
def _gelu_grad(task, worker, arguments):
    g, x, gx, size = integers(arguments, 4)
    _gelu_grad_block(_block(g, task, size), _block(x, task, size), _block(gx, task, size))
