"""Learning-rate schedules: call ``scheduler.step()`` after ``optimizer.step()``."""

from autotensor.optim.lr_scheduler.base import LRScheduler
from autotensor.optim.lr_scheduler.combined import ChainedScheduler, SequentialLR
from autotensor.optim.lr_scheduler.cyclic import CosineAnnealingWarmRestarts, CyclicLR
from autotensor.optim.lr_scheduler.decay import (
    ConstantLR,
    CosineAnnealingLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiplicativeLR,
    MultiStepLR,
    PolynomialLR,
    StepLR,
)
from autotensor.optim.lr_scheduler.one_cycle import OneCycleLR
from autotensor.optim.lr_scheduler.plateau import ReduceLROnPlateau

__all__ = [
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]
