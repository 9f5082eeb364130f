"""Saving and loading tensors: PyTorch's checkpoints, safetensors or npz files."""

import os
from pathlib import Path

from autotensor.io import npz, safetensors
from autotensor.io.files import replacing
from autotensor.io.structure import flatten, unflatten


def save(obj, f):
    """Store tensors, or nested dicts, lists and tuples of tensors, numbers, strings and None.

    ``f`` is a path, whose suffix may be .safetensors or .npz; by any other, and in an open binary
    file, the format is PyTorch's. The file appears whole or not at all. Raises TypeError or
    ``pickle.PicklingError`` for what cannot be stored, before anything is written. PyTorch's format
    takes modules, too, but a state_dict can be loaded without the program that made them.
    """
    if hasattr(f, "write"):
        _checkpoint().write(f, obj)
        return
    suffix = Path(f).suffix.lower()
    if suffix not in _BY_SUFFIX:
        with replacing(f) as file:
            _checkpoint().write(file, obj)
        return
    arrays, plan = flatten(obj)
    if suffix == ".npz":
        with replacing(f) as file:
            npz.write(file, arrays, plan)
        return
    pieces = safetensors.encode(arrays, plan)
    header = next(pieces)
    with replacing(f) as file:
        file.write(header)
        file.writelines(pieces)


def load(f, map_location=None, *, weights_only=True, mmap=None):
    """What `save` stored, PyTorch's own checkpoints, or the tensors of a .safetensors or .npz file.

    Nothing in a file is ever executed: with ``weights_only`` it may hold tensors and plain
    containers, and classes named by ``serialization.add_safe_globals``; without, also modules of
    classes that this program has loaded. Raises FileNotFoundError, ``pickle.UnpicklingError`` if a
    file needs more than that, and DataError if it is truncated, corrupt or of another format.
    ``map_location`` and ``mmap`` are accepted, and all memory is the CPU's.
    """
    if hasattr(f, "read"):
        return _checkpoint().read(f, getattr(f, "name", "the file"), weights_only)
    suffix = Path(f).suffix.lower()
    if not os.path.isfile(f):
        raise FileNotFoundError(f"there is no file {os.fspath(f)}: check the name")
    if suffix not in _BY_SUFFIX:
        with open(f, "rb") as file:
            return _checkpoint().read(file, f, weights_only)
    arrays, plan = _BY_SUFFIX[suffix].read(f)
    return unflatten(plan, arrays, f)


_BY_SUFFIX = {".npz": npz, ".safetensors": safetensors}


def _checkpoint():
    from autotensor.io import checkpoint  # zip archives and pickle, which few programs need

    return checkpoint
