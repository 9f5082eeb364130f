"""Making tensors: from data, filled, in ranges, and at random from a seeded `Generator`."""

import operator

import numpy as np

from autotensor import devices, dtypes
from autotensor.memory import lend
from autotensor.tensor import Tensor

__all__ = [
    "Generator",
    "arange",
    "as_tensor",
    "asarray",
    "default_generator",
    "empty",
    "empty_like",
    "eye",
    "from_numpy",
    "full",
    "full_like",
    "initial_seed",
    "linspace",
    "logspace",
    "manual_seed",
    "normal",
    "ones",
    "ones_like",
    "rand",
    "rand_like",
    "randint",
    "randint_like",
    "randn",
    "randn_like",
    "randperm",
    "tensor",
    "zeros",
    "zeros_like",
]


def tensor(data, dtype=None, device=None, requires_grad=False):
    """A tensor with a copy of ``data``: a number, nested sequences, an array, or a tensor.

    Python floats become float32, ints int64; arrays and NumPy scalars keep their dtype.
    """
    return _finish(np.array(_as_array(data, dtype)), requires_grad, device)


def as_tensor(data, dtype=None, device=None):
    """``data`` as a tensor, without copying where it is a tensor or array of that dtype."""
    if isinstance(data, Tensor):
        return data if dtype is None else data.to(dtype)
    return _finish(lend(_as_array(data, dtype)), False, device)


asarray = as_tensor


