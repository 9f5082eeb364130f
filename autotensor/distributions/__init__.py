"""PyTorch's ``torch.distributions``: probability distributions with differentiable densities."""

from autotensor.distributions import constraints, transforms
from autotensor.distributions.bernoulli import Bernoulli
from autotensor.distributions.beta import Beta
from autotensor.distributions.binomial import Binomial
from autotensor.distributions.categorical import Categorical
from autotensor.distributions.cauchy import Cauchy
from autotensor.distributions.chi2 import Chi2
from autotensor.distributions.dirichlet import Dirichlet
from autotensor.distributions.distribution import Distribution
from autotensor.distributions.exponential import Exponential
from autotensor.distributions.gamma import Gamma
from autotensor.distributions.geometric import Geometric
from autotensor.distributions.gumbel import Gumbel
from autotensor.distributions.half_normal import HalfNormal
from autotensor.distributions.independent import Independent
from autotensor.distributions.kl import kl_divergence, register_kl
from autotensor.distributions.laplace import Laplace
from autotensor.distributions.log_normal import LogNormal
from autotensor.distributions.mixture_same_family import MixtureSameFamily
from autotensor.distributions.multinomial import Multinomial
from autotensor.distributions.multivariate_normal import MultivariateNormal
from autotensor.distributions.normal import Normal
from autotensor.distributions.one_hot_categorical import (
    OneHotCategorical,
    OneHotCategoricalStraightThrough,
)
from autotensor.distributions.poisson import Poisson
from autotensor.distributions.studentT import StudentT
from autotensor.distributions.transformed_distribution import TransformedDistribution
from autotensor.distributions.transforms import (
    AbsTransform,
    AffineTransform,
    ComposeTransform,
    ExpTransform,
    PowerTransform,
    SigmoidTransform,
    TanhTransform,
    Transform,
    identity_transform,
)
from autotensor.distributions.uniform import Uniform
