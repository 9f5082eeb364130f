"""Nested containers of tensors taken apart into named arrays and a plan, and put together again.

The plan is JSON text: numbers, strings, true, false and null stand for themselves, and
``{"tensor": name}``, ``{"list": [...]}``, ``{"tuple": [...]}``, ``{"dict": [[key, value], ...]}``.
"""

import json

from autotensor.io.files import DataError
from autotensor.tensor import Tensor

RESERVED = ("__metadata__", "__structure__")  # names that the file formats use themselves


def flatten(value):
    """(arrays by name, plan); no plan (None) if the value is a dict of tensors by such names.

    Raises TypeError naming the place of whatever cannot be stored.
    """
    arrays = {}
    try:
        plan = _flatten(value, (), arrays)
    except RecursionError:
        raise ValueError("save: the containers nest too deeply, or contain themselves") from None
    flat = plan == {"dict": [[name, {"tensor": name}] for name in arrays]}
    return arrays, None if flat else json.dumps(plan)


def _flatten(value, place, arrays):
    if isinstance(value, Tensor):
        name = _free_name(place, arrays)
        arrays[name] = value.array
        return {"tensor": name}
    if isinstance(value, dict):
        return {
            "dict": [[_key(k, place), _flatten(v, (*place, k), arrays)] for k, v in value.items()]
        }
    if type(value) in (list, tuple):
        parts = [_flatten(x, (*place, k), arrays) for k, x in enumerate(value)]
        return {type(value).__name__: parts}
    if value is None or isinstance(value, (str, int, float)):
        return value
    raise TypeError(
        f"save: cannot store {type(value).__name__} at {_written(place)}; tensors, numbers, "
        "strings, booleans, None, and dicts, lists and tuples of them can be stored"
    )


def _key(key, place):
    if key is None or isinstance(key, (str, int, float)):
        return key
    raise TypeError(
        f"save: cannot store a dict key of type {type(key).__name__} in {_written(place)}; "
        "keys must be strings, numbers, booleans or None"
    )


def _free_name(place, arrays):
    """The place as a name, such as "model.conv.weight"; made different from those in use."""
    wanted = ".".join(map(str, place))
    if not wanted or not wanted.isprintable():
        wanted = "tensor"
    name, count = wanted, 1
    while name in arrays or name in RESERVED:
        count += 1
        name = f"{wanted} ({count})"
    return name


def _written(place):
    return "[" + "][".join(map(repr, place)) + "]" if place else "the top level"


def unflatten(plan, arrays, path):
    """The inverse of `flatten`; DataError if the plan in the file ``path`` is not one."""
    if plan is None:
        return {name: Tensor(array) for name, array in arrays.items()}
    try:
        return _unflatten(json.loads(plan), arrays)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise DataError(
            f"{path}: its structure entry is corrupt ({type(error).__name__}: {error}); "
            "save it again"
        ) from error


def _unflatten(plan, arrays):
    if not isinstance(plan, (dict, list)):
        return plan
    [(kind, content)] = plan.items() if isinstance(plan, dict) else [("?", plan)]
    if kind == "tensor":
        return Tensor(arrays[content])
    if kind == "dict":
        return {key: _unflatten(value, arrays) for key, value in content}
    if kind in ("list", "tuple"):
        parts = [_unflatten(part, arrays) for part in content]
        return parts if kind == "list" else tuple(parts)
    raise ValueError(f"unknown container {kind!r}")
