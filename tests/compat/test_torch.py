"""PyTorch programs under ``python -m autotensor.torch``, and the names that mean little here."""

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

import autotensor as at
from autotensor.ops import methods
from autotensor.torch import hook

ROOT = Path(at.__file__).parent.parent
PROGRAM = """
import sys
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.parameter import Parameter
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, TensorDataset

assert __name__ == "__main__" and sys.argv[1:] == ["--epochs", "3"]
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
torch.backends.cudnn.benchmark = True
torch.manual_seed(0)
x = torch.randn(64, 4)
data = DataLoader(TensorDataset(x, (x.sum(1) > 0).long()), batch_size=16, shuffle=True)
model = torch.compile(nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))).to(device)
optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
schedule = StepLR(optimizer, 1, gamma=0.5)
for epoch in range(3):
    for xs, ys in data:
        with torch.amp.autocast("cpu", dtype=torch.bfloat16):
            loss = F.cross_entropy(model(xs.to(device)), ys)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    schedule.step()
print(loss.item() < 0.5, type(model[0].weight) is Parameter)
"""


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "autotensor.torch", *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )


def test_a_program_runs_unchanged(tmp_path):
    (tmp_path / "helper.py").write_text("import torch\nNAME = torch.nn.__name__\n")
    (tmp_path / "program.py").write_text(PROGRAM + "\nimport helper\nprint(helper.NAME)\n")
    done = run(tmp_path / "program.py", "--epochs", 3)
    assert done.stdout.split() == ["True", "True", "torch.nn"], done.stderr


FUNCTIONS = """
import torch
from torch.autograd.functional import hessian
from torch.func import functional_call, grad, vmap
from torch.utils.checkpoint import checkpoint

model, x = torch.nn.Linear(2, 1), torch.ones(3, 2)
given = {name: p.detach() for name, p in model.named_parameters()}
each = vmap(grad(lambda p, x: functional_call(model, p, x).sum()), in_dims=(None, 0))(given, x)
checkpoint(model, x, use_reentrant=False).sum().backward()
print(each["weight"].shape == (3, 1, 2), torch.equal(model.weight.grad, each["weight"].sum(0)))
print(hessian(lambda x: (x**3).sum(), torch.ones(1)).item(), torch.utils.checkpoint.__name__)
"""


def test_functions_of_functions(tmp_path):
    (tmp_path / "program.py").write_text(FUNCTIONS)
    done = run(tmp_path / "program.py")
    assert done.stdout.split() == ["True", "True", "6.0", "torch.utils.checkpoint"], done.stderr


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("import torch; torch.nn.Conv9d", "no torch.nn.Conv9d; closest: torch.nn.Conv"),
        ("from torch.nn import Linaer", "no torch.nn.Linaer; closest: torch.nn.Linear"),
        ("import torch.optim.SGD", "no torch.optim.SGD"),
        ("import torch.optm", "no torch.optm; closest: torch.optim"),
        ("import torch; torch.quux_zyx", "no torch.quux_zyx\n"),
    ],
)
def test_a_name_that_is_not_there(tmp_path, line, message):
    (tmp_path / "program.py").write_text(line)
    done = run(tmp_path / "program.py")
    assert done.returncode == 1 and "autotensor has " + message in done.stderr


def test_wrong_command_lines(tmp_path):
    assert run().returncode == 2
    assert "there is no file missing.py" in run("missing.py").stderr


def test_all_modules_of_the_table_are_there():
    code = "from autotensor.torch import hook, install; install(); import importlib\n"
    code += "[importlib.import_module(name.replace('*', 'x')) for name in hook._MODULES]"
    done = subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert done.returncode == 0


def test_hook_comes_before_the_import():
    code = "import sys; sys.modules['torch'] = sys; from autotensor.torch import install; install()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          env=os.environ | {"PYTHONPATH": str(ROOT)})  # fmt: skip
    assert "torch is already imported" in done.stderr


def test_no_other_device():
    assert not at.cuda.is_available() and at.cuda.device_count() == 0
    assert not at.accelerator.is_available() and at.accelerator.current_accelerator() is None
    assert not at.backends.mps.is_available() and not at.cuda.is_bf16_supported()
    for call in (at.cuda.set_device, lambda n: at.zeros(1).cuda(), lambda n: at.zeros(1).to(n)):
        with pytest.raises((RuntimeError, TypeError)):
            call(0)
    with pytest.raises(RuntimeError, match="not available"):
        at.nn.Linear(1, 1).cuda()


def test_devices():
    cuda = at.device("cuda", 1)
    assert str(cuda) == "cuda:1" and cuda == at.device("cuda:1") and cuda != at.device("cuda")
    assert at.device(cuda) == cuda and repr(at.device("cpu")) == "device(type='cpu')"
    assert at.zeros(1, device=at.device("cpu")).device == at.device("cpu")
    assert len({at.device("cpu"), at.device("cpu")}) == 1
    with pytest.raises(RuntimeError, match="expected one of cpu"):
        at.device("gpu")
    with pytest.raises(RuntimeError, match="'cuda:1' is not available"):
        at.zeros(1, device=cuda)
    with at.device("cpu"):
        assert at.zeros(1).device.type == "cpu"


