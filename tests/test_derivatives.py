"""Every operation differentiates twice and three times, however it is called."""

import numpy as np
import pytest
from derivatives import assert_close, numbers, orders
from table import FUNCTIONS, Draw, draws
from table_networks import NETWORKS
from table_rows import TABLE, differentiable, leaves, rows, run, sample, tracked

import autotensor as at
from autotensor.gradients import grad
from autotensor.tensor import Tensor
from autotensor.testing import gradcheck, gradgradcheck
from autotensor.testing.strategies import laid_out

pytestmark = pytest.mark.filterwarnings("ignore:kl_div")  # of its mean, which divides too much
CASTS = "double", "float", "to", "type", "type_as"


def caller(row):
    return lambda *tensors: run(row, tensors)


@differentiable
def test_third_order(row):
    tensors = leaves(sample(row))
    weights = numbers(tracked(run(row, tensors)), np.float64, 1)

    def slopes(*arguments):
        inputs, starts = arguments[: len(tensors)], arguments[len(tensors) :]
        found = grad(tracked(run(row, inputs)), inputs, starts, create_graph=True)
        return [g for g in found if g.requires_grad]

    gradgradcheck(slopes, [*tensors, *weights], fast_mode=True)


@differentiable
def test_gradients_of_gaps_in_memory(row):
    for layout in ("spaced", "backwards"):
        if row.name in ("Tensor.view", "Tensor.view_as"):
            layout = "rows"
        tensors = leaves(laid_out(array, layout) for array in sample(row))
        function, options = caller(row), {"gen_non_contig_grad_outputs": True, "fast_mode": True}
        gradgradcheck(function, tensors, **options)


@differentiable
def test_fused_kernels_have_the_second_derivatives_of_the_formula(row, always_compiled):
    if row.name == "dropout" or row.name.startswith("dropout"):
        pytest.skip("draws other numbers")
    exact = sample(row)
    wide = orders(caller(row), leaves(exact))
    narrow = orders(caller(row), leaves(array.astype(np.float32) for array in exact))
    for found, expected in zip(narrow, wide, strict=True):
        assert {g.dtype for g in found} <= {np.dtype(np.float32)}
        assert_close(found, expected, 2e-4)


def equal_pair(row):
    """The places of two drawn tensors of one shape."""
    shapes = [d.shape for d in draws(row.args)]
    pairs = ((i, j) for j in range(len(shapes)) for i in range(j) if shapes[i] == shapes[j])
    return next(pairs, None)


@rows(lambda row: row.differentiable and equal_pair(row))
def test_an_input_that_is_used_twice_gets_both_gradients(row):
    i, j = equal_pair(row)
    arrays = sample(row)
    arrays[j] = arrays[i]
    together = leaves(array for n, array in enumerate(arrays) if n != j)

    def shared(*tensors):
        return run(row, [*tensors[:j], tensors[i], *tensors[j:]])

    def merged(gradients):
        gradients = list(gradients)
        if gradients:
            gradients[i] = gradients[i] + gradients.pop(j)
        return gradients

    expected = map(merged, orders(caller(row), leaves(map(np.array, arrays))))
    for found, sums in zip(orders(shared, together), expected, strict=True):
        assert_close(found, sums, 1e-10)


@rows(lambda row: row.differentiable and len(list(draws(row.args))) > 1)
def test_mixed_dtypes_are_right_or_refused(row):
    arrays = sample(row)
    for wide in range(len(arrays)):
        mixed = leaves(
            array if n == wide else array.astype(np.float32) for n, array in enumerate(arrays)
        )
        try:
            results = tracked(run(row, mixed))
        except RuntimeError as error:
            assert "float32" in str(error) and "float64" in str(error), error
            continue
        found = grad(results, mixed, numbers(results, np.float64, 1), materialize_grads=True)
        exact = leaves(arrays)
        expected = tracked(run(row, exact))
        expected = grad(expected, exact, numbers(expected, np.float64, 1), materialize_grads=True)
        assert [g.dtype for g in found] == [x.dtype for x in mixed]
        assert_close(found, expected, 2e-5)


def emptied(row):
    """Arguments with nothing in the batch: drawn tensors and arrays as long as the first."""
    count = next(draws(row.args)).shape[0]

    def empty(arg):
        if isinstance(arg, Draw) and arg.shape[0] == count:
            return arg._replace(shape=(0, *arg.shape[1:]))
        return arg[:0] if isinstance(arg, np.ndarray) and len(arg) == count else arg

    return row._replace(args=tuple(map(empty, row.args)))


def has_a_batch(row):
    """Whether the batch comes first: not in recurrent layers, and attention may have none."""
    others = ("lstm", "gru", "rnn", "scaled_dot_product_attention", "ctc_loss", "affine_grid")
    if row.name in others or all(row is not other for other in NETWORKS):
        return False
    return isinstance(row.args[0], Draw) and len(row.args[0].shape) > 1


@rows(has_a_batch)
def test_empty_batches_differentiate_twice(row):
    row = emptied(row)
    reduction = row.named.get("reduction", next((a for a in row.args if isinstance(a, str)), None))
    if reduction in ("mean", "batchmean"):
        with pytest.raises(ValueError, match="the batch is empty"):
            run(row, leaves(sample(row)))
        return
    tensors = leaves(sample(row))
    gradcheck(caller(row), tensors, fast_mode=True)
    gradgradcheck(caller(row), tensors, fast_mode=True)


