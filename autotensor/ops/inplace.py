"""Writing into memory: ``x[i] = v``, ``x += y``, ``x.mul_(y)``, followed through views.

A recorded write gives the tensor a new history. If it is a view, so does its base: its gradient
goes to the old base but for what was overwritten, and to what was written there.
"""

import functools

import numpy as np

from autotensor.deferred import Deferred
from autotensor.engine import observers
from autotensor.memory import base_of, before_write
from autotensor.modes import is_grad_enabled
from autotensor.ops import elementwise, indexing, shape
from autotensor.ops.arguments import cast, promote
from autotensor.tensor import Tensor, history, is_recorded, record, succeed, wrote


def assign(x, value):
    """Overwrite ``x`` with the tensor ``value``, which broadcasts to it; returns ``x``."""
    _writable(x, value.dtype)
    try:
        fits = np.broadcast_shapes(x.shape, value.shape) == x.shape
    except ValueError:
        fits = False
    if not fits:
        raise RuntimeError(f"a value of shape {value.shape} does not fit in place of {x.shape}")
    if is_recorded(x, value):  # first, since it may raise
        rebase(x, (value, lambda g: g) if value.requires_grad else (x, lambda g: g * 0))
    np.copyto(x.array, value.array, casting="unsafe")
    wrote(x)
    return x


def setitem(x, index, value):
    """``x[index] = value`` in all of PyTorch's forms."""
    if not isinstance(value, Tensor):
        value = _number(x, value) if np.isscalar(value) else Tensor(np.asarray(value))
    parts, basic = indexing.index_of(x, index)
    followed = is_recorded(x, value)
    if basic and followed:
        assign(indexing.getitem(x, parts), _trimmed(cast(value, x.dtype)))
        return
    if not basic and (stages := indexing.staged(parts)):
        setitem(indexing.getitem(x, stages[0]), stages[1], value)
        return
    _writable(x, x.dtype if basic else value.dtype)
    value, target = _trimmed(value), None
    try:
        target = x.array[parts].shape
        values = np.broadcast_to(value.array, target)
    except ValueError:
        raise RuntimeError(
            f"a value of shape {value.shape} does not fit in x[index], of shape {target}"
        ) from None
    except IndexError as error:
        raise IndexError(f"{error} (indexing a tensor of shape {x.shape})") from None
    if followed:
        last = indexing.last_written(x.shape, parts)
        rebase(
            x,
            (x, lambda g: indexing.zero_index(g, parts)),
            (value, lambda g: elementwise.where(last, indexing.getitem(g, parts), 0)),
        )
    x.array[parts] = values
    wrote(x)


def _number(x, value):
    """A number (or 0-d tensor) as a tensor of the dtype of ``x``, in which it is written."""
    if type(value) in (int, float) and x.dtype.kind == "f":
        return Tensor(np.array(value, x.dtype))
    return cast(promote(x, value, "writing in place")[1], x.dtype)


def _trimmed(value):
    """``value`` without leading dimensions of size 1, as NumPy lets them be in assignment."""
    while value.ndim and value.shape[0] == 1:
        value = indexing.getitem(value, 0)
    return value


def check_leaf(x):
    """Raise RuntimeError if ``x`` may not be written in place while operations are recorded.

    That is a leaf, a view of one, and a view whose place in the graph is not known.
    """
    if (x.origin is None and x.node is None) or not is_grad_enabled():
        return
    base = base_of(x)
    if base is not None and x.origin.cut:
        raise RuntimeError(
            "a view that was made under no_grad() of a tensor that requires grad is being written "
            "in place: write under no_grad(), too, or make the view while operations are recorded"
        )
    for written in (x, base):
        if history(written) is not None and written.is_leaf:
            raise RuntimeError(
                "a leaf tensor that requires grad (or a view of one) is being written in place: "
                "write under no_grad(), or make a new tensor (x = x + y)"
            )


_RANKS = {"b": 0, "u": 1, "i": 1, "f": 2, "c": 3}


def _writable(x, dtype):
    """Raise RuntimeError unless values of ``dtype`` can be written to ``x`` now."""
    check_leaf(x)
    if dtype is not x.dtype and _RANKS[dtype.kind] > _RANKS[x.dtype.kind]:
        raise RuntimeError(
            f"result type {dtype} cannot be written to a tensor of {x.dtype}: convert one of them"
        )
    if not x.array.flags.writeable:
        raise RuntimeError(
            "this memory is read-only, or expanded so that several elements share a place: "
            "clone() first"
        )
    before_write(x.array)


def rebase(x, *terms):
    """Give ``x``, about to be written, the history of ``terms``; and its base, if it is a view.

    What raises does so before the write, which would otherwise have no history.
    """
    written = record(x.array, *terms)
    base = base_of(x)
    if base is not None:
        replay = x.origin.replay
        kept = _elsewhere(base.array, replay)
        merged = record(
            base.array, (base, lambda g: elementwise.where(kept, g, 0)), (written, replay)
        )
        succeed(base, merged.node)
        x.origin.seen = base.node
    succeed(x, written.node)


