"""Pooling kernels, compiled and in NumPy, against plain loops."""

import loops
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from autotensor import kernels
from autotensor.kernels import pool
from autotensor.testing import strategies

DTYPES = [np.float32, np.float64]
either_dtype = st.sampled_from(DTYPES)


def lines(windows):
    """Start, stop and step of each window, from the positions in it."""
    found = []
    for inside, _ in windows:
        step = inside[1] - inside[0] if len(inside) > 1 else 1
        found.append((inside[0], inside[-1] + 1, step) if inside else (1, 1, 1))
    return np.array(found, dtype=np.int64).reshape(-1, 3)


@st.composite
def axes(draw):
    """The size of an axis and the windows along it."""
    *axis, ceil_mode = draw(strategies.poolings(rank=1))
    size, *geometry = (n for (n,) in axis)
    if draw(st.booleans()):
        return size, loops.adaptive_windows(size, draw(st.integers(1, 6)))
    return size, loops.fixed_windows(size, *geometry, ceil_mode)


def random_images(shape, dtype, seed, layout):
    """Small integers, so that there are ties, and sums are exact."""
    values = np.random.default_rng(seed).integers(-3, 4, shape)
    return strategies.laid_out(values.astype(dtype), layout)


def positions_of(ordinals, rows, cols, width):
    found = np.empty(ordinals.shape, np.int64)
    for n, c, i, j in loops.spread(ordinals.shape):
        line, place = divmod(int(ordinals[n, c, i, j]), len(cols[j][0]))
        found[n, c, i, j] = rows[i][0][line] * width + cols[j][0][place]
    return found


# More channels than four vectors of 16 lanes, so that blocks of every size occur.
@given(
    axes(),
    axes(),
    st.sampled_from([*range(20), 83]),
    either_dtype,
    strategies.layouts,
    st.integers(0, 99),
)
def test_max_pool2d(height, width, channels, dtype, layout, seed):
    (h, rows), (w, cols) = height, width
    assume(all(inside for inside, _ in rows + cols))
    x = random_images((2, channels, h, w), dtype, seed, layout)
    values, ordinals = kernels.max_pool2d(x, lines(rows), lines(cols))
    expected, positions = loops.max_pool2d(x, rows, cols)
    np.testing.assert_array_equal(values, expected)
    np.testing.assert_array_equal(positions_of(ordinals, rows, cols, w), positions)
    assert values.dtype == dtype
    assert ordinals.dtype == np.uint8
    for image in (values, ordinals):
        assert image.transpose(0, 2, 3, 1).flags.c_contiguous

    g = random_images(values.shape, dtype, seed + 1, layout)
    gx = kernels.max_pool2d_grad(g, ordinals, x.shape, lines(rows), lines(cols))
    scattered = np.zeros((2, channels, h * w), dtype)
    for n, c, i, j in loops.spread(g.shape):
        scattered[n, c, positions[n, c, i, j]] += g[n, c, i, j]
    np.testing.assert_array_equal(gx, scattered.reshape(x.shape))
    taken = kernels.max_pool2d_take(x, ordinals, lines(rows), lines(cols))
    np.testing.assert_array_equal(taken, values)
    assert gx.dtype == taken.dtype == dtype


# More channels than four vectors of 16 lanes, so that blocks of every size occur.
@given(
    axes(),
    axes(),
    st.sampled_from([*range(20), 83]),
    either_dtype,
    strategies.layouts,
    st.integers(0, 99),
)
def test_avg_pool2d(height, width, channels, dtype, layout, seed):
    (h, rows), (w, cols) = height, width
    x = random_images((2, channels, h, w), dtype, seed, layout)
    divisor = np.multiply.outer([n for _, n in rows], [n for _, n in cols])
    y = kernels.avg_pool2d(x, lines(rows), lines(cols), divisor)
    np.testing.assert_allclose(y, loops.avg_pool2d(x, rows, cols), rtol=1e-6)

    g = random_images(y.shape, dtype, seed + 1, layout)
    gx = kernels.avg_pool2d_grad(g, x.shape, lines(rows), lines(cols), divisor)
    spread = np.zeros(x.shape)
    for n, c, i, j in loops.spread(g.shape):
        for a in rows[i][0]:
            for b in cols[j][0]:
                spread[n, c, a, b] += g[n, c, i, j] / divisor[i, j]
    np.testing.assert_allclose(gx, spread, rtol=1e-5, atol=1e-5)
    assert y.dtype == gx.dtype == dtype
    for image in (y, gx):
        assert image.transpose(0, 2, 3, 1).flags.c_contiguous


