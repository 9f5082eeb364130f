"""Depthwise convolution: every channel has its own filter, so lanes are channels throughout.

Lines of the image are copied, between the zeros of the padding, to a ring that holds those under
the window; then each vector of channels runs along them with its filter in registers. The input
gradient is the same sum with the images exchanged: pixel ``y`` was seen by tap ``i`` from ``(y +
padding - i * dilation) / stride``, if whole, so pixels ``stride`` apart are seen by the same taps.
"""

import numpy as np
from llvmlite import ir
from numba import int64, types
from numba.core import cgutils
from numba.extending import intrinsic

from autotensor.kernels import scratch, threads
from autotensor.kernels.channels import Output, expect, fetch_rows, gather, parts_of
from autotensor.kernels.jit import Kernel, serial
from autotensor.kernels.rows import zero_floats
from autotensor.kernels.simd import (
    LLVM_VECTOR,
    WIDTH,
    emit_fma,
    emit_load,
    emit_loop,
    emit_pointer,
    emit_prefetch,
    emit_store,
    integers,
    load_integer,
    prefetch_to_write,
    splat,
    store,
    store_integer,
)

_ROWS = 16  # lines of the result that a task makes
_SHARES = 16  # partial sums of a weight gradient
_SIDE = 3  # lines, and columns, of a filter that are in registers at once: 9 of 16
_BYTES = 4 * WIDTH  # of a vector

_i64 = ir.IntType(64)
_ZERO = ir.Constant(LLVM_VECTOR, [0.0] * WIDTH)


def _load(builder, base, *moves):
    """The vector at an address moved by some bytes."""
    for move in moves:
        base = builder.add(base, move)
    return emit_load(builder, base, _i64(0))


def _dot(builder, xs, ws, total=_ZERO):
    """``total`` and the products of pixels and taps, a vector of channels each."""
    for x, w in zip(xs, ws, strict=True):
        total = emit_fma(builder, x, w, total)
    return total


def _for_lines(emit):
    """Code for one to `_SIDE` lines of the image and of the filter.

    A table has two numbers for each line, to which the addresses ``x`` and ``w`` are added.
    """

    def codegen(context, builder, signature, args):
        table, lines, x, w, *others = args
        for count in range(1, _SIDE + 1):
            with builder.if_then(builder.icmp_signed("==", lines, _i64(count))):
                places = [emit_pointer(builder, table, _i64(i), _i64) for i in range(2 * count)]
                pairs = [builder.add(builder.load(p), (x, w)[i % 2]) for i, p in enumerate(places)]
                emit(builder, pairs[::2], pairs[1::2], *others)
        return context.get_dummy_value()

    return codegen


def _emit_add(builder, xs, ws, x_step, columns, to, to_step):
    taps = [_load(builder, line) for line in ws]
    with emit_loop(builder, columns, [_i64(0), to], [x_step, to_step]) as (at, place):
        values = [_load(builder, line, at) for line in xs]
        emit_store(builder, _dot(builder, values, taps, _load(builder, place)), place, _i64(0))


def _emit_slide(builder, xs, ws, w_tap, x_step, columns, to, to_step, near_x, near_to):
    w_moves = [builder.mul(w_tap, _i64(t)) for t in range(_SIDE)]
    w0, w1, w2 = ([_load(builder, line, move) for line in ws] for move in w_moves)
    new, middle = (cgutils.alloca_once(builder, LLVM_VECTOR) for _ in range(2))
    builder.store(_ZERO, new)

    def take(at):
        """One more column of pixels; returns the sum that it completes."""
        values = [_load(builder, line, at) for line in xs]
        done = _dot(builder, values, w2, builder.load(middle))
        builder.store(_dot(builder, values, w1, builder.load(new)), middle)
        builder.store(_dot(builder, values, w0), new)
        return done

    take(_i64(0))
    take(x_step)
    starts = [builder.mul(x_step, _i64(2)), to, near_x, near_to]
    steps = [x_step, to_step, _i64(_BYTES), _i64(_BYTES)]
    with emit_loop(builder, columns, starts, steps) as (at, place, ahead, ahead_to):
        emit_prefetch(builder, ahead, write=0)
        emit_prefetch(builder, ahead_to, write=1)
        emit_store(builder, take(at), place, _i64(0))


