"""Sequences of different lengths in one tensor: padded, or packed without padding.

Packed sequences stand step by step: of all those that have a first element that, then of all that
have a second ..., the longest sequence first.
"""

from typing import NamedTuple

import numpy as np

from autotensor.ops.elementwise import where
from autotensor.ops.indexing import scatter_index
from autotensor.ops.joining import cat
from autotensor.ops.padding import pad
from autotensor.tensor import Tensor


class PackedSequence(NamedTuple):
    """Sequences step by step: ``data`` (sum of lengths, *), and how many are there at each step.

    ``sorted_indices`` are the places, in the batch as given, of the sequences from the longest on;
    ``unsorted_indices`` lead back. Both are None if the longest came first. Made by
    `pack_padded_sequence` and `pack_sequence`; `LSTM` and its like take and return it.
    """

    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None = None
    unsorted_indices: Tensor | None = None

    def to(self, *args, **kwargs):
        """The same sequences with ``data.to(...)``."""
        return self._replace(data=self.data.to(*args, **kwargs))

    def cpu(self):
        """The same sequences: all memory is the CPU's."""
        return self

    def float(self):
        """The same sequences as float32."""
        return self.to(np.float32)

    def double(self):
        """The same sequences as float64."""
        return self.to(np.float64)


def invert_permutation(permutation):
    """The permutation that undoes this one; None for None."""
    return None if permutation is None else Tensor(np.argsort(permutation.array))


def pack_padded_sequence(input, lengths, batch_first=False, enforce_sorted=True):
    """Pack padded sequences (T, N, *), or (N, T, *) if ``batch_first``, of the given lengths.

    ``enforce_sorted`` demands the longest first and checks it; otherwise they are sorted here.
    """
    x = input.transpose(0, 1) if batch_first else input
    lengths = np.asarray(lengths.array if isinstance(lengths, Tensor) else lengths, np.int64)
    if lengths.shape != (x.shape[1],):
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {len(lengths)} "
            f"(batch_size={x.shape[1]})"
        )
    if not lengths.size or lengths.min() <= 0:
        raise RuntimeError(
            "Length of all samples has to be greater than 0, but found an element in 'lengths' "
            f"that is <= 0: {lengths.tolist()}"
        )
    if lengths.max() > len(x):
        raise RuntimeError(f"lengths {lengths.tolist()} exceed the {len(x)} steps of {x.shape}")
    order = back = None
    if not enforce_sorted:
        order = Tensor(np.argsort(-lengths, kind="stable"))
        back = invert_permutation(order)
        x, lengths = x.index_select(1, order), lengths[order.array]
    elif (np.diff(lengths) > 0).any():
        raise RuntimeError(
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You "
            "can pass `enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to "
            f"sidestep this requirement; got {lengths.tolist()}"
        )
    there = np.arange(lengths[0])[:, None] < lengths
    return PackedSequence(x[: lengths[0]][there], Tensor(there.sum(1)), order, back)


def pad_packed_sequence(sequence, batch_first=False, padding_value=0.0, total_length=None):
    """Undo `pack_padded_sequence`: the padded sequences, and their lengths as int64.

    ``total_length`` is the number of steps, by default the length of the longest sequence.
    """
    data, sizes = sequence.data, sequence.batch_sizes.array
    there = np.arange(sizes[0]) < sizes[:, None]
    shape = (*there.shape, *data.shape[1:])
    x = scatter_index(data, (there,), shape, repeats=False)
    if padding_value:
        x = where(Tensor(there.reshape(*there.shape, *(1,) * (x.ndim - 2))), x, padding_value)
    lengths = Tensor(there.sum(0))
    if total_length is not None:
        if total_length < len(sizes):
            raise ValueError(
                f"Expected total_length to be at least the length of the longest sequence in input,"
                f" but got total_length={total_length} and max sequence length being {len(sizes)}"
            )
        more = (0, 0) * (x.ndim - 1) + (0, total_length - len(sizes))
        x = pad(x, more, value=padding_value)
    if sequence.unsorted_indices is not None:
        x = x.index_select(1, sequence.unsorted_indices)
        lengths = lengths.index_select(0, sequence.unsorted_indices)
    return (x.transpose(0, 1) if batch_first else x), lengths


def pad_sequence(sequences, batch_first=False, padding_value=0.0, padding_side="right"):
    """Tensors (L, *) of different lengths as one, (T, N, *), or (N, T, *) if ``batch_first``."""
    sequences = list(sequences)
    if padding_side not in ("left", "right"):
        raise RuntimeError(
            f"Expected padding_side to be one of left or right, but got {padding_side}."
        )
    if not sequences:
        raise RuntimeError("received an empty list of sequences")
    longest = max(len(x) for x in sequences)
    dim, padded = 0 if batch_first else 1, []
    for x in sequences:
        more = longest - len(x)
        more = (more, 0) if padding_side == "left" else (0, more)
        padded.append(pad(x, (0, 0) * (x.ndim - 1) + more, value=padding_value).unsqueeze(dim))
    return cat(padded, dim)


def unpad_sequence(padded_sequences, lengths, batch_first=False):
    """Undo `pad_sequence`: a list of tensors (L, *)."""
    x = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    return [x[i, : int(length)] for i, length in enumerate(lengths)]


def pack_sequence(sequences, enforce_sorted=True):
    """Pack tensors (L, *) of different lengths; ``enforce_sorted`` as in `pack_padded_sequence`."""
    sequences = list(sequences)
    lengths = [len(x) for x in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences):
    """Undo `pack_sequence`: a list of tensors (L, *)."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
