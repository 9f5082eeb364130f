"""The parameters of a model as one vector, and back."""

from autotensor.memory import overwrite
from autotensor.ops.joining import cat
from autotensor.tensor import Tensor


def parameters_to_vector(parameters):
    """All parameters in a row, as one differentiable vector."""
    return cat([p.reshape(-1) for p in list(parameters)])


def vector_to_parameters(vec, parameters):
    """Copy consecutive pieces of a vector into the parameters."""
    parameters = list(parameters)
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected a Tensor, but got {type(vec).__name__}")
    total = sum(p.array.size for p in parameters)
    if vec.shape != (total,):
        raise ValueError(
            f"vector_to_parameters: the parameters have {total} elements, got a vector of "
            f"shape {vec.shape}"
        )
    start = 0
    for parameter in parameters:
        end = start + parameter.array.size
        overwrite(parameter, vec.array[start:end].reshape(parameter.shape))
        start = end
