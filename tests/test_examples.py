"""The trainers as a user runs them: in a process of their own, on a few of the bundled digits."""

import csv
import importlib.util
import os
import re
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MNIST_LINE = (
    r"loss: \d\.\d{4} / \d\.\d{4}  accuracy: \d\.\d{4} / \d\.\d{4}  step \d+  \d+\.\d\d sec"
)
CIFAR_LINE = (
    r"Epoch \d+/\d+ - \d+ steps - \d+s \d+ms/step - loss: \d+\.\d{4} - acc: \d\.\d{4}"
    r" - val_loss: \d+\.\d{4} - val_acc: \d\.\d{4}"
)
DIGITS = ("--dataset", "digits")

extras = [name for name in ("matplotlib", "tqdm") if importlib.util.find_spec(name) is None]
needs_extras = pytest.mark.skipif(bool(extras), reason=f"the trainers need {' and '.join(extras)}")


def start(trainer, *arguments, path=(), **options):
    command = [sys.executable, str(ROOT / "examples" / f"{trainer}.py"), *map(str, arguments)]
    paths = os.pathsep.join([*map(str, path), str(ROOT)])
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    environment = {**os.environ, "PYTHONPATH": paths, "PYTHONUNBUFFERED": ""}
    return subprocess.Popen(command, env=environment, **streams, **options)


def run(trainer, *arguments, **options):
    process = start(trainer, *arguments, **options)
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def without_note(err):
    """stderr without the line that kernels write when they are compiled."""
    return [line for line in err.splitlines() if "compiling kernels" not in line]


def succeed(trainer, *arguments):
    code, out, err = run(trainer, *arguments)
    assert (code, without_note(err)) == (0, [])
    return out.splitlines()


def read_log(folder):
    with open(folder / "log.csv", newline="") as file:
        return list(csv.DictReader(file))


@needs_extras
@pytest.mark.parametrize("model", ["perceptron", "mlp", "cnn"])
def test_mnist_prints_a_line_an_epoch_and_keeps_log_models_and_curves(model, tmp_path):
    out = tmp_path / "made" / "by the trainer"
    lines = succeed("mnist", *DIGITS, "--model", model, "--epochs", 2, "--limit", 300,
                    "--output", out)  # fmt: skip
    assert len(lines) == 2
    assert all(re.fullmatch(MNIST_LINE, line) for line in lines)
    log = read_log(out)
    assert [row["epoch"] for row in log] == ["1", "2"]
    assert f"accuracy: {float(log[1]['acc']):.4f} / {float(log[1]['val_acc']):.4f}" in lines[1]
    assert float(log[1]["loss"]) < float(log[0]["loss"])
    assert sorted(path.name for path in out.iterdir()) == [
        "best.safetensors",
        "curves.png",
        "last.safetensors",
        "log.csv",
    ]
    assert (out / "curves.png").read_bytes()[:4] == b"\x89PNG"


@needs_extras
def test_mnist_learns_digits(tmp_path):
    lines = succeed("mnist", *DIGITS, "--model", "mlp", "--epochs", 5, "--output", tmp_path)
    assert float(lines[-1].split(" / ")[2].split()[0]) > 0.85


@needs_extras
def test_load_evaluates_the_saved_model_to_the_same_figures(tmp_path):
    short = (*DIGITS, "--limit", 200)
    [line] = succeed("mnist", *short, "--epochs", 1, "--output", tmp_path)
    loss, accuracy = re.search(r"/ (\S+)  accuracy: \S+ / (\S+)", line).groups()
    again = succeed("mnist", *short, "--load", tmp_path / "last.safetensors")
    assert again == [f"loss: {loss}  accuracy: {accuracy}"]


@needs_extras
def test_same_seed_same_lines_for_any_number_of_threads(tmp_path):
    def figures(seed, threads):
        line = succeed("mnist", *DIGITS, "--model", "mlp", "--epochs", 1, "--limit", 200,
                       "--seed", seed, "--threads", threads, "--output", tmp_path)[-1]  # fmt: skip
        return line.split("  step")[0]

    assert figures(1, 1) == figures(1, 2) != figures(2, 1)


