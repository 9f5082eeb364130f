"""Learning-rate schedules: call ``scheduler.step()`` after ``optimizer.step()``."""

from autotensor.optim.lr_scheduler.base import LRScheduler
from autotensor.optim.lr_scheduler.decay import (
    CosineAnnealingLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiStepLR,
    StepLR,
)
from autotensor.optim.lr_scheduler.one_cycle import OneCycleLR
from autotensor.optim.lr_scheduler.plateau import ReduceLROnPlateau

__all__ = [
    "CosineAnnealingLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "OneCycleLR",
    "ReduceLROnPlateau",
    "StepLR",
]
