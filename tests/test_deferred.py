"""Deferred values: what follows may take their inputs instead; nobody can tell the difference."""

import numpy as np
import pytest

import autotensor as at
from autotensor import nn
from autotensor.deferred import Deferred
from autotensor.nn import functional as F
from autotensor.tensor import Tensor


def inputs(dtype=at.float32):
    x = at.randn(6, 5, 7, 7, dtype=dtype, requires_grad=True)
    weight = (at.rand(5, dtype=dtype) + 0.5).requires_grad_()
    bias = at.randn(5, dtype=dtype, requires_grad=True)
    return x, weight, bias


def normalised(x, weight, bias):
    return F.batch_norm(x, None, None, weight, bias, training=True)


def test_shape_and_dtype_are_known_without_the_values():
    y = normalised(*inputs())
    assert (y.shape, y.dtype, y.ndim, y.size(1)) == ((6, 5, 7, 7), at.float32, 4, 5)
    assert "relu" in y.fused
    assert y.array.shape == y.shape
    assert y.fused == {}


@pytest.mark.parametrize("relu", [F.relu, Tensor.relu, nn.ReLU(), nn.ReLU(inplace=True)])
def test_relu_in_the_same_pass(relu):
    x, weight, bias = inputs()
    apart = normalised(x, weight, bias)
    assert apart.array is not None
    expected = F.relu(apart)
    g = at.randn(*x.shape)
    wanted = at.grad(expected, (x, weight, bias), g)

    together = normalised(x, weight, bias)
    y = relu(together)
    np.testing.assert_array_equal(y.array, expected.array)
    if y is not together:
        assert together.fused, "the normalised values were made all the same"
    for found, exact in zip(at.grad(y, (x, weight, bias), g), wanted, strict=True):
        np.testing.assert_allclose(found.array, exact.array, 1e-4, 1e-4)


def test_a_second_user_gets_values_and_gradients():
    x, weight, bias = inputs()
    y = normalised(x, weight, bias)
    total = (F.relu(y) + y * y).sum()
    found = at.grad(total, (x, weight, bias))
    plain = normalised(x, weight, bias)
    assert plain.array is not None
    expected = at.grad((F.relu(plain) + plain * plain).sum(), (x, weight, bias))
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a.array, b.array, 1e-3, 1e-3)


def test_gradients_of_gradients():
    x, weight, bias = inputs()

    def penalty(y):
        (g,) = at.grad((y * y).sum(), x, create_graph=True)
        return at.grad((g * g).sum(), (x, weight, bias))

    found = penalty(F.relu(normalised(x, weight, bias)))
    doubles = [t.detach().double().requires_grad_() for t in (x, weight, bias)]
    x, weight, bias = doubles
    expected = penalty(F.relu(normalised(x, weight, bias)))
    for a, b in zip(found, expected, strict=True):
        scale = np.abs(b.array).max()
        np.testing.assert_allclose(a.array, b.array, 1e-3, 1e-4 * scale)


@pytest.mark.parametrize("write", [lambda t: t.mul_(3), lambda t: t.__setitem__(0, 7.0)])
def test_a_write_to_the_input_makes_the_value_first(write):
    x = at.randn(6, 5, 7, 7)
    expected = normalised(x.clone(), None, None).array.copy()
    y = normalised(x, None, None)
    write(x)
    np.testing.assert_array_equal(y.array, expected)
    np.testing.assert_array_equal(F.relu(y).array, np.maximum(expected, 0))


def test_a_write_through_a_view_counts():
    x = at.randn(6, 5, 7, 7)
    expected = normalised(x.clone(), None, None).array.copy()
    y = normalised(x, None, None)
    x[2:4].zero_()
    np.testing.assert_array_equal(y.array, expected)


def test_parameters_may_change_before_the_value_is_read():
    x, weight, bias = inputs()
    expected = normalised(x, weight, bias).array.copy()
    y = normalised(x, weight, bias)
    with at.no_grad():
        weight.mul_(2)
        bias.add_(1)
    np.testing.assert_array_equal(F.relu(y).array, np.maximum(expected, 0))


def test_overwriting_the_input_is_noticed_in_backward():
    x, weight, bias = inputs()
    h = x * 1
    y = F.relu(normalised(h, weight, bias))
    h.add_(1)
    with pytest.raises(RuntimeError, match="overwritten in place"):
        y.sum().backward()


def test_evaluation():
    layer = nn.BatchNorm2d(5).eval()
    layer.running_mean.fill_(0.3)
    x = at.randn(4, 5, 6, 6, requires_grad=True)
    y = layer(x)
    assert type(y) is Deferred
    expected = np.maximum((x.array - 0.3) / np.sqrt(1 + layer.eps), 0)
    np.testing.assert_allclose(F.relu(y).array, expected, 1e-5, 1e-6)
    F.relu(layer(x)).sum().backward()
    np.testing.assert_allclose(x.grad.array, (expected > 0) / np.sqrt(1 + layer.eps), 1e-5)


def small_network():
    layers = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(),
        nn.Conv2d(16, 8, 1, stride=2, bias=False), nn.BatchNorm2d(8, affine=False),
    )  # fmt: skip
    for norm in (layers[1], layers[4]):
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
    nn.init.normal_(layers[1].weight)
    nn.init.normal_(layers[1].bias)
    return layers.eval()