def _emit_correlate(builder, xs, ws, taps, x_tap, x_step, columns, g, g_step, near):
    for count in (1, _SIDE):
        with builder.if_then(builder.icmp_signed("==", taps, _i64(count))):
            moves = [builder.mul(x_tap, _i64(t)) for t in range(count)]
            places = [builder.add(line, _i64(t * _BYTES)) for line in ws for t in range(count)]
            sums = [cgutils.alloca_once(builder, LLVM_VECTOR) for _ in places]
            for cell, place in zip(sums, places, strict=True):
                builder.store(_load(builder, place), cell)
            starts, steps = [_i64(0), g, near], [x_step, g_step, _i64(_BYTES)]
            with emit_loop(builder, columns, starts, steps) as (at, place, ahead):
                emit_prefetch(builder, ahead, write=0)
                weight = _load(builder, place)
                values = [_load(builder, line, at, move) for line in xs for move in moves]
                for cell, value in zip(sums, values, strict=True):
                    builder.store(emit_fma(builder, value, weight, builder.load(cell)), cell)
            for cell, place in zip(sums, places, strict=True):
                emit_store(builder, builder.load(cell), place, _i64(0))


@intrinsic
def _add(typing, table, lines, x, w, x_step, columns, to, to_step):
    """Add one column of a filter, at every place of a line."""
    return types.void(*[int64] * 8), _for_lines(_emit_add)


@intrinsic
def _slide(typing, table, lines, x, w, w_tap, x_step, columns, to, to_step, near_x, near_to):
    """Three columns of a filter at once, on pixels as far apart as the places.

    Every column of pixels adds to three places: the sums move on in registers, and each column
    completes one. It also brings the next lines near, a vector of each per place.
    """
    return types.void(*[int64] * 11), _for_lines(_emit_slide)


@intrinsic
def _correlate(typing, table, lines, x, w, taps, x_tap, x_step, columns, g, g_step, near):
    """Add to one or three columns of the filters' gradient, which stay in registers on the way."""
    return types.void(*[int64] * 11), _for_lines(_emit_correlate)


@serial
def _fill_ring(ring, image, window, memory, n, row, adjoint):
    """See to it that the ring has the lines which a line of the result needs, and list them.

    Memory has, for each slot, which line it holds (counted from 1); the list: where a line is and
    which of the filter falls on it; and the slots. Returns how many lines are listed.
    """
    base, line_of, height, width, channels = integers(image, 5)
    kh, kw, sh, _, dh, _, ph, _ = integers(window, 8)
    slots, start, line_floats, left = integers(ring, 4)
    count = 0
    for i in range(kh):
        y = row + ph - i * dh if adjoint else row * sh - ph + i * dh
        if adjoint:
            y = y // sh if y % sh == 0 else -1
        if 0 <= y < height:
            line = memory + 4 * (start + y % slots * line_floats)
            number = n * height + y
            if load_integer(memory, y % slots) != number + 1:
                store_integer(memory, y % slots, number + 1)
                source = base + 4 * number * width * channels
                fetch_rows(source, line_of, line + 4 * left * channels, channels, width, channels)
            store_integer(memory, slots + 2 * count, line)
            store_integer(memory, slots + 2 * count + 1, i * kw * _BYTES)
            count += 1
    return count


@serial
def _sum_taps(table, lines, x, w, places, x_step, to, to_step, near_x, near_to):
    """A vector of channels along a line of the result, at places that are seen by the same taps."""
    taps, _, w_tap, _, x_tap, columns, _ = integers(places, 7)
    slid = _SIDE if lines > 0 and taps >= _SIDE and x_tap == x_step else 0
    if slid:  # the first lines and columns; it starts from zero
        _slide(table, min(lines, _SIDE), x, w, w_tap, x_step, columns, to, to_step,
               near_x, near_to)  # fmt: skip
    else:
        for col in range(columns):
            prefetch_to_write(near_to + col * _BYTES)
            store(to + col * to_step, 0, splat(np.float32(0)))
    for i in range(0, lines, _SIDE):
        for j in range(0 if i else slid, taps):
            _add(table + 16 * i, min(lines - i, _SIDE), x + j * x_tap, w + j * w_tap, x_step,
                 columns, to, to_step)  # fmt: skip


