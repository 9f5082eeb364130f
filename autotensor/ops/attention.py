"""Attention (Vaswani et al. 2017, "Attention is all you need")."""

import math

import numpy as np

from autotensor import kernels
from autotensor.gradients import differentiate
from autotensor.modes import is_grad_enabled
from autotensor.ops.activation import floats_only, softmax
from autotensor.ops.arguments import tensor_of
from autotensor.ops.elementwise import where
from autotensor.ops.linalg import matmul
from autotensor.ops.random import dropout
from autotensor.ops.reduce import any as any_of
from autotensor.ops.shape import matrix_transpose, reshape, unsqueeze
from autotensor.tensor import Tensor, record

__all__ = ["scaled_dot_product_attention"]


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
    if dropout_p == 0 and _is_compiled(query, key, value):
        return _fused(query, key, value, attn_mask, is_causal, scale)
    weights = attention_weights(query, key, attn_mask, is_causal, scale)
    return matmul(dropout(weights, dropout_p), value)


def _is_compiled(query, key, value):
    """Whether the kernel takes these: float32 of one batch, and heads of whole vectors."""
    return (
        query.dtype == key.dtype == value.dtype == np.float32
        and query.shape[:-2] == key.shape[:-2] == value.shape[:-2]
        and query.shape[-1] == key.shape[-1]
        and key.shape[-2] == value.shape[-2]
        and min(query.array.size, key.array.size) > 0
        and kernels.whole_panels_fit(query.shape[-1], value.shape[-1])
    )


def _fused(query, key, value, attn_mask, is_causal, scale):
    """`scaled_dot_product_attention` in one kernel."""
    scale = _checked_scale(query, attn_mask, is_causal, scale)
    shape = (*query.shape[:-1], key.shape[-2])
    arrays = [_matrices(x.array) for x in (query, key, value)]
    mask = None if attn_mask is None else _matrices(_numbers(attn_mask, shape))
    out, sums = kernels.attend(*arrays, mask, is_causal, scale)

    def formula(q, k, v, mask):
        return matmul(attention_weights(q, k, mask, is_causal, scale), v)

    def rule(g):
        inputs = (query, key, value, attn_mask)
        if is_grad_enabled() or (attn_mask is not None and attn_mask.requires_grad):
            return differentiate(
                lambda q, k, v, m: matmul(attention_weights(q, k, m, is_causal, scale), v),
                inputs,
                g,
            )
        arrays = [_matrices(x.array) for x in (query, key, value)]
        g = _matrices(g.array)
        found = kernels.attend_grad(g, *arrays, mask, is_causal, scale, out, sums)
        shaped = [Tensor(p.reshape(x.shape)) for p, x in zip(found, inputs, strict=False)]
        return *shaped, None

    made = out.reshape(*shape[:-1], value.shape[-1])
    return record(made, ((query, key, value, attn_mask), rule))


def _matrices(array):
    """(..., L, E) as (N, H, L, E) whose rows are contiguous, copied only if they cannot be so."""
    array = array if array.strides[-1] == array.itemsize else np.ascontiguousarray(array)
    heads = array.shape[-3] if array.ndim > 2 else 1
    return array.reshape(-1, heads, *array.shape[-2:])


def _numbers(mask, shape):
    """A mask of ``shape`` as float32 numbers to add."""
    array = mask.array
    if array.dtype.kind == "b":
        array = np.where(array, np.float32(0), np.float32(-np.inf))
    return np.broadcast_to(array.astype(np.float32, copy=False), shape)


def _checked_scale(query, attn_mask, is_causal, scale):
    if is_causal and attn_mask is not None:
        raise RuntimeError("attention: give either attn_mask or is_causal=True, not both")
    return 1 / math.sqrt(query.shape[-1]) if scale is None else scale


def _repeated(x, times):
    """Each of the heads, dimension -3, so many times."""
    *leading, heads, length, width = x.shape
    wide = unsqueeze(x, -3).expand(*leading, heads, times, length, width)
    return reshape(wide, *leading, heads * times, length, width)


def attention_weights(query, key, attn_mask=None, is_causal=False, scale=None):
    """The weights of `scaled_dot_product_attention`: (..., L, E), (..., S, E) -> (..., L, S)."""
    scale = _checked_scale(query, attn_mask, is_causal, scale)
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