@rows(lambda row: row.differentiable and row.empty is not None)
def test_what_is_empty_differentiates_twice(row):
    given = list(draws(row.args))
    shapes = [row.empty if row.elementwise or i == 0 else d.shape for i, d in enumerate(given)]
    tensors = leaves(sample(row, shapes))
    if all(np.isfinite(y.array).all() for y in run(row, tensors)):  # there is no mean of nothing
        gradgradcheck(caller(row), tensors, fast_mode=True)


@pytest.mark.parametrize("cast", CASTS)
def test_casts_pass_the_gradient_on(cast):
    wanted = {"to": (at.float32,), "type": (at.float64,), "type_as": (at.ones(1),)}.get(cast, ())
    x = at.tensor([0.5, 2.0], dtype=at.float64, requires_grad=True)
    (slope,) = at.grad((getattr(x, cast)(*wanted) ** 3).sum(), x, create_graph=True)
    (curvature,) = at.grad(slope.sum(), x)
    assert slope.dtype == curvature.dtype == at.float64
    assert slope.tolist() == [0.75, 12] and curvature.tolist() == [3, 12]


# Public names that are in no table, since nothing flows through them: what makes tensors, what asks
# about them, what sets modes, what the walk calls.
NO_OPERATIONS = """
    Generator Size Tensor arange as_tensor asarray can_cast detect_anomaly device empty empty_like
    enable_grad eye finfo from_numpy full full_like get_default_dtype get_num_threads get_precision
    grad graph iinfo import_module inference_mode initial_seed is_grad_enabled
    is_inference_mode_enabled linspace load logspace manual_seed memory_stats no_grad normal ones
    ones_like poisson profile promote_types rand rand_like randint randint_like randn randn_like
    randperm record release_memory save set_grad_enabled set_num_threads set_precision tensor
    vmap zeros zeros_like
"""
# Of matrices, complex numbers and sparse ones: checked in tests/ops/test_linalg.py, test_complex.py
# and test_sparse.py, since they are not for every dtype and any tensor.
CHECKED_ELSEWHERE = """
    angle cholesky complex conj det imag inverse logdet mH matrix_exp pinverse polar qr real
    slogdet sparse_coo_tensor spmm svd to_dense to_sparse vdot view_as_complex
    view_as_real
"""
NO_METHODS = """
    accumulate add_to array attach backward bernoulli_ bfloat16 bool byte cauchy_ char cpu cuda data
    data_ptr detach detach_ device dim dtype element_size exponential_ fill_ fit geometric_ grad
    grad_fn half int is_contiguous is_cpu is_cuda is_leaf is_sparse item itemsize log_normal_
    long made nbytes ndim ndimension nelement new_empty new_full new_ones new_tensor
    new_zeros node normal_ numpy origin own partial pin_memory random_ register_hook
    register_post_accumulate_grad_hook
    requires_grad requires_grad_ retain_grad retains_grad shape share_memory_ short size
    storage_offset stride sum_to tolist uniform_
"""
NO_OPERATORS = """
    __and__ __or__ __xor__ __rand__ __ror__ __rxor__ __iand__ __ior__ __ixor__ __invert__
    __lshift__ __rshift__ __rlshift__ __rrshift__ __ilshift__ __irshift__
    __floordiv__ __rfloordiv__ __ifloordiv__ __eq__ __ne__ __lt__ __le__ __gt__ __ge__ __array__
    __bool__ __complex__ __contains__ __deepcopy__ __float__ __format__ __hash__ __index__ __int__
    __iter__ __len__ __repr__ __str__ __reduce__ __reduce_ex__ __getattribute__ __setattr__
"""


def test_every_public_function_is_in_a_table():
    listed = {row.name for row in TABLE}
    assert FUNCTIONS.keys() - {*NO_OPERATIONS.split()} == listed, "add rows to the tables in tests/"
    known = {id(FUNCTIONS[name]) for name in listed}  # under this name or another
    public = {n for n in dir(at) if not n.startswith("_") and callable(getattr(at, n))}
    public -= set(at._NAMES["autotensor.torch.names"].split())  # older spellings, and stand-ins
    public = {n for n in public if id(getattr(at, n)) not in known}
    missing = public - listed - {*NO_OPERATIONS.split(), *CHECKED_ELSEWHERE.split()}
    assert missing == set(), "add rows to the tables in tests/"
    assert listed.isdisjoint(NO_OPERATIONS.split())


def test_every_method_is_in_a_table():
    listed = {row.name.removeprefix("Tensor.") for row in TABLE}
    checked = [getattr(Tensor, name) for name in listed if hasattr(Tensor, name)]

    def is_listed(name):
        """Under this name or another; an operation in place under that of the operation."""
        plain = name.removesuffix("_")
        same = getattr(Tensor, plain, None), getattr(Tensor, name)
        return plain in listed or any(a is b for a in same for b in checked)

    public = {name for name in dir(Tensor) if not name.startswith("_")}
    others = {*NO_METHODS.split(), *CHECKED_ELSEWHERE.split(), *CASTS}
    missing = {name for name in public - others if not is_listed(name)}
    assert missing == set(), "add rows to the tables in tests/"
    assert listed.isdisjoint({*NO_METHODS.split(), *CASTS})


def test_every_operator_is_in_a_table():
    own = {n for n in vars(Tensor) if n.startswith("__") and n not in vars(object)}
    arithmetic = {n for n in own if hasattr(np.ndarray, n) and callable(getattr(Tensor, n))}
    listed = {row.name.removeprefix("Tensor.") for row in TABLE}
    missing = arithmetic - listed - {*NO_OPERATORS.split()}
    assert missing == set(), "add rows to tests/table_methods.py"
