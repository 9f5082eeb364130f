"""Parameters that are computed from others each time they are read."""

from autotensor.modes import no_grad
from autotensor.nn.container import ModuleDict, ModuleList
from autotensor.nn.parameter import Parameter
from autotensor.tensor import Tensor


class ParametrizationList(ModuleList):
    """The functions, one on the other, that make one parameter, and what they make it of.

    That is ``original``; or ``original0``, ``original1`` ... if the ``right_inverse`` of the first
    returns several tensors.
    """

    def __init__(self, modules, original):
        super().__init__(modules)
        trained = original.requires_grad
        with no_grad():
            parts = original
            for module in reversed(self):
                if hasattr(module, "right_inverse"):
                    parts = module.right_inverse(parts)
        self.is_tensor = isinstance(parts, Tensor)
        if self.is_tensor:
            named = {"original": original if parts is original else parts}
        else:
            named = {f"original{i}": part for i, part in enumerate(parts)}
        self.ntensors = len(named)
        for name, part in named.items():
            if isinstance(original, Parameter):
                part = part if isinstance(part, Parameter) else Parameter(part, trained)
                self.register_parameter(name, part)
            else:
                self.register_buffer(name, part)

    def forward(self):
        """The parameter, as it is now."""
        first, *others = self
        x = first(*self._parts())
        for module in others:
            x = module(x)
        return x

    def _parts(self):
        if self.is_tensor:
            return [self.original]
        return [getattr(self, f"original{i}") for i in range(self.ntensors)]

    def right_inverse(self, value):
        """Set what the parameter is made of, so that it becomes ``value``."""
        with no_grad():
            for module in reversed(self):
                if not hasattr(module, "right_inverse"):
                    raise RuntimeError(
                        f"parametrization {type(module).__name__} does not implement right_inverse"
                    )
                value = module.right_inverse(value)
            values = [value] if isinstance(value, Tensor) else value
            for part, new in zip(self._parts(), values, strict=True):
                part.data = new.detach()


def register_parametrization(module, tensor_name, parametrization, *, unsafe=False):
    """Let ``module.tensor_name`` be computed by the module ``parametrization`` from now on.

    What it is computed from is ``module.parametrizations.tensor_name.original``. Parametrizations
    of one parameter are applied in the order of registration. ``unsafe`` leaves out the check that
    shape and dtype stay. Returns ``module``.
    """
    if is_parametrized(module, tensor_name):
        parts = module.parametrizations[tensor_name]
        before = getattr(module, tensor_name)
        _check(parametrization(before), before, parametrization, unsafe)
        if hasattr(parametrization, "right_inverse"):
            with no_grad():
                before = parametrization.right_inverse(before)
            parts.right_inverse(before)
        parts.append(parametrization)
        return module
    original = module.__dict__.get(tensor_name)
    if tensor_name not in module._parameters and tensor_name not in module._buffers:
        raise ValueError(
            f"Module '{module}' does not have a parameter, a buffer, or a parametrized element "
            f"with name '{tensor_name}'"
        )
    parts = ParametrizationList([parametrization], original)
    _check(parts(), original, parametrization, unsafe)
    delattr(module, tensor_name)
    _make_computed(module, tensor_name)
    module.parametrizations[tensor_name] = parts
    return module


def _check(made, original, parametrization, unsafe):
    if not unsafe and (made.shape, made.dtype) != (original.shape, original.dtype):
        raise ValueError(
            f"Registering a parametrization may not change the shape or dtype of the tensor, "
            f"unless `unsafe` flag is enabled: {type(parametrization).__name__} makes "
            f"{made.shape} {made.dtype} of {original.shape} {original.dtype}"
        )


def _make_computed(module, name):
    """Give the module a class of its own, of which ``name`` is a property."""
    cls = type(module)
    if not is_parametrized(module):
        module.__class__ = cls = type(
            f"Parametrized{cls.__name__}", (cls,), {"__module__": cls.__module__}
        )
        module.parametrizations = ModuleDict()

    def computed(self):
        return self.parametrizations[name]()

    def assign(self, value):
        self.parametrizations[name].right_inverse(value)

    setattr(cls, name, property(computed, assign))


def is_parametrized(module, tensor_name=None):
    """Whether any parameter of the module, or the one of that name, is computed."""
    parts = module.__dict__.get("parametrizations")
    if not isinstance(parts, ModuleDict):
        return False
    return len(parts) > 0 if tensor_name is None else tensor_name in parts


def remove_parametrizations(module, tensor_name, leave_parametrized=True):
    """Undo `register_parametrization`: the parameter as it is now, or as it was, is back."""
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    parts = module.parametrizations[tensor_name]
    if not leave_parametrized and not parts.is_tensor:
        raise ValueError(
            "Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is "
            "parametrized in terms of a sequence of tensors."
        )
    value = parts() if leave_parametrized else parts.original
    first = parts._parts()[0]
    del module.parametrizations[tensor_name]
    delattr(type(module), tensor_name)
    if not module.parametrizations:
        del module.parametrizations
        module.__class__ = type(module).__bases__[0]
    if not isinstance(first, Parameter):
        module.register_buffer(tensor_name, value.detach())
    elif isinstance(value, Parameter):
        module.register_parameter(tensor_name, value)
    else:
        module.register_parameter(tensor_name, Parameter(value.detach(), first.requires_grad))
    return module
