"""Distributions beside PyTorch's: densities, moments, divergences, gradients, shapes, errors."""

import numpy as np
import pytest

import autotensor as at

torch = pytest.importorskip("torch")
RNG = np.random.default_rng(0)


def real(*shape):
    return RNG.standard_normal(shape)


def positive(*shape):
    return RNG.uniform(0.3, 3, shape)


def unit(*shape):
    return RNG.uniform(0.05, 0.95, shape)


def simplex(*shape):
    return RNG.dirichlet(np.ones(shape[-1]), shape[:-1])


def counts(most, *shape):
    return RNG.integers(0, most + 1, shape).astype(float)


def one_hot(*shape):
    return np.eye(shape[-1])[RNG.integers(0, shape[-1], shape[:-1])]


def definite(*shape):
    x = real(*shape, shape[-1])
    return x @ x.swapaxes(-1, -2) + np.eye(shape[-1])


class Case:
    """How to make one, of arrays, and values in the support."""

    def __init__(self, make, parameters, value):
        self.make, self.parameters, self.value = make, parameters, value

    def of(self, library):
        tensors = [library.tensor(p).requires_grad_() for p in self.parameters]
        return self.make(library, *tensors), tensors


def plain(name, *parameters, value, **named):
    return Case(lambda t, *p: getattr(t.distributions, name)(*p, **named), parameters, value)


def odds(name, *before, value):
    def make(t, logits):
        return getattr(t.distributions, name)(*before, logits=logits)

    return Case(make, [real(3, 4)], value)


CASES = {
    "Normal": plain("Normal", real(3, 4), positive(4), value=real(2, 3, 4)),
    "LogNormal": plain("LogNormal", real(3, 4), positive(4), value=positive(2, 3, 4)),
    "HalfNormal": plain("HalfNormal", positive(3, 4), value=positive(3, 4)),
    "Uniform": plain("Uniform", -positive(3, 4), positive(3, 1), value=unit(3, 4) * 0.3),
    "Bernoulli": plain("Bernoulli", unit(3, 4), value=counts(1, 2, 3, 4)),
    "Bernoulli logits": odds("Bernoulli", value=counts(1, 3, 4)),
    "Categorical": plain("Categorical", positive(3, 4), value=RNG.integers(0, 4, (2, 3))),
    "Categorical logits": odds("Categorical", value=RNG.integers(0, 4, 3)),
    "OneHotCategorical": plain("OneHotCategorical", positive(3, 4), value=one_hot(3, 4)),
    "Binomial": Case(lambda t, p: t.distributions.Binomial(5, p), [unit(3, 4)], counts(5, 2, 3, 4)),
    "Binomial logits": odds("Binomial", 6, value=counts(6, 3, 4)),
    "Multinomial": Case(
        lambda t, p: t.distributions.Multinomial(4, p),
        [positive(3, 2)],
        np.array([[4.0, 0], [1, 3], [2, 2]]),
    ),
    "Multinomial logits": odds("Multinomial", 3, value=one_hot(3, 4) * 3),
    "Geometric": plain("Geometric", unit(3, 4), value=counts(5, 3, 4)),
    "Geometric logits": odds("Geometric", value=counts(5, 3, 4)),
    "Poisson": plain("Poisson", positive(3, 4), value=counts(5, 2, 3, 4)),
    "Exponential": plain("Exponential", positive(3, 4), value=positive(3, 4)),
    "Laplace": plain("Laplace", real(3, 4), positive(3, 4), value=real(3, 4)),
    "Cauchy": plain("Cauchy", real(3, 4), positive(3, 4), value=real(3, 4)),
    "Gamma": plain("Gamma", positive(3, 4), positive(4), value=positive(3, 4)),
    "Chi2": plain("Chi2", positive(3, 4), value=positive(3, 4)),
    "Beta": plain("Beta", positive(3, 4), positive(3, 4), value=unit(2, 3, 4)),
    "Dirichlet": plain("Dirichlet", positive(3, 4), value=simplex(2, 3, 4)),
    "StudentT": plain("StudentT", positive(3, 4) + 2, real(4), positive(4), value=real(3, 4)),
    "Gumbel": plain("Gumbel", real(3, 4), positive(3, 4), value=real(3, 4)),
    "MultivariateNormal": plain(
        "MultivariateNormal", real(3, 2), definite(3, 2), value=real(5, 3, 2)
    ),
    "MultivariateNormal one": plain("MultivariateNormal", real(2), definite(2), value=real(5, 2)),
    "MultivariateNormal precision": Case(
        lambda t, m, p: t.distributions.MultivariateNormal(m, precision_matrix=p),
        [real(2), definite(3, 2)],
        real(3, 2),
    ),
    "MultivariateNormal tril": Case(
        lambda t, m, p: t.distributions.MultivariateNormal(m, scale_tril=p),
        [real(3, 2), np.linalg.cholesky(definite(2))],
        real(3, 2),
    ),
    "Independent": Case(
        lambda t, m, s: t.distributions.Independent(t.distributions.Normal(m, s), 1),
        [real(3, 4), positive(3, 4)],
        real(2, 3, 4),
    ),
    "MixtureSameFamily": Case(
        lambda t, p, m, s: t.distributions.MixtureSameFamily(
            t.distributions.Categorical(p), t.distributions.Normal(m, s)
        ),
        [positive(3, 4), real(3, 4), positive(3, 4)],
        real(3),
    ),
    "mixture of vectors": Case(
        lambda t, p, m, s: t.distributions.MixtureSameFamily(
            t.distributions.Categorical(p),
            t.distributions.Independent(t.distributions.Normal(m, s), 1),
        ),
        [positive(4), real(4, 2), positive(4, 2)],
        real(3, 2),
    ),
    "sigmoid": Case(
        lambda t, m, s: t.distributions.TransformedDistribution(
            t.distributions.Normal(m, s), [t.distributions.transforms.SigmoidTransform()]
        ),
        [real(3), positive(3)],
        unit(2, 3),
    ),
    "several transforms": Case(
        lambda t, m, s: t.distributions.TransformedDistribution(
            t.distributions.Normal(m, s),
            [
                t.distributions.transforms.TanhTransform(),
                t.distributions.transforms.AffineTransform(2.0, -0.5),
                t.distributions.transforms.ExpTransform(),
                t.distributions.transforms.PowerTransform(t.tensor(2.0, dtype=t.float64)),
            ],
        ),
        [real(3), positive(3)],
        np.exp(RNG.uniform(1.6, 2.4, (2, 3))) ** 2,
    ),
    "vectors transformed": Case(
        lambda t, m, s: t.distributions.TransformedDistribution(
            t.distributions.Normal(m, s),
            t.distributions.transforms.AffineTransform(s, m, event_dim=1),
        ),
        [positive(3, 4), positive(3, 4)],
        real(2, 3, 4),
    ),
}
every = pytest.mark.parametrize("name", CASES)


