"""How many floating-point operations a kernel was asked for: those of the plain algorithm.

A multiplication and an addition are two, whatever the kernel saves (Winograd's does).
"""

import os
from math import prod

import numpy as np

from autotensor import kernels

_FOLDER = os.path.dirname(kernels.__file__)


def _product(a, b, **_):
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return prod(batch) * prod(a.shape[-2:]) * b.shape[-1]


def _filters(x, w, stride, padding, dilation, groups, **_):
    n, _, *size = kernels.conv2d_shape(x.shape, w.shape, stride, padding, dilation, groups)
    return n * prod(size) * w.size


def _filters_to_input(g, w, **_):
    return len(g) * prod(g.shape[2:]) * w.size


def _filters_to_weight(g, w_shape, **_):
    return len(g) * prod(g.shape[2:]) * prod(w_shape)


def _steps(x, w_ih, w_hh, **_):
    return prod(x.shape[:2]) * (w_ih.size + w_hh.size)


def _steps_back(mode, g, w_ih, w_hh, wants_x, **_):
    steps = len(g) - (mode == "lstm")  # its last cell state comes after the hidden states
    return steps * g.shape[1] * (w_ih.size * (1 + wants_x) + w_hh.size * 2)


_MULTIPLICATIONS = {  # of kernels, by file and name
    ("matrix", "matmul"): _product,
    ("conv", "conv2d"): _filters,
    ("conv", "conv2d_input_grad"): _filters_to_input,
    ("conv", "conv2d_weight_grad"): _filters_to_weight,
    ("conv", "conv2d_parameter_grads"): _filters_to_weight,
    ("recurrent", "recurrence"): _steps,
    ("recurrent", "recurrence_grad"): _steps_back,
}


def _key(code):
    folder, file = os.path.split(code.co_filename)
    return folder == _FOLDER and (os.path.splitext(file)[0], code.co_name)


def is_kernel(code):
    """Whether the work of functions that run ``code`` is known."""
    return _key(code) in _MULTIPLICATIONS


def kernel_work(frame):
    """The floating-point operations of a call; 0 if another kernel made it, which counts them."""
    if os.path.dirname(frame.f_back.f_code.co_filename) == _FOLDER:
        return 0
    return 2 * _MULTIPLICATIONS[_key(frame.f_code)](**frame.f_locals)
