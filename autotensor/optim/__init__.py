"""Optimizers and learning-rate schedules, with PyTorch's names and trajectories."""

from autotensor.optim import lr_scheduler
from autotensor.optim.adam import Adam, AdamW
from autotensor.optim.optimizer import Optimizer
from autotensor.optim.rmsprop import RMSprop
from autotensor.optim.sgd import SGD

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "RMSprop", "lr_scheduler"]
