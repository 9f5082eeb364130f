"""The whole library at a glance: read this first."""

import numpy as np

import autotensor as at
from autotensor import nn, optim
from autotensor.tensor import record


def test_tensors_are_arrays_that_differentiate():
    x = at.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    y = (x * x + x.exp()).mean(dim=0)
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), (2 * x.array + np.exp(x.array)) / 2, rtol=1e-6)


def test_gradients_of_gradients():
    x = at.tensor(2.0, requires_grad=True)
    (slope,) = at.grad(x**3, x, create_graph=True)
    (curvature,) = at.grad(slope, x)
    assert slope.item() == 12 and curvature.item() == 12


def test_indexing_and_writing_in_place():
    x = at.zeros(3, 3)
    x[1, ::2] = at.tensor([5.0, 7.0])
    x[x > 6] += 1
    assert x.sum().item() == 13 and x[:, 2].tolist() == [0, 8, 0]


def test_no_gradients_where_none_are_wanted():
    w = at.ones(3, requires_grad=True)
    with at.no_grad():
        w -= 0.1
        assert not (w * 2).requires_grad


def test_an_operation_is_its_value_and_a_rule():
    def cubed(x):
        return record(x.array**3, (x, lambda g: g * (x * x * 3)))

    x = at.tensor([1.0, 2.0], dtype=at.float64, requires_grad=True)
    assert at.testing.gradcheck(cubed, x) and at.testing.gradgradcheck(cubed, x)


def test_a_network_learns(tmp_path):
    at.manual_seed(0)
    images = at.rand(64, 1, 8, 8)
    labels = (images.mean((1, 2, 3)) > 0.5).long()
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(8 * 4 * 4, 2),
    )  # fmt: skip
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    for _ in range(60):
        loss = nn.functional.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    assert (model(images).argmax(1) == labels).float().mean().item() > 0.9

    at.save(model.state_dict(), tmp_path / "model.safetensors")
    model.load_state_dict(at.load(tmp_path / "model.safetensors"))
