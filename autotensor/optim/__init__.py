"""Optimizers and learning-rate schedules, with PyTorch's names and trajectories."""

from autotensor.optim import lr_scheduler
from autotensor.optim.adagrad import Adadelta, Adagrad
from autotensor.optim.adam import Adam, AdamW
from autotensor.optim.adam_variants import Adamax, NAdam, RAdam
from autotensor.optim.lbfgs import LBFGS
from autotensor.optim.lion import Lion
from autotensor.optim.muon import Muon
from autotensor.optim.optimizer import Optimizer
from autotensor.optim.rmsprop import RMSprop
from autotensor.optim.sgd import SGD

__all__ = [
    "LBFGS",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Lion",
    "Muon",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "lr_scheduler",
]
