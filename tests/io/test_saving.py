import math
import os
import zipfile
from collections import OrderedDict, namedtuple
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autotensor import Tensor, tensor
from autotensor.io import DataError, load, save

PLANNED = ["safetensors", "npz"]  # which hold tensors, and the plan of what contains them
FORMATS = [*PLANNED, "pt"]
INTEGERS = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
DTYPES = ["bool", *INTEGERS, "float16", "float32", "float64"]


@pytest.fixture(params=FORMATS)
def path(request, tmp_path):
    return tmp_path / f"model.{request.param}"


@pytest.fixture(params=PLANNED)
def planned(request, tmp_path):
    return tmp_path / f"model.{request.param}"


def same(a, b):
    """Equal in structure, types, dtypes and bits."""
    if isinstance(a, Tensor):
        assert isinstance(b, Tensor) and (a.dtype, a.shape) == (b.dtype, b.shape)
        assert np.ascontiguousarray(a.array).tobytes() == np.ascontiguousarray(b.array).tobytes()
    elif isinstance(a, dict):
        assert isinstance(b, dict) and list(a) == list(b)
        assert [type(key) for key in a] == [type(key) for key in b]
        for key in a:
            same(a[key], b[key])
    elif isinstance(a, (list, tuple)):
        assert type(a) is type(b) and len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            same(x, y)
    else:
        assert type(a) is type(b) and (a == b or (math.isnan(a) and math.isnan(b)))


@pytest.mark.parametrize("dtype", [*DTYPES, "complex64"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 4), (2, 3, 4)])
def test_every_dtype_and_shape(path, dtype, shape):
    if path.suffix == ".pt" and dtype in ("uint16", "uint32", "uint64"):
        with pytest.raises(TypeError, match=f"no tensors of {dtype}"):
            save(Tensor(np.zeros(shape, dtype)), path)
        return
    array = np.random.default_rng(0).integers(0, 100, shape).astype(dtype)
    state = {"first": Tensor(np.asarray(array)), "odd": tensor([True]), "last": Tensor(np.ones(3))}
    save(state, path)
    loaded = load(path)
    same(state, loaded)
    loaded["first"].array[...] = 1  # its own, writable memory


def test_nested_containers(path):
    shared = tensor([1.0, 2.0])
    value = {
        "model": OrderedDict([("conv.weight", tensor([[1.5]])), ("conv.bias", shared)]),
        "optimizer": {"state": {0: {"step": 3, "momentum": shared}}, "groups": [{"lr": 0.1}]},
        "conv": {"weight": shared},
        "conv.weight": tensor([7]),
        "history": [(1, 0.5), (2, math.inf), ()],
        "names": ("a\n\0é\ud800", None, True, -(2**70), {None: 1, 2.5: 2, False: 3}),
        "__metadata__": shared,
    }
    save(value, path)
    value["model"] = dict(value["model"])
    same(value, load(path))


@pytest.mark.parametrize(
    "value", [{}, [], (), None, 3, "text", tensor([1.0]), [tensor(2)], {"": tensor(1)}]
)
def test_anything_storable_may_stand_alone(path, value):
    save(value, path)
    same(value, load(path))


def leaves():
    arrays = st.builds(
        lambda dtype, shape: Tensor(np.arange(math.prod(shape)).astype(dtype).reshape(shape)),
        st.sampled_from(["bool", "uint8", "int8", "int64", "float16", "float32", "float64"]),
        st.lists(st.integers(0, 3), max_size=3).map(tuple),
    )
    scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    return arrays | scalars


def containers(children):
    keys = st.text(max_size=4) | st.integers()
    return (
        st.lists(children, max_size=3)
        | st.lists(children, max_size=3).map(tuple)
        | st.dictionaries(keys, children, max_size=4)
    )


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None
)
@given(value=st.recursive(leaves(), containers, max_leaves=8))
def test_what_is_saved_is_loaded(path, value):
    save(value, path)
    same(value, load(path))


def test_strided_and_big_endian_memory(path):
    image = Tensor(np.arange(24.0).reshape(2, 3, 4).transpose(2, 0, 1)[::-1])
    big = Tensor(np.arange(3, dtype=">i4"))
    save({"image": image, "big": big}, path)
    loaded = load(path)
    same(image, loaded["image"])
    assert loaded["big"].dtype == np.int32 and loaded["big"].tolist() == [0, 1, 2]


