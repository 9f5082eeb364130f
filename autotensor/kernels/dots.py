"""Matrix product in float32 of operands that both lie along K, as dot products: nothing is packed.

For narrow ones: a micro-kernel that runs along K loads a vector for each row of A and each column
of B, and meets every row again for the next few columns. Packed panels are quicker for many.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from autotensor.kernels import threads
from autotensor.kernels.jit import Kernel, serial
from autotensor.kernels.simd import (
    LLVM_VECTOR,
    WIDTH,
    emit_fma,
    emit_lanes_sum,
    emit_load,
    emit_loop,
    emit_prefetch,
    emit_store,
    integers,
    load_scalar,
    store_scalar,
)

# With 12 accumulators three vectors of A and one of B fill 16 registers.
_ROWS, _COLUMNS = 3, 4
_TASK_ROWS = 11 * _ROWS

_i64 = ir.IntType(64)


def _steps(builder, number, limit, step):
    """``i * step`` for ``number`` of i; those from the limit on are the last below it again."""
    last = builder.sub(limit, _i64(1))
    for i in range(number):
        is_below = builder.icmp_signed("<", _i64(i), last)
        yield builder.mul(step, builder.select(is_below, _i64(i), last))


def _micro_kernel(columns):
    """An intrinsic for C[_ROWS, columns] = A B over ``vectors`` vectors of K; steps in floats.

    With fewer ``rows`` or less ``width`` the last line is made several times. The rows behind
    these are fetched meanwhile: the processor itself does not look beyond a page.
    """

    def codegen(context, builder, signature, args):
        a, a_row, rows, b, b_column, width, c, c_row, c_column, vectors = args
        a_row, b_column = (builder.mul(step, _i64(4)) for step in (a_row, b_column))
        lines = [builder.add(a, step) for step in _steps(builder, _ROWS, rows, a_row)]
        others = [builder.add(b, step) for step in _steps(builder, columns, width, b_column)]
        next_rows = builder.mul(a_row, _i64(_ROWS))
        places = [(m, n) for m in range(_ROWS) for n in range(columns)]
        cells = {place: cgutils.alloca_once(builder, LLVM_VECTOR) for place in places}
        for cell in cells.values():
            builder.store(ir.Constant(LLVM_VECTOR, [0.0] * WIDTH), cell)
        with emit_loop(builder, vectors, [_i64(0)], [_i64(4 * WIDTH)]) as (along,):
            at = [builder.add(line, along) for line in lines]
            left = [emit_load(builder, base, _i64(0)) for base in at]
            for base in at:
                emit_prefetch(builder, builder.add(base, next_rows), 0)
            for n, line in enumerate(others):
                right = emit_load(builder, builder.add(line, along), _i64(0))
                for m in range(_ROWS):
                    total = emit_fma(builder, left[m], right, builder.load(cells[m, n]))
                    builder.store(total, cells[m, n])
        down = [*_steps(builder, _ROWS, rows, c_row)]
        across = [*_steps(builder, columns, width, c_column)]
        for (m, n), cell in cells.items():
            value = emit_lanes_sum(builder, builder.load(cell))
            emit_store(builder, value, c, builder.add(down[m], across[n]))
        return context.get_dummy_value()

    @intrinsic
    def kernel(typing, a, a_row, rows, b, b_column, width, c, c_row, c_column, vectors):
        return types.void(*[types.int64] * 10), codegen

    return kernel


_block = _micro_kernel(_COLUMNS)
_half_block = _micro_kernel(_COLUMNS // 2)


@serial
def _add_rest(a, b, c, first, k):
    """Add the products behind the last whole vector to an element of C."""
    total = load_scalar(c, 0)
    for i in range(first, k):
        total += load_scalar(a, i) * load_scalar(b, i)
    store_scalar(c, 0, total)


@Kernel
def _multiply(task, worker, arguments):
    """Some rows of C."""
    a, a_row, b, b_column, c, c_row, c_column, m, n, k, tasks = integers(arguments, 11)
    top = (tasks - 1 - task) * _TASK_ROWS  # in the order of memory: the next rows are on their way
    end, vectors = min(m, top + _TASK_ROWS), k // WIDTH
    for i in range(top, end, _ROWS):
        line, j = a + 4 * i * a_row, 0
        while j < n:
            other, to = b + 4 * j * b_column, c + 4 * (i * c_row + j * c_column)
            if n - j > _COLUMNS // 2:
                _block(line, a_row, end - i, other, b_column, n - j, to, c_row, c_column, vectors)
                j += _COLUMNS
            else:
                _half_block(line, a_row, end - i, other, b_column, n - j, to, c_row, c_column,
                            vectors)  # fmt: skip
                j += _COLUMNS // 2
    if vectors * WIDTH < k:
        for i in range(top, end):
            for j in range(n):
                _add_rest(a + 4 * i * a_row, b + 4 * j * b_column,
                          c + 4 * (i * c_row + j * c_column), vectors * WIDTH, k)  # fmt: skip


def multiply(a, b, out):
    """(M, K) * (K, N) to ``out`` (M, N); the rows of A and the columns of B are contiguous."""
    if len(a) < b.shape[1]:
        a, b, out = b.T, a.T, out.T
    (m, k), n = a.shape, b.shape[1]
    c_row, c_column = out.strides
    tasks = -(-m // _TASK_ROWS)
    threads.launch(_multiply, tasks, a, a.strides[0] // 4, b, b.strides[1] // 4,
                   out, c_row // 4, c_column // 4, m, n, k, tasks)  # fmt: skip
