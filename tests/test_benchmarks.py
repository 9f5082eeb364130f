"""The benchmarks run, print their rows and keep their figures; what they find is not tested."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from autotensor import nn, zeros

ROOT = Path(__file__).resolve().parents[1]


def run(*arguments):
    command = [sys.executable, "-m", "benchmarks", "--alone", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)


def test_rows_are_printed_and_kept(tmp_path):
    kept = tmp_path / "figures.json"
    names = ["small", "convolutions", "pooling", "augmentation"]
    done = run("--quick", "--only", *names, "--threads", 1, "--json", kept)
    assert done.returncode == 0, done.stderr
    figures = json.loads(kept.read_text())
    assert figures["threads"] == 1
    assert figures["torch"] is None
    for row in [row for name in names for row in figures[name]]:
        assert row["work"] in done.stdout
        assert 0 < row["autotensor"]["min"] <= row["autotensor"]["median"]
        assert "torch" not in row


def test_an_unknown_row_is_refused_by_name():
    done = run("--only", "network-z")
    assert done.returncode == 2
    assert "network-z" in done.stderr


def test_rounds_are_checked():
    done = run("--rounds", 0)
    assert done.returncode == 2
    assert "--rounds must be 1 or more" in done.stderr


@pytest.mark.parametrize(
    ("name", "shape", "parameters"),
    [
        ("network_a", (3, 32, 32), 290_090 - 896),  # 896 are running statistics
        ("perceptron", (784,), 7_850),
        ("mlp", (784,), 669_706),
        ("separable", (3, 32, 32), 136_778),
        ("lstm", (28, 28), 82_186),
        ("resnet18", (3, 32, 32), 11_173_962),
    ],
)
def test_networks_have_the_size_they_are_known_by(monkeypatch, name, shape, parameters):
    monkeypatch.syspath_prepend(str(ROOT))
    model = getattr(importlib.import_module("benchmarks.networks"), name)(nn)
    assert model(zeros(2, *shape)).shape == (2, 10)
    assert sum(p.numel() for p in model.parameters()) == parameters
