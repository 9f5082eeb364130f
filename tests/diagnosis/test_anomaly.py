"""The first NaN or infinity is found where it arises, and what may be infinite is left alone."""

import cProfile
import math
import sys
import warnings

import numpy as np
import pytest

import autotensor as at
from autotensor import nn, optim
from autotensor.autograd import Function, detect_anomaly, set_detect_anomaly
from autotensor.engine import observers
from autotensor.nn import functional as F

INF = math.inf


def message_of(compute):
    """What the RuntimeError says that checking ``compute()`` raises."""
    with pytest.raises(RuntimeError) as caught, detect_anomaly(), np.errstate(all="ignore"):
        compute()
    return str(caught.value)


def place_of(compute):
    """Where a function of one line is, as messages write it."""
    return f"called at {__file__}:{compute.__code__.co_firstlineno},"


def leaf(*values):
    return at.tensor(values, requires_grad=True)


@pytest.mark.parametrize(
    ("compute", "operation"),
    [
        (lambda: at.zeros(2).log(), "log"),
        (lambda: at.ones(2) / 0, "div"),
        (lambda: at.ones(2).div(0, rounding_mode="floor"), "div"),
        (lambda: at.tensor([1e30]) ** 2, "pow"),
        (lambda: at.tensor([1e30]) @ at.tensor([1e30]), "matmul"),
        (lambda: at.tensor([100.0]).exp(), "exp"),
        (lambda: at.tensor([1e10]).half(), "cast"),
        (lambda: at.full((2,), 3e38).sum(), "sum"),
        (lambda: at.full((2,), 3e38).scatter_add(0, at.tensor([0]), at.tensor([3e38])),
         "scatter_add"),
        (lambda: F.conv2d(at.full((1, 1, 3, 3), 1e30), at.full((1, 1, 3, 3), 1e30)).max(),
         "conv2d"),
        (lambda: F.normalize(at.zeros(2, 2), eps=0.0), "normalize"),
    ],
)  # fmt: skip
def test_what_is_produced_from_finite_numbers(compute, operation):
    message = message_of(compute)
    assert message.startswith(f"{operation}, {place_of(compute)} produced "), message
    assert "in forward" in message
    assert "infinite of" in message or "NaN" in message


def test_the_message_describes_result_and_inputs():
    x = leaf(0.0, 1.0)
    lines = message_of(lambda: x / at.tensor(0.0)).splitlines()
    assert lines[0].endswith("produced NaN and infinity in forward")
    assert lines[1:] == [
        "  result: (2,) float32, 1 NaN and 1 infinite of 2",
        "  argument input: (2,) float32, finite",
        "  argument other: () float32, finite",
    ]


def test_nan_is_reported_with_the_input_that_had_it():
    weight = at.tensor([[1.0], [math.nan]], requires_grad=True)
    message = message_of(lambda: F.linear(at.ones(3, 1), weight))
    assert "argument input: (3, 1) float32, finite" in message
    assert "argument weight: (2, 1) float32, 1 NaN of 2" in message


def test_nan_that_infinities_make_is_reported():
    scores = at.zeros(2, 3).masked_fill(at.tensor([[True] * 3, [False] * 3]), -INF)
    message = message_of(lambda: F.softmax(scores, -1))
    assert message.startswith("softmax, ")
    assert "argument input: (2, 3) float32, 3 infinite of 6" in message


def _attention(mask):
    q = at.randn(2, 4, 8, requires_grad=True)
    return F.scaled_dot_product_attention(q, q, q, attn_mask=mask)


