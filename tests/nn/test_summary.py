"""The table of a model's layers."""

import pytest

import autotensor as at
from autotensor import nn

NETWORK_A = """\
__________________________________________________________________
Layer (type)                  Output Shape              Param #
==================================================================
input_1 (InputLayer)          (None, 3, 32, 32)         0
__________________________________________________________________
conv2d_1 (Conv2d)             (None, 32, 32, 32)        896
__________________________________________________________________
batch_norm_1 (BatchNorm)      (None, 32, 32, 32)        128
__________________________________________________________________
activation_1 (Activation)     (None, 32, 32, 32)        0
__________________________________________________________________
conv2d_2 (Conv2d)             (None, 32, 32, 32)        9248
__________________________________________________________________
batch_norm_2 (BatchNorm)      (None, 32, 32, 32)        128
__________________________________________________________________
activation_2 (Activation)     (None, 32, 32, 32)        0
__________________________________________________________________
max_pool2d_1 (MaxPool2d)      (None, 32, 16, 16)        0
__________________________________________________________________
conv2d_3 (Conv2d)             (None, 64, 16, 16)        18496
__________________________________________________________________
batch_norm_3 (BatchNorm)      (None, 64, 16, 16)        256
__________________________________________________________________
activation_3 (Activation)     (None, 64, 16, 16)        0
__________________________________________________________________
conv2d_4 (Conv2d)             (None, 64, 16, 16)        36928
__________________________________________________________________
batch_norm_4 (BatchNorm)      (None, 64, 16, 16)        256
__________________________________________________________________
activation_4 (Activation)     (None, 64, 16, 16)        0
__________________________________________________________________
max_pool2d_2 (MaxPool2d)      (None, 64, 8, 8)          0
__________________________________________________________________
conv2d_5 (Conv2d)             (None, 128, 8, 8)         73856
__________________________________________________________________
batch_norm_5 (BatchNorm)      (None, 128, 8, 8)         512
__________________________________________________________________
activation_5 (Activation)     (None, 128, 8, 8)         0
__________________________________________________________________
conv2d_6 (Conv2d)             (None, 128, 8, 8)         147584
__________________________________________________________________
batch_norm_6 (BatchNorm)      (None, 128, 8, 8)         512
__________________________________________________________________
activation_6 (Activation)     (None, 128, 8, 8)         0
__________________________________________________________________
class_activation_map (Conv2d) (None, 10, 8, 8)          1290
__________________________________________________________________
gap_1 (GAP)                   (None, 10)                0
__________________________________________________________________
activation_7 (Activation)     (None, 10)                0
==================================================================
Total params: 290,090
Trainable params: 289,194
Non-trainable params: 896
__________________________________________________________________
"""


def network_a():
    layers, channels = [], 3
    for width in (32, 64, 128):
        for _ in range(2):
            layers += [nn.Conv2D(channels, width, 3, padding="same"), nn.BatchNorm(width)]
            layers += [nn.Activation("relu")]
            channels = width
        layers += [nn.MaxPool2d(2)] if width < 128 else []
    named = {str(position): layer for position, layer in enumerate(layers)}
    named["class_activation_map"] = nn.Conv2D(128, 10, 1)
    named[str(len(named))] = nn.GAP()
    named[str(len(named))] = nn.Activation("softmax")
    return nn.Sequential(named)


def test_network_a_prints_the_published_table(capsys):
    result = nn.summary(network_a(), (3, 32, 32))
    assert capsys.readouterr().out == NETWORK_A
    assert (result.total, result.trainable, result.non_trainable) == (290_090, 289_194, 896)


class Branches(nn.Module):
    """Nested, shared and unused modules, a parameter of its own, two inputs, two outputs."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(at.ones(1))
        self.encoder = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
        self.shared = nn.Linear(2, 2)
        self.unused = nn.Linear(3, 3)
        self.frozen = nn.Linear(2, 1).requires_grad_(False)
        self.eval_only = nn.Dropout()

    def forward(self, x, y):
        assert not self.training
        x = self.shared(self.shared(self.encoder(x))) * self.scale
        return self.frozen(self.eval_only(x)), y


def test_any_model(capsys):
    model = Branches()
    model.eval_only.eval()
    result = nn.summary(model, [(4,), (7, 3)])
    assert result.rows == [
        ("input_1 (InputLayer)", "(None, 4)", 0),
        ("input_2 (InputLayer)", "(None, 7, 3)", 0),
        ("linear_1 (Linear)", "(None, 4)", 20),
        ("relu_1 (ReLU)", "(None, 4)", 0),
        ("linear_2 (Linear)", "(None, 2)", 10),
        ("shared (Linear)", "(None, 2)", 6),
        ("eval_only (Dropout)", "(None, 2)", 0),
        ("frozen (Linear)", "(None, 1)", 3),
        ("branches_1 (Branches)", "(None, 1)", 1),
        ("unused (Linear)", "unused", 12),
    ]
    assert (result.total, result.trainable, result.non_trainable) == (52, 49, 3)
    assert result.total == sum(count for *_, count in result.rows)
    assert capsys.readouterr().out == f"{result}\n"
    assert model.training and not model.eval_only.training
    assert not any(module._hooks for module in model.modules())


def test_the_model_is_left_as_it_was_after_an_error():
    model = nn.Sequential(nn.Linear(3, 2), nn.Dropout())
    with pytest.raises(RuntimeError):
        nn.summary(model, (4,))
    assert model.training and model[1].training and not model[0]._hooks
    with pytest.raises(TypeError, match="tuple of ints or a list of such, got 3"):
        nn.summary(model, 3)


def test_double_precision_models(capsys):
    assert nn.summary(nn.Linear(3, 2).double(), (3,)).total == 8
