"""The same elements in another shape or order: views where NumPy can, copies where it must."""

import functools
import math

import numpy as np

from autotensor import dtypes
from autotensor.engine import is_grad_enabled
from autotensor.ops.arguments import cast, dimension, dimensions, sizes, tensor_of
from autotensor.tensor import Made, Tensor, record, record_view

__all__ = [
    "cat",
    "chunk",
    "clone",
    "flatten",
    "flip",
    "hstack",
    "movedim",
    "narrow",
    "pad",
    "permute",
    "reshape",
    "roll",
    "select",
    "split",
    "squeeze",
    "stack",
    "t",
    "transpose",
    "unbind",
    "unflatten",
    "unsqueeze",
    "vstack",
]


def reshape(input, *shape):
    """The elements in row order in another shape; one size may be -1. A view where possible."""
    x = tensor_of(input, "reshape")
    wanted = _resolved(x, sizes(shape), "reshape")
    x_shape = x.shape
    return record_view(
        x.array.reshape(wanted), x, lambda g: reshape(g, x_shape), lambda b: reshape(b, wanted)
    )


def view(x, *shape):
    """Like `reshape`, but raises RuntimeError where the elements would have to be copied.

    With a dtype instead of a shape the memory is read as that dtype, which no gradient passes.
    """
    if len(shape) == 1 and not isinstance(shape[0], (int, np.integer, tuple, list)):
        return Tensor(x.array.view(dtypes.as_dtype(shape[0])))
    seen = reshape(x, *shape)
    if seen.array.size and not np.may_share_memory(seen.array, x.array):
        raise RuntimeError(
            f"view: shape {seen.shape} is not a view of {x.shape} with strides {x.array.strides}: "
            f"use reshape(), which copies"
        )
    return seen


