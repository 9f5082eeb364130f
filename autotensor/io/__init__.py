"""Saving and loading tensors: safetensors and npz."""

from autotensor.io.files import DataError
from autotensor.io.saving import load, save

__all__ = ["DataError", "load", "save"]
