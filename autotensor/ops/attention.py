"""Attention (Vaswani et al. 2017, "Attention is all you need")."""

import math

import numpy as np

from autotensor.ops.activation import floats_only, softmax
from autotensor.ops.arguments import tensor_of
from autotensor.ops.elementwise import where
from autotensor.ops.linalg import matmul
from autotensor.ops.random import dropout
from autotensor.ops.reduce import any as any_of
from autotensor.ops.shape import matrix_transpose, reshape, unsqueeze
from autotensor.tensor import Tensor

__all__ = ["attention_weights", "scaled_dot_product_attention"]


def scaled_dot_product_attention(
    query,
    key,
    value,
    attn_mask=None,
    dropout_p=0.0,
    is_causal=False,
    *,
    scale=None,
    enable_gqa=False,
):
    """``softmax(query key' scale + mask) value``: each query's mean of the values.

    (..., L, E), (..., S, E), (..., S, V) -> (..., L, V). ``attn_mask``, which broadcasts to
    (..., L, S), holds True where a query may look, or numbers to add; a query that may look nowhere
    gives 0. ``is_causal``: query i sees keys 0 to i. ``scale`` is ``1 / sqrt(E)`` if not given;
    ``dropout_p`` drops weights, whatever the mode. ``enable_gqa``: the heads (dimension -3) of
    ``key`` and ``value`` are shared by groups of those of ``query``.
    """
    for name, x in (("query", query), ("key", key), ("value", value)):
        floats_only(x, f"scaled_dot_product_attention: {name}")
    if enable_gqa:
        heads, shared = query.shape[-3], key.shape[-3]
        if heads % shared:
            raise RuntimeError(f"attention: {heads} heads of query for {shared} of key and value")
        key, value = (_repeated(x, heads // shared) for x in (key, value))
    weights = attention_weights(query, key, attn_mask, is_causal, scale)
    return matmul(dropout(weights, dropout_p), value)


def _repeated(x, times):
    """Each of the heads, dimension -3, so many times."""
    *leading, heads, length, width = x.shape
    wide = unsqueeze(x, -3).expand(*leading, heads, times, length, width)
    return reshape(wide, *leading, heads * times, length, width)


def attention_weights(query, key, attn_mask=None, is_causal=False, scale=None):
    """The weights of `scaled_dot_product_attention`: (..., L, E), (..., S, E) -> (..., L, S)."""
    if is_causal and attn_mask is not None:
        raise RuntimeError("attention: give either attn_mask or is_causal=True, not both")
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = matmul(query * scale, matrix_transpose(key))
    if is_causal:
        attn_mask = Tensor(np.tri(*scores.shape[-2:], dtype=bool))
    if attn_mask is None:
        return softmax(scores, -1)
    if tensor_of(attn_mask, "attention: attn_mask").dtype.kind != "b":
        return softmax(scores + attn_mask.to(scores.dtype), -1)
    somewhere = any_of(attn_mask, -1, keepdim=True)
    weights = softmax(where(attn_mask | ~somewhere, scores, -math.inf), -1)
    return weights if somewhere.array.all() else where(somewhere, weights, 0)
