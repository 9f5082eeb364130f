"""Tensors joined, cut into pieces, and repeated."""

import functools
import itertools

import numpy as np

from autotensor import dtypes
from autotensor.ops.arguments import cast, dimension, numpy_names, sizes, tensor_of
from autotensor.ops.shape import (
    atleast_1d,
    atleast_2d,
    atleast_3d,
    expand,
    flatten,
    narrow,
    reshape,
    select,
    transpose,
)
from autotensor.tensor import Tensor, record

__all__ = [
    "block_diag",
    "broadcast_shapes",
    "broadcast_tensors",
    "cartesian_prod",
    "cat",
    "chunk",
    "column_stack",
    "combinations",
    "dstack",
    "hsplit",
    "hstack",
    "meshgrid",
    "repeat_interleave",
    "split",
    "stack",
    "tensor_split",
    "tile",
    "unbind",
    "vsplit",
    "vstack",
]


@numpy_names
def cat(tensors, dim=0):
    """Tensors of equal shape but for ``dim`` joined along it; empty 1-d ones are passed over."""
    tensors = [tensor_of(x, "cat") for x in tensors]
    kept = [x for x in tensors if x.shape != (0,)] or tensors[:1]
    if not kept:
        raise ValueError("cat: expected at least one tensor")
    if kept[0].ndim == 0:
        raise RuntimeError("cat: zero-dimensional tensors cannot be joined: use stack")
    dim = dimension(dim, kept[0].ndim, "cat")
    for x in kept:
        if x.ndim != kept[0].ndim or _but(x.shape, dim) != _but(kept[0].shape, dim):
            raise RuntimeError(
                f"cat: sizes must match except in dimension {dim}: {kept[0].shape} and {x.shape}"
            )
    dtype = _common_dtype(tensors)
    kept = [cast(x, dtype) for x in kept]
    starts = np.cumsum([0] + [x.shape[dim] for x in kept]).tolist()
    return record(
        np.concatenate([x.array for x in kept], dim),
        *(_piece(x, dim, start) for x, start in zip(kept, starts, strict=False)),
    )


def _common_dtype(tensors):
    return functools.reduce(dtypes.promote_types, [x.dtype for x in tensors])


def _but(shape, dim):
    return shape[:dim] + shape[dim + 1 :]


def _piece(x, dim, start):
    """The term of one of the joined: its gradient is its piece of the gradient."""
    length = x.shape[dim]
    return x, lambda g: narrow(g, dim, start, length)


def stack(tensors, dim=0):
    """Tensors of one shape joined along a new dimension."""
    tensors = [tensor_of(x, "stack") for x in tensors]
    if not tensors:
        raise RuntimeError("stack: expected at least one tensor")
    for x in tensors:
        if x.shape != tensors[0].shape:
            raise RuntimeError(f"stack: sizes must be equal: {tensors[0].shape} and {x.shape}")
    dim = dimension(dim, x.ndim + 1, "stack")
    return record(
        np.stack([x.array for x in tensors], dim, dtype=_common_dtype(tensors)),
        *(_layer(x, dim, number) for number, x in enumerate(tensors)),
    )


def _layer(x, dim, number):
    """The term of one of the stacked: its gradient is its layer of the gradient."""
    return x, lambda g: select(g, dim, number)


def hstack(tensors):
    """Tensors joined side by side: along dimension 1, vectors along 0."""
    tensors = [atleast_1d(x) for x in tensors]
    return cat(tensors, 0 if tensors and tensors[0].ndim == 1 else 1)


def vstack(tensors):
    """Tensors joined one below the other: vectors become rows."""
    return cat([atleast_2d(x) for x in tensors])


def dstack(tensors):
    """Tensors joined along dimension 2: vectors and matrices become layers."""
    return cat([atleast_3d(x) for x in tensors], 2)


def column_stack(tensors):
    """Tensors joined side by side: vectors become columns."""
    return cat([reshape(x, -1, 1) if x.ndim < 2 else x for x in tensors], 1)


