"""The distribution of numbers whose logarithm is normal."""

from autotensor.distributions import constraints
from autotensor.distributions.normal import Normal
from autotensor.distributions.transformed_distribution import TransformedDistribution
from autotensor.distributions.transforms import ExpTransform
from autotensor.ops.elementary import exp, expm1


class LogNormal(TransformedDistribution):
    """``exp`` of normal numbers of mean ``loc`` and standard deviation ``scale``."""

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}

    def __init__(self, loc, scale, validate_args=None):
        super().__init__(Normal(loc, scale, validate_args), ExpTransform(), validate_args)

    loc = property(lambda self: self.base_dist.loc, doc="The mean of the logarithm.")
    scale = property(lambda self: self.base_dist.scale, doc="The logarithm's deviation.")
    mean = property(lambda self: exp(self.loc + self.scale**2 / 2))
    mode = property(lambda self: exp(self.loc - self.scale**2))
    variance = property(lambda self: expm1(self.scale**2) * exp(self.loc * 2 + self.scale**2))

    def entropy(self):
        """That of the normal, and its mean."""
        return self.base_dist.entropy() + self.loc