def test_classes_of_tensors():
    x = at.FloatTensor([[1, 2]])
    assert x.dtype == at.float32 and isinstance(x, at.FloatTensor)
    assert not isinstance(x, at.LongTensor) and at.LongTensor(2, 3).shape == (2, 3)
    assert x.type() == "torch.FloatTensor" and x.type(at.LongTensor).dtype == at.int64
    assert x.type("torch.DoubleTensor").dtype == at.float64 and x.type(at.float16).itemsize == 2


def test_bfloat16_is_a_name_only():
    assert repr(at.bfloat16) == "torch.bfloat16"
    for convert in (lambda: at.zeros(2, dtype=at.bfloat16), lambda: at.zeros(2).bfloat16()):
        with pytest.raises(TypeError, match="bfloat16"):
            convert()


def test_gradient_scaler_scales_by_one():
    scaler, weight = at.amp.GradScaler(), at.nn.Parameter(at.ones(1))
    optimizer = at.optim.SGD([weight], lr=1.0)
    scaler.scale((weight * 2).sum()).backward()
    scaler.unscale_(optimizer)
    scaler.step(optimizer)
    scaler.update()
    assert weight.item() == -1 and scaler.get_scale() == 1


def test_parallel_models_are_the_model():
    model = at.nn.Linear(2, 1)
    parallel = at.nn.DataParallel(model)
    x = at.randn(3, 2)
    assert parallel(x).tolist() == model(x).tolist()
    assert list(parallel.state_dict()) == ["module.weight", "module.bias"]
    assert at.nn.parallel.data_parallel(model, x).shape == (3, 1)


def test_events_tell_the_time():
    start, end = at.cuda.Event(enable_timing=True), at.cuda.Event(enable_timing=True)
    with pytest.raises(RuntimeError, match="record"):
        start.elapsed_time(end)
    start.record(), end.record()
    assert 0 <= start.elapsed_time(end) < 1000


def test_closest_names_are_found_whatever_their_case():
    assert hook.missing("torch.nn", "relu", at.nn).startswith(
        "autotensor has no torch.nn.relu; closest: torch.nn.ReLU"
    )


def test_constants():
    assert at.inf == math.inf and math.isnan(at.nan) and at.pi == math.pi and at.e == math.e
    assert at.zeros(2)[at.newaxis].shape == (1, 2)


def test_ranges_and_buffers():
    assert at.range(1, 2, 0.5).tolist() == [1, 1.5, 2] and at.range(3).dtype == at.float32
    assert at.scalar_tensor(3).shape == () and at.scalar_tensor(3).dtype == at.float32
    memory = bytearray(at.arange(3).array.tobytes())
    x = at.frombuffer(memory, dtype=at.int64, offset=8)
    memory[8] = 9
    assert x.tolist() == [9, 2] and at.detach(x).tolist() == [9, 2]


def test_histogram():
    found = at.histogram(at.tensor([1.0, 2.0, 2.0, 5.0]), 4, range=(0, 4))
    assert found.hist.tolist() == [0, 1, 2, 0] and found.bin_edges.tolist() == [0, 1, 2, 3, 4]
    weighed = at.histogram(at.tensor([0.5, 1.5]), at.tensor([0.0, 1.0, 2.0]),
                           weight=at.tensor([1.0, 3.0]), density=True)  # fmt: skip
    assert weighed.hist.tolist() == [0.25, 0.75]


def test_states_of_the_generator():
    at.manual_seed(3)
    state = at.get_rng_state()
    first = at.poisson(at.full((4,), 20.0))
    at.set_rng_state(state)
    assert at.poisson(at.full((4,), 20.0)).tolist() == first.tolist()
    assert at.seed() != at.seed()


def test_print_options():
    before = dict(methods.PRINTED)
    try:
        at.set_printoptions(precision=2, edgeitems=1, threshold=3)
        assert str(at.tensor([1.23456, 0, 0, 2])) == "tensor([1.23, ..., 2.  ])"
        at.set_printoptions(profile="full")
        assert "..." not in str(at.zeros(2000))
        with pytest.raises(ValueError, match="'long'"):
            at.set_printoptions(profile="long")
    finally:
        methods.PRINTED.clear()
        methods.PRINTED.update(before)


def test_names_of_types_and_devices():
    assert at.typename(at.zeros(1)) == "torch.FloatTensor" and at.typename(3) == "builtins.int"
    assert at.get_default_device() == at.device("cpu")
    at.set_default_device("cpu")
    with pytest.raises(RuntimeError, match="not available"):
        at.set_default_device("cuda")


def test_the_page_of_names_is_up_to_date(tmp_path):
    """docs/compatibility.md says what the code has; its script writes it anew."""
    docs = ROOT / "docs"
    before = (docs / "compatibility.md").read_text()
    copy = tmp_path / "docs"
    copy.mkdir()
    for name in ("make_compatibility.py", "torch_names.json", "torch_differences.json"):
        (copy / name).write_text((docs / name).read_text())
    done = subprocess.run([sys.executable, copy / "make_compatibility.py"], capture_output=True,
                          text=True, env=os.environ | {"PYTHONPATH": str(ROOT)})  # fmt: skip
    assert done.returncode == 0, done.stderr
    made = (copy / "compatibility.md").read_text()
    assert made == before, "run python docs/make_compatibility.py"