def same(ours, theirs, tolerance=1e-7):
    assert tuple(ours.shape) == tuple(theirs.shape)
    assert str(ours.dtype) == str(theirs.dtype).removeprefix("torch.")
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), tolerance, tolerance)


def both(case, call):
    """The results of ``call(library, distribution)``, or the type of the error, and gradients."""
    found = []
    for library in (at, torch):
        distribution, tensors = case.of(library)
        try:
            value = call(library, distribution)
        except (NotImplementedError, AttributeError) as error:
            found.append((type(error), []))
            continue
        gradients = []
        if value.requires_grad:
            finite = library.where(library.isfinite(value), value, library.zeros_like(value))
            (finite**2).sum().backward()
            gradients = [x.grad for x in tensors]
        found.append((value, gradients))
    return found


def compared(case, call):
    (ours, our_slopes), (theirs, their_slopes) = both(case, call)
    if isinstance(theirs, type):
        assert ours is theirs
        return
    same(ours, theirs)
    assert len(our_slopes) == len(their_slopes)
    for g, h in zip(our_slopes, their_slopes, strict=True):
        h = torch.zeros(1).expand(g.shape) if h is None and g is not None else h
        if g is not None:
            np.testing.assert_allclose(g.numpy(), h.numpy(), 1e-7, 1e-8)


@every
def test_densities(name):
    case = CASES[name]
    compared(case, lambda t, d: d.log_prob(t.tensor(case.value)))


@every
@pytest.mark.parametrize("what", ["mean", "variance", "stddev", "mode"])
def test_moments(name, what):
    compared(CASES[name], lambda t, d: getattr(d, what))


@every
def test_entropy(name):
    compared(CASES[name], lambda t, d: d.entropy())


@every
def test_distribution_functions(name):
    case = CASES[name]
    if name.startswith(("Gamma", "Chi2")):
        pytest.skip("the incomplete gamma function is not there")
    compared(case, lambda t, d: d.cdf(t.tensor(case.value)))
    shape = np.shape(case.value)
    compared(case, lambda t, d: d.icdf(t.tensor(np.full(shape, 0.3))))


@every
def test_shapes(name):
    case = CASES[name]
    for sample in ((), (2,), (2, 5)):
        compared(case, lambda t, d, s=sample: t.zeros(d.sample(s).shape))
    compared(case, lambda t, d: t.zeros(d.batch_shape + d.event_shape))
    compared(case, lambda t, d: d.expand((7, *d.batch_shape)).mean)
    ours, theirs = (case.of(library)[0] for library in (at, torch))
    assert ours.has_rsample == theirs.has_rsample
    draw = ours.sample((50,))
    assert str(draw.dtype) == str(theirs.sample().dtype).removeprefix("torch.")
    assert not draw.requires_grad
    wide = ours.expand((50, *ours.batch_shape))
    same(wide.log_prob(draw), torch.from_numpy(ours.log_prob(draw).detach().numpy()))
    assert np.isfinite(ours.log_prob(draw).detach().numpy()).all()


@every
def test_supports(name):
    ours, theirs = (CASES[name].of(library)[0] for library in (at, torch))
    assert ours.support.event_dim == theirs.support.event_dim
    assert ours.support.is_discrete == theirs.support.is_discrete
    for d, t in ((ours, at), (theirs, torch)):
        wrong = t.tensor(np.full(np.shape(CASES[name].value), np.nan))
        with pytest.raises(ValueError, match="support"):
            d.log_prob(wrong)


