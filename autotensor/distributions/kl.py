"""Kullback-Leibler divergences, by pairs of classes."""

import math

from autotensor.distributions.bernoulli import Bernoulli
from autotensor.distributions.beta import Beta
from autotensor.distributions.binomial import Binomial
from autotensor.distributions.categorical import Categorical
from autotensor.distributions.dirichlet import Dirichlet
from autotensor.distributions.distribution import Distribution
from autotensor.distributions.exponential import Exponential
from autotensor.distributions.gamma import Gamma
from autotensor.distributions.geometric import Geometric
from autotensor.distributions.gumbel import Gumbel
from autotensor.distributions.half_normal import HalfNormal
from autotensor.distributions.independent import Independent
from autotensor.distributions.laplace import Laplace
from autotensor.distributions.multivariate_normal import MultivariateNormal
from autotensor.distributions.normal import Normal
from autotensor.distributions.one_hot_categorical import OneHotCategorical
from autotensor.distributions.poisson import Poisson
from autotensor.distributions.transformed_distribution import TransformedDistribution
from autotensor.distributions.transforms import sum_events
from autotensor.distributions.uniform import Uniform
from autotensor.distributions.utils import EULER, HALF_LOG_2PI
from autotensor.ops.activation import softplus
from autotensor.ops.elementary import exp, log
from autotensor.ops.elementwise import abs, where
from autotensor.ops.reduce import sum
from autotensor.ops.shape import unsqueeze
from autotensor.ops.solving import solve_triangular
from autotensor.ops.special import digamma, lgamma

_FORMULAS = {}


def register_kl(type_p, type_q):
    """Decorate the function of ``(p, q)`` for these classes and their subclasses.

    Where several fit, the one for the closest classes is used, of ``p`` first.
    """
    for kind in (type_p, type_q):
        if not (isinstance(kind, type) and issubclass(kind, Distribution)):
            raise TypeError(f"Expected type_p to be a Distribution subclass but got {kind}")

    def decorate(function):
        _FORMULAS[type_p, type_q] = function
        return function

    return decorate


def kl_divergence(p, q):
    """The expectation under ``p`` of ``p.log_prob - q.log_prob``, one for each of the batch.

    NotImplementedError for pairs that no formula is registered for.
    """
    for kind_p in type(p).__mro__:
        for kind_q in type(q).__mro__:
            if (kind_p, kind_q) in _FORMULAS:
                return _FORMULAS[kind_p, kind_q](p, q)
    raise NotImplementedError(
        f"No KL(p || q) is implemented for p type {type(p).__name__} and q type "
        f"{type(q).__name__}: register_kl adds one"
    )


@register_kl(Normal, Normal)
def _normals(p, q):
    ratio = (p.scale / q.scale) ** 2
    return (ratio + ((p.loc - q.loc) / q.scale) ** 2 - 1 - log(ratio)) * 0.5


@register_kl(HalfNormal, HalfNormal)
def _half_normals(p, q):
    ratio = (p.scale / q.scale) ** 2
    return (ratio - 1 - log(ratio)) * 0.5


@register_kl(MultivariateNormal, MultivariateNormal)
def _multivariate_normals(p, q):
    if p.event_shape != q.event_shape:
        raise ValueError(
            "KL-divergence between two Multivariate Normals with different event shapes cannot be "
            "computed"
        )
    ours, theirs = p.scale_tril, q.scale_tril
    spread = solve_triangular(theirs, ours, upper=False)
    off = solve_triangular(theirs, unsqueeze(q.loc - p.loc, -1), upper=False)
    squares = sum(spread**2, (-2, -1)) + sum(off**2, (-2, -1))
    return q._half_log_det() - p._half_log_det() + (squares - p.event_shape[0]) * 0.5


@register_kl(Bernoulli, Bernoulli)
def _bernoullis(p, q):
    # By log odds, finite for probabilities of 0 and 1 of p.
    own = p.probs * (p.logits - q.logits) - softplus(p.logits) + softplus(q.logits)
    impossible = ((q.probs == 0) & (p.probs > 0)) | ((q.probs == 1) & (p.probs < 1))
    return where(impossible, math.inf, own)


@register_kl(Binomial, Binomial)
def _binomials(p, q):
    if (p.total_count.array > q.total_count.array).any():
        return _nowhere(p.total_count > q.total_count, p.total_count * _bernoullis(p, q))
    if (p.total_count.array < q.total_count.array).any():
        raise NotImplementedError(
            "KL between Binomials where q.total_count > p.total_count is not implemented"
        )
    return p.total_count * _bernoullis(p, q)


