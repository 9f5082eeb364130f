"""Normalisation layers."""

from autotensor import creation
from autotensor.creation import ones, zeros
from autotensor.nn import check, functional, init
from autotensor.nn.module import Module
from autotensor.nn.parameter import Parameter


def _add_affine(layer, shape, scaled, shifted, device, dtype):
    """Register ``weight`` (ones) and ``bias`` (zeros), or None where not wanted."""
    made = {"device": device, "dtype": dtype}
    layer.register_parameter("weight", Parameter(ones(shape, **made)) if scaled else None)
    layer.register_parameter("bias", Parameter(zeros(shape, **made)) if shifted else None)


def _reset_affine(layer):
    if layer.weight is not None:
        init.ones_(layer.weight)
    if layer.bias is not None:
        init.zeros_(layer.bias)


class _RunningNorm(Module):
    """What norms with running statistics share: hyper-parameters, parameters, buffers, checks."""

    ranks = None  # the numbers of dimensions accepted; None: any from 2 on
    _optional_state = frozenset({"num_batches_tracked"})  # old PyTorch checkpoints lack it

    def __init__(
        self,
        num_features,
        eps=1e-5,
        momentum=0.1,
        affine=True,
        track_running_stats=True,
        device=None,
        dtype=None,
        *,
        bias=True,
    ):
        super().__init__()
        self.num_features = check.integer(self, "num_features", num_features)
        self.eps = check.number(self, "eps", eps, 0)
        self.momentum = None if momentum is None else check.number(self, "momentum", momentum, 0, 1)
        self.affine = affine
        self.track_running_stats = track_running_stats
        made = {"device": device, "dtype": dtype}
        _add_affine(self, (num_features,), affine, affine and bias, device, dtype)
        tracked = track_running_stats
        self.register_buffer("running_mean", zeros(num_features, **made) if tracked else None)
        self.register_buffer("running_var", ones(num_features, **made) if tracked else None)
        self.register_buffer("num_batches_tracked", creation.tensor(0) if tracked else None)

    def reset_running_stats(self):
        """Forget the running statistics: mean 0, variance 1."""
        if self.track_running_stats:
            init.zeros_(self.running_mean)
            init.ones_(self.running_var)
            init.zeros_(self.num_batches_tracked)

    def reset_parameters(self):
        """Weight 1, bias 0, running statistics forgotten."""
        self.reset_running_stats()
        _reset_affine(self)

    def _check_rank(self, input):
        if self.ranks is None:
            if input.ndim < 2:
                raise ValueError(f"expected at least 2D input (got {input.ndim}D input)")
        elif input.ndim not in self.ranks:
            expected = " or ".join(f"{rank}D" for rank in self.ranks)
            raise ValueError(
                f"{type(self).__name__}: expected {expected} input "
                f"(got {input.ndim}D input of shape {tuple(input.shape)})"
            )

    def extra_repr(self):
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, "
            f"affine={self.affine}, bias={self.bias is not None}, "
            f"track_running_stats={self.track_running_stats}"
        )


class BatchNorm(_RunningNorm):
    """Normalise every channel over the batch: (N, C, *) -> the same shape, any rank.

    y = (x - mean) / sqrt(var + eps) * weight + bias. Training uses the statistics of the batch and
    moves the running ones by ``momentum`` (None: their plain average); evaluation uses the running
    ones (Ioffe and Szegedy, 2015).
    """

    def forward(self, input):
        self._check_rank(input)
        training, momentum = self.training, self.momentum
        mean, var = self.running_mean, self.running_var
        if training and self.track_running_stats:
            self.num_batches_tracked.array[...] += 1
            if momentum is None:
                momentum = 1.0 / self.num_batches_tracked.item()
        return functional.batch_norm(
            input, mean, var, self.weight, self.bias, training or mean is None, momentum, self.eps
        )


class BatchNorm1d(BatchNorm):
    """`BatchNorm` for (N, C) or (N, C, L)."""

    ranks = (2, 3)


class BatchNorm2d(BatchNorm):
    """`BatchNorm` for (N, C, H, W)."""

    ranks = (4,)


class BatchNorm3d(BatchNorm):
    """`BatchNorm` for (N, C, D, H, W)."""

    ranks = (5,)


class InstanceNorm(_RunningNorm):
    """Normalise every channel of every sample: (N, C, *) -> the same shape, any rank.

    As `BatchNorm`, but over each sample alone (Ulyanov et al., 2016); without learned or running
    values unless asked for.
    """

    def __init__(
        self,
        num_features,
        eps=1e-5,
        momentum=0.1,
        affine=False,
        track_running_stats=False,
        device=None,
        dtype=None,
        *,
        bias=True,
    ):
        check.number(self, "momentum", momentum, 0, 1)
        super().__init__(
            num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias
        )

    def forward(self, input):
        self._check_rank(input)
        mean, var = self.running_mean, self.running_var
        of_input = self.training or mean is None
        return functional.instance_norm(
            input, mean, var, self.weight, self.bias, of_input, self.momentum, self.eps
        )