PAIRS = [
    *((name, name) for name in CASES if not name.startswith((
        "Cauchy", "StudentT", "Multinomial", "MixtureS", "mixture"))),
    ("Exponential", "Gamma"), ("Gamma", "Exponential"), ("Uniform", "Normal"),
    ("Exponential", "Normal"), ("Gamma", "Normal"), ("Laplace", "Normal"), ("Gumbel", "Normal"),
    ("Chi2", "Gamma"), ("Normal", "Bernoulli"), ("Cauchy", "StudentT"),
]  # fmt: skip


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_divergences(pair):
    first, second = (CASES[name] for name in pair)
    moved = [p * 1.1 if p.ndim < 3 and pair[1][:5] != "Berno" else p for p in second.parameters]
    if pair[1] in ("Geometric", "Binomial"):
        moved = [p * 0.9 for p in second.parameters]
    other = Case(second.make, moved, second.value)

    def divergence(t, d):
        return t.distributions.kl_divergence(d, other.of(t)[0])

    compared(first, divergence)


RSAMPLES = [n for n, c in CASES.items() if c.of(at)[0].has_rsample]


@pytest.mark.parametrize("name", RSAMPLES)
def test_samples_move_with_parameters(name):
    """Gradients of the mean of samples are those of samples of PyTorch, but for chance."""
    slopes = []
    for library in (at, torch):
        library.manual_seed(0)
        d, tensors = CASES[name].of(library)
        draws = d.rsample((20000,))
        (library.tanh(draws)).mean(0).sum().backward()
        slopes.append([x.grad.numpy() for x in tensors if x.grad is not None])
    for g, h in zip(*slopes, strict=True):
        np.testing.assert_allclose(g, h, 0.1, 0.06)


FAILURES = {
    "scale": lambda t, d: d.Normal(0.0, -1.0),
    "not a number": lambda t, d: d.Normal("0", 1.0),
    "neither": lambda t, d: d.Categorical(),
    "both": lambda t, d: d.Bernoulli(t.ones(2), t.ones(2)),
    "simplex": lambda t, d: d.Categorical(t.tensor([-1.0, 2.0])),
    "scalar": lambda t, d: d.Categorical(t.tensor(0.5)),
    "range": lambda t, d: d.Uniform(1.0, 0.0),
    "shape": lambda t, d: d.Normal(t.zeros(2), 1.0).log_prob(t.zeros(3)),
    "event": lambda t, d: d.Dirichlet(t.ones(3)).log_prob(t.ones(2) / 2),
    "value": lambda t, d: d.Bernoulli(0.5).log_prob(t.tensor(0.3)),
    "class": lambda t, d: d.Categorical(t.ones(3)).log_prob(t.tensor(5)),
    "no tensor": lambda t, d: d.Normal(0.0, 1.0).log_prob(1.0),
    "rsample": lambda t, d: d.Bernoulli(0.5).rsample(),
    "divergence": lambda t, d: d.kl_divergence(d.Normal(0.0, 1.0), d.Cauchy(0.0, 1.0)),
    "covariances": lambda t, d: d.MultivariateNormal(t.zeros(2)),
    "not definite": lambda t, d: d.MultivariateNormal(t.zeros(2), -t.eye(2)),
    "independent": lambda t, d: d.Independent(d.Normal(0.0, 1.0), 1),
    "mixture": lambda t, d: d.MixtureSameFamily(d.Normal(0.0, 1.0), d.Normal(0.0, 1.0)),
    "number of components": lambda t, d: d.MixtureSameFamily(
        d.Categorical(t.ones(2)), d.Normal(t.zeros(3), 1.0)
    ),
    "transforms": lambda t, d: d.TransformedDistribution(d.Normal(0.0, 1.0), "exp"),
    "counts": lambda t, d: d.Multinomial(t.ones(2), t.ones(2)),
    "geometric": lambda t, d: d.Geometric(0.0),
    "dirichlet": lambda t, d: d.Dirichlet(t.tensor(1.0)),
    "default": lambda t, d: d.Distribution.set_default_validate_args(3),
}


@pytest.mark.parametrize("name", FAILURES)
def test_errors(name):
    kinds = []
    for library in (at, torch):
        with pytest.raises(Exception) as caught:
            FAILURES[name](library, library.distributions)
        kinds.append(type(caught.value))
    assert kinds[0] is kinds[1]


def test_messages_name_the_parameter():
    messages = []
    for library in (at, torch):
        with pytest.raises(ValueError, match="Expected parameter scale") as caught:
            library.distributions.Normal(library.zeros(2), library.tensor([1.0, -1.0]))
        messages.append(str(caught.value).split("of distribution")[0])
    assert messages[0] == messages[1]


def test_arguments_that_are_not_checked():
    for library in (at, torch):
        d = library.distributions.Normal(0.0, -1.0, validate_args=False)
        assert d.scale.item() == -1
