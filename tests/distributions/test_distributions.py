"""Distributions: samples by their moments, gradients by differences, divergences by samples."""

import math
import subprocess
import sys

import numpy as np
import pytest

import autotensor as at
from autotensor import distributions as d
from autotensor.distributions import constraints, transforms
from autotensor.ops.sampling import standard_gamma
from autotensor.tensor import Tensor
from autotensor.testing import gradcheck, gradgradcheck

RNG = np.random.default_rng(0)
REAL = np.array([-0.7, 0.2, 1.4])
POSITIVE = np.array([0.4, 1.3, 2.5])
UNIT = np.array([0.2, 0.5, 0.9])
COVARIANCE = np.array([[2.0, 0.5], [0.5, 1]])

CASES = {
    "Normal": (d.Normal, [REAL, POSITIVE]),
    "LogNormal": (d.LogNormal, [REAL, POSITIVE * 0.2]),
    "HalfNormal": (d.HalfNormal, [POSITIVE]),
    "Uniform": (d.Uniform, [-POSITIVE, POSITIVE]),
    "Bernoulli": (d.Bernoulli, [UNIT]),
    "Categorical": (lambda p: d.OneHotCategorical(p), [POSITIVE]),
    "Binomial": (lambda p: d.Binomial(5, p), [UNIT]),
    "Multinomial": (lambda p: d.Multinomial(6, p), [POSITIVE]),
    "Geometric": (d.Geometric, [UNIT]),
    "Poisson": (d.Poisson, [POSITIVE]),
    "Exponential": (d.Exponential, [POSITIVE]),
    "Laplace": (d.Laplace, [REAL, POSITIVE]),
    "Gamma": (d.Gamma, [POSITIVE, POSITIVE[::-1].copy()]),
    "Chi2": (d.Chi2, [POSITIVE]),
    "Beta": (d.Beta, [POSITIVE, UNIT]),
    "Dirichlet": (d.Dirichlet, [POSITIVE]),
    "StudentT": (d.StudentT, [POSITIVE + 5, REAL, POSITIVE]),
    "Gumbel": (d.Gumbel, [REAL, POSITIVE]),
    "MultivariateNormal": (d.MultivariateNormal, [REAL[:2], COVARIANCE]),
    "Independent": (lambda m, s: d.Independent(d.Normal(m, s), 1), [REAL, POSITIVE]),
    "Mixture": (
        lambda p, m, s: d.MixtureSameFamily(d.Categorical(p), d.Normal(m, s)),
        [POSITIVE, REAL, POSITIVE],
    ),
}
every = pytest.mark.parametrize("name", CASES)


def made(name):
    make, arrays = CASES[name]
    parameters = [Tensor(a.copy()).requires_grad_() for a in arrays]
    return make, parameters


@every
def test_samples_have_the_moments(name):
    make, parameters = made(name)
    distribution = make(*parameters)
    draws = distribution.sample((40000,))
    error = 6 * distribution.stddev.detach().array / np.sqrt(40000)
    assert (np.abs(draws.array.mean(0) - distribution.mean.array) <= error).all()
    np.testing.assert_allclose(draws.array.var(0), distribution.variance.array, 0.15)
    at.manual_seed(0)
    first = distribution.sample((3,))
    at.manual_seed(0)
    np.testing.assert_array_equal(first.array, distribution.sample((3,)).array)


@every
def test_gradients_of_densities(name):
    make, parameters = made(name)
    value = make(*parameters).sample((2,))

    def density(*parameters):
        return make(*parameters).log_prob(value)

    if name == "MultivariateNormal":  # the covariance stays symmetric

        def density(m, s):
            return make(m, (s + s.mT) / 2).log_prob(value)

    gradcheck(density, parameters)
    gradgradcheck(density, parameters, atol=1e-4)


ENTROPIES = [n for n in CASES if n not in ("Poisson", "Mixture")]


@pytest.mark.parametrize("name", ENTROPIES)
def test_entropy_is_the_mean_of_the_logarithm(name):
    make, parameters = made(name)
    distribution = make(*parameters)
    logs = -distribution.log_prob(distribution.sample((40000,))).detach().array
    error = 6 * logs.std(0) / np.sqrt(40000) + 1e-9
    assert (np.abs(logs.mean(0) - distribution.entropy().array) <= error).all()


@pytest.mark.parametrize("name", [n for n in ENTROPIES if n not in (
    "StudentT", "Chi2", "LogNormal", "Multinomial", "Uniform")])  # fmt: skip
