"""One program, two libraries: run it against autotensor and against PyTorch, compare what it gives.

A program is Python source; its last expression is its result. It sees the library as ``t``, the
usual modules ``nn``, ``F``, ``optim`` and ``data``, and the tensors of `inputs`. Compared are
values, shapes, dtypes, types of containers, ``requires_grad`` and ``is_leaf``; where a result
requires gradients, also gradients for all leaves and gradients of these; where it raises, the class
of the error.
"""

import ast
import warnings
from typing import NamedTuple

import numpy as np
import pytest

import autotensor
from parity.differences import DIFFERENCES
from parity.inputs import inputs

torch = pytest.importorskip("torch", reason="PyTorch is not installed: nothing to compare with")

TOLERANCE = {"float16": (2e-2, 2e-3), "float32": (2e-4, 2e-5), "float64": (1e-9, 1e-11)}


class Outcome(NamedTuple):
    """What a program gave: a result and what its gradients were, or the error it raised."""

    result: object = None
    gradients: object = None
    error: BaseException | None = None


def compiled(source):
    """The source as two code objects: all but the last expression, and that."""
    tree = ast.parse(source.strip())
    *before, last = tree.body
    body = compile(ast.Module(before, []), source, "exec")
    return body, compile(ast.Expression(last.value), source, "eval")


def run(source, library, floating):
    """The `Outcome` of a program; the error of a program that raises is part of it."""
    leaves, constants = inputs(library, floating)
    library.manual_seed(0)
    scope = {
        **leaves,
        **constants,
        "t": library,
        "nn": library.nn,
        "F": library.nn.functional,
        "optim": library.optim,
        "data": library.utils.data,
        "np": np,
        "filled": lambda module: filled(module, library, floating),
    }
    body, value = compiled(source)
    try:
        exec(body, scope)
        result = eval(value, scope)
    except Exception as error:
        return Outcome(error=error.with_traceback(None))
    return Outcome(described(result), gradients(result, leaves, library))


def filled(module, library, floating):
    """A module with parameters that do not depend on a library's random numbers, in the dtype."""
    random = np.random.default_rng(7)
    module = module.to(getattr(library, floating))
    with library.no_grad():
        for p in module.parameters():
            p.copy_(library.tensor(random.uniform(-0.7, 0.7, tuple(p.shape))))
    return module


def described(result):
    """The result without the library: arrays with what is known about the tensors."""
    if isinstance(result, (torch.Tensor, autotensor.Tensor)):
        array = np.asarray(result.detach().numpy(force=True))
        return {
            "shape": tuple(result.shape),
            "dtype": str(array.dtype),
            "requires_grad": result.requires_grad,
            "is_leaf": result.is_leaf,
            "array": array.copy(),
        }
    if isinstance(result, (tuple, list)) and not isinstance(result, torch.Size):
        kind = "list" if isinstance(result, list) else "tuple"
        names = None if type(result) in (tuple, list) else getattr(result, "__match_args__", None)
        return (kind, names or None, [described(x) for x in result])
    if isinstance(result, torch.Size):
        return ("tuple", None, list(result))
    if isinstance(result, dict):
        return ("dict", None, [(name, described(x)) for name, x in result.items()])
    if isinstance(result, (torch.dtype, np.dtype)):
        return str(result).removeprefix("torch.")
    return result


def tensors_in(result):
    """All tensors that require gradients, in order."""
    if isinstance(result, (torch.Tensor, autotensor.Tensor)):
        if result.requires_grad and result.numel() and str(result.dtype).find("float") >= 0:
            yield result
    elif isinstance(result, (tuple, list)):
        for x in result:
            yield from tensors_in(x)
    elif isinstance(result, dict):
        yield from tensors_in(list(result.values()))


def weighed(tensors, library):
    """The sum of all elements, each weighed by a number of its own."""
    total = 0
    for x in tensors:
        weight = np.cos(np.arange(x.numel()) + 0.5).reshape(tuple(x.shape))
        total = total + (x * library.tensor(weight).to(x.dtype)).sum()
    return total


