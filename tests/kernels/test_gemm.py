"""Products of register blocks against NumPy, and that the blocks stay in registers."""

import platform
import re

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotensor.kernels.gemm import PANEL, ZEROS, _blocks, multiply_runs
from autotensor.kernels.jit import _OPTIONS
from autotensor.kernels.simd import REGISTERS, WIDTH, _lanes


def product(a, b, c, start, start_row, offsets, k, a_row, a_k):
    multiply_runs(
        a.ctypes.data, a_row, a_k, b.ctypes.data, PANEL, c.ctypes.data, PANEL,
        start.ctypes.data, start_row, len(c), len(offsets), offsets.ctypes.data, k,
    )  # fmt: skip


@settings(deadline=None)
@given(
    st.integers(0, 40),
    st.integers(0, 40),
    st.booleans(),
    st.sampled_from(["zeros", "bias", "itself"]),
)
def test_product_of_a_panel(m, k, transposed, start):
    rng = np.random.default_rng(m * 41 + k)
    a, b, c = (rng.standard_normal(s).astype(np.float32) for s in ((m, k), (k, PANEL), (m, PANEL)))
    bias = rng.standard_normal(PANEL).astype(np.float32)
    begin, step = {"zeros": (ZEROS, 0), "bias": (bias, 0), "itself": (c, PANEL)}[start]
    expected = a.astype(np.float64) @ b + begin
    memory = np.ascontiguousarray(a.T) if transposed else a
    steps = (1, m) if transposed else (k, 1)
    product(memory, b, c, begin, step, np.zeros(1, np.int64), k, *steps)
    np.testing.assert_allclose(c, expected, rtol=0, atol=1e-4)


def test_runs_read_the_lines_of_a_window_in_place():
    rng = np.random.default_rng(0)
    image = rng.standard_normal((5, 20)).astype(np.float32)
    b = rng.standard_normal((9, PANEL)).astype(np.float32)
    c = np.empty((7, PANEL), np.float32)
    offsets = np.array([0, 80, 160], np.int64)
    product(image, b, c, ZEROS, 0, offsets, 3, 2, 1)
    windows = np.stack([image[:3, 2 * i : 2 * i + 3].ravel() for i in range(7)])
    np.testing.assert_allclose(c, windows.astype(np.float64) @ b, atol=1e-5)


reads_assembly = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64") or _lanes != WIDTH,
    reason="reads x86 assembly, with registers of the machine's width",
)


def check_registers(function, arguments, most):
    """In a loop of multiply-adds, of which one has ``most``, accumulators stay in registers."""
    fresh = numba.njit(**_OPTIONS)(function)
    fresh(*arguments)
    (assembly,) = fresh.inspect_asm().values()
    loops = _innermost_loops(assembly.splitlines())
    multiplying = [loop for loop in loops if sum("vfmadd" in line for line in loop) >= 2]
    assert most == max(sum("vfmadd" in line for line in loop) for loop in multiplying)
    for loop in multiplying:
        assert not [line for line in loop if re.search(r"\(%rsp.*mm|mm.*\(%rsp", line)]


@reads_assembly
def test_inner_loops_do_not_spill():
    arguments = (0, 1, 1, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0)
    check_registers(_blocks.py_func, arguments, 12 if REGISTERS == 16 else 16)


def _innermost_loops(lines):
    """Blocks from a label to the jump back to it, without a label between."""
    loops, start = [], None
    for at, line in enumerate(lines):
        label = re.match(r"(\.LBB\w+):", line)
        if label:
            start = at
        jump = re.match(r"\s+j\w+\s+(\.LBB\w+)", line)
        if jump and start is not None and lines[start].startswith(jump.group(1) + ":"):
            loops.append(lines[start : at + 1])
    return loops
