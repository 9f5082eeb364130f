"""One contract for all layers, and what is special to each."""

import copy
import pickle
from dataclasses import dataclass, field

import numpy as np
import pytest

import autotensor as at
from autotensor import nn


@dataclass
class Case:
    """A layer, its text, the shapes it maps, its state, and arguments it must refuse."""

    make: object
    text: str
    inputs: tuple  # one shape, or several for several inputs
    output: tuple
    state: list = field(default_factory=list)
    wrong: tuple = None  # an input shape to be refused


IMAGES = (2, 4, 6, 5)
AFFINE = ["weight", "bias"]
TRACKED = [*AFFINE, "running_mean", "running_var", "num_batches_tracked"]

# Texts and keys are PyTorch's.
CASES = [
    Case(
        lambda: nn.Linear(3, 4),
        "Linear(in_features=3, out_features=4, bias=True)",
        (2, 3),
        (2, 4),
        AFFINE,
        (2, 4),
    ),
    Case(
        lambda: nn.Linear(3, 4, bias=False),
        "Linear(in_features=3, out_features=4, bias=False)",
        (2, 5, 3),
        (2, 5, 4),
        ["weight"],
        (2, 4),
    ),
    Case(lambda: nn.Identity(54, unused=1), "Identity()", (2, 3), (2, 3)),
    Case(
        lambda: nn.Bilinear(2, 3, 4),
        "Bilinear(in1_features=2, in2_features=3, out_features=4, bias=True)",
        ((5, 2), (5, 3)),
        (5, 4),
        AFFINE,
    ),
    Case(
        lambda: nn.Conv1d(3, 4, 3),
        "Conv1d(3, 4, kernel_size=(3,), stride=(1,))",
        (2, 3, 7),
        (2, 4, 5),
        AFFINE,
        (2, 4, 7),
    ),
    Case(
        lambda: nn.Conv2d(4, 6, 3, padding="same"),
        "Conv2d(4, 6, kernel_size=(3, 3), stride=(1, 1), padding=same)",
        IMAGES,
        (2, 6, 6, 5),
        AFFINE,
        (2, 3, 6, 5),
    ),
    Case(
        lambda: nn.Conv2d(4, 6, (3, 1), 2, (2, 0), 2, groups=2, bias=False, padding_mode="reflect"),
        "Conv2d(4, 6, kernel_size=(3, 1), stride=(2, 2), padding=(2, 0), dilation=(2, 2), "
        "groups=2, bias=False, padding_mode=reflect)",
        IMAGES,
        (2, 6, 3, 3),
        ["weight"],
        (4,),
    ),
    Case(
        lambda: nn.ConvTranspose1d(3, 4, 3),
        "ConvTranspose1d(3, 4, kernel_size=(3,), stride=(1,))",
        (2, 3, 5),
        (2, 4, 7),
        AFFINE,
        (2, 4, 5),
    ),
    Case(
        lambda: nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1),
        "ConvTranspose2d(4, 6, kernel_size=(3, 3), stride=(2, 2), padding=(1, 1), "
        "output_padding=(1, 1))",
        IMAGES,
        (2, 6, 12, 10),
        AFFINE,
        (2, 6, 6, 5),
    ),
    Case(
        lambda: nn.BatchNorm(4),
        "BatchNorm(4, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)",
        (3, 4, 2, 2, 2),
        (3, 4, 2, 2, 2),
        TRACKED,
        (4,),
    ),
    Case(
        lambda: nn.BatchNorm1d(3),
        "BatchNorm1d(3, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)",
        (5, 3),
        (5, 3),
        TRACKED,
        IMAGES,
    ),
    Case(
        lambda: nn.BatchNorm2d(4, momentum=None, affine=False, track_running_stats=False),
        "BatchNorm2d(4, eps=1e-05, momentum=None, affine=False, bias=False, "
        "track_running_stats=False)",
        IMAGES,
        IMAGES,
        [],
        (2, 4, 3),
    ),
    Case(
        lambda: nn.LayerNorm((6, 5)),
        "LayerNorm((6, 5), eps=1e-05, elementwise_affine=True, bias=True)",
        IMAGES,
        IMAGES,
        AFFINE,
        (6, 4),
    ),
    Case(
        lambda: nn.LayerNorm(5, bias=False),
        "LayerNorm((5,), eps=1e-05, elementwise_affine=True, bias=False)",
        IMAGES,
        IMAGES,
        ["weight"],
        (2, 4),
    ),
    Case(
        lambda: nn.GroupNorm(2, 4),
        "GroupNorm(2, 4, eps=1e-05, affine=True, bias=True)",
        IMAGES,
        IMAGES,
        AFFINE,
        (2, 3, 5),
    ),
    Case(
        lambda: nn.InstanceNorm1d(3),
        "InstanceNorm1d(3, eps=1e-05, momentum=0.1, affine=False, bias=False, "
        "track_running_stats=False)",
        (2, 3, 5),
        (2, 3, 5),
        [],
        (2, 3),
    ),
    Case(
        lambda: nn.InstanceNorm2d(4, affine=True, track_running_stats=True),
        "InstanceNorm2d(4, eps=1e-05, momentum=0.1, affine=True, bias=True, "
        "track_running_stats=True)",
        IMAGES,
        IMAGES,
        TRACKED,
        (2, 4, 3),
    ),
    Case(
        lambda: nn.MaxPool1d(2),
        "MaxPool1d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)",
        (2, 3, 7),
        (2, 3, 3),
        wrong=(3,),
    ),
    Case(
        lambda: nn.MaxPool2d((2, 3), stride=1, padding=1, ceil_mode=True),
        "MaxPool2d(kernel_size=(2, 3), stride=1, padding=1, dilation=1, ceil_mode=True)",
        IMAGES,
        (2, 4, 7, 5),
        wrong=(2, 2),
    ),
    Case(
        lambda: nn.AvgPool1d(2),
        "AvgPool1d(kernel_size=(2,), stride=(2,), padding=(0,))",
        (2, 3, 7),
        (2, 3, 3),
        wrong=(3,),
    ),
    Case(
        lambda: nn.AvgPool2d(2, divisor_override=3),
        "AvgPool2d(kernel_size=2, stride=2, padding=0)",
        IMAGES,
        (2, 4, 3, 2),
        wrong=(2, 2),
    ),
    Case(
        lambda: nn.AdaptiveAvgPool1d(2),
        "AdaptiveAvgPool1d(output_size=2)",
        (2, 3, 7),
        (2, 3, 2),
        wrong=(3,),
    ),
    Case(
        lambda: nn.AdaptiveAvgPool2d((1, None)),
        "AdaptiveAvgPool2d(output_size=(1, None))",
        IMAGES,
        (2, 4, 1, 5),
        wrong=(2, 2),
    ),
    Case(
        lambda: nn.AdaptiveMaxPool1d(2),
        "AdaptiveMaxPool1d(output_size=2)",
        (2, 3, 7),
        (2, 3, 2),
        wrong=(3,),
    ),
    Case(
        lambda: nn.AdaptiveMaxPool2d(3),
        "AdaptiveMaxPool2d(output_size=3)",
        IMAGES,
        (2, 4, 3, 3),
        wrong=(2, 2),
    ),
    Case(nn.GAP, "GAP()", IMAGES, (2, 4), wrong=(2, 2)),
    Case(nn.Dropout, "Dropout(p=0.5, inplace=False)", (2, 3), (2, 3)),
    Case(nn.Dropout1d, "Dropout1d(p=0.5, inplace=False)", (2, 3, 4), (2, 3, 4), wrong=(2,)),
    Case(
        lambda: nn.Dropout2d(0.1, inplace=True),
        "Dropout2d(p=0.1, inplace=True)",
        IMAGES,
        IMAGES,
    ),
    Case(nn.Flatten, "Flatten(start_dim=1, end_dim=-1)", IMAGES, (2, 120)),
    Case(lambda: nn.Flatten(0, 2), "Flatten(start_dim=0, end_dim=2)", IMAGES, (48, 5)),
    Case(
        lambda: nn.Unflatten(1, (2, -1)),
        "Unflatten(dim=1, unflattened_size=(2, -1))",
        (3, 8),
        (3, 2, 4),
        wrong=(3, 7),
    ),
    Case(lambda: nn.PReLU(4), "PReLU(num_parameters=4)", IMAGES, IMAGES, ["weight"], (2, 3, 6, 5)),
    Case(lambda: nn.GLU(1), "GLU(dim=1)", IMAGES, (2, 2, 6, 5), wrong=(2, 3)),
]
CASES += [
    Case(make, text, (2, 3), (2, 3))
    for make, text in [
        (nn.ReLU, "ReLU()"),
        (lambda: nn.ReLU(inplace=True), "ReLU(inplace=True)"),
        (nn.ReLU6, "ReLU6()"),
        (nn.LeakyReLU, "LeakyReLU(negative_slope=0.01)"),
        (lambda: nn.LeakyReLU(0.2, True), "LeakyReLU(negative_slope=0.2, inplace=True)"),
        (nn.ELU, "ELU(alpha=1.0)"),
        (nn.SELU, "SELU()"),
        (lambda: nn.CELU(2.0, True), "CELU(alpha=2.0, inplace=True)"),
        (nn.GELU, "GELU(approximate='none')"),
        (lambda: nn.GELU("tanh"), "GELU(approximate='tanh')"),
        (nn.SiLU, "SiLU()"),
        (nn.Mish, "Mish()"),
        (nn.Sigmoid, "Sigmoid()"),
        (nn.LogSigmoid, "LogSigmoid()"),
        (nn.Tanh, "Tanh()"),
        (nn.Tanhshrink, "Tanhshrink()"),
        (nn.Softplus, "Softplus(beta=1.0, threshold=20.0)"),
        (nn.Softsign, "Softsign()"),
        (lambda: nn.Softmax(1), "Softmax(dim=1)"),
        (lambda: nn.LogSoftmax(-1), "LogSoftmax(dim=-1)"),
        (lambda: nn.Softmin(1), "Softmin(dim=1)"),
        (nn.Hardtanh, "Hardtanh(min_val=-1.0, max_val=1.0)"),
        (nn.Hardswish, "Hardswish()"),
        (nn.Hardsigmoid, "Hardsigmoid()"),
        (nn.Hardshrink, "Hardshrink(0.5)"),
        (nn.Softshrink, "Softshrink(0.5)"),
        (lambda: nn.Threshold(0.1, 20), "Threshold(threshold=0.1, value=20)"),
        (lambda: nn.Activation("relu"), "Activation('relu')"),
        (lambda: nn.Activation("softmax"), "Activation('softmax', dim=1)"),
        (
            lambda: nn.Activation("leaky_relu", negative_slope=0.2),
            "Activation('leaky_relu', negative_slope=0.2)",
        ),
    ]
]
contract = pytest.mark.parametrize("case", CASES, ids=[case.text[:60] for case in CASES])


