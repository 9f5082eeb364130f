"""Vectors, and the kernels under every width that some machine has."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from autotensor.kernels import jit
from autotensor.kernels.simd import (
    WIDTH,
    address,
    fma,
    lanes_sum,
    load,
    maximum,
    splat,
    store,
    transpose,
)

FOLDER = Path(__file__).parent


@jit.serial
def _arithmetic(x, y, out):
    a, b = load(address(x), 0), load(address(y), 0)
    base = address(out)
    store(base, 0, a + b)
    store(base, WIDTH, a - b * 2)
    store(base, 2 * WIDTH, fma(a, b, splat(np.float32(3))))
    store(base, 3 * WIDTH, 0.5 * a)
    store(base, 4 * WIDTH, maximum(a, b))
    store(base, 5 * WIDTH, a / b)
    return lanes_sum(a)


@jit.serial
def _transpose(x, out):
    transpose(address(out), out.shape[1], address(x), x.shape[1])


def test_transpose():
    x = np.random.default_rng(0).standard_normal((WIDTH, WIDTH + 3)).astype(np.float32)
    out = np.zeros((WIDTH, WIDTH + 1), np.float32)
    _transpose(x, out)
    np.testing.assert_array_equal(out[:, :WIDTH], x[:, :WIDTH].T)
    assert not out[:, WIDTH:].any()


def test_arithmetic_equals_numpy():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, WIDTH)).astype(np.float32)
    y[0] = np.nan
    out = np.empty((6, WIDTH), np.float32)
    total = _arithmetic(x, y, out)
    expected = [x + y, x - 2 * y, x * y + 3, x / 2, np.maximum(x, y), x / y]
    np.testing.assert_allclose(out, expected, rtol=1e-6, atol=1e-6)
    assert total == pytest.approx(x.sum(), rel=1e-4)


@pytest.mark.parametrize("width", [4, 8, 16])
def test_kernels_are_right_at_every_width(width):
    environment = {**os.environ, "AUTOTENSOR_SIMD_WIDTH": str(width)}
    names = ("conv", "depthwise", "gemm", "matrix", "pool")
    files = [FOLDER / f"test_{name}.py" for name in names]
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *files]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
