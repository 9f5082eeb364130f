"""Spectral normalisation: a weight over its largest singular value (Miyato et al., 2018)."""

import numpy as np

from autotensor.creation import default_generator
from autotensor.memory import overwrite
from autotensor.modes import no_grad
from autotensor.nn.parameter import Parameter
from autotensor.nn.utils.weight_norm import find
from autotensor.tensor import Tensor


def as_matrix(weight, dim):
    """The weight with ``dim`` as rows and all else as columns."""
    return weight.movedim(dim, 0).reshape(weight.shape[dim], -1)


def random_unit(size, dtype, eps):
    """A vector of length 1 in a random direction."""
    drawn = default_generator.numpy.standard_normal(size)
    return Tensor((drawn / max(np.linalg.norm(drawn), eps)).astype(dtype))


def iterate(matrix, u, v, times, eps):
    """Power iteration: move ``v``, then ``u``, in place towards the first singular vectors."""
    for _ in range(times):
        for vector, transform, other in ((v, matrix.array.T, u), (u, matrix.array, v)):
            found = transform @ other.array
            overwrite(vector, found / max(np.linalg.norm(found), eps))


def over_largest(weight, matrix, u, v):
    """The weight over its largest singular value, by its singular vectors."""
    # Copies: backward needs what the vectors are now.
    return weight / (u.detach().clone() * (matrix @ v.detach().clone())).sum()


class SpectralNorm:
    """The hook that makes the weight ``name`` from ``name_orig`` and the buffers of iteration."""

    def __init__(self, name, n_power_iterations, dim, eps):
        if n_power_iterations <= 0:
            raise ValueError(
                f"Expected n_power_iterations to be positive, but got {n_power_iterations}"
            )
        self.name, self.dim, self.eps = name, dim, eps
        self.n_power_iterations = n_power_iterations

    def compute_weight(self, module, times):
        """The weight, after some steps of iteration."""
        weight = getattr(module, f"{self.name}_orig")
        u, v = getattr(module, f"{self.name}_u"), getattr(module, f"{self.name}_v")
        matrix = as_matrix(weight, self.dim)
        iterate(matrix, u, v, times, self.eps)
        return over_largest(weight, matrix, u, v)

    def __call__(self, module, inputs):
        times = self.n_power_iterations if module.training else 0
        setattr(module, self.name, self.compute_weight(module, times))


def is_transposed(module):
    """Whether the outputs of a layer are its weight's second dimension."""
    return getattr(module, "transposed", False)


def spectral_norm(module, name="weight", n_power_iterations=1, eps=1e-12, dim=None):
    """Divide the parameter ``name`` by its largest singular value, before each forward.

    In training ``n_power_iterations`` steps of power iteration follow it. The parameter is then
    ``name_orig``. ``dim`` is that of the outputs, which become rows.
    """
    if find(module, SpectralNorm, name) is not None:
        raise RuntimeError(f"Cannot register two spectral_norm hooks on the same parameter {name}")
    dim = int(is_transposed(module)) if dim is None else dim
    hook, weight = SpectralNorm(name, n_power_iterations, dim, eps), getattr(module, name)
    rows, columns = as_matrix(weight.detach(), dim).shape
    delattr(module, name)
    module.register_parameter(f"{name}_orig", weight)
    setattr(module, name, weight.detach())
    module.register_buffer(f"{name}_u", random_unit(rows, weight.dtype, eps))
    module.register_buffer(f"{name}_v", random_unit(columns, weight.dtype, eps))
    module.register_forward_pre_hook(hook)
    return module


def remove_spectral_norm(module, name="weight"):
    """Undo `spectral_norm`: the weight as it is now becomes the parameter ``name`` again."""
    key = find(module, SpectralNorm, name)
    if key is None:
        raise ValueError(f"spectral_norm of '{name}' not found in {module}")
    _, hook, _ = module._hooks.pop(key)
    with no_grad():
        weight = hook.compute_weight(module, 0)
    for part in (name, f"{name}_orig", f"{name}_u", f"{name}_v"):
        delattr(module, part)
    setattr(module, name, Parameter(weight))
    return module