def inputs(case, dtype=at.float32):
    shapes = case.inputs if isinstance(case.inputs[0], tuple) else (case.inputs,)
    source = np.random.default_rng(0)
    leaves = [at.tensor(source.standard_normal(s).astype(dtype)) for s in shapes]
    return [x.requires_grad_() for x in leaves]


def run(layer, given):
    return layer(*[x * 1 for x in given])  # no leaves: layers may write in place


@contract
def test_text_is_pytorchs(case):
    assert repr(case.make()) == case.text


@contract
def test_state_has_pytorchs_keys_and_round_trips(case):
    layer, other = case.make(), case.make()
    assert [*layer.state_dict()] == case.state
    for x in other.state_dict().values():
        x.array[...] = 3
    layer.load_state_dict(other.state_dict())
    assert all((x.array == 3).all() for x in layer.state_dict().values())


@contract
def test_forward_and_gradients_of_all(case):
    layer = case.make()
    for mode in (True, False):
        layer.train(mode)
        given = inputs(case)
        output = run(layer, given)
        assert output.shape == case.output and output.dtype == np.float32
        assert np.isfinite(output.array).all()
        output.sum().backward()
        for x in [*given, *layer.parameters()]:
            assert x.grad is not None and x.grad.shape == x.shape
        layer.zero_grad()


