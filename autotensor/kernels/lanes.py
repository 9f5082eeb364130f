"""One source for vectors and for what is left over: `over_channels` compiles it for both.

What depends on the type is told by an example, ``like``: a `wide`, a `vector` or a float32.
"""

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from autotensor.kernels.simd import (
    WIDTH,
    emit_load,
    emit_pointer,
    is_float,
    splat,
    splat_wide,
    spread,
)


def over_channels(function):
    """``run(channels, ...)`` calls ``function(zero, c, ...)`` for blocks of channels from c on.

    Four vectors at a time, then one vector, then one float, which is what ``zero`` is.
    """

    @numba.njit
    def run(channels, *rest):
        c = 0
        while c + 4 * WIDTH <= channels:
            function(splat_wide(np.float32(0)), c, *rest)
            c += 4 * WIDTH
        while c + WIDTH <= channels:
            function(splat(np.float32(0)), c, *rest)
            c += WIDTH
        while c < channels:
            function(np.float32(0), c, *rest)
            c += 1

    return run


@intrinsic
def load_like(typing, like, base, index):
    """What lies at float number ``index`` after the address ``base``."""

    def codegen(context, builder, signature, args):
        return emit_load(builder, *args[1:], context.get_value_type(like))

    return like(like, types.int64, types.int64), codegen


def _whole(context, like, item):
    """The LLVM type of as many integers as ``like`` has floats."""
    one = context.get_value_type(item)
    return one if like == types.float32 else ir.VectorType(one, like.lanes)


@intrinsic
def load_whole(typing, like, base, index, item):
    """The integers of the type of ``item`` at number ``index`` after ``base``, as floats."""

    def codegen(context, builder, signature, args):
        kind = _whole(context, like, item)
        pointer = emit_pointer(builder, args[1], args[2], context.get_value_type(item))
        value = builder.load(builder.bitcast(pointer, kind.as_pointer()))
        value.align = item.bitwidth // 8
        convert = builder.sitofp if item.signed else builder.uitofp
        return convert(value, context.get_value_type(like))

    return like(like, types.int64, types.int64, item), codegen


@intrinsic
def store_whole(typing, base, index, value, item):
    """Write whole floats as integers of the type of ``item``, from number ``index`` on."""

    def codegen(context, builder, signature, args):
        kind = _whole(context, value, item)
        pointer = emit_pointer(builder, args[0], args[1], context.get_value_type(item))
        convert = builder.fptosi if item.signed else builder.fptoui
        integers = convert(args[2], kind)
        store = builder.store(integers, builder.bitcast(pointer, kind.as_pointer()))
        store.align = item.bitwidth // 8
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, value, item), codegen


def _where(condition):
    @intrinsic
    def where(typing, x, y, a, b):
        if not is_float(x):
            return None

        def codegen(context, builder, signature, args):
            pairs = zip(args, signature.args, strict=True)
            x, y, a, b = (spread(signature.return_type, context, builder, *pair) for pair in pairs)
            return builder.select(condition(builder, x, y), a, b)

        return x(x, y, a, b), codegen

    return where


def _larger(builder, x, y):
    return builder.or_(builder.fcmp_ordered(">", x, y), builder.fcmp_unordered("uno", x, x))


where_larger = _where(_larger)  # ``a`` in the lanes where x > y or x is NaN, elsewhere ``b``
# The same but that ``a`` wins if y is NaN, too: one comparison instead of two.
where_above = _where(lambda builder, x, y: builder.fcmp_unordered(">", x, y))
where_equal = _where(lambda builder, x, y: builder.fcmp_ordered("==", x, y))
