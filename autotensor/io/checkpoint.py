"""PyTorch's checkpoint files: a zip archive with one pickle, and one entry for each storage.

The pickle is read by an unpickler that knows tensors, plain containers and, where asked for,
classes of modules that the program itself has loaded; nothing else in a file is ever looked up,
so nothing that comes with it is executed. Tensors that share memory do so again after loading.
"""

import io
import pickle
import sys
import zipfile
from collections import Counter, OrderedDict, defaultdict
from contextlib import contextmanager

import numpy as np

from autotensor.io.files import DataError
from autotensor.memory import owner
from autotensor.nn.module import Module
from autotensor.nn.parameter import Parameter
from autotensor.tensor import Tensor

_STORAGES = {
    "FloatStorage": "float32",
    "DoubleStorage": "float64",
    "HalfStorage": "float16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
}
_STORAGE_OF = {dtype: name for name, dtype in _STORAGES.items()}
_BFLOAT16 = "BFloat16Storage"  # the upper half of a float32
_FOLDER = "archive"
_DATE = (1980, 1, 1, 0, 0, 0)  # equal content, equal files


class _Name:
    """A function or class of PyTorch's, which is written by its name."""

    def __init__(self, module, name):
        self.module, self.name = module, name

    def __call__(self, *args):
        raise TypeError(f"{self.module}.{self.name} is a name in a file")


_REBUILD = _Name("torch._utils", "_rebuild_tensor_v2")
_REBUILD_PARAMETER = _Name("torch._utils", "_rebuild_parameter")


class _Storage:
    """The elements of a piece of memory, in their order there."""

    def __init__(self, number, memory, array):
        self.number = number
        self.memory = memory  # kept, so that its identity stays its own
        self.array = array