@contract
def test_in_double_precision(case):
    layer = case.make().double().eval()
    given = inputs(case, at.float64)
    output = run(layer, given)
    assert output.dtype == np.float64
    single = run(copy.deepcopy(layer).float(), inputs(case))
    np.testing.assert_allclose(output.array, single.array, rtol=1e-4, atol=1e-5)


@contract
def test_copies_compute_the_same_and_share_nothing(case):
    layer = case.make().eval()
    expected = run(layer, inputs(case)).tolist()
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert repr(twin) == case.text and not twin.training
        assert run(twin, inputs(case)).tolist() == expected
        for mine, theirs in zip(layer.parameters(), twin.parameters(), strict=True):
            assert not np.shares_memory(mine.array, theirs.array)


@contract
def test_wrong_input_raises(case):
    layer = case.make()
    if case.wrong is not None:
        with pytest.raises((RuntimeError, ValueError), match=r"\S+"):
            layer(at.ones(case.wrong))
    if not isinstance(layer, nn.Identity):
        with pytest.raises((TypeError, AttributeError)):
            layer(*["text"] * len(inputs(case)))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: nn.Linear(0, 3), ValueError, "Linear: in_features must be at least 1, got 0"),
        (lambda: nn.Linear(2.5, 3), TypeError, "in_features must be an integer, got 2.5"),
        (lambda: nn.Linear(True, 3), TypeError, "in_features must be an integer, got True"),
        (lambda: nn.Conv2d(3, 4, 0), ValueError, "kernel_size must be at least 1, got 0"),
        (lambda: nn.Conv2d(3, 4, (3, 3, 3)), ValueError, "kernel_size must have 2 values"),
        (lambda: nn.Conv2d(3, 4, "3"), TypeError, "must be an integer or a tuple, got '3'"),
        (lambda: nn.Conv2d(3, 4, 3, stride=0), ValueError, "stride must be at least 1"),
        (lambda: nn.Conv2d(3, 4, 3, padding=-1), ValueError, "padding must be at least 0"),
        (lambda: nn.Conv2d(3, 4, 3, groups=2), ValueError, "divisible by groups, got 3 and 2"),
        (lambda: nn.Conv2d(4, 3, 3, groups=2), ValueError, "out_channels must be divisible"),
        (lambda: nn.Conv2d(4, 4, 3, groups=0), ValueError, "groups must be at least 1, got 0"),
        (lambda: nn.Conv2d(3, 4, 3, padding="full"), ValueError, "'same', 'valid', got 'full'"),
        (
            lambda: nn.Conv2d(3, 4, 3, stride=2, padding="same"),
            ValueError,
            r"not supported for strided convolutions, got stride \(2, 2\)",
        ),
        (lambda: nn.Conv2d(3, 4, 3, padding_mode="wrap"), ValueError, "got 'wrap'"),
        (lambda: nn.ConvTranspose2d(3, 4, 3, padding="same"), TypeError, "padding"),
        (
            lambda: nn.ConvTranspose2d(3, 4, 3, padding_mode="reflect"),
            ValueError,
            'Only "zeros" padding mode.*reflect',
        ),
        (lambda: nn.BatchNorm2d(3, momentum=2), ValueError, "between 0 and 1, got 2"),
        (lambda: nn.BatchNorm2d(3, eps=-1), ValueError, "eps must be at least 0, got -1"),
        (lambda: nn.LayerNorm(()), ValueError, "normalized_shape"),
        (lambda: nn.GroupNorm(2, 5), ValueError, r"\(5\) must be divisible by num_groups \(2\)"),
        (lambda: nn.MaxPool2d(2, padding=2), ValueError, "at most half.*padding=2"),
        (lambda: nn.AvgPool2d(2, divisor_override=0), ValueError, "divisor_override"),
        (lambda: nn.AdaptiveAvgPool2d((1, 2, 3)), ValueError, "must have 2 values"),
        (lambda: nn.Dropout(1.5), ValueError, "between 0 and 1, but got 1.5"),
        (lambda: nn.Unflatten(1, 3), TypeError, "must be a tuple, got 3"),
        (lambda: nn.Softplus(beta=0), ValueError, "beta cannot be 0"),
        (lambda: nn.CELU(0), ValueError, "alpha cannot be 0"),
        (lambda: nn.GELU("erf"), ValueError, "'none', 'tanh', got 'erf'"),
        (lambda: nn.Hardtanh(2, 1), ValueError, "min_val < max_val, got 2 and 1"),
        (lambda: nn.Softmax("1"), TypeError, "dim must be an integer, got '1'"),
        (lambda: nn.Activation("rulu"), ValueError, "unknown name 'rulu'; known are celu"),
        (lambda: nn.Activation("relu", slope=1), TypeError, "'relu' got an unexpected.*'slope'"),
        (lambda: nn.MSELoss(reduction="avg"), ValueError, "'none', 'mean', 'sum', got 'avg'"),
        (lambda: nn.CrossEntropyLoss(label_smoothing=1.5), ValueError, "got 1.5"),
        (lambda: nn.GaussianNLLLoss(eps=0), ValueError, "eps must be greater than 0, got 0"),
        (lambda: nn.HuberLoss(delta=0), ValueError, "delta must be greater than 0, got 0"),
        (lambda: nn.Linear(2, 3, device="cuda"), RuntimeError, "'cuda' is not available"),
    ],
)
def test_hyperparameters_are_checked_when_made(make, error, message):
    with pytest.raises(error, match=message):
        make()


