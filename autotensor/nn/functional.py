"""Functions of layers, activations and losses, with PyTorch's names and arguments."""

import functools
import inspect

import numpy as np

from autotensor.creation import default_generator, zeros_like
from autotensor.ops import activation, random
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
from autotensor.ops.arguments import broadcast
from autotensor.ops.attention import scaled_dot_product_attention
from autotensor.ops.contraction import pairwise_distance
from autotensor.ops.conv import conv1d, conv2d, conv_transpose1d, conv_transpose2d
from autotensor.ops.elementary import sigmoid, tanh
from autotensor.ops.embedding import embedding
from autotensor.ops.inplace import in_place
from autotensor.ops.linalg import linear, norm
from autotensor.ops.loss import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cosine_embedding_loss,
    cross_entropy,
    gaussian_nll_loss,
    hinge_embedding_loss,
    huber_loss,
    kl_div,
    l1_loss,
    margin_ranking_loss,
    mse_loss,
    nll_loss,
    smooth_l1_loss,
)
from autotensor.ops.normalisation import batch_norm, group_norm, instance_norm, layer_norm
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
from autotensor.ops.shape import expand, flatten, unflatten
from autotensor.tensor import Tensor

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "avg_pool1d",
    "avg_pool2d",
    "batch_norm",
    "bilinear",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "celu",
    "conv1d",
    "conv2d",
    "conv_transpose1d",
    "conv_transpose2d",
    "cosine_embedding_loss",
    "cosine_similarity",
    "cross_entropy",
    "dropout",
    "dropout1d",
    "dropout2d",
    "elu",
    "embedding",
    "flatten",
    "gaussian_nll_loss",
    "gelu",
    "global_avg_pool",
    "glu",
    "group_norm",
    "gumbel_softmax",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "hinge_embedding_loss",
    "huber_loss",
    "identity",
    "instance_norm",
    "kl_div",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log_softmax",
    "logsigmoid",
    "margin_ranking_loss",
    "max_pool1d",
    "max_pool2d",
    "mish",
    "mse_loss",
    "nll_loss",
    "normalize",
    "one_hot",
    "pad",
    "pairwise_distance",
    "prelu",
    "relu",
    "relu6",
    "scaled_dot_product_attention",
    "selu",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "softmax",
    "softmin",
    "softplus",
    "softshrink",
    "softsign",
    "tanh",
    "tanhshrink",
    "threshold",
    "unflatten",
]


def _with_inplace(function):
    """``function`` with one more argument, the last: ``inplace`` writes over the input."""
    overwrite = in_place(function)
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


celu = _with_inplace(activation.celu)
dropout = _with_inplace(random.dropout)
dropout1d = _with_inplace(random.dropout1d)
dropout2d = _with_inplace(random.dropout2d)
elu = _with_inplace(activation.elu)
hardsigmoid = _with_inplace(activation.hardsigmoid)
hardswish = _with_inplace(activation.hardswish)
hardtanh = _with_inplace(activation.hardtanh)
leaky_relu = _with_inplace(activation.leaky_relu)
mish = _with_inplace(activation.mish)
relu = _with_inplace(activation.relu)
relu6 = _with_inplace(activation.relu6)
selu = _with_inplace(activation.selu)
silu = _with_inplace(activation.silu)
threshold = _with_inplace(activation.threshold)


def gumbel_softmax(logits, tau=1, hard=False, eps=1e-10, dim=-1):
    """A draw from the softmax of ``logits`` that gradients pass (Jang et al. 2017).

    ``hard``: 1 at the largest, else 0, with the gradient of the soft draw.
    """
    waits = Tensor(np.asarray(default_generator.numpy.standard_exponential(logits.shape)))
    soft = softmax((logits - waits.log().to(logits.dtype)) / tau, dim)
    if not hard:
        return soft
    chosen = soft.argmax(dim, keepdim=True)
    return zeros_like(soft).scatter(dim, chosen, 1.0) - soft.detach() + soft


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
    return input / norm(input, p, dim, keepdim=True).clamp(min=eps)


def cosine_similarity(x1, x2, dim=1, eps=1e-8):
    """``x1 . x2 / (max(|x1|, eps) max(|x2|, eps))`` along ``dim`` of their common shape."""
    shape = broadcast(x1, x2, "cosine_similarity")
    x1, x2 = expand(x1, shape), expand(x2, shape)
    scale = norm(x1, 2, dim).clamp(min=eps) * norm(x2, 2, dim).clamp(min=eps)
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
