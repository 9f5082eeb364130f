"""What `nn.functional` adds to the operations."""

import inspect

import numpy as np
import pytest

import autotensor as at
from autotensor.nn import functional as F


def test_every_name_is_a_function():
    for name in F.__all__:
        assert callable(getattr(F, name)), name


def test_inplace_comes_last_by_name_or_position():
    assert list(inspect.signature(F.leaky_relu).parameters)[1:] == ["negative_slope", "inplace"]
    for arguments, named in [((0.5, True), {}), ((0.5,), {"inplace": True})]:
        x = at.tensor([-2.0, 3.0])
        assert F.leaky_relu(x, *arguments, **named) is x and x.tolist() == [-1.0, 3.0]
    x = at.tensor([-2.0, 3.0])
    assert F.leaky_relu(x, 0.5).tolist() == [-1.0, 3.0] and x.tolist() == [-2.0, 3.0]
    with pytest.raises(TypeError):
        F.relu(x, True, 3)


def test_bilinear_is_the_double_sum():
    source = np.random.default_rng(0)
    x1, x2 = source.standard_normal((5, 6, 2)), source.standard_normal((5, 6, 3))
    weight, bias = source.standard_normal((4, 2, 3)), source.standard_normal(4)
    y = F.bilinear(*map(at.tensor, (x1, x2, weight, bias)))
    np.testing.assert_allclose(y.array, np.einsum("abi,oij,abj->abo", x1, weight, x2) + bias)
    with pytest.raises(RuntimeError, match=r"bilinear.*\(5, 6, 2\)"):
        F.bilinear(*map(at.tensor, (x1, x1, weight)))


def test_normalize_and_cosine_similarity():
    x, y = at.tensor([[3.0, 4.0], [0.0, 0.0]]), at.tensor([[4.0, 3.0], [1.0, 0.0]])
    np.testing.assert_allclose(F.normalize(x).array, [[0.6, 0.8], [0, 0]], rtol=1e-6)
    np.testing.assert_allclose(F.normalize(x, p=1).array, [[3 / 7, 4 / 7], [0, 0]], rtol=1e-6)
    np.testing.assert_allclose(F.cosine_similarity(x, y).array, [0.96, 0], rtol=1e-6)
    x.requires_grad_()
    F.normalize(x).sum().backward()
    assert np.isfinite(x.grad.array).all()


def test_one_hot():
    x = at.tensor([[0, 2], [1, 0]])
    assert F.one_hot(x).tolist() == [[[1, 0, 0], [0, 0, 1]], [[0, 1, 0], [1, 0, 0]]]
    assert F.one_hot(x, 4).shape == (2, 2, 4) and F.one_hot(x).dtype == np.int64
    assert F.one_hot(at.zeros(0, dtype=at.int64), 3).shape == (0, 3)
    for wrong, classes, message in [
        (at.tensor([0.5]), -1, "expected integer classes, got float32"),
        (at.tensor([-1]), -1, "num_classes must be positive|class -1"),
        (at.tensor([3]), 3, r"class 3 is not in 0 \.\. 2"),
        (at.zeros(0, dtype=at.int64), -1, "num_classes must be positive"),
    ]:
        with pytest.raises(RuntimeError, match=message):
            F.one_hot(wrong, classes)
