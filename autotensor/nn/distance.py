"""How alike vectors are."""

from autotensor.nn import check, functional
from autotensor.nn.module import Module


class CosineSimilarity(Module):
    """x1 . x2 / (max(|x1|, eps) max(|x2|, eps)) along ``dim``."""

    def __init__(self, dim=1, eps=1e-8):
        super().__init__()
        self.dim = check.integer(self, "dim", dim, minimum=-64)
        self.eps = check.number(self, "eps", eps)

    def forward(self, x1, x2):
        return functional.cosine_similarity(x1, x2, self.dim, self.eps)


class PairwiseDistance(Module):
    """|x1 - x2 + eps|, the ``p``-norm along the last dimension: (*, D), (*, D) -> (*)."""

    def __init__(self, p=2.0, eps=1e-6, keepdim=False):
        super().__init__()
        self.norm, self.eps = check.number(self, "p", p), check.number(self, "eps", eps)
        self.keepdim = keepdim

    def forward(self, x1, x2):
        return functional.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)
