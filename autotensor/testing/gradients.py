"""Gradients against central differences: `gradcheck`, and `gradgradcheck` for their gradients.

The analytical Jacobian is made by backward passes, a row for each element of an output, the
numerical one by moving each element of an input. In fast mode both are multiplied by random vectors
from the left and from the right, for which a few passes suffice.
"""

from typing import NamedTuple

import numpy as np

from autotensor.gradients import grad
from autotensor.tensor import Tensor
from autotensor.testing.inputs import as_tuple, drawn_weights, put, wanted_among

_VECTORS = 2  # random ones on each side: an error hides from one with little chance, from both not


class GradcheckError(RuntimeError):
    """The gradients of a function are not what its values say, or not the same twice."""


def gradcheck(
    func,
    inputs,
    *,
    eps=1e-6,
    atol=1e-5,
    rtol=1e-3,
    raise_exception=True,
    nondet_tol=0.0,
    check_undefined_grad=True,
    fast_mode=False,
):
    """Compare the gradients of ``func(*inputs)`` with central differences; True if they agree.

    ``inputs`` is a tensor or a sequence; those that require gradients are moved by ``eps``, in
    place, and should be float64. Every element of the outputs is compared with respect to every
    element of the inputs, or with ``fast_mode`` a few random combinations of them. Values and
    gradients must be the same within ``nondet_tol`` when computed again, gradients vanish where
    those of the outputs do, and with ``check_undefined_grad`` an output without a gradient has to
    be taken for one whose gradient is zero. GradcheckError (or False without ``raise_exception``)
    says where what is wrong.
    """
    inputs = as_tuple(inputs)

    def outputs():
        found = _tensors(func(*inputs))
        return [y for y in found if y.requires_grad] or found

    tolerances = _Tolerances(eps, atol, rtol, nondet_tol)
    check = _Check(outputs, wanted_among(inputs), tolerances, check_undefined_grad)
    return check.run(fast_mode, raise_exception)


def gradgradcheck(
    func,
    inputs,
    grad_outputs=None,
    *,
    eps=1e-6,
    atol=1e-5,
    rtol=1e-3,
    gen_non_contig_grad_outputs=False,
    raise_exception=True,
    nondet_tol=0.0,
    check_undefined_grad=True,
    fast_mode=False,
):
    """Like `gradcheck` for the gradients of ``func``, by its inputs and by the outputs' weights.

    ``grad_outputs`` weighs the outputs; random numbers where None, with gaps between them in memory
    if ``gen_non_contig_grad_outputs``. A gradient that does not require a gradient must not depend
    on anything.
    """
    inputs = as_tuple(inputs)
    if grad_outputs is None:
        outputs = [y for y in _tensors(func(*inputs)) if y.requires_grad]
        grad_outputs = drawn_weights(outputs, gen_non_contig_grad_outputs)
    grad_outputs = as_tuple(grad_outputs)
    wanted = [x for x in inputs if isinstance(x, Tensor) and x.requires_grad]

    def gradients():
        outputs = [y for y in _tensors(func(*inputs)) if y.requires_grad]
        found = grad(outputs, wanted, grad_outputs, create_graph=True, allow_unused=True)
        return [g for g in found if g is not None]

    tolerances = _Tolerances(eps, atol, rtol, nondet_tol)
    check = _Check(
        gradients, wanted_among((*inputs, *grad_outputs)), tolerances, check_undefined_grad
    )
    return check.run(fast_mode, raise_exception)


class _Tolerances(NamedTuple):
    eps: float
    atol: float
    rtol: float
    nondet_tol: float


