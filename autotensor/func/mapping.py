"""``vmap``: a function of one sample as a function of a batch."""

import functools

from autotensor.creation import default_generator
from autotensor.ops.joining import stack
from autotensor.ops.shape import select
from autotensor.pytree import flatten, unflatten
from autotensor.tensor import Tensor


def vmap(func, in_dims=0, out_dims=0, randomness="error", *, chunk_size=None):
    """A function that calls ``func`` on each sample of a batch and stacks what it returns.

    It loops: right for every operation, for control flow that depends on values, and in any nesting
    with derivatives, at the cost of one call of ``func`` for each sample. Where the batch is large
    and the operations small, write the function for whole batches.

    ``in_dims`` names the batch dimension of each argument, None for one that all samples share; an
    int, or a tuple nested as the arguments (an int stands for all below it); all samples share
    keyword arguments. ``out_dims`` says where the results are stacked, None for one that is the
    same for all samples. ``randomness``: random numbers from the default generator are
    an "error", "different" for each sample, or the "same" for all. ``chunk_size`` is accepted and
    changes nothing.
    """
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(
            f"vmap: randomness is 'error', 'different' or 'same', not {randomness!r}"
        )
    if chunk_size is not None and chunk_size < 1:
        raise ValueError(f"vmap: chunk_size should be None or greater than 0, got {chunk_size}")
    if not isinstance(in_dims, (int, tuple)):
        raise ValueError(f"vmap: in_dims is an int or a tuple, got {type(in_dims).__name__}")

    @functools.wraps(func)
    def call(*args, **kwargs):
        leaves, skeleton = flatten(args)
        dims = _spread(in_dims, args, "in_dims")
        results = []
        draws = _Draws(randomness)
        for number in range(_batch_size(leaves, dims)):
            pairs = zip(leaves, dims, strict=True)
            sample = [x if dim is None else select(x, dim, number) for x, dim in pairs]
            results.append(draws.call(func, unflatten(skeleton, sample), kwargs))
        return _joined(results, out_dims)

    return call


class _Draws:
    """What calls for one sample after the other may do with the default generator."""

    def __init__(self, randomness):
        self.randomness = randomness
        self.state = default_generator.get_state()

    def call(self, func, args, kwargs):
        """``func(*args, **kwargs)``."""
        if self.randomness == "same":
            default_generator.set_state(self.state)
        result = func(*args, **kwargs)
        if self.randomness == "error" and default_generator.get_state() != self.state:
            raise RuntimeError(
                "vmap: the function draws random numbers: say randomness='same' or 'different', "
                "or draw them outside and pass them in"
            )
        return result


def _spread(dims, tree, name):
    """One dimension (or None) for each leaf of ``tree``, of a tree of dimensions."""
    if dims is None or isinstance(dims, int):
        return [dims] * len(flatten(tree)[0])
    if isinstance(dims, dict) and isinstance(tree, dict) and dims.keys() == tree.keys():
        return [d for key, part in tree.items() for d in _spread(dims[key], part, name)]
    sequences = isinstance(dims, (tuple, list)) and isinstance(tree, (tuple, list))
    if not sequences or len(dims) != len(tree):
        raise ValueError(
            f"vmap: {name} {dims!r} does not fit what it is for, arranged as {flatten(tree)[1]}"
        )
    return [d for dim, part in zip(dims, tree, strict=True) for d in _spread(dim, part, name)]


def _batch_size(leaves, dims):
    sizes = set()
    for x, dim in zip(leaves, dims, strict=True):
        if dim is None:
            continue
        if not isinstance(x, Tensor):
            raise ValueError(
                f"vmap: in_dim {dim} is for a {type(x).__name__}, which has no dimensions: use None"
            )
        if not -x.ndim <= dim < x.ndim:
            raise ValueError(f"vmap: in_dim {dim} is out of range for a tensor of shape {x.shape}")
        sizes.add(x.shape[dim])
    if not sizes:
        raise ValueError("vmap: at least one argument has to be mapped over")
    if len(sizes) > 1:
        raise ValueError(f"vmap: sizes of the mapped dimensions differ: {sorted(sizes)}")
    if sizes == {0}:
        raise ValueError("vmap: a batch of no samples; what it would return is not known")
    return sizes.pop()


def _joined(results, out_dims):
    """The results of all samples, stacked leaf by leaf."""
    skeleton = flatten(results[0])[1]
    dims = _spread(out_dims, results[0], "out_dims")
    samples = []
    for result in results:
        leaves, found = flatten(result)
        if found != skeleton:
            raise ValueError(f"vmap: samples return results arranged as {skeleton} and {found}")
        samples.append(leaves)
    columns = zip(*samples, strict=True)
    return unflatten(skeleton, [_stacked(c, d) for c, d in zip(columns, dims, strict=True)])


def _stacked(values, dim):
    if dim is None:
        if any(not _same(values[0], value) for value in values[1:]):
            raise ValueError("vmap: out_dims is None for a result that differs between samples")
        return values[0]
    for value in values:
        if not isinstance(value, Tensor):
            raise ValueError(
                f"vmap: the function must return Tensors, got {type(value).__name__}; with "
                f"out_dims=None for it, it may return what is the same for all samples"
            )
    return stack(values, dim)


def _same(x, y):
    if isinstance(x, Tensor) and isinstance(y, Tensor):
        return x.shape == y.shape and x.dtype == y.dtype and x.array.tobytes() == y.array.tobytes()
    return type(x) is type(y) and x == y
