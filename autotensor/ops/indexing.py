"""Elements by position: slices, integer and boolean arrays, gather and scatter."""

import numbers

import numpy as np

from autotensor.modes import is_grad_enabled
from autotensor.ops.arguments import cast, dimension, promote, tensor_of
from autotensor.ops.elementwise import where
from autotensor.tensor import Patch, Tensor, record, record_view

__all__ = [
    "gather",
    "index_add",
    "index_select",
    "masked_fill",
    "masked_select",
    "nonzero",
    "scatter",
    "scatter_add",
    "take_along_dim",
]


def index_of(x, index):
    """``index`` as NumPy takes it, and whether it is basic (its result is a view)."""
    parts = index if isinstance(index, tuple) else (index,)
    basic, normal = True, []
    for part in parts:
        if isinstance(part, slice):
            normal.append(_slice(part))
            continue
        if isinstance(part, Tensor):
            part = part.array
        elif isinstance(part, np.ndarray):
            part = part.copy()  # the user's, who may write to it before backward()
        elif isinstance(part, (list, tuple, range)):
            part = np.asarray([p.array if isinstance(p, Tensor) else p for p in part])
            part = part if part.size else part.astype(np.intp)
        if isinstance(part, np.ndarray) and part.ndim == 0 and part.dtype.kind in "iu":
            part = int(part)
        if isinstance(part, (bool, np.bool_, np.ndarray)):
            basic = False
        elif not (part is None or part is Ellipsis or isinstance(part, numbers.Integral)):
            raise IndexError(
                f"a tensor is indexed by integers, slices, None, ..., and integer or boolean "
                f"tensors, not by {type(part).__name__}"
            )
        if isinstance(part, np.ndarray) and part.dtype.kind not in "biu":
            raise IndexError(f"an index tensor holds integers or truth values, not {part.dtype}")
        normal.append(part)
    return tuple(normal), basic


def _slice(part):
    step = _whole(part.step)
    if step is not None and step <= 0:
        raise ValueError(f"the step of a slice must be positive, not {step}: use flip()")
    return slice(_whole(part.start), _whole(part.stop), step)


def _whole(n):
    return int(n.array) if isinstance(n, Tensor) else n


def staged(parts):
    """An index with arrays as two: with integers and slices alone, and with the arrays alone.

    None if there are no integers: NumPy would count them among the arrays and move the dimensions
    of the result to the front wherever something stands between them, as PyTorch does not.
    """
    if not any(isinstance(part, numbers.Integral) and type(part) is not bool for part in parts):
        return None
    first, second = [], []
    for part in parts:
        if isinstance(part, np.ndarray):
            first += [slice(None)] * (part.ndim if part.dtype.kind == "b" else 1)
            second.append(part)
        elif isinstance(part, (bool, np.bool_)):
            second.append(part)
        else:
            first.append(part)
            if not isinstance(part, numbers.Integral):
                second.append(part if part is Ellipsis else slice(None))
    return tuple(first), tuple(second)


def getitem(x, index):
    """``x[index]`` in all of PyTorch's forms: a view for integers and slices, otherwise a copy."""
    parts, basic = index_of(x, index)
    if not basic and (stages := staged(parts)):
        return getitem(getitem(x, stages[0]), stages[1])
    x_shape = x.shape
    if basic and Ellipsis not in parts:
        parts = (*parts, Ellipsis)  # makes NumPy return a view for a single element, too
    repeats = not basic and any(isinstance(p, np.ndarray) and p.dtype.kind != "b" for p in parts)

    def rule(g):
        if is_grad_enabled():
            return scatter_index(g, parts, x_shape, repeats)
        return Patch(g, parts, x_shape, repeats)

    try:
        array = x.array[parts]
    except IndexError as error:
        raise IndexError(f"{error} (indexing a tensor of shape {x_shape})") from None
    if basic:
        return record_view(array, x, rule, lambda b: getitem(b, parts))
    return record(array, (x, rule))


def scatter_index(g, index, shape, repeats=True):
    """The adjoint of ``x[index]``: zeros of ``shape`` with ``g`` added at ``index``."""
    return record(
        Patch(g, index, shape, repeats).spread().array, (g, lambda gg: getitem(gg, index))
    )


def zero_index(x, index):
    """A copy of ``x`` with zeros at ``index``."""
    array = x.array.copy(order="K")
    array[index] = 0
    return record(array, (x, lambda g: zero_index(g, index)))


def _along(dim, index, name):
    """The NumPy index that takes ``index[i, j, ...]`` along ``dim`` at its own other positions."""
    grids = list(np.ogrid[tuple(slice(n) for n in index.shape)])
    if index.dtype.kind not in "iu":
        raise RuntimeError(f"{name}: expected int64 for index, got {index.dtype}")
    if index.ndim:
        grids[dim] = index
    return tuple(grids)


def gather(input, dim, index):
    """Values along ``dim``, shaped as ``index``: ``out[i][j] = x[index[i][j]][j]`` for dim 0."""
    x = tensor_of(input, "gather")
    dim = dimension(dim, x.ndim, "gather")
    _within(x, dim, index, "gather")
    x_shape, places = x.shape, _along(dim, index.array, "gather")
    return record(
        x.array[places] if x.ndim else x.array.copy(),
        (x, lambda g: scatter_index(g, places, x_shape)),
    )


def _within(x, dim, index, name):
    """Raise unless ``index`` is no larger than ``x`` but along ``dim``, and points into it."""
    sizes = zip(index.shape, x.shape, strict=False)
    if index.ndim != x.ndim or any(n > m for d, (n, m) in enumerate(sizes) if d != dim):
        raise RuntimeError(
            f"{name}: index {index.shape} must have the dimensions of {x.shape} and be no larger "
            f"but in dim {dim}"
        )
    bound = x.shape[dim] if x.ndim else 1
    wrong = (index.array < 0) | (index.array >= bound)
    if wrong.any():
        raise RuntimeError(
            f"{name}: index {index.array[wrong].flat[0]} is out of bounds for dimension {dim} with "
            f"size {bound}"
        )