def test_divergence_is_the_mean_of_the_difference(name):
    make, parameters = made(name)
    p, q = make(*parameters), make(*[x.detach() * 1.05 for x in parameters])
    draws = p.sample((40000,))
    off = (p.log_prob(draws) - q.log_prob(draws)).detach().array
    error = 6 * off.std(0) / np.sqrt(40000) + 1e-9
    assert (np.abs(off.mean(0) - d.kl_divergence(p, q).array) <= error).all()
    same = d.kl_divergence(p, p)
    np.testing.assert_allclose(same.array, 0, atol=1e-9)


RSAMPLES = [n for n in CASES if made(n)[0](*made(n)[1]).has_rsample]


@pytest.mark.parametrize("name", RSAMPLES)
def test_samples_move_with_parameters(name):
    """The gradient of a mean over samples is that of the mean, but for chance."""
    make, parameters = made(name)
    distribution = make(*parameters)
    draws = distribution.rsample((40000,)).mean(0).sum()
    sampled = at.grad(draws, parameters, retain_graph=True, allow_unused=True)
    exact = at.grad(distribution.mean.sum(), parameters, allow_unused=True)
    for g, h in zip(sampled, exact, strict=True):
        expected = 0 if h is None else h.array
        np.testing.assert_allclose(g.array, np.broadcast_to(expected, g.shape), 0.05, 0.08)


def below(concentration, z):
    """The gamma distribution function, by numerical integration over log z."""
    top = np.log(z)
    t = np.linspace(top - 40 / min(concentration, 1), top, 400001)
    logs = concentration * t - np.exp(t) - math.lgamma(concentration)
    return np.trapezoid(np.exp(logs), t)


@pytest.mark.parametrize("concentration", [0.1, 0.7, 1.0, 3.7, 50.0, 3000.0])
def test_gamma_samples_keep_their_place(concentration):
    """A sample moves so that the distribution function at it stays what it is."""
    a = Tensor(np.full(5, concentration)).requires_grad_()
    z = standard_gamma(a)
    (slope,) = at.grad(z.sum(), a)
    step = 1e-4 * concentration
    for value, moved in zip(z.array, slope.array, strict=True):
        kept = [below(concentration + s, value + s * moved) for s in (-step, step)]
        left = [below(concentration + s, value) for s in (-step, step)]
        assert abs(kept[1] - kept[0]) < 1e-4 * abs(left[1] - left[0]) + 1e-10


def test_gamma_samples_differentiate_once():
    a = at.tensor([2.0, 3.0]).requires_grad_()
    (g,) = at.grad(standard_gamma(a).sum(), a, create_graph=True)
    with pytest.raises(RuntimeError, match="once only"):
        g.sum().backward()


@pytest.mark.parametrize("transform", [
    transforms.ExpTransform(), transforms.SigmoidTransform(), transforms.TanhTransform(),
    transforms.AffineTransform(1.0, -2.0), transforms.ComposeTransform(
        [transforms.AffineTransform(0.5, 2.0), transforms.ExpTransform()]),
    transforms.ExpTransform().inv, transforms.PowerTransform(3.0)], ids=repr)  # fmt: skip
def test_transforms(transform):
    x = Tensor(POSITIVE.copy()).requires_grad_()
    y = transform(x)
    np.testing.assert_allclose(transform.inv(y).array, x.array, atol=1e-9)
    (slope,) = at.grad(y.sum(), x)
    jacobian = transform.log_abs_det_jacobian(x, y)
    np.testing.assert_allclose(jacobian.array, np.log(np.abs(slope.array)), atol=1e-9)
    assert transform == transform and transform.inv.inv == transform
    assert np.sign(slope.array[0]) == transform.sign


def test_policy_gradient_learns():
    """Where the reward is, the policy goes: the score function of a categorical (Williams 1992)."""
    logits = at.zeros(4, requires_grad=True)
    optimizer = at.optim.Adam([logits], lr=0.1)
    for _ in range(100):
        policy = d.Categorical(logits=logits)
        action = policy.sample((32,))
        loss = -(policy.log_prob(action) * (action == 2).float()).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert d.Categorical(logits=logits).probs[2].item() > 0.9