class _Pickler(pickle._Pickler):  # the one in Python: PyTorch's names cannot be imported here
    dispatch = pickle._Pickler.dispatch.copy()

    def __init__(self, file):
        super().__init__(file, protocol=2)
        self.storages = {}  # by the identity of the memory

    def save(self, obj, save_persistent_id=True):
        """Write an object; a dtype as PyTorch's of the same name."""
        obj = _Name("torch", str(obj)) if isinstance(obj, np.dtype) else obj
        super().save(obj, save_persistent_id)

    def _save_name(self, name):
        self.write(pickle.GLOBAL + f"{name.module}\n{name.name}\n".encode())

    dispatch[_Name] = _save_name

    def persistent_id(self, obj):
        """What stands for a storage in the pickle."""
        if not isinstance(obj, _Storage):
            return None
        kind = _Name("torch", _STORAGE_OF[str(obj.array.dtype)])
        return "storage", kind, str(obj.number), "cpu", obj.array.size

    def reducer_override(self, obj):
        """Tensors as calls of PyTorch's functions that make them again."""
        if not isinstance(obj, Tensor):
            return NotImplemented
        if isinstance(obj, Parameter):
            return _REBUILD_PARAMETER, (obj.detach(), obj.requires_grad, OrderedDict())
        return _REBUILD, (*self._place(obj.array), obj.requires_grad, OrderedDict())

    def _place(self, array):
        """Storage, offset, shape and steps of an array, in elements."""
        array = array.astype(array.dtype.newbyteorder("="), copy=False)
        if str(array.dtype) not in _STORAGE_OF:
            raise TypeError(f"save: PyTorch has no tensors of {array.dtype}: convert it first")
        memory = owner(array)
        flat = memory.ravel(order="K")
        if (
            memory.dtype != array.dtype
            or owner(flat) is not memory
            or min(array.strides, default=0) < 0
        ):
            array = memory = array.copy()
            flat = memory.ravel()
        storage = self.storages.setdefault(id(memory), _Storage(len(self.storages), memory, flat))
        offset = (_address(array) - _address(memory)) // array.itemsize if array.size else 0
        steps = tuple(step // array.itemsize for step in array.strides)
        return storage, offset, array.shape, steps


def _address(array):
    return array.__array_interface__["data"][0]


def write(file, obj):
    """Write an object with its tensors into an open binary file."""
    content = io.BytesIO()
    pickler = _Pickler(content)
    pickler.dump(obj)
    with zipfile.ZipFile(file, "w") as archive:
        _write_entry(archive, "data.pkl", content.getbuffer())
        _write_entry(archive, "byteorder", sys.byteorder.encode())
        for number, storage in enumerate(pickler.storages.values()):
            _write_entry(archive, f"data/{number}", storage.array.view(np.uint8).data)
        _write_entry(archive, "version", b"3\n")


def _write_entry(archive, name, content):
    entry = zipfile.ZipInfo(f"{_FOLDER}/{name}", _DATE)
    with archive.open(entry, "w", force_zip64=len(content) >= 1 << 31) as member:
        member.write(content)


class _Unpickler(pickle.Unpickler):
    def __init__(self, content, storage_of, weights_only):
        super().__init__(content, encoding="utf-8")
        self.storage_of = storage_of
        self.weights_only = weights_only

    def persistent_load(self, saved):
        """The elements of a storage."""
        if type(saved) is not tuple or len(saved) != 5 or saved[0] != "storage":
            raise pickle.UnpicklingError(f"not a storage: {saved!r}")
        return self.storage_of(saved[1], saved[2])

    def find_class(self, module, name):
        """What a name in the file stands for."""
        if module in ("torch", "torch.storage") and name.endswith("Storage"):
            return name
        found = _KNOWN.get((module, name)) or _safe.get((module, name))
        if found is None and not self.weights_only:
            found = _module_class(module, name)
        if found is None:
            raise pickle.UnpicklingError(
                f"the file needs {module}.{name}, and only tensors and plain containers are read "
                f"from it: save a state_dict, or, if the class is one of this program's, load with "
                f"weights_only=False or allow it by serialization.add_safe_globals([{name}])"
            )
        return found


def _module_class(module, name):
    """A class of modules that the program has loaded."""
    found = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found if isinstance(found, type) and issubclass(found, Module) else None


def _rebuild_tensor(storage, offset, shape, steps, requires_grad=False, hooks=None, metadata=None):
    shape, steps = tuple(shape), tuple(steps)
    last = offset + sum((n - 1) * step for n, step in zip(shape, steps, strict=True))
    if min((offset, *shape, *steps), default=0) < 0 or (0 not in shape and last >= storage.size):
        raise pickle.UnpicklingError(f"a tensor of shape {shape} reaches beyond its storage")
    steps = [step * storage.itemsize for step in steps]
    array = np.lib.stride_tricks.as_strided(storage[offset:], shape, steps)
    return Tensor(array).requires_grad_(bool(requires_grad))


def _rebuild_parameter(data, requires_grad=True, hooks=None):
    return Parameter(data, requires_grad)


def _encode(text, encoding):
    return text.encode(encoding)  # bytes in pickles of protocol 2


_KNOWN = {
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
    ("torch", "Size"): tuple,
    ("torch", "device"): lambda kind, index=None: kind,
    ("collections", "OrderedDict"): OrderedDict,
    ("collections", "defaultdict"): defaultdict,
    ("collections", "Counter"): Counter,
    ("_codecs", "encode"): _encode,
    **{("builtins", kind.__name__): kind for kind in (set, frozenset, complex, slice, range)},
    **{("__builtin__", kind.__name__): kind for kind in (set, frozenset, complex, slice)},
    **{("torch", dtype): np.dtype(dtype) for dtype in _STORAGE_OF},
}


def read(file, path, weights_only):
    """The object in an open binary file; DataError, naming ``path``, if it is not one.

    Objects of the classes of `add_safe_globals` may occur in it and, unless ``weights_only``, those
    of classes of modules that the program has loaded.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            return _read(archive, weights_only)
    except pickle.UnpicklingError:
        raise
    except Exception as error:  # a broken archive can fail in any way
        raise DataError(
            f"{path}: cannot be read as a checkpoint: {error or type(error).__name__}; if the file "
            "is truncated or corrupt, save or download it again; one that PyTorch wrote before "
            "version 1.6 has to be saved by a newer one"
        ) from error


def _read(archive, weights_only):
    [pickled] = [name for name in archive.namelist() if name.endswith("/data.pkl")]
    folder = pickled.removesuffix("data.pkl")
    order = (
        archive.read(folder + "byteorder")
        if folder + "byteorder" in archive.namelist()
        else b"little"
    )
    storages = {}

    def storage_of(kind, key):
        if key not in storages:
            storages[key] = _elements(archive.read(f"{folder}data/{key}"), kind, order)
        return storages[key]

    return _Unpickler(io.BytesIO(archive.read(pickled)), storage_of, weights_only).load()


def _elements(content, kind, order):
    sign = ">" if order == b"big" else "<"
    if kind == _BFLOAT16:
        halves = np.frombuffer(content, sign + "u2").astype(np.uint32)
        return (halves << 16).view(np.float32)
    if kind not in _STORAGES:
        raise pickle.UnpicklingError(f"tensors of {kind} cannot be read")
    dtype = np.dtype(_STORAGES[kind])
    return np.frombuffer(content, dtype.newbyteorder(sign)).astype(dtype)


_safe = {}


def add_safe_globals(classes):
    """Let `load` make objects of these classes."""
    _safe.update({(kind.__module__, kind.__qualname__): kind for kind in classes})


def get_safe_globals():
    """The classes that `load` makes objects of, besides tensors and containers."""
    return list(_safe.values())


def clear_safe_globals():
    """Forget all classes of `add_safe_globals`."""
    _safe.clear()


@contextmanager
def safe_globals(classes):
    """`add_safe_globals` within a ``with`` block."""
    before = dict(_safe)
    add_safe_globals(classes)
    try:
        yield
    finally:
        _safe.clear()
        _safe.update(before)
