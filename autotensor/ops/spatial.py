"""What convolution and pooling share: sizes per axis, and every input as a batch of images."""

import operator

from autotensor.ops.arguments import tensor_of
from autotensor.ops.shape import reshape


def per_axis(value, rank, what, name, least):
    """An int, or one per spatial axis, as a tuple of ``rank`` ints that are at least ``least``."""
    given = value if isinstance(value, (tuple, list)) else (value,)
    wanted = "an int" if rank == 1 else f"an int or {rank} ints"
    try:
        sizes = tuple([operator.index(n) for n in given])
    except TypeError:
        raise TypeError(f"{name}: {what} is {wanted}, got {value!r}") from None
    if len(sizes) not in (1, rank):
        raise RuntimeError(f"{name}: {what} is {wanted}, got {value!r}")
    if min(sizes) < least:
        limit = "be positive" if least else "not be negative"
        raise RuntimeError(f"{name}: {what} must {limit}, got {value!r}")
    return sizes if len(sizes) == rank else sizes * rank


def as_pair(sizes, neutral):
    """Sizes of one or two axes as those of height and width; a sequence has no height."""
    return sizes if len(sizes) == 2 else (neutral, *sizes)


def to_images(x, rank, name):
    """Sequences (N, C, L) or images (N, C, H, W), with or without N, as (N, C, H, W).

    A sequence becomes an image of height 1, an example without a batch a batch of one.
    """
    if tensor_of(x, name).ndim not in (rank + 1, rank + 2):
        axes = "C, L" if rank == 1 else "C, H, W"
        raise RuntimeError(f"{name}: expected input (N, {axes}) or ({axes}), got shape {x.shape}")
    if x.ndim == 4:
        return x
    *batch, c = x.shape[:-rank]
    return reshape(x, *(batch or (1,)), c, *as_pair(x.shape[-rank:], 1))


def from_images(images, x, rank):
    """What was made of ``to_images(x, rank)`` in the layout of ``x``."""
    if x.ndim == 4:
        return images
    n, c, *size = images.shape
    batch = (n,) if x.ndim == rank + 2 else ()
    return reshape(images, *batch, c, *size[-rank:])