@pytest.mark.parametrize(
    "compute",
    [
        lambda: F.softmax(leaf(1, 2.0).masked_fill(at.tensor([True, False]), -INF), 0)[1],
        lambda: (leaf(1, 2.0) + at.tensor([0.0, -INF])).softmax(0)[0],
        lambda: at.where(at.tensor([True, False]), leaf(1, 2.0), -INF).max(),
        lambda: F.pad(leaf(1, 2.0), (1, 1), value=-INF).exp().sum(),
        lambda: F.threshold(leaf(1, 2.0), 1.5, -INF).max(),
        lambda: leaf(1, 2.0).clamp(max=INF).sum(),
        lambda: at.cat([at.full((2,), INF), leaf(1, 2.0)])[2:].sum(),
        lambda: at.tensor([math.nan, 1]).nan_to_num().sum() + leaf(1.0).sum(),
        lambda: F.binary_cross_entropy(leaf(0.25, 1), at.tensor([0.0, 1])),
        lambda: F.softplus(leaf(-200, 200.0)).sum(),
        lambda: F.elu(leaf(-200, 200.0)).sum(),
        lambda: F.kl_div(leaf(-1, -2.0), at.tensor([0.0, 1]), reduction="sum"),
        lambda: F.max_pool2d(at.ones(1, 1, 4, 4, requires_grad=True), 3, padding=1).sum(),
        lambda: _attention(at.ones(4, 4, dtype=bool).tril()).sum(),
        lambda: _attention(at.where(at.ones(4, 4, dtype=bool).tril(), 0.0, -INF)).sum(),
        lambda: at.full((100,), 3e38).float().max() * leaf(1.0)[0],
    ],
)  # fmt: skip
def test_what_may_be_infinite_is_left_alone(compute):
    with detect_anomaly():
        compute().backward()


def test_a_large_finite_sum_is_no_anomaly():
    with detect_anomaly():
        x = at.full((100,), 3e38) * 1
        y = at.full((1000,), 1000.0).half() * 1
    assert np.isfinite(x.array).all() and np.isfinite(y.array).all()


def test_in_place():
    x = at.tensor([1e30, 1.0])
    message = message_of(lambda: x.mul_(1e30))
    assert message.startswith("mul_, ")
    assert "argument x: (2,) float32, finite" in message  # as it was before

    def written():
        y = leaf(1.0, 2.0) * 1
        y[0] = INF
        y -= y

    assert "sub_, " in message_of(written)


def test_backward_names_the_line_of_the_forward_call():
    x = leaf(0.0, 1.0)
    root = lambda: x.sqrt()  # noqa: E731
    message = message_of(lambda: root().sum().backward())
    assert message.splitlines() == [
        f"sqrt, {place_of(root)} produced infinity in backward",
        "  gradient for its input, a leaf, (2,) float32, 1 infinite of 2",
        "  gradient that came in: (2,) float32, finite",
    ]


def test_backward_names_what_the_gradient_is_for():
    x = leaf(0.0)
    doubled = lambda: x * 2  # noqa: E731
    message = message_of(lambda: at.grad(doubled().sqrt(), x))
    assert f"for its input, the result of mul, {place_of(doubled)} (1,) float32" in message


def test_a_graph_made_before_has_no_lines():
    y = leaf(0.0).sqrt()
    assert "sqrt, called before detect_anomaly was on, produced" in message_of(y.backward)


def test_slices_and_several_results_in_backward():
    x = leaf(0.0, 1.0)
    assert "sqrt, " in message_of(lambda: x[:1].sqrt().backward())
    assert "getitem, " in message_of(lambda: x[:1].backward(at.tensor([math.nan])))


class Reciprocal(Function):
    """In NumPy; and its gradient is wrong on purpose."""

    @staticmethod
    def forward(ctx, x):
        with np.errstate(divide="ignore"):
            return at.Tensor(1 / x.array)

    @staticmethod
    def backward(ctx, g):
        return g * math.nan


def test_functions_and_operations_of_ones_own():
    message = message_of(lambda: Reciprocal.apply(leaf(0.0)))
    assert message.startswith("Reciprocal, ") and "args[0]: (1,) float32, finite" in message
    compute = lambda: Reciprocal.apply(leaf(1.0)).backward()  # noqa: E731
    assert message_of(compute).startswith(f"Reciprocal, {place_of(compute)} produced NaN in backw")

    def inverse(x):
        with np.errstate(divide="ignore"):
            return at.record(1 / x.array, (x, lambda g: -g / x / x))

    assert message_of(lambda: inverse(leaf(0.0))).startswith("inverse, ")

    def ratio(x, y):
        with np.errstate(divide="ignore"):
            return at.record(x.array / y.array, ((x, y), lambda g: (g / y, -g * x / y / y)))

    message = message_of(lambda: ratio(leaf(1.0), leaf(0.0)))
    assert message.startswith("ratio, ") and "argument 1: (1,) float32, finite" in message


