"""Functions of layers, activations and losses, with PyTorch's names and arguments."""

# ruff: noqa: F401 - what is imported here is in __all__

import functools
import inspect

import numpy as np

from autotensor.nn.reduction import legacy_reduction as _legacy
from autotensor.ops import activation, classification, linalg, loss, margin_loss, random
from autotensor.ops.activation import (
    gelu,
    glu,
    hardshrink,
    log_softmax,
    logsigmoid,
    prelu,
    softmax,
    softmin,
    softplus,
    softshrink,
    softsign,
    tanhshrink,
)
from autotensor.ops.arguments import broadcast as _broadcast
from autotensor.ops.attention import scaled_dot_product_attention
from autotensor.ops.contraction import pairwise_distance, pdist
from autotensor.ops.conv import conv1d, conv2d, conv_transpose1d, conv_transpose2d
from autotensor.ops.ctc import ctc_loss
from autotensor.ops.elementary import sigmoid, tanh
from autotensor.ops.embedding import embedding, embedding_bag
from autotensor.ops.inplace import in_place as _in_place
from autotensor.ops.linalg import linear
from autotensor.ops.loss import gaussian_nll_loss, huber_loss
from autotensor.ops.margin_loss import triplet_margin_with_distance_loss
from autotensor.ops.normalisation import (
    batch_norm,
    group_norm,
    instance_norm,
    layer_norm,
    local_response_norm,
    rms_norm,
)
from autotensor.ops.padding import pad
from autotensor.ops.pool import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_max_pool1d,
    adaptive_max_pool2d,
    avg_pool1d,
    avg_pool2d,
    global_avg_pool,
    max_pool1d,
    max_pool2d,
)
from autotensor.ops.random import gumbel_softmax
from autotensor.ops.rearrange import (
    channel_shuffle,
    fold,
    pixel_shuffle,
    pixel_unshuffle,
    unfold,
)
from autotensor.ops.resample import affine_grid, grid_sample, interpolate
from autotensor.ops.shape import expand as _expand
from autotensor.ops.shape import flatten, unflatten
from autotensor.ops.unpool import (
    lp_pool1d,
    lp_pool2d,
    lp_pool3d,
    max_unpool1d,
    max_unpool2d,
    max_unpool3d,
)
from autotensor.ops.volume import (
    adaptive_avg_pool3d,
    adaptive_max_pool3d,
    avg_pool3d,
    conv3d,
    conv_transpose3d,
    max_pool3d,
)
from autotensor.tensor import Tensor


def _with_inplace(function):
    """``function`` with one more argument, the last: ``inplace`` writes over the input."""
    overwrite = _in_place(function)
    signature = inspect.signature(function)
    count = len(signature.parameters)

    @functools.wraps(function)
    def call(input, *args, inplace=False, **options):
        if len(args) == count:
            *args, inplace = args
        return (overwrite if inplace else function)(input, *args, **options)

    last = inspect.Parameter("inplace", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=False)
    call.__signature__ = signature.replace(parameters=[*signature.parameters.values(), last])
    call.__module__ = __name__
    return call


alpha_dropout = _with_inplace(random.alpha_dropout)
celu = _with_inplace(activation.celu)
dropout = _with_inplace(random.dropout)
dropout1d = _with_inplace(random.dropout1d)
dropout2d = _with_inplace(random.dropout2d)
dropout3d = _with_inplace(random.dropout3d)
elu = _with_inplace(activation.elu)
feature_alpha_dropout = _with_inplace(random.feature_alpha_dropout)
hardsigmoid = _with_inplace(activation.hardsigmoid)
hardswish = _with_inplace(activation.hardswish)
hardtanh = _with_inplace(activation.hardtanh)
leaky_relu = _with_inplace(activation.leaky_relu)
mish = _with_inplace(activation.mish)
relu = _with_inplace(activation.relu)
relu6 = _with_inplace(activation.relu6)
rrelu = _with_inplace(random.rrelu)
selu = _with_inplace(activation.selu)
silu = _with_inplace(activation.silu)
threshold = _with_inplace(activation.threshold)

celu_ = _in_place(activation.celu)
elu_ = _in_place(activation.elu)
hardtanh_ = _in_place(activation.hardtanh)
leaky_relu_ = _in_place(activation.leaky_relu)
relu_ = _in_place(activation.relu)
rrelu_ = _in_place(random.rrelu)
selu_ = _in_place(activation.selu)
threshold_ = _in_place(activation.threshold)

