"""The rectifier in float32: one pass over memory, on all threads."""

import numpy as np

from autotensor.kernels import threads
from autotensor.kernels.jit import Kernel, serial
from autotensor.kernels.layout import dense, floats
from autotensor.kernels.simd import integers

_BLOCK = 1 << 14  # elements in one task


def relu(x):
    """``max(x, 0)`` of each element, in the memory order of ``x``; NaN stays."""
    x = dense(x)
    y = np.empty_like(x)
    _launch(_relu, x, y)
    return y


def relu_grad(g, y):
    """``g`` where the output ``y`` of `relu` is not 0, else 0, even where ``g`` is not finite."""
    y = dense(y)
    gx = np.empty_like(y)
    _launch(_relu_grad, dense(g, y), y, gx)
    return gx


def _launch(kernel, *arrays):
    size = arrays[0].size
    threads.launch(kernel, -(-size // _BLOCK), *arrays, size)


@serial
def _relu_block(x, y):
    for i in range(len(x)):
        y[i] = 0 if x[i] < 0 else x[i]


@serial
def _relu_grad_block(g, y, gx):
    for i in range(len(g)):
        gx[i] = 0 if y[i] == 0 else g[i]


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
