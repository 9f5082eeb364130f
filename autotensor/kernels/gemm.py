"""Matrix products from register blocks: C = start + A B in float32, on addresses.

``start`` is zeros, a bias (the same line for every row, so its row step is 0) or C itself. A
micro-kernel keeps a block of C in vector registers, `ROWS` rows by two vectors, while it runs
over K: per step it loads two vectors of B and spreads one number of A per row (Goto and van de
Geijn 2008, "Anatomy of high-performance matrix multiplication"). Blocks are as large as the
registers allow without spilling: 6 x 2 fills 15 of 16.
"""

import numpy as np
from llvmlite import ir
from numba import int64, types
from numba.core import cgutils
from numba.extending import intrinsic

from autotensor.kernels.jit import serial
from autotensor.kernels.simd import (
    LLVM_VECTOR,
    REGISTERS,
    WIDTH,
    emit_fma,
    emit_load,
    emit_loop,
    emit_pointer,
    emit_splat,
    emit_store,
)

ROWS = 6 if REGISTERS == 16 else 8
PANEL = 2 * WIDTH  # columns of C that a micro-kernel makes at once

_float = ir.FloatType()
_i64 = ir.IntType(64)
# Where products start from if not from something else, and the offset of an ordinary product.
ZEROS = np.zeros(PANEL, np.float32)
ONE = np.ones(1, np.float32)  # as the left factor, with steps of 0: the sum of the rows of B


def _accumulators(builder, rows, vectors, start, start_row):
    """Registers for the block of C with the values it starts from."""
    cells = {}
    for m in range(rows):
        for n in range(vectors):
            cells[m, n] = cgutils.alloca_once(builder, LLVM_VECTOR)
            index = builder.add(builder.mul(start_row, _i64(m)), _i64(n * WIDTH))
            builder.store(emit_load(builder, start, index), cells[m, n])
    return cells


def _multiply_add(builder, cells, a_rows, in_row, line):
    """One step along k: every accumulator of the block gains a product."""
    vectors = 1 + max(n for _, n in cells)
    columns = [emit_load(builder, line, _i64(n * WIDTH)) for n in range(vectors)]
    for m, a_row in enumerate(a_rows):
        place = builder.add(a_row, in_row)
        number = builder.load(emit_pointer(builder, place, None, _float))
        number = emit_splat(builder, number)
        for n in range(vectors):
            total = emit_fma(builder, number, columns[n], builder.load(cells[m, n]))
            builder.store(total, cells[m, n])


def _micro_kernel(rows, vectors=2):
    """An intrinsic for C[rows, vectors * WIDTH] = start + sum over runs of A[rows, k] B[k, ...].

    A run is ``k`` steps through A from one of the byte offsets in a list; B continues from run to
    run. One run at offset 0 is an ordinary product; a window of an image is a run per line.
    """

    def codegen(context, builder, signature, args):
        a, a_row, a_k, b, b_k, c, c_row, start, start_row, runs, offsets, k = args
        cells = _accumulators(builder, rows, vectors, start, start_row)
        a_rows = [builder.add(a, builder.mul(a_row, _i64(4 * m))) for m in range(rows)]
        steps = [builder.mul(step, _i64(4)) for step in (a_k, b_k)]
        run_step = [_i64(8), builder.mul(k, steps[1])]
        with emit_loop(builder, runs, [offsets, b], run_step) as (offset, run):
            offset = builder.load(emit_pointer(builder, offset, None, _i64))
            with emit_loop(builder, k, [offset, run], steps) as (in_row, line):
                _multiply_add(builder, cells, a_rows, in_row, line)
        for (m, n), register in cells.items():
            index = builder.add(builder.mul(c_row, _i64(m)), _i64(n * WIDTH))
            emit_store(builder, builder.load(register), c, index)
        return context.get_dummy_value()

    @intrinsic
    def kernel(typing, a, a_row, a_k, b, b_k, c, c_row, start, start_row, runs, offsets, k):
        return types.void(*[types.int64] * 12), codegen

    return kernel


_block = _micro_kernel(ROWS)
_block_of_four = _micro_kernel(4)
_block_of_three = _micro_kernel(3)
_line = _micro_kernel(1)


@serial
def _blocks(a, a_row, a_k, b, b_k, c, c_row, start, start_row, m, runs, offsets, k):
    i = 0
    while m - i >= ROWS and m - i != 8:
        _block(a + 4 * i * a_row, a_row, a_k, b, b_k, c + 4 * i * c_row, c_row,
               start + 4 * i * start_row, start_row, runs, offsets, k)  # fmt: skip
        i += ROWS
    while m - i >= 4:
        _block_of_four(a + 4 * i * a_row, a_row, a_k, b, b_k, c + 4 * i * c_row, c_row,
                       start + 4 * i * start_row, start_row, runs, offsets, k)  # fmt: skip
        i += 4
    if m - i == 3:
        _block_of_three(a + 4 * i * a_row, a_row, a_k, b, b_k, c + 4 * i * c_row, c_row,
                        start + 4 * i * start_row, start_row, runs, offsets, k)  # fmt: skip
        i += 3
    while i < m:
        _line(a + 4 * i * a_row, a_row, a_k, b, b_k, c + 4 * i * c_row, c_row,
              start + 4 * i * start_row, start_row, runs, offsets, k)  # fmt: skip
        i += 1


@serial
def multiply_runs(a, a_row, a_k, b, b_k, c, c_row, start, start_row, m, runs, offsets, k):
    """C[m, PANEL] = start + sum over runs of A[m, k] B[k, PANEL]; steps: floats, offsets: bytes."""
    # Numba compiles once for each combination of literal arguments: only this line, thus.
    _blocks(a, int64(a_row), int64(a_k), b, int64(b_k), c, int64(c_row), start, int64(start_row),
            int64(m), int64(runs), offsets, int64(k))  # fmt: skip


@serial
def multiply_panel(a, a_row, a_k, b, b_k, c, c_row, m, k, add, zeros):
    """C[m, PANEL] (+)= A[m, k] B[k, PANEL]; ``zeros`` is the address of `ZEROS`."""
    start, step = (c, c_row) if add else (zeros, 0)
    multiply_runs(a, a_row, a_k, b, b_k, c, c_row, start, step, m, 1, zeros, k)
