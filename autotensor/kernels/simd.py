"""Explicit vectors for Numba: a value type of ``WIDTH`` float32 lanes and what is done with it.

Kernels address memory by plain integers (``address(array)``), as C does with pointers: an integer
costs no reference counting, and the same compiled function serves every array.
"""

import operator
import os
import platform
from contextlib import contextmanager

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, lower_builtin, models, register_model, type_callable

_BYTES = 4  # of one float32
_FLAGS = ("contract", "reassoc", "nsz")


def _host():
    """``(lanes, registers)`` of the machine: AVX-512 16, AVX2 8, anything else (NEON, SSE) 4."""
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        return 16, 32
    arm = platform.machine().lower() in ("aarch64", "arm64")
    return (8 if features.get("avx2") else 4), (32 if arm else 16)


_lanes, REGISTERS = _host()
# LLVM splits or widens vectors to what the machine has, so any power of two is correct anywhere.
WIDTH = int(os.environ.get("AUTOTENSOR_SIMD_WIDTH", _lanes))
if WIDTH not in (4, 8, 16):
    raise ValueError(f"AUTOTENSOR_SIMD_WIDTH: expected 4, 8 or 16 lanes, got {WIDTH}")

_float = ir.FloatType()
_i32 = ir.IntType(32)
_i64 = ir.IntType(64)
LLVM_VECTOR = ir.VectorType(_float, WIDTH)


class _Vector(types.Type):
    def __init__(self, lanes):
        self.lanes = lanes
        super().__init__(name=f"float32x{lanes}")


vector = _Vector(WIDTH)
wide = _Vector(4 * WIDTH)  # in four registers: what is done with them need not wait for one another


@register_model(_Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager, numba_type):
        super().__init__(manager, numba_type, ir.VectorType(_float, numba_type.lanes))


def emit_pointer(builder, base, index, pointee):
    """A typed pointer to element ``index`` after the address ``base``."""
    pointer = builder.inttoptr(base, pointee.as_pointer())
    return pointer if index is None else builder.gep(pointer, [index])


def emit_load(builder, base, index, kind=LLVM_VECTOR):
    """One vector starting at float number ``index`` after ``base``; need not be aligned."""
    pointer = emit_pointer(builder, base, index, _float)
    value = builder.load(builder.bitcast(pointer, kind.as_pointer()))
    value.align = _BYTES
    return value


def emit_store(builder, value, base, index):
    """Write one vector to float number ``index`` after ``base``."""
    pointer = emit_pointer(builder, base, index, _float)
    store = builder.store(value, builder.bitcast(pointer, value.type.as_pointer()))
    store.align = _BYTES


def emit_splat(builder, scalar, lanes=WIDTH):
    """The scalar in every lane."""
    empty = ir.Constant(ir.VectorType(_float, lanes), ir.Undefined)
    first = builder.insert_element(empty, scalar, _i32(0))
    zeros = ir.Constant(ir.VectorType(_i32, lanes), [0] * lanes)
    return builder.shuffle_vector(first, empty, zeros)


def emit_fma(builder, x, y, z):
    """``x * y + z`` with one rounding."""
    kind = ir.FunctionType(LLVM_VECTOR, [LLVM_VECTOR] * 3)
    fma = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fma.v{WIDTH}f32")
    return builder.call(fma, [x, y, z])


def emit_lanes_sum(builder, value):
    """The sum of all lanes of a vector, added pairwise."""
    half = WIDTH // 2
    while half:
        order = ir.Constant(ir.VectorType(_i32, half), list(range(half)))
        upper = ir.Constant(ir.VectorType(_i32, half), list(range(half, 2 * half)))
        low = builder.shuffle_vector(value, value, order)
        value = builder.fadd(low, builder.shuffle_vector(value, value, upper))
        half //= 2
    return builder.extract_element(value, _i32(0))


def is_float(kind):
    """Whether a type is that of a float32 or of a vector of them."""
    return kind == types.float32 or isinstance(kind, _Vector)


def spread(wanted, context, builder, value, kind):
    """A value of any kind of number as one of the type ``wanted``: the same in every lane."""
    if kind == wanted:
        return value
    scalar = context.cast(builder, value, kind, types.float32)
    return scalar if wanted == types.float32 else emit_splat(builder, scalar, wanted.lanes)


@intrinsic
def address(typing, array):
    """The address of the first element of an array, as an integer."""

    def codegen(context, builder, signature, args):
        view = context.make_array(signature.args[0])(context, builder, args[0])
        return builder.ptrtoint(view.data, _i64)

    return types.int64(array), codegen


