"""``torch.utils``: its modules."""

from autotensor import checkpoint, data
from autotensor.torch import tensorboard

__all__ = ["checkpoint", "data", "tensorboard"]
