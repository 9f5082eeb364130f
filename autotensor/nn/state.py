"""What a module holds, as a dict of tensors: out of it, into it, and converted in place."""

from typing import NamedTuple

import numpy as np

from autotensor import devices
from autotensor.dtypes import as_dtype
from autotensor.memory import overwrite
from autotensor.nn.hooks import hooks_of
from autotensor.nn.parameter import is_lazy
from autotensor.tensor import Tensor

_EXTRA = "_extra_state"  # the key of what get_extra_state() of a module returns


class Stateful:
    """What modules do about their values: convert them, give them out, take them in."""

    _optional_state = frozenset()  # own names that a state_dict may lack (see BatchNorm)

    def to(self, *args, **kwargs):
        """Convert floating-point parameters and buffers: ``to(dtype)``, ``to("cpu")``, both,
        or ``to(tensor)`` for the dtype of a tensor. Returns ``self``."""
        convert(self, target_dtype(*args, **kwargs))
        return self

    def float(self):
        """Convert to float32."""
        return self.to(np.float32)

    def double(self):
        """Convert to float64."""
        return self.to(np.float64)

    def half(self):
        """Convert to float16."""
        return self.to(np.float16)

    def cpu(self):
        """Return ``self``: all memory is the CPU's."""
        return self

    def cuda(self, device=None):
        """RuntimeError: there is no such device."""
        return self.to("cuda")

    def state_dict(self, *, destination=None, prefix="", keep_vars=False):
        """All parameters and persistent buffers by path, detached unless ``keep_vars``.

        The tensors share memory with the module's.
        """
        return collect(self, {} if destination is None else destination, prefix, keep_vars)

    def load_state_dict(self, state_dict, strict=True):
        """Copy tensors or arrays into the parameters and buffers of the same path.

        Returns ``(missing_keys, unexpected_keys)``. With ``strict`` there must be none;
        RuntimeError lists all that does not fit, before anything is written.
        """
        return load(self, state_dict, strict)

    def type(self, dst_type):
        """Convert floating-point parameters and buffers to a dtype; return ``self``."""
        return self.to(dst_type)

    def share_memory(self):
        """Return ``self``: threads share memory as it is."""
        return self

    def to_empty(self, *, device, recurse=True):
        """Return ``self``: all memory is the CPU's, and values stay."""
        devices.check(device, "Module.to_empty")
        return self

    def compile(self, *args, **kwargs):
        """Do nothing: kernels are compiled already."""


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
    owners = list(_owners(module, prefix))
    for stem, owner in owners:
        for hook in hooks_of(owner, "state_dict_pre"):
            hook(owner, stem, keep_vars)
        for key, tensor, _ in _entries(owner, stem):
            destination[key] = tensor if keep_vars or is_lazy(tensor) else tensor.detach()
        if hasattr(type(owner), "get_extra_state"):
            destination[stem + _EXTRA] = owner.get_extra_state()
    for stem, owner in reversed(owners):
        for hook in hooks_of(owner, "state_dict_post"):
            if hook(owner, destination, stem, {}) is not None:
                raise RuntimeError("state_dict post-hook must return None")
    return destination


def load(module, state_dict, strict):
    """Copy the values of ``state_dict`` into ``module``; everything is checked before."""
    if not hasattr(state_dict, "keys"):
        raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
    state_dict, owners = dict(state_dict), list(_owners(module, ""))
    keys, errors = IncompatibleKeys([], []), []
    for stem, owner in owners:
        for hook in hooks_of(owner, "load_pre"):
            hook(owner, state_dict, stem, {}, strict, *keys, errors)
    entries = [entry for stem, owner in owners for entry in _entries(owner, stem)]
    extra = {stem + _EXTRA: o for stem, o in owners if hasattr(type(o), "set_extra_state")}
    expected = {key for key, _, _ in entries} | extra.keys()
    missing = [key for key, _, optional in entries if key not in state_dict and not optional]
    keys.missing_keys.extend(missing + [key for key in extra if key not in state_dict])
    keys.unexpected_keys.extend(key for key in state_dict if key not in expected)
    copies = []
    for key, tensor, _ in entries:
        if key in state_dict and not (is_lazy(tensor) and is_lazy(state_dict[key])):
            array, error = _fitting(key, state_dict[key], tensor)
            copies.append((tensor, array))
            errors += [error] if error else []
    after = [(hook, o) for _, o in reversed(owners) for hook in hooks_of(o, "load_post")]
    # Hooks after loading may excuse keys; where there are none, nothing is written in vain.
    _raise_errors(module, errors, keys if strict and not after else None)
    for tensor, array in copies:
        if is_lazy(tensor):
            tensor.materialize(array.shape)
        overwrite(tensor, array)
    for key in extra.keys() & state_dict.keys():
        extra[key].set_extra_state(state_dict[key])
    for hook, owner in after:
        if hook(owner, keys) is not None:
            raise AssertionError("a hook after load_state_dict changes the lists, it returns None")
    _raise_errors(module, [], keys if strict else None)
    return keys


def _raise_errors(module, errors, keys):
    """Raise RuntimeError with what is wrong: ``errors``, and the ``keys`` if given."""
    named = {"Missing": keys.missing_keys, "Unexpected": keys.unexpected_keys} if keys else {}
    listed = [f"{what} key(s) in state_dict: {_quoted(k)}. " for what, k in named.items() if k]
    if listed or errors:
        text = "\n\t".join(listed + errors)
        name = type(module).__name__
        raise RuntimeError(f"Error(s) in loading state_dict for {name}:\n\t{text}")


def _owners(module, prefix):
    """Every module, before those below it, with what its keys begin with."""
    for path, owner in module.named_modules(remove_duplicate=False):
        yield prefix + (f"{path}." if path else ""), owner


def _entries(owner, stem):
    """``(key, tensor, may be missing)`` of a module's own state, parameters before buffers."""
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