@needs_extras
def test_cifar_cam_draws_every_test_image_under_the_map_of_its_predicted_class(tmp_path):
    arguments = (*DIGITS, "--limit", 60, "--output", tmp_path)
    [line] = succeed("cifar_cam", *arguments, "--steps", 2)
    assert re.fullmatch(CIFAR_LINE, line)
    assert line.startswith("Epoch 1/1 - 2 steps")
    assert len(read_log(tmp_path)) == 1
    maps = list((tmp_path / "maps").glob("*/*.png"))
    assert sorted(path.name[:5] for path in maps) == [f"{i:05d}" for i in range(16)]
    assert sorted(path.name for path in (tmp_path / "maps").iterdir()) == list("0123456789")
    right = sum(path.parent.name == path.stem.split("_")[1] for path in maps)
    assert f"val_acc: {right / 16:.4f}" in line
    before = (tmp_path / "contact_sheet.png").read_bytes()
    (tmp_path / "contact_sheet.png").unlink()
    (tmp_path / "maps" / "3" / "my own.png").touch()
    (tmp_path / "maps" / "3" / "99999_3.png").touch()
    [again] = succeed("cifar_cam", *arguments, "--load", tmp_path / "last.safetensors")
    assert line.endswith(again)
    assert (tmp_path / "contact_sheet.png").read_bytes() == before
    left = {path.name for path in (tmp_path / "maps").glob("*/*.png")}
    assert left == {path.name for path in maps} | {"my own.png"}  # only its own old maps are gone


@needs_extras
@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_ctrl_c_keeps_models_log_and_curves(tmp_path):
    process = start("mnist", *DIGITS, "--epochs", 100_000, "--output", tmp_path)
    lines = [process.stdout.readline() for _ in range(2)]
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, without_note(err)) == (130, [])
    lines += out.splitlines(keepends=True)
    assert [row["epoch"] for row in read_log(tmp_path)] == [str(n + 1) for n in range(len(lines))]
    for name in ("best.safetensors", "last.safetensors"):
        assert run("mnist", *DIGITS, "--load", tmp_path / name)[0] == 0
    assert (tmp_path / "curves.png").stat().st_size > 1000
    assert not list(tmp_path.glob(".*"))  # no partial files


@needs_extras
@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_ctrl_c_in_the_first_epoch_keeps_the_last_model(tmp_path):
    process = start("cifar_cam", *DIGITS, "--output", tmp_path)
    while not (tmp_path / "log.csv").exists():
        time.sleep(0.05)
        assert process.poll() is None
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=200)
    assert (process.returncode, out, without_note(err)) == (130, "", [])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["last.safetensors", "log.csv"]


@needs_extras
def test_a_reader_that_has_seen_enough_ends_the_training_quietly(tmp_path):
    process = start("mnist", *DIGITS, "--epochs", 100_000, "--output", tmp_path)
    assert re.fullmatch(MNIST_LINE, process.stdout.readline().strip())
    process.stdout.close()
    assert without_note(process.stderr.read()) == []
    assert process.wait(60) == 1
    process.stderr.close()


@pytest.fixture
def refused(monkeypatch, capsys):
    """Run a trainer in this process; the one sentence it ends with."""

    def sentence(trainer, *arguments):
        path = ROOT / "examples" / f"{trainer}.py"
        monkeypatch.setattr(sys, "argv", [str(path), *map(str, arguments)])
        monkeypatch.syspath_prepend(path.parent)
        with pytest.raises(SystemExit) as end:
            runpy.run_path(str(path), run_name="__main__")
        out, err = capsys.readouterr()
        assert (end.value.code, out) == (2, "")
        [line] = err.splitlines()
        assert line.startswith(f"{trainer}.py: ")
        return line

    return sentence


@needs_extras
def test_the_fast_recipe_is_for_photographs(tmp_path):
    code, out, err = run("cifar_cam", *DIGITS, "--recipe", "fast", "--output", tmp_path)
    assert (code, out) == (2, "")
    assert "--recipe fast is for photographs (cifar10), not for digits" in err


@needs_extras
def test_the_fast_recipe_trains_on_small_windows_first(public_data, tmp_path):
    arguments = ("--data", public_data, "--limit", 256, "--epochs", 2, "--recipe", "fast")
    lines = succeed("cifar_cam", *arguments, "--output", tmp_path)
    assert len(lines) == 2
    for text in lines:
        assert re.fullmatch(CIFAR_LINE, text)
    saved = ("--load", tmp_path / "last.safetensors", "--recipe", "fast")
    [again] = succeed("cifar_cam", *arguments[:4], *saved, "--output", tmp_path)
    assert again == lines[1][lines[1].index("val_loss") :]


