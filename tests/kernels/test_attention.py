"""The attention kernel against loops in double precision."""

import math

import numpy as np
import pytest

from autotensor.kernels import attention, threads
from autotensor.kernels.gemm import PANEL

RNG = np.random.default_rng(0)


def loops(q, k, v, mask, causal, scale):
    out = np.zeros((*q.shape[:3], v.shape[3]))
    for b in np.ndindex(q.shape[:2]):
        for i in range(q.shape[2]):
            powers = np.zeros(k.shape[2])
            for j in range(k.shape[2]):
                if causal and j > i:
                    continue
                score = scale * sum(x * y for x, y in zip(q[b][i], k[b][j], strict=True))
                powers[j] = math.exp(score + (0 if mask is None else mask[b][i, j]))
            if powers.any():
                out[b][i] = powers / powers.sum() @ v[b].astype(float)
    return out


def matrices(length, keys, width, values, batch=(1, 2)):
    shapes = (length, width), (keys, width), (keys, values)
    return [RNG.standard_normal((*batch, *shape)).astype(np.float32) for shape in shapes]


CASES = [(5, 7, 1, 1), (64, 64, 2, 2), (70, 130, 1, 2), (1, 3, 2, 1), (130, 4, 1, 1)]


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_values(case, causal):
    length, keys, width, values = case
    q, k, v = matrices(length, keys, width * PANEL, values * PANEL)
    out, _ = attention.attend(q, k, v, None, causal, 0.3)
    np.testing.assert_allclose(out, loops(q, k, v, None, causal, 0.3), rtol=1e-5, atol=1e-6)


def test_masks():
    q, k, v = matrices(9, 6, PANEL, PANEL)
    mask = RNG.standard_normal((1, 2, 9, 6)).astype(np.float32)
    mask[0, 0, :, 2:] = -np.inf
    mask[0, 1, 4] = -np.inf  # sees nothing
    out, _ = attention.attend(q, k, v, mask, False, 0.2)
    np.testing.assert_allclose(out, loops(q, k, v, mask, False, 0.2), rtol=1e-5, atol=1e-6)
    assert (out[0, 1, 4] == 0).all()
    g = np.ones_like(out)
    gradients = attention.attend_grad(
        g, q, k, v, mask, False, 0.2, *attention.attend(q, k, v, mask, False, 0.2)
    )
    assert all(np.isfinite(x).all() for x in gradients) and (gradients[0][0, 1, 4] == 0).all()


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("case", CASES[:3])
def test_gradients_are_slopes(case, causal):
    length, keys, width, values = case
    inputs = matrices(length, keys, width * PANEL, values * PANEL, batch=(1, 1))
    g = RNG.standard_normal((1, 1, length, values * PANEL)).astype(np.float32)
    kept = attention.attend(*inputs, None, causal, 0.2)
    gradients = attention.attend_grad(g, *inputs, None, causal, 0.2, *kept)
    for n, gradient in enumerate(gradients):
        direction = RNG.standard_normal(gradient.shape)
        sides = []
        for sign in (1, -1):
            moved = [x.astype(float) for x in inputs]
            moved[n] = moved[n] + sign * 1e-5 * direction
            sides.append((loops(*moved, None, causal, 0.2) * g).sum())
        slope = (sides[0] - sides[1]) / 2e-5
        np.testing.assert_allclose((gradient * direction).sum(), slope, rtol=2e-4, atol=2e-4)


def test_scores_of_any_size_do_not_overflow():
    q, k, v = matrices(4, 5, PANEL, PANEL)
    out, _ = attention.attend(q * 1e4, k, v, None, False, 1.0)
    assert np.isfinite(out).all()
    k[0, 0, 0, 0] = np.nan
    out, _ = attention.attend(q, k, v, None, False, 1.0)
    assert np.isnan(out[0, 0]).all() and np.isfinite(out[0, 1]).all()


def test_heads_side_by_side_in_memory_and_any_number_of_threads():
    whole = RNG.standard_normal((3, 20, 3, 2, PANEL)).astype(np.float32)
    q, k, v = (whole[:, :, i].transpose(0, 2, 1, 3) for i in range(3))
    before, found = threads.get_num_threads(), []
    for count in (1, 2, 4):
        threads.set_num_threads(count)
        out, sums = attention.attend(q, k, v, None, True, 0.5)
        found.append([out, *attention.attend_grad(out, q, k, v, None, True, 0.5, out, sums)])
    threads.set_num_threads(before)
    np.testing.assert_allclose(found[0][0], loops(q, k, v, None, True, 0.5), rtol=1e-5, atol=1e-6)
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(a, b)
