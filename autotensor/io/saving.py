"""Saving and loading tensors in safetensors or npz files."""

import os
from pathlib import Path

from autotensor.io import npz, safetensors
from autotensor.io.files import replacing
from autotensor.io.structure import flatten, unflatten


def save(obj, path):
    """Store tensors, or nested dicts, lists and tuples of tensors, numbers, strings and None.

    The suffix of ``path`` is the format: .safetensors or .npz. The file appears whole or not at
    all. Raises TypeError naming the place of anything that cannot be stored, before anything is
    written.
    """
    suffix = _suffix(path)
    arrays, plan = flatten(obj)
    if suffix == ".npz":
        with replacing(path) as file:
            npz.write(file, arrays, plan)
        return
    pieces = safetensors.encode(arrays, plan)
    header = next(pieces)
    with replacing(path) as file:
        file.write(header)
        file.writelines(pieces)


def load(path):
    """What `save` stored, or the tensors by name of any .safetensors or .npz file.

    Nothing in a file is ever executed. Raises FileNotFoundError, and DataError if the file is
    truncated, corrupt or of another format.
    """
    suffix = _suffix(path)
    if not os.path.isfile(path):
        raise FileNotFoundError(f"there is no file {os.fspath(path)}: check the name")
    arrays, plan = (npz if suffix == ".npz" else safetensors).read(path)
    return unflatten(plan, arrays, path)


def _suffix(path):
    suffix = Path(path).suffix.lower()
    if suffix not in (".safetensors", ".npz"):
        raise ValueError(
            f"{os.fspath(path)}: the suffix {suffix!r} is no known format; use .safetensors or .npz"
        )
    return suffix
