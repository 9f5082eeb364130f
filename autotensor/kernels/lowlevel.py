"""What threads need from the machine: atomic memory, calls through addresses, denormals."""

import platform

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_i32, _i64 = ir.IntType(32), ir.IntType(64)
_i8_pointer = ir.IntType(8).as_pointer()
_int = types.int64


def _word(builder, base):
    return builder.inttoptr(base, _i64.as_pointer())


@intrinsic
def atomic_load(typing, base):
    """The 64-bit integer at an address; what its writer wrote before is visible after."""

    def codegen(context, builder, signature, args):
        return builder.load_atomic(_word(builder, args[0]), "acquire", 8)

    return _int(_int), codegen


@intrinsic
def atomic_store(typing, base, value):
    """Write a 64-bit integer, after everything written before."""

    def codegen(context, builder, signature, args):
        builder.store_atomic(args[1], _word(builder, args[0]), "release", 8)
        return context.get_dummy_value()

    return types.void(_int, _int), codegen


@intrinsic
def atomic_add(typing, base, value):
    """Add to the 64-bit integer at an address; returns what it was."""

    def codegen(context, builder, signature, args):
        return builder.atomic_rmw("add", _word(builder, args[0]), args[1], "acq_rel")

    return _int(_int, _int), codegen


@intrinsic
def atomic_swap(typing, base, expected, value):
    """Replace the 64-bit integer at an address if it is the expected one; says whether it was."""

    def codegen(context, builder, signature, args):
        base, expected, value = args
        pair = builder.cmpxchg(_word(builder, base), expected, value, "acq_rel", "acquire")
        return builder.extract_value(pair, 1)

    return types.boolean(_int, _int, _int), codegen


@intrinsic
def call_kernel(typing, function, task, worker, arguments):
    """Call the C function ``void (int64, int64, int64)`` at an address."""

    def codegen(context, builder, signature, args):
        kind = ir.FunctionType(ir.VoidType(), [_i64] * 3)
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), args[1:])
        return context.get_dummy_value()

    return types.void(_int, _int, _int, _int), codegen


@intrinsic
def call_plain(typing, function):
    """Call the C function ``int (void)`` at an address."""

    def codegen(context, builder, signature, args):
        kind = ir.FunctionType(_i32, [])
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), [])
        return context.get_dummy_value()

    return types.void(_int), codegen


_machine = platform.machine().lower()
_X86 = _machine in ("x86_64", "amd64", "i386", "i686")
_ARM = _machine in ("aarch64", "arm64")
_X86_FLUSH = 0x8040  # flush to zero, denormals are zero
_ARM_FLUSH = 1 << 24


def _control(builder, name, *args):
    """Read or write the floating-point control register, through one of LLVM's intrinsics."""
    kind = ir.FunctionType(
        ir.VoidType() if args else _i64, [value.type for value in args], var_arg=False
    )
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), args)


def _read_control(builder):
    if _ARM:
        return _control(builder, "llvm.aarch64.get.fpcr")
    place = cgutils.alloca_once(builder, _i32)
    _control(builder, "llvm.x86.sse.stmxcsr", builder.bitcast(place, _i8_pointer))
    return builder.zext(builder.load(place), _i64)


def _write_control(builder, value):
    if _ARM:
        _control(builder, "llvm.aarch64.set.fpcr", value)
        return
    place = cgutils.alloca_once(builder, _i32)
    builder.store(builder.trunc(value, _i32), place)
    _control(builder, "llvm.x86.sse.ldmxcsr", builder.bitcast(place, _i8_pointer))


@intrinsic
def flush_denormals(typing):
    """Treat this thread's denormal numbers as zero from now on; returns how it was before."""

    def codegen(context, builder, signature, args):
        if not (_X86 or _ARM):
            return _i64(0)
        old = _read_control(builder)
        _write_control(builder, builder.or_(old, _i64(_ARM_FLUSH if _ARM else _X86_FLUSH)))
        return old

    return _int(), codegen


@intrinsic
def restore_denormals(typing, old):
    """Undo `flush_denormals`."""

    def codegen(context, builder, signature, args):
        if _X86 or _ARM:
            _write_control(builder, args[0])
        return context.get_dummy_value()

    return types.void(_int), codegen
