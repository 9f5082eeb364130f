"""What may import what, read from the source; and what importing the package costs."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import autotensor

ROOT = Path(autotensor.__file__).parent
ALLOWED = {  # a layer and the layers it may import besides itself
    "modes": "",
    "engine": "modes",
    "devices": "",
    "dtypes": "",
    "kernels": "",
    "memory": "engine modes",
    "tensor": "devices engine memory modes",
    "creation": "devices dtypes memory tensor",
    "deferred": "engine memory tensor",
    "ops": "creation deferred devices dtypes engine gradients kernels memory modes outputs tensor",
    "gradients": "engine memory modes tensor",
    "outputs": "engine tensor",
    "testing": "gradients memory tensor",
    "pytree": "",
    "func": "creation engine gradients modes ops pytree tensor",
    "checkpoint": "creation engine memory modes outputs pytree tensor",
    "autograd": "engine func gradients memory modes ops outputs pytree tensor testing",
    "diagnosis": "autograd deferred engine kernels memory nn ops optim tensor",
    "nn": "creation devices dtypes engine kernels memory modes ops outputs tensor",
    "optim": "dtypes kernels memory modes tensor",
    "linalg": "ops tensor",
    "distributions": "creation dtypes modes ops tensor",
    "sparse": "ops",
    "fft": "dtypes ops tensor",
    "data": "creation dtypes io kernels tensor",
    "vision": "creation data dtypes nn ops tensor",
    "io": "creation dtypes memory nn tensor",
}
FILES = sorted(ROOT.rglob("*.py"))
NAMES = [str(path.relative_to(ROOT)) for path in FILES]
every = pytest.mark.parametrize("path", FILES, ids=NAMES)


def module_of(path):
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in FILES}


def imported(path):
    """The modules that a file imports, absolute, anywhere in it."""
    package = module_of(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                whole = f"{source}.{alias.name}"
                yield whole if whole in MODULES else source


def layer_of(module):
    return module.split(".")[1] if "." in module else ""


@every
def test_imports_point_downwards(path):
    layer = layer_of(module_of(path))
    if layer in ("", "__main__", "torch", "warmup"):  # the front door, and programs
        return
    ours = {layer_of(m) for m in imported(path) if m.split(".")[0] == "autotensor"}
    wrong = ours - {layer, *ALLOWED[layer].split()}
    assert not wrong, f"{layer} must not import {sorted(wrong)}"


@every
def test_numba_is_known_to_kernels_only(path):
    if layer_of(module_of(path)) != "kernels":
        assert not {m for m in imported(path) if m.split(".")[0] in ("numba", "llvmlite")}


@every
def test_runtime_dependencies_are_numpy_and_numba(path):
    known = {*sys.stdlib_module_names, "numpy", "numba", "llvmlite", "autotensor"}
    optional = {"PIL", "tqdm", "matplotlib", "threadpoolctl"}
    if path.name == "strategies.py":  # and no other
        optional.add("hypothesis")
    assert {m.split(".")[0] for m in imported(path)} <= known | optional


@pytest.mark.parametrize("layer", ["ops", "kernels", "nn", "optim", "data", "io", "diagnosis"])
def test_modules_of_a_layer_have_no_cycles(layer):
    edges = {
        name: {m for m in imported(path) if m in MODULES and m != f"autotensor.{layer}"}
        for name, path in MODULES.items()
        if layer_of(name) == layer and name != f"autotensor.{layer}"
    }
    done = set()
    while edges.keys() - done:
        free = {m for m in edges.keys() - done if not (edges[m] & edges.keys()) - done - {m}}
        assert free, f"modules that import each other: {sorted(edges.keys() - done)}"
        done |= free


def run(code, **environment):
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=kept | {"PYTHONPATH": str(ROOT.parent)} | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_importing_does_not_load_numba():
    code = (
        "import sys, autotensor; print([m for m in sys.modules if m.startswith(('numba', 'llv'))])"
    )
    assert run(code) == "[]"


def import_seconds(module, tmp_path):
    """Processor time of importing a module in a new process, bytecode cached; least of eight."""
    code = f"from time import process_time as now; a = now(); import {module}; print(now() - a)"
    environment = {"PYTHONPYCACHEPREFIX": str(tmp_path), "OMP_NUM_THREADS": "1"}
    return min(float(run(code, **environment)) for _ in range(8))


def test_importing_is_fast(tmp_path):
    """Under a quarter of a second, NumPy included; on a slow machine in proportion to NumPy's."""
    seconds = import_seconds("autotensor", tmp_path)
    assert seconds < 0.25 or seconds < 1.9 * import_seconds("numpy.random", tmp_path)
