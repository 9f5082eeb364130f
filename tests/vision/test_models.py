import pytest

import autotensor as at
from autotensor.vision import models

COUNTS = {  # parameters, as torchvision's documentation lists them
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "densenet121": 7_978_856,
    "densenet161": 28_681_000,
    "squeezenet1_1": 1_235_496,
}


@pytest.mark.parametrize("name", COUNTS)
def test_parameters_are_torchvisions(name):
    model = getattr(models, name)()
    assert sum(p.numel() for p in model.parameters()) == COUNTS[name]


@pytest.mark.parametrize(("name", "key"), [
    ("resnet18", "layer2.0.downsample.1.running_var"),
    ("densenet121", "features.denseblock1.denselayer6.norm2.weight"),
    ("squeezenet1_1", "features.12.expand3x3.bias"),
])  # fmt: skip
def test_forward_and_keys(name, key):
    model = getattr(models, name)(num_classes=5)
    assert key in model.state_dict()
    scores = model(at.randn(2, 3, 64, 64))
    scores.sum().backward()
    assert scores.shape == (2, 5) and all(p.grad is not None for p in model.parameters())


def test_weights_have_to_be_loaded():
    with pytest.raises(RuntimeError, match="weights are not downloaded"):
        models.resnet18(weights="DEFAULT")
