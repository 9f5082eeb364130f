"""Sums of products over named or numbered dimensions, and distances."""

import functools

import numpy as np

from autotensor.ops.activation import floats_only
from autotensor.ops.arguments import dimension, tensor_of
from autotensor.ops.elementwise import pair
from autotensor.ops.linalg import matmul, mm, norm
from autotensor.ops.reduce import sum
from autotensor.ops.shape import expand, permute, reshape, roll, unsqueeze
from autotensor.tensor import Tensor

__all__ = [
    "cdist",
    "chain_matmul",
    "cross",
    "dist",
    "einsum",
    "inner",
    "kron",
    "matrix_power",
    "pairwise_distance",
    "pdist",
    "tensordot",
]


def tensordot(a, b, dims=2):
    """The sum of products over ``dims``: a number of dimensions, last of a with first of b.

    Or a pair of lists of dimensions. The remaining ones of ``a`` come first.
    """
    dims = dims.tolist() if isinstance(dims, Tensor) else dims
    if isinstance(dims, int):
        if not 0 <= dims <= min(a.ndim, b.ndim):
            raise RuntimeError(f"tensordot: dims {dims} of tensors {a.shape} and {b.shape}")
        dims = (range(a.ndim - dims, a.ndim), range(dims))
    of_a, of_b = (
        [dimension(d, x.ndim, "tensordot") for d in ds] for x, ds in zip((a, b), dims, strict=True)
    )
    sizes = [[x.shape[d] for d in ds] for x, ds in ((a, of_a), (b, of_b))]
    if sizes[0] != sizes[1]:
        raise RuntimeError(f"tensordot: contracted sizes differ: {sizes[0]} and {sizes[1]}")
    rest_a = [d for d in range(a.ndim) if d not in of_a]
    rest_b = [d for d in range(b.ndim) if d not in of_b]
    shape = [a.shape[d] for d in rest_a] + [b.shape[d] for d in rest_b]
    count = int(np.prod(sizes[0]))
    rows = reshape(permute(a, rest_a + of_a), int(np.prod([a.shape[d] for d in rest_a])), count)
    columns = reshape(permute(b, of_b + rest_b), count, int(np.prod([b.shape[d] for d in rest_b])))
    return reshape(mm(rows, columns), shape)


def einsum(equation, *operands):
    """The sum of products that Einstein's notation says: ``einsum("ij,jk->ik", a, b)``.

    A letter names a dimension; those that the result lacks are summed over, one that occurs twice
    in an operand takes the diagonal, ``...`` stands for more dimensions, which broadcast. Without
    ``->`` the result has the letters that occur once, in alphabetical order. Operands are
    contracted from left to right.
    """
    if len(operands) == 1 and isinstance(operands[0], (tuple, list)):
        (operands,) = operands
    terms, wanted = _parsed(equation.replace(" ", ""), operands)
    parts = [
        _distinct(tensor_of(x, "einsum"), term) for x, term in zip(operands, terms, strict=True)
    ]
    x, labels = parts[0]
    for number, (y, others) in enumerate(parts[1:], 1):
        later = {label for _, term in parts[number + 1 :] for label in term}
        x, labels = _contracted(x, labels, y, others, later | set(wanted))
    x, labels = _summed(x, labels, set(wanted))
    return permute(x, [labels.index(label) for label in wanted])


def _parsed(equation, operands):
    """The labels of each operand and of the result; the dimensions of ``...`` are numbers."""
    left, arrow, right = equation.partition("->")
    terms = left.split(",")
    if len(terms) != len(operands):
        raise RuntimeError(f"einsum: {len(operands)} operands for {len(terms)} terms: {equation!r}")
    extra = [x.ndim - len(term.replace("...", "")) for x, term in zip(operands, terms, strict=True)]
    found = []
    for x, term, more in zip(operands, terms, extra, strict=True):
        if more < 0 or (more and "..." not in term):
            raise RuntimeError(f"einsum: {term!r} does not name the dimensions of {x.shape}")
        found.append(_labels(term, more))
    known = {label for term in found for label in term}
    if arrow:
        wanted = _labels(right, max(extra))
    else:
        letters = [label for term in found for label in term if isinstance(label, str)]
        once = sorted(label for label in set(letters) if letters.count(label) == 1)
        wanted = sorted((label for label in known if isinstance(label, int)), reverse=True) + once
    if len(set(wanted)) != len(wanted) or set(wanted) - known:
        raise RuntimeError(f"einsum: the result has letters twice or of no operand: {equation!r}")
    if not all(label.isalpha() for label in known | set(wanted) if isinstance(label, str)):
        raise RuntimeError(f"einsum: dimensions are named by letters, got {equation!r}")
    return found, wanted


def _labels(term, more):
    before, _, after = term.partition("...")
    return [*before, *range(more, 0, -1), *after] if "..." in term else list(term)


def _distinct(x, labels):
    """The diagonal over labels that occur more than once."""
    while len(set(labels)) < len(labels):
        label = next(label for label in labels if labels.count(label) > 1)
        first = labels.index(label)
        second = labels.index(label, first + 1)
        if x.shape[first] != x.shape[second]:
            raise RuntimeError(f"einsum: {label!r} has sizes {x.shape[first]}, {x.shape[second]}")
        rest = [d for d in range(x.ndim) if d not in (first, second)]
        steps = np.arange(x.shape[first])
        x = permute(x, [first, second, *rest])[steps, steps]
        labels = [label, *(labels[d] for d in rest)]
    return x, labels