@needs_extras
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--epochs", "0"], "expected a whole number from 1 up, got '0'"),
        (["--batch-size", "2.5"], "expected a whole number from 1 up, got '2.5'"),
        (["--lr", "nan"], "expected a positive number, got 'nan'"),
        (["--dataset", "imagenet"], "invalid choice: 'imagenet'"),
        (["--threads", "5000"], "expected 1 to 1024 threads, got 5000"),
        (["--seed", "x"], "invalid int value: 'x'"),
        (["--colour"], "unrecognized arguments: --colour"),
        (["--dataset", "mnist", "--data", "/nowhere"], "/nowhere"),
        (["--dataset", "cifar10", "--data", "/nowhere"], "--download"),
        (["--load", "no.safetensors"], "no.safetensors"),
        (["--load", "model.pth"], "there is no file model.pth"),
    ],
)
@pytest.mark.parametrize("trainer", ["mnist", "cifar_cam"])
def test_bad_input_ends_in_one_sentence(trainer, arguments, sentence, refused, tmp_path):
    assert sentence in refused(trainer, *DIGITS, "--output", tmp_path / "out", *arguments)
    assert not (tmp_path / "out").exists()


@needs_extras
def test_truncated_data_corrupt_models_and_blocked_folders_end_in_one_sentence(refused, tmp_path):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(b"\0\0\x08\x03" + bytes(100))
    (tmp_path / "model.safetensors").write_bytes(b"not a model")
    (tmp_path / "file").touch()
    for arguments, sentence in (
        (["--dataset", "mnist", "--data", tmp_path], "train-"),
        ([*DIGITS, "--load", tmp_path / "model.safetensors"], "model.safetensors"),
        ([*DIGITS, "--output", tmp_path / "file"], "there is a file of that name"),
        ([*DIGITS, "--output", tmp_path / "file" / "folder"], "there is a file of that name"),
    ):
        assert sentence in refused("mnist", *arguments)


@needs_extras
def test_a_model_of_another_kind_is_refused(refused, tmp_path):
    from autotensor import io, nn

    io.save(nn.Linear(3, 10).state_dict(), tmp_path / "other.safetensors")
    sentence = refused("mnist", *DIGITS, "--load", tmp_path / "other.safetensors")
    assert "other.safetensors cannot be loaded into this model" in sentence


@needs_extras
def test_divergence_ends_in_one_sentence_and_keeps_no_model(tmp_path):
    code, _, err = run("mnist", *DIGITS, "--model", "mlp", "--lr", 1e30, "--output", tmp_path)
    assert code == 1
    [sentence] = without_note(err)
    assert "use a smaller --lr" in sentence
    assert not list(tmp_path.glob("*.safetensors"))


@pytest.mark.parametrize("missing", ["matplotlib", "tqdm"])
def test_a_missing_package_is_named_with_the_remedy(missing, tmp_path):
    (tmp_path / f"{missing}.py").write_text("raise ImportError('No module named ' + __name__)")
    code, out, err = run("mnist", *DIGITS, path=[tmp_path])
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert 'pip install ".[examples]"' in err


@needs_extras
def test_resize_is_bilinear_between_pixel_centres(monkeypatch):
    import numpy as np

    monkeypatch.syspath_prepend(ROOT / "examples")
    from pictures import overlay, resize

    twice = resize(np.array([[[0.0, 4.0]] * 2]), 4)
    np.testing.assert_allclose(twice, [[[0, 1, 3, 4]] * 4])
    images = np.zeros((1, 4, 4, 3), np.uint8)
    blend = overlay(images, np.array([[[-1.0, 1.0]] * 2]))
    assert blend[0, 0, 0].tolist() == [0, 0, 64]  # the lowest value is dark blue, halved
    assert blend[0, 0, 3].tolist() == [64, 0, 0]  # the highest dark red
    flat = overlay(images, np.full((1, 2, 2), 7.0))  # one value everywhere: no division by zero
    assert (flat == flat[0, 0, 0]).all()


@pytest.mark.parametrize("page", ["README.md", "docs/guide.md"])
def test_the_code_of_the_documentation_runs(page):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    assert blocks
    names = {"__name__": page}
    for block in blocks:
        exec(compile(block, f"<{page}>", "exec"), names)  # no file: Hypothesis would parse it
