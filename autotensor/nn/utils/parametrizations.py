"""Ready-made parametrizations: weight and spectral normalisation."""

from autotensor.nn.module import Module
from autotensor.nn.utils.parametrize import register_parametrization
from autotensor.nn.utils.spectral_norm import (
    as_matrix,
    is_transposed,
    iterate,
    over_largest,
    random_unit,
)
from autotensor.nn.utils.weight_norm import norm_except_dim, weighed


class _WeightNorm(Module):
    def __init__(self, dim):
        super().__init__()
        self.dim = dim

    def forward(self, weight_g, weight_v):
        return weighed(weight_v, weight_g, self.dim)

    def right_inverse(self, weight):
        return norm_except_dim(weight, self.dim), weight


def weight_norm(module, name="weight", dim=0):
    """Let the parameter ``name`` be its lengths, ``original0``, times its directions.

    The lengths are those along all dimensions but ``dim`` (None: one length) (Salimans and Kingma,
    2016). They are in ``module.parametrizations``; returns ``module``.
    """
    return register_parametrization(module, name, _WeightNorm(dim), unsafe=True)


class _SpectralNorm(Module):
    def __init__(self, weight, n_power_iterations, dim, eps):
        super().__init__()
        if not -weight.ndim <= dim < weight.ndim:
            raise IndexError(f"Dimension out of range: dim is {dim}, the weight {weight.shape}")
        if n_power_iterations <= 0:
            raise ValueError(
                f"Expected n_power_iterations to be positive, but got {n_power_iterations}"
            )
        self.dim, self.eps, self.n_power_iterations = dim % weight.ndim, eps, n_power_iterations
        if weight.ndim > 1:
            matrix = as_matrix(weight.detach(), self.dim)
            for name, size in zip(("_u", "_v"), matrix.shape, strict=True):
                self.register_buffer(name, random_unit(size, weight.dtype, eps))
            iterate(matrix.transpose(0, 1), self._v, self._u, 15, eps)

    def forward(self, weight):
        if weight.ndim == 1:
            return weight / weight.norm().clamp(min=self.eps)
        matrix = as_matrix(weight, self.dim)
        if self.training:
            turned = matrix.transpose(0, 1)  # the vector of rows moves first
            iterate(turned, self._v, self._u, self.n_power_iterations, self.eps)
        return over_largest(weight, matrix, self._u, self._v)

    def right_inverse(self, value):
        return value


def spectral_norm(module, name="weight", n_power_iterations=1, eps=1e-12, dim=None):
    """Let the parameter ``name`` be what it is over its largest singular value.

    Each time it is read in training, ``n_power_iterations`` steps of power iteration follow it
    (Miyato et al., 2018). ``dim`` is that of the outputs; returns ``module``.
    """
    dim = int(is_transposed(module)) if dim is None else dim
    norm = _SpectralNorm(getattr(module, name), n_power_iterations, dim, eps)
    return register_parametrization(module, name, norm)
