"""Module: a function with parameters, buffers and modules inside, registered by assigning them."""

from types import MappingProxyType

import numpy as np

from autotensor.nn import hooks, state
from autotensor.nn.parameter import Parameter
from autotensor.tensor import Tensor

PARAMETER, BUFFER, MODULE = "parameter", "buffer", "module"


class Module(state.Stateful, hooks.Hooked):
    """Base class of all layers and models, with PyTorch's interface.

    A subclass calls ``super().__init__()``, assigns parameters and modules to attributes, and
    defines ``forward``. They are ordinary attributes; ``_registry`` holds the names and the kind
    of each, in the order of registration.
    """

    training = True

    def __init__(self):
        self.__dict__.update(training=True, _registry={}, _non_persistent_buffers_set=set())

    def forward(self, *args, **kwargs):
        """Compute the output; every subclass defines it."""
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function'
        )

    def __call__(self, *args, **kwargs):
        if self._hooks:
            return hooks.call(self, args, kwargs)
        return self.forward(*args, **kwargs)

    # -- registration ------------------------------------------------------------------------

    def __setattr__(self, name, value):
        registered = self.__dict__.get("_registry", {}).get(name)
        if isinstance(value, Parameter):
            self._register(PARAMETER, name, value)
        elif registered == PARAMETER and value is not None:
            raise TypeError(
                f"cannot assign '{type(value).__name__}' as parameter '{name}' "
                "(autotensor.nn.Parameter or None expected)"
            )
        elif isinstance(value, Module):
            self._register(MODULE, name, value)
        elif registered == MODULE and value is not None:
            raise TypeError(
                f"cannot assign '{type(value).__name__}' as child module '{name}' "
                "(autotensor.nn.Module or None expected)"
            )
        elif registered == BUFFER and not isinstance(value, (Tensor, type(None))):
            raise TypeError(
                f"cannot assign '{type(value).__name__}' as buffer '{name}' "
                "(autotensor.Tensor or None expected)"
            )
        else:
            object.__setattr__(self, name, value)

    def __delattr__(self, name):
        object.__delattr__(self, name)
        self.__dict__.get("_registry", {}).pop(name, None)
        self.__dict__.get("_non_persistent_buffers_set", set()).discard(name)

    def __getattr__(self, name):  # only called where the attribute does not exist
        from difflib import get_close_matches

        message = f"'{type(self).__name__}' object has no attribute '{name}'"
        if name == "_registry":
            message += ": call super().__init__() first"
        elif close := get_close_matches(name, dir(self), 3):
            message += f"; close matches: {', '.join(close)}"
        raise AttributeError(message)

    def __dir__(self):
        return [name for name in super().__dir__() if not name[0].isdigit()]

    def _register(self, kind, name, value):
        """Enter ``value`` (or None, to be assigned later) under ``name``."""
        registry = self.__dict__.get("_registry")
        if registry is None:
            raise AttributeError(
                f"cannot assign {kind} before Module.__init__() call: "
                f"call super().__init__() first in {type(self).__name__}.__init__"
            )
        if registry.get(name) != kind:
            if hasattr(type(self), name):
                raise KeyError(f"attribute '{name}' already exists")
            self.__dict__.pop(name, None)  # a new kind is a new place in the order
            registry.pop(name, None)
            self._non_persistent_buffers_set.discard(name)
        registry[name] = kind
        self.__dict__[name] = value

    def _register_new(self, kind, name, value, expected):
        """`_register` by an explicit call: the name must be sound and free."""
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {type(name).__name__}")
        if "." in name:
            raise KeyError(f'{kind} name can\'t contain ".", got: {name}')
        if name == "":
            raise KeyError(f'{kind} name can\'t be empty string ""')
        if self.__dict__.get("_registry", {}).get(name) != kind and name in self.__dict__:
            raise KeyError(f"attribute '{name}' already exists")
        if not isinstance(value, (expected, type(None))):
            raise TypeError(
                f"cannot register '{type(value).__name__}' object as {kind} '{name}' "
                f"({expected.__name__} or None required)"
            )
        self._register(kind, name, value)

    def register_parameter(self, name, param):
        """Register a parameter, or None for one that this instance does without."""
        self._register_new(PARAMETER, name, param, Parameter)

    def register_buffer(self, name, tensor, persistent=True):
        """Register a tensor that is not trained; ``state_dict`` holds it if ``persistent``."""
        self._register_new(BUFFER, name, tensor, Tensor)
        transient = self._non_persistent_buffers_set
        transient.discard(name) if persistent else transient.add(name)

    def add_module(self, name, module):
        """Register a child module under a name that need not be an identifier."""
        self._register_new(MODULE, name, module, Module)

    register_module = add_module

    def _own(self, kind):
        """Names and values of what this module itself registered, None included."""
        return [(name, self.__dict__[name]) for name, k in self._registry.items() if k == kind]

    _parameters = property(lambda self: MappingProxyType(dict(self._own(PARAMETER))))
    _buffers = property(lambda self: MappingProxyType(dict(self._own(BUFFER))))
    _modules = property(lambda self: MappingProxyType(dict(self._own(MODULE))))

    # -- what is inside ----------------------------------------------------------------------

    def named_children(self):
        """Pairs of name and direct child, each child once."""
        seen = set()
        for name, child in self._own(MODULE):
            if child is not None and child not in seen:
                seen.add(child)
                yield name, child

    def children(self):
        """The direct children, each once."""
        for _, child in self.named_children():
            yield child

    def named_modules(self, memo=None, prefix="", remove_duplicate=True):
        """Pairs of path and module: this one, then all below it, depth first."""
        seen = set() if memo is None else memo
        stack = [(prefix, self)]
        while stack:
            path, module = stack.pop()
            if remove_duplicate:
                if module in seen:
                    continue
                seen.add(module)
            yield path, module
            children = [(_join(path, name), child) for name, child in module._own(MODULE)]
            stack += [pair for pair in reversed(children) if pair[1] is not None]

    def modules(self):
        """This module and all below it, each once."""
        for _, module in self.named_modules():
            yield module

    def _named(self, kind, prefix, recurse, remove_duplicate):
        """Paths and values of one kind, of this module or of all below it, too."""
        if recurse:
            owners = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate)
        else:
            owners = [(prefix, self)]
        seen = set()
        for path, module in owners:
            for name, value in module._own(kind):
                if value is None or (remove_duplicate and id(value) in seen):
                    continue
                seen.add(id(value))
                yield _join(path, name), value

    def named_parameters(self, prefix="", recurse=True, remove_duplicate=True):
        """Pairs of path and parameter, a shared parameter once."""
        return self._named(PARAMETER, prefix, recurse, remove_duplicate)

    def parameters(self, recurse=True):
        """The parameters, a shared one once."""
        for _, parameter in self.named_parameters(recurse=recurse):
            yield parameter

    def named_buffers(self, prefix="", recurse=True, remove_duplicate=True):
        """Pairs of path and buffer, a shared buffer once."""
        return self._named(BUFFER, prefix, recurse, remove_duplicate)

    def buffers(self, recurse=True):
        """The buffers, a shared one once."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def get_submodule(self, target):
        """The module at the path ``target``, e.g. ``"features.0.conv"``; "" is this one."""
        module = self
        for name in target.split(".") if target else ():
            child = getattr(module, name)
            if not isinstance(child, Module):
                raise AttributeError(f"`{name}` is not a Module")
            module = child
        return module

    def set_submodule(self, target, module, strict=False):
        """Put ``module`` at the path ``target``; with ``strict`` there must be one already."""
        if target == "":
            raise ValueError("Cannot set the submodule without a target name!")
        if not isinstance(module, Module):
            raise ValueError(f"`module` is not an nn.Module, found {type(module)}")
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if (strict or hasattr(parent, name)) and not isinstance(getattr(parent, name), Module):
            raise AttributeError(f"`{name}` is not an nn.Module")
        setattr(parent, name, module)

    def get_parameter(self, target):
        """The parameter at the path ``target``."""
        return self._at(target, Parameter, "a Parameter")

    def get_buffer(self, target):
        """The buffer at the path ``target``."""
        buffer = self._at(target, Tensor, "a buffer")
        if isinstance(buffer, Parameter):
            raise AttributeError(f"`{target}` is a Parameter, not a buffer")
        return buffer

    def _at(self, target, expected, described):
        path, _, name = target.rpartition(".")
        value = getattr(self.get_submodule(path), name)
        if not isinstance(value, expected):
            raise AttributeError(f"`{target}` is not {described}")
        return value

    # -- changing all of it ------------------------------------------------------------------

    def apply(self, fn):
        """Call ``fn`` on every module below this one and then on itself; return ``self``."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def train(self, mode=True):
        """Set training mode, by which dropout and batch normalisation behave; return ``self``."""
        if not isinstance(mode, bool):
            raise ValueError(f"training mode is expected to be boolean, got {mode!r}")
        self.training = mode
        for child in self.children():
            child.train(mode)
        return self

    def eval(self):
        """Set evaluation mode: ``train(False)``."""
        return self.train(False)

    def requires_grad_(self, requires_grad=True):
        """Set whether the parameters are trained; return ``self``."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none=True):
        """Forget the parameters' gradients, or fill them with zeros."""
        for parameter in self.parameters():
            if parameter.grad is None:
                continue
            if set_to_none:
                parameter.grad = None
            else:
                parameter.grad = Tensor(np.zeros_like(parameter.array))

    # -- display -----------------------------------------------------------------------------

    def extra_repr(self):
        """The hyper-parameters, as `repr` shows them; a subclass overrides it."""
        return ""

    def _get_name(self):
        return type(self).__name__

    def __repr__(self):
        extra = self.extra_repr().splitlines()
        children = [f"({name}): {child!r}" for name, child in self._own(MODULE)]
        return tree(self._get_name(), extra, children)


def tree(name, extra, children):
    """``name(...)`` around lines of hyper-parameters and the texts of children, indented."""
    if not children and len(extra) < 2:
        return f"{name}({''.join(extra)})"
    lines = extra + [child.replace("\n", "\n  ") for child in children]
    return f"{name}(\n  " + "\n  ".join(lines) + "\n)"


def _join(path, name):
    return f"{path}.{name}" if path else name
