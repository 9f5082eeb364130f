"""``torch.accelerator``: there is none."""

from autotensor.torch.cuda import synchronize

__all__ = ["current_accelerator", "device_count", "is_available", "synchronize"]


def is_available():
    """False: all work is the CPU's."""
    return False


def current_accelerator(check_available=False):
    """None: there is no accelerator."""
    return


def device_count():
    """0."""
    return 0
