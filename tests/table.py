"""One row for each operation and way of calling it: what the uniform checks need to know.

A row names a function of `autotensor.ops`, arguments to call it with (`real` marks tensors to be
drawn), NumPy's word for the same, and which values its gradient rules may keep alive.
"""

import math
import pkgutil
from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

import autotensor as at
from autotensor import ops
from autotensor.tensor import Tensor

MODULES = [import_module(f"{ops.__name__}.{m.name}") for m in pkgutil.iter_modules(ops.__path__)]
FUNCTIONS = {name: getattr(m, name) for m in MODULES for name in getattr(m, "__all__", ())}


class Draw(NamedTuple):
    """A tensor to be drawn evenly between two numbers."""

    shape: tuple
    low: float = -2.0
    high: float = 2.0


def real(*shape, low=-2.0, high=2.0):
    """A float tensor of the given shape, drawn evenly between ``low`` and ``high``."""
    return Draw(shape, low, high)


class Row(NamedTuple):
    """One way of calling one operation."""

    name: str
    args: tuple
    named: dict[str, Any] = {}  # noqa: RUF012 - never written to
    # The same on arrays; None where the file of tests for the family compares values.
    reference: Callable | None = None
    # Of the values that the rule for each drawn tensor may keep: x y z the drawn tensors, o the
    # output, * anything. None: the operation is made of others, and what they keep is theirs.
    saves: tuple | None = None
    differentiable: bool = True
    # The drawn tensors broadcast against each other, and the result has their shape.
    elementwise: bool = False
    # The shape of the first drawn tensor for the check of zero-size input; None: there is none.
    empty: tuple | None = (0, 3)

    def call(self, *args, **named):
        """Call the function under test; one that draws random numbers draws the same each time."""
        at.manual_seed(0)
        return FUNCTIONS[self.name](*args, **named)


def draws(args):
    """All `Draw`s among the arguments, in order."""
    for arg in args:
        if isinstance(arg, Draw):
            yield arg
        elif isinstance(arg, (tuple, list)):
            yield from draws(arg)


def filled(args, values):
    """The arguments with the next of the iterator ``values`` in place of each `Draw`."""
    made = []
    for arg in args:
        if isinstance(arg, Draw):
            made.append(next(values))
        elif isinstance(arg, (tuple, list)) and any(True for _ in draws(arg)):
            made.append(filled(arg, values))
        else:
            made.append(arg)
    return tuple(made)


def wrapped(args, dtype=np.float64):
    """The arguments with constant arrays (indices, masks, weights) as tensors."""

    def wrap(arg):
        return Tensor(arg.astype(dtype) if arg.dtype.kind == "f" else arg)

    return tuple(wrap(arg) if isinstance(arg, np.ndarray) else arg for arg in args)


def numpy_form(function):
    """A NumPy function called with PyTorch's ``dim`` and ``keepdim``."""

    def call(*args, **named):
        theirs = {"dim": "axis", "keepdim": "keepdims", "correction": "ddof"}
        return function(*args, **{theirs.get(name, name): value for name, value in named.items()})

    return call


X = real(3, 4)
MASK = np.array([[True, False, True, True], [False] * 4, [True, True, False, False]])
INDEX = np.array([[0, 2, 1, 0], [1, 1, 0, 2]])


def _unary(names, reference=None, saves="", low=-2.0, high=2.0, **more):
    for name in names.split():
        same = getattr(np, name) if reference is None else reference
        yield Row(
            *(name, (real(3, 4, low=low, high=high),), {}, same, (saves,)),
            elementwise=True,
            **more,
        )


def _binary(name, reference, saves, low=-2.0, high=2.0, **named):
    pair = (real(3, 4, low=low, high=high), real(3, 4, low=low, high=high))
    yield Row(name, pair, named, reference, saves, elementwise=True)


def _untracked(names, *args, reference=None, **more):
    """Rows of functions whose results have no gradient."""
    for name in names.split():
        same = getattr(np, name) if reference is None else reference
        yield Row(name, args, {}, same, differentiable=False, **more)


def _reductions(names, saves, reference=None, **more):
    """A row for each form of a reduction over dimensions."""
    for name in names.split():
        same = numpy_form(reference or getattr(np, name))
        forms = ({}, {"dim": 1}, {"dim": -2, "keepdim": True}, {"dim": (0, 2)})
        for named in forms[: 3 if name == "prod" else 4]:
            yield Row(name, (real(2, 3, 4),), named, same, saves, **{"empty": (2, 0, 3), **more})


def _erf(x):
    return np.vectorize(math.erf, otypes=[np.float64])(x)


