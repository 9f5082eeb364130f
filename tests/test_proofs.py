"""What differentiation of any order is good for, proved on small problems with known answers."""

import math
from itertools import pairwise

import numpy as np
import pytest

import autotensor as at
from autotensor import nn, optim
from autotensor.autograd import Function, gradcheck
from autotensor.func import functional_call, grad, hessian, vjp


def test_the_sine_differentiated_six_times():
    x = at.linspace(-7, 7, 200, dtype=at.float64).requires_grad_()
    y = x.sin()
    for closed in (np.cos, lambda x: -np.sin(x), lambda x: -np.cos(x), np.sin, np.cos,
                   lambda x: -np.sin(x)):  # fmt: skip
        (y,) = at.grad(y.sum(), x, create_graph=True)
        np.testing.assert_allclose(y.array, closed(x.array), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("point", [(-1.2, 1.0), (1.0, 1.0), (0.3, -2.0)])
def test_the_hessian_of_rosenbrock(point):
    def rosenbrock(p):
        return 100 * (p[1] - p[0] ** 2) ** 2 + (1 - p[0]) ** 2

    x, y = point
    closed = [[1200 * x * x - 400 * y + 2, -400 * x], [-400 * x, 200]]
    p = at.tensor(point, dtype=at.float64)
    np.testing.assert_allclose(hessian(rosenbrock)(p).array, closed, rtol=1e-12)


def test_newtons_method_finds_the_minimum_of_rosenbrock():
    def rosenbrock(p):
        return 100 * (p[1] - p[0] ** 2) ** 2 + (1 - p[0]) ** 2

    p = at.tensor([-1.2, 1.0], dtype=at.float64)
    for _ in range(7):
        step = np.linalg.solve(hessian(rosenbrock)(p).array, grad(rosenbrock)(p).array)
        p = p - at.from_numpy(step)
    np.testing.assert_allclose(p.array, [1, 1], rtol=1e-9)


def _mlp(*sizes):
    layers = []
    for a, b in pairwise(sizes):
        layers += [nn.Linear(a, b), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers[:-1])


def _penalty(critic, real, fake):
    """(|gradient of the critic| - 1)**2 between real and generated points (Gulrajani 2017)."""
    share = at.rand(len(real), 1)
    between = (share * real + (1 - share) * fake).requires_grad_()
    (slope,) = at.grad(critic(between).sum(), between, create_graph=True)
    return ((slope.norm(dim=1) - 1) ** 2).mean()


def _ring(n):
    angle = at.rand(n) * 2 * math.pi
    return at.stack([2 + angle.cos(), angle.sin() - 1], dim=1)


def test_a_gradient_penalty_trains_a_generator():
    """WGAN-GP on points of a circle: the generated ones come to have its centre and radius."""
    generator, critic = _mlp(2, 32, 32, 2), _mlp(2, 32, 32, 1)
    of_generator = optim.Adam(generator.parameters(), lr=5e-3, betas=(0.5, 0.9))
    of_critic = optim.Adam(critic.parameters(), lr=5e-3, betas=(0.5, 0.9))

    def error():
        with at.no_grad():
            points = generator(at.randn(500, 2)).array
        radius = np.linalg.norm(points - [2, -1], axis=1)
        return np.linalg.norm(points.mean(0) - [2, -1]), abs(radius.mean() - 1)

    before, penalties = error(), []
    for _ in range(150):
        for _ in range(3):
            real, fake = _ring(64), generator(at.randn(64, 2)).detach()
            penalty = _penalty(critic, real, fake)
            loss = critic(fake).mean() - critic(real).mean() + penalty
            of_critic.zero_grad()
            loss.backward()
            of_critic.step()
        penalties.append(penalty.item())
        of_generator.zero_grad()
        (-critic(generator(at.randn(64, 2))).mean()).backward()
        of_generator.step()
    after = error()
    assert after[0] < 0.5 * before[0] and before[0] > 1.5, (before, after)
    assert after[1] < 0.4 * before[1] and before[1] > 0.5, (before, after)
    assert np.mean(penalties[-20:]) < 0.1 < penalties[0]


class TestLearningToLearn:
    """20 steps of gradient descent, differentiated by how they were made."""

    def setup_method(self):
        random = np.random.default_rng(0)
        self.x = at.from_numpy(random.standard_normal((30, 3)))
        self.y = (self.x @ at.tensor([1.0, -2.0, 0.5]).double()).tanh()
        self.start = at.from_numpy(0.1 * random.standard_normal(3))

    def after_training(self, meta):
        """The loss after 20 steps with logarithms of rates for each weight and of a decay."""

        def loss(w):
            return ((self.x @ w).tanh() - self.y).square().mean()

        w = self.start
        for _ in range(20):
            w = w * (1 - meta[3].exp()) - meta[:3].exp() * grad(loss)(w)
        return loss(w)

    def test_the_meta_gradient_is_that_of_differences(self):
        meta = at.tensor([-2.0, -3.0, -1.0, -4.0], dtype=at.float64)
        found = grad(self.after_training)(meta).array
        for k in range(4):
            moved = np.zeros(4)
            moved[k] = 1e-5
            above = self.after_training(meta + at.from_numpy(moved)).item()
            below = self.after_training(meta - at.from_numpy(moved)).item()
            np.testing.assert_allclose(found[k], (above - below) / 2e-5, rtol=1e-6)

    def test_it_is_the_same_by_backward(self):
        meta = at.tensor([-2.0, -3.0, -1.0, -4.0], dtype=at.float64, requires_grad=True)
        self.after_training(meta).backward()
        np.testing.assert_array_equal(meta.grad.array, grad(self.after_training)(meta).array)

    def test_the_meta_loss_falls(self):
        meta = at.tensor([-3.0, -3.0, -3.0, -3.0], dtype=at.float64, requires_grad=True)
        optimizer = optim.Adam([meta], lr=0.2)
        losses = []
        for _ in range(30):
            optimizer.zero_grad()
            loss = self.after_training(meta)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        assert losses[-1] < 0.02 * losses[0]


def test_meta_learning_of_a_module():
    """MAML (Finn et al. 2017) in one line: the gradient through a step of a module's parameters."""
    module = nn.Sequential(nn.Linear(1, 4), nn.Tanh(), nn.Linear(4, 1)).double()
    parameters = dict(module.named_parameters())
    x = at.linspace(-1, 1, 10, dtype=at.float64).reshape(-1, 1)

    def loss(p):
        return (functional_call(module, p, x) - x.sin()).square().mean()

    def adapted(*tensors):
        p = dict(zip(parameters, tensors, strict=True))
        return loss({name: p[name] - 0.1 * g for name, g in grad(loss)(p).items()})

    assert gradcheck(adapted, tuple(parameters.values()))


class FixedPoint(Function):
    """z = f(z, x), found by iteration; the gradient by the implicit function theorem.

    dz/dx = (I - df/dz)^-1 df/dx: the weights u = g + u df/dz are a fixed point, too (Bai, Kolter
    and Koltun 2019, "Deep equilibrium models").
    """

    @staticmethod
    def forward(ctx, f, start, *inputs):
        z = start
        for _ in range(200):
            z = f(z, *inputs)
        ctx.f = f
        ctx.save_for_backward(z, *inputs)
        return z

    @staticmethod
    def backward(ctx, g):
        z, *inputs = ctx.saved_tensors
        _, pull = vjp(ctx.f, z.detach(), *inputs)
        u = g
        for _ in range(200):
            u = g + pull(u)[0]
        return None, None, *pull(u)[1:]


def test_an_implicit_layer_has_the_gradient_of_the_loop():
    random = np.random.default_rng(0)
    w = at.from_numpy(0.3 * random.standard_normal((4, 4))).requires_grad_()
    x = at.from_numpy(random.standard_normal((5, 4))).requires_grad_()
    start = at.zeros(5, 4, dtype=at.float64)

    def f(z, w, x):
        return (z @ w + x).tanh()

    z = FixedPoint.apply(f, start, w, x)
    np.testing.assert_allclose(z.array, f(z, w, x).array, atol=1e-14)
    unrolled = start
    for _ in range(200):
        unrolled = f(unrolled, w, x)
    for implicit, explicit in zip(
        at.grad((z**2).sum(), (w, x)), at.grad((unrolled**2).sum(), (w, x)), strict=True
    ):
        np.testing.assert_allclose(implicit.array, explicit.array, rtol=1e-10, atol=1e-13)
