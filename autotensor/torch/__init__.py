"""PyTorch programs, run by autotensor: ``python -m autotensor.torch script.py``.

The modules beside this file answer for what a CPU does not have (other devices, mixed precision,
compilation, distribution): truthfully, and without doing anything.
"""

from autotensor.torch.hook import install

__all__ = ["install"]