class InstanceNorm1d(InstanceNorm):
    """`InstanceNorm` for (N, C, L)."""

    ranks = (3,)


class InstanceNorm2d(InstanceNorm):
    """`InstanceNorm` for (N, C, H, W)."""

    ranks = (4,)


class InstanceNorm3d(InstanceNorm):
    """`InstanceNorm` for (N, C, D, H, W)."""

    ranks = (5,)


class GroupNorm(Module):
    """Normalise every sample over groups of channels: (N, C, *) -> the same shape.

    y = (x - mean) / sqrt(var + eps) * weight + bias, weight and bias by channel (Wu and He, 2018).
    """

    def __init__(
        self,
        num_groups,
        num_channels,
        eps=1e-5,
        affine=True,
        device=None,
        dtype=None,
        *,
        bias=True,
    ):
        super().__init__()
        self.num_groups = check.integer(self, "num_groups", num_groups)
        self.num_channels = check.integer(self, "num_channels", num_channels)
        if num_channels % num_groups:
            raise ValueError(
                f"GroupNorm: num_channels ({num_channels}) must be divisible by "
                f"num_groups ({num_groups})"
            )
        self.eps = check.number(self, "eps", eps, 0)
        self.affine = affine
        _add_affine(self, (num_channels,), affine, affine and bias, device, dtype)

    def reset_parameters(self):
        """Weight 1, bias 0."""
        _reset_affine(self)

    def forward(self, input):
        return functional.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self):
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


class LayerNorm(Module):
    """Normalise every sample over its last dimensions: (*, *normalized_shape) -> the same shape.

    y = (x - mean) / sqrt(var + eps) * weight + bias (Ba, Kiros and Hinton, 2016).
    """

    def __init__(
        self,
        normalized_shape,
        eps=1e-5,
        elementwise_affine=True,
        bias=True,
        device=None,
        dtype=None,
    ):
        super().__init__()
        self.normalized_shape = _sizes(self, normalized_shape)
        self.eps = check.number(self, "eps", eps, 0)
        self.elementwise_affine = elementwise_affine
        shifted = elementwise_affine and bias
        _add_affine(self, self.normalized_shape, elementwise_affine, shifted, device, dtype)

    def reset_parameters(self):
        """Weight 1, bias 0."""
        _reset_affine(self)

    def forward(self, input):
        return functional.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self):
        return (
            f"{self.normalized_shape}, eps={self.eps}, "
            f"elementwise_affine={self.elementwise_affine}, bias={self.bias is not None}"
        )


def _sizes(layer, normalized_shape):
    """The sizes of the last dimensions as a tuple; one may be given as an int."""
    rank = len(normalized_shape) if isinstance(normalized_shape, (tuple, list)) else 1
    if rank == 0:
        name = type(layer).__name__
        raise ValueError(f"{name}: normalized_shape must have at least one size, got ()")
    return check.integers(layer, "normalized_shape", normalized_shape, rank)


class RMSNorm(Module):
    """x / sqrt(mean(x^2) + eps) * weight over the last dimensions: (*, *normalized_shape) -> same.

    ``eps`` is that of the dtype unless given (Zhang and Sennrich, 2019).
    """

    def __init__(
        self, normalized_shape, eps=None, elementwise_affine=True, device=None, dtype=None
    ):
        super().__init__()
        self.normalized_shape = _sizes(self, normalized_shape)
        self.eps = None if eps is None else check.number(self, "eps", eps, 0)
        self.elementwise_affine = elementwise_affine
        made = {"device": device, "dtype": dtype}
        weight = Parameter(ones(self.normalized_shape, **made)) if elementwise_affine else None
        self.register_parameter("weight", weight)

    def reset_parameters(self):
        """Weight 1."""
        if self.weight is not None:
            init.ones_(self.weight)

    def forward(self, input):
        return functional.rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self):
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
        )


class LocalResponseNorm(Module):
    """x / (k + alpha mean(x^2))^beta over ``size`` channels around each: (N, C, *) -> same.

    (Krizhevsky et al., 2012.)
    """

    def __init__(self, size, alpha=1e-4, beta=0.75, k=1.0):
        super().__init__()
        self.size = check.integer(self, "size", size)
        self.alpha, self.beta, self.k = alpha, beta, k

    def forward(self, input):
        return functional.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self):
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
