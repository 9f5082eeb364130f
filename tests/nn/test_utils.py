"""Clipping gradients, and parameters as one vector."""

import numpy as np
import pytest

import autotensor as at
from autotensor import nn
from autotensor.nn import utils


def parameters(*grads):
    made = []
    for grad in grads:
        made.append(nn.Parameter(at.zeros(np.shape(grad))))
        made[-1].grad = at.tensor(grad)
    return [*made, nn.Parameter(at.zeros(2))]  # one without a gradient


@pytest.mark.parametrize(
    ("order", "norm"), [(2, 5.0), (1, 7.0), (float("inf"), 4.0), (3, 91 ** (1 / 3))]
)
def test_total_norm_and_scale(order, norm):
    given = parameters([[3.0]], [0.0, -4.0])
    total = utils.clip_grad_norm_(given, norm / 2, norm_type=order)
    assert total.item() == pytest.approx(norm, rel=1e-6)
    assert given[0].grad.item() == pytest.approx(1.5, rel=1e-5)
    assert given[1].grad.tolist() == pytest.approx([0, -2.0], rel=1e-5)


def test_small_gradients_stay():
    given = parameters([3.0, 4.0])
    assert utils.clip_grad_norm_(given[0], 5.1).item() == 5.0
    assert given[0].grad.tolist() == [3.0, 4.0]
    assert utils.clip_grad_norm_([], 1.0).item() == 0.0


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("order", [1, 2, float("inf")])
def test_non_finite_norms(value, order):
    given = parameters([value, 1.0])
    with pytest.raises(RuntimeError, match="non-finite"):
        utils.clip_grad_norm_(given, 1.0, order, error_if_nonfinite=True)
    assert given[0].grad.tolist()[1] == 1.0
    utils.clip_grad_norm_(given, 1.0, order)
    assert np.isnan(given[0].grad.tolist()[0])


def test_clip_value():
    given = parameters([-3.0, 0.5, 4.0])
    utils.clip_grad_value_(given, 1)
    assert given[0].grad.tolist() == [-1.0, 0.5, 1.0]
    with pytest.raises(TypeError, match="clip_value must be a number, got '1'"):
        utils.clip_grad_value_(given, "1")


def test_vector_and_back():
    model = nn.Linear(2, 3)
    vector = utils.parameters_to_vector(model.parameters())
    assert vector.shape == (9,) and vector.requires_grad
    kept = model.weight
    utils.vector_to_parameters(at.arange(9, dtype=at.float32), model.parameters())
    assert model.weight is kept
    assert model.weight.tolist() == [[0, 1], [2, 3], [4, 5]] and model.bias.tolist() == [6, 7, 8]
    with pytest.raises(ValueError, match=r"9 elements, got a vector of shape \(8,\)"):
        utils.vector_to_parameters(vector[:8], model.parameters())
    with pytest.raises(TypeError, match="got list"):
        utils.vector_to_parameters([1.0], model.parameters())