@intrinsic
def load(typing, base, index):
    """The ``WIDTH`` floats that start at float number ``index`` after the address ``base``."""

    def codegen(context, builder, signature, args):
        return emit_load(builder, *args)

    return vector(types.int64, types.int64), codegen


@intrinsic
def store(typing, base, index, value):
    """Write a vector, or a float, to float number ``index`` after the address ``base``."""
    if not is_float(value):
        return None

    def codegen(context, builder, signature, args):
        emit_store(builder, args[2], args[0], args[1])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, value), codegen


@intrinsic
def transpose(typing, to, to_row, source, source_row):
    """Write the ``WIDTH`` x ``WIDTH`` floats at an address to another, transposed."""

    def codegen(context, builder, signature, args):
        to, to_row, source, source_row = args
        lanes, kind = range(WIDTH), ir.VectorType(_i32, WIDTH)
        rows = [emit_load(builder, source, builder.mul(source_row, _i64(i))) for i in lanes]
        size = WIDTH // 2
        while size:  # swap the blocks off the diagonal, then within all blocks, and so on
            low = ir.Constant(kind, [i + WIDTH - size if i & size else i for i in lanes])
            high = ir.Constant(kind, [i + WIDTH if i & size else i + size for i in lanes])
            for i in [i for i in lanes if not i & size]:
                x, y = rows[i], rows[i + size]
                rows[i] = builder.shuffle_vector(x, y, low)
                rows[i + size] = builder.shuffle_vector(x, y, high)
            size //= 2
        for i, row in enumerate(rows):
            emit_store(builder, row, to, builder.mul(to_row, _i64(i)))
        return context.get_dummy_value()

    return types.void(*[types.int64] * 4), codegen


@intrinsic
def put(typing, base, index, value, streamed):
    """`store`; if ``streamed``, past the caches, to a place aligned like a whole vector.

    Memory need not be read first then, which a plain store does: a third less traffic. Whoever
    takes the task's end for granted (an atomic instruction) sees the values.
    """
    if not is_float(value):
        return None

    def codegen(context, builder, signature, args):
        base, index, vector, streamed = args
        if value == types.float32:
            emit_store(builder, vector, base, index)
            return context.get_dummy_value()
        with builder.if_else(cgutils.is_not_null(builder, streamed)) as (past, plain):
            with past:
                pointer = emit_pointer(builder, base, index, _float)
                store = builder.store(vector, builder.bitcast(pointer, vector.type.as_pointer()))
                store.align = _BYTES * WIDTH
                hint = builder.module.add_metadata([_i32(1)])
                store.set_metadata("nontemporal", hint)
            with plain:
                emit_store(builder, vector, base, index)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, value, types.int64), codegen


@intrinsic
def load_scalar(typing, base, index):
    """Float number ``index`` after the address ``base``."""

    def codegen(context, builder, signature, args):
        return builder.load(emit_pointer(builder, *args, _float))

    return types.float32(types.int64, types.int64), codegen


@intrinsic
def store_scalar(typing, base, index, value):
    """Write float number ``index`` after the address ``base``."""

    def codegen(context, builder, signature, args):
        builder.store(args[2], emit_pointer(builder, args[0], args[1], _float))
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.float32), codegen


@intrinsic
def load_integer(typing, base, index):
    """64-bit integer number ``index`` after the address ``base``."""

    def codegen(context, builder, signature, args):
        return builder.load(emit_pointer(builder, *args, _i64))

    return types.int64(types.int64, types.int64), codegen


@intrinsic
def store_integer(typing, base, index, value):
    """Write 64-bit integer number ``index`` after the address ``base``."""

    def codegen(context, builder, signature, args):
        builder.store(args[2], emit_pointer(builder, args[0], args[1], _i64))
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), codegen


def _prefetch(write):
    @intrinsic
    def fetch(typing, base):
        def codegen(context, builder, signature, args):
            emit_prefetch(builder, args[0], write)
            return context.get_dummy_value()

        return types.void(types.int64), codegen

    return fetch


prefetch = _prefetch(0)  # bring the cache line at an address near; any address is harmless
prefetch_to_write = _prefetch(1)


@intrinsic(prefer_literal=True)
def integers(typing, base, count):
    """A tuple of the first ``count`` 64-bit integers after an address; a literal count."""
    kind = types.UniTuple(types.int64, count.literal_value)

    def codegen(context, builder, signature, args):
        places = [emit_pointer(builder, args[0], _i64(i), _i64) for i in range(len(kind))]
        values = [builder.load(place) for place in places]
        return context.make_tuple(builder, kind, values)

    return kind(types.int64, count), codegen


