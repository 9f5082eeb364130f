"""Samples put together into a batch."""

from collections.abc import Mapping, Sequence
from copy import copy

import numpy as np

from autotensor.creation import numeric, tensor
from autotensor.tensor import Tensor


def default_collate(samples):
    """A list of samples -> one batch of the same structure, with a batch axis in front.

    Tensors and arrays are stacked; numbers become a tensor (floats float64, ints int64); strings
    stay a list; dicts and named tuples keep their type; other sequences become lists.
    """
    if len(samples) == 0:
        raise ValueError("default_collate: an empty batch has no structure to follow")
    first = samples[0]
    if isinstance(first, (Tensor, np.ndarray)):
        arrays = [x.array if isinstance(x, Tensor) else x for x in samples]
        return Tensor(numeric(_stack(arrays)))
    if isinstance(first, (str, bytes)):
        return list(samples)
    if isinstance(first, np.generic):
        return tensor(np.asarray(samples))
    if isinstance(first, (bool, int, float)):
        return tensor(samples, dtype="float64" if isinstance(first, float) else None)
    if isinstance(first, Mapping):
        return _like(first, [default_collate([x[key] for x in samples]) for key in first])
    if isinstance(first, Sequence):
        if any(len(x) != len(first) for x in samples):
            raise RuntimeError(
                "each element in list of batch should be of equal size, got the sizes "
                f"{sorted({len(x) for x in samples})}; pad the samples or pass a collate_fn"
            )
        return _like(first, [default_collate(column) for column in zip(*samples, strict=True)])
    raise TypeError(
        "default_collate: a batch must contain tensors, numpy arrays, numbers, strings, dicts or "
        f"lists; found {type(first).__name__}; pass a collate_fn that knows it"
    )


def reorder(parts, order):
    """Collated batches -> one batch whose row k is row ``order[k]`` of all their rows."""
    first = parts[0]
    if isinstance(first, Tensor):
        return Tensor(take(np.concatenate([part.array for part in parts]), order))
    if isinstance(first, Mapping):
        return _like(first, [reorder([part[key] for part in parts], order) for key in first])
    if isinstance(first, list) and first and isinstance(first[0], (str, bytes)):
        rows = [row for part in parts for row in part]
        return [rows[k] for k in order]
    if isinstance(first, Sequence):
        return _like(first, [reorder(column, order) for column in zip(*parts, strict=True)])
    raise TypeError(f"cannot join batches of {type(first).__name__}: let get_batch return tensors")


def take(array, indices):
    """``array[indices]`` along the first axis, in the memory order of ``array``."""
    order = _memory_order(array, first=1)
    return array.transpose(order)[indices].transpose(np.argsort(order))


def _stack(arrays):
    shapes = {array.shape for array in arrays}
    if len(shapes) > 1:
        raise RuntimeError(
            f"stack expects each tensor to be equal size, but got {sorted(shapes)}; "
            "bring the samples to one size or pass a collate_fn"
        )
    order = _memory_order(arrays[0], first=0)
    back = (0, *(np.argsort(order) + 1))
    return np.stack([array.transpose(order) for array in arrays]).transpose(back)


def _memory_order(array, first):
    """The axes from ``first`` on, outermost in memory first; those before stay in front.

    NumPy gathers rows of a transposed array several times slower than in this order.
    """
    axes = sorted(range(first, array.ndim), key=lambda axis: -array.strides[axis])
    return (*range(first), *axes)


def _like(sample, values):
    """The values in a container of the sample's kind."""
    if isinstance(sample, Mapping):
        batch = copy(sample) if isinstance(sample, dict) else {}
        batch.update(zip(sample, values, strict=True))
        return batch
    return type(sample)(*values) if hasattr(sample, "_fields") else values