def block_diag(*tensors):
    """Matrices along the diagonal of a larger one, 0 elsewhere; vectors are rows."""
    blocks = [atleast_2d(x) for x in tensors]
    columns = [block.shape[1] for block in blocks]
    rows, before = [], 0
    for block, width in zip(blocks, columns, strict=True):
        left = block.new_zeros(block.shape[0], before)
        right = block.new_zeros(block.shape[0], sum(columns) - before - width)
        rows.append(cat([left, block, right], 1))
        before += width
    return cat(rows)


def broadcast_tensors(*tensors):
    """Views of all tensors expanded to one shape."""
    shape = broadcast_shapes(*(x.shape for x in tensors))
    return tuple(expand(x, shape) for x in tensors)


def broadcast_shapes(*shapes):
    """The shape to which all of these broadcast."""
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        listed = ", ".join(map(str, shapes))
        raise RuntimeError(f"shapes {listed} do not broadcast") from None


def meshgrid(*tensors, indexing="ij"):
    """The coordinates of a grid of vectors: one tensor for each, with a dimension for each.

    ``indexing`` "xy" swaps the first two dimensions, as for the pixels of an image.
    """
    if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
        (tensors,) = tensors
    if indexing not in ("ij", "xy"):
        raise RuntimeError(f"meshgrid: indexing is 'ij' or 'xy', not {indexing!r}")
    if any(x.ndim > 1 for x in tensors):
        raise RuntimeError("meshgrid: expected vectors: " + str([x.shape for x in tensors]))
    shape = [x.array.size for x in tensors]
    grids = [
        expand(reshape(x, [-1 if d == number else 1 for d in range(len(shape))]), shape)
        for number, x in enumerate(tensors)
    ]
    swapped = indexing == "xy" and len(shape) > 1
    return tuple(transpose(grid, 0, 1) if swapped else grid for grid in grids)


def cartesian_prod(*tensors):
    """All combinations of one element of each vector, as rows; of one vector itself."""
    if len(tensors) == 1:
        return tensors[0]
    return stack([reshape(grid, -1) for grid in meshgrid(*tensors)], 1)


def combinations(input, r=2, with_replacement=False):
    """All choices of ``r`` elements of a vector, as rows, in the order of the elements."""
    if tensor_of(input, "combinations").ndim != 1:
        raise RuntimeError(f"combinations: expected a vector, got {input.shape}")
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    places = list(choose(range(len(input)), r))
    return input[Tensor(np.asarray(places, np.int64).reshape(-1, r))]


def split(tensor, split_size_or_sections, dim=0):
    """Views along ``dim``: pieces of one size (the last may be less) or of given ones."""
    x = tensor_of(tensor, "split")
    dim = dimension(dim, x.ndim, "split")
    total, lengths = x.shape[dim], split_size_or_sections
    if isinstance(lengths, int):
        if lengths < 0 or (lengths == 0 and total):
            raise RuntimeError(f"split: the size of a piece must be positive, not {lengths}")
        starts = range(0, total, lengths) if total else [0]
        lengths = [min(lengths, total - start) for start in starts]
    if sum(lengths) != total:
        raise RuntimeError(f"split: sizes {list(lengths)} do not add up to {total} of dim {dim}")
    starts = np.cumsum([0, *lengths]).tolist()
    return tuple(narrow(x, dim, s, n) for s, n in zip(starts, lengths, strict=False))


