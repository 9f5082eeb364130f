"""Where the elements of a tensor lie, and getting them out: bound as methods in `methods`."""

from autotensor.memory import lend


def stride(x, dim=None):
    """Steps from one element to the next along each dimension, in elements."""
    steps = tuple(s // x.itemsize for s in x.array.strides)
    return steps if dim is None else steps[dim]


def is_contiguous(x, memory_format=None):
    """Whether the elements lie in row order."""
    return x.array.flags.c_contiguous


def element_size(x):
    """Bytes per element."""
    return x.itemsize


def data_ptr(x):
    """The address of the first element."""
    return x.array.__array_interface__["data"][0]


def storage_offset(x):
    """The place of the first element in the memory that a view shares, in elements."""
    base = x.array
    while getattr(base, "base", None) is not None and hasattr(base.base, "__array_interface__"):
        base = base.base
    return (data_ptr(x) - base.__array_interface__["data"][0]) // x.itemsize


def item(x):
    """The only element as a Python number; RuntimeError if there are more or none."""
    if x.array.size != 1:
        raise RuntimeError(f"a tensor of {x.array.size} elements, shape {x.shape}, is no number")
    return x.array.item()


def tolist(x):
    """The elements as (nested lists of) Python numbers."""
    return x.array.tolist()


def numpy(x, *, force=False):
    """The elements as a NumPy array on the same memory."""
    if x.requires_grad and not force:
        raise RuntimeError(
            "numpy() on a tensor that requires grad would lose its history: x.detach().numpy()"
        )
    return lend(x.array)


def cpu(x):
    """The tensor itself: it is on the CPU."""
    return x


pin_memory = share_memory_ = cpu


def cuda(x, device=None, non_blocking=False):
    """RuntimeError: there is no such device."""
    return x.to("cuda")
