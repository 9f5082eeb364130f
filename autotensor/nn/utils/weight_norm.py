"""Weight normalisation: a weight as its length times its direction (Salimans and Kingma, 2016)."""

import warnings

from autotensor.nn.parameter import Parameter
from autotensor.ops.linalg import norm


def norm_except_dim(v, dim):
    """The length of each slice along ``dim``, of all for None or -1; its shape broadcasts."""
    if dim in (None, -1):
        return norm(v)
    return norm(v, 2, [d for d in range(v.ndim) if d != dim % v.ndim], keepdim=True)


def weighed(v, g, dim):
    """``v`` with each slice along ``dim`` at length ``g``."""
    return v * (g / norm_except_dim(v, dim))


class WeightNorm:
    """The hook that makes the weight ``name`` of a module from ``name_g`` and ``name_v``."""

    def __init__(self, name, dim):
        self.name, self.dim = name, dim

    def compute_weight(self, module):
        """The weight, of what the parameters are now."""
        return weighed(
            getattr(module, f"{self.name}_v"), getattr(module, f"{self.name}_g"), self.dim
        )

    def __call__(self, module, inputs):
        setattr(module, self.name, self.compute_weight(module))


def weight_norm(module, name="weight", dim=0):
    """Replace the parameter ``name`` by its lengths ``name_g`` and directions ``name_v``.

    The lengths are those along all dimensions but ``dim`` (None: one length). The weight is made
    before each forward. Deprecated in favour of `parametrizations.weight_norm`.
    """
    warnings.warn(
        "`torch.nn.utils.weight_norm` is deprecated in favor of "
        "`torch.nn.utils.parametrizations.weight_norm`.",
        FutureWarning,
        stacklevel=2,
    )
    if find(module, WeightNorm, name) is not None:
        raise RuntimeError(f"Cannot register two weight_norm hooks on the same parameter {name}")
    hook, weight = WeightNorm(name, dim), getattr(module, name)
    delattr(module, name)
    module.register_parameter(f"{name}_g", Parameter(norm_except_dim(weight, dim).detach()))
    module.register_parameter(f"{name}_v", Parameter(weight.detach()))
    setattr(module, name, hook.compute_weight(module))
    module.register_forward_pre_hook(hook)
    return module


def remove_weight_norm(module, name="weight"):
    """Undo `weight_norm`: the weight as it is now becomes the parameter ``name`` again."""
    key = find(module, WeightNorm, name)
    if key is None:
        raise ValueError(f"weight_norm of '{name}' not found in {module}")
    _, hook, _ = module._hooks.pop(key)
    weight = hook.compute_weight(module)
    for part in (name, f"{name}_g", f"{name}_v"):
        delattr(module, part)
    setattr(module, name, Parameter(weight.detach()))
    return module


def find(module, kind, name):
    """The key of the hook of one kind for the weight ``name``; None if there is none."""
    for key, (_, hook, _) in (module._hooks or {}).items():
        if isinstance(hook, kind) and hook.name == name:
            return key
    return None