def take_along_dim(input, indices, dim=None):
    """Like `gather`, with broadcasting; over the flattened ``input`` without ``dim``."""
    if dim is None:
        return gather(input.flatten(), 0, indices.flatten())
    dim = dimension(dim, input.ndim, "take_along_dim")
    others = [
        1 if d == dim else max(n, m)
        for d, (n, m) in enumerate(zip(input.shape, indices.shape, strict=True))
    ]
    wide = [input.shape[d] if d == dim else n for d, n in enumerate(others)]
    deep = [indices.shape[d] if d == dim else n for d, n in enumerate(others)]
    return gather(input.expand(wide), dim, indices.expand(deep))


def scatter(input, dim, index, src=None, *, value=None, reduce=None):
    """A copy of ``input`` with ``src`` (tensor or number) written at ``index`` along ``dim``."""
    if (src is None) == (value is None):
        raise TypeError("scatter: give what to write, either as src or as value")
    src = value if src is None else src
    if reduce == "add":
        return scatter_add(input, dim, index, src)
    if reduce is not None:
        raise RuntimeError(f"scatter: reduce is None or 'add', not {reduce!r}")
    places, src = _scattered(input, dim, index, src, "scatter")
    return put(input, places, src)


def scatter_add(input, dim, index, src):
    """A copy of ``input`` with ``src`` added at ``index`` along ``dim``."""
    return put_added(input, *_scattered(input, dim, index, src, "scatter_add"))


def _scattered(x, dim, index, src, name):
    dim = dimension(dim, tensor_of(x, name).ndim, name)
    _within(x, dim, index, name)
    if not isinstance(src, Tensor):
        src = Tensor(np.full(index.shape, src, x.dtype))
    if src.dtype != x.dtype:
        raise RuntimeError(f"{name}: expected src of dtype {x.dtype}, got {src.dtype}")
    if src.ndim != index.ndim or any(n > m for n, m in zip(index.shape, src.shape, strict=True)):
        raise RuntimeError(f"{name}: index {index.shape} is larger than src {src.shape}")
    return _along(dim, index.array, name), src[tuple(slice(n) for n in index.shape)]


def last_written(shape, index):
    """True where a write to ``x[index]`` is not overwritten by a later one to the same element."""
    probe = np.empty(shape, np.int64)
    places = probe[index].shape
    writers = np.arange(int(np.prod(places))).reshape(places)
    probe[index] = writers
    return Tensor(np.asarray(probe[index] == writers))


def put(x, places, value):
    """A copy of ``x`` with the tensor ``value``, which broadcasts, written at a NumPy index."""
    array = x.array.copy(order="K")
    array[places] = value.array
    last = last_written(x.shape, places)
    return record(
        array,
        (x, lambda g: zero_index(g, places)),
        (value, lambda g: where(last, getitem(g, places), 0)),
    )


def put_added(x, places, value):
    """A copy of ``x`` with the tensor ``value``, which broadcasts, added at a NumPy index."""
    array = x.array.copy(order="K")
    np.add.at(array, places, value.array)
    return record(array, (x, lambda g: g), (value, lambda g: getitem(g, places)))


def index_select(input, dim, index):
    """The slices along ``dim`` at the integers in the vector ``index``."""
    x = tensor_of(input, "index_select")
    dim = dimension(dim, x.ndim, "index_select")
    if index.ndim > 1:
        raise IndexError(f"index_select: index is a vector, not of shape {index.shape}")
    return getitem(x, (slice(None),) * dim + (index.reshape(-1),))


def index_add(input, dim, index, source, *, alpha=1):
    """A copy with ``alpha`` times slices of ``source`` added at ``index`` along ``dim``."""
    x = tensor_of(input, "index_add")
    dim = dimension(dim, x.ndim, "index_add")
    places = (slice(None),) * dim + (index.array,)
    wanted = x.shape[:dim] + (index.array.size,) + x.shape[dim + 1 :]
    if index.ndim > 1 or source.shape != wanted:
        raise RuntimeError(
            f"index_add: index {index.shape} and source {source.shape} do not fit {x.shape} in dim "
            f"{dim}: expected a vector of indices and source {wanted}"
        )
    return put_added(x, places, source * alpha if alpha != 1 else source)


def masked_fill(input, mask, value):
    """``input`` with ``value``, a number or 0-d tensor, where ``mask`` holds."""
    if mask.dtype.kind != "b":
        raise RuntimeError(f"masked_fill: expected a mask of dtype bool, got {mask.dtype}")
    value = promote(input, value, "masked_fill")[1]
    if value.ndim:
        raise RuntimeError(f"masked_fill: value must be a number or 0-d, not {value.shape}")
    return where(mask, cast(value, input.dtype), input)


def masked_select(input, mask):
    """The elements where ``mask`` holds, a vector."""
    if mask.dtype.kind != "b":
        raise RuntimeError(f"masked_select: expected a mask of dtype bool, got {mask.dtype}")
    shape = np.broadcast_shapes(input.shape, mask.shape)
    return getitem(input.expand(shape), mask.expand(shape))


def nonzero(input, *, as_tuple=False):
    """Where elements are not 0: a row for each, or with ``as_tuple`` a vector per dimension."""
    found = np.nonzero(np.atleast_1d(input.array))
    if as_tuple:
        return tuple(Tensor(i) for i in found)
    return Tensor(np.stack(found, 1)[:, : input.ndim])