def gradients(result, leaves, library):
    """Gradients for all leaves, and gradients of these; or the error on the way there."""
    found = list(tensors_in(result))
    if not found:
        return None
    names, wanted = list(leaves), list(leaves.values())
    try:
        first = library.autograd.grad(
            weighed(found, library), wanted, create_graph=True, allow_unused=True
        )
    except Exception as error:
        return type(error)
    steep = list(tensors_in([g for g in first if g is not None]))
    second = [None] * len(wanted)
    if steep:
        try:
            second = library.autograd.grad(weighed(steep, library), wanted, allow_unused=True)
        except RuntimeError as error:
            if "is not implemented" not in str(error):
                raise
            second = "not implemented"
    return named(names, first), second if second == "not implemented" else named(names, second)


def named(names, found):
    """Arrays by name; a gradient that is zero everywhere is no gradient."""
    arrays = {
        n: g.detach().numpy(force=True) for n, g in zip(names, found, strict=True) if g is not None
    }
    return {name: array for name, array in arrays.items() if np.any(array)}


def outcomes(source, floating):
    """The outcomes of a program in PyTorch and here. NumPy's warnings here are errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = run(source, torch, floating)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", UserWarning)
        ours = run(source, autotensor, floating)
    return ours, theirs


def compare(source, floating="float64"):
    """Raise AssertionError, saying what differs, unless the program does the same in both."""
    ours, theirs = outcomes(source, floating)
    if theirs.error is not None:
        wanted = type(theirs.error)
        assert ours.error is not None, f"PyTorch raises {wanted.__name__}: {theirs.error}"
        assert isinstance(ours.error, wanted), f"{ours.error!r} instead of {theirs.error!r}"
        return
    assert ours.error is None, f"raises {ours.error!r}"
    same(ours.result, theirs.result, TOLERANCE[floating])
    if isinstance(theirs.gradients, type):
        assert ours.gradients is theirs.gradients, f"{ours.gradients} not {theirs.gradients}"
        return
    assert not isinstance(ours.gradients, type), f"backward raises {ours.gradients}"
    for number, order in enumerate(("gradient", "second gradient")):
        if theirs.gradients is not None and theirs.gradients[number] != "not implemented":
            same_gradients(ours.gradients[number], theirs.gradients[number], floating, order)


def same_gradients(ours, theirs, floating, order):
    """Compare two dicts of gradients."""
    rtol, atol = TOLERANCE[floating]
    for name in ours.keys() | theirs.keys():
        mine, other = ours.get(name, 0), theirs.get(name, 0)
        message = f"{order} of {name}"
        np.testing.assert_allclose(mine, other, 10 * rtol, 10 * atol, err_msg=message)


def same(ours, theirs, tolerance):
    """Compare two described results."""
    if isinstance(theirs, dict):
        assert isinstance(ours, dict), f"{ours!r} instead of a tensor"
        for what in ("shape", "dtype", "requires_grad", "is_leaf"):
            assert ours[what] == theirs[what], f"{what} {ours[what]} instead of {theirs[what]}"
        rtol, atol = TOLERANCE.get(theirs["dtype"], tolerance)
        np.testing.assert_allclose(ours["array"], theirs["array"], rtol, atol)
    elif isinstance(theirs, tuple) and len(theirs) == 3:
        assert isinstance(ours, tuple) and ours[:2] == theirs[:2], f"{ours} instead of {theirs}"
        assert len(ours[2]) == len(theirs[2]), f"{len(ours[2])} instead of {len(theirs[2])}"
        for mine, other in zip(ours[2], theirs[2], strict=True):
            if isinstance(other, tuple) and len(other) == 2:  # an entry of a dict
                assert mine[0] == other[0], f"key {mine[0]!r} instead of {other[0]!r}"
                mine, other = mine[1], other[1]
            same(mine, other, tolerance)
    elif isinstance(theirs, float):
        assert type(ours) is float, f"{type(ours)} instead of float"
        assert ours == pytest.approx(theirs, rel=tolerance[0], abs=tolerance[1], nan_ok=True)
    else:
        assert type(ours) is type(theirs) and ours == theirs, f"{ours!r} instead of {theirs!r}"


def programs(text):
    """The programs of a table: one a line, with the indented lines that follow it."""
    found = []
    for line in text.strip("\n").splitlines():
        if line.startswith(" "):
            found[-1] += "\n" + line.removeprefix("  ")
        else:
            found.append(line)
    return found


def table(text):
    """A test function that compares each program of a table, in single and double precision.

    Those that differ on purpose are left to test_differences.py.
    """

    @pytest.mark.parametrize("floating", ["float32", "float64"])
    @pytest.mark.parametrize("source", [p for p in programs(text) if p not in DIFFERENCES])
    def test(source, floating):
        compare(source, floating)

    return test