def _nowhere(impossible, value):
    """``value``, and infinity where ``q`` gives no probability to what ``p`` does."""
    return where(impossible, math.inf, value)


@register_kl(Categorical, Categorical)
def _categoricals(p, q):
    each = p.probs * (p.logits - q.logits)
    each = _nowhere((q.probs == 0) & (p.probs > 0), each)
    return sum(where(p.probs == 0, 0, each), -1)


@register_kl(OneHotCategorical, OneHotCategorical)
def _one_hot_categoricals(p, q):
    return _categoricals(p._categorical, q._categorical)


@register_kl(Geometric, Geometric)
def _geometrics(p, q):
    return -p.entropy() - (1 / p.probs - 1) * (-softplus(q.logits)) - log(q.probs)


@register_kl(Poisson, Poisson)
def _poissons(p, q):
    return p.rate * (log(p.rate) - log(q.rate)) - (p.rate - q.rate)


@register_kl(Exponential, Exponential)
def _exponentials(p, q):
    ratio = q.rate / p.rate
    return ratio - 1 - log(ratio)


@register_kl(Gamma, Gamma)
def _gammas(p, q):
    a, b = p.concentration, q.concentration
    rates = b * log(p.rate / q.rate) + a * (q.rate / p.rate - 1)
    return rates + lgamma(b) - lgamma(a) + (a - b) * digamma(a)


@register_kl(Exponential, Gamma)
def _exponential_gamma(p, q):
    return _gammas(Gamma(p.rate * 0 + 1, p.rate, validate_args=False), q)


@register_kl(Gamma, Exponential)
def _gamma_exponential(p, q):
    return _gammas(p, Gamma(q.rate * 0 + 1, q.rate, validate_args=False))


@register_kl(Beta, Beta)
def _betas(p, q):
    ours = (p.concentration1, p.concentration0)
    theirs = (q.concentration1, q.concentration0)
    total_p, total_q = ours[0] + ours[1], theirs[0] + theirs[1]
    result = lgamma(total_p) - lgamma(total_q) - (total_p - total_q) * digamma(total_p)
    for a, b in zip(ours, theirs, strict=True):
        result = result + lgamma(b) - lgamma(a) + (a - b) * digamma(a)
    return result


@register_kl(Dirichlet, Dirichlet)
def _dirichlets(p, q):
    a, b = p.concentration, q.concentration
    total = sum(a, -1)
    beta = lgamma(total) - lgamma(sum(b, -1)) - sum(lgamma(a) - lgamma(b), -1)
    return beta + sum((a - b) * (digamma(a) - unsqueeze(digamma(total), -1)), -1)


@register_kl(Laplace, Laplace)
def _laplaces(p, q):
    ratio, off = p.scale / q.scale, abs(p.loc - q.loc)
    return off / q.scale - log(ratio) + ratio * exp(-off / p.scale) - 1


@register_kl(Gumbel, Gumbel)
def _gumbels(p, q):
    ratio = p.scale / q.scale
    off = (q.loc - p.loc) / q.scale
    moment = exp(off + lgamma(ratio + 1))
    return -log(ratio) - off + ratio * EULER + moment - (1 + EULER)


@register_kl(Uniform, Uniform)
def _uniforms(p, q):
    outside = (q.low > p.low) | (q.high < p.high)
    return _nowhere(outside, log((q.high - q.low) / (p.high - p.low)))


def _against_normal(p, q):
    """By the entropy, mean and variance of any ``p``."""
    squares = p.variance + (p.mean - q.loc) ** 2
    return squares / (q.scale**2 * 2) + log(q.scale) + HALF_LOG_2PI - p.entropy()


for _kind in (Uniform, Exponential, Gamma, Laplace, Gumbel):
    register_kl(_kind, Normal)(_against_normal)


@register_kl(Independent, Independent)
def _independents(p, q):
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError(
            "KL between Independents with different numbers of reinterpreted dimensions"
        )
    return sum_events(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)


@register_kl(TransformedDistribution, TransformedDistribution)
def _transformed(p, q):
    if p.transforms != q.transforms:
        raise NotImplementedError("KL between distributions with different transforms")
    if p.event_shape != q.event_shape:
        raise NotImplementedError("KL between transformed distributions of different events")
    return kl_divergence(p.base_dist, q.base_dist)
