"""The tensors that programs are about: made in NumPy from a seed, the same for both libraries."""

import numpy as np


def _floats(random):
    """Float arrays by name, drawn so that few functions meet the edge of their domain."""

    def draw(*shape, low=-2.0, high=2.0):
        return random.uniform(low, high, shape)

    return {
        "a": draw(3, 4),
        "b": draw(3, 4),
        "c": draw(4),
        "s": draw(),
        "m": draw(4, 5),
        "v": draw(5),
        "w": draw(4),
        "positive": draw(3, 4, low=0.3, high=3.0),
        "unit": draw(3, 4, low=0.1, high=0.9),
        "square": draw(4, 4),
        "cube": draw(2, 3, 4),
        "stacked": draw(2, 4, 5),
        "row": draw(1, 4),
        "column": draw(3, 1),
        "empty": draw(0, 3),
        "sequence": draw(2, 4, 9),
        "image": draw(2, 4, 6, 7),
        "kernel": draw(6, 4, 3, 3),
        "kernel1": draw(6, 4, 3),
        "bias": draw(6),
        "channel": draw(4, low=0.5, high=1.5),
    }


def _constants(random):
    """Arrays that need no gradient: integers, truth values, floats with NaN and ties."""
    special = np.array([[1.0, np.nan, np.inf], [-np.inf, 0.0, 1.0]])
    ties = np.array([[1.0, 2.0, 2.0, 0.0], [3.0, 3.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0]])
    return {
        "special": special,
        "ties": ties,
        "i": random.integers(-5, 6, (3, 4)),
        "j": np.array([[1, -2, 3, -4], [5, -1, 2, 7], [-3, 4, -6, 2]]),
        "n": np.array([3, 1, 2, 3, 1, 5]),
        "byte": np.array([[1, 200, 3], [250, 5, 6]], np.uint8),
        "int32": np.array([[1, -2, 3], [4, 5, -6]], np.int32),
        "index": np.array([2, 0, 2]),
        "index2": np.array([[0, 2, 1, 0], [1, 1, 0, 2]]),
        "mask": np.array([[1, 0, 1, 1], [0, 0, 0, 0], [1, 1, 0, 0]], bool),
        "rows": np.array([True, False, True]),
        "classes": np.array([1, 3, 0]),
        "signs": np.array([1, -1, 1]),
    }


def inputs(library, floating):
    """All of them as tensors of ``library``, the floats as leaves of dtype ``floating``."""
    random = np.random.default_rng(2024)
    leaves = {
        name: library.tensor(array.astype(floating)).requires_grad_()
        for name, array in _floats(random).items()
    }
    constants = {
        name: library.tensor(array.astype(floating) if array.dtype == np.float64 else array)
        for name, array in _constants(random).items()
    }
    return leaves, constants
