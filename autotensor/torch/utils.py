"""``torch.utils``: its modules."""

from autotensor import data
from autotensor.torch import tensorboard

__all__ = ["data", "tensorboard"]
