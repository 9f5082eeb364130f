"""Fourier transforms and complex tensors beside PyTorch's: values, gradients, types of errors."""

import numpy as np
import pytest

import autotensor as at

torch = pytest.importorskip("torch")
RNG = np.random.default_rng(0)
REAL = RNG.standard_normal((3, 4, 5))
COMPLEX = REAL + 1j * RNG.standard_normal((3, 4, 5))

CASES = {
    **{
        f"{name} {named}": (REAL if name.startswith(("rfft", "ihfft")) else COMPLEX, name, named)
        for name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")
        for named in ({}, {"n": 7, "dim": 1}, {"n": 4, "norm": "ortho"}, {"norm": "forward"})
    },
    **{
        f"{name} {named}": (REAL if name.startswith("rfft") else COMPLEX, name, named)
        for name in ("fft2", "ifft2", "rfft2", "irfft2", "fftn", "ifftn", "rfftn", "irfftn")
        for named in ({}, {"s": (6, 3)}, {"norm": "ortho"}, {"dim": (0, 1), "norm": "forward"})
    },
    "of real": (REAL, "fft", {}),
    "shift": (COMPLEX, "fftshift", {}),
    "back": (COMPLEX, "ifftshift", {"dim": 1}),
}
OPERATIONS = {
    "mul": lambda t, z: z * z.conj() * (1 + 2j),
    "div": lambda t, z: 1 / z,
    "exp": lambda t, z: z.exp().log() + z.sqrt(),
    "abs": lambda t, z: z.abs(),
    "angle": lambda t, z: z.angle(),
    "parts": lambda t, z: z.real * t.imag(z) + t.real(z),
    "views": lambda t, z: t.view_as_complex(t.view_as_real(z) * 2),
    "complex": lambda t, z: t.complex(z.imag, z.real) * z,
    "polar": lambda t, z: t.polar(z.imag.abs(), z.real),
    "matmul": lambda t, z: z @ z.mH,
    "reductions": lambda t, z: z.prod(0).sum() + z.mean(),
    "vdot": lambda t, z: t.vdot(z[0, 0], z[1, 1]),
    "norm": lambda t, z: t.linalg.vector_norm(z),
    "inverse": lambda t, z: t.linalg.inv(z[:, :, :4] + 3 * t.eye(4, dtype=z.dtype)),
    "det": lambda t, z: t.linalg.det(z[:, :, :4]),
    "eig": lambda t, z: t.linalg.eigvals(z[:, :, :4]).abs().sum(-1),
}


def same(ours, theirs):
    assert tuple(ours.shape) == tuple(theirs.shape)
    assert str(ours.dtype) == str(theirs.dtype).removeprefix("torch.")
    theirs = theirs.detach().resolve_conj().numpy()
    np.testing.assert_allclose(ours.detach().numpy(), theirs, 1e-9, 1e-10)


def compared(array, call):
    found = []
    for library in (at, torch):
        x = library.tensor(array).requires_grad_()
        y = call(library, x)
        (y * (y.conj() + 2)).real.sum().backward()
        found.append((y, x.grad))
    for ours, theirs in zip(*found, strict=True):
        same(ours, theirs)


@pytest.mark.parametrize("name", CASES)
def test_transforms(name):
    array, function, named = CASES[name]
    compared(array, lambda t, x: getattr(t.fft, function)(x, **named))


@pytest.mark.parametrize("name", OPERATIONS)
def test_complex_operations(name):
    compared(COMPLEX, OPERATIONS[name])


def test_frequencies():
    same(at.fft.fftfreq(5, 0.1), torch.fft.fftfreq(5, 0.1))
    same(at.fft.rfftfreq(6), torch.fft.rfftfreq(6))


FAILURES = {
    "norm": lambda t: t.fft.fft(t.ones(3), norm="best"),
    "size": lambda t: t.fft.fft(t.ones(3), 0),
    "complex": lambda t: t.fft.rfft(t.ones(3, dtype=t.complex64)),
    "dims": lambda t: t.fft.fftn(t.ones(3, 3), (2,), (0, 1)),
    "dim": lambda t: t.fft.fft(t.ones(3), dim=3),
    "one": lambda t: t.fft.irfft(t.ones(1)),
    "imag": lambda t: t.imag(t.ones(2)),
    "pairs": lambda t: t.view_as_complex(t.ones(3)),
    "dtypes": lambda t: t.complex(t.ones(2), t.ones(2, dtype=t.float64)),
    "backward": lambda t: t.ones(1, dtype=t.complex64).requires_grad_().backward(),
}


@pytest.mark.parametrize("name", FAILURES)
def test_errors(name):
    kinds = []
    for library in (at, torch):
        with pytest.raises(Exception) as caught:
            FAILURES[name](library)
        kinds.append(type(caught.value))
    assert kinds[0] is kinds[1]
