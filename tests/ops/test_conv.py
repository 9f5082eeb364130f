"""Convolution: values against plain loops, gradients of any order, and what mistakes are told."""

from functools import partial

import loops
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotensor.gradients import grad
from autotensor.ops import conv
from autotensor.tensor import Tensor
from autotensor.testing import gradcheck, gradgradcheck, strategies

CASES = ["conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d"]


def leaf(array):
    return Tensor(array).requires_grad_()


def ones(*shape, dtype=np.float32):
    return Tensor(np.ones(shape, dtype))


def named(geometry):
    return dict(zip(("stride", "padding", "dilation", "groups"), geometry, strict=True))


@st.composite
def problems(draw, **limits):
    """Float64 arrays x, w, b and the geometry of a convolution."""
    x_shape, w_shape, *geometry = draw(strategies.convolutions(**limits))
    random = np.random.default_rng(draw(st.integers(0, 99)))
    arrays = [random.standard_normal(s) for s in (x_shape, w_shape, w_shape[:1])]
    return [strategies.laid_out(arrays[0], draw(strategies.layouts)), *arrays[1:]], named(geometry)


@given(problems())
def test_conv2d_of_any_geometry(problem):
    (x, w, b), geometry = problem
    y = conv.conv2d(Tensor(x), Tensor(w), Tensor(b), **geometry)
    expected = loops.conv2d(x, w, *geometry.values()) + b[:, None, None]
    np.testing.assert_allclose(y.array, expected, rtol=1e-10, atol=1e-10)


@given(problems())
def test_conv1d_is_conv2d_of_height_one(problem):
    (x, w, b), geometry = problem
    x, w = x[:, :, 0], w[:, :, 0]
    groups = geometry.pop("groups")
    stride, padding, dilation = (pair[1] for pair in geometry.values())
    y = conv.conv1d(Tensor(x), Tensor(w), Tensor(b), stride, padding, dilation, groups)
    pairs = (1, stride), (0, padding), (1, dilation)
    expected = loops.conv2d(x[:, :, None], w[:, :, None], *pairs, groups)[:, :, 0] + b[:, None]
    np.testing.assert_allclose(y.array, expected, rtol=1e-10, atol=1e-10)


@given(problems(max_channels=2, beyond=2))
def test_conv2d_gradients_of_first_and_second_order(problem):
    arrays, geometry = problem
    inputs = [leaf(a) for a in arrays]
    function = partial(conv.conv2d, **geometry)
    gradcheck(function, inputs, fast_mode=True)
    gradgradcheck(function, inputs, fast_mode=True)


@given(problems(max_channels=2, beyond=3))
def test_conv_transpose2d_is_the_input_gradient_of_conv2d(problem):
    (x, w, _), geometry = problem
    x = leaf(x)
    y = conv.conv2d(x, Tensor(w), **geometry)
    (expected,) = grad(y.sum(), [x])
    zipped = zip(x.shape[2:], w.shape[2:], *list(geometry.values())[:3], strict=True)
    extra = tuple((n + 2 * p - d * (k - 1) - 1) % s for n, k, s, p, d in zipped)
    back = conv.conv_transpose2d(
        Tensor(np.ones(y.shape)), Tensor(w), output_padding=extra, **geometry
    )
    assert back.shape == x.shape
    np.testing.assert_allclose(back.array, expected.array, rtol=1e-10, atol=1e-10)


