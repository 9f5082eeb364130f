"""``torch.distributed``: one process, of rank 0."""

_SINGLE = "one process is all there is: run with world_size=1"


def is_available():
    """False."""
    return False


def is_initialized():
    """False."""
    return False


def init_process_group(
    backend=None, init_method=None, timeout=None, world_size=-1, rank=-1, **kwargs
):
    """Nothing, for a group of one; RuntimeError for more."""
    if world_size > 1:
        raise RuntimeError(f"init_process_group(world_size={world_size}): {_SINGLE}")


def destroy_process_group(group=None):
    """Nothing."""


def get_rank(group=None):
    """0."""
    return 0


def get_world_size(group=None):
    """1."""
    return 1


def barrier(group=None):
    """Nothing: there is nobody to wait for."""


def all_reduce(tensor, op=None, group=None, async_op=False):
    """Nothing: the sum over one process."""


def broadcast(tensor, src=0, group=None, async_op=False):
    """Nothing: the one process has it."""