class _Check:
    """One comparison: of what a function of no arguments returns, with respect to ``inputs``.

    ``inputs`` is a dict of tensors by their numbers. An output without history is a constant.
    """

    def __init__(self, function, inputs, tolerances, check_undefined_grad):
        self.function = function
        self.inputs = inputs
        self.tolerances = tolerances
        self.check_undefined_grad = check_undefined_grad

    def run(self, fast_mode, raise_exception):
        """Make all comparisons; whether they hold."""
        try:
            outputs = self.function()
            self._check_again(outputs)
            self._check_jacobians(outputs, fast_mode)
            self._check_weights(outputs)
            if self.check_undefined_grad and len(outputs) > 1:
                self._check_undefined(outputs)
        except GradcheckError:
            if raise_exception:
                raise
            return False
        return True

    def _check_jacobians(self, outputs, fast_mode):
        left = [_vectors(y, fast_mode) for y in outputs]
        right = [_vectors(x, fast_mode) for x in self.inputs.values()]
        analytical = [self._rows(outputs, i, left[i]) for i in range(len(outputs))]
        for j, (number, x) in enumerate(self.inputs.items()):
            numerical = self._columns(outputs, x, right[j])
            for i, y in enumerate(outputs):
                ours, theirs = analytical[i][j], numerical[i]
                if fast_mode:
                    ours, theirs = ours @ right[j].T, left[i] @ theirs
                tolerances = self.tolerances
                if np.allclose(ours, theirs, tolerances.rtol, tolerances.atol):
                    continue
                if fast_mode:
                    self._check_jacobians(outputs, False)  # says which entry
                raise GradcheckError(_mismatch(i, y, number, x, ours, theirs, tolerances))

    def _rows(self, outputs, i, vectors):
        """The Jacobian of output ``i`` by each input, times ``vectors`` (k, size) from the left."""
        rows = [self._gradients(outputs, i, v) for v in vectors]
        sizes = [x.array.size for x in self.inputs.values()]
        return [
            np.array([row[j] for row in rows]).reshape(len(rows), n) for j, n in enumerate(sizes)
        ]

    def _gradients(self, outputs, i, weights, alone=False):
        """Flat gradients by all inputs for ``weights`` of output ``i``; for others 0, or none."""
        shares = [np.zeros(y.shape) for y in outputs]
        shares[i] = weights.reshape(outputs[i].shape)
        given = {
            n: Tensor(shares[n].astype(y.dtype))
            for n, y in enumerate(outputs)
            if y.requires_grad and (n == i or not alone)
        }
        inputs = list(self.inputs.values())
        if not given:
            return [np.zeros(x.array.size) for x in inputs]
        found = grad(
            *([outputs[n] for n in given], inputs, list(given.values())),
            retain_graph=True,
            materialize_grads=True,
        )
        return [g.array.ravel() for g in found]

    def _columns(self, outputs, x, vectors):
        """The Jacobian of each output by ``x``, times ``vectors`` (k, size) from the right."""
        shapes = [y.shape for y in outputs]
        slopes = [self._slopes(shapes, x, u.reshape(x.shape)) for u in vectors]
        sizes = [y.array.size for y in outputs]
        return [
            np.array([s[i].ravel() for s in slopes]).reshape(len(slopes), n).T
            for i, n in enumerate(sizes)
        ]

    def _slopes(self, shapes, x, direction):
        """The derivatives of the outputs along ``direction`` of ``x``, whose memory is restored."""
        before, step = x.array.copy(), self.tolerances.eps * direction
        try:
            above = self._values_at(shapes, x, before + step)
            below = self._values_at(shapes, x, before - step)
        finally:
            put(x, before)
        with np.errstate(invalid="ignore", over="ignore"):  # infinities; found in the comparison
            return [(a - b) / (2 * self.tolerances.eps) for a, b in zip(above, below, strict=True)]

    def _values_at(self, shapes, x, values):
        put(x, values)
        found = [
            y.array.astype(np.float64) for y in self.function()
        ]  # copies: y may be a view of x
        if [y.shape for y in found] != shapes:
            raise GradcheckError(
                f"the outputs have other shapes when inputs move by eps={self.tolerances.eps}: "
                f"{[y.shape for y in found]} instead of {shapes}"
            )
        return found

    def _check_again(self, outputs):
        """Values and gradients must be the same when computed again."""
        again = self.function()
        for i, (y, z) in enumerate(zip(outputs, again, strict=True)):
            self._compare_runs(f"values of output {i}", y.array, z.array)
        for i, y in enumerate(outputs):
            v = _vectors(y, True)[0]
            runs = zip(self._gradients(outputs, i, v), self._gradients(again, i, v), strict=True)
            for number, (g, h) in zip(self.inputs, runs, strict=True):
                self._compare_runs(f"gradients of output {i} by input {number}", g, h)

    def _compare_runs(self, what, one, other):
        if one.shape == other.shape and np.array_equal(one, other, equal_nan=True):
            return
        tolerance = self.tolerances.nondet_tol
        apart = np.abs(one - other).max() if one.shape == other.shape else np.inf
        if not apart <= tolerance:
            raise GradcheckError(
                f"not reentrant: the {what} differ from run to run, by {apart:.3g} (nondet_tol is "
                f"{tolerance}): fix random numbers within the function (manual_seed), let it keep "
                f"no state, or raise nondet_tol"
            )

    def _check_weights(self, outputs):
        """The gradients must vanish where those of the outputs do."""
        for i, y in enumerate(outputs):
            found = self._gradients(outputs, i, np.zeros(y.shape))
            for number, g in zip(self.inputs, found, strict=True):
                if g.any():
                    raise GradcheckError(
                        f"backward not multiplied by grad_output: the gradient by input {number} "
                        f"is not 0 where that of output {i} is"
                    )

    def _check_undefined(self, outputs):
        """An output that no gradient comes to must count as one whose gradient is zero."""
        for i, y in enumerate(outputs):
            v = _vectors(y, True)[0]
            try:
                alone = self._gradients(outputs, i, v, alone=True)
            except Exception as error:
                raise GradcheckError(
                    f"backward fails where output {i} alone has a gradient ({error}): take None "
                    f"for zero, or leave ctx.set_materialize_grads as it is"
                ) from error
            for number, g, h in zip(
                self.inputs, alone, self._gradients(outputs, i, v), strict=True
            ):
                if not np.allclose(g, h, equal_nan=True):
                    raise GradcheckError(
                        f"the gradient by input {number} is another where outputs other than {i} "
                        f"have no gradient (None) than where theirs is zero"
                    )