def test_evaluation_folds_batch_norm_and_relu_into_the_convolution():
    model, x = small_network(), at.randn(4, 3, 20, 20)
    expected = model.double()(x.double()).array
    model.float()
    with at.no_grad():
        y = model(x)
        assert type(y) is Deferred
        assert "scale" in y.fused
        hidden = model[1](model[0](x))
        assert type(hidden) is Deferred
        rectified = F.relu(hidden)
        assert type(rectified) is Tensor
        assert hidden.fused, "the values were made all the same"
    np.testing.assert_allclose(y.array, expected, 1e-4, 1e-4)
    apart = model[1](model[0](x.clone().requires_grad_()))
    np.testing.assert_allclose(hidden.array, apart.array, 1e-4, 1e-4)
    np.testing.assert_allclose(rectified.array, np.maximum(apart.array, 0), 1e-4, 1e-4)


def test_training_parameters_of_a_norm_are_not_folded_away():
    conv, norm = nn.Conv2d(3, 16, 3).requires_grad_(False), nn.BatchNorm2d(16).eval()
    norm(conv(at.randn(2, 3, 8, 8))).sum().backward()
    assert norm.weight.grad is not None


@pytest.mark.parametrize(
    "write",
    [
        lambda conv: conv.weight.mul_(2),
        lambda conv: nn.init.zeros_(conv.bias),
        lambda conv: conv.load_state_dict({k: v * 0 for k, v in conv.state_dict().items()}),
        lambda conv: conv.weight.numpy(force=True).fill(0),
        lambda conv: at.optim.SGD(conv.parameters(), lr=1.0).step(),
        lambda conv: nn.utils.vector_to_parameters(at.zeros(448), conv.parameters()),
    ],
)
def test_a_write_to_the_filters_makes_the_value_first(write):
    conv, x = nn.Conv2d(3, 16, 3), at.randn(2, 3, 8, 8)
    conv(x).sum().backward()
    with at.no_grad():
        expected = conv(x).array.copy()
        y = conv(x)
        assert type(y) is Deferred
        write(conv)
    np.testing.assert_array_equal(y.array, expected)


@pytest.mark.parametrize("make", [at.from_numpy, at.as_tensor])
def test_memory_that_numpy_may_write_to_is_read_at_once(make):
    conv, batch = nn.Conv2d(3, 16, 3), np.ones((2, 3, 8, 8), np.float32)
    x = make(batch)
    with at.no_grad():
        expected = conv(x).array.copy()
        y = conv(x)
        batch[:] = 0
    np.testing.assert_array_equal(y.array, expected)


def test_memory_that_was_handed_out_is_read_at_once():
    conv, x = nn.Conv2d(3, 16, 3), at.randn(2, 3, 8, 8)
    batch = x.numpy()[1:]
    with at.no_grad():
        expected = conv(x).array.copy()
        y = conv(x)
        batch[:] = 0
    np.testing.assert_array_equal(y.array, expected)


def separable(read=lambda x: None):
    """Loss and gradients of a chain of convolutions and norms; ``read`` sees every value."""
    at.manual_seed(0)
    x = at.randn(4, 16, 12, 12, requires_grad=True)
    depthwise = at.randn(24, 1, 3, 3, requires_grad=True)
    first, last = (at.randn(o, c, 1, 1, requires_grad=True) for o, c in ((24, 16), (32, 24)))
    value = x
    for weight, geometry in ((first, {}), (depthwise, {"padding": 1, "groups": 24}), (last, {})):
        value = F.conv2d(value, weight, **geometry)
        read(value)
        value = F.batch_norm(value, None, None, training=True)
        read(value)
        value = F.relu(value)
        read(value)
    (value * value * value).mean().backward()
    return [value.array, *(v.grad.array for v in (x, first, depthwise, last))]


def test_a_chain_of_convolutions_and_norms_is_the_same_unread():
    values = []
    apart = separable(lambda x: values.append(x.array))
    for found, expected in zip(separable(), apart, strict=True):
        np.testing.assert_allclose(found, expected, 1e-4, 1e-4 * np.abs(expected).max())
    unread = []
    separable(lambda x: unread.append(x))
    assert sum(bool(x.sources) for x in unread) >= 5, "the values were made all the same"


def test_a_write_before_a_convolution_has_read_its_input():
    for write_to in (0, 1):
        x, weight = at.randn(4, 16, 12, 12), at.randn(24, 16, 1, 1, requires_grad=True)
        hidden = normalised(x, None, None)
        expected = F.conv2d(x, weight).array.copy(), F.conv2d(hidden, weight).array.copy()
        plain, fused = F.conv2d(x, weight), F.conv2d(normalised(x, None, None), weight)
        assert type(plain) is type(fused) is Deferred
        with at.no_grad():
            (x, weight)[write_to].mul_(2)
        np.testing.assert_array_equal(plain.array, expected[0])
        np.testing.assert_allclose(fused.array, expected[1], 1e-4, 1e-4)


def test_a_hook_may_write_to_a_gradient_that_is_not_made_yet():
    def gradient(hook):
        at.manual_seed(1)
        x = at.randn(4, 16, 12, 12, requires_grad=True)
        y = normalised(x, None, None)
        y.register_hook(hook)
        F.conv2d(y, at.randn(24, 16, 1, 1)).pow(2).sum().backward()
        return x.grad.array

    np.testing.assert_allclose(gradient(lambda g: g.mul_(2)), gradient(lambda g: g * 2), 1e-5)