# -- what is special -----------------------------------------------------------------------------


def test_keras_names_are_the_same_classes():
    assert nn.Conv2D is nn.Conv2d and nn.Conv1D is nn.Conv1d
    assert issubclass(nn.BatchNorm2d, nn.BatchNorm)


@pytest.mark.parametrize(
    ("layer", "fan_in"),
    [
        (lambda: nn.Linear(50, 400), 50),
        (lambda: nn.Conv2d(8, 60, 3, groups=2), 36),
        (lambda: nn.Conv1d(8, 400, 5), 40),
        (lambda: nn.ConvTranspose2d(60, 8, 3), 72),
        (lambda: nn.Bilinear(30, 4, 50), 30),
    ],
)
def test_default_initialisation_is_pytorchs(layer, fan_in):
    at.manual_seed(0)
    layer = layer()
    bound = fan_in**-0.5
    weight = layer.weight.array
    assert 0.99 * bound < np.abs(weight).max() <= bound * (1 + 1e-6)
    assert weight.std() == pytest.approx(bound / 3**0.5, rel=0.03)
    assert 0 < np.abs(layer.bias.array).max() <= bound * (1 + 1e-6)
    before = weight.copy()
    layer.reset_parameters()
    assert (layer.weight.array != before).mean() > 0.99


