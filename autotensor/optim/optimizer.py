"""The base of all optimizers: groups of parameters, their options and their state."""

import copy
from collections import defaultdict
from itertools import chain
from numbers import Real

import numpy as np

from autotensor.memory import before_write, overwrite
from autotensor.modes import enable_grad
from autotensor.tensor import Tensor, wrote


class Optimizer:
    """Groups of parameters with their options, and what is remembered of each between steps.

    ``params`` is an iterable of tensors, or of dicts ``{"params": tensors, option: value, ...}``;
    ``defaults`` are the options where a group names none. An algorithm defines `update`, and may
    define `check` and name in ``moments`` its state tensors that have their parameter's shape.
    ``foreach``, ``fused`` and ``capturable`` are PyTorch's choices of execution: all do the same.
    """

    moments = ()
    _steps = 0

    def __init__(
        self,
        params,
        defaults,
        *,
        foreach=None,
        fused=None,
        capturable=False,
        differentiable=False,
    ):
        if differentiable:
            raise ValueError(
                "differentiable=True: steps are not recorded; differentiate through updates that "
                "are written as operations, p = p - lr * g"
            )
        if isinstance(params, Tensor):
            raise TypeError(
                "params must be an iterable of Tensors or dicts, not one Tensor: pass [x]"
            )
        self.defaults = defaults
        self.check(defaults)
        self.state = defaultdict(dict)
        self.param_groups = []
        groups = _ordered(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def add_param_group(self, param_group):
        """Optimize the tensors ``param_group["params"]``, too, with the options beside them."""
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, not {type(param_group).__name__}")
        if "params" not in param_group:
            raise ValueError(f"param_group has no 'params', only {sorted(param_group)}")
        params = param_group["params"]
        params = [params] if isinstance(params, Tensor) else _ordered(params)
        group = {**self.defaults, **param_group, "params": params}
        for p in params:
            if not isinstance(p, Tensor):
                raise TypeError(
                    f"optimizer can only optimize Tensors, but one of the params is "
                    f"{type(p).__name__}"
                )
            if not (p.is_leaf or p.retains_grad):
                raise ValueError(
                    f"can't optimize a non-leaf Tensor (shape {p.shape}): it is the result of an "
                    f"operation; pass what it was made from, or x.detach().requires_grad_()"
                )
        known = [id(p) for p in chain(params, *(g["params"] for g in self.param_groups))]
        if len(set(known)) != len(known):
            raise ValueError(
                "some parameters appear in more than one parameter group, or twice in one"
            )
        self.check(group)
        self.param_groups.append(group)

    def check(self, options):
        """Raise ValueError or TypeError if an option has no meaning for this algorithm."""

    def step(self, closure=None):
        """Change every parameter that has a gradient; return the loss of ``closure``, if given.

        ``closure`` clears the gradients, computes the loss, calls backward() and returns the loss.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        self._steps += 1
        for group in self.param_groups:
            for p in group["params"]:
                grad = p.grad
                if grad is not None:
                    before_write(p.array)
                    self.update(p, grad.array, self.state[p], group)
                    wrote(p)
        return loss

    def stepped(self):
        """Whether `step` was called; taken for granted where a subclass has a `step` of its own."""
        return self._steps > 0 or type(self).step is not Optimizer.step

    def update(self, p, g, state, options):
        """Change ``p.array`` in place by its gradient array ``g``; ``state`` is kept per tensor."""
        raise NotImplementedError(f"{type(self).__name__} must define update() or step()")

    def zero_grad(self, set_to_none=True):
        """Forget the gradients, or with ``set_to_none=False`` fill them with zeros."""
        for p in chain.from_iterable(group["params"] for group in self.param_groups):
            if set_to_none or p.grad is None:
                p.grad = None
                continue
            if p.grad.requires_grad:
                p.grad = p.grad.detach()
            overwrite(p.grad, 0)

    def state_dict(self):
        """State and options as a dict in PyTorch's format: parameters are numbered in order.

        ``{"state": {0: {"exp_avg": Tensor, ...}, ...}, "param_groups": [{"lr": ..., "params":
        [0, ...]}, ...]}``. The tensors are the optimizer's own: copy them to keep them.
        """
        params = chain.from_iterable(group["params"] for group in self.param_groups)
        number = {id(p): i for i, p in enumerate(params)}
        groups = [
            {**group, "params": [number[id(p)] for p in group["params"]]}
            for group in self.param_groups
        ]
        state = {number[id(p)] if isinstance(p, Tensor) else p: s for p, s in self.state.items()}
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict):
        """Go on from a `state_dict`, this class's or PyTorch's; its tensors are copied.

        Raises ValueError, having changed nothing, if groups, their sizes or shapes differ.
        """
        saved = copy.deepcopy(state_dict["param_groups"])
        sizes = [len(group["params"]) for group in saved]
        own = [len(group["params"]) for group in self.param_groups]
        if sizes != own:
            raise ValueError(
                f"loaded state dict has parameter groups of sizes {sizes}, the optimizer {own}"
            )
        numbers = chain.from_iterable(group["params"] for group in saved)
        params = chain.from_iterable(group["params"] for group in self.param_groups)
        param = dict(zip(numbers, params, strict=True))
        state = defaultdict(dict)
        for number, values in state_dict["state"].items():
            p = param.get(number)
            if p is None:
                state[number] = values
            else:
                state[p] = {name: self._restore(p, number, name, v) for name, v in values.items()}
        self.state = state
        self.param_groups = [
            {**self.defaults, **group, "params": old["params"]}
            for group, old in zip(saved, self.param_groups, strict=True)
        ]

    def _restore(self, p, number, name, value):
        """A copy of one saved value; a tensor gets the layout and dtype of ``p``."""
        if not hasattr(value, "shape"):
            return copy.deepcopy(value)
        array = value.array if isinstance(value, Tensor) else np.asarray(value)
        if name == "step":
            return int(array)
        if array.shape == p.shape:
            twin = np.empty_like(p.array)
            twin[...] = array
            return Tensor(twin)
        if name in self.moments:
            raise ValueError(
                f"loaded state dict: {name} of parameter {number} has shape {array.shape}, the "
                f"parameter {p.shape}: was it saved for another model?"
            )
        return Tensor(array.astype(p.dtype))

    def __repr__(self):
        lines = [f"{type(self).__name__} ("]
        for number, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {number}")
            lines += [f"    {name}: {group[name]}" for name in sorted(group) if name != "params"]
        return "\n".join([*lines, ")"])


def _ordered(params):
    """``params`` as a list, if its order is the same in every run."""
    if isinstance(params, (set, frozenset)):
        raise TypeError(
            "optimizer parameters need an order that is the same in every run, which a set has "
            "not: pass a list"
        )
    return list(params)


def moment(state, name, p):
    """The array of one of a parameter's running averages, zeros at first, laid out like ``p``."""
    if state.get(name) is None:
        state[name] = Tensor(np.zeros_like(p.array))
    return state[name].array


def descent(p, g, options):
    """The gradient to go down by: with ``weight_decay`` added, turned round by ``maximize``."""
    g = -g if options["maximize"] else g
    return g + options["weight_decay"] * p.array if options["weight_decay"] != 0 else g


def decay(p, g, options):
    """As `descent`; with ``decoupled_weight_decay`` the parameter itself shrinks instead."""
    if not options["decoupled_weight_decay"]:
        return descent(p, g, options)
    p.array *= 1 - options["lr"] * options["weight_decay"]
    return -g if options["maximize"] else g


def at_least_zero(options, **names):
    """Check options that must be numbers from zero up; ``names`` says what they are called."""
    for option, called in names.items():
        value = options[option]
        if not isinstance(value, Real):
            raise TypeError(f"{option} must be a number, not {type(value).__name__}: {value!r}")
        if not value >= 0:
            raise ValueError(f"Invalid {called}: {value} (must be at least 0)")
