"""Rows of a table by their numbers, as embeddings are looked up."""

import numpy as np

from autotensor import kernels
from autotensor.memory import before_write, wrote
from autotensor.ops.arguments import tensor_of
from autotensor.tensor import Tensor, record

__all__ = ["embedding"]


def embedding(
    input,
    weight,
    padding_idx=None,
    max_norm=None,
    norm_type=2.0,
    scale_grad_by_freq=False,
    sparse=False,
):
    """Rows of ``weight`` (V, E) by number: integers (...) -> (..., E).

    The row ``padding_idx`` gets no gradient. With ``max_norm`` rows that are looked up are first
    scaled in place so that their ``norm_type``-norm is at most that. ``scale_grad_by_freq`` divides
    the gradient of a row by how often it occurs. ``sparse`` is accepted: gradients are dense.
    """
    numbers = tensor_of(input, "embedding").array
    if numbers.dtype.kind not in "iu":
        raise RuntimeError(f"embedding: expected integers, got {numbers.dtype}: use x.long()")
    if tensor_of(weight, "embedding").ndim != 2:
        raise RuntimeError(f"embedding: weight must be (V, E), got {weight.shape}")
    count = weight.shape[0]
    if numbers.size and not (numbers.min() >= 0 and numbers.max() < count):
        wrong = numbers[(numbers < 0) | (numbers >= count)][0]
        raise IndexError(f"embedding: index {wrong} is out of range of {count} rows")
    if padding_idx is not None and not -count <= padding_idx < count:
        raise AssertionError(f"padding_idx {padding_idx} is out of range of {count} rows")
    if max_norm is not None:
        _renormalise(weight, np.unique(numbers), max_norm, norm_type)
    rows = rows_of(weight, numbers)
    if padding_idx is None and not scale_grad_by_freq:
        return rows
    often = np.bincount(numbers.ravel(), minlength=count)
    share = 1 / np.maximum(often, 1) if scale_grad_by_freq else np.ones(count)
    if padding_idx is not None:
        share[padding_idx] = 0
    share = Tensor(share[numbers].astype(weight.dtype)[..., None])
    return record(rows.array, (rows, lambda g: g * share))


def rows_of(x, numbers):
    """Rows of ``x`` (V, E) by number: (...) -> (..., E)."""
    count = x.shape[0]
    return record(x.array[numbers], (x, lambda g: add_rows(g, numbers, count)))


def add_rows(g, numbers, count):
    """The transpose of `rows_of`: (..., E) -> (count, E), the sum of those of one number."""
    total = kernels.add_rows(g.array.reshape(-1, g.shape[-1]), numbers.reshape(-1), count)
    return record(total, (g, lambda h: rows_of(h, numbers)))


def _renormalise(weight, numbers, max_norm, norm_type):
    rows = weight.array[numbers]
    lengths = np.linalg.norm(rows, norm_type, axis=-1, keepdims=True)
    before_write(weight.array)
    weight.array[numbers] = np.where(lengths > max_norm, rows * (max_norm / (lengths + 1e-7)), rows)
    wrote(weight)
