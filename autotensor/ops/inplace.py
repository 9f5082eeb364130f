"""Writing into memory: ``x[i] = v``, ``x += y``, ``x.mul_(y)``, followed through views.

A recorded write gives the tensor a new history. If it is a view, so does its base: its gradient
goes to the old base but for what was overwritten, and to what was written there.
"""

import functools

import numpy as np

from autotensor.creation import default_generator
from autotensor.deferred import Deferred
from autotensor.engine import is_grad_enabled
from autotensor.memory import before_write
from autotensor.ops import elementwise, indexing
from autotensor.ops.arguments import cast, promote
from autotensor.tensor import Tensor, history, record, wrote


def assign(x, value):
    """Overwrite ``x`` with the tensor ``value``, which broadcasts to it; returns ``x``."""
    _writable(x, value.dtype)
    try:
        fits = np.broadcast_shapes(x.shape, value.shape) == x.shape
    except ValueError:
        fits = False
    if not fits:
        raise RuntimeError(f"a value of shape {value.shape} does not fit in place of {x.shape}")
    followed = is_grad_enabled() and (x.requires_grad or value.requires_grad)
    np.copyto(x.array, value.array, casting="unsafe")
    wrote(x)
    if followed:
        rebase(x, (value, lambda g: g) if value.requires_grad else (x, lambda g: g * 0))
    return x


def setitem(x, index, value):
    """``x[index] = value`` in all of PyTorch's forms."""
    if not isinstance(value, Tensor):
        value = _number(x, value) if np.isscalar(value) else Tensor(np.asarray(value))
    parts, basic = indexing.index_of(x, index)
    if basic:
        assign(indexing.getitem(x, parts), _trimmed(cast(value, x.dtype)))
        return
    if stages := indexing.staged(parts):
        setitem(indexing.getitem(x, stages[0]), stages[1], value)
        return
    _writable(x, value.dtype)
    followed = is_grad_enabled() and (x.requires_grad or value.requires_grad)
    try:
        target = x.array[parts].shape
        x.array[parts] = np.broadcast_to(_trimmed(value).array, target)
    except ValueError:
        raise RuntimeError(
            f"a value of shape {value.shape} does not fit in x[index], of shape {target}"
        ) from None
    except IndexError as error:
        raise IndexError(f"{error} (indexing a tensor of shape {x.shape})") from None
    wrote(x)
    if followed:
        last = indexing.last_written(x.shape, parts)
        rebase(
            x,
            (x, lambda g: indexing.zero_index(g, parts)),
            (value, lambda g: elementwise.where(last, indexing.getitem(g, parts), 0)),
        )


def _number(x, value):
    """A number (or 0-d tensor) as a tensor of the dtype of ``x``, in which it is written."""
    return cast(promote(x, value, "writing in place")[1], x.dtype)


def _trimmed(value):
    """``value`` without leading dimensions of size 1, as NumPy lets them be in assignment."""
    while value.ndim and value.shape[0] == 1:
        value = indexing.getitem(value, 0)
    return value


def check_leaf(x):
    """Raise RuntimeError if ``x`` may not be written in place since it is a leaf, or shows one."""
    if is_grad_enabled():
        base = x if x.origin is None else x.origin.base
        if base.requires_grad and base.is_leaf:
            raise RuntimeError(
                "a leaf tensor that requires grad (or a view of one) is being written in place: "
                "write under no_grad(), or make a new tensor (x = x + y)"
            )


def _writable(x, dtype):
    check_leaf(x)
    order = "biufc"
    ranks = {kind: rank for rank, kind in enumerate(order)} | {"u": 1, "i": 1}
    if ranks[dtype.kind] > ranks[x.dtype.kind]:
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
    """Give ``x``, just written, the history that ``terms`` say; and its base, if it is a view."""
    written = record(x.array, *terms)
    if x.origin is not None:
        base, replay = x.origin.base, x.origin.replay
        kept = _elsewhere(base.array, replay)
        base.node = record(
            base.array, (base, lambda g: elementwise.where(kept, g, 0)), (written, replay)
        ).node
        x.origin.seen = base.node
    x.node = written.node


def _elsewhere(array, replay):
    """True in the shape of ``array`` but for what the view ``replay`` shows of it."""
    mask = np.ones_like(array, dtype=bool)  # in the same memory order, so that views are the same
    replay(Tensor(mask)).array[...] = False
    return Tensor(mask)


def in_place(function):
    """The method that writes the result of ``function(x, ...)`` into ``x``."""

    @functools.wraps(function)
    def method(x, *args, **named):
        if type(x) is Deferred and function.__name__ in x.fused:
            value = x.fused[function.__name__]()
            x.array, x.node = value.array, value.node
            return x
        old = x
        if is_grad_enabled() and (x.requires_grad or any(map(history, args))):
            # What the rules save must be the values before the write.
            _writable(x, x.dtype)
            old = record(x.array.copy(order="K"), (x, lambda g: g))
            args = [old if arg is x else arg for arg in args]
        return assign(x, function(old, *args, **named))

    method.__name__ = f"{function.__name__}_"
    method.__doc__ = f"`{function.__name__}`, written into this tensor, which is returned."
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


def _random(x, drawn):
    return assign(x, Tensor(np.asarray(drawn).astype(x.dtype, copy=False)))


def uniform_(x, a=0.0, b=1.0, *, generator=None):
    """Overwrite with numbers drawn evenly from [a, b)."""
    if a > b:
        raise RuntimeError(f"uniform_: expected a <= b, got {a} and {b}")
    source = (generator or default_generator).numpy
    return _random(x, source.random(x.shape, _float_kind(x)) * (b - a) + a)


def normal_(x, mean=0.0, std=1.0, *, generator=None):
    """Overwrite with normal numbers."""
    if std < 0:
        raise RuntimeError(f"normal_: std must not be negative, got {std}")
    source = (generator or default_generator).numpy
    return _random(x, source.standard_normal(x.shape, _float_kind(x)) * std + mean)


def bernoulli_(x, p=0.5, *, generator=None):
    """Overwrite with 1 with probability ``p``, otherwise 0."""
    p = p.array if isinstance(p, Tensor) else p
    if not np.all((np.asarray(p) >= 0) & (np.asarray(p) <= 1)):
        raise RuntimeError(f"bernoulli_: a probability is between 0 and 1, got {p}")
    return _random(x, (generator or default_generator).numpy.random(x.shape) < p)


def _float_kind(x):
    return x.dtype if x.dtype.itemsize in (4, 8) and x.dtype.kind == "f" else np.float32
