"""Parameter: a tensor that a module trains; and parameters and buffers still without a shape."""

import numpy as np

from autotensor.devices import check as check_device
from autotensor.dtypes import as_dtype
from autotensor.engine import Node
from autotensor.tensor import Tensor

# The place of the array itself, which those below keep from being read.
_ARRAY = Tensor.array


class Parameter(Tensor):
    """A tensor that becomes a parameter of the :class:`Module` it is assigned to.

    Shares memory with ``data``, and records gradients unless ``requires_grad`` is false.
    """

    def __init__(self, data, requires_grad=True):
        if not isinstance(data, Tensor):
            raise TypeError(
                f"Parameter: expected a Tensor, got {type(data).__name__}: "
                "make one with autotensor.tensor(...)"
            )
        super().__init__(data.array)
        self.requires_grad_(requires_grad)

    def __repr__(self):
        return "Parameter containing:\n" + super().__repr__()


class _Uninitialized:
    """What is still without a shape: it is what it will be once `materialize` is called.

    It keeps its identity then, so that an optimizer may be made before.
    """

    __slots__ = ()
    cls_to_become = None

    def _start(self, requires_grad, device, dtype):
        check_device(device, type(self).__name__)
        self.node = self.origin = None
        _ARRAY.__set__(self, np.empty(0, np.float32 if dtype is None else as_dtype(dtype)))
        self.requires_grad_(requires_grad)

    def materialize(self, shape, device=None, dtype=None):
        """Become a tensor of this shape, of values not yet set."""
        check_device(device, "materialize")
        if dtype is not None:
            self.convert(as_dtype(dtype))
        self.become(np.empty(shape, self.dtype))

    def become(self, array):
        """Become a tensor of the values of ``array``."""
        array = array.astype(self.dtype, copy=False)
        self.__class__ = self.cls_to_become
        self.array = array
        if self.node is not None:
            self.node.shape, self.node.dtype = array.shape, array.dtype

    def convert(self, dtype):
        """Become of another dtype, later on."""
        self._start(self.requires_grad, None, dtype)

    def requires_grad_(self, requires_grad=True):
        """Ask for this leaf's gradient, or no longer."""
        self.node = Node((), self.dtype) if requires_grad else None
        if requires_grad:
            self.node.watched().keep = True
        return self

    @property
    def dtype(self):
        """The element type, a NumPy dtype."""
        return _ARRAY.__get__(self).dtype

    @property
    def shape(self):
        """RuntimeError: there is none yet."""
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer. This error usually "
            "happens in `load_state_dict` when trying to load an uninitialized parameter into an "
            "initialized one. Call `forward` to initialize the parameters before accessing their "
            "attributes."
        )

    @property
    def array(self):
        """ValueError: there is none yet."""
        raise ValueError(
            "Attempted to use an uninitialized parameter. This error happens when you are using a "
            f"`LazyModule` or explicitly manipulating `{type(self).__name__}` objects. When using "
            "LazyModules Call `forward` with a dummy batch to initialize the parameters before "
            "calling functions on them"
        )

    @array.setter
    def array(self, array):
        _ARRAY.__set__(self, array)

    def __repr__(self):
        return f"<{type(self).__name__}>"

    def __deepcopy__(self, memo):
        make, given = self.__reduce_ex__(4)
        memo[id(self)] = twin = make(*given)
        return twin


class UninitializedParameter(_Uninitialized, Parameter):
    """A `Parameter` whose shape is not known yet: `materialize` makes it one."""

    __slots__ = ()
    cls_to_become = Parameter

    def __init__(self, requires_grad=True, device=None, dtype=None):
        self._start(requires_grad, device, dtype)

    def __reduce_ex__(self, protocol):
        return type(self), (self.requires_grad, None, self.dtype)


class UninitializedBuffer(_Uninitialized, Tensor):
    """A buffer whose shape is not known yet: `materialize` makes it a tensor."""

    __slots__ = ()
    cls_to_become = Tensor

    def __init__(self, requires_grad=False, device=None, dtype=None):
        self._start(requires_grad, device, dtype)

    def __reduce_ex__(self, protocol):
        return type(self), (self.requires_grad, None, self.dtype)


def is_lazy(x):
    """Whether ``x`` is a parameter or buffer still without a shape."""
    return isinstance(x, _Uninitialized)