def _elsewhere(array, replay):
    """True in the shape of ``array`` but for what the view ``replay`` shows of it."""
    mask = np.ones_like(array, dtype=bool)  # in the same memory order, so that views are the same
    shown = replay(Tensor(mask)).array
    shown[...] = False
    if shown.size and mask.all():
        raise RuntimeError(
            f"this view, of shape {shown.shape}, of memory with strides {array.strides} cannot be "
            f"followed when it is written to: clone() first"
        )
    return Tensor(mask)


_UFUNCS = {"add": np.add, "sub": np.subtract, "mul": np.multiply}
_UFUNCS["div"] = np.errstate(divide="ignore", invalid="ignore")(np.true_divide)


def in_place(function):
    """The method that writes the result of ``function(x, ...)`` into ``x``."""
    ufunc = _UFUNCS.get(function.__name__)

    @functools.wraps(function)
    def method(x, *args, **named):
        if type(x) is Deferred and function.__name__ in x.fused:
            value = x.fused[function.__name__]()
            x.array, x.node = value.array, value.node
            return x
        if is_recorded(x, *args, *named.values()):
            _writable(x, x.dtype)
            # What the rules save must be the values before the write.
            args = [_before(arg, x) for arg in args]
            named = {name: _before(arg, x) for name, arg in named.items()}
            return assign(x, function(_before(x, x), *args, **named))
        if ufunc is not None and not observers and _fits(x, *args, **named):
            return _compute(ufunc, x, *args, **named)
        return assign(x, function(x, *args, **named))

    method.__name__ = method.__qualname__ = f"{function.__name__}_"
    method.__doc__ = f"`{function.__name__}`, written into this tensor, which is returned."
    return method


def _before(arg, x):
    """``arg`` in memory of its own, if it is a tensor that a write to ``x`` may change."""
    if arg is x or (isinstance(arg, Tensor) and np.may_share_memory(arg.array, x.array)):
        return shape.clone(arg)  # also where there are no elements to share
    return arg


def _fits(x, *args, alpha=1, **named):
    """Whether a ufunc can compute in the memory of ``x``: nothing to convert or to broadcast."""
    array = x.array
    if len(args) != 1 or named or array.dtype.kind != "f" or type(alpha) not in (int, float):
        return False
    if isinstance(args[0], Tensor):
        other = args[0].array
        return other.dtype is array.dtype and other.shape == array.shape
    return type(args[0]) in (int, float) and alpha == 1


def _compute(ufunc, x, other, alpha=1):
    """``ufunc(x, alpha * other)`` in the memory of ``x``, without another array where possible."""
    _writable(x, x.dtype)
    other = other.array if isinstance(other, Tensor) else float(other)
    ufunc(x.array, other if alpha == 1 else other * float(alpha), out=x.array)
    wrote(x)
    return x


def reshaping(function):
    """The method that shows ``x`` itself in the shape of its view ``function(x, ...)``."""

    @functools.wraps(function)
    def method(x, *args, **named):
        check_leaf(x)
        if x.requires_grad and not is_grad_enabled():
            raise RuntimeError(
                f"{function.__name__}_ of a tensor that requires grad is not recorded under "
                f"no_grad(): use x = x.{function.__name__}(...)"
            )
        seen = function(x, *args, **named)
        if seen.origin.base is x:  # other views of x are views of this one from now on
            seen.origin.base = Tensor(x.array, x.node)
        x.array, x.origin = seen.array, seen.origin
        if seen.node is not None:
            succeed(x, seen.node)
        wrote(x)  # whoever saved this tensor would see it in another shape
        return x

    method.__name__ = method.__qualname__ = f"{function.__name__}_"
    method.__doc__ = f"`{function.__name__}` of this tensor itself, which is returned."
    return method


def copy_(x, source, non_blocking=False):
    """Overwrite with ``source``, which broadcasts and is converted."""
    return assign(x, cast(source, x.dtype))


def fill_(x, value):
    """Overwrite with a number or 0-d tensor."""
    value = _number(x, value)
    if value.ndim:
        raise RuntimeError(f"fill_: expected a number or a 0-d tensor, got shape {value.shape}")
    return assign(x, value)


def zero_(x):
    """Overwrite with 0."""
    return fill_(x, 0)


def fill_diagonal_(x, fill_value, wrap=False):
    """Overwrite the main diagonal; of a tall matrix with ``wrap`` again below, after a row."""
    if x.ndim < 2:
        raise RuntimeError(f"fill_diagonal_: expected at least 2 dimensions, got {x.shape}")
    if x.ndim > 2 and len(set(x.shape)) > 1:
        raise RuntimeError(f"fill_diagonal_: more than 2 dimensions must be equal, got {x.shape}")
    places = np.arange(min(x.shape))
    index = (places,) * x.ndim
    if wrap and x.ndim == 2:
        flat = np.arange(0, x.shape[0] * x.shape[1], x.shape[1] + 1)
        index = np.unravel_index(flat, x.shape)
    setitem(x, index, fill_value)
    return x