def _resolved(x, wanted, name):
    size, known = x.array.size, math.prod(n for n in wanted if n != -1)
    if -1 in wanted and wanted.count(-1) == 1 and known and size % known == 0:
        wanted = tuple(size // known if n == -1 else n for n in wanted)
    if any(n < 0 for n in wanted) or math.prod(wanted) != size:
        raise RuntimeError(f"{name}: shape {wanted} is invalid for {size} elements of {x.shape}")
    return wanted


def view_as(x, other):
    """``x`` viewed in the shape of ``other``."""
    return view(x, other.shape)


def reshape_as(x, other):
    """``x`` in the shape of ``other``."""
    return reshape(x, other.shape)


def flatten(input, start_dim=0, end_dim=-1):
    """Dimensions ``start_dim`` to ``end_dim`` as one."""
    x = tensor_of(input, "flatten")
    first = dimension(start_dim, x.ndim, "flatten")
    last = dimension(end_dim, x.ndim, "flatten")
    if first > last:
        raise RuntimeError(f"flatten: start_dim {start_dim} is behind end_dim {end_dim}")
    merged = math.prod(x.shape[first : last + 1])
    return reshape(x, x.shape[:first] + (merged,) + x.shape[last + 1 :])


def unflatten(input, dim, sizes):
    """Dimension ``dim`` as several of the given sizes."""
    x = tensor_of(input, "unflatten")
    dim = dimension(dim, x.ndim, "unflatten")
    part = _resolved(Tensor(np.empty(x.shape[dim])), tuple(sizes), "unflatten")
    return reshape(x, x.shape[:dim] + part + x.shape[dim + 1 :])


def permute(input, *dims):
    """The dimensions in another order."""
    order = sizes(dims)
    x = tensor_of(input, "permute")
    if len(order) != x.ndim:
        raise RuntimeError(f"permute: {len(order)} dimensions {order} for a tensor of {x.ndim}")
    order = tuple(dimension(d, x.ndim, "permute") for d in order)
    if len(set(order)) != len(order):
        raise RuntimeError(f"permute: a dimension appears more than once in {order}")
    back = tuple(np.argsort(order).tolist())
    return record_view(
        x.array.transpose(order), x, lambda g: permute(g, back), lambda b: permute(b, order)
    )


def transpose(input, dim0, dim1):
    """Two dimensions swapped."""
    x = tensor_of(input, "transpose")
    dim0 = dimension(dim0, x.ndim, "transpose")
    dim1 = dimension(dim1, x.ndim, "transpose")
    array = x.array.swapaxes(dim0, dim1) if x.ndim else x.array.view()
    return record_view(
        array, x, lambda g: transpose(g, dim0, dim1), lambda b: transpose(b, dim0, dim1)
    )


def t(input):
    """The transpose of a matrix; a vector is unchanged."""
    x = tensor_of(input, "t")
    if x.ndim > 2:
        raise RuntimeError(f"t: expected at most 2 dimensions, got {x.shape}: use transpose(0, 1)")
    return transpose(x, 0, -1)


def reversed_dims(x):
    """The dimensions in reverse order (``x.T``)."""
    return permute(x, tuple(range(x.ndim))[::-1])


def matrix_transpose(x):
    """The last two dimensions swapped (``x.mT``)."""
    if x.ndim < 2:
        raise RuntimeError(f"mT: expected at least 2 dimensions, got {x.shape}")
    return transpose(x, -2, -1)


def movedim(input, source, destination):
    """Dimensions at ``source`` moved to ``destination``; the others keep their order."""
    x = tensor_of(input, "movedim")
    source = dimensions(source, x.ndim, "movedim")
    destination = dimensions(destination, x.ndim, "movedim")
    rest = iter(d for d in range(x.ndim) if d not in source)
    placed = dict(zip(destination, source, strict=True))
    return permute(x, [placed[d] if d in placed else next(rest) for d in range(x.ndim)])


def squeeze(input, dim=None):
    """Without the dimensions of size 1: all of them, or those given that have it."""
    x = tensor_of(input, "squeeze")
    chosen = () if dim == () else dimensions(dim, x.ndim, "squeeze")
    return reshape(x, [n for d, n in enumerate(x.shape) if n != 1 or d not in chosen])


def unsqueeze(input, dim):
    """With a dimension of size 1 put in at ``dim``."""
    x = tensor_of(input, "unsqueeze")
    dim = dimension(dim, x.ndim + 1, "unsqueeze")
    return reshape(x, x.shape[:dim] + (1,) + x.shape[dim:])


def expand(x, *size):
    """Dimensions of size 1 repeated without copying; -1 keeps a size, new ones come in front."""
    size, x_shape = sizes(size), tensor_of(x, "expand").shape
    own = (None,) * (len(size) - len(x_shape)) + x_shape
    wanted = tuple(o if n == -1 else n for n, o in zip(size, own, strict=False))
    fits = len(own) == len(size) and all(
        n is not None and n >= 0 and (o is None or o in (1, n))
        for n, o in zip(wanted, own, strict=True)
    )
    if not fits:
        raise RuntimeError(
            f"expand: {x_shape} does not expand to {size}: sizes must be equal, 1 or, for -1, exist"
        )
    return record_view(
        np.broadcast_to(x.array, wanted), x, lambda g: g, lambda b: expand(b, wanted)
    )


def expand_as(x, other):
    """``x`` expanded to the shape of ``other``."""
    return expand(x, other.shape)


def sum_to(x, shape):
    """The sum over the dimensions along which ``shape`` broadcasts to that of ``x``."""
    extra, x_shape = x.ndim - len(shape), x.shape
    axes = tuple(range(extra)) + tuple(
        d + extra for d, n in enumerate(shape) if n == 1 and x_shape[d + extra] != 1
    )
    total = (np.add.reduce(x.array, axes) if axes else x.array).reshape(shape)
    return record(total, (x, lambda g: expand(g, x_shape)))


def fit(g, shape, dtype):
    """A gradient in the shape and dtype of what it is the gradient of."""
    if g.shape != shape:  # not of its array, which may be deferred
        g = sum_to(g, shape)
        g = g if is_grad_enabled() else Made(g.array)
    return g if g.dtype is dtype else cast(g, dtype)


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
    dtype = functools.reduce(dtypes.promote_types, [x.dtype for x in tensors])
    kept = [cast(x, dtype) for x in kept]
    starts = np.cumsum([0] + [x.shape[dim] for x in kept]).tolist()
    return record(
        np.concatenate([x.array for x in kept], dim),
        *(_piece(x, dim, start) for x, start in zip(kept, starts, strict=False)),
    )


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
    return cat([unsqueeze(x, dim) for x in tensors], dimension(dim, x.ndim + 1, "stack"))


def hstack(tensors):
    """Tensors joined side by side: along dimension 1, vectors along 0."""
    tensors = [reshape(x, 1) if x.ndim == 0 else x for x in tensors]
    return cat(tensors, 0 if tensors[0].ndim == 1 else 1)


def vstack(tensors):
    """Tensors joined one below the other: vectors become rows."""
    return cat([reshape(x, 1, -1) if x.ndim < 2 else x for x in tensors])


def narrow(input, dim, start, length):
    """The ``length`` elements along ``dim`` from ``start`` on, a view."""
    x = tensor_of(input, "narrow")
    dim = dimension(dim, x.ndim, "narrow")
    if not 0 <= start <= start + length <= x.shape[dim]:
        raise RuntimeError(f"narrow: {start} + {length} exceeds size {x.shape[dim]} of dim {dim}")
    return x[(slice(None),) * dim + (slice(start, start + length),)]


def select(input, dim, index):
    """The slice at ``index`` along ``dim``, without that dimension, a view."""
    x = tensor_of(input, "select")
    dim = dimension(dim, x.ndim, "select")
    return x[(slice(None),) * dim + (index,)]


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


def unbind(input, dim=0):
    """The slices along ``dim``, views without that dimension."""
    x = tensor_of(input, "unbind")
    dim = dimension(dim, x.ndim, "unbind")
    return tuple(select(x, dim, i) for i in range(x.shape[dim]))


def repeat(x, *repeats):
    """``x`` tiled: repeated as often as given along each dimension, new ones in front."""
    times = sizes(repeats)
    if len(times) < tensor_of(x, "repeat").ndim:
        raise RuntimeError(f"repeat: {len(times)} numbers for {x.ndim} dimensions of {x.shape}")
    shape = (1,) * (len(times) - x.ndim) + x.shape
    spaced = reshape(x, [n for size in shape for n in (1, size)])
    tiled = expand(spaced, [n for pair in zip(times, shape, strict=True) for n in pair])
    return reshape(tiled, [a * b for a, b in zip(times, shape, strict=True)])


def flip(input, *dims):
    """The order of elements reversed along the given dimensions."""
    x = tensor_of(input, "flip")
    axes = dimensions(sizes(dims), x.ndim, "flip") if sizes(dims) else ()
    return record(np.flip(x.array, axes).copy(), (x, lambda g: flip(g, axes)))


def roll(input, shifts, dims=None):
    """Elements moved on by ``shifts`` along ``dims``, those pushed out coming in in front."""
    back = tuple(-s for s in shifts) if isinstance(shifts, (tuple, list)) else -shifts
    x = tensor_of(input, "roll")
    rolled = np.roll(x.array, shifts, dims)
    return record(rolled, (x, lambda g: roll(g, back, dims)))


def pad(input, pad, mode="constant", value=None):
    """Elements put around ``input``: ``pad`` holds pairs (before, after), the last dimension first.

    ``mode`` "constant" puts ``value`` (0), "reflect", "replicate" and "circular" repeat elements.
    Negative numbers cut off.
    """
    pad = sizes((pad,))
    x = tensor_of(input, "pad")
    if len(pad) % 2 or len(pad) // 2 > x.ndim:
        raise RuntimeError(f"pad: {pad} is not a pair for each of the last dims of {x.shape}")
    pairs = list(zip(pad[::2], pad[1::2], strict=True))[::-1]
    pairs = [(0, 0)] * (x.ndim - len(pairs)) + pairs
    if any(n + a + b < 0 for n, (a, b) in zip(x.shape, pairs, strict=True)):
        raise RuntimeError(f"pad: {pad} cuts off more than there is of {x.shape}")
    if mode != "constant":
        return _pad_by_index(x, pairs, mode)
    kept = tuple(
        slice(max(-a, 0), n - max(-b, 0)) for n, (a, b) in zip(x.shape, pairs, strict=True)
    )
    grown = [(max(a, 0), max(b, 0)) for a, b in pairs]
    back = [-n for pair in pairs[::-1] for n in pair]
    padded = _with_border(x.array[kept], grown, 0 if value is None else value)
    return record(padded, (x, lambda g: _pad_zeros(g, back)))


def _pad_zeros(x, widths):
    return pad(x, widths)


def _with_border(array, widths, value):
    """Like np.pad with a constant, in the memory order of ``array`` (channels-last stays so)."""
    shape = tuple(n + a + b for n, (a, b) in zip(array.shape, widths, strict=True))
    order = np.argsort([-s for s in array.strides], kind="stable")
    bordered = np.full([shape[d] for d in order], value, array.dtype)
    bordered = bordered.transpose(np.argsort(order))
    inner = tuple(slice(a, a + n) for n, (a, _) in zip(array.shape, widths, strict=True))
    bordered[inner] = array
    return bordered


_PAD_MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def _pad_by_index(x, pairs, mode):
    if mode not in _PAD_MODES:
        raise NotImplementedError(
            f"pad: mode {mode!r}; there are 'constant', {', '.join(map(repr, _PAD_MODES))}"
        )
    if not any(map(any, pairs)):
        return clone(x)
    for dim, (size, pair) in enumerate(zip(x.shape, pairs, strict=True)):
        if pair == (0, 0):
            continue
        limit = {"reflect": size - 1, "circular": size, "replicate": max(pair)}[mode]
        if max(pair) > limit or min(pair) < 0 or size == 0:
            raise RuntimeError(
                f"pad: {mode} of {pair} along dim {dim} of {x.shape}: at most {limit}"
            )
        x = x[(slice(None),) * dim + (np.pad(np.arange(size), pair, _PAD_MODES[mode]),)]
    return x


def clone(input, memory_format=None):
    """A copy in memory of its own; the gradient passes."""
    x = tensor_of(input, "clone")
    return record(x.array.copy(order="K"), (x, lambda g: g))


def contiguous(x, memory_format=None):
    """``x`` itself if its memory is in row order, otherwise a copy that is."""
    if tensor_of(x, "contiguous").array.flags.c_contiguous:
        return x
    return record(np.ascontiguousarray(x.array), (x, lambda g: g))