def _logistic(x):
    return 1 / (1 + np.exp(-x))


def _logsumexp(x, axis, keepdims=False):
    return np.log(np.exp(x).sum(axis=axis, keepdims=keepdims))


def _put(x, index, value, add=False):
    out = x.copy()
    if add:
        np.add.at(out, index, value)
    else:
        out[index] = value
    return out


def _indexed(x, dim, index, value):
    return _put(x, (slice(None),) * dim + (index,), value)


def _scattered(x, dim, index, src, add=False):
    out = x.copy()
    for place in np.ndindex(index.shape):
        target = list(place)
        target[dim] = index[place]
        value = src[place] if np.ndim(src) else src
        out[tuple(target)] = out[tuple(target)] + value if add else value
    return out


def _norm(x, p=2, axis=None, keepdims=False):
    return (np.abs(x) ** p).sum(axis=axis, keepdims=keepdims) ** (1 / p)


ELEMENTWISE = [
    *_unary("floor ceil trunc sign", differentiable=True),
    *_unary("round", lambda x: np.round(x)),
    *_unary("frac", lambda x: x - np.trunc(x)),
    *_unary("neg", np.negative),
    *_unary("abs", saves="x"),
    *_unary("square sin cos sinh cosh", saves="x"),
    *_unary("exp exp2 expm1 tanh", saves="o"),
    *_unary("sigmoid", _logistic, "o"),
    *_unary("tan", saves="o", low=-1, high=1),
    *_unary("log log2 log10 log1p", saves="x", low=0.2, high=3),
    *_unary("sqrt", saves="o", low=0.2, high=3),
    *_unary("rsqrt", lambda x: 1 / np.sqrt(x), "o", low=0.2, high=3),
    *_unary("reciprocal", np.reciprocal, None, low=0.2, high=3),
    *_unary("asin", np.arcsin, "x", low=-0.8, high=0.8),
    *_unary("acos", np.arccos, "x", low=-0.8, high=0.8),
    *_unary("atanh", np.arctanh, "x", low=-0.8, high=0.8),
    *_unary("atan", np.arctan, "x"),
    *_unary("asinh", np.arcsinh, "x"),
    *_unary("acosh", np.arccosh, "x", low=1.2, high=3),
    *_unary("erf", _erf, "x"),
    *_unary("nan_to_num", saves=""),
    *_binary("add", np.add, ("", "")),
    *_binary("add", lambda x, y, alpha: x + alpha * y, ("", ""), alpha=2.5),
    *_binary("sub", np.subtract, ("", "")),
    *_binary("sub", lambda x, y, alpha: x - alpha * y, ("", ""), alpha=2.5),
    *_binary("mul", np.multiply, ("y", "x")),
    *_binary("div", np.divide, ("y", "xy"), low=0.3),
    *_binary("pow", np.power, ("xy", "xyo"), low=0.3),
    *_binary("remainder", np.remainder, ("", "*"), low=0.3),
    *_binary("fmod", np.fmod, ("", "*"), low=0.3),
    *_binary("maximum", np.maximum, ("xy", "xy")),
    *_binary("minimum", np.minimum, ("xy", "xy")),
    *_binary("atan2", np.arctan2, ("xy", "xy"), low=0.3),
    *_binary("lerp", lambda x, y, weight: x + weight * (y - x), ("", ""), weight=0.3),
    *_binary("clamp", np.maximum, ("", "")),
    Row("lerp", (X, X, X), {}, lambda x, y, w: x + w * (y - x), elementwise=True),
    Row("clamp", (X, X, X), {}, np.clip, ("", "", ""), elementwise=True),
    Row("clamp", (X, -0.5, 0.5), {}, np.clip, ("",), elementwise=True),
    Row("clamp", (X,), {"max": 0.5}, lambda x, max: np.minimum(x, max), ("",), elementwise=True),
    Row("clamp_min", (X, 0.5), {}, np.maximum, ("",), elementwise=True),
    Row("clamp_max", (X, 0.5), {}, np.minimum, ("",), elementwise=True),
    Row("pow", (X, 3), {}, np.power, ("*",), elementwise=True),
    Row("pow", (X, 2), {}, np.power, ("x",), elementwise=True),
    Row("pow", (2.5, X), {}, np.power, ("o*",), elementwise=True),
    Row("where", (MASK, X, X), {}, np.where, ("", ""), empty=None),
    Row("masked_fill", (X, MASK, 0.5), {}, lambda x, m, v: np.where(m, v, x), ("",), empty=None),
    *_untracked("floor_divide", X, real(3, 4, low=0.5), elementwise=True),
]