def test_dtype_of_construction():
    assert nn.Linear(2, 3, dtype=at.float64).bias.dtype == np.float64
    norm = nn.BatchNorm2d(3, dtype=at.float64)
    assert norm.running_var.dtype == np.float64 and norm.num_batches_tracked.dtype == np.int64


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
@pytest.mark.parametrize("padding", [1, (2, 1), "same", "valid"])
def test_padding_modes_are_padding_first(mode, padding):
    layer = nn.Conv2d(2, 3, (4, 3), padding=padding, padding_mode=mode, dtype=at.float64)
    x = np.random.default_rng(0).standard_normal((2, 2, 6, 5))
    rows, columns = {"same": ((1, 2), (1, 1)), "valid": ((0, 0), (0, 0))}.get(
        padding, ((padding, padding), (padding, padding)) if padding == 1 else ((2, 2), (1, 1))
    )
    kind = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}[mode]
    padded = np.pad(x, ((0, 0), (0, 0), rows, columns), mode=kind)
    plain = nn.Conv2d(2, 3, (4, 3), dtype=at.float64)
    plain.load_state_dict(layer.state_dict())
    np.testing.assert_allclose(layer(at.tensor(x)).array, plain(at.tensor(padded)).array)


def test_transposed_convolution_to_a_wanted_size():
    layer = nn.ConvTranspose2d(4, 2, 3, stride=2, padding=1)
    x = at.ones(1, 4, 5, 5)
    assert layer(x).shape == (1, 2, 9, 9)
    assert layer(x, output_size=(10, 9)).shape == (1, 2, 10, 9)
    assert layer(x, output_size=(1, 2, 10, 10)).shape == (1, 2, 10, 10)
    with pytest.raises(ValueError, match=r"\(11, 9\).*\[9, 9\] to \[10, 10\]"):
        layer(x, output_size=(11, 9))