@Kernel
def _convolve(task, worker, arguments):
    """Some lines of one image of the result, and what is to be gathered of its channels."""
    image, window, ring, output = arguments, arguments + 40, arguments + 104, arguments + 136
    height, width, tasks, bands, adjoint, filters, memory, size = integers(arguments + 168, 8)
    classes, places, x_step, to_step, reach = integers(arguments + 232, 5)
    base, _, x_height, x_width, channels = integers(image, 5)
    out = load_integer(output, 0)
    task = tasks - 1 - task  # in the order of memory, so that what is brought near is next
    n, first = task // bands, task % bands * _ROWS
    kh, kw = integers(window, 2)
    memory += 4 * size * worker
    for row in range(first, min(first + _ROWS, height)):
        lines = _fill_ring(ring, image, window, memory, n, row, adjoint)
        line = out + 4 * (n * height + row) * width * channels
        near_x = base + 4 * (n * x_height + row + reach) * x_width * channels
        near_to = line + 4 * width * channels
        blocks = -(-channels // WIDTH)
        for block in range(blocks):
            expect(output, (n * height + row) * width, width, channels, block, blocks)
            c = 4 * min(block * WIDTH, channels - WIDTH)  # the last may do some channels again
            w = filters + block * kh * kw * _BYTES
            for kind in range(places, places + 56 * classes, 56):
                _, w_move, _, x_move, _, columns, to_move = integers(kind, 7)
                _sum_taps(memory + 8 * load_integer(ring, 0), lines, x_move + c, w + w_move, kind,
                          x_step, line + to_move + c, to_step, near_x, near_to)  # fmt: skip
                near_x += columns * _BYTES
                near_to += columns * _BYTES
        gather(output, task, (n * height + row) * width, line, channels, width, channels,
               row == first)  # fmt: skip


@Kernel
def _weight_gradient(task, worker, arguments):
    """The filters' gradient from a share of the output's rows: (vectors of channels, taps)."""
    image, window, ring = arguments, arguments + 40, arguments + 104
    height, width, rows, shares, g, total, memory, size = integers(arguments + 136, 8)
    channels, slots = load_integer(image, 4), load_integer(ring, 0)
    kh, kw, _, sw, _, dw = integers(window, 6)
    blocks, pixel = -(-channels // WIDTH), 4 * channels
    memory += 4 * size * worker
    total += task * blocks * kh * kw * _BYTES
    zero_floats(total, blocks * kh * kw * WIDTH)
    for row in range(task * rows // shares, (task + 1) * rows // shares):
        lines = _fill_ring(ring, image, window, memory, row // height, row % height, int64(0))
        line = g + row * width * pixel
        for block in range(blocks):
            c = 4 * min(block * WIDTH, channels - WIDTH)
            near = line + width * (pixel + block * _BYTES)
            for i in range(0, lines, _SIDE):
                j = 0
                while j < kw:
                    taps = _SIDE if kw - j >= _SIDE else 1
                    _correlate(memory + 8 * slots + 16 * i, min(lines - i, _SIDE),
                               j * dw * pixel + c, total + (block * kh * kw + j) * _BYTES, taps,
                               dw * pixel, sw * pixel, width, line + c, pixel, near)  # fmt: skip
                    j += taps


def _lanes(channels):
    """The channels in the lanes of all vectors; the last vector may have some again."""
    first = np.minimum(np.arange(0, channels, WIDTH), channels - WIDTH)
    return (first[:, None] + np.arange(WIDTH)).ravel()


def _round_up(floats):
    return -(-floats // 16) * 16


def _ring(x, window, left, right, step):
    """(slots, where they start, floats in each, left padding) of a ring, and all its floats."""
    kh, _, _, _, dh, _, _, _ = window
    slots = (kh - 1) * dh // step + 1
    start = _round_up(2 * (slots + 2 * kh))
    line = _round_up((left + x.shape[2] + right) * x.shape[3])
    return (slots, start, line, left), start + slots * line


def _classes(window, width, adjoint):
    """Places of a line that are seen by the same taps, and the padding left of the other image.

    A class is: how many taps; the first, and the step to the next; the pixel under the first, and
    the step to the next; how many places; the first.
    """
    _, kw, _, s, _, d, _, p = window
    if not adjoint:
        return [(kw, 0, 1, 0, d, width, 0)], p
    left, found = max(0, -((p - (kw - 1) * d) // s)), []
    for place in range(min(s, width)):
        taps = [j for j in range(kw - 1, -1, -1) if (place + p - j * d) % s == 0]
        first, step = (taps or [0])[0], taps[0] - taps[1] if len(taps) > 1 else 0
        pixel = left + (place + p - first * d) // s
        places = -(-(width - place) // s)
        found.append((len(taps), first, -step, pixel, step * d // s, places, place))
    return found, left


def convolve(x, w, out, window, adjoint=False, gathered=None):
    """(N, H, W, C) * (C, 1, KH, KW) -> (N, OH, OW, C), written to ``out``; C at least `WIDTH`.

    ``x`` is dense, and may be `Normalised`. If adjoint: from the gradient of the output to that of
    the input. Returns the sums that are to be ``gathered`` (see `channels.Output`).
    """
    n, height, width, channels = out.shape
    kh, kw, sh, sw, dh, _, ph, pw = window
    classes, left = _classes(window, width, adjoint)
    right = max(0, (width - 1 + pw) // sw - x.shape[2] + 1) if adjoint else pw
    pixel = 4 * channels
    x_step, to_step = (pixel, sw * pixel) if adjoint else (sw * pixel, pixel)
    reach = 2 + (ph if adjoint else (kh - 1) * dh - ph)  # to a line needed soon, at stride 1
    classes = np.array(classes) * (1, _BYTES, _BYTES, pixel, pixel, 1, pixel)
    filters = w.reshape(channels, -1)[_lanes(channels)].reshape(-1, WIDTH, kh * kw)
    filters = np.ascontiguousarray(filters.transpose(0, 2, 1))
    ring, size = _ring(x, window, left, right, sh if adjoint else 1)
    bands = -(-height // _ROWS)
    output = Output(out, n * bands, gathered)
    with scratch.borrow(size * threads.get_num_threads()) as memory:
        memory.fill(0)
        threads.launch(_convolve, n * bands, *parts_of(x), *x.shape[1:], *window, *ring,
                       *output.arguments, height, width, n * bands, bands, adjoint, filters,
                       memory, size, len(classes), classes, x_step, to_step, reach)  # fmt: skip
    lines = np.minimum(_ROWS, height - _ROWS * np.arange(bands))
    return output.sums(np.tile(lines * width, n))


def weight_gradient(x, g, out, window):
    """Adjoint of `convolve` in ``w``, written to ``out`` (C, 1, KH, KW); ``g`` is dense, too."""
    n, height, width, channels = g.shape
    taps, lanes = window[0] * window[1], _lanes(channels)
    shares = min(_SHARES, n * height)
    ring, size = _ring(x, window, window[7], window[7], 1)
    with scratch.borrow(shares * taps * len(lanes), size * threads.get_num_threads()) as buffers:
        total, memory = buffers
        memory.fill(0)
        threads.launch(_weight_gradient, shares, *parts_of(x), *x.shape[1:], *window, *ring,
                       height, width, n * height, shares, g, total, memory, size)  # fmt: skip
        summed = total.reshape(shares, len(lanes) // WIDTH, taps, WIDTH).sum(axis=0)
    gradient = np.empty((channels, taps), np.float32)
    gradient[lanes] = summed.transpose(0, 2, 1).reshape(-1, taps)
    out[:] = gradient.reshape(out.shape)
