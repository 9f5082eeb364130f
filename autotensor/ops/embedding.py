"""Rows of a table by their numbers, as embeddings are looked up."""

import numpy as np

from autotensor import kernels
from autotensor.memory import before_write, wrote
from autotensor.ops.arguments import tensor_of
from autotensor.ops.elementwise import where
from autotensor.ops.indexing import index_add
from autotensor.ops.reduce import max
from autotensor.ops.shape import reshape, unsqueeze
from autotensor.tensor import Tensor, record

__all__ = ["embedding", "embedding_bag"]


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


def embedding_bag(
    input,
    weight,
    offsets=None,
    max_norm=None,
    norm_type=2,
    scale_grad_by_freq=False,
    mode="mean",
    sparse=False,
    per_sample_weights=None,
    include_last_offset=False,
    padding_idx=None,
):
    """The sum, mean or maximum of rows of ``weight`` (V, E) for each bag of numbers.

    ``input`` is (B, L), a bag in each row, or (N) with ``offsets`` (B), where bags begin (with
    ``include_last_offset`` also where the last ends) -> (B, E). Entries ``padding_idx`` count
    nothing; an empty bag gives 0. ``per_sample_weights`` are factors of rows, for "sum".
    """
    name = "embedding_bag"
    numbers, bags, count = _bags(tensor_of(input, name), offsets, include_last_offset)
    if mode not in ("sum", "mean", "max"):
        raise ValueError(f"{name}: mode has to be one of sum, mean or max, not {mode!r}")
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError(f"{name}: per_sample_weights go with mode 'sum', not {mode!r}")
    if per_sample_weights is not None and per_sample_weights.shape != input.shape:
        raise ValueError(
            f"{name}: per_sample_weights {per_sample_weights.shape} must have the shape of input "
            f"{input.shape}"
        )
    kept = slice(None)
    if padding_idx is not None:
        kept = numbers != padding_idx % weight.shape[0]
        numbers, bags = numbers[kept], bags[kept]
    options = (None, max_norm, norm_type, scale_grad_by_freq)
    rows = embedding(Tensor(numbers), weight, *options)
    if per_sample_weights is not None:
        rows = rows * unsqueeze(reshape(per_sample_weights, -1)[kept], -1)
    sizes = np.bincount(bags, minlength=count)
    if mode == "max":
        return _largest(rows, bags, sizes)
    total = Tensor(np.zeros((count, weight.shape[1]), weight.dtype))
    total = index_add(total, 0, Tensor(bags), rows)
    if mode == "sum":
        return total
    return total / Tensor(np.maximum(sizes, 1).astype(weight.dtype)[:, None])


def _bags(input, offsets, include_last_offset):
    """Numbers in a row, the bag that each is in, and how many bags there are."""
    if input.ndim == 2:
        if offsets is not None:
            raise ValueError(
                f"embedding_bag: input {input.shape} holds a bag in each row, offsets has to be "
                f"None"
            )
        count, length = input.shape
        return input.array.reshape(-1), np.repeat(np.arange(count), length), count
    if input.ndim != 1:
        raise ValueError(f"embedding_bag: input has to be a 1D or 2D Tensor, got {input.shape}")
    if offsets is None or offsets.ndim != 1:
        raise ValueError("embedding_bag: offsets has to be a 1D Tensor for an input of 1 dimension")
    ends = np.append(offsets.array, () if include_last_offset else (len(input),)).astype(np.int64)
    lengths = np.diff(ends)
    if not len(ends) or ends[0] != 0 or ends[-1] > len(input) or (lengths < 0).any():
        raise ValueError(
            f"embedding_bag: offsets must begin with 0 and not decrease, up to the length of input "
            f"({len(input)}), got {offsets.array.tolist()}"
        )
    return input.array[: ends[-1]], np.repeat(np.arange(len(lengths)), lengths), len(lengths)


def _largest(rows, bags, sizes):
    """The largest of the rows (N, E) of each bag, 0 for an empty one: (B, E)."""
    if not len(bags):
        return Tensor(np.zeros((len(sizes), rows.shape[1]), rows.dtype))
    filled = np.arange(sizes.max()) < sizes[:, None]
    place = np.zeros(filled.shape, np.int64)
    place[filled] = np.arange(len(bags))
    spread = where(Tensor(filled[..., None]), rows_of(rows, place), -np.inf)
    return where(Tensor(sizes[:, None] > 0), max(spread, 1).values, 0)


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