def test_equal_content_makes_equal_files(path):
    save({"a": tensor([1.0])}, path)
    first = path.read_bytes()
    save({"a": tensor([1.0])}, path)
    assert path.read_bytes() == first


def test_tensors_come_back_without_history(planned):
    weight = tensor([1.0, 2.0], requires_grad=True)
    save({"w": weight, "y": weight * 2}, planned)
    loaded = load(planned)
    assert not loaded["w"].requires_grad and loaded["y"].tolist() == [2, 4]


Pair = namedtuple("Pair", "a b")
itself = []
itself.append(itself)


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        ({"a": tensor(1), "b": {"c": [1, object()]}}, TypeError, r"object at \['b'\]\['c'\]\[1\]"),
        ({"a": np.zeros(2)}, TypeError, r"ndarray at \['a'\]"),
        ({"a": Pair(1, 2)}, TypeError, r"Pair at \['a'\]"),
        ({"a": {(1, 2): 3}}, TypeError, r"dict key of type tuple in \['a'\]"),
        (print, TypeError, "builtin_function_or_method at the top level"),
        (itself, ValueError, "contain themselves"),
    ],
)
def test_what_cannot_be_stored_is_named_before_anything_is_written(planned, value, error, message):
    with pytest.raises(error, match=message):
        save(value, planned)
    assert not planned.exists()


def test_safetensors_has_no_complex128(tmp_path):
    with pytest.raises(TypeError, match=r"cannot hold complex128 \(tensor 'z'\)"):
        save({"z": Tensor(np.zeros(2, complex))}, tmp_path / "a.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_a_failing_disk_leaves_the_old_file(path, monkeypatch):
    save({"a": tensor([1.0])}, path)

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save({"a": tensor([2.0])}, path)
    assert load(path)["a"].tolist() == [1] and list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("name", ["model", "model.pth", "model.safetensors.bak"])
def test_any_other_suffix_is_a_checkpoint(tmp_path, name):
    save({"w": tensor([1.0])}, tmp_path / name)
    assert zipfile.is_zipfile(tmp_path / name) and load(tmp_path / name)["w"].tolist() == [1]


def test_a_missing_file(path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*model"):
        load(path)
    with pytest.raises(FileNotFoundError, match="create it first"):
        save({}, path.parent / "missing" / path.name)


def test_paths_may_be_strings(path):
    save([tensor(1)], str(path))
    assert load(str(path))[0].item() == 1 and Path(path).exists()


@pytest.mark.parametrize("cut", [0, 1, 8, 20, 100, -1, -30])
def test_a_truncated_file_is_named(path, cut):
    save({"weight": Tensor(np.arange(100.0)), "steps": [1, 2]}, path)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DataError, match="save or download it again") as raised:
        load(path)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize("name", FORMATS)
def test_any_single_wrong_byte_is_noticed_or_harmless(tmp_path, name):
    """No byte, however wrong, leads to anything but a DataError or a well-formed value."""
    path = tmp_path / f"a.{name}"
    save({"w": tensor([1.0, 2.0]), "n": [1]}, path)
    whole = path.read_bytes()
    for place in range(len(whole)):
        for wrong in (255 - whole[place], whole[place] ^ 1):
            path.write_bytes(whole[:place] + bytes([wrong]) + whole[place + 1 :])
            try:
                load(path)
            except DataError as error:
                assert str(path) in str(error)


def test_npz_files_of_numpy_load(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", w=np.eye(2, dtype=np.float32), n=np.arange(3))
    loaded = load(tmp_path / "a.npz")
    assert loaded["w"].tolist() == [[1, 0], [0, 1]] and loaded["n"].tolist() == [0, 1, 2]
    save({"w": tensor([1.0]), "file": tensor([2])}, tmp_path / "b.npz")
    with np.load(tmp_path / "b.npz", allow_pickle=False) as archive:
        assert archive["w"].tolist() == [1] and archive["file"].tolist() == [2]


def test_npz_never_unpickles(tmp_path):
    np.savez(tmp_path / "a.npz", bad=np.array([print], dtype=object))
    with pytest.raises(DataError, match="allow_pickle=False"):
        load(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", names=np.array(["a", "b"]))
    with pytest.raises(DataError, match="'names' holds <U1"):
        load(tmp_path / "b.npz")