def test_batch_norm_tracks_and_averages():
    x = np.random.default_rng(0).standard_normal((6, 3, 4, 4))
    mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), ddof=1)
    norm = nn.BatchNorm2d(3, momentum=0.1, dtype=at.float64)
    norm(at.tensor(x))
    np.testing.assert_allclose(norm.running_mean.array, 0.1 * mean)
    np.testing.assert_allclose(norm.running_var.array, 0.9 + 0.1 * var)
    norm.eval()
    expected = (x - 0.1 * mean.reshape(3, 1, 1)) / np.sqrt(
        (0.9 + 0.1 * var).reshape(3, 1, 1) + norm.eps
    )
    np.testing.assert_allclose(norm(at.tensor(x)).array, expected)
    assert norm.num_batches_tracked.item() == 1
    norm.reset_running_stats()
    assert norm.num_batches_tracked.item() == 0 and norm.running_var.tolist() == [1, 1, 1]

    average = nn.BatchNorm2d(3, momentum=None, dtype=at.float64)
    average(at.tensor(x))
    average(at.tensor(3 * x))
    np.testing.assert_allclose(average.running_mean.array, 2 * mean)
    np.testing.assert_allclose(average.running_var.array, 5 * var)


def test_batch_norm_without_statistics_uses_the_batch():
    norm = nn.BatchNorm1d(2, track_running_stats=False, affine=False).eval()
    output = norm(at.tensor([[1.0, 2.0], [3.0, 6.0]]))
    np.testing.assert_allclose(output.array, [[-1, -1], [1, 1]], rtol=1e-4)


def test_old_checkpoints_without_the_batch_count_load():
    norm = nn.BatchNorm2d(2)
    state = norm.state_dict()
    del state["num_batches_tracked"]
    assert norm.load_state_dict(state) == ([], [])
    del state["running_mean"]
    with pytest.raises(RuntimeError, match=r'Missing key.*"running_mean"'):
        norm.load_state_dict(state)


def test_dropout_follows_the_mode():
    at.manual_seed(0)
    layer, x = nn.Dropout(0.25), at.ones(100, 100)
    output = layer(x)
    assert set(np.unique(output.array)) == {np.float32(0), np.float32(1 / 0.75)}
    assert (output.array == 0).mean() == pytest.approx(0.25, abs=0.02)
    assert layer.eval()(x) is x
    assert nn.Dropout(inplace=True).eval()(x.requires_grad_()) is x  # writes nothing to the leaf
    channels = nn.Dropout2d(0.5)(at.ones(20, 30, 2, 2)).array
    assert (channels == channels[:, :, :1, :1]).all() and len(np.unique(channels)) == 2


