"""Every operation of the table passes the same checks."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from table import Draw, draws, filled, wrapped
from table_rows import (
    TABLE,
    assert_same,
    differentiable,
    every,
    gradients,
    leaves,
    outputs,
    rows,
    run,
    sample,
    tracked,
)

import autotensor as at
from autotensor.checkpoint import checkpoint
from autotensor.func import jvp, vjp
from autotensor.gradients import grad
from autotensor.memory import _arrays, _cells, owner
from autotensor.tensor import Tensor
from autotensor.testing import gradcheck, gradgradcheck
from autotensor.testing.strategies import LAYOUTS, broadcastable, laid_out

pytestmark = pytest.mark.filterwarnings("ignore:kl_div")  # of its mean, which divides too much


def is_plain(result):
    return isinstance(result, (bool, np.bool_, int, np.dtype))


@rows(lambda row: row.reference is not None)
def test_value_is_that_of_numpy(row):
    arrays = sample(row)
    expected = row.reference(*filled(row.args, iter(arrays)), **row.named)
    result = row.call(*filled(wrapped(row.args), iter(map(Tensor, arrays))), **row.named)
    if is_plain(result):
        assert result == expected
        return
    expected = expected if isinstance(expected, (tuple, list)) else [expected]
    assert len(outputs(result)) == len(expected)
    for y, z in zip(outputs(result), map(np.asarray, expected), strict=True):
        assert y.shape == z.shape and y.dtype == z.dtype
        np.testing.assert_allclose(y.array, z, rtol=1e-12, atol=1e-12)


@differentiable
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_dtype_is_kept(row, dtype):
    tensors = leaves(sample(row, dtype=dtype))
    results = run(row, tensors)
    assert {y.dtype for y in tracked(results)} == {np.dtype(dtype)}
    assert {g.dtype for g in grad(tracked(results), tensors, results_like(results))} == {
        np.dtype(dtype)
    }


def results_like(results):
    return [Tensor(np.ones_like(y.array)) for y in tracked(results)]


@differentiable
def test_float32_is_close_to_float64(row):
    exact = sample(row)
    narrow = [array.astype(np.float32) for array in exact]
    wide, rounded = gradients(row, leaves(exact)), gradients(row, leaves(narrow))
    for y, z in zip([*wide[0], *wide[1]], [*rounded[0], *rounded[1]], strict=True):
        np.testing.assert_allclose(z.array, y.array, rtol=2e-4, atol=2e-5)


@differentiable
def test_gradient(row):
    gradcheck(lambda *tensors: run(row, tensors), leaves(sample(row)), fast_mode=True)


@differentiable
def test_gradient_of_the_gradient(row):
    gradgradcheck(lambda *tensors: run(row, tensors), leaves(sample(row)), fast_mode=True)


# dropout draws in the order of the memory, and not every memory has every view
@rows(
    lambda row: row.differentiable and row.name not in ("dropout", "Tensor.view", "Tensor.view_as")
)
def test_memory_layout_does_not_matter(row):
    arrays = sample(row)
    expected, slopes = gradients(row, leaves(arrays))
    for layout in LAYOUTS:
        others = leaves(laid_out(array, layout) for array in arrays)
        results, found = gradients(row, others)
        assert_same(results, expected, rtol=1e-12, atol=1e-12)
        assert_same(found, slopes, rtol=1e-12, atol=1e-12)


@rows(lambda row: row.elementwise and len(list(draws(row.args))) > 1)
@given(shapes=broadcastable(3))
def test_broadcasting(row, shapes):
    arrays = sample(row, shapes[: len(list(draws(row.args)))])
    results = run(row, leaves(arrays))
    expected = row.reference(*arrays, **row.named)
    assert results[0].shape == np.shape(expected)
    np.testing.assert_allclose(results[0].array, expected, rtol=1e-12)
    if row.differentiable:
        found = gradients(row, leaves(arrays))[1]
        assert [g.shape for g in found] == [array.shape for array in arrays]
        if results[0].array.size:
            gradcheck(lambda *tensors: run(row, tensors), leaves(arrays), fast_mode=True)


@rows(lambda row: row.empty is not None and any(True for _ in draws(row.args)))
def test_zero_size(row):
    given = list(draws(row.args))
    shapes = [row.empty if row.elementwise or i == 0 else d.shape for i, d in enumerate(given)]
    arrays = sample(row, shapes)
    result = row.call(*filled(wrapped(row.args), iter(leaves(arrays))), **row.named)
    if is_plain(result):
        return
    if row.reference is not None:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = row.reference(*filled(row.args, iter(arrays)), **row.named)
        expected = expected if isinstance(expected, (tuple, list)) else [expected]
        for y, z in zip(outputs(result), expected, strict=True):
            np.testing.assert_array_equal(y.array, z)
    if row.differentiable:
        found = gradients(row, leaves(arrays))[1]
        assert [g.shape for g in found] == [tuple(shape) for shape in shapes]


@every
def test_inputs_are_not_mutated(row):
    arrays = sample(row)
    before = [array.copy() for array in arrays]
    constants = [arg.copy() for arg in row.args if isinstance(arg, np.ndarray)]
    if row.differentiable:
        gradients(row, leaves(arrays))
    else:
        row.call(*filled(wrapped(row.args), iter(leaves(arrays))), **row.named)
    for array, copy in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, copy)
    kept = [arg for arg in row.args if isinstance(arg, np.ndarray)]
    for array, copy in zip(kept, constants, strict=True):
        np.testing.assert_array_equal(array, copy)


@differentiable
@pytest.mark.parametrize("create_graph", [False, True])
def test_gradients_share_no_memory(row, create_graph):
    tensors = leaves(sample(row))
    results = tracked(run(row, tensors))
    weights = leaves(np.ones_like(y.array) for y in results)
    found = grad(results, tensors, weights, create_graph=create_graph)
    others = [*tensors, *weights, *results]
    for i, g in enumerate(found):
        for other in [*found[:i], *others]:
            assert not np.shares_memory(g.array, other.array)


@differentiable
def test_forward_derivatives_are_dual_to_gradients(row):
    """<u, J v> = <u J, v>: what `jvp` gives, for every rule, is its own transpose."""
    arrays = sample(row)
    random = np.random.default_rng(1)
    tangents = tuple(Tensor(random.standard_normal(array.shape)) for array in arrays)

    def f(*tensors):
        return [y for y in run(row, tensors) if y.dtype.kind == "f"]

    values, along = jvp(f, tuple(map(Tensor, arrays)), tangents)
    weights = [Tensor(random.standard_normal(y.shape)) for y in values]
    _, pull = vjp(f, *map(Tensor, arrays))
    products = zip([*along, *tangents], [*weights, *pull(weights)], strict=True)
    terms = [float((a.array * b.array).sum()) for a, b in products]
    forward, backward = sum(terms[: len(along)]), sum(terms[len(along) :])
    np.testing.assert_allclose(forward, backward, rtol=1e-9, atol=1e-9)


@differentiable
def test_checkpoints_have_the_same_bits(row):
    found = []
    for call in (run, lambda row, tensors: checkpoint(run, row, tensors)):
        at.manual_seed(0)
        tensors = leaves(sample(row))
        results = tracked(call(row, tensors))
        found.append([*results, *grad(results, tensors, results_like(results))])
    for plain, again in zip(*found, strict=True):
        np.testing.assert_array_equal(again.array, plain.array)


VIEWS = (
    *("tensor_split", "hsplit", "vsplit", "atleast_1d", "atleast_2d", "atleast_3d", "meshgrid"),
    "broadcast_tensors",
    *("reshape", "flatten", "unflatten", "permute", "transpose", "t", "movedim", "squeeze"),
    *("unsqueeze", "narrow", "select", "split", "chunk", "unbind", "identity"),
    *("diagonal", "unfold"),
    *("Tensor.expand", "Tensor.expand_as", "Tensor.view", "Tensor.view_as", "Tensor.reshape_as"),
    *("Tensor.T", "Tensor.mT", "Tensor.contiguous", "Tensor.__pos__"),
)


def is_view(row):
    basic = row.name == "Tensor.__getitem__" and not isinstance(row.args[1][0], np.ndarray)
    return row.name in VIEWS or basic


@rows(lambda row: any(True for _ in draws(row.args)))
def test_result_is_a_view_only_where_promised(row):
    tensors = leaves(sample(row))
    result = row.call(*filled(wrapped(row.args), iter(tensors)), **row.named)
    if not is_plain(result):
        shared = [any(np.shares_memory(y.array, x.array) for x in tensors) for y in outputs(result)]
        assert all(shared) if is_view(row) else not any(shared)


@rows(lambda row: row.differentiable and row.saves is not None)
def test_nothing_is_saved_that_no_rule_needs(row):
    for number, allowed in enumerate(row.saves):
        tensors = [Tensor(array) for array in sample(row)]
        tensors[number].requires_grad_()
        results = run(row, tensors)
        if allowed is None or "*" in allowed:
            continue
        known = dict(zip("xyz", tensors, strict=False)) | {"o": tracked(results)[0]}
        expected = {id(owner(known[letter].array)) for letter in allowed}
        for array in saved_by(tracked(results)[0].node):
            assert id(owner(array)) in expected, f"input {number}: an array of {array.shape}"


def saved_by(node):
    """The float arrays that the rules of ``node`` and of those before it keep alive."""
    stack, seen = [node], set()
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        values = [node.output, *(cell for _, rule, _ in node.edges for cell in _cells(rule))]
        yield from (a for a in _arrays(values) if a.dtype.kind == "f" and a.size > 1)
        stack.extend(parent for parent, _ in node.next_functions)


@rows(lambda row: hasattr(Tensor, row.name) and row.args and isinstance(row.args[0], Draw))
def test_method_is_the_function(row):
    arrays = sample(row)
    results = row.call(*filled(wrapped(row.args), iter(map(Tensor, arrays))), **row.named)
    first, *rest = filled(wrapped(row.args), iter(map(Tensor, arrays)))
    again = getattr(first, row.name)(*rest, **row.named)
    if is_plain(results):
        assert results == again
    else:
        assert_same(outputs(again), outputs(results))


@rows(lambda row: hasattr(Tensor, f"{row.name}_") and row.args and isinstance(row.args[0], Draw))
def test_in_place_form_is_the_function(row):
    arrays = sample(row)
    if not row.differentiable:
        expected = run(row, map(Tensor, arrays))
        first, *rest = filled(wrapped(row.args), iter(map(Tensor, arrays)))
        getattr(first, f"{row.name}_")(*rest, **row.named)
        np.testing.assert_array_equal(first.array, expected[0].array)
        return
    expected, slopes = gradients(row, leaves(arrays))
    if expected[0].shape != arrays[0].shape:
        pytest.skip("the result has another shape")
    tensors = leaves(arrays)
    copy = tensors[0].clone()
    first, *rest = filled(wrapped(row.args), iter([copy, *tensors[1:]]))
    again = getattr(first, f"{row.name}_")(*rest, **row.named)
    assert again is copy
    assert_same([again], expected)
    weights = Tensor(np.cos(np.arange(again.array.size)).reshape(again.shape))
    assert_same(grad(again, tensors, weights, materialize_grads=True), slopes)


FILLINGS = (
    *("bernoulli_", "cauchy_", "copy_", "exponential_", "fill_", "fill_diagonal_", "geometric_"),
    *("log_normal_", "normal_", "random_", "requires_grad_", "share_memory_", "uniform_", "zero_"),
)


def test_in_place_methods_are_those_of_functions():
    for name in dir(Tensor):
        if name.endswith("_") and not name.endswith("__"):
            assert hasattr(Tensor, name[:-1]) or name in FILLINGS


def test_wrong_operands_are_named():
    x = at.zeros(2, 3)
    for row in TABLE:
        if row.elementwise and len(list(draws(row.args))) == 2 and "__" not in row.name:
            with pytest.raises(RuntimeError, match=rf"^{row.name}:|do not broadcast"):
                row.call(x, at.zeros(4), **row.named)
            with pytest.raises(TypeError):
                row.call(x, "3", **row.named)