COMPARISONS = [
    *_untracked("eq", X, X, reference=np.equal, elementwise=True),
    *_untracked("ne", X, X, reference=np.not_equal, elementwise=True),
    *_untracked("lt", X, X, reference=np.less, elementwise=True),
    *_untracked("le", X, X, reference=np.less_equal, elementwise=True),
    *_untracked("gt", X, X, reference=np.greater, elementwise=True),
    *_untracked("ge", X, X, reference=np.greater_equal, elementwise=True),
    *_untracked("logical_and logical_or logical_xor isclose", X, X, elementwise=True),
    *_untracked("logical_not isnan isinf isfinite", X, elementwise=True),
    *_untracked("bitwise_and bitwise_or bitwise_xor", MASK, ~MASK.T[:3, :1]),
    *_untracked("bernoulli", np.array([[0.0, 1.0, 1.0]]), reference=lambda p: p),  # certain draws
    *_untracked(
        "multinomial",
        np.array([[0.0, 2.0], [1.0, 0.0]]),
        1,
        empty=None,
        reference=lambda p, n: p.argmax(1, keepdims=True),
    ),
    *_untracked("bitwise_not", INDEX, reference=np.invert),
    *_untracked("allclose", X, X, empty=None),
    *_untracked("equal", X, X, reference=np.array_equal),
]

REDUCTIONS = [
    *_reductions("sum mean", ("",)),
    *_reductions("var", ("x",), lambda x, **named: np.var(x, ddof=1, **named)),
    *_reductions("std", ("xo",), lambda x, **named: np.std(x, ddof=1, **named)),
    Row("var", (real(5, 3),), {"dim": 0, "correction": 0}, numpy_form(np.var), ("x",)),
    *_reductions("prod", None),
    *_reductions("amax amin", ("xo",), empty=(3, 0, 3)[:0] or None),
    *_reductions("all any", None, differentiable=False),
    Row("max", (X,), {}, np.max, ("xo",), empty=None),
    Row("min", (X,), {}, np.min, ("xo",), empty=None),
    Row("max", (X, 1), {}, lambda x, d: (x.max(d), x.argmax(d)), ("",), empty=(0, 3)),
    Row("min", (X, 0), {}, lambda x, d: (x.min(d), x.argmin(d)), ("",), empty=(3, 0)),
    Row("max", (X, X), {}, np.maximum, ("xy", "xy"), elementwise=True),
    *_untracked("argmax argmin", X, empty=None),
    *_untracked("argmax argmin", X, 1),
    *_untracked("count_nonzero", X),
    Row("logsumexp", (X, 1), {}, _logsumexp, ("xo",), empty=(0, 3)),
    Row("logsumexp", (X, (0, 1)), {"keepdim": True}, numpy_form(_logsumexp), ("xo",)),
    Row("var_mean", (X, 1), {}, lambda x, d: (x.var(d, ddof=1), x.mean(d))),
]

