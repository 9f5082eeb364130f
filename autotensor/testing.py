"""Checks of gradients against differences, and of closeness: for one's own operations, too."""

import numpy as np

from autotensor.tensor import Tensor, grad, history

__all__ = ["assert_close", "gradcheck", "gradgradcheck"]


def assert_close(actual, expected, *, rtol=None, atol=None, equal_nan=False):
    """Raise AssertionError unless shapes and dtypes are equal and all elements close.

    Without tolerances they follow the dtype: 1.3e-6 and 1e-5 for float32, 1e-7 for float64, exact
    for integers.
    """
    a, b = (np.asarray(x.array if isinstance(x, Tensor) else x) for x in (actual, expected))
    if a.shape != b.shape:
        raise AssertionError(f"shapes differ: {a.shape} and {b.shape}")
    if isinstance(actual, Tensor) and isinstance(expected, Tensor) and a.dtype != b.dtype:
        raise AssertionError(f"dtypes differ: {a.dtype} and {b.dtype}")
    narrow = {"float16": (1e-3, 1e-5), "float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7)}
    usual = narrow.get(str(a.dtype), (0, 0))
    rtol, atol = (
        u if given is None else given for u, given in zip(usual, (rtol, atol), strict=True)
    )
    np.testing.assert_allclose(a, b, rtol, atol, equal_nan=equal_nan)


def gradcheck(
    func, inputs, *, eps=1e-6, atol=1e-5, rtol=1e-3, raise_exception=True, fast_mode=False, seed=0
):
    """Compare the gradients of ``func(*inputs)`` with central differences; True if they agree.

    The outputs are projected on random weights. Each element of the float64 inputs that require
    gradients is moved by ``eps``; with ``fast_mode`` all of them at once in a few random
    directions. AssertionError (or False without ``raise_exception``) says where they differ.
    """
    inputs = tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
    wanted = [x for x in inputs if isinstance(x, Tensor) and x.requires_grad]
    if not wanted or any(x.dtype != np.float64 for x in wanted):
        raise ValueError("gradcheck: give float64 tensors, one at least with requires_grad=True")
    random = np.random.default_rng(seed)
    outputs = _tensors(func(*inputs))
    weights = [Tensor(random.standard_normal(y.shape)) for y in outputs]
    analytic = grad(outputs, wanted, weights, allow_unused=True, materialize_grads=True)

    def projected():
        values = _tensors(func(*inputs))
        return sum(float((w.array * y.array).sum()) for w, y in zip(weights, values, strict=True))

    for number, (x, g) in enumerate(zip(wanted, analytic, strict=True)):
        for direction in _directions(x.shape, random, fast_mode):
            numeric = _slope(projected, x, direction, eps)
            expected = float((g.array * direction).sum())
            if not abs(numeric - expected) <= atol + rtol * abs(numeric):  # NaN fails, too
                if not raise_exception:
                    return False
                place = (
                    "" if fast_mode else f" at {tuple(int(i) for i in np.argwhere(direction)[0])}"
                )
                raise AssertionError(
                    f"gradient of input {number}{place}: {expected:.8g} by backward, "
                    f"{numeric:.8g} by differences"
                )
    return True


def gradgradcheck(func, inputs, *, eps=1e-6, atol=1e-5, rtol=1e-3, fast_mode=False, seed=0):
    """Like `gradcheck` for the gradients of ``func``: with respect to inputs and output weights."""
    inputs = tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
    random = np.random.default_rng(seed + 1)
    outputs = _tensors(func(*inputs))
    weights = [Tensor(random.standard_normal(y.shape)).requires_grad_() for y in outputs]

    def gradients(*arguments):
        values, start = arguments[: len(inputs)], arguments[len(inputs) :]
        wanted = [x for x in values if isinstance(x, Tensor) and x.requires_grad]
        found = grad(_tensors(func(*values)), wanted, start, create_graph=True, allow_unused=True)
        return [g for g in found if g is not None and g.requires_grad]

    return gradcheck(
        gradients,
        (*inputs, *weights),
        eps=eps,
        atol=atol,
        rtol=rtol,
        fast_mode=fast_mode,
        seed=seed,
    )


def _tensors(outputs):
    """The outputs that gradients flow to, of one tensor or a sequence."""
    outputs = outputs if isinstance(outputs, (tuple, list)) else (outputs,)
    found = [y for y in outputs if isinstance(y, Tensor) and history(y) is not None]
    if not found and outputs:
        raise ValueError("gradcheck: no output of the function requires a gradient")
    return found


def _directions(shape, random, fast_mode):
    if fast_mode:
        for _ in range(4):
            yield random.standard_normal(shape)
        return
    for index in np.ndindex(shape):
        direction = np.zeros(shape)
        direction[index] = 1
        yield direction


def _slope(function, x, direction, eps):
    """The derivative of ``function()`` along ``direction`` of ``x``, whose memory is restored."""
    before = x.array.copy()
    try:
        x.array[...] = before + eps * direction
        above = function()
        x.array[...] = before - eps * direction
        return (above - function()) / (2 * eps)
    finally:
        x.array[...] = before