def _mismatch(i, y, number, x, analytical, numerical, tolerances):
    """Which entry of the Jacobian of output ``i`` by input ``number`` is the worst."""
    with np.errstate(invalid="ignore"):
        excess = np.abs(analytical - numerical)
        excess -= tolerances.atol + tolerances.rtol * np.abs(numerical)
    excess = np.where(np.isnan(excess), np.inf, excess)
    row, column = np.unravel_index(excess.argmax(), excess.shape)
    worst = (
        f"{analytical[row, column]:.8g} by backward, {numerical[row, column]:.8g} by differences"
    )
    matrices = f"numerical:\n{numerical}\nanalytical:\n{analytical}"
    if excess.shape != (y.array.size, x.array.size):
        return (
            f"gradients of output {i} by input {number} along random vectors: {worst}, though "
            f"all entries of the Jacobian are within the tolerances: leave out fast_mode, or "
            f"raise atol\n{matrices}"
        )
    places = [
        tuple(map(int, np.unravel_index(place, shape)))
        for place, shape in ((row, y.shape), (column, x.shape))
    ]
    return (
        f"Jacobian mismatch for output {i} with respect to input {number}: {(excess > 0).sum()} of "
        f"{excess.size} entries, the worst that of output element {places[0]} by input element "
        f"{places[1]}: {worst}\n{matrices}"
    )


def _tensors(result):
    """The real floating-point tensors in what a function returned."""
    if isinstance(result, (tuple, list)):
        return [y for part in result for y in _tensors(part)]
    return [result] if isinstance(result, Tensor) and result.dtype.kind in "fc" else []


def _vectors(x, few):
    """The unit vectors of the elements of ``x``, or a ``few`` random ones: (k, size)."""
    if not few:
        return np.eye(x.array.size)
    return np.random.default_rng(0).standard_normal((_VECTORS, x.array.size))
