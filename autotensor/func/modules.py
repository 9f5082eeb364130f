"""Modules as functions of their parameters and buffers."""

from autotensor.ops.joining import stack
from autotensor.tensor import Tensor


def functional_call(
    module, parameter_and_buffer_dicts, args=None, kwargs=None, *, tie_weights=True, strict=False
):
    """``module(*args, **kwargs)`` with other parameters and buffers, given by path.

    A dict, or a tuple of dicts without common keys; ``args`` that are no tuple are the one
    argument. The module is as before afterwards, whatever happens; a buffer that it assigns anew is
    put into the dict instead. With ``tie_weights`` a tensor for one path of a shared parameter
    is used at all its paths. ``strict`` refuses missing and unexpected keys.
    """
    dicts = parameter_and_buffer_dicts
    state = dicts if isinstance(dicts, dict) else _merged(dicts)
    tensors = _with_ties(module, state) if tie_weights else dict(state)
    if strict:
        _check_keys(module, tensors)
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    places = {key: _place(module, key, value) for key, value in tensors.items()}
    originals = {key: vars(owner).get(name) for key, (owner, name) in places.items()}
    try:
        for key, (owner, name) in places.items():
            vars(owner)[name] = tensors[key]
        return module(*args, **(kwargs or {}))
    finally:
        state.update({key: vars(places[key][0]).get(places[key][1]) for key in state})
        for key, (owner, name) in places.items():
            vars(owner)[name] = originals[key]


def _merged(dicts):
    if not isinstance(dicts, (tuple, list)) or not all(isinstance(d, dict) for d in dicts):
        raise ValueError("functional_call: parameters and buffers are a dict or a tuple of dicts")
    merged = {}
    for part in dicts:
        if common := merged.keys() & part.keys():
            raise ValueError(f"functional_call: {sorted(common)} appear in more than one dict")
        merged.update(part)
    return merged


def _members(module):
    """(path, tensor) of all parameters and buffers, at all their paths."""
    yield from module.named_parameters(remove_duplicate=False)
    yield from module.named_buffers(remove_duplicate=False)


def _with_ties(module, state):
    """``state``, with the same tensor at all paths of a tensor that the module shares."""
    shared = {}
    for path, tensor in _members(module):
        shared.setdefault(id(tensor), []).append(path)
    tied = dict(state)
    for paths in shared.values():
        given = {id(state[path]): state[path] for path in paths if path in state}
        if len(given) > 1:
            raise ValueError(
                f"functional_call: different values for {paths}, which are tied: give one of "
                f"them, or say tie_weights=False"
            )
        for value in given.values():
            tied.update(dict.fromkeys(paths, value))
    return tied


def _check_keys(module, tensors):
    known = dict(_members(module))
    missing, unexpected = known.keys() - tensors.keys(), tensors.keys() - known.keys()
    if missing or unexpected:
        raise RuntimeError(
            f"functional_call: missing keys {sorted(missing)}, unexpected keys "
            f"{sorted(unexpected)} for {type(module).__name__}"
        )


def _place(module, key, value):
    """The module that holds the parameter or buffer of this path, and its name there."""
    if not isinstance(value, Tensor):
        raise TypeError(f"functional_call: {key!r} must be a Tensor, got {type(value).__name__}")
    path, _, name = key.rpartition(".")
    owner = module.get_submodule(path)
    if owner._registry.get(name) not in ("parameter", "buffer"):
        raise AttributeError(
            f"functional_call: {type(owner).__name__} has no parameter or buffer {name!r} "
            f"(of the path {key!r})"
        )
    return owner, name


def stack_module_state(models):
    """(parameters, buffers) of models built alike, each stacked: dicts by path, (N, *shape).

    For an ensemble by ``vmap(functional_call ...)``; the parameters are leaves.
    """
    models = list(models)
    if not models:
        raise RuntimeError("stack_module_state: expected at least one model, got 0")
    if len({type(m) for m in models}) > 1:
        raise RuntimeError("stack_module_state: expected models of one class")
    if len({m.training for m in models}) > 1:
        raise RuntimeError(
            "stack_module_state: expected models in the same mode: train() or eval()"
        )
    parameters = _stacked([dict(m.named_parameters()) for m in models])
    buffers = _stacked([dict(m.named_buffers()) for m in models])
    for name, tensor in models[0].named_parameters():
        parameters[name].requires_grad_(tensor.requires_grad)
    return parameters, buffers


def _stacked(states):
    return {name: stack([state[name].detach() for state in states]) for name in states[0]}
