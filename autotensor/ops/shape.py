"""The same elements in another shape or order: views where NumPy can, copies where it must."""

import math

import numpy as np

from autotensor import dtypes
from autotensor.modes import is_grad_enabled
from autotensor.ops.arguments import cast, dimension, dimensions, sizes, tensor_of
from autotensor.tensor import Made, Tensor, record, record_view

__all__ = [
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "clone",
    "flatten",
    "flip",
    "fliplr",
    "flipud",
    "movedim",
    "narrow",
    "permute",
    "reshape",
    "roll",
    "rot90",
    "select",
    "squeeze",
    "t",
    "transpose",
    "unflatten",
    "unsqueeze",
]


def reshape(input, *given, shape=None):
    """The elements in row order in another shape; one size may be -1. A view where possible."""
    x = tensor_of(input, "reshape")
    wanted = _resolved(x, sizes(given, shape), "reshape")
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


def permute(input, *given, dims=None):
    """The dimensions in another order."""
    order = sizes(given, dims)
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


def expand(x, *given, size=None):
    """Dimensions of size 1 repeated without copying; -1 keeps a size, new ones come in front."""
    size, x_shape = sizes(given, size), tensor_of(x, "expand").shape
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


def flip(input, *given, dims=None):
    """The order of elements reversed along the given dimensions."""
    x = tensor_of(input, "flip")
    dims = sizes(given, dims)
    axes = dimensions(dims, x.ndim, "flip") if dims else ()
    return record(np.flip(x.array, axes).copy(), (x, lambda g: flip(g, axes)))


def roll(input, shifts, dims=None):
    """Elements moved on by ``shifts`` along ``dims``, those pushed out coming in in front."""
    back = tuple(-s for s in shifts) if isinstance(shifts, (tuple, list)) else -shifts
    x = tensor_of(input, "roll")
    if np.size(shifts) != (1 if dims is None else np.size(dims)):
        raise RuntimeError(f"roll: shifts and dims must align, got {shifts} and {dims}")
    rolled = np.roll(x.array, shifts, dims)
    return record(rolled, (x, lambda g: roll(g, back, dims)))


def fliplr(input):
    """The order reversed from left to right: along dimension 1."""
    if tensor_of(input, "fliplr").ndim < 2:
        raise RuntimeError(f"fliplr: expected 2 dimensions at least, got {input.shape}")
    return flip(input, 1)


def flipud(input):
    """The order reversed from top to bottom: along dimension 0."""
    if not tensor_of(input, "flipud").ndim:
        raise RuntimeError("flipud: expected one dimension at least, got a 0-d tensor")
    return flip(input, 0)


def rot90(input, k=1, dims=(0, 1)):
    """Turned by 90 degrees ``k`` times, in the plane from the first of ``dims`` to the second."""
    first, second = dimensions(dims, tensor_of(input, "rot90").ndim, "rot90")
    turns = k % 4
    if turns == 2:
        return flip(input, first, second)
    turned = transpose(input, first, second) if turns else clone(input)
    return flip(turned, *{1: (first,), 3: (second,)}.get(turns, ())) if turns else turned


def _at_least(name, widen, summary):
    def at_least(*tensors):
        if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
            (tensors,) = tensors
            return tuple(widen(tensor_of(x, name)) for x in tensors)
        made = tuple(widen(tensor_of(x, name)) for x in tensors)
        return made if len(made) != 1 else made[0]

    at_least.__name__ = at_least.__qualname__ = name
    at_least.__doc__ = summary
    return at_least


def _layer(x):
    return unsqueeze(x if x.ndim == 2 else reshape(x, 1, -1), 2) if x.ndim < 3 else x


atleast_1d = _at_least(
    "atleast_1d", lambda x: x if x.ndim else reshape(x, 1), "0-d tensors as vectors."
)
atleast_2d = _at_least(
    "atleast_2d", lambda x: x if x.ndim > 1 else reshape(x, 1, -1), "Vectors as rows of a matrix."
)
atleast_3d = _at_least("atleast_3d", _layer, "Matrices as layers: (n, m) -> (n, m, 1).")


def clone(input, memory_format=None):
    """A copy in memory of its own; the gradient passes."""
    x = tensor_of(input, "clone")
    return record(x.array.copy(order="K"), (x, lambda g: g))


def contiguous(x, memory_format=None):
    """``x`` itself if its memory is in row order, otherwise a copy that is."""
    if tensor_of(x, "contiguous").array.flags.c_contiguous:
        return x
    return record(np.ascontiguousarray(x.array), (x, lambda g: g))
