"""Dropout layers: in training part of the input is dropped, evaluation passes it unchanged."""

from autotensor.nn import check, functional
from autotensor.nn.module import Module


class _Dropout(Module):
    def __init__(self, p=0.5, inplace=False):
        super().__init__()
        self.p = check.probability(self, p)
        self.inplace = inplace

    def forward(self, input):
        return self.drop(input, self.p, self.training, self.inplace and self.training)

    def extra_repr(self):
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout):
    """In training, set each element to 0 with probability ``p`` and divide the rest by 1 - p.

    (Srivastava et al., 2014.)
    """

    drop = staticmethod(functional.dropout)


class Dropout1d(_Dropout):
    """`Dropout` of whole channels: (N, C, L) -> (N, C, L) (Tompson et al., 2015)."""

    drop = staticmethod(functional.dropout1d)


class Dropout2d(_Dropout):
    """`Dropout` of whole channels: (N, C, H, W) -> (N, C, H, W) (Tompson et al., 2015)."""

    drop = staticmethod(functional.dropout2d)


class Dropout3d(_Dropout):
    """`Dropout` of whole channels: (N, C, D, H, W) -> (N, C, D, H, W) (Tompson et al., 2015)."""

    drop = staticmethod(functional.dropout3d)


class AlphaDropout(_Dropout):
    """`Dropout` for `SELU`: keeps mean and variance (Klambauer et al., 2017)."""

    drop = staticmethod(functional.alpha_dropout)


class FeatureAlphaDropout(_Dropout):
    """`AlphaDropout` of whole channels: (N, C, *) -> (N, C, *)."""

    drop = staticmethod(functional.feature_alpha_dropout)
