"""Which running functions are operations: told by their code, so that nothing has to be wrapped."""

import functools
import inspect
import operator
from importlib import import_module
from pkgutil import iter_modules
from types import FunctionType

from autotensor import ops
from autotensor.autograd import Function
from autotensor.nn import functional
from autotensor.ops import conversion, methods
from autotensor.tensor import Tensor

_BINDERS = (
    methods.__name__,
    conversion.__name__,
)  # of functions to Tensor, with doors of their own


def operation_name(frame):
    """The name of the operation that ``frame`` runs; None for other functions, helpers too."""
    name = _names().get(id(frame.f_code))
    return name(frame.f_locals) if callable(name) else name


def is_operation(code):
    """Whether functions that run ``code`` are operations."""
    return id(code) in _names()


def arguments(frame):
    """Pairs of name and value: what a running function was given, members of sequences singly."""
    code, values = frame.f_code, frame.f_locals
    count = code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & inspect.CO_VARARGS)
    for name in code.co_varnames[:count]:
        value = values.get(name)
        if isinstance(value, (tuple, list)):
            yield from ((f"{name}[{place}]", part) for place, part in enumerate(value))
        else:
            yield name, value


@functools.cache
def _names():
    """Names by the id of the code; of code that several operations share, how to find the name."""
    # One code for all methods that write an operation's result, and for those that reshape.
    in_place = Tensor.mul_.__code__, Tensor.t_.__code__
    names = {id(code): lambda values: f"{values['function'].__name__}_" for code in in_place}
    names[id(Function.apply.__func__.__code__)] = lambda values: values["cls"].__name__
    for function in _functions():
        code, name = inspect.unwrap(function).__code__, function.__name__
        if function.__code__ not in in_place:
            shared = names.get(id(code), name) != name
            names[id(code)] = operator.itemgetter("name") if shared else name
    return names


def _functions():
    """The public functions on tensors: of the families of operations, methods, the functional."""
    families = [import_module(f"{ops.__name__}.{m.name}") for m in iter_modules(ops.__path__)]
    for module in [*families, functional]:
        yield from (getattr(module, name) for name in getattr(module, "__all__", ()))
    for method in vars(Tensor).values():
        if isinstance(method, FunctionType):
            module = inspect.unwrap(method).__module__
            if module.startswith(ops.__name__) and module not in _BINDERS:
                yield method
