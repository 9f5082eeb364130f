"""Tables of vectors, looked up by number."""

from autotensor.creation import empty
from autotensor.nn import check, functional, init
from autotensor.nn.module import Module
from autotensor.nn.parameter import Parameter


def _row(layer, padding_idx, count):
    """The number of the padding row, counted from the first; None if there is none."""
    if padding_idx is None:
        return None
    if not -count <= padding_idx < count:
        raise AssertionError(
            f"{type(layer).__name__}: padding_idx {padding_idx} must be within num_embeddings, "
            f"{count}"
        )
    return padding_idx % count


class Embedding(Module):
    """A vector for each of ``num_embeddings`` numbers: integers (*) -> (*, embedding_dim).

    The row ``padding_idx`` starts as 0 and gets no gradient; with ``max_norm`` rows that are looked
    up are first scaled in place to that ``norm_type``-norm at most.
    """

    def __init__(
        self,
        num_embeddings,
        embedding_dim,
        padding_idx=None,
        max_norm=None,
        norm_type=2.0,
        scale_grad_by_freq=False,
        sparse=False,
        _weight=None,
        _freeze=False,
        device=None,
        dtype=None,
    ):
        super().__init__()
        self.num_embeddings = check.integer(self, "num_embeddings", num_embeddings)
        self.embedding_dim = check.integer(self, "embedding_dim", embedding_dim)
        self.padding_idx = _row(self, padding_idx, num_embeddings)
        self.max_norm, self.norm_type = max_norm, norm_type
        self.scale_grad_by_freq, self.sparse = scale_grad_by_freq, sparse
        shape = (num_embeddings, embedding_dim)
        if _weight is not None:
            if _weight.shape != shape:
                raise AssertionError(f"Embedding: weight is {_weight.shape}, expected {shape}")
            self.weight = Parameter(_weight, not _freeze)
            return
        self.weight = Parameter(empty(shape, device=device, dtype=dtype), not _freeze)
        self.reset_parameters()

    @classmethod
    def from_pretrained(cls, embeddings, freeze=True, padding_idx=None, **options):
        """A layer on the given (V, E) table, which does not train unless ``freeze=False``."""
        return cls(*embeddings.shape, padding_idx, _weight=embeddings, _freeze=freeze, **options)

    def reset_parameters(self):
        """Draw the table anew from the standard normal distribution; the padding row is 0."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            init.zeros_(self.weight.detach()[self.padding_idx])

    def forward(self, input):
        return functional.embedding(
            input,
            self.weight,
            self.padding_idx,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
        )

    def extra_repr(self):
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"


class EmbeddingBag(Module):
    """The sum, mean or maximum of the vectors of each bag of numbers; see `F.embedding_bag`.

    (B, L), or (N) with ``offsets`` where the bags begin (B) -> (B, embedding_dim).
    """

    def __init__(
        self,
        num_embeddings,
        embedding_dim,
        max_norm=None,
        norm_type=2.0,
        scale_grad_by_freq=False,
        mode="mean",
        sparse=False,
        _weight=None,
        include_last_offset=False,
        padding_idx=None,
        device=None,
        dtype=None,
    ):
        super().__init__()
        self.num_embeddings = check.integer(self, "num_embeddings", num_embeddings)
        self.embedding_dim = check.integer(self, "embedding_dim", embedding_dim)
        self.max_norm, self.norm_type = max_norm, norm_type
        self.scale_grad_by_freq, self.sparse = scale_grad_by_freq, sparse
        self.mode = check.choice(self, "mode", mode, ("sum", "mean", "max"))
        self.include_last_offset = include_last_offset
        self.padding_idx = _row(self, padding_idx, num_embeddings)
        shape = (num_embeddings, embedding_dim)
        if _weight is not None:
            if _weight.shape != shape:
                raise AssertionError(f"EmbeddingBag: weight is {_weight.shape}, expected {shape}")
            self.weight = Parameter(_weight)
            return
        self.weight = Parameter(empty(shape, device=device, dtype=dtype))
        self.reset_parameters()

    @classmethod
    def from_pretrained(cls, embeddings, freeze=True, **options):
        """A layer on the given (V, E) table, which does not train unless ``freeze=False``."""
        made = cls(*embeddings.shape, _weight=embeddings, **options)
        made.weight.requires_grad_(not freeze)
        return made

    reset_parameters = Embedding.reset_parameters

    def forward(self, input, offsets=None, per_sample_weights=None):
        return functional.embedding_bag(
            input,
            self.weight,
            offsets,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.mode,
            self.sparse,
            per_sample_weights,
            self.include_last_offset,
            self.padding_idx,
        )

    def extra_repr(self):
        usual = {"max_norm": None, "norm_type": 2, "scale_grad_by_freq": False, "mode": None,
                 "padding_idx": None}  # fmt: skip
        shown = [f"{k}={getattr(self, k)!r}" for k, v in usual.items() if getattr(self, k) != v]
        return ", ".join([f"{self.num_embeddings}, {self.embedding_dim}", *shown])
