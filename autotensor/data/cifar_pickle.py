"""The pickled form of CIFAR-10, read without running anything that a pickle may name."""

import io
import pickle

import numpy as np

from autotensor.io.files import DataError


class _Stated:
    """Stands for any NumPy object in a pickle: keeps its arguments and state, does nothing."""

    def __init__(self, *args):
        self.args = args

    def __setstate__(self, state):
        self.state = state


class _Unpickler(pickle.Unpickler):
    """Builds numbers, strings and containers; of all names, only those of arrays are let in."""

    NAMES = (
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        ("numpy.core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "_reconstruct"),
    )

    def find_class(self, module, name):
        if (module, name) not in self.NAMES:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return _Stated


def read_pickle(raw, path, records):
    """The pixels (records, 3072) and labels (records,) in the bytes of a Python batch."""
    try:
        content = _Unpickler(io.BytesIO(raw), encoding="bytes").load()
        content = {_text(key): value for key, value in content.items()}
        pixels = _uint8_array(content["data"])
        labels = np.array(content["labels"], dtype=np.int64)
    except Exception as error:  # a broken pickle can fail in any way
        raise DataError(
            f"{path}: not a pickled CIFAR-10 batch ({type(error).__name__}: {error}); the file is "
            "truncated, corrupt or something else: get it again"
        ) from error
    if pixels.shape != (records, 3072) or labels.shape != (records,):
        raise DataError(
            f"{path}: expected {records} images of 3072 pixels and as many labels, found "
            f"{pixels.shape} and {labels.shape}; get the file again"
        )
    return pixels, labels


def _uint8_array(stated):
    """The array whose pickled state was kept: (version, shape, dtype, column-major?, bytes)."""
    _, shape, dtype, column_major, content = stated.state
    if _text(dtype.args[0]) != "u1":
        raise ValueError(f"data are {_text(dtype.args[0])} and not u1")
    order = "F" if column_major else "C"
    return np.frombuffer(content, np.uint8).reshape(shape, order=order)


def _text(value):
    return value.decode("ascii") if isinstance(value, bytes) else value
