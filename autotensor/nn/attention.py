"""Multi-head attention (Vaswani et al. 2017, "Attention is all you need")."""

import math

import numpy as np

from autotensor.creation import empty, zeros
from autotensor.nn import check, functional, init
from autotensor.nn.linear import Linear
from autotensor.nn.module import Module
from autotensor.nn.parameter import Parameter
from autotensor.ops.attention import attention_weights
from autotensor.ops.elementwise import where
from autotensor.ops.joining import cat, chunk
from autotensor.ops.linalg import linear, matmul
from autotensor.tensor import Tensor


class NonDynamicallyQuantizableLinear(Linear):
    """`Linear`, under the name that PyTorch gives the output projection of attention."""


class MultiheadAttention(Module):
    """Attention in ``num_heads`` parallel heads, each on its share of ``embed_dim`` features.

    ``forward(query, key, value)``: (L, N, E), (S, N, kdim), (S, N, vdim) -> (L, N, E), (N, L, S):
    the output, and the weights (means over the heads; None without ``need_weights``). With
    ``batch_first`` N comes first; it may be missing. Masks are PyTorch's: True, or -inf added to a
    score, forbids; ``attn_mask`` is (L, S) or (N * heads, L, S), ``key_padding_mask`` (N, S).
    ``add_bias_kv`` and ``add_zero_attn`` append a learnt and a zero key and value.
    """

    def __init__(
        self,
        embed_dim,
        num_heads,
        dropout=0.0,
        bias=True,
        add_bias_kv=False,
        add_zero_attn=False,
        kdim=None,
        vdim=None,
        batch_first=False,
        device=None,
        dtype=None,
    ):
        super().__init__()
        self.embed_dim = check.integer(self, "embed_dim", embed_dim)
        self.num_heads = check.integer(self, "num_heads", num_heads)
        if embed_dim % num_heads:
            raise AssertionError(
                f"embed_dim must be divisible by num_heads, got {embed_dim} and {num_heads}"
            )
        self.dropout = check.probability(self, dropout)
        self.head_dim = embed_dim // num_heads
        self.kdim = embed_dim if kdim is None else check.integer(self, "kdim", kdim)
        self.vdim = embed_dim if vdim is None else check.integer(self, "vdim", vdim)
        self.add_zero_attn, self.batch_first = add_zero_attn, batch_first
        made = {"device": device, "dtype": dtype}
        self._one_width = self.kdim == self.vdim == embed_dim
        if self._one_width:
            self.in_proj_weight = Parameter(empty(3 * embed_dim, embed_dim, **made))
        else:
            self.q_proj_weight = Parameter(empty(embed_dim, embed_dim, **made))
            self.k_proj_weight = Parameter(empty(embed_dim, self.kdim, **made))
            self.v_proj_weight = Parameter(empty(embed_dim, self.vdim, **made))
        in_bias = Parameter(empty(3 * embed_dim, **made)) if bias else None
        self.register_parameter("in_proj_bias", in_bias)
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias=bias, **made)
        for name in ("bias_k", "bias_v"):
            more = Parameter(empty(1, 1, embed_dim, **made)) if add_bias_kv else None
            self.register_parameter(name, more)
        self._reset_parameters()

    def _reset_parameters(self):
        for weight in self._in_weights():
            init.xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            init.zeros_(self.in_proj_bias)
            init.zeros_(self.out_proj.bias)
        if self.bias_k is not None:
            init.xavier_normal_(self.bias_k)
            init.xavier_normal_(self.bias_v)

    def _in_weights(self):
        if self._one_width:
            return [self.in_proj_weight]
        return [self.q_proj_weight, self.k_proj_weight, self.v_proj_weight]

    def forward(
        self,
        query,
        key,
        value,
        key_padding_mask=None,
        need_weights=True,
        attn_mask=None,
        average_attn_weights=True,
        is_causal=False,
    ):
        if is_causal and attn_mask is None:
            raise RuntimeError("Need attn_mask if specifying the is_causal hint.")
        batched = self._check(query, key, value)
        query, key, value = self._project(query, key, value)
        query, key, value = (self._heads_of(x, batched) for x in (query, key, value))
        mask = self._mask(query, key, attn_mask, key_padding_mask)
        key, value, mask = self._with_more_keys(key, value, mask)
        p = self.dropout if self.training else 0.0
        if need_weights:
            weights = attention_weights(query, key, mask)
            weights = functional.dropout(weights, p)
            out = matmul(weights, value)
            weights = weights.mean(1) if average_attn_weights else weights
        else:
            out = functional.scaled_dot_product_attention(query, key, value, mask, p)
            weights = None
        out = self.out_proj(out.transpose(1, 2).flatten(2))  # (N, L, E)
        if not batched:
            return out[0], None if weights is None else weights[0]
        return out if self.batch_first else out.transpose(0, 1), weights

    def _check(self, query, key, value):
        """Raise unless shapes fit; whether there is a batch."""
        ranks = {query.ndim, key.ndim, value.ndim}
        if ranks not in ({2}, {3}):
            raise AssertionError(
                f"MultiheadAttention: query, key and value must all be (L, E) or all be batched, "
                f"got {query.shape}, {key.shape}, {value.shape}"
            )
        widths = (query.shape[-1], key.shape[-1], value.shape[-1])
        if widths != (self.embed_dim, self.kdim, self.vdim) or key.shape[:-1] != value.shape[:-1]:
            raise AssertionError(
                f"MultiheadAttention: expected {self.embed_dim}, {self.kdim} and {self.vdim} "
                f"features and as many keys as values, got query {query.shape}, key {key.shape}, "
                f"value {value.shape}"
            )
        return ranks == {3}

    def _project(self, query, key, value):
        """Query, key and value as E features each; in one product where they are the same."""
        bias = self.in_proj_bias
        if self._one_width and query is key and key is value:
            return chunk(linear(query, self.in_proj_weight, bias), 3, -1)
        weights = chunk(self.in_proj_weight, 3) if self._one_width else self._in_weights()
        biases = [None] * 3 if bias is None else chunk(bias, 3)
        given = zip((query, key, value), weights, biases, strict=True)
        return [linear(x, w, b) for x, w, b in given]

    def _heads_of(self, x, batched):
        """(N, heads, L, E / heads) of (L, N, E), (N, L, E) or (L, E)."""
        if not batched:
            x = x.unsqueeze(0)
        elif not self.batch_first:
            x = x.transpose(0, 1)
        return x.unflatten(-1, (self.num_heads, self.head_dim)).transpose(1, 2)

    def _mask(self, query, key, attn_mask, key_padding_mask):
        """The masks as one that broadcasts to (N, heads, L, S): numbers to add, or True to look."""
        n, length, keys = query.shape[0], query.shape[2], key.shape[2]
        parts = []
        if attn_mask is not None:
            if attn_mask.shape not in ((length, keys), (n * self.num_heads, length, keys)):
                raise RuntimeError(
                    f"The shape of the attn_mask is {attn_mask.shape}, but should be "
                    f"{(length, keys)} or {(n * self.num_heads, length, keys)}"
                )
            wide = attn_mask.ndim == 3
            parts.append(attn_mask.reshape(n, -1, length, keys) if wide else attn_mask)
        if key_padding_mask is not None:
            wanted = (n, keys) if key_padding_mask.ndim == 2 else (keys,)
            if key_padding_mask.shape != wanted:
                raise AssertionError(
                    f"key_padding_mask should be {(n, keys)}, got {key_padding_mask.shape}"
                )
            parts.append(key_padding_mask.reshape(-1, 1, 1, keys))
        if all(part.dtype == np.bool_ for part in parts):
            return ~(parts[0] | parts[-1]) if parts else None
        first, *rest = (_added(part, query.dtype) for part in parts)
        return first + rest[0] if rest else first

    def _with_more_keys(self, key, value, mask):
        """``add_bias_kv`` and ``add_zero_attn``: keys and values that no mask forbids."""
        n = key.shape[0]
        more = []
        if self.bias_k is not None:
            more.append([b.expand(n, -1, -1) for b in (self.bias_k, self.bias_v)])
            more[0] = [self._heads_of(b, True) if self.batch_first else
                       b.unflatten(-1, (self.num_heads, self.head_dim)).transpose(1, 2)
                       for b in more[0]]  # fmt: skip
        if self.add_zero_attn:
            shape = (n, self.num_heads, 1, self.head_dim)
            more.append([zeros(shape, dtype=key.dtype) for _ in range(2)])
        for k, v in more:
            key, value = cat([key, k], 2), cat([value, v], 2)
        if more and mask is not None:
            allowed = mask.dtype.type(1 if mask.dtype == np.bool_ else 0).item()
            mask = functional.pad(mask, (0, len(more)), value=allowed)
        return key, value, mask


def _added(mask, dtype):
    """A mask as numbers to add: -inf where a boolean one forbids."""
    if mask.dtype != np.bool_:
        return mask
    zero = Tensor(np.zeros((), dtype))
    return where(mask, Tensor(np.asarray(-math.inf, dtype)), zero)
