"""What is known of tensors without a look at their elements, and single truth values."""

import math

from autotensor import dtypes
from autotensor.ops.arguments import tensor_of
from autotensor.tensor import Tensor

__all__ = ["is_complex", "is_floating_point", "is_nonzero", "numel", "result_type"]


class Size(tuple):
    """The sizes of a tensor as `Tensor.size` gives them: a tuple that counts the elements."""

    __slots__ = ()

    def numel(self):
        """The number of elements of a tensor of these sizes."""
        return math.prod(self)


def numel(input):
    """The number of elements."""
    return tensor_of(input, "numel").array.size


def is_floating_point(input):
    """Whether the dtype is a floating one."""
    return tensor_of(input, "is_floating_point").dtype.kind == "f"


def is_complex(input):
    """Whether the dtype is a complex one."""
    return tensor_of(input, "is_complex").dtype.kind == "c"


def is_nonzero(input):
    """Whether the only element is not 0; RuntimeError if there are more or none."""
    if tensor_of(input, "is_nonzero").array.size != 1:
        raise RuntimeError(f"the truth value of a tensor of shape {input.shape} is ambiguous")
    return bool(input)


def result_type(tensor1, tensor2):
    """The dtype of an operation on two tensors or numbers."""
    operands = [x.array if isinstance(x, Tensor) else x for x in (tensor1, tensor2)]
    return dtypes.result_type(*operands)