def chunk(input, chunks, dim=0):
    """Views along ``dim``: at most ``chunks`` pieces of one size (the last may be less)."""
    if chunks < 1:
        raise RuntimeError(f"chunk: the number of pieces must be positive, not {chunks}")
    x = tensor_of(input, "chunk")
    size = x.shape[dimension(dim, x.ndim, "chunk")]
    return split(x, max(1, -(-size // chunks)), dim)


def tensor_split(input, indices_or_sections, dim=0):
    """Views along ``dim``: a number of pieces that differ by one at most, or cut at indices."""
    x, cuts = tensor_of(input, "tensor_split"), indices_or_sections
    dim = dimension(dim, x.ndim, "tensor_split")
    if not x.ndim:
        raise RuntimeError("tensor_split: a 0-d tensor cannot be cut")
    length = x.shape[dim]
    if isinstance(cuts, Tensor):
        cuts = cuts.tolist()
    if isinstance(cuts, int):
        if cuts < 1:
            raise RuntimeError(f"tensor_split: the number of sections must be positive, got {cuts}")
        size, longer = divmod(length, cuts)
        cuts = [i * size + min(i, longer) for i in range(1, cuts)]
    bounds = [slice(*pair).indices(length)[:2] for pair in itertools.pairwise((None, *cuts, None))]
    return tuple(narrow(x, dim, min(a, length), max(b - a, 0)) for a, b in bounds)


def hsplit(input, indices_or_sections):
    """`tensor_split` side by side: along dimension 1, of a vector along 0."""
    return _split_evenly(input, indices_or_sections, min(input.ndim, 2) - 1, "hsplit")


def vsplit(input, indices_or_sections):
    """`tensor_split` along dimension 0."""
    if input.ndim < 2:
        raise RuntimeError(f"vsplit: expected 2 dimensions at least, got {input.shape}")
    return _split_evenly(input, indices_or_sections, 0, "vsplit")


def _split_evenly(x, sections, dim, name):
    if isinstance(sections, int) and (sections < 1 or x.shape[dim] % sections):
        raise RuntimeError(f"{name}: dim {dim} of {x.shape} is not divisible by {sections}")
    return tensor_split(x, sections, dim)


def unbind(input, dim=0):
    """The slices along ``dim``, views without that dimension."""
    x = tensor_of(input, "unbind")
    dim = dimension(dim, x.ndim, "unbind")
    return tuple(select(x, dim, i) for i in range(x.shape[dim]))


def repeat(x, *given, repeats=None):
    """``x`` tiled: repeated as often as given along each dimension, new ones in front."""
    times = sizes(given, repeats)
    if len(times) < tensor_of(x, "repeat").ndim:
        raise RuntimeError(f"repeat: {len(times)} numbers for {x.ndim} dimensions of {x.shape}")
    shape = (1,) * (len(times) - x.ndim) + x.shape
    spaced = reshape(x, [n for size in shape for n in (1, size)])
    tiled = expand(spaced, [n for pair in zip(times, shape, strict=True) for n in pair])
    return reshape(tiled, [a * b for a, b in zip(times, shape, strict=True)])


def tile(input, *given, dims=None):
    """``input`` repeated as often as ``dims`` says along each dimension, missing ones once."""
    times = sizes(given, dims)
    return repeat(input, (1,) * (tensor_of(input, "tile").ndim - len(times)) + times)


def repeat_interleave(input, repeats=None, dim=None, *, output_size=None):
    """Each slice along ``dim`` (each element, without) repeated in place, all or each ``repeats``.

    With ``repeats`` alone, a vector: its indices, each as often as it says.
    """
    if isinstance(input, Tensor) and repeats is None:
        return Tensor(np.repeat(np.arange(input.array.size), input.array))
    x = tensor_of(input, "repeat_interleave")
    x = flatten(x) if dim is None else x
    dim = 0 if dim is None else dimension(dim, x.ndim, "repeat_interleave")
    times = repeats.array if isinstance(repeats, Tensor) else repeats
    if np.any(np.asarray(times) < 0):
        raise RuntimeError(f"repeat_interleave: repeats cannot be negative: {repeats}")
    if np.size(times) not in (1, x.shape[dim]):
        raise RuntimeError(
            f"repeat_interleave: repeats must have the size {x.shape[dim]} of dim {dim}, or 1: "
            f"got {np.size(times)}"
        )
    places = np.repeat(np.arange(x.shape[dim]), times)
    return x[(slice(None),) * dim + (Tensor(places),)]
