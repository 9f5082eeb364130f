"""Functions that users hang on modules, run before and after forward and after backward."""

from autotensor.engine import Handle
from autotensor.outputs import record_outputs
from autotensor.tensor import Tensor


class Hooked:
    """What modules do about hooks."""

    _hooks = None  # made by the first hook: without hooks a call costs one look

    def register_forward_pre_hook(self, hook, *, prepend=False, with_kwargs=False):
        """Call ``hook(module, args)`` before forward; what it returns replaces the arguments."""
        return register(self, "forward_pre", hook, prepend, with_kwargs)

    def register_forward_hook(self, hook, *, prepend=False, with_kwargs=False):
        """Call ``hook(module, args, output)`` after forward; what it returns replaces the output.

        With ``with_kwargs``, ``hook(module, args, kwargs, output)``. Returns a handle to remove it.
        """
        return register(self, "forward", hook, prepend, with_kwargs)

    def register_full_backward_pre_hook(self, hook, prepend=False):
        """Call ``hook(module, grad_output)`` when the gradient of the output is known."""
        return register(self, "backward_pre", hook, prepend)

    def register_full_backward_hook(self, hook, prepend=False):
        """Call ``hook(module, grad_input, grad_output)`` when the gradients of the inputs are
        known; what it returns replaces ``grad_input``."""
        return register(self, "backward", hook, prepend)

    register_backward_hook = register_full_backward_hook

    def register_state_dict_pre_hook(self, hook):
        """Call ``hook(module, prefix, keep_vars)`` before the state of this module is collected."""
        return register(self, "state_dict_pre", hook)

    def register_state_dict_post_hook(self, hook):
        """Call ``hook(module, state_dict, prefix, local_metadata)`` when it has been collected."""
        return register(self, "state_dict_post", hook)

    def register_load_state_dict_pre_hook(self, hook):
        """Call ``hook(module, state_dict, prefix, local_metadata, strict, missing_keys,
        unexpected_keys, error_msgs)`` before a state, a copy of the dict, is loaded."""
        return register(self, "load_pre", hook)

    def register_load_state_dict_post_hook(self, hook):
        """Call ``hook(module, incompatible_keys)`` after; it may take keys out of the lists."""
        return register(self, "load_post", hook)


def register(module, kind, hook, prepend=False, with_kwargs=False):
    """Add ``hook`` to the hooks of a module and return its handle."""
    if not callable(hook):
        raise TypeError(f"{kind} hook must be callable, got {type(hook).__name__}")
    if module._hooks is None:
        module._hooks = {}
    later = dict(module._hooks) if prepend else {}
    for key in later:
        del module._hooks[key]
    handle = Handle(module._hooks, (kind, hook, with_kwargs))
    module._hooks.update(later)
    return handle


def hooks_of(module, kind):
    """The hooks of one kind; a copy, since a hook may remove itself."""
    return [hook for hook, _ in _of(module, kind)] if module._hooks else []


def _of(module, kind):
    """The hooks of one kind with their ``with_kwargs``; a copy, since a hook may remove itself."""
    return [entry[1:] for entry in module._hooks.values() if entry[0] == kind]


def call(module, args, kwargs):
    """``module.forward(*args, **kwargs)`` between its hooks."""
    for hook, with_kwargs in _of(module, "forward_pre"):
        args, kwargs = _before(hook, with_kwargs, module, args, kwargs)
    observer = None
    if _of(module, "backward") or _of(module, "backward_pre"):
        observer = _BackwardObserver(module)
        args = observer.watch_inputs(args)
    output = module.forward(*args, **kwargs)
    for hook, with_kwargs in _of(module, "forward"):
        seen = (module, args, kwargs, output) if with_kwargs else (module, args, output)
        replaced = hook(*seen)
        output = output if replaced is None else replaced
    return output if observer is None else observer.watch_outputs(output)


def _before(hook, with_kwargs, module, args, kwargs):
    """Run one forward pre-hook; return the arguments it leaves."""
    if not with_kwargs:
        replaced = hook(module, args)
        if replaced is None:
            return args, kwargs
        return replaced if isinstance(replaced, tuple) else (replaced,), kwargs
    replaced = hook(module, args, kwargs)
    if replaced is None:
        return args, kwargs
    if not (isinstance(replaced, tuple) and len(replaced) == 2):
        raise RuntimeError(
            f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), "
            f"got {replaced!r}"
        )
    return replaced


class _BackwardObserver:
    """Shows the gradients at the border of one call of a module to its backward hooks.

    The tensors that enter pass one gate and those that leave another, each one operation of
    several results. Backward passes the outer gate first; the inner one, where the hooks run, only
    when everything between has run.
    """

    def __init__(self, module):
        self.module = module
        self.grad_output = None
        self.inputs_watched = False

    def watch_inputs(self, args):
        args, self.inputs_watched = _gate(args, self._leave)
        return args

    def watch_outputs(self, output):
        if isinstance(output, Tensor):
            return _gate((output,), self._enter)[0][0]
        if not isinstance(output, (tuple, list)):
            raise TypeError(
                f"backward hooks of {type(self.module).__name__} need an output that is a Tensor "
                f"or a tuple of Tensors, got {type(output).__name__}"
            )
        return type(output)(_gate(tuple(output), self._enter)[0])

    def _enter(self, grads):
        for hook, _ in _of(self.module, "backward_pre"):
            grads = _replace("backward pre-hook", grads, hook(self.module, grads))
        self.grad_output = grads
        if not self.inputs_watched:
            self._leave((None,))
        return grads

    def _leave(self, grads):
        grad_output, self.grad_output = self.grad_output, None
        for hook, _ in _of(self.module, "backward"):
            grads = _replace("backward hook", grads, hook(self.module, grads, grad_output))
        return grads


def _replace(kind, grads, replaced):
    if replaced is None:
        return grads
    replaced = replaced if isinstance(replaced, tuple) else (replaced,)
    if len(replaced) != len(grads):
        raise RuntimeError(f"{kind} returned {len(replaced)} gradients, expected {len(grads)}")
    return replaced


def _gate(values, rule):
    """Pass ``values`` unchanged; in backward, ``rule`` maps the tuple of all their gradients.

    Returns the values and whether any of them is watched.
    """
    watched = [i for i, v in enumerate(values) if isinstance(v, Tensor) and v.requires_grad]
    values = list(values)
    inputs = [values[i] for i in watched]

    def gate(gradients):
        by_place = dict(zip(watched, gradients, strict=True))
        grads = rule(tuple(by_place.get(i) for i in range(count)))
        return tuple(grads[i] for i in watched)

    count = len(values)
    # Copies: what is written in place on one side of the gate must not show on the other.
    passed, _ = record_outputs([x.array.copy(order="K") for x in inputs], inputs, gate)
    for i, x in zip(watched, passed, strict=True):
        values[i] = x
    return tuple(values), bool(watched)
