"""Modules that hold others, in a row or by name, and lists and dicts of parameters."""

import itertools
import operator
from collections.abc import Iterable, Mapping, MutableMapping

from autotensor.nn.module import MODULE, PARAMETER, Module, tree
from autotensor.nn.parameter import Parameter
from autotensor.tensor import Tensor


class _OfModules(Module):
    """A container whose items are modules."""

    kind = MODULE

    def _enter(self, name, module):
        if not isinstance(module, Module):
            raise TypeError(f"{type(module).__name__} is not a Module subclass")
        self.add_module(name, module)


class _OfParameters(Module):
    """A container whose items are parameters; other tensors become parameters."""

    kind = PARAMETER

    def _enter(self, name, value):
        if not isinstance(value, Tensor):
            raise TypeError(f"{type(self).__name__}: expected a Tensor, got {type(value).__name__}")
        self.register_parameter(name, value if isinstance(value, Parameter) else Parameter(value))

    def __repr__(self):
        lines = []
        for name, value in self._own(self.kind):
            size = "x".join(map(str, value.shape))
            lines.append(f"  ({name}): Parameter containing: [{value.dtype} of size {size}]")
        return tree(self._get_name(), [], lines)


class _Row:
    """Items in a row, named by their positions unless names were given."""

    def _position(self, index):
        position, length = operator.index(index), len(self)
        if not -length <= position < length:
            raise IndexError(f"index {position} is out of range for a row of {length} items")
        return position % length

    def _rebuild(self, pairs):
        """Hold exactly ``pairs``; names that are numbers become positions again."""
        for name, _ in self._own(self.kind):
            delattr(self, name)
        for position, (name, item) in enumerate(pairs):
            self._enter(str(position) if name.isdigit() else name, item)

    def __len__(self):
        return len(self._own(self.kind))

    def __iter__(self):
        return iter([item for _, item in self._own(self.kind)])

    def __getitem__(self, index):
        pairs = self._own(self.kind)
        if isinstance(index, slice):
            return self._of(pairs[index])
        return pairs[self._position(index)][1]

    def _of(self, pairs):
        """A container of the same type with part of the items."""
        return type(self)([item for _, item in pairs])

    def __setitem__(self, index, item):
        self._enter(self._own(self.kind)[self._position(index)][0], item)

    def __delitem__(self, index):
        pairs = self._own(self.kind)
        del pairs[index if isinstance(index, slice) else self._position(index)]
        self._rebuild(pairs)

    def append(self, item):
        """Add an item at the end; return ``self``."""
        self._enter(str(len(self)), item)
        return self

    def extend(self, items):
        """Add items at the end; return ``self``."""
        if isinstance(items, Tensor) or not isinstance(items, Iterable):
            raise TypeError(
                f"{type(self).__name__}.extend: expected a sequence, got {type(items).__name__}"
            )
        for item in list(items):
            self.append(item)
        return self

    def insert(self, index, item):
        """Add an item before the position ``index``; return ``self``."""
        if not -len(self) <= operator.index(index) <= len(self):
            raise IndexError(f"index {index} is out of range for a row of {len(self)} items")
        before = self._own(self.kind)
        self.append(item)  # which checks it
        before.insert(index, self._own(self.kind)[-1])
        self._rebuild(before)
        return self

    def pop(self, index=-1):
        """Take an item out and return it."""
        item = self[self._position(index)]
        del self[index]
        return item

    def __iadd__(self, items):
        return self.extend(items)


class Sequential(_Row, _OfModules):
    """Modules called one after the other, each with the output of the one before.

    ``Sequential(a, b)``, or with names ``Sequential({"first": a, "second": b})``.
    """

    def __init__(self, *modules):
        super().__init__()
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            for name, module in modules[0].items():
                self._enter(name, module)
        else:
            self.extend(modules)

    def forward(self, input):
        for _, module in self._own(MODULE):
            input = module(input)
        return input

    def _of(self, pairs):
        return type(self)(dict(pairs))

    def __add__(self, other):
        return Sequential(*self, *other) if isinstance(other, Sequential) else NotImplemented


class ModuleList(_Row, _OfModules):
    """A list of modules that a model registers; it has no forward of its own."""

    def __init__(self, modules=None):
        super().__init__()
        self.extend([] if modules is None else modules)

    def __add__(self, other):
        return type(self)([*self, *other])

    def __repr__(self):
        lines, end = [], 0
        for text, group in itertools.groupby(map(repr, self)):
            start, end = end, end + len(list(group))
            several = f"({start}-{end - 1}): {end - start} x {text}"
            lines.append(several if end - start > 1 else f"({start}): {text}")
        return tree(self._get_name(), [], lines)


class ParameterList(_Row, _OfParameters):
    """A list of parameters that a model registers; other tensors become parameters."""

    def __init__(self, values=None):
        super().__init__()
        self.extend([] if values is None else values)


class _Dict(MutableMapping):
    """Items by name, in the order of insertion."""

    def __getitem__(self, key):
        return dict(self._own(self.kind))[key]

    def __setitem__(self, key, item):
        self._enter(key, item)

    def __delitem__(self, key):
        self[key]  # KeyError for an attribute that is no item
        delattr(self, key)

    def __len__(self):
        return len(self._own(self.kind))

    def __iter__(self):
        return iter([name for name, _ in self._own(self.kind)])

    __eq__ = object.__eq__  # a module is itself, whatever it holds
    __hash__ = object.__hash__


class ModuleDict(_Dict, _OfModules):
    """A dict of modules that a model registers; it has no forward of its own."""

    def __init__(self, modules=None):
        super().__init__()
        self.update({} if modules is None else modules)


class ParameterDict(_Dict, _OfParameters):
    """A dict of parameters that a model registers; other tensors become parameters."""

    def __init__(self, parameters=None):
        super().__init__()
        self.update({} if parameters is None else parameters)

    def copy(self):
        """A dict of the same parameters."""
        return type(self)(dict(self))

    def fromkeys(self, keys, default=None):
        """A dict with the parameter ``default`` under each of the names."""
        return type(self)(dict.fromkeys(keys, default))

    def __or__(self, other):
        return type(self)({**self, **other})

    def __ror__(self, other):
        return type(self)({**other, **self})

    def __ior__(self, other):
        self.update(other)
        return self
