"""First and second derivatives along fixed directions, for comparison with others."""

import numpy as np
from table_rows import leaves, tracked

from autotensor.gradients import grad


def numbers(like, dtype, phase):
    """Fixed numbers of the shapes of tensors, as leaves."""
    arrays = [np.cos(phase + np.arange(y.array.size)).reshape(y.shape) for y in like]
    return leaves(np.asarray(a).astype(dtype) for a in arrays)


def orders(function, tensors):
    """Gradients by the tensors, and second ones by them and the weights of the outputs."""
    dtype = tensors[0].dtype
    results = tracked(function(*tensors))
    weights = numbers(results, dtype, 1)
    first = grad(results, tensors, weights, create_graph=True, materialize_grads=True)
    open_ones = tracked(first)
    if not open_ones:
        return first, []
    options = {"allow_unused": True, "materialize_grads": True}
    return first, grad(open_ones, [*tensors, *weights], numbers(open_ones, dtype, 2), **options)


def assert_close(found, expected, tolerance):
    """Arrays are equal up to a fraction of the largest element."""
    assert len(found) == len(expected)
    for g, h in zip(found, expected, strict=True):
        assert g.shape == h.shape
        scale = max(1.0, float(np.abs(h.array).max(initial=0)))
        np.testing.assert_allclose(g.array, h.array, rtol=0, atol=tolerance * scale)
