"""The bytes of the format, against its description."""

import json
import struct

import numpy as np
import pytest

from autotensor import tensor
from autotensor.io import DataError, load, save


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.safetensors"


def entry(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def write(path, header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + data)


def test_layout_of_a_file(path):
    save({"flag": tensor([True, False, True]), "w": tensor([[1.0, 2.0]])}, path)
    raw = path.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    assert length % 8 == 0  # so that the data are aligned
    header = json.loads(raw[8 : 8 + length])
    assert header == {"flag": entry("BOOL", [3], 8, 11), "w": entry("F32", [1, 2], 0, 8)}
    assert list(header) == ["flag", "w"]
    assert raw[8 + length :] == np.float32([1, 2]).tobytes() + b"\1\0\1"


def test_files_of_others_load(path):
    header = {"__metadata__": {"format": "pt"}, "a": entry("I16", [2], 0, 4)}
    write(path, header, np.int16([3, -4]).tobytes())
    assert load(path)["a"].tolist() == [3, -4]


def test_bfloat16_is_widened(path):
    write(path, {"a": entry("BF16", [3], 0, 6)}, np.uint16([0x3F80, 0xC000, 0x7F80]).tobytes())
    loaded = load(path)["a"]
    assert loaded.dtype == np.float32 and loaded.tolist() == [1, -2, np.inf]


FOUR = b"\0" * 4
WRONG = [
    ({"a": entry("F32", [1], 0, 4)}, b"", None, "should have 4 bytes, there are 0"),
    ({"a": entry("F32", [1], 0, 4)}, FOUR + b"x", None, "should have 4 bytes, there are 5"),
    ({"a": entry("F32", [1], 0, 4)}, FOUR, 1000, "header should have 1000 bytes"),
    ({"a": entry("F32", [1], 0, 4)}, FOUR, 2**62, "header length"),
    ({"a": entry("F32", [2], 0, 4)}, FOUR, None, "'a' needs 8 bytes and has 4"),
    ({"a": entry("F32", [1], 4, 8)}, FOUR * 2, None, "gap or overlap at byte 0"),
    ({"a": entry("F32", [1], -4, 0)}, FOUR, None, "'a' has the shape"),
    ({"a": entry("F32", [-1, -1], 0, 4)}, FOUR, None, r"'a' has the shape \[-1, -1\]"),
    ({"a": entry("F32", [1.0], 0, 4)}, FOUR, None, r"'a' has the shape \[1\.0\]"),
    ({"a": entry("F8_E4M3", [4], 0, 4)}, FOUR, None, "unsupported dtype 'F8_E4M3'"),
    ({"a": {"dtype": "F32"}}, FOUR, None, "header is wrong: 'shape'"),
    ({"a": [1, 2]}, FOUR, None, "header is wrong"),
    ([1, 2], b"", None, "header is wrong"),
    (b"{not json", b"", None, "header is wrong"),
    (b"[" * 100_000, b"", None, "header is wrong"),
    ({"__metadata__": 3}, b"", None, "__metadata__ is 3"),
    (b'{"a": {}, "a": {}}', b"", None, "a name occurs twice"),
    ({"__metadata__": {"autotensor": "{"}}, b"", None, "structure entry is corrupt"),
    ({"__metadata__": {"autotensor": 5}}, b"", None, "structure entry is corrupt"),
    ({"__metadata__": {"autotensor": "[1]"}}, b"", None, "structure entry is corrupt"),
    ({"__metadata__": {"autotensor": '{"tensor": "b"}'}}, b"", None, "structure entry"),
    ({"__metadata__": {"autotensor": '{"dict": [[[], 1]]}'}}, b"", None, "structure entry"),
    ({"__metadata__": {"autotensor": '{"set": []}'}}, b"", None, "unknown container 'set'"),
]


@pytest.mark.parametrize(("header", "data", "length", "message"), WRONG)
def test_wrong_files(path, header, data, length, message):
    write(path, header, data, length)
    with pytest.raises(DataError, match=message) as raised:
        load(path)
    assert str(path) in str(raised.value)


def test_overlapping_tensors(path):
    header = {"a": entry("F32", [2], 0, 8), "b": entry("F32", [1], 4, 8)}
    write(path, header, FOUR * 2)
    with pytest.raises(DataError, match="gap or overlap at byte 8"):
        load(path)
