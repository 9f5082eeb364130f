"""1x1 convolution of dense images: a product of all pixels' channels with one matrix.

There are many more pixels than channels. A task takes its pixels a block at a time: few enough
that they stay in the first-level cache while all panels of the matrix go by, and that the next
block can be brought near meanwhile. Results are made in a block of their own and leave it in the
order of memory, whatever the number of channels.
"""

import numpy as np

from autotensor.kernels import scratch, threads
from autotensor.kernels.channels import Output, expect, fetch_rows, gather, normalise_rows, parts_of
from autotensor.kernels.gemm import ONE, PANEL, ROWS, ZEROS, multiply_panel, multiply_runs
from autotensor.kernels.jit import Kernel
from autotensor.kernels.layout import is_streamed
from autotensor.kernels.panels import matrices, pack, unpack, whole_panels
from autotensor.kernels.rows import copy_floats, rectify_floats, stream_floats
from autotensor.kernels.simd import integers, load_integer, prefetch

_BLOCK = 2 * ROWS  # pixels that are multiplied at once
_TASK = 40 * _BLOCK  # pixels of a task
_DEPTH = 96  # pixels that a weight gradient adds up at once
_APART = 16  # floats between the lines of a block, that they do not all fall into the same sets
_SHARES = 16  # partial sums of a weight gradient, if they fit _SUM_FLOATS
_SUM_FLOATS = 3 << 20
_LINE = 16  # floats of a cache line


@Kernel
def _convolve(task, worker, arguments):
    """Some pixels of the result, and of each channel what is asked for: see `channels.Output`."""
    x, line, filters, bias, pixels, channels, columns, memory, size, zero, rectified, streamed = (
        integers(arguments, 12)
    )
    output = arguments + 96
    out = load_integer(output, 0)
    part = memory + 4 * size * worker
    panels = -(-columns // PANEL)
    made = part + 4 * _BLOCK * panels * PANEL
    end = min((task + 1) * _TASK, pixels)
    for first in range(task * _TASK, end, _BLOCK):
        count = min(_BLOCK, end - first)
        source = x + 4 * first * channels
        a = made if line else source
        if line:
            normalise_rows(source, line, made, channels, count, channels, 0)
        lines = count * channels // _LINE
        for p in range(panels):
            for near in range(p * lines // panels, (p + 1) * lines // panels):
                prefetch(source + 4 * (count * channels + near * _LINE))
            expect(output, first, count, columns, p, panels)
            multiply_runs(a, channels, 1, filters + 4 * p * channels * PANEL, PANEL,
                          part + 4 * p * PANEL, panels * PANEL, bias + 4 * p * PANEL, 0, count,
                          1, zero, channels)  # fmt: skip
        if rectified:
            rectify_floats(part, count * panels * PANEL)
        to = out + 4 * first * columns
        if streamed:
            stream_floats(to, part, count * columns)
        else:
            for i in range(count):
                copy_floats(to + 4 * i * columns, part + 4 * i * panels * PANEL, columns)
        gather(output, task, first, part, panels * PANEL, count, columns, first % _TASK == 0)


@Kernel
def _weight_gradient(task, worker, arguments):
    """The matrix's gradient from a share of the pixels, in packed panels.

    The last row of a panel is the sum of the rows of ``g``, if the bias's gradient is wanted.
    """
    x, line, g, parts, pixels, channels, columns, memory, size, shares, biased, zeros, one = (
        integers(arguments, 13)
    )
    x_line = channels + _APART
    panels = -(-columns // PANEL)
    g_line = panels * PANEL + _APART
    x_part = memory + 4 * size * worker
    g_part = x_part + 4 * _DEPTH * x_line
    height = channels + biased
    parts += 4 * task * panels * height * PANEL
    blocks = -(-pixels // _DEPTH)
    begin, end = task * blocks // shares, (task + 1) * blocks // shares
    for block in range(begin, end):
        first = block * _DEPTH
        depth = min(_DEPTH, pixels - first)
        fetch_rows(x + 4 * first * channels, line, x_part, x_line, depth, channels)
        for i in range(depth):
            copy_floats(g_part + 4 * i * g_line, g + 4 * (first + i) * columns, columns)
        for p in range(panels):
            to = parts + 4 * p * height * PANEL
            start, step = (to, PANEL) if block > begin else (zeros, 0)
            multiply_runs(x_part, 1, x_line, g_part + 4 * p * PANEL, g_line, to, PANEL, start,
                          step, channels, 1, zeros, depth)  # fmt: skip
            if biased:
                multiply_panel(one, 0, 0, g_part + 4 * p * PANEL, g_line,
                               to + 4 * channels * PANEL, PANEL, 1, depth, int(block > begin),
                               zeros)  # fmt: skip


def _matrix(w):
    """(O, C, 1, 1) as the matrix (C, O), of one group."""
    return matrices(w[None], rows=(2,), columns=(1,))


def convolve(x, w, out, bias=None, rectified=False, gathered=None):
    """Convolution (N, H, W, C) * (O, C, 1, 1) + (O,) -> (N, H, W, O), written to ``out``.

    ``x`` and ``out`` are dense; ``x`` may be `Normalised`. If ``rectified``, what is below 0
    becomes 0. Returns the sums that are to be ``gathered`` (see `channels.Output`).
    """
    channels, columns = x.shape[3], out.shape[3]
    pixels = out.size // columns
    filters, bias = _matrix(w), whole_panels(bias, 1, columns)
    size = _BLOCK * (bias.size + channels)
    streamed = is_streamed(out) and columns == bias.size
    tasks = -(-pixels // _TASK)
    output = Output(out, tasks, gathered)
    with scratch.borrow(filters.size, size * threads.get_num_threads()) as (packed, memory):
        pack(filters, packed)
        threads.launch(_convolve, tasks, *parts_of(x), packed, bias, pixels, channels, columns,
                       memory, size, ZEROS, rectified, streamed, *output.arguments)  # fmt: skip
    return output.sums(np.minimum(_TASK, pixels - _TASK * np.arange(tasks)))


def weight_gradient(x, g, out, biased):
    """Adjoint of `convolve` in ``w``, written to ``out`` (O, C, 1, 1); ``g`` is dense, too.

    Returns the adjoint in the bias, (O,), if ``biased``.
    """
    channels, columns = x.shape[3], g.shape[3]
    pixels = g.size // columns
    filters = _matrix(out)
    height, width = channels + biased, filters.packed_shape[1] * PANEL
    shares = max(2, min(_SHARES, _SUM_FLOATS // (height * width)))
    shares = min(shares, -(-pixels // _DEPTH))
    size = _DEPTH * (channels + width + 2 * _APART)
    with scratch.borrow(shares * height * width, size * threads.get_num_threads()) as buffers:
        parts, memory = buffers
        memory.fill(0)  # beside the last columns
        threads.launch(_weight_gradient, shares, *parts_of(x), g, parts, pixels, channels, columns,
                       memory, size, shares, biased, ZEROS, ONE)  # fmt: skip
        parts = parts.reshape(shares, 1, -1, height, PANEL)
        sums = parts[..., -1, :].sum(axis=0).reshape(-1)[:columns] if biased else None
        unpack(parts, filters)
    return sums
