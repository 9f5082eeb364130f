"""What a module holds, as a dict of tensors: out of it, into it, and converted in place."""

from typing import NamedTuple

import numpy as np

from autotensor import devices
from autotensor.dtypes import as_dtype
from autotensor.memory import overwrite
from autotensor.nn.parameter import is_lazy
from autotensor.tensor import Tensor


class IncompatibleKeys(NamedTuple):
    """What a state_dict lacked and what nothing asked for."""

    missing_keys: list
    unexpected_keys: list

    def __repr__(self):
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return (
            f"IncompatibleKeys(missing_keys={self.missing_keys}, "
            f"unexpected_keys={self.unexpected_keys})"
        )


def collect(module, destination, prefix, keep_vars):
    """Enter all parameters and persistent buffers of ``module`` into ``destination``."""
    for key, tensor, _ in _entries(module, prefix):
        destination[key] = tensor if keep_vars or is_lazy(tensor) else tensor.detach()
    return destination


def load(module, state_dict, strict):
    """Copy the values of ``state_dict`` into ``module``; everything is checked before."""
    if not hasattr(state_dict, "keys"):
        raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
    entries = list(_entries(module, ""))
    expected = {key for key, _, _ in entries}
    missing = [key for key, _, optional in entries if key not in state_dict and not optional]
    unexpected = [key for key in state_dict if key not in expected]
    errors = []
    if strict and missing:
        errors.append(f"Missing key(s) in state_dict: {_quoted(missing)}. ")
    if strict and unexpected:
        errors.append(f"Unexpected key(s) in state_dict: {_quoted(unexpected)}. ")
    copies = []
    for key, tensor, _ in entries:
        if key in state_dict:
            if is_lazy(tensor) and is_lazy(state_dict[key]):
                continue
            array, error = _fitting(key, state_dict[key], tensor)
            copies.append((tensor, array))
            errors += [error] if error else []
    if errors:
        name = type(module).__name__
        raise RuntimeError(f"Error(s) in loading state_dict for {name}:\n\t" + "\n\t".join(errors))
    for tensor, array in copies:
        if is_lazy(tensor):
            tensor.materialize(array.shape)
        overwrite(tensor, array)
    return IncompatibleKeys(missing, unexpected)


def _entries(module, prefix):
    """``(key, tensor, may be missing)`` of all state, parameters before buffers in each module."""
    for path, owner in module.named_modules(remove_duplicate=False):
        stem = prefix + (f"{path}." if path else "")
        transient = owner._non_persistent_buffers_set
        for name, tensor in [*owner._own("parameter"), *owner._own("buffer")]:
            if tensor is not None and name not in transient:
                yield stem + name, tensor, name in owner._optional_state


def _fitting(key, value, tensor):
    """``value`` as an array for ``tensor``, and what is wrong with it (None: nothing)."""
    if is_lazy(value):
        return None, f"{key}: an uninitialized parameter has no values to copy."
    if isinstance(value, Tensor):
        array = value.array
    elif isinstance(value, np.ndarray) or hasattr(value, "__array__"):
        array = np.asarray(value)
    else:
        return None, (
            f'While copying the parameter named "{key}", expected a Tensor or an array '
            f"from checkpoint but received {type(value)}"
        )
    if not is_lazy(tensor) and array.shape != tensor.shape:
        return None, (
            f"size mismatch for {key}: copying a param with shape {array.shape} from checkpoint, "
            f"the shape in current model is {tensor.shape}."
        )
    if not np.can_cast(array.dtype, tensor.dtype, "same_kind") and array.dtype.kind not in "biuf":
        return None, (
            f"dtype mismatch for {key}: copying a param of {array.dtype} from checkpoint, "
            f"the dtype in current model is {tensor.dtype}."
        )
    return array, None


def _quoted(keys):
    return ", ".join(f'"{key}"' for key in keys)


def target_dtype(*args, dtype=None, device=None, non_blocking=False, memory_format=None):
    """The dtype that the arguments of ``Module.to`` ask for; None for no change."""
    for value in args:
        if isinstance(value, Tensor):
            dtype = value.dtype
        elif devices.is_device(value):
            device = value
        elif value is not None:
            dtype = value
    devices.check(device, "Module.to")
    if dtype is None:
        return None
    dtype = as_dtype(dtype)
    if dtype.kind != "f":
        raise TypeError(
            f"nn.Module.to only accepts floating point dtypes, but got desired dtype={dtype}"
        )
    return dtype


def convert(module, dtype):
    """Convert floating-point parameters, with their gradients, and buffers to ``dtype``."""
    if dtype is None:
        return
    for tensor in [*module.parameters(), *module.buffers()]:
        if is_lazy(tensor):
            tensor.convert(dtype)
        elif tensor.dtype.kind == "f" and tensor.dtype != dtype:
            grad = tensor.grad
            tensor.data = Tensor(tensor.array.astype(dtype))
            if grad is not None:
                tensor.grad = Tensor(grad.array.astype(dtype))
