"""Initial values: bounds, moments, fans, and what is refused."""

import math

import numpy as np
import pytest

import autotensor as at
from autotensor.nn import init

SHAPE = (200, 50, 3, 3)
FAN_IN, FAN_OUT = 450, 1800
BY_FANS = {
    # function: (standard deviation, largest absolute value or None)
    init.xavier_uniform_: (math.sqrt(2 / 2250), math.sqrt(6 / 2250)),
    init.xavier_normal_: (math.sqrt(2 / 2250), None),
    init.kaiming_uniform_: (math.sqrt(2 / 450), math.sqrt(6 / 450)),
    init.kaiming_normal_: (math.sqrt(2 / 450), None),
    init.glorot_uniform_: (math.sqrt(2 / 2250), math.sqrt(6 / 2250)),
    init.glorot_normal_: (math.sqrt(2 / 2250), 2 * math.sqrt(2 / 2250) / 0.87962566103423978),
    init.he_uniform_: (math.sqrt(2 / 450), math.sqrt(6 / 450)),
    init.he_normal_: (math.sqrt(2 / 450), 2 * math.sqrt(2 / 450) / 0.87962566103423978),
    init.fan_in_uniform_: (math.sqrt(1 / 3 / 450), math.sqrt(1 / 450)),
}


def generator(seed=0):
    return at.Generator().manual_seed(seed)


@pytest.mark.parametrize("fill", BY_FANS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", [at.float32, at.float64])
def test_moments_follow_the_fans(fill, dtype):
    std, bound = BY_FANS[fill]
    x = at.empty(SHAPE, dtype=dtype)
    assert fill(x, generator=generator()) is x and x.dtype == dtype
    assert abs(x.array.mean()) < 5 * std / math.sqrt(x.array.size)
    assert abs(x.array.std() / std - 1) < 0.01
    if bound is not None:
        assert 0.99 * bound < np.abs(x.array).max() <= bound * (1 + 1e-6)
    elif bound is None:
        assert np.abs(x.array).max() > 3.5 * std


def test_kaiming_options():
    x = at.empty(SHAPE)
    init.kaiming_normal_(x, a=1.0, mode="fan_out", generator=generator())
    assert abs(x.array.std() * math.sqrt(FAN_OUT) - 1) < 0.01
    with pytest.raises(ValueError, match="'fan' not supported"):
        init.kaiming_normal_(x, mode="fan")
    with pytest.raises(ValueError, match=r"fewer than 2 dimensions.*\(3,\)"):
        init.kaiming_uniform_(at.empty(3))


def test_the_seed_decides():
    first, again, other = (init.normal_(at.empty(4), generator=generator(s)) for s in (1, 1, 2))
    assert first.tolist() == again.tolist() != other.tolist()
    at.manual_seed(3)
    drawn = init.uniform_(at.empty(4)).tolist()
    at.manual_seed(3)
    assert init.uniform_(at.empty(4)).tolist() == drawn


@pytest.mark.parametrize(
    ("mean", "std", "a", "b"),
    [(0, 1, -2, 2), (1, 0.5, 0, 5), (0, 1, 1.5, 9), (0, 1, 0.1, 0.2), (0, 1, -2, -1.5)],
)
def test_trunc_normal_has_the_density_within_the_bounds(mean, std, a, b):
    x = init.trunc_normal_(at.empty(20000, dtype=at.float64), mean, std, a, b, generator()).array
    assert x.min() >= a and x.max() <= b

    def cumulative(value):
        return (1 + math.erf((value - mean) / std / math.sqrt(2))) / 2

    for value in np.quantile(x, [0.1, 0.5, 0.9]):
        share = (cumulative(value) - cumulative(a)) / (cumulative(b) - cumulative(a))
        assert abs(share - (x <= value).mean()) < 0.015


def test_trunc_normal_refuses_what_it_cannot_draw():
    with pytest.raises(ValueError, match="a < b"):
        init.trunc_normal_(at.empty(2), a=1.0, b=1.0)
    with pytest.raises(ValueError, match="more than 2 std"):
        init.trunc_normal_(at.empty(2), mean=10.0)


def test_constants():
    x = at.empty(2, 3)
    assert init.ones_(x).tolist() == [[1] * 3] * 2
    assert init.zeros_(x).tolist() == [[0] * 3] * 2
    assert init.constant_(x, 2.5).tolist() == [[2.5] * 3] * 2
    assert init.eye_(x).tolist() == [[1, 0, 0], [0, 1, 0]]
    with pytest.raises(ValueError, match="2 dimensions"):
        init.eye_(at.empty(2))
    with pytest.raises(TypeError, match="expected a Tensor, got ndarray"):
        init.ones_(np.ones(2))


def test_dirac_passes_channels_in_every_group():
    x = init.dirac_(at.empty(4, 3, 3, 3), groups=2).array
    expected = np.zeros((4, 3, 3, 3))
    for out, channel in [(0, 0), (1, 1), (2, 0), (3, 1)]:
        expected[out, channel, 1, 1] = 1
    assert (x == expected).all()
    with pytest.raises(ValueError, match="4 output channels do not divide into 3 groups"):
        init.dirac_(at.empty(4, 3, 3, 3), groups=3)
    with pytest.raises(ValueError, match="3 to 5 dimensions"):
        init.dirac_(at.empty(4, 3))


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 2, 3)])
def test_orthogonal(shape):
    x = init.orthogonal_(at.empty(shape, dtype=at.float64), gain=2, generator=generator()).array
    flat = x.reshape(shape[0], -1)
    small = flat @ flat.T if flat.shape[0] <= flat.shape[1] else flat.T @ flat
    np.testing.assert_allclose(small, 4 * np.eye(len(small)), atol=1e-12)
    with pytest.raises(ValueError, match="at least 2 dimensions"):
        init.orthogonal_(at.empty(3))


@pytest.mark.parametrize(
    ("arguments", "gain"),
    [
        (("linear",), 1),
        (("conv2d",), 1),
        (("sigmoid",), 1),
        (("tanh",), 5 / 3),
        (("relu",), math.sqrt(2)),
        (("leaky_relu",), math.sqrt(2 / 1.0001)),
        (("leaky_relu", 1), 1),
        (("selu",), 0.75),
    ],
)
def test_gains(arguments, gain):
    assert init.calculate_gain(*arguments) == pytest.approx(gain, rel=1e-12)


def test_gains_refuse():
    with pytest.raises(ValueError, match="'softcap'"):
        init.calculate_gain("softcap")
    with pytest.raises(ValueError, match="True not a valid number"):
        init.calculate_gain("leaky_relu", True)


def test_writes_reach_parameters_and_are_noticed():
    weight = at.ones(3).requires_grad_()
    loss = (weight * weight).sum()
    init.zeros_(weight)
    assert weight.is_leaf and weight.requires_grad
    with pytest.raises(RuntimeError, match="overwritten in place"):
        loss.backward()
