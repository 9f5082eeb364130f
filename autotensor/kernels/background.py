"""Threads that prepare data while another trains: their kernels leave the pool of threads to it."""

import threading

_here = threading.local()


def enter():
    """From now on kernels that this Python thread starts run on it alone."""
    _here.background = True


def is_background():
    """Whether this Python thread is such a one."""
    return getattr(_here, "background", False)