def _summed(x, labels, kept):
    """The sum over labels that are not kept."""
    gone = [d for d, label in enumerate(labels) if label not in kept]
    return (sum(x, gone) if gone else x), [label for label in labels if label in kept]


def _contracted(x, of_x, y, of_y, kept):
    """The sum of products of two over the labels that are not kept, as one product of matrices."""
    x, of_x = _summed(x, of_x, kept | set(of_y))
    y, of_y = _summed(y, of_y, kept | set(of_x))
    sizes = {}
    for part, labels in ((x, of_x), (y, of_y)):
        for size, label in zip(part.shape, labels, strict=True):
            if sizes.setdefault(label, size) == 1:
                sizes[label] = size
            elif size not in (1, sizes[label]):
                raise RuntimeError(f"einsum: {label!r} has sizes {sizes[label]} and {size}")
    both = [label for label in of_x if label in of_y]
    batch, gone = [b for b in both if b in kept], [b for b in both if b not in kept]
    rows, columns = ([e for e in labels if e not in both] for labels in (of_x, of_y))
    count = {key: int(np.prod([sizes[e] for e in group])) for key, group in
             {"batch": batch, "rows": rows, "gone": gone, "columns": columns}.items()}  # fmt: skip
    left = _arranged(x, of_x, batch + rows + gone, sizes)
    right = _arranged(y, of_y, batch + gone + columns, sizes)
    product = matmul(
        reshape(left, count["batch"], count["rows"], count["gone"]),
        reshape(right, count["batch"], count["gone"], count["columns"]),
    )
    labels = batch + rows + columns
    return reshape(product, [sizes[label] for label in labels]), labels


def _arranged(x, labels, order, sizes):
    x = permute(x, [labels.index(label) for label in order])
    return expand(x, [sizes[label] for label in order])


def inner(input, other):
    """The sum of products over the last dimensions: (..., k), (*, k) -> (..., *)."""
    if not input.ndim or not other.ndim:
        return input * other
    if input.shape[-1] != other.shape[-1]:
        raise RuntimeError(f"inner: last sizes differ: {input.shape} and {other.shape}")
    return tensordot(input, other, ([-1], [-1]))


def kron(input, other):
    """Kronecker's product: each element of ``input`` times all of ``other``, block by block."""
    x, y = pair_of_ranks(input, other)
    spread = reshape(x, [n for size in x.shape for n in (size, 1)])
    product = spread * reshape(y, [n for size in y.shape for n in (1, size)])
    return reshape(product, [a * b for a, b in zip(x.shape, y.shape, strict=True)])


def pair_of_ranks(x, y):
    """Two tensors with as many dimensions: the lesser gets some of size 1 in front."""
    rank = max(x.ndim, y.ndim)
    return tuple(reshape(v, (1,) * (rank - v.ndim) + v.shape) for v in (x, y))


def cross(input, other, dim=None):
    """The vector product along ``dim``, of size 3; by default the first that has it."""
    x, y = pair(input, other, "cross")
    if dim is None:
        dim = next((d for d, n in enumerate(x.shape) if n == 3), x.ndim)
    dim = dimension(dim, x.ndim, "cross")
    if x.shape[dim] != 3 or y.shape[dim] != 3:
        raise RuntimeError(f"cross: expected size 3 in dim {dim}: {x.shape} and {y.shape}")
    return roll(x, -1, dim) * roll(y, -2, dim) - roll(x, -2, dim) * roll(y, -1, dim)


def chain_matmul(*matrices):
    """The product of several matrices, from left to right."""
    return functools.reduce(mm, matrices)


def matrix_power(input, n):
    """The product of ``n`` equal matrices, by squaring; ``n`` 0 gives the identity."""
    if input.ndim < 2 or input.shape[-1] != input.shape[-2]:
        raise RuntimeError(f"matrix_power: expected square matrices, got {input.shape}")
    if n < 0:
        raise RuntimeError(f"matrix_power: n must not be negative, got {n}: invert before")
    if n == 0:
        return Tensor(
            np.broadcast_to(np.eye(input.shape[-1], dtype=input.dtype), input.shape).copy()
        )
    half = matrix_power(input, n // 2) if n > 1 else None
    square = input if half is None else matmul(half, half)
    return matmul(square, input) if n % 2 and n > 1 else square


def dist(input, other, p=2):
    """The ``p``-norm of ``input - other``."""
    return norm(input - other, p)


def cdist(x1, x2, p=2.0, compute_mode=None):
    """The ``p``-norm distances of all pairs of rows: (..., n, d), (..., m, d) -> (..., n, m)."""
    if min(x1.ndim, x2.ndim) < 2 or x1.shape[-1] != x2.shape[-1]:
        raise RuntimeError(f"cdist: expected (..., n, d), (..., m, d): {x1.shape}, {x2.shape}")
    return norm(unsqueeze(x1, -2) - unsqueeze(x2, -3), p, -1)


def pairwise_distance(x1, x2, p=2.0, eps=1e-6, keepdim=False):
    """The ``p``-norm of ``x1 - x2 + eps`` over the last dimension."""
    return norm(x1 - x2 + eps, p, -1, keepdim)


def pdist(input, p=2.0):
    """The distances of all pairs of rows, i < j: (N, D) -> (N (N - 1) / 2)."""
    if floats_only(input, "pdist").ndim != 2:
        raise RuntimeError(f"pdist: only supports 2D tensors, got shape {input.shape}")
    i, j = np.triu_indices(len(input), 1)
    return norm(input[i] - input[j], p, -1)
