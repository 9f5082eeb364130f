"""Fourier transforms: NumPy's values, and gradients of any order."""

import numpy as np
import pytest

import autotensor as at
from autotensor import fft
from autotensor.tensor import Tensor
from autotensor.testing import gradcheck, gradgradcheck

RNG = np.random.default_rng(0)
NORMS = (None, "backward", "forward", "ortho")
ONE = ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")
SEVERAL = ("fft2", "ifft2", "rfft2", "irfft2", "fftn", "ifftn", "rfftn", "irfftn")


def numbers(name, *shape):
    real = RNG.standard_normal(shape)
    is_real = name.startswith(("rfft", "ihfft"))
    return real if is_real else real + 1j * RNG.standard_normal(shape)


def of_pairs(name, **named):
    """A transform as a function of pairs of real numbers, or of real ones, with real results."""

    def call(x):
        x = x if name.startswith(("rfft", "ihfft")) else at.view_as_complex(x)
        y = getattr(fft, name)(x, **named)
        return at.view_as_real(y) if y.is_complex() else y

    return call


def leaf(name, *shape):
    is_real = name.startswith(("rfft", "ihfft"))
    return Tensor(RNG.standard_normal(shape if is_real else (*shape, 2))).requires_grad_()


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("n", [None, 3, 4, 7])
@pytest.mark.parametrize("name", ONE)
def test_one_dimension(name, n, norm):
    array = numbers(name, 5, 2)
    found = getattr(fft, name)(Tensor(array), n, 0, norm)
    np.testing.assert_allclose(found.array, getattr(np.fft, name)(array, n, 0, norm), atol=1e-12)
    transform = of_pairs(name, n=n, dim=0, norm=norm)
    gradcheck(transform, (leaf(name, 5, 2),), fast_mode=True)
    gradgradcheck(transform, (leaf(name, 5, 2),), fast_mode=True)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("s", [None, (3, 6), (4, 5)])
@pytest.mark.parametrize("name", SEVERAL)
def test_several_dimensions(name, s, norm):
    array = numbers(name, 2, 4, 5)
    dims = (0, 2) if name.endswith("n") else (-2, -1)
    found = getattr(fft, name)(Tensor(array), s, dims, norm)
    expected = getattr(np.fft, name)(array, s, dims, norm)
    np.testing.assert_allclose(found.array, expected, atol=1e-12)
    transform = of_pairs(name, s=s, dim=dims, norm=norm)
    gradcheck(transform, (leaf(name, 2, 4, 5),), fast_mode=True)
    gradgradcheck(transform, (leaf(name, 2, 4, 5),), fast_mode=True)


def test_inverses_and_dtypes():
    x = at.randn(4, 6)
    for there, back in (("fft", "ifft"), ("rfft", "irfft"), ("ihfft", "hfft"), ("fft2", "ifft2"),
                        ("rfftn", "irfftn")):  # fmt: skip
        middle = getattr(fft, there)(x)
        assert middle.dtype == at.complex64
        np.testing.assert_allclose(getattr(fft, back)(middle).real.array, x.array, atol=1e-6)
    assert fft.irfft(fft.rfft(x)).dtype == at.float32
    assert fft.fft(at.arange(4)).dtype == at.complex64


def test_a_filter_learns():
    """A convolution by Fourier transform finds the kernel it is shown."""
    signal, kernel = at.randn(64), at.zeros(64)
    kernel[:3] = at.tensor([1.0, -2, 0.5])
    wanted = fft.irfft(fft.rfft(signal) * fft.rfft(kernel))
    weight = at.zeros(64, requires_grad=True)
    optimizer = at.optim.LBFGS([weight], max_iter=60, line_search_fn="strong_wolfe")

    def loss():
        optimizer.zero_grad()
        value = (fft.irfft(fft.rfft(signal) * fft.rfft(weight)) - wanted).square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    np.testing.assert_allclose(weight.detach().numpy(), kernel.numpy(), atol=1e-2)


@pytest.mark.parametrize("n", [4, 5])
def test_frequencies_and_shifts(n):
    np.testing.assert_allclose(fft.fftfreq(n, 0.5).array, np.fft.fftfreq(n, 0.5))
    np.testing.assert_allclose(fft.rfftfreq(n, d=2).array, np.fft.rfftfreq(n, 2))
    x = RNG.standard_normal((n, 3))
    np.testing.assert_array_equal(fft.fftshift(Tensor(x)).array, np.fft.fftshift(x))
    np.testing.assert_array_equal(fft.ifftshift(Tensor(x), 0).array, np.fft.ifftshift(x, 0))


def test_wrong_arguments_are_named():
    x = at.ones(4, 4)
    for call, message in (
        (lambda: fft.fft(x, norm="best"), "normalization"),
        (lambda: fft.fft(x, 0), "data points"),
        (lambda: fft.irfft(at.ones(1)), "data points"),
        (lambda: fft.rfft(fft.fft(x)), "real input"),
        (lambda: fft.fftn(x, (4,), (0, 1)), "same length"),
        (lambda: fft.fftn(x, dim=(0, 0)), "more than once"),
        (lambda: fft.fft(x.half()), "Half"),
    ):
        with pytest.raises(RuntimeError, match=message):
            call()
    with pytest.raises(IndexError):
        fft.fft(x, dim=2)
