"""``torch.cuda``: no such device. What prepares for one does nothing; what needs one raises."""

import time

from autotensor.torch import amp

__all__ = [
    "Event",
    "amp",
    "current_device",
    "device_count",
    "empty_cache",
    "get_device_name",
    "is_available",
    "is_bf16_supported",
    "is_initialized",
    "manual_seed",
    "manual_seed_all",
    "max_memory_allocated",
    "memory_allocated",
    "reset_peak_memory_stats",
    "set_device",
    "synchronize",
]


def is_available():
    """False: all work is the CPU's."""
    return False


def is_initialized():
    """False."""
    return False


def is_bf16_supported(including_emulation=True):
    """False."""
    return False


def device_count():
    """0."""
    return 0


def manual_seed(seed):
    """Nothing: `autotensor.manual_seed` seeds all random numbers."""


manual_seed_all = manual_seed


def synchronize(device=None):
    """Nothing: an operation is done when it returns."""


def empty_cache():
    """Nothing: there is no memory of another device."""


def memory_allocated(device=None):
    """0 bytes."""
    return 0


max_memory_allocated = memory_allocated


def reset_peak_memory_stats(device=None):
    """Nothing."""


def _no_device(*args, **kwargs):
    raise RuntimeError('there is no CUDA device: ask torch.cuda.is_available(), and use "cpu"')


current_device = get_device_name = set_device = _no_device


class Event:
    """A moment; on a CPU simply the time when `record` was called."""

    def __init__(self, enable_timing=False, blocking=False, interprocess=False):
        self._time = None

    def record(self, stream=None):
        """Take the time."""
        self._time = time.perf_counter()

    def synchronize(self):
        """Nothing: the work before the event is done."""

    def query(self):
        """True: the work before the event is done."""
        return True

    def elapsed_time(self, end_event):
        """Milliseconds from this event to another."""
        if self._time is None or end_event._time is None:
            raise RuntimeError("elapsed_time: record() both events first")
        return 1e3 * (end_event._time - self._time)