binary_cross_entropy = _legacy(loss.binary_cross_entropy)
binary_cross_entropy_with_logits = _legacy(loss.binary_cross_entropy_with_logits)
cosine_embedding_loss = _legacy(loss.cosine_embedding_loss)
cross_entropy = _legacy(classification.cross_entropy, size_average_before="ignore_index")
hinge_embedding_loss = _legacy(loss.hinge_embedding_loss)
kl_div = _legacy(loss.kl_div)
l1_loss = _legacy(loss.l1_loss)
margin_ranking_loss = _legacy(loss.margin_ranking_loss)
mse_loss = _legacy(loss.mse_loss)
multi_margin_loss = _legacy(margin_loss.multi_margin_loss)
multilabel_margin_loss = _legacy(margin_loss.multilabel_margin_loss)
multilabel_soft_margin_loss = _legacy(margin_loss.multilabel_soft_margin_loss)
nll_loss = _legacy(classification.nll_loss, size_average_before="ignore_index")
poisson_nll_loss = _legacy(margin_loss.poisson_nll_loss, size_average_before="eps")
smooth_l1_loss = _legacy(loss.smooth_l1_loss)
soft_margin_loss = _legacy(margin_loss.soft_margin_loss)
triplet_margin_loss = _legacy(margin_loss.triplet_margin_loss)


def identity(input):
    """The input itself."""
    return input


def bilinear(input1, input2, weight, bias=None):
    """``y_o = x1' W_o x2 + b_o``: (*, I), (*, J), weights (O, I, J) -> (*, O)."""
    outputs, size1, size2 = weight.shape
    sizes = (input1.shape[-1:], input2.shape[-1:])
    if sizes != ((size1,), (size2,)) or input1.shape[:-1] != input2.shape[:-1]:
        raise RuntimeError(
            f"bilinear: inputs {input1.shape} and {input2.shape} should be (*, {size1}) and "
            f"(*, {size2}) with equal *, for weights {weight.shape}"
        )
    by_input = weight.permute(1, 0, 2).reshape(size1, outputs * size2)
    rows = (input1 @ by_input).reshape(*input1.shape[:-1], outputs, size2)
    y = (rows @ input2.unsqueeze(-1)).squeeze(-1)
    return y if bias is None else y + bias


def normalize(input, p=2.0, dim=1, eps=1e-12):
    """``x / max(|x|, eps)`` with the ``p``-norm along ``dim``."""
    return input / linalg.norm(input, p, dim, keepdim=True).clamp(min=eps)


def cosine_similarity(x1, x2, dim=1, eps=1e-8):
    """``x1 . x2 / (max(|x1|, eps) max(|x2|, eps))`` along ``dim`` of their common shape."""
    shape = _broadcast(x1, x2, "cosine_similarity")
    x1, x2 = _expand(x1, shape), _expand(x2, shape)
    scale = linalg.norm(x1, 2, dim).clamp(min=eps) * linalg.norm(x2, 2, dim).clamp(min=eps)
    return (x1 * x2).sum(dim) / scale


def one_hot(tensor, num_classes=-1):
    """1 at the index of the class, else 0: (*) -> (*, num_classes), int64.

    ``num_classes`` -1 stands for the greatest class plus one. RuntimeError for other indices.
    """
    indices = tensor.array
    if indices.dtype.kind not in "iu":
        raise RuntimeError(f"one_hot: expected integer classes, got {tensor.dtype}: use x.long()")
    low, high = (indices.min(), indices.max()) if indices.size else (0, num_classes - 1)
    count = int(high) + 1 if num_classes == -1 else num_classes
    if count < 1:
        raise RuntimeError(f"one_hot: num_classes must be positive, got {count}")
    if low < 0 or high >= count:
        raise RuntimeError(f"one_hot: class {low if low < 0 else high} is not in 0 .. {count - 1}")
    return Tensor((indices[..., None] == np.arange(count)).astype(np.int64))


def upsample(input, size=None, scale_factor=None, mode="nearest", align_corners=None):
    """`interpolate`, under its older name."""
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input, size=None, scale_factor=None):
    """`interpolate` with mode "nearest", under its older name."""
    return interpolate(input, size, scale_factor, "nearest")


def upsample_bilinear(input, size=None, scale_factor=None):
    """`interpolate` with mode "bilinear" and ``align_corners``, under its older name."""
    return interpolate(input, size, scale_factor, "bilinear", align_corners=True)


__all__ = [name for name, v in list(vars().items()) if inspect.isroutine(v) and name[0] != "_"]
