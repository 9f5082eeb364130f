"""No program gives a silently wrong value or gradient: it is right, or something raises.

Programs are in `programs`, the oracle in `jets`. AUTOTENSOR_PROGRAMS sets how many seeded programs
are run, and where they start: ``AUTOTENSOR_PROGRAMS=100000`` or ``AUTOTENSOR_PROGRAMS=5000:6000``.
"""

import gc
import os
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jets import SEEDS, Jet, Shown
from programs import STEPS, Run, Wrong, execute, seeded

import autotensor as at
from autotensor.engine import Node

first, _, last = os.environ.get("AUTOTENSOR_PROGRAMS", "300").rpartition(":")
PROGRAMS = range(int(first or 0), int(last))

numbers = st.integers(0, (1 << 16) - 1)
steps = st.tuples(st.integers(0, len(STEPS) - 1), numbers, numbers, numbers)


@settings(max_examples=settings().max_examples * 4)
@given(program=st.lists(steps, max_size=10))
def test_programs_are_right_or_raise(program):
    with np.errstate(all="ignore"):
        execute(program, at)
    gc.collect()  # see below


def test_seeded_programs_are_right_and_few_raise():
    counts, reasons = Counter(), Counter()
    for seed in PROGRAMS:
        try:
            with np.errstate(all="ignore"):
                run, right, raised = execute(seeded(seed), at)
        except Wrong as error:
            raise Wrong(f"the program of seed {seed}: {error}") from error
        counts.update(
            steps=run.steps, right=right, raised=raised, refused=len(run.refused) - raised
        )
        reasons.update(name for name, _ in run.refused)
    gc.collect()  # see below
    print(f"programs {PROGRAMS}: {dict(counts)}, refused: {dict(reasons)}")
    assert counts["refused"] < 0.06 * counts["steps"]
    assert counts["raised"] < 0.08 * counts["right"]


def test_programs_whose_gradients_exist_leave_nothing_behind():
    """A cycle of references takes a tensor that was overwritten with what was made from it."""
    for seed in range(100):
        with np.errstate(all="ignore"):
            run = execute(seeded(seed), at)[0]
        overwritten = any("overwritten in place" in message for _, message in run.refused)
        del run
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        gc.set_debug(0)
        nodes = [x for x in gc.garbage if isinstance(x, Node)]
        gc.garbage.clear()
        assert overwritten or not nodes, f"the program of seed {seed} leaves {nodes}"
        del nodes
        gc.collect()


def test_every_step_is_taken():
    random, taken = np.random.default_rng(0), Counter()
    for kind, (name, _) in enumerate(STEPS):
        for numbers in random.integers(0, 1 << 16, (8, 3)).tolist():
            run = Run(at)
            run.take((0, 0, 0, 0))
            before = len(run.refused)
            run.take((kind, *numbers))
            taken[name] += len(run.refused) == before
    assert not [name for name, _ in STEPS if not taken[name]]
    gc.collect()


class TestTheOracle:
    """It finds what it is there to find."""

    def test_its_derivatives_are_those_of_differences(self):
        def formula(x):
            y = x.sin() * x.tanh() + x.exp() / (x * x + 1.5)
            return (y.sigmoid() * 0.5 - y).sum()

        point = np.array([0.3, -0.7, 1.1])

        def at_point(point):
            shown = Shown.of(Jet(point), False)
            shown.seed(0)
            return formula(shown.read())

        jet, step = at_point(point), 1e-6
        assert not jet.g[3:].any() and SEEDS > 3
        for place in range(3):
            ahead, behind = (at_point(point + sign * step * np.eye(3)[place]) for sign in (1, -1))
            np.testing.assert_allclose((ahead.v - behind.v) / (2 * step), jet.g[place], rtol=1e-7)
            np.testing.assert_allclose(
                (ahead.g - behind.g) / (2 * step), jet.h[place], rtol=1e-6, atol=1e-9
            )

    def test_a_wrong_value_and_a_wrong_gradient_are_found(self):
        run = Run(at)
        tensor, shown = run.pool[2]
        tensor.array[0] += 1
        with pytest.raises(Wrong, match="value"):
            run.finish()
        run = Run(at)
        tensor, shown = run.pool[2]
        shown.history.g *= 1.5
        with pytest.raises(Wrong, match="gradient"):
            run.finish()
