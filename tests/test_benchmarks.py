"""The benchmarks run, print their rows and keep their figures; what they find is not tested."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def run(*arguments):
    command = [sys.executable, "-m", "benchmarks", "--alone", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)


def test_rows_are_printed_and_kept(tmp_path):
    kept = tmp_path / "figures.json"
    done = run("--quick", "--only", "small", "convolutions", "--threads", 1, "--json", kept)
    assert done.returncode == 0, done.stderr
    figures = json.loads(kept.read_text())
    assert figures["threads"] == 1
    assert figures["torch"] is None
    for row in [*figures["small"], *figures["convolutions"]]:
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
