"""Element types: names, conversion, and promotion as PyTorch does it."""

import numpy as np
import pytest

import autotensor as at
from autotensor import dtypes

NAMES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]
PROMOTED = {  # torch.promote_types(row, column)
    "bool": "bool uint8 int8 int16 int32 int64 float16 float32 float64",
    "uint8": "uint8 uint8 int16 int16 int32 int64 float16 float32 float64",
    "int8": "int8 int16 int8 int16 int32 int64 float16 float32 float64",
    "int16": "int16 int16 int16 int16 int32 int64 float16 float32 float64",
    "int32": "int32 int32 int32 int32 int32 int64 float16 float32 float64",
    "int64": "int64 int64 int64 int64 int64 int64 float16 float32 float64",
    "float16": "float16 float16 float16 float16 float16 float16 float16 float32 float64",
    "float32": "float32 float32 float32 float32 float32 float32 float32 float32 float64",
    "float64": "float64 float64 float64 float64 float64 float64 float64 float64 float64",
}
WITH_NUMBERS = {  # (torch.ones(2, dtype=row) * number).dtype for True, 2 and 2.5
    "bool": "bool int64 float32",
    "uint8": "uint8 uint8 float32",
    "int8": "int8 int8 float32",
    "int16": "int16 int16 float32",
    "int32": "int32 int32 float32",
    "int64": "int64 int64 float32",
    "float16": "float16 float16 float16",
    "float32": "float32 float32 float32",
    "float64": "float64 float64 float64",
}
BY_FUNCTION = {  # the result for each of NAMES; "-" raises
    "exp": "float32 float32 float32 float32 float32 float32 float16 float32 float64",
    "sigmoid": "float32 float32 float32 float32 float32 float32 float16 float32 float64",
    "sum": "int64 int64 int64 int64 int64 int64 float16 float32 float64",
    "prod": "int64 int64 int64 int64 int64 int64 float16 float32 float64",
    "mean": "- - - - - - float16 float32 float64",
    "var": "- - - - - - float16 float32 float64",
    "square": "int64 uint8 int8 int16 int32 int64 float16 float32 float64",
    "neg": "- uint8 int8 int16 int32 int64 float16 float32 float64",
    "trunc": "bool uint8 int8 int16 int32 int64 float16 float32 float64",
    "isnan": "bool bool bool bool bool bool bool bool bool",
    "argmax": "int64 int64 int64 int64 int64 int64 int64 int64 int64",
}


def ones(name, *shape):
    return at.ones(*shape, dtype=name)


@pytest.mark.parametrize("a", NAMES)
def test_promotion_of_two_tensors(a):
    for b, expected in zip(NAMES, PROMOTED[a].split(), strict=True):
        assert at.promote_types(np.dtype(a), np.dtype(b)) == expected
        assert (ones(a, 2) * ones(b, 2)).dtype == expected
        assert (ones(a) * ones(b)).dtype == expected
        assert at.cat([ones(a, 2), ones(b, 2)]).dtype == expected


@pytest.mark.parametrize("a", NAMES)
def test_numbers_widen_only_to_another_category(a):
    for number, expected in zip((True, 2, 2.5), WITH_NUMBERS[a].split(), strict=True):
        for x in (ones(a, 2), ones(a)):
            assert (x * number).dtype == (number * x).dtype == expected


@pytest.mark.parametrize(
    "array, scalar, expected",
    [
        ("float32", "float64", "float32"),
        ("float64", "float32", "float64"),
        ("float16", "float32", "float16"),
        ("int32", "int64", "int32"),
        ("uint8", "int64", "uint8"),
        ("int32", "float64", "float64"),
        ("bool", "uint8", "uint8"),
        ("bool", "float64", "float64"),
    ],
)
def test_tensors_without_dimensions_widen_only_to_another_category(array, scalar, expected):
    assert (ones(array, 2) * ones(scalar)).dtype == expected
    assert (ones(scalar) * ones(array, 2)).dtype == expected


@pytest.mark.parametrize("name", BY_FUNCTION)
def test_results_of_functions(name):
    for dtype, expected in zip(NAMES, BY_FUNCTION[name].split(), strict=True):
        x = ones(dtype, 3)
        if expected == "-":
            with pytest.raises(RuntimeError, match=name):
                getattr(at, name)(x)
        else:
            assert getattr(at, name)(x).dtype == expected


def test_division_of_integers_is_float32():
    assert (at.tensor([1, 2]) / 2).dtype == at.float32
    assert (at.tensor([1, 2]) // 2).dtype == at.int64
    assert (at.tensor([1, 2]) ** 2).dtype == at.int64
    assert (at.tensor([1, 2]) ** 2.0).dtype == at.float32


def test_numpy_numbers_and_arrays_are_operands():
    x = at.ones(2)
    assert (x * np.float64(2)).dtype == (np.float64(2) * x).dtype == at.float32
    assert (x * np.ones(2)).dtype == (np.ones(2) * x).dtype == at.float64


def test_numbers_that_do_not_fit_are_named():
    with pytest.raises(RuntimeError, match="300 does not fit into uint8: convert"):
        at.ones(2, dtype=at.uint8) + 300


def test_names():
    assert dtypes.as_dtype(float) == at.float == at.float32
    assert dtypes.as_dtype(int) == at.long == at.int64
    assert dtypes.as_dtype(bool) == at.bool
    assert dtypes.as_dtype("float64") == dtypes.as_dtype(np.float64) == at.double
    assert at.half == at.float16 and at.short == at.int16 and at.int == at.int32
    with pytest.raises(TypeError, match="not a dtype: 'real'"):
        dtypes.as_dtype("real")
    with pytest.raises(TypeError, match="tensors hold numbers and truth values"):
        dtypes.as_dtype("U3")


def test_conversion():
    x = at.tensor([1.7, -1.7])
    assert x.float() is x and x.to(at.float32) is x and x.to("cpu") is x
    for name, expected in {
        "double": at.float64, "half": at.float16, "int": at.int32, "long": at.int64,
        "short": at.int16, "bool": at.bool,
    }.items():  # fmt: skip
        assert getattr(x, name)().dtype == x.to(expected).dtype == expected
    assert x.long().tolist() == [1, -1]
    assert x.type_as(at.zeros(1, dtype=at.float64)).dtype == at.float64
    assert x.to(at.zeros(1, dtype=at.int32)).dtype == at.int32
    copied = x.to(at.float32, copy=True)
    assert copied is not x and not np.shares_memory(copied.array, x.array)
    with pytest.raises(RuntimeError, match="device 'cuda' is not available"):
        x.to("cuda")


def test_conversion_at_the_limits_is_silent():
    assert at.tensor([float("nan"), 1e300], dtype=at.float64).float().isinf().tolist() == [
        False,
        True,
    ]
    at.tensor([float("nan")]).long()


def test_gradients_pass_between_floating_dtypes():
    x = at.ones(2, requires_grad=True)
    (x.double() * 3).sum().backward()
    assert x.grad.dtype == at.float32 and x.grad.tolist() == [3, 3]
