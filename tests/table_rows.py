"""The rows of all tables, and what tests do with a row: draw its inputs, call it, differentiate."""

import zlib

import numpy as np
import pytest
from table import TABLE as BASE
from table import draws, filled, wrapped
from table_functions import FUNCTION_ROWS
from table_methods import METHODS
from table_networks import NETWORKS

from autotensor.gradients import grad
from autotensor.tensor import Tensor

TABLE = [*BASE, *FUNCTION_ROWS, *METHODS, *NETWORKS]
every = pytest.mark.parametrize("row", TABLE, ids=[r.name for r in TABLE])


def rows(wanted):
    chosen = [row for row in TABLE if wanted(row)]
    return pytest.mark.parametrize("row", chosen, ids=[row.name for row in chosen])


differentiable = rows(lambda row: row.differentiable)


def sample(row, shapes=None, dtype=np.float64):
    """Arrays for the draws of a row."""
    random = np.random.default_rng(zlib.crc32(row.name.encode()))
    wanted = list(draws(row.args))
    shapes = [d.shape for d in wanted] if shapes is None else shapes
    return [
        np.asarray(random.uniform(d.low, d.high, shape)).astype(dtype)
        for d, shape in zip(wanted, shapes, strict=True)
    ]


def run(row, tensors):
    """The outputs of the operation that are tensors."""
    tensors = list(tensors)
    constants = wrapped(row.args, tensors[0].dtype if tensors else np.float64)
    return outputs(row.call(*filled(constants, iter(tensors)), **row.named))


def outputs(result):
    return [result] if isinstance(result, Tensor) else list(result)


def leaves(arrays):
    return [Tensor(array).requires_grad_() for array in arrays]


def tracked(results):
    return [y for y in results if y.requires_grad]


def assert_same(actual, expected, **tolerance):
    assert len(actual) == len(expected)
    for y, z in zip(actual, expected, strict=True):
        assert y.shape == z.shape and y.dtype == z.dtype
        np.testing.assert_allclose(y.array, z.array, **(tolerance or {"rtol": 1e-12}))


def gradients(row, tensors):
    """The outputs, and the gradients of their sum weighed by fixed numbers."""
    results = run(row, tensors)
    weights = [Tensor(np.cos(np.arange(y.array.size)).reshape(y.shape)) for y in tracked(results)]
    return results, grad(tracked(results), tensors, weights, materialize_grads=True)