@pytest.mark.parametrize("read", [lambda y: y.array, lambda y: F.relu(y).array, lambda y: y + 1])
def test_deferred_values_are_looked_at_when_made(read):
    norm = nn.BatchNorm2d(2)
    with at.no_grad():
        norm.weight[...] = 3e38
    call = lambda: norm(at.randn(2, 2, 4, 4))  # noqa: E731
    message = message_of(lambda: read(call()))
    assert message.startswith(f"batch_norm, {place_of(call)} produced infinity in forward")
    assert "argument weight: (2,) float32, finite" in message


@pytest.mark.parametrize("after", [F.relu, lambda y: y * 1])
def test_deferred_convolutions_are_looked_at(after):
    conv = nn.Conv2d(1, 2, 3)
    with at.no_grad():
        conv.weight[...] = 3e38
        assert message_of(lambda: after(conv(at.ones(1, 1, 8, 8)))).startswith("conv2d, ")


def test_evaluation_stays_fused():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU()).eval()
    with at.no_grad(), detect_anomaly():
        y = net[1](net[0](at.ones(1, 1, 8, 8)))
        assert y.waits and "relu" in y.fused
        assert np.isfinite(net[2](y).array).all()


def test_deferred_values_that_nobody_reads_leave_nothing():
    with set_detect_anomaly(True):
        nn.BatchNorm2d(2)(at.randn(2, 2, 4, 4))
        assert not observers[-1].waiting


def test_training_goes_through():
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
                        nn.Flatten(), nn.Linear(36, 3))  # fmt: skip
    optimizer = optim.Adam(net.parameters())
    with detect_anomaly():
        F.cross_entropy(net(at.randn(2, 1, 8, 8)), at.tensor([0, 2])).backward()
        optimizer.step()
    assert all(p.grad is not None for p in net.parameters())


def test_second_derivatives():
    x = leaf(1.0, 2.0)
    with detect_anomaly():
        (g,) = at.grad((x**3).sum(), x, create_graph=True)
        (h,) = at.grad(g.sum(), x)
    assert h.tolist() == [6.0, 12.0]
    assert "in backward" in message_of(
        lambda: at.grad(at.grad((leaf_0 := leaf(0.0)) ** 1.5, leaf_0, create_graph=True)[0], leaf_0)
    )


def test_what_is_looked_for_can_be_chosen():
    x = leaf(0.0)
    with detect_anomaly(check_inf=False):
        y = x.log()
        with pytest.raises(RuntimeError, match="NaN"), np.errstate(invalid="ignore"):
            y * 0
    with detect_anomaly(check_nan=False):
        x.log().exp().backward()


def test_errors_in_backward_come_with_the_line():
    class Faulty(Function):
        @staticmethod
        def forward(ctx, x):
            return x + 1

        @staticmethod
        def backward(ctx, g):
            raise KeyError("gone")

    x = leaf(1.0)
    call = lambda: Faulty.apply(x)  # noqa: E731
    with detect_anomaly(), pytest.raises(KeyError), warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        call().backward()
    assert place_of(call) in str(seen[0].message)


def test_as_a_decorator_and_from_now_on():
    @detect_anomaly()
    def compute(x):
        return x.log()

    with pytest.raises(RuntimeError, match="log"):
        compute(at.zeros(1))
    at.zeros(1).log()

    set_detect_anomaly(True)
    try:
        for _ in range(2):  # and it is still on after the first finding
            with pytest.raises(RuntimeError, match="log"):
                at.zeros(1).log()
        with set_detect_anomaly(False):
            at.zeros(1).log()
        with pytest.raises(RuntimeError, match="log"):
            at.zeros(1).log()
    finally:
        set_detect_anomaly(False)
    at.zeros(1).log()
    assert observers == []


def test_the_profiler_of_python_is_left_as_it_was():
    seen = []

    def watch(frame, event, value):
        seen.append(frame.f_code.co_name)

    sys.setprofile(watch)
    try:
        with detect_anomaly():
            F.binary_cross_entropy(at.tensor([0.0]), at.tensor([0.0]))
        assert sys.getprofile() is watch
    finally:
        sys.setprofile(None)
    assert "binary_cross_entropy" in seen
    if sys.version_info < (3, 12):  # where it is not seen by sys.getprofile()
        with cProfile.Profile():
            assert "log, " in message_of(lambda: at.zeros(1).log())


def test_the_front_door():
    assert at.detect_anomaly is detect_anomaly
    assert at.autograd.set_detect_anomaly is set_detect_anomaly
    with pytest.raises(AttributeError, match="no attribute 'detect'"):
        at.autograd.detect  # noqa: B018
