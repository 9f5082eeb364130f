"""Rows of the operation table for what is built on the basic operations.

Special functions, running and ordered values, statistics, joining, diagonals, contractions.
"""

import math

import numpy as np
from table import INDEX, Row, X, real

POSITIVE = real(3, 4, low=0.3, high=3)
UNIT = real(3, 4, low=0.1, high=0.9)
SQUARE = real(4, 4)
CUBE = real(2, 3, 4)


def _elementwise(name, args, reference=None, **more):
    return Row(name, args, {}, reference, elementwise=True, **more)


def _each(function):
    return np.vectorize(function, otypes=[np.float64])


def _untracked(name, *args, reference=None, empty=None, **named):
    return Row(name, args, named, reference, differentiable=False, empty=empty)


SPECIAL = [
    _elementwise("erfc", (X,), _each(math.erfc), saves=("x",)),
    _elementwise("erfinv", (UNIT,), saves=("o",)),
    _elementwise("lgamma", (POSITIVE,), _each(math.lgamma)),
    _elementwise("digamma", (POSITIVE,)),
    Row("polygamma", (1, POSITIVE)),
    Row("mvlgamma", (real(3, 4, low=1.2, high=3), 3)),
    _elementwise("logit", (UNIT,), lambda p: np.log(p / (1 - p))),
    Row("logit", (UNIT,), {"eps": 0.2}),
    _elementwise("xlogy", (X, POSITIVE), lambda x, y: x * np.log(y)),
    _elementwise("logaddexp", (X, X), np.logaddexp),
    _elementwise("logaddexp2", (X, X), np.logaddexp2),
    _elementwise("hypot", (POSITIVE, POSITIVE), np.hypot),
    _elementwise("sinc", (X,), np.sinc),
    _elementwise("copysign", (X, X), np.copysign),
    _elementwise("deg2rad", (X,), np.deg2rad),
    _elementwise("rad2deg", (X,), np.rad2deg),
    _elementwise("fmax", (X, X), np.fmax),
    _elementwise("fmin", (X, X), np.fmin),
    _elementwise("ldexp", (X, X), lambda x, y: x * 2**y),
    _untracked("float_power", POSITIVE, X, reference=np.float_power),
    _untracked("heaviside", X, UNIT, reference=np.heaviside),
    _untracked("bitwise_left_shift", INDEX, INDEX, reference=np.left_shift),
    _untracked("bitwise_right_shift", INDEX, INDEX, reference=np.right_shift),
    _untracked("isposinf", X, reference=np.isposinf),
    _untracked("isneginf", X, reference=np.isneginf),
]

RUNNING = [
    Row("cumsum", (X, 0), {}, np.cumsum, ("",)),
    Row("cumprod", (X, 1), {}, np.cumprod),
    Row("cumprod", (CUBE, 1), {}, np.cumprod, empty=None),
    Row("logcumsumexp", (X, 1), {}, np.logaddexp.accumulate, empty=None),
    Row("cummax", (X, 1), empty=None),
    Row("cummin", (X, 0), empty=None),
    Row("diff", (X,), {}, np.diff),
    Row("diff", (X, 2, 0), {}, np.diff, empty=None),
    Row("diff", (X, 1, 1, real(3, 1), real(3, 2)), empty=None),
    Row("trapezoid", (X,), {}, np.trapezoid),
    Row("trapezoid", (X, real(4)), {}, np.trapezoid, empty=None),
    Row("cumulative_trapezoid", (X,), {"dx": 0.5}),
]

ORDER = [
    Row("sort", (X,), {}, lambda x: (np.sort(x), np.argsort(x))),
    Row("sort", (X, 0, True), empty=None),
    Row("msort", (X,), {}, lambda x: np.sort(x, 0), empty=None),
    Row("topk", (X, 2), empty=None),
    Row("topk", (X, 2, 0), {"largest": False}, empty=None),
    Row("kthvalue", (X, 2), empty=None),
    Row("median", (X,), {}, lambda x: np.sort(x, None)[5], empty=None),
    Row("median", (X, 1), empty=None),
    Row("nanmedian", (X, 0), {"keepdim": True}, empty=None),
    Row("mode", (X, 1), empty=None),
    Row("quantile", (X, 0.3), {}, np.quantile, empty=None),
    Row("quantile", (X, 0.7, 1), {}, np.quantile, empty=None),
    Row("nanquantile", (X, 0.4, 0), {}, np.nanquantile, empty=None),
    _untracked("argsort", X, reference=np.argsort),
    _untracked("unique", INDEX, reference=np.unique),
    _untracked("unique_consecutive", INDEX[0]),
    _untracked("searchsorted", np.array([0.0, 1.0]), X, reference=np.searchsorted),
    _untracked("bucketize", X, np.array([0.0, 1.0]), reference=lambda x, b: b.searchsorted(x)),
    _untracked("isin", INDEX, INDEX[:, :1], reference=np.isin),
]

