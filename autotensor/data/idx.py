"""The IDX format of MNIST: http://yann.lecun.com/exdb/mnist/ (a header, then bytes in C order)."""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from autotensor.io.files import DataError

_GZIP = b"\x1f\x8b"
_UNSIGNED_BYTE = 0x08


def read_idx(path, ndim):
    """The unsigned bytes of an IDX file, plain or gzipped -> uint8 array with ``ndim`` axes.

    Raises FileNotFoundError, and DataError for a truncated, corrupt or different file.
    """
    path = Path(path)
    raw = _unpacked(path)
    header = struct.Struct(f">4x{ndim}I")
    if len(raw) < header.size:
        raise DataError(
            f"{path}: expected a header of {header.size} bytes, found {len(raw)}; the file is "
            "truncated: download it again"
        )
    expected = bytes([0, 0, _UNSIGNED_BYTE, ndim])
    if raw[:4] != expected:
        raise DataError(
            f"{path}: not an IDX file of unsigned bytes with {ndim} axes: expected magic number "
            f"{int.from_bytes(expected, 'big')}, found {int.from_bytes(raw[:4], 'big')}; "
            "check the file name or download the file again"
        )
    shape = header.unpack_from(raw)
    size = header.size + math.prod(shape)
    if len(raw) != size:
        raise DataError(
            f"{path}: the header promises {size} bytes (shape {shape}), found {len(raw)}; "
            "the file is truncated or corrupt: download it again"
        )
    return np.frombuffer(raw, np.uint8, offset=header.size).reshape(shape)


def _unpacked(path):
    """All bytes of a file; the content and not the name tells whether it is gzipped."""
    raw = path.read_bytes()
    if not raw.startswith(_GZIP):
        return raw
    try:
        return gzip.decompress(raw)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(
            f"{path}: the gzip file is truncated or corrupt ({error}); download it again"
        ) from error
