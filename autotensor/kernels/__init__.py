"""Compiled inner loops: NumPy arrays in, NumPy arrays out, no knowledge of tensors.

A kernel is looked up here by name (``kernels.conv2d``) and its file is imported at first use, so
that ``import autotensor`` does not load Numba.
"""

from importlib import import_module

_HOMES = {
    "activation": "relu relu_grad leaky_relu leaky_relu_grad gelu gelu_grad",
    "attention": "attend attend_grad whole_panels_fit",
    "image": "resample",
    "special": "erf erfc erfinv lgamma polygamma",
    "reference": "",
    "conv": "conv2d conv2d_moments conv2d_input_grad conv2d_input_grad_sums conv2d_weight_grad "
    "conv2d_parameter_grads conv2d_shape takes_normalised get_precision set_precision",
    "matrix": "matmul",
    "layer_norm": "layer_norm layer_norm_grad",
    "norm": "channel_statistics channel_sum normalised normalise batch_norm_grad",
    "recurrent": "recurrence recurrence_grad",
    "pool": "max_pool2d max_pool2d_grad max_pool2d_take avg_pool2d avg_pool2d_grad",
    "scratch": "memory_stats release_memory",
    "scatter": "add_rows",
    "softmax": "cross_entropy cross_entropy_grad",
    "threads": "get_num_threads set_num_threads",
    "update": "sgd_step adam_step rmsprop_step",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}


def __getattr__(name):
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no kernel {name!r}")
    kernel = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = kernel  # the next look-up is a plain attribute
    return kernel
