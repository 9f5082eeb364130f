"""Layers that only change the shape."""

from autotensor.nn import check, functional
from autotensor.nn.module import Module


class Flatten(Module):
    """Join the dimensions from ``start_dim`` to ``end_dim``: (N, C, H, W) -> (N, C H W)."""

    def __init__(self, start_dim=1, end_dim=-1):
        super().__init__()
        self.start_dim = check.integer(self, "start_dim", start_dim, minimum=-64)
        self.end_dim = check.integer(self, "end_dim", end_dim, minimum=-64)

    def forward(self, input):
        return functional.flatten(input, self.start_dim, self.end_dim)

    def extra_repr(self):
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """Split the dimension ``dim`` into sizes: (N, C H W) -> (N, C, H, W); one may be -1."""

    def __init__(self, dim, unflattened_size):
        super().__init__()
        if not isinstance(unflattened_size, (tuple, list)):
            raise TypeError(
                f"Unflatten: unflattened_size must be a tuple, got {unflattened_size!r}"
            )
        self.dim = check.integer(self, "dim", dim, minimum=-64)
        self.unflattened_size = tuple(
            check.integer(self, "unflattened_size", size, minimum=-1) for size in unflattened_size
        )

    def forward(self, input):
        return functional.unflatten(input, self.dim, self.unflattened_size)

    def extra_repr(self):
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
