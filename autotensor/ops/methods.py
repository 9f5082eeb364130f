"""The functions of `autotensor.ops` as operators and methods of tensors.

The first parameter of each function is the tensor, so binding it is all there is to do.
"""

import numpy as np

from autotensor import dtypes
from autotensor.creation import tensor
from autotensor.ops import (
    activation,
    arguments,
    compare,
    complex,
    contraction,
    decompositions,
    diagonals,
    elementary,
    elementwise,
    filling,
    fused,
    indexing,
    inplace,
    joining,
    least_squares,
    linalg,
    placement,
    properties,
    random,
    reduce,
    running,
    scattering,
    shape,
    solving,
    sorting,
    sparse,
    special,
    statistics,
    storage,
    strided,
)
from autotensor.tensor import Tensor

PRINTED = {"precision": 4, "threshold": 1000}  # see set_printoptions

_METHODS = {
    elementwise: """add sub mul div floor_divide remainder fmod pow square neg abs sign floor ceil
        trunc round frac reciprocal maximum minimum clamp clamp_min clamp_max lerp
        nan_to_num to""",
    elementary: """exp exp2 expm1 log log2 log10 log1p sqrt rsqrt sin cos tan asin acos atan sinh
        cosh tanh asinh acosh atanh sigmoid erf atan2""",
    compare: """eq ne lt le gt ge logical_and logical_or logical_xor logical_not bitwise_and
        bitwise_or bitwise_xor bitwise_not bitwise_left_shift bitwise_right_shift
        isnan isinf isposinf isneginf isfinite isclose allclose equal""",
    reduce: """sum mean var std prod max min amax amin argmax argmin all any count_nonzero
        logsumexp""",
    shape: """reshape view view_as reshape_as flatten unflatten permute transpose t movedim squeeze
        unsqueeze expand expand_as sum_to fit narrow select flip fliplr flipud roll rot90 clone
        contiguous""",
    joining: """chunk hsplit repeat repeat_interleave split tensor_split tile unbind vsplit""",
    diagonals: "diag diag_embed diagflat trace tril triu",
    indexing: """gather take_along_dim scatter scatter_add index_select index_add masked_fill
        masked_select nonzero""",
    random: "bernoulli multinomial",
    scattering: "argwhere scatter_reduce select_scatter slice_scatter take",
    linalg: "matmul mm bmm mv dot outer norm",
    contraction: "cross dist inner kron matrix_power",
    running: "cumsum cumprod cummax cummin diff logcumsumexp",
    sorting: """argsort kthvalue median mode msort nanmedian nanquantile quantile sort topk unique
        unique_consecutive""",
    special: """copysign deg2rad digamma erfc erfinv float_power fmax fmin heaviside hypot ldexp
        lgamma logaddexp logaddexp2 logit mvlgamma rad2deg sinc xlogy""",
    complex: "conj angle",
    sparse: "to_sparse",
    solving: "det logdet matrix_exp slogdet",
    statistics: "aminmax bincount corrcoef cov histc nanmean nansum",
    properties: "is_complex is_floating_point is_nonzero numel",
    activation: "relu softmax log_softmax",
    fused: "addcmul addcdiv addmm addmv addr addbmm baddbmm",
    placement: "index_copy index_fill index_put masked_scatter",
    strided: "diagonal unfold",
    storage: """stride is_contiguous element_size data_ptr storage_offset item tolist numpy cpu
        cuda pin_memory share_memory_""",
    inplace: "copy_ fill_ zero_ fill_diagonal_",
    filling: """uniform_ normal_ log_normal_ exponential_ cauchy_ geometric_ bernoulli_
        random_""",
}
_IN_PLACE = {
    elementwise: """add sub mul div floor_divide remainder fmod pow square neg abs sign floor ceil
        trunc round frac reciprocal clamp clamp_min clamp_max lerp nan_to_num""",
    elementary: """exp exp2 expm1 log log2 log10 log1p sqrt rsqrt sin cos tan asin acos atan sinh
        cosh tanh asinh acosh atanh sigmoid erf atan2""",
    compare: """eq ne lt le gt ge logical_and logical_or logical_xor logical_not bitwise_and
        bitwise_or bitwise_xor bitwise_not""",
    indexing: "scatter scatter_add index_add masked_fill",
    placement: "index_copy index_fill index_put masked_scatter",
    fused: "addcmul addcdiv addmm addmv addr addbmm baddbmm",
    diagonals: "tril triu",
    running: "cumsum cumprod",
    special: """copysign deg2rad digamma erfc erfinv float_power hypot ldexp lgamma logit rad2deg
        sinc xlogy""",
    activation: "relu",
}
_RESHAPING = "squeeze unsqueeze t transpose"
ALIASES = {
    "absolute": "abs",
    "arccos": "acos",
    "arccosh": "acosh",
    "arcsin": "asin",
    "arcsinh": "asinh",
    "arctan": "atan",
    "arctan2": "atan2",
    "arctanh": "atanh",
    "clip": "clamp",
    "divide": "div",
    "fix": "trunc",
    "greater": "gt",
    "greater_equal": "ge",
    "less": "lt",
    "less_equal": "le",
    "moveaxis": "movedim",
    "multiply": "mul",
    "negative": "neg",
    "not_equal": "ne",
    "ravel": "flatten",
    "sgn": "sign",
    "subtract": "sub",
    "swapaxes": "transpose",
    "swapdims": "transpose",
    "true_divide": "div",
}

for _module, _names in _METHODS.items():
    for _name in _names.split():
        setattr(Tensor, _name, getattr(_module, _name))
for _module, _names in _IN_PLACE.items():
    for _name in _names.split():
        setattr(Tensor, f"{_name}_", inplace.in_place(getattr(_module, _name)))
