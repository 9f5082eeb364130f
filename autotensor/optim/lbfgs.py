"""L-BFGS."""

import math

import numpy as np

from autotensor.memory import overwrite
from autotensor.modes import enable_grad
from autotensor.optim.line_search import strong_wolfe
from autotensor.optim.optimizer import Optimizer
from autotensor.tensor import Tensor


class LBFGS(Optimizer):
    """Quasi-Newton steps, with curvature from the last ``history_size`` steps.

    `step` needs a closure that clears the gradients, computes the loss, calls backward() and
    returns the loss; it is called up to ``max_eval`` times (by default ``max_iter * 5 / 4``) within
    ``max_iter`` iterations, until no gradient is above ``tolerance_grad`` or the change is below
    ``tolerance_change``. ``line_search_fn`` is None (steps of ``lr``) or "strong_wolfe". One group
    of parameters. Nocedal and Wright, "Numerical optimization", 2006, algorithm 7.5.
    """

    def __init__(self, params, lr=1, max_iter=20, max_eval=None, tolerance_grad=1e-7,
                 tolerance_change=1e-9, history_size=100, line_search_fn=None):  # fmt: skip
        defaults = {"lr": lr, "max_iter": max_iter,
                    "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
                    "tolerance_grad": tolerance_grad, "tolerance_change": tolerance_change,
                    "history_size": history_size, "line_search_fn": line_search_fn}  # fmt: skip
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")

    def check(self, options):
        if not options["lr"] >= 0:
            raise ValueError(f"Invalid learning rate: {options['lr']} (must be at least 0)")
        if options["line_search_fn"] not in (None, "strong_wolfe"):
            raise RuntimeError(
                f"only 'strong_wolfe' is supported, not {options['line_search_fn']!r}"
            )

    def step(self, closure):
        """Minimise from where the parameters are; returns the first loss."""
        options = self.param_groups[0]
        state = self.state[options["params"][0]]
        self._steps += 1

        def evaluate():
            with enable_grad():
                loss = closure()
            return loss, float(loss), self._gradient()

        first, loss, g = evaluate()
        state["func_evals"] = state.get("func_evals", 0) + 1
        evaluations = 1
        if np.abs(g).max() <= options["tolerance_grad"]:
            return first
        for iteration in range(1, options["max_iter"] + 1):
            state["n_iter"] = state.get("n_iter", 0) + 1
            d = self._direction(state, g, options["history_size"])
            t = options["lr"]
            if state["n_iter"] == 1:
                t *= min(1.0, 1.0 / np.abs(g).sum())
            slope = g @ d
            if slope > -options["tolerance_change"]:
                break
            before, start = loss, self._position()
            state["prev_flat_grad"] = Tensor(g)
            if options["line_search_fn"] is not None:

                def along(t, d=d, start=start):
                    self._move(start + t * d)
                    return evaluate()[1:]

                loss, g, t, count = strong_wolfe(along, t, d, loss, g, slope)
                self._move(start + t * d)
            else:
                self._move(start + t * d)
                count = 0
                if iteration < options["max_iter"]:
                    _, loss, g = evaluate()
                    count = 1
            state["d"], state["t"] = Tensor(d), t
            evaluations += count
            state["func_evals"] += count
            small = options["tolerance_change"]
            if (
                evaluations >= options["max_eval"]
                or np.abs(g).max() <= options["tolerance_grad"]
                or np.abs(t * d).max() <= small
                or abs(loss - before) < small
                or math.isnan(loss)
            ):
                break
        return first

    def _direction(self, state, g, history_size):
        """Minus the inverse Hessian, as far as it is known, times ``g``."""
        if "d" not in state:
            state.update(old_dirs=[], old_stps=[], H_diag=1.0)
            return -g
        y = g - state["prev_flat_grad"].array
        s = state["d"].array * state["t"]
        dirs, steps = state["old_dirs"], state["old_stps"]
        if y @ s > 1e-10:
            if len(dirs) == history_size:
                del dirs[0], steps[0]
            dirs.append(Tensor(y)), steps.append(Tensor(s))
            state["H_diag"] = float(y @ s / (y @ y))
        known = [(y.array, s.array) for y, s in zip(dirs, steps, strict=True)]
        q, shares = -g, []
        for y, s in reversed(known):
            shares.append(s @ q / (y @ s))
            q = q - shares[-1] * y
        q = q * state["H_diag"]
        for (y, s), share in zip(known, reversed(shares), strict=True):
            q = q + s * (share - y @ q / (y @ s))
        return q

    def _gradient(self):
        params = self.param_groups[0]["params"]
        parts = [np.zeros(p.shape, p.dtype) if p.grad is None else p.grad.array for p in params]
        return np.concatenate([part.reshape(-1) for part in parts])

    def _position(self):
        return np.concatenate([p.array.reshape(-1) for p in self.param_groups[0]["params"]])

    def _move(self, position):
        start = 0
        for p in self.param_groups[0]["params"]:
            size = p.array.size
            overwrite(p, position[start : start + size].reshape(p.shape))
            start += size
