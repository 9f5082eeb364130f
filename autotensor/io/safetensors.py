"""The safetensors format: a header length (8 bytes, little-endian), a JSON header, then the data.

https://github.com/huggingface/safetensors#format
"""

import json
import math
import os
import struct

import numpy as np

from autotensor.io.files import DataError

_DTYPES = {
    "BOOL": "?",
    "U8": "u1",
    "I8": "i1",
    "U16": "<u2",
    "I16": "<i2",
    "F16": "<f2",
    "U32": "<u4",
    "I32": "<i4",
    "F32": "<f4",
    "U64": "<u8",
    "I64": "<i8",
    "F64": "<f8",
    "C64": "<c8",
}
_NAMES = {np.dtype(code): name for name, code in _DTYPES.items()}
_PLAN = "autotensor"  # the entry of __metadata__ that holds the structure
_HEADER_LIMIT = 100_000_000  # the reference implementation's


def encode(arrays, plan):
    """The pieces of a file, as bytes-like objects; TypeError for a dtype it does not know."""
    header = {} if plan is None else {"__metadata__": {_PLAN: plan}}
    for name, array in arrays.items():
        if array.dtype.newbyteorder("<") not in _NAMES:
            raise TypeError(f"save: safetensors cannot hold {array.dtype} (tensor {name!r})")
        kind = _NAMES[array.dtype.newbyteorder("<")]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": None}
    # Wide elements first: then all are aligned.
    layout = sorted(arrays, key=lambda name: -arrays[name].itemsize)
    end = 0
    for name in layout:
        header[name]["data_offsets"] = [end, end + arrays[name].nbytes]
        end += arrays[name].nbytes
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    yield struct.pack("<Q", len(text)) + text
    for name in layout:
        array = arrays[name]
        yield np.ascontiguousarray(array, array.dtype.newbyteorder("<")).data


def read(path):
    """(arrays by name, plan or None); DataError if the file is not a complete safetensors file.

    bfloat16, which NumPy lacks, becomes float32.
    """
    with open(path, "rb") as file:
        start, header = _read_header(file, path)
        metadata = header.pop("__metadata__", {})
        size = os.fstat(file.fileno()).st_size - start
        _check_extent(header, size, path)
        arrays = {}
        for name, entry in header.items():
            file.seek(start + entry["data_offsets"][0])
            arrays[name] = _read_array(file, entry)
    return arrays, metadata.get(_PLAN)


def _read_header(file, path):
    """(where the data begin, the header as a dict)."""
    size = os.fstat(file.fileno()).st_size
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > _HEADER_LIMIT:
        raise _corrupt(path, f"it does not begin with a header length (it has {size} bytes)")
    if size < 8 + length:
        raise _corrupt(path, f"the header should have {length} bytes, there are {size - 8}")
    try:
        header = json.loads(file.read(length), object_pairs_hook=_unique)
        for name, entry in header.items():
            _check_entry(name, entry)
    except (ValueError, AttributeError, TypeError, KeyError, RecursionError) as error:
        raise _corrupt(path, f"its header is wrong: {error}") from error
    return 8 + length, header


def _unique(pairs):
    if len(dict(pairs)) != len(pairs):
        raise ValueError(f"a name occurs twice among {[name for name, _ in pairs]}")
    return dict(pairs)


def _check_entry(name, entry):
    """Raise ValueError unless dtype, shape and extent of a tensor agree."""
    if name == "__metadata__":
        if type(entry) is not dict:
            raise ValueError(f"__metadata__ is {entry!r} and no dictionary")
        return
    shape, (begin, end) = entry["shape"], entry["data_offsets"]
    if entry["dtype"] not in (*_DTYPES, "BF16"):
        raise ValueError(f"tensor {name!r} has the unsupported dtype {entry['dtype']!r}")
    if not all(type(n) is int and n >= 0 for n in (*shape, begin, end)):
        raise ValueError(f"tensor {name!r} has the shape {shape} at {begin, end}")
    size = math.prod(shape) * _dtype(entry).itemsize
    if end - begin != size:
        raise ValueError(f"tensor {name!r} needs {size} bytes and has {end - begin}")


def _check_extent(header, size, path):
    """The data must follow one another without gaps and end with the file."""
    end = 0
    for begin, stop in sorted(entry["data_offsets"] for entry in header.values()):
        if begin != end:
            raise _corrupt(path, f"the data have a gap or overlap at byte {end}")
        end = stop
    if end != size:
        raise _corrupt(path, f"the data should have {end} bytes, there are {size}")


def _dtype(entry):
    return np.dtype("<u2" if entry["dtype"] == "BF16" else _DTYPES[entry["dtype"]])


def _read_array(file, entry):
    dtype, shape = _dtype(entry), entry["shape"]
    array = np.fromfile(file, dtype, math.prod(shape)).reshape(shape)
    if entry["dtype"] == "BF16":  # the upper half of a float32
        return (array.astype(np.uint32) << 16).view(np.float32)
    return array.astype(dtype.newbyteorder("="), copy=False)


def _corrupt(path, what):
    return DataError(
        f"{path}: cannot be read as safetensors: {what}; if the file is truncated, corrupt or of "
        "another format, save or download it again"
    )
