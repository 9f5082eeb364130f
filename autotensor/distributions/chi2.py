"""The chi-squared distribution."""

from autotensor.distributions.gamma import Gamma
from autotensor.distributions.utils import broadcast_all


class Chi2(Gamma):
    """The sum of ``df`` squares of standard normal numbers."""

    def __init__(self, df, validate_args=None):
        (df,) = broadcast_all(df)
        super().__init__(df * 0.5, 0.5, validate_args=validate_args)

    df = property(lambda self: self.concentration * 2, doc="The degrees of freedom.")