@given(st.data())
def test_conv_transpose2d_spreads_its_filters(data):
    pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
    stride, dilation, kernel, size = (data.draw(pairs) for _ in range(4))
    extra = tuple(
        data.draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation, strict=True)
    )
    full = [
        (n - 1) * s + d * (k - 1) + e + 1
        for n, s, d, k, e in zip(size, stride, dilation, kernel, extra, strict=True)
    ]
    padding = tuple(data.draw(st.integers(0, min(2, (n - 1) // 2))) for n in full)
    random = np.random.default_rng(data.draw(st.integers(0, 99)))
    x, w, b = (random.standard_normal(s) for s in ((2, 2, *size), (2, 3, *kernel), (3,)))
    expected = np.zeros((2, 3, *full)) + b[:, None, None]
    for n, c, i, j in loops.spread(x.shape):
        for o, u, v in loops.spread((3, *kernel)):
            h, k = i * stride[0] + u * dilation[0], j * stride[1] + v * dilation[1]
            expected[n, o, h, k] += x[n, c, i, j] * w[c, o, u, v]
    top, left = padding
    expected = expected[:, :, top : full[0] - top, left : full[1] - left]
    geometry = {"stride": stride, "padding": padding, "dilation": dilation, "output_padding": extra}
    inputs = [leaf(a) for a in (x, w, b)]
    function = partial(conv.conv_transpose2d, **geometry)
    np.testing.assert_allclose(function(*inputs).array, expected, rtol=1e-10, atol=1e-10)
    gradcheck(function, inputs, fast_mode=True)
    gradgradcheck(function, inputs, fast_mode=True)


@pytest.mark.parametrize("function", [conv.conv1d, conv.conv_transpose1d])
def test_sequences_have_gradients_of_first_and_second_order(function):
    random = np.random.default_rng(0)
    inputs = [leaf(random.standard_normal(s)) for s in ((2, 4, 5), (4, 2, 3), (4,))]
    grouped = partial(function, stride=2, padding=1, groups=2)
    gradcheck(grouped, inputs)
    gradgradcheck(grouped, inputs)


def test_gradients_of_third_order():
    random = np.random.default_rng(0)
    x, w = (leaf(random.standard_normal(s)) for s in ((1, 1, 4, 4), (2, 1, 2, 2)))

    def slope_of_squares(x, w):
        return grad((conv.conv2d(x, w) ** 2).sum(), [x, w], create_graph=True)

    gradgradcheck(slope_of_squares, [x, w], fast_mode=True)


@given(st.tuples(*[st.integers(1, 5)] * 2), st.tuples(*[st.integers(1, 2)] * 2))
def test_same_padding_keeps_the_size_with_the_odd_zero_at_the_end(kernel, dilation):
    random = np.random.default_rng(0)
    x, w = random.standard_normal((2, 2, 6, 7)), random.standard_normal((3, 2, *kernel))
    total = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    padded = np.pad(x, ((0, 0), (0, 0), *((t // 2, t - t // 2) for t in total)))
    y = conv.conv2d(Tensor(x), Tensor(w), padding="same", dilation=dilation)
    assert y.shape == (2, 3, 6, 7)
    expected = loops.conv2d(padded, w, (1, 1), (0, 0), dilation, 1)
    np.testing.assert_allclose(y.array, expected, rtol=1e-10, atol=1e-10)


def test_same_padding_in_one_dimension_and_valid():
    x = Tensor(np.arange(4.0).reshape(1, 1, 4))
    y = conv.conv1d(x, ones(1, 1, 2, dtype=np.float64), padding="same")
    assert y.tolist() == [[[1, 3, 5, 3]]]
    assert conv.conv1d(x, ones(1, 1, 2, dtype=np.float64), padding="valid").shape == (1, 1, 3)


def test_same_padding_has_gradients():
    random = np.random.default_rng(0)
    inputs = [leaf(random.standard_normal(s)) for s in ((2, 1, 3, 4), (2, 1, 2, 4))]
    function = partial(conv.conv2d, padding="same")
    gradcheck(function, inputs)
    gradgradcheck(function, inputs, fast_mode=True)


@pytest.mark.parametrize("name", CASES)
def test_one_example_needs_no_batch(name):
    rank, function = int(name[-2]), getattr(conv, name)
    random = np.random.default_rng(0)
    x = random.standard_normal((2, *(5,) * rank))
    w = leaf(random.standard_normal((2, 2, *(3,) * rank)))
    y, batch = function(Tensor(x), w), function(Tensor(x[None]), w)
    np.testing.assert_array_equal(y.array, batch.array[0])
    (first,), (second,) = grad(y.sum(), [w]), grad(batch.sum(), [w])
    np.testing.assert_array_equal(first.array, second.array)


@pytest.mark.parametrize("name", CASES)
def test_an_empty_batch_gives_an_empty_result_and_gradients_of_zero(name):
    rank, function = int(name[-2]), getattr(conv, name)
    x, w = leaf(np.ones((0, 3, *(5,) * rank))), leaf(np.ones((3, 3, *(3,) * rank)))
    b = leaf(np.ones(3))
    y = function(x, w, b)
    assert y.shape[:2] == (0, 3)
    gx, gw, gb = grad(y.sum(), [x, w, b])
    assert gx.shape == x.shape
    assert not gw.array.any()
    assert not gb.array.any()


def test_no_input_channels_leave_the_bias():
    y = conv.conv2d(ones(2, 0, 5, 5), ones(3, 0, 3, 3), Tensor(np.arange(3, dtype=np.float32)))
    assert y.shape == (2, 3, 3, 3)
    np.testing.assert_array_equal(y.array[1, :, 2, 2], [0, 1, 2])


def test_integers_convolve():
    y = conv.conv2d(ones(1, 2, 3, 3, dtype=np.int64), ones(1, 2, 3, 3, dtype=np.int64))
    assert y.dtype == np.int64
    assert y.item() == 18


def test_inputs_are_left_alone_and_only_what_needs_a_gradient_gets_one():
    x, w, b = ones(1, 1, 3, 3), leaf(np.ones((1, 1, 2, 2), np.float32)), ones(1)
    conv.conv2d(x, w, b).sum().backward()
    assert x.grad is b.grad is None
    assert w.grad.tolist() == [[[[4, 4], [4, 4]]]]
    assert all((a.array == 1).all() for a in (x, w, b))
    assert conv.conv2d(x, b.reshape(1, 1, 1, 1)).grad_fn is None


IMAGES, FILTERS = (2, 3, 5, 5), (4, 3, 3, 3)
MISTAKES = [
    ({"weight": (4, 4, 3, 3)}, "input has 3 channels, weight expects 4: x (2, 3, 5, 5), weight"),
    ({"weight": (4, 3, 3, 3), "groups": 2}, "input has 3 channels, weight expects 6 in 2 groups"),
    ({"weight": (3, 3, 3, 3), "groups": 2}, "3 filters do not divide into 2 groups"),
    ({"groups": 0}, "groups must be positive, got 0"),
    ({"weight": (4, 3, 7, 3)}, "reach over (7, 3), more than the padded input (5, 5)"),
    ({"dilation": 3}, "reach over (7, 7), more than the padded input (5, 5)"),
    ({"stride": 0}, "stride must be positive, got 0"),
    ({"stride": (1, -1)}, "stride must be positive, got (1, -1)"),
    ({"stride": (1, 2, 3)}, "stride is an int or 2 ints, got (1, 2, 3)"),
    ({"dilation": 0}, "dilation must be positive, got 0"),
    ({"padding": -1}, "padding must not be negative, got -1"),
    ({"padding": "same", "stride": 2}, "padding='same' keeps the size only at stride 1"),
    ({"padding": "full"}, "padding is 'same', 'valid' or numbers, got 'full'"),
    ({"bias": (3,)}, "bias has shape (3,), expected (4,)"),
    ({"bias": (1, 4)}, "bias has shape (1, 4), expected (4,)"),
    ({"input": (5, 5)}, "expected input (N, C, H, W) or (C, H, W), got shape (5, 5)"),
    ({"input": (1, 2, 3, 5, 5)}, "got shape (1, 2, 3, 5, 5)"),
    ({"input": (2, 3, 0, 5)}, "more than the padded input (0, 5)"),
    ({"weight": (4, 3, 3)}, "expected weight (O, C, KH, KW)"),
    ({"weight": (0, 3, 3, 3)}, "expected weight (O, C, KH, KW)"),
    ({"weight": (4, 3, 0, 3)}, "no empty axis, got (4, 3, 0, 3)"),
]


def call(function, mistake, input=IMAGES, weight=FILTERS):
    shapes = {"input": input, "weight": weight} | mistake
    tensors = {name: ones(*s) for name, s in shapes.items() if name in ("input", "weight", "bias")}
    return function(**(shapes | tensors))


@pytest.mark.parametrize(("mistake", "message"), MISTAKES)
def test_conv2d_names_the_mistake(mistake, message):
    with pytest.raises(RuntimeError) as error:
        call(conv.conv2d, mistake)
    assert str(error.value).startswith("conv2d: ")
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        ({"weight": (4, 3, 3, 3)}, "input has 3 channels, weight expects 4"),
        ({"groups": 2}, "3 filters do not divide into 2 groups"),
        ({"bias": (3,)}, "bias has shape (3,), expected (4,)"),
        (
            {"output_padding": 1},
            "output_padding must be smaller than stride or dilation, got (1, 1)",
        ),
        ({"output_padding": -1}, "output_padding must not be negative"),
        ({"padding": 4}, "the padding (4, 4) leaves nothing"),
    ],
)
def test_conv_transpose2d_names_the_mistake(mistake, message):
    with pytest.raises(RuntimeError) as error:
        call(conv.conv_transpose2d, mistake, weight=(3, 4, 3, 3))
    assert str(error.value).startswith("conv_transpose2d: ")
    assert message in str(error.value)


def test_operands_of_other_kinds():
    x, w = ones(2, 3, 5, 5), ones(4, 3, 3, 3)
    with pytest.raises(RuntimeError, match="input is float32, weight float64"):
        conv.conv2d(x, ones(4, 3, 3, 3, dtype=np.float64))
    with pytest.raises(RuntimeError, match="input is float32, bias float64"):
        conv.conv2d(x, w, ones(4, dtype=np.float64))
    with pytest.raises(NotImplementedError, match="truth values"):
        conv.conv2d(ones(2, 3, 5, 5, dtype=bool), ones(4, 3, 3, 3, dtype=bool))
    with pytest.raises(TypeError, match="conv2d: expected a Tensor, got ndarray"):
        conv.conv2d(x.array, w)
    with pytest.raises(TypeError, match="conv2d: expected a Tensor, got list"):
        conv.conv2d(x, [1])
    with pytest.raises(TypeError, match=r"stride is an int or 2 ints, got 1\.5"):
        conv.conv2d(x, w, stride=1.5)
    with pytest.raises(RuntimeError, match=r"conv1d: expected input \(N, C, L\) or \(C, L\)"):
        conv.conv1d(x, ones(4, 3, 3))
