"""What holds for every test: a seed, no leaks, the recording mode as it was."""

import gc
import os
import types
from pathlib import Path

import pytest
from hypothesis import settings

import autotensor as at
from autotensor.engine import Node
from autotensor.tensor import Tensor

settings.register_profile("dev", max_examples=20, deadline=None)
settings.register_profile("ci", max_examples=100, deadline=None, derandomize=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))

_FRAMES = (types.FrameType, types.TracebackType, types.GeneratorType, types.ModuleType, type)


@pytest.fixture
def public_data():
    """The folder with the real data sets."""
    default = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("AUTOTENSOR_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}: set AUTOTENSOR_DATA")
    return folder


@pytest.fixture
def always_compiled(monkeypatch):
    """Let kernels compute what is too small for them to pay off."""
    from autotensor.kernels import conv, matrix
    from autotensor.ops import activation

    for module in (conv, matrix, activation):
        monkeypatch.setattr(module, "_SMALL", 0)


@pytest.fixture(autouse=True)
def seeded():
    """Each test starts from the same random numbers, and leaves recording on."""
    at.manual_seed(0)
    yield
    recording = at.is_grad_enabled()
    at.set_grad_enabled(True)
    assert recording, "the test left recording switched off"


@pytest.fixture(autouse=True)
def graphs_die_by_reference_count(request):
    """No node lies in cyclic garbage, and none but leaves outlives a test that passes."""
    failed = request.session.testsfailed
    gc.freeze()  # what exists before the test is looked at no more, which makes this cheap
    gc.disable()
    yield
    gc.set_debug(gc.DEBUG_SAVEALL)
    gc.collect()
    gc.set_debug(0)
    cyclic = [x for x in gc.garbage if issubclass(type(x), Node) and _reaches_itself(x)]
    named = [repr(x) for x in cyclic]
    del cyclic
    gc.garbage.clear()
    gc.collect()
    gc.enable()
    alive = [repr(x) for x in gc.get_objects() if issubclass(type(x), Node) and x.edges]
    if request.session.testsfailed > failed:
        return  # the report of the failure holds on to its frames
    assert not named, f"nodes in reference cycles: {named}"
    assert not alive, f"nodes alive after the test: {alive}"


def _reaches_itself(node):
    """Whether references lead from ``node`` back to it; those of frames and types do not count."""
    seen, stack = set(), [node]
    while stack:
        for found in gc.get_referents(stack.pop()):
            if found is node:
                return True
            if id(found) not in seen and gc.is_tracked(found) and _of_a_graph(found):
                seen.add(id(found))
                stack.append(found)
    return False


def _of_a_graph(thing):
    if isinstance(thing, (Node, Tensor, list, tuple, types.CellType)):
        return True
    if isinstance(thing, types.FunctionType):
        return thing.__closure__ is not None
    return not isinstance(thing, (*_FRAMES, dict, BaseException)) and not callable(thing)