STATISTICS = [
    Row("gumbel_softmax", (X,), {"tau": 0.5}, empty=None),
    Row("nansum", (X, 1), {}, np.nansum),
    Row("nanmean", (X, 0), {}, np.nanmean, empty=None),
    Row("std_mean", (X, 1), {}, lambda x, d: (x.std(d, ddof=1), x.mean(d))),
    Row("aminmax", (X,), {"dim": 1}, lambda x, dim: (x.min(dim), x.max(dim))),
    Row("cov", (X,), {}, np.cov, empty=None),
    Row("corrcoef", (X,), {}, np.corrcoef, empty=None),
    _untracked("bincount", INDEX[0], reference=np.bincount),
    _untracked("histc", X, bins=4),
]

JOINING = [
    Row("dstack", ([X, X],), {}, np.dstack, empty=None),
    Row("column_stack", ([real(3), X],), {}, np.column_stack, empty=None),
    Row("block_diag", (X, real(2, 2)), empty=None),
    Row("meshgrid", (real(3), real(4)), empty=None),
    Row("cartesian_prod", (real(3), real(4)), empty=None),
    Row("combinations", (real(4),), empty=None),
    Row("repeat_interleave", (X, 2, 1), {}, np.repeat, empty=(0, 4)),
    Row("repeat_interleave", (X, np.array([1, 0, 2]), 0), {}, np.repeat, empty=None),
    Row("tile", (X, (2, 1)), {}, np.tile, empty=(0, 4)),
    Row("tensor_split", (X, 3, 1), {}, np.array_split, ("",)),
    Row("hsplit", (X, 2), {}, np.hsplit, ("",), empty=(0, 4)),
    Row("vsplit", (X, 3), {}, np.vsplit, ("",), empty=(3, 0)),
    Row("broadcast_tensors", (real(3, 1), real(1, 4)), {}, np.broadcast_arrays, empty=None),
    _untracked("broadcast_shapes", (3, 1), (4,)),
]

SHAPES = [
    Row("atleast_1d", (X,), {}, np.atleast_1d, ("",)),
    Row("atleast_2d", (real(4),), {}, np.atleast_2d, ("",), empty=(0,)),
    Row("atleast_3d", (X,), {}, np.atleast_3d, ("",)),
    Row("fliplr", (X,), {}, np.fliplr, ("",)),
    Row("flipud", (X,), {}, np.flipud, ("",)),
    *(Row("rot90", (X, k), {}, np.rot90) for k in range(4)),
    Row("diag", (real(4), 1), {}, np.diag, ("",), empty=None),
    Row("diag", (X, -1), {}, np.diag, ("",), empty=None),
    Row("diag_embed", (X,), empty=(0, 4)),
    Row("diag_embed", (X, 1, 0, 2), empty=None),
    Row("diagflat", (X,), {}, np.diagflat, ("",), empty=None),
    Row("trace", (SQUARE,), {}, np.trace, ("",), empty=None),
    Row("take", (X, INDEX), {}, np.take, empty=None),
    Row("select_scatter", (X, real(4), 0, 1), {}, empty=None),
    Row("slice_scatter", (X, real(3, 2), 1, 0, 4, 2), {}, empty=None),
    *(Row("scatter_reduce", (X, 0, INDEX, real(2, 4), how), {}, empty=None)
      for how in ("sum", "mean", "amax", "amin")),
    Row("scatter_reduce", (X, 0, INDEX, real(2, 4), "amin"), {"include_self": False}, empty=None),
    _untracked("argwhere", X, reference=np.argwhere),
    _untracked("tril_indices", 3, 4, reference=lambda n, m: np.stack(np.tril_indices(n, 0, m))),
    _untracked("triu_indices", 3, 4, reference=lambda n, m: np.stack(np.triu_indices(n, 0, m))),
    _untracked("numel", X, reference=np.size),
    _untracked("is_floating_point", X, reference=lambda x: True),
    _untracked("is_complex", X, reference=np.iscomplexobj),
    _untracked("is_nonzero", real(), reference=bool),
    _untracked("result_type", X, 2),
]  # fmt: skip

CONTRACTIONS = [
    Row("inner", (X, real(2, 4)), {}, np.inner, empty=(0, 4)),
    Row("kron", (X, real(2, 2)), {}, np.kron, empty=None),
    Row("cross", (real(4, 3), real(4, 3)), {}, np.cross, empty=None),
    Row("chain_matmul", (X, SQUARE, real(4, 2)), empty=None),
    Row("matrix_power", (SQUARE, 3), {}, np.linalg.matrix_power, empty=None),
    Row("tensordot", (CUBE, real(4, 5), 1), {}, np.tensordot, empty=None),
    Row("tensordot", (CUBE, real(2, 4, 5), ([0, 2], [0, 1])), {}, np.tensordot, empty=None),
    *(Row("einsum", (form, *args), {}, np.einsum, empty=None)
      for form, *args in [
          ("ij,jk->ik", X, SQUARE),
          ("ij->j", X),
          ("ii->i", SQUARE),
          ("bij,jk,k->bi", CUBE, SQUARE, real(4)),
          ("...j,j->...", CUBE, real(4)),
      ]),
    Row("dist", (X, X), {}, lambda x, y: np.sqrt(((x - y) ** 2).sum()), empty=None),
    Row("cdist", (X, real(2, 4)), empty=None),
    Row("pairwise_distance", (X, X), empty=None),
]  # fmt: skip

FUNCTION_ROWS = [
    *SPECIAL, *RUNNING, *ORDER, *STATISTICS, *JOINING, *SHAPES, *CONTRACTIONS
]  # fmt: skip