SHAPES = [
    Row("reshape", (X, (2, 6)), {}, np.reshape, ("",), empty=None),
    Row("flatten", (real(2, 3, 4), 1), {}, lambda x, d: x.reshape(2, 12), ("",), empty=None),
    Row("unflatten", (X, 1, (2, 2)), {}, lambda x, d, s: x.reshape(-1, 2, 2), ("",), empty=(0, 4)),
    Row("permute", (real(2, 3, 4), (2, 0, 1)), {}, np.transpose, ("",), empty=(2, 0, 3)),
    Row("transpose", (X, 0, 1), {}, np.swapaxes, ("",)),
    Row("t", (X,), {}, np.transpose, ("",)),
    Row("movedim", (real(2, 3, 4), 0, 2), {}, np.moveaxis, ("",), empty=(2, 0, 3)),
    Row("squeeze", (real(3, 1, 4),), {}, np.squeeze, ("",), empty=(0, 1, 3)),
    Row("squeeze", (real(3, 1, 1), 1), {}, np.squeeze, ("",), empty=(0, 1, 3)),
    Row("unsqueeze", (X, -1), {}, np.expand_dims, ("",)),
    Row("diagonal", (X,), {}, np.diagonal, ("",)),
    Row("diagonal", (real(2, 3, 4), -1, 2, 0), {}, np.diagonal, ("",), empty=(2, 0, 4)),
    Row("unfold", (real(2, 5), 1, 3, 2), {},
        lambda x, d, n, s: np.stack([x[:, :3], x[:, 2:]], 1), ("",), empty=None),
    Row("unfold", (real(4, 2), 0, 2, 1), {},
        lambda x, d, n, s: np.stack([x[i : i + 2].T for i in range(3)]), ("",), empty=None),
    Row("cat", ([X, real(2, 4)],), {}, np.concatenate, ("", ""), empty=(0, 4)),
    Row("cat", ([X, real(3, 2)], 1), {}, np.concatenate, ("", ""), empty=(3, 0)),
    Row("stack", ([X, X],), {"dim": 1}, numpy_form(np.stack), ("", ""), empty=None),
    Row("hstack", ([X, real(3, 2)],), {}, np.hstack, ("", ""), empty=(3, 0)),
    Row("vstack", ([X, real(4)],), {}, np.vstack, ("", ""), empty=(0, 4)),
    Row("narrow", (X, 1, 1, 2), {}, lambda x, d, s, n: x[:, s : s + n], ("",), empty=(0, 4)),
    Row("select", (X, 1, -1), {}, lambda x, d, i: x[:, i], ("",)),
    Row("split", (real(5, 2), 2), {}, lambda x, n: [x[:2], x[2:4], x[4:]], ("",), empty=None),
    Row("split", (X, [1, 3], 1), {}, lambda x, n, d: [x[:, :1], x[:, 1:]], ("",), empty=(0, 4)),
    Row("chunk", (real(5, 2), 2), {}, lambda x, n: [x[:3], x[3:]], ("",), empty=None),
    Row("unbind", (X, 1), {}, lambda x, d: list(x.T), ("",)),
    Row("flip", (X, (0, 1)), {}, np.flip, ("",)),
    Row("roll", (X, (1, -2), (0, 1)), {}, np.roll, ("",)),
    Row("roll", (X, 5), {}, np.roll, ("",)),
    Row("clone", (X,), {}, np.copy, ("",)),
    Row("pad", (X, (1, 2, 0, -1)), {"value": 3.0},
        lambda x, p, value: np.pad(x[:-1], ((0, 0), (1, 2)), constant_values=value), ("",),
        empty=None),
    Row("pad", (X, (3, 2)), {"mode": "reflect"},
        lambda x, p, mode: np.pad(x, ((0, 0), p), mode), empty=(0, 4)),
    Row("pad", (X, (1, 2)), {"mode": "replicate"},
        lambda x, p, mode: np.pad(x, ((0, 0), p), "edge"), empty=(0, 4)),
    Row("pad", (X, (0, 3)), {"mode": "circular"},
        lambda x, p, mode: np.pad(x, ((0, 0), p), "wrap"), empty=(0, 4)),
]  # fmt: skip

INDEXING = [
    Row("gather", (X, 0, INDEX), {}, lambda x, d, i: np.take_along_axis(x, i, d), ("",),
        empty=None),
    Row("take_along_dim", (X, INDEX[:1], 0), {}, lambda x, i, d: np.take_along_axis(x, i, d),
        ("",), empty=None),
    Row("scatter", (X, 0, INDEX[:, ::-1], real(2, 4)), {}, _scattered, ("", ""), empty=None),
    Row("scatter", (X, 1, INDEX, 1.5), {}, _scattered, ("",), empty=None),
    Row("scatter_add", (X, 0, INDEX, real(2, 4)), {}, lambda *a: _scattered(*a, add=True),
        ("", ""), empty=None),
    Row("index_select", (X, 1, np.array([3, 0, 3])), {}, lambda x, d, i: x[:, i], ("",),
        empty=(0, 4)),
    Row("index_add", (X, 0, np.array([2, 0, 2]), X), {"alpha": 0.5},
        lambda x, d, i, s, alpha: x + alpha * np.stack([s[1], 0 * s[1], s[0] + s[2]]), ("", ""),
        empty=None),
    Row("masked_select", (X, MASK), {}, lambda x, m: x[m], ("",), empty=None),
    Row("index_copy", (X, 1, np.array([2, 0]), real(3, 2)), {}, _indexed, ("", ""), empty=None),
    Row("index_fill", (X, 0, np.array([2, 0]), 0.5), {}, _indexed, ("",), empty=None),
    Row("index_put", (X, (np.array([2, 0, 2]), np.array([1, 3, 1])), real(3)), {},
        lambda x, i, v: _put(x, i, v), ("", ""), empty=None),
    Row("index_put", (X, (np.array([2, 0, 2]),), real(4)), {"accumulate": True},
        lambda x, i, v, accumulate: _put(x, i, v, add=True), ("", ""), empty=None),
    Row("masked_scatter", (X, MASK, real(2, 5)), {},
        lambda x, m, s: _put(x, m, s.reshape(-1)[: m.sum()]), ("", ""), empty=None),
    *_untracked("nonzero", X, reference=lambda x: np.stack(np.nonzero(x), 1)),
]  # fmt: skip