def _splat(kind):
    @intrinsic
    def splat(typing, scalar):
        def codegen(context, builder, signature, args):
            return emit_splat(builder, args[0], kind.lanes)

        return kind(types.float32), codegen

    return splat


splat = _splat(vector)  # a vector with the scalar in every lane
splat_wide = _splat(wide)


@intrinsic
def fma(typing, x, y, z):
    """``x * y + z`` in every lane, rounded once."""

    def codegen(context, builder, signature, args):
        return emit_fma(builder, *args)

    return vector(vector, vector, vector), codegen


@intrinsic
def lanes_sum(typing, x):
    """The sum of all lanes, added pairwise."""

    def codegen(context, builder, signature, args):
        return emit_lanes_sum(builder, args[0])

    return types.float32(vector), codegen


@intrinsic
def maximum(typing, x, y):
    """The larger in every lane; NaN wins, as in ``np.maximum``."""

    def codegen(context, builder, signature, args):
        x, y = args
        larger = builder.select(builder.fcmp_ordered(">", x, y), x, y)
        return builder.select(builder.fcmp_unordered("uno", x, x), x, larger)

    return vector(vector, vector), codegen


@intrinsic
def at_least(typing, x, lowest):
    """``x`` where it is not below ``lowest``, else that; NaN stays. One instruction on x86."""
    if not is_float(x):
        return None

    def codegen(context, builder, signature, args):
        x, lowest = args
        return builder.select(builder.fcmp_ordered(">", lowest, x), lowest, x)

    return x(x, x), codegen


def _operator(function, instruction):
    """Let an operator take two vectors, or a vector and a number."""

    @type_callable(function)
    def typed(context):
        def typer(x, y):
            kind = x if isinstance(x, _Vector) else y
            if isinstance(kind, _Vector) and all(
                t == kind or isinstance(t, types.Number) for t in (x, y)
            ):
                return kind
            return None

        return typer

    def lowered(context, builder, signature, args):
        kind = signature.return_type
        operands = [
            spread(kind, context, builder, *pair) for pair in zip(args, signature.args, strict=True)
        ]
        return getattr(builder, instruction)(*operands, flags=_FLAGS)

    for operands in ((_Vector, _Vector), (_Vector, types.Number), (types.Number, _Vector)):
        lower_builtin(function, *operands)(lowered)


_operator(operator.add, "fadd")
_operator(operator.sub, "fsub")
_operator(operator.mul, "fmul")
_operator(operator.truediv, "fdiv")


def emit_prefetch(builder, base, write):
    """Bring the cache line at an address near, to read or to write it."""
    pointer = builder.inttoptr(base, ir.IntType(8).as_pointer())
    kind = ir.FunctionType(ir.VoidType(), [pointer.type, _i32, _i32, _i32])
    name = "llvm.prefetch.p0" if llvm.llvm_version_info[0] >= 16 else "llvm.prefetch.p0i8"
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    builder.call(function, [pointer, _i32(write), _i32(2), _i32(1)])


def _not_unrolled(module):
    """Loop metadata: a node whose first operand is itself, which llvmlite has no call for."""
    wish = module.add_metadata(["llvm.loop.unroll.disable"])
    node = ir.values.MDValue(module, [], name=str(len(module.metadata)))
    node.operands = (node, wish)
    return node


@contextmanager
def emit_loop(builder, count, pointers, steps):
    """A loop that runs ``count`` times and moves integer pointers by their steps.

    Written out because LLVM would unroll it, and then keep pointers on the stack.
    """
    before = builder.block
    body, after = builder.append_basic_block("loop"), builder.append_basic_block("loop.end")
    builder.cbranch(builder.icmp_signed(">", count, _i64(0)), body, after)
    builder.position_at_end(body)
    left = builder.phi(_i64)
    moving = [builder.phi(_i64) for _ in pointers]
    yield moving
    less = builder.sub(left, _i64(1))
    moved = [builder.add(p, step) for p, step in zip(moving, steps, strict=True)]
    for phi, start, new in zip([left, *moving], [count, *pointers], [less, *moved], strict=True):
        phi.add_incoming(start, before)
        phi.add_incoming(new, builder.block)
    jump = builder.cbranch(builder.icmp_signed(">", less, _i64(0)), body, after)
    jump.set_metadata("llvm.loop", _not_unrolled(builder.module))
    builder.position_at_end(after)