@pytest.mark.parametrize(
    "layer",
    [nn.ReLU(True), nn.LeakyReLU(0.1, True), nn.ELU(inplace=True), nn.Hardtanh(inplace=True)],
    ids=repr,
)
def test_inplace_writes_over_the_input_with_the_right_gradient(layer):
    plain = copy.deepcopy(layer)
    plain.inplace = False
    x = at.tensor([-2.0, -0.5, 0.5, 2.0], requires_grad=True)
    y = x * 1
    output = layer(y)
    (output * output).sum().backward()
    assert y.tolist() == output.tolist() == plain(x).tolist()
    twin = at.tensor(x.tolist(), requires_grad=True)
    (plain(twin) ** 2).sum().backward()
    assert x.grad.tolist() == twin.grad.tolist()
    with pytest.raises(RuntimeError, match="leaf"):
        layer(x)


def test_activation_is_the_function_of_its_name():
    x = at.tensor([[-1.0, 0.5]])
    assert nn.Activation("swish")(x).tolist() == nn.SiLU()(x).tolist()
    assert nn.Activation("linear")(x) is x
    assert nn.Activation("softmax")(x).sum().item() == pytest.approx(1)


def test_return_indices():
    values, indices = nn.MaxPool2d(2, return_indices=True)(at.tensor([[[[1.0, 4.0], [3.0, 2.0]]]]))
    assert values.item() == 4 and indices.item() == 1


def test_losses_are_the_functions():
    from autotensor.nn import functional as F

    scores, classes = at.tensor([[1.0, 2.0, 0.5], [0.1, 0.2, 3.0]]), at.tensor([1, 2])
    weight = at.tensor([1.0, 2.0, 3.0])
    loss = nn.CrossEntropyLoss(weight, label_smoothing=0.1, reduction="sum")
    expected = F.cross_entropy(scores, classes, weight, reduction="sum", label_smoothing=0.1)
    assert loss(scores, classes).item() == expected.item()
    assert [*loss.state_dict()] == ["weight"] and [*nn.CrossEntropyLoss().state_dict()] == []
    logs = F.log_softmax(scores, 1)
    assert nn.NLLLoss()(logs, classes).item() == pytest.approx(
        nn.CrossEntropyLoss()(scores, classes).item(), rel=1e-6
    )
    x, y, sign = at.tensor([0.2, 0.9]), at.tensor([0.5, 0.1]), at.tensor([1.0, -1.0])
    for module, expected, given in [
        (nn.MSELoss(), F.mse_loss(x, y), (x, y)),
        (nn.L1Loss(reduction="sum"), F.l1_loss(x, y, reduction="sum"), (x, y)),
        (nn.SmoothL1Loss(beta=0.5), F.smooth_l1_loss(x, y, beta=0.5), (x, y)),
        (nn.HuberLoss(delta=0.5), F.huber_loss(x, y, delta=0.5), (x, y)),
        (nn.BCELoss(), F.binary_cross_entropy(x, y), (x, y)),
        (nn.BCEWithLogitsLoss(), F.binary_cross_entropy_with_logits(x, y), (x, y)),
        (nn.KLDivLoss(reduction="batchmean"), F.kl_div(x, y, reduction="batchmean"), (x, y)),
        (nn.HingeEmbeddingLoss(0.5), F.hinge_embedding_loss(x, sign, 0.5), (x, sign)),
        (nn.MarginRankingLoss(), F.margin_ranking_loss(x, y, sign), (x, y, sign)),
        (
            nn.CosineEmbeddingLoss(),
            F.cosine_embedding_loss(scores, scores + 1, sign),
            (scores, scores + 1, sign),
        ),
        (nn.GaussianNLLLoss(), F.gaussian_nll_loss(x, y, x), (x, y, x)),
    ]:
        assert module(*given).item() == expected.item()
        assert repr(module) == f"{type(module).__name__}()"
    assert nn.MSELoss(reduction="none")(x, y).shape == (2,)
