"""NumPy's .npz: a zip archive with one .npy file an array. Nothing is ever pickled."""

import io
import zipfile

import numpy as np

from autotensor.io.files import DataError

_PLAN = "__structure__"


def write(file, arrays, plan):
    """Write arrays and plan into an open binary file."""
    if plan is not None:
        arrays = {**arrays, _PLAN: np.array(plan)}
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(name + ".npy")  # dated 1980: equal content, equal files
            with archive.open(entry, "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def read(path):
    """(arrays by name, plan or None); DataError if the file is not a complete .npz of numbers."""
    with open(path, "rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                names = archive.namelist()
                arrays = {name.removesuffix(".npy"): _read_array(archive, name) for name in names}
            plan = arrays.pop(_PLAN).item() if _PLAN in arrays else None
        except Exception as error:  # a broken archive can fail in any way
            raise DataError(
                f"{path}: cannot be read as .npz: {error}; if the file is truncated, corrupt or "
                "of another format, save or download it again"
            ) from error
    for name, array in arrays.items():
        if array.dtype.kind not in "biufc":
            raise DataError(
                f"{path}: the array {name!r} holds {array.dtype}; a tensor holds numbers or truth "
                "values"
            )
    return arrays, plan


def _read_array(archive, name):
    content = io.BytesIO(archive.read(name))  # whole, so that the check sum comes first
    array = np.lib.format.read_array(content, allow_pickle=False)
    return array.astype(array.dtype.newbyteorder("="), copy=False)