FUSED = [
    Row("addcmul", (X, X, real(3, 1)), {"value": 0.5}, lambda x, a, b, value: x + value * a * b,
        ("", "z", "y"), empty=None),
    Row("addcdiv", (X, X, real(3, 1, low=0.5)), {"value": 0.5},
        lambda x, a, b, value: x + value * a / b, ("", "z", "yz"), empty=None),
    Row("addmv", (real(3), X, real(4)), {"beta": 0.5, "alpha": 2},
        lambda x, a, b, beta, alpha: beta * x + alpha * (a @ b), ("", "z", "y"), empty=None),
    Row("addr", (X, real(3), real(4)), {"beta": 0.5, "alpha": 2},
        lambda x, a, b, beta, alpha: beta * x + alpha * np.outer(a, b), ("", "z", "y"),
        empty=None),
    Row("baddbmm", (real(2, 3, 5), real(2, 3, 4), real(2, 4, 5)), {"beta": 0.5, "alpha": 2},
        lambda x, a, b, beta, alpha: beta * x + alpha * (a @ b), ("", "z", "y"), empty=None),
    Row("addbmm", (real(3, 5), real(2, 3, 4), real(2, 4, 5)), {"beta": 0},
        lambda x, a, b, beta: (a @ b).sum(0), ("", "z", "y"), empty=None),
]  # fmt: skip

LINEAR = [
    Row("matmul", (X, real(4, 2)), {}, np.matmul, ("y", "x"), empty=(0, 4)),
    Row("matmul", (real(2, 3, 4), real(4, 2)), {}, np.matmul, ("y", "x"), empty=(0, 3, 4)),
    Row("matmul", (real(2, 1, 3, 4), real(5, 4, 2)), {}, np.matmul, ("y", "x"),
        empty=(0, 1, 3, 4)),
    Row("matmul", (real(4), real(4, 2)), {}, np.matmul, ("y", "x"), empty=None),
    Row("matmul", (real(2, 3, 4), real(4)), {}, np.matmul, ("y", "x"), empty=(2, 0, 4)),
    Row("mm", (X, real(4, 2)), {}, np.matmul, ("y", "x"), empty=(0, 4)),
    Row("bmm", (real(2, 3, 4), real(2, 4, 5)), {}, np.matmul, ("y", "x"), empty=(2, 0, 4)),
    Row("mv", (X, real(4)), {}, np.matmul, ("y", "x"), empty=(0, 4)),
    Row("dot", (real(4), real(4)), {}, np.dot, ("y", "x"), empty=None),
    Row("outer", (real(3), real(4)), {}, np.outer, ("y", "x"), empty=(0,)),
    Row("addmm", (real(3, 2), X, real(4, 2)), {"beta": 0.5, "alpha": 2},
        lambda x, a, b, beta, alpha: beta * x + alpha * (a @ b), ("", "z", "y"), empty=None),
    Row("linear", (X, real(2, 4), real(2)), {}, lambda x, w, b: x @ w.T + b, ("y", "x", ""),
        empty=(0, 4)),
    Row("linear", (real(2, 3, 4), real(5, 4)), {}, lambda x, w: x @ w.T, ("y", "x"),
        empty=(0, 3, 4)),
    Row("linear", (real(2, 3, 4), real(5, 4), real(5)), {}, lambda x, w, b: x @ w.T + b,
        ("y", "x", ""), empty=(2, 0, 4)),
    Row("linear", (real(4), real(2, 4), real(2)), {}, lambda x, w, b: x @ w.T + b,
        ("y", "x", ""), empty=None),
    Row("tril", (X,), {}, np.tril, ("",)),
    Row("triu", (real(2, 3, 4), 1), {}, np.triu, ("",), empty=(0, 3, 4)),
    Row("norm", (X,), {}, _norm, ("xo",)),
    Row("norm", (X, 3), {"dim": 1, "keepdim": True}, numpy_form(_norm), ("xo",)),
    Row("norm", (X, 1), {"dim": 0}, numpy_form(_norm), ("xo",)),
    Row("norm", (X, np.inf), {"dim": 1}, lambda x, p, dim: np.abs(x).max(dim), empty=None),
]  # fmt: skip

TABLE = [*ELEMENTWISE, *COMPARISONS, *REDUCTIONS, *SHAPES, *INDEXING, *FUSED, *LINEAR]