Tensor.broadcast_to = shape.expand
for _name in _RESHAPING.split():
    setattr(Tensor, f"{_name}_", inplace.reshaping(getattr(shape, _name)))
for _alias, _name in ALIASES.items():
    setattr(Tensor, _alias, getattr(Tensor, _name))
    if hasattr(Tensor, f"{_name}_"):
        setattr(Tensor, f"{_alias}_", getattr(Tensor, f"{_name}_"))


def _operator(function, reverse=False):
    """The function as a binary operator, which leaves operands it does not know to them."""

    def operate(x, y):
        if isinstance(y, Tensor) or compare.is_number(y):
            return function(x, y)
        return NotImplemented

    def operate_reversed(x, y):
        return function(y, x) if compare.is_number(y) else NotImplemented

    return operate_reversed if reverse else operate


_OPERATORS = {
    "add": elementwise.add,
    "sub": elementwise.sub,
    "mul": elementwise.mul,
    "truediv": elementwise.div,
    "floordiv": elementwise.floor_divide,
    "mod": elementwise.remainder,
    "pow": elementwise.pow,
    "and": compare.bitwise_and,
    "or": compare.bitwise_or,
    "xor": compare.bitwise_xor,
    "lshift": compare.bitwise_left_shift,
    "rshift": compare.bitwise_right_shift,
}
for _name, _function in _OPERATORS.items():
    setattr(Tensor, f"__{_name}__", _operator(_function))
    setattr(Tensor, f"__r{_name}__", _operator(_function, reverse=True))
    setattr(Tensor, f"__i{_name}__", inplace.in_place(_function))
for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    setattr(Tensor, f"__{_name}__", _operator(getattr(compare, _name)))

Tensor.inverse = solving.inv
Tensor.pinverse = least_squares.pinv
Tensor.cholesky = decompositions.cholesky_of
Tensor.qr = decompositions.qr_of_some
Tensor.svd = decompositions.svd_of_v

Tensor.__matmul__ = linalg.matmul
Tensor.__rmatmul__ = lambda x, y: linalg.matmul(
    y if isinstance(y, Tensor) else tensor(y, dtype=x.dtype), x
)
Tensor.__neg__ = elementwise.neg
Tensor.__pos__ = lambda x: x
Tensor.__abs__ = elementwise.abs
Tensor.__invert__ = compare.bitwise_not
Tensor.__getitem__ = indexing.getitem
Tensor.__setitem__ = inplace.setitem
Tensor.__hash__ = object.__hash__  # by identity, since == compares elements

Tensor.T = property(shape.reversed_dims, doc="The dimensions in reverse order.")
Tensor.mT = property(shape.matrix_transpose, doc="The last two dimensions swapped.")
Tensor.mH = property(lambda x: complex.conj(shape.matrix_transpose(x)), doc="`mT`, conjugated.")
Tensor.real = property(complex.real, doc="The real part, a view; a real tensor itself.")
Tensor.imag = property(complex.imag, doc="The imaginary part of a complex tensor, a view.")
Tensor.is_sparse = property(lambda x: False, doc="False: all elements are stored.")
Tensor.to_dense = lambda x: x


def _method(function):
    setattr(Tensor, function.__name__, function)
    return function


@_method
def size(x, dim=None):
    """The sizes as a tuple, or the one of dimension ``dim``."""
    if dim is None:
        return properties.Size(x.shape)
    return x.shape[arguments.dimension(dim, x.ndim, "size")]


@_method
def dim(x):
    """The number of dimensions."""
    return x.array.ndim


Tensor.nelement = Tensor.numel
Tensor.ndimension = dim


@_method
def where(x, condition, other):
    """This tensor where ``condition`` holds, else ``other``."""
    return elementwise.where(condition, x, other)


Tensor.is_cuda = property(lambda x: False, doc="False: all memory is the CPU's.")
Tensor.is_cpu = property(lambda x: True, doc="True.")


@_method
def __bool__(x):
    if x.array.size != 1:
        raise RuntimeError(
            f"the truth value of a tensor of shape {x.shape} is ambiguous: use .any() or .all()"
        )
    return bool(x.array.item())


@_method
def __len__(x):
    if x.ndim == 0:
        raise TypeError("len() of a 0-d tensor")
    return x.shape[0]


@_method
def __iter__(x):
    if x.ndim == 0:
        raise TypeError("iteration over a 0-d tensor")
    return iter(joining.unbind(x))


@_method
def __contains__(x, value):
    return bool((x == value).any())


@_method
def __float__(x):
    return float(x.item())


@_method
def __int__(x):
    return int(x.item())


@_method
def __index__(x):
    if x.array.size != 1 or x.dtype.kind not in "biu":
        raise TypeError(
            f"only integer tensors of one element are an index, not {x.dtype} {x.shape}"
        )
    return int(x.item())


@_method
def __array__(x, dtype=None, copy=None):
    array = storage.numpy(x)
    return np.array(array, dtype=dtype, copy=copy)


@_method
def __format__(x, specification):
    return format(x.item(), specification) if x.ndim == 0 and specification else repr(x)


@_method
def __repr__(x):
    digits = np.array2string(x.array, separator=", ", prefix="tensor(", **PRINTED)
    notes = []
    if x.dtype not in (dtypes.float32, dtypes.int64, dtypes.bool_):
        notes.append(f"dtype={x.dtype}")
    if not x.array.size and x.ndim != 1:
        notes.append(f"size={x.shape}")
    if x.grad_fn is not None:
        notes.append(f"grad_fn=<{x.grad_fn.name}>")
    elif x.requires_grad:
        notes.append("requires_grad=True")
    return f"tensor({', '.join([digits, *notes])})"