def test_variational_bound_learns():
    """A normal finds mean and deviation of another one by samples and by the divergence."""
    loc, log_scale = at.zeros(2, requires_grad=True), at.zeros(2, requires_grad=True)
    target = d.Independent(d.Normal(at.tensor([1.0, -2.0]), at.tensor([0.5, 2.0])), 1)
    optimizer = at.optim.Adam([loc, log_scale], lr=0.05)
    for _ in range(300):
        q = d.Independent(d.Normal(loc, log_scale.exp()), 1)
        optimizer.zero_grad()
        d.kl_divergence(q, target).backward()
        optimizer.step()
    np.testing.assert_allclose(loc.detach().numpy(), [1, -2], atol=0.02)
    np.testing.assert_allclose(log_scale.exp().detach().numpy(), [0.5, 2], rtol=0.02)


def test_divergences_of_ones_own():
    class Mine(d.Normal):
        pass

    p, q = Mine(0.0, 1.0), d.Normal(0.0, 2.0)
    usual = d.kl_divergence(p, q)
    np.testing.assert_allclose(usual.item(), d.kl_divergence(d.Normal(0.0, 1.0), q).item())

    @d.register_kl(Mine, d.Normal)
    def divergence(p, q):
        return 42

    assert d.kl_divergence(p, q) == 42
    with pytest.raises(TypeError, match="subclass"):
        d.register_kl(int, d.Normal)


def test_supports_enumerated():
    assert d.Bernoulli(at.ones(2) / 2).enumerate_support().tolist() == [[0, 0], [1, 1]]
    assert d.Categorical(at.ones(2, 3)).enumerate_support(False).tolist() == [[0], [1], [2]]
    assert d.OneHotCategorical(at.ones(2)).enumerate_support().tolist() == [[1, 0], [0, 1]]
    assert d.Binomial(2, at.tensor(0.5)).enumerate_support().tolist() == [0, 1, 2]
    with pytest.raises(NotImplementedError, match="Inhomogeneous"):
        d.Binomial(at.tensor([1.0, 2]), at.tensor(0.5)).enumerate_support()
    straight = d.OneHotCategoricalStraightThrough(at.ones(3).requires_grad_())
    assert straight.rsample().requires_grad and straight.rsample().sum().item() == 1


def test_constraints():
    x = at.tensor([[0.5, 0.5], [0.2, 0.9]])
    assert constraints.simplex.check(x).tolist() == [True, False]
    assert constraints.interval(0.3, 0.6).check(x)[0].tolist() == [True, True]
    assert constraints.positive_definite.check(at.tensor([[1.0, 2], [2, 1]])).item() is False
    assert constraints.lower_cholesky.check(at.eye(2)).item() is True
    assert constraints.one_hot.check(at.eye(2)).tolist() == [True, True]
    assert constraints.integer_interval(0, 2).check(at.tensor([1.5, 2])).tolist() == [False, True]
    assert constraints.half_open_interval(0, 1).check(at.tensor([0.0, 1])).tolist() == [True, False]
    assert constraints.multinomial(2).check(at.tensor([1.0, 2])).item() is False


def test_discrete_samples_have_no_gradient():
    with pytest.raises(NotImplementedError, match="has_rsample is False"):
        d.Poisson(2.0).rsample()
    with pytest.raises(NotImplementedError, match="does not implement cdf"):
        d.Poisson(2.0).cdf(at.tensor(1.0))


def test_names_of_pytorch():
    code = """
from autotensor.torch import install
install()
import torch, torch.distributions as D
from torch.distributions import Categorical, kl_divergence, constraints, transforms
from torch.distributions.normal import Normal
from torch.distributions.kl import register_kl
from torch.distributions.transforms import TanhTransform
from torch.fft import rfft
import torch.linalg, torch.sparse
print(D.multinomial.Multinomial(2, torch.ones(2)).sample().sum().item(), torch.fft.rfft is rfft,
      constraints.positive, torch.linalg.eigh(torch.eye(2)).eigenvalues.tolist())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "2.0 True GreaterThan(lower_bound=0.0) [1.0, 1.0]"


def test_remembered_samples_are_inverted_exactly():
    """Where tanh is 1 to the last digit, its inverse is not known but by memory."""
    squashed = d.TransformedDistribution(
        d.Normal(at.tensor([30.0]), 1.0), [transforms.TanhTransform(cache_size=1)]
    )
    value = squashed.rsample()
    assert value.item() == 1 and np.isfinite(squashed.log_prob(value).item())
    with pytest.raises(ValueError, match="0 or 1"):
        transforms.ExpTransform(cache_size=2)