def from_numpy(array):
    """A tensor on the memory of a NumPy array."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"from_numpy takes a NumPy array, not {type(array).__name__}: tensor(...)")
    return Tensor(lend(numeric(np.asarray(array))))


def _as_array(data, dtype):
    if isinstance(data, Tensor):
        data = data.array
    if isinstance(data, (np.ndarray, np.generic)):
        array = np.asarray(data)
        return numeric(array if dtype is None else array.astype(dtypes.as_dtype(dtype)))
    if isinstance(data, (list, tuple)):
        data = _without_tensors(data)
    try:
        array = np.asarray(data)
    except ValueError:
        raise ValueError(
            "expected nested sequences of equal lengths; pad the shorter ones"
        ) from None
    if dtype is not None:
        return numeric(array).astype(dtypes.as_dtype(dtype))
    if array.size == 0:
        return array.astype(dtypes.float32)
    first = data
    while isinstance(first, (list, tuple, range)):
        first = first[0]
    if isinstance(first, (np.ndarray, np.generic)):
        return numeric(array)
    narrow = {"f": dtypes.float32, "c": dtypes.complex64, "i": dtypes.int64, "u": dtypes.int64}
    return numeric(array).astype(narrow.get(array.dtype.kind, array.dtype), copy=False)


def _without_tensors(data):
    if isinstance(data, Tensor):
        return data.array
    return [_without_tensors(x) for x in data] if isinstance(data, (list, tuple)) else data


def numeric(array):
    """The array, if tensors can hold its elements."""
    if array.dtype.kind not in "biufc":
        raise TypeError(
            f"a tensor holds numbers or truth values, not {array.dtype} (as in the given data)"
        )
    return array


def _finish(array, requires_grad, device):
    devices.check(device, "making a tensor")
    made = Tensor(array)
    return made.requires_grad_() if requires_grad else made


def _size(size):
    """The sizes as a tuple of ints: given as ``f(2, 3)``, ``f((2, 3))`` or ``f(size=(2, 3))``."""
    if len(size) == 1 and isinstance(size[0], (tuple, list)):
        size = size[0]
    sizes = tuple(operator.index(n) for n in size)
    if any(n < 0 for n in sizes):
        raise RuntimeError(f"a size cannot be negative: {sizes}")
    return sizes


def _filler(fill, summary):
    def make(*size, dtype=None, requires_grad=False, device=None, **named):
        sizes = _size((named.pop("size"),) if "size" in named and not size else size)
        _no_more(named)
        array = fill(sizes, dtypes.as_dtype(float if dtype is None else dtype))
        return _finish(array, requires_grad, device)

    def make_like(input, dtype=None, requires_grad=False, device=None, memory_format=None):
        kind = input.dtype if dtype is None else dtypes.as_dtype(dtype)
        array = fill(input.shape, kind, input.array)
        return _finish(array, requires_grad, device)

    make.__doc__ = f"A tensor of the given sizes {summary}; float32 unless ``dtype`` is given."
    make_like.__doc__ = f"A tensor of the shape and dtype of ``input`` {summary}."
    return make, make_like


def _no_more(named):
    if named:
        raise TypeError(f"unexpected keyword argument {next(iter(named))!r}")


def _empty(shape, dtype, like=None):
    return np.empty(shape, dtype) if like is None else np.empty_like(like, dtype)


def _filled(value):
    def fill(shape, dtype, like=None):
        array = _empty(shape, dtype, like)
        array.fill(value)
        return array

    return fill


zeros, zeros_like = _filler(_filled(0), "filled with 0")
ones, ones_like = _filler(_filled(1), "filled with 1")
empty, empty_like = _filler(_empty, "with whatever values the memory holds")


def full(size, fill_value, dtype=None, requires_grad=False, device=None):
    """A tensor of ``size`` filled with a number; its dtype follows the number."""
    if not isinstance(size, (tuple, list)):
        raise TypeError(f"full: size is a tuple of ints, not {size!r}: full(({size!r},), ...)")
    size = _size((size,))
    value = fill_value.item() if isinstance(fill_value, Tensor) else fill_value
    kind = tensor(value).dtype if dtype is None else dtypes.as_dtype(dtype)
    return _finish(np.full(size, value, kind), requires_grad, device)


def full_like(input, fill_value, dtype=None, requires_grad=False, device=None):
    """A tensor of the shape and dtype of ``input`` filled with a number."""
    kind = input.dtype if dtype is None else dtypes.as_dtype(dtype)
    return _finish(np.full_like(input.array, fill_value, kind), requires_grad, device)


def arange(start, end=None, step=1, dtype=None, requires_grad=False, device=None):
    """The numbers from ``start`` (0 if only one is given) up to but not including ``end``."""
    start, end = (0, start) if end is None else (start, end)
    start, end, step = (x.item() if isinstance(x, Tensor) else x for x in (start, end, step))
    if step == 0 or (end - start) * step < 0:
        raise RuntimeError(f"arange({start}, {end}, {step}): step must lead from start to end")
    whole = all(isinstance(x, (int, np.integer)) for x in (start, end, step))
    kind = dtypes.DEFAULT[int if whole else float] if dtype is None else dtypes.as_dtype(dtype)
    return _finish(np.arange(start, end, step).astype(kind), requires_grad, device)


def linspace(start, end, steps, dtype=None, requires_grad=False, device=None):
    """``steps`` numbers from ``start`` to ``end``, both included, evenly spaced."""
    if steps < 0:
        raise RuntimeError(f"linspace: the number of steps must not be negative, got {steps}")
    kind = dtypes.float32 if dtype is None else dtypes.as_dtype(dtype)
    return _finish(np.linspace(start, end, steps).astype(kind), requires_grad, device)


def logspace(start, end, steps, base=10.0, dtype=None, requires_grad=False, device=None):
    """``base`` to the powers `linspace` gives."""
    powers = linspace(start, end, steps, dtypes.float64, device=device).array
    kind = dtypes.float32 if dtype is None else dtypes.as_dtype(dtype)
    return _finish((base**powers).astype(kind), requires_grad, device)


def eye(n, m=None, dtype=None, requires_grad=False, device=None):
    """The ``n`` x ``m`` matrix with ones on the diagonal."""
    kind = dtypes.float32 if dtype is None else dtypes.as_dtype(dtype)
    return _finish(np.eye(n, m, dtype=kind), requires_grad, device)


class Generator:
    """A source of random numbers with a seed; ``numpy`` is the NumPy generator behind it."""

    def __init__(self, device="cpu"):
        devices.check(device, "Generator")
        self.device = devices.CPU
        self.seed()

    def manual_seed(self, seed):
        """Start over from ``seed``, an integer; negative ones count from 2**64 downwards."""
        self._seed = operator.index(seed) % 2**64
        self.numpy = np.random.Generator(np.random.PCG64(self._seed))
        return self

    def seed(self):
        """Start over from a seed taken from the operating system; returns it."""
        self.manual_seed(np.random.SeedSequence().entropy % 2**63)
        return self._seed

    def initial_seed(self):
        """The seed in use."""
        return self._seed

    def get_state(self):
        """The state, to go back to with `set_state`."""
        return self.numpy.bit_generator.state

    def set_state(self, state):
        """Go on from a state got by `get_state`."""
        self.numpy.bit_generator.state = state
        return self


default_generator = Generator()


def manual_seed(seed):
    """Seed the generator that random functions use when given none."""
    return default_generator.manual_seed(seed)


def initial_seed():
    """The seed of the default generator."""
    return default_generator.initial_seed()


def _drawer(draw, summary):
    def make(*size, generator=None, dtype=None, requires_grad=False, device=None, **named):
        sizes = _size((named.pop("size"),) if "size" in named and not size else size)
        _no_more(named)
        array = draw(generator, sizes, dtypes.as_dtype(float if dtype is None else dtype))
        return _finish(array, requires_grad, device)

    def make_like(input, generator=None, dtype=None, requires_grad=False, device=None):
        kind = input.dtype if dtype is None else dtypes.as_dtype(dtype)
        array = draw(generator, input.shape, kind)
        return _finish(array, requires_grad, device)

    make.__doc__ = f"A tensor of the given sizes {summary}; float32 unless ``dtype`` is given."
    make_like.__doc__ = f"A tensor of the shape and dtype of ``input`` {summary}."
    return make, make_like


def _floats(method):
    def draw(generator, shape, dtype):
        source = getattr((generator or default_generator).numpy, method)
        if dtype.kind != "f":
            raise RuntimeError(
                f"random numbers of dtype {dtype} are not defined: use a float dtype"
            )
        exact = dtype in (dtypes.float32, dtypes.float64)
        drawn = np.asarray(source(size=shape, dtype=dtype if exact else dtypes.float32))
        return drawn if exact else drawn.astype(dtype)

    return draw


rand, rand_like = _drawer(_floats("random"), "drawn evenly from [0, 1)")
randn, randn_like = _drawer(_floats("standard_normal"), "drawn from the standard normal")


def randint(
    *bounds,
    low=0,
    high=None,
    size=None,
    generator=None,
    dtype=None,
    requires_grad=False,
    device=None,
):
    """``randint([low,] high, size)``: integers drawn evenly from ``low`` (0) to below ``high``."""
    if size is None and bounds:
        *bounds, size = bounds
    if len(bounds) == 2:
        low, high = bounds
    elif len(bounds) == 1:
        (high,) = bounds
    if size is None or high is None or low >= high:
        raise RuntimeError(
            f"randint([low,] high, size) draws from low <= n < high: got low {low}, high {high}, "
            f"size {size}"
        )
    source = (generator or default_generator).numpy
    kind = dtypes.int64 if dtype is None else dtypes.as_dtype(dtype)
    drawn = np.asarray(source.integers(low, high, size=_size((size,)))).astype(kind, copy=False)
    return _finish(drawn, requires_grad, device)


def randint_like(input, low, high=None, dtype=None, requires_grad=False, device=None):
    """`randint` in the shape and dtype of ``input``: ``randint_like(x, [low,] high)``."""
    low, high = (0, low) if high is None else (low, high)
    kind = input.dtype if dtype is None else dtype
    options = {"dtype": kind, "requires_grad": requires_grad, "device": device}
    return randint(low, high, input.shape, **options)


def randperm(n, generator=None, dtype=None, device=None):
    """The integers 0 .. n-1 in random order."""
    kind = dtypes.int64 if dtype is None else dtypes.as_dtype(dtype)
    drawn = (generator or default_generator).numpy.permutation(n).astype(kind, copy=False)
    return _finish(drawn, False, device)


def normal(mean, std, size=None, generator=None, dtype=None, requires_grad=False, device=None):
    """Normal numbers; ``mean`` and ``std`` are numbers (with ``size``) or tensors."""
    if size is None:
        shapes = [np.shape(x.array if isinstance(x, Tensor) else x) for x in (mean, std)]
        size = np.broadcast_shapes(*shapes)
    drawn = randn(size, generator=generator, dtype=dtype, device=device).array
    mean, std = (x.array if isinstance(x, Tensor) else x for x in (mean, std))
    return _finish((drawn * std + mean).astype(drawn.dtype, copy=False), requires_grad, device)