@pytest.mark.parametrize("kernel", [2, 3])
def test_a_large_batch_runs_on_all_threads_with_equal_results(kernel):
    x = np.random.default_rng(0).standard_normal((24, 16, 16, 16)).astype(np.float32)
    x = strategies.laid_out(x, "channels last")
    assert x.size > 2 * pool._BLOCK
    windows = lines(loops.fixed_windows(16, kernel, 2, 0))
    divisor = np.full((len(windows), len(windows)), kernel * kernel)

    def everything(x):
        values, ordinals = kernels.max_pool2d(x, windows, windows)
        average = kernels.avg_pool2d(x, windows, windows, divisor)
        return (
            values,
            ordinals,
            kernels.max_pool2d_grad(values, ordinals, x.shape, windows, windows),
            average,
            kernels.avg_pool2d_grad(average, x.shape, windows, windows, divisor),
        )

    alone = [everything(x[i : i + 1]) for i in range(len(x))]
    for together, each in zip(everything(x), zip(*alone, strict=True), strict=True):
        np.testing.assert_array_equal(together, np.concatenate(each))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kernel", [2, 3])
def test_the_last_nan_wins_and_minus_infinity_is_a_value(dtype, kernel):
    x = np.full((1, 3, kernel, kernel), -np.inf, dtype)
    x[0, 0, 0, 0] = x[0, 0, 1, 0] = np.nan
    x[0, 1, 1, 1] = 0
    windows = lines([(list(range(kernel)), kernel)])
    values, ordinals = kernels.max_pool2d(x, windows, windows)
    np.testing.assert_array_equal(values.ravel(), [np.nan, 0, -np.inf])
    np.testing.assert_array_equal(ordinals.ravel(), [kernel, kernel + 1, 0])


@pytest.mark.parametrize("dtype", DTYPES)
def test_an_empty_window_takes_nothing_and_gives_nothing(dtype):
    x = np.ones((1, 2, 1, 1), dtype)
    empty, full = lines([([], 2)]), lines([([0], 1)])
    values, ordinals = kernels.max_pool2d(x, empty, full)
    assert (values == -np.inf).all()
    assert not kernels.max_pool2d_grad(values, ordinals, x.shape, empty, full).any()
    assert not kernels.max_pool2d_take(x, ordinals, empty, full).any()


@pytest.mark.parametrize("dtype", DTYPES)
def test_ordinals_of_large_windows_do_not_wrap(dtype):
    x = np.zeros((1, 1, 17, 17), dtype)
    x[0, 0, 16, 15] = 1
    whole = lines(loops.adaptive_windows(17, 1))
    _, ordinals = kernels.max_pool2d(x, whole, whole)
    assert ordinals.dtype == np.int32
    assert ordinals.item() == 16 * 17 + 15
    sixteen = lines([(list(range(16)), 16)])
    assert kernels.max_pool2d(x[..., 1:, :], sixteen, sixteen)[1].item() == 255


def test_integers_have_a_maximum():
    x = np.array([[[[-128, -100], [-128, -120]]]], np.int8)
    windows = lines(loops.fixed_windows(2, 2, 2, 0))
    values, ordinals = kernels.max_pool2d(x, windows, windows)
    assert values.dtype == np.int8
    assert (values.item(), ordinals.item()) == (-100, 1)


@pytest.mark.parametrize("dtype", DTYPES)
def test_an_empty_batch_stays_empty(dtype):
    x, windows = np.ones((0, 3, 4, 4), dtype), lines(loops.fixed_windows(4, 2, 2, 0))
    values, ordinals = kernels.max_pool2d(x, windows, windows)
    assert values.shape == ordinals.shape == (0, 3, 2, 2)
    assert kernels.max_pool2d_grad(values, ordinals, x.shape, windows, windows).shape == x.shape
    divisor = np.full((2, 2), 4)
    y = kernels.avg_pool2d(x, windows, windows, divisor)
    assert kernels.avg_pool2d_grad(y, x.shape, windows, windows, divisor).shape == x.shape
