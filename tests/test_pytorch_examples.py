"""The programs in PyTorch's style learn, on made data, here and under PyTorch where it is there."""

import gzip
import importlib.util
import io
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = ROOT / "examples" / "pytorch"
LINE = re.compile(r"step \d+/\d+  .*  \d+\.\d\d ms a step \(fastest \d+\.\d\d\)")
WITH = {
    "autotensor": ["-m", "autotensor.torch"],
    "torch": pytest.param(
        [],
        marks=pytest.mark.skipif(
            importlib.util.find_spec("torch") is None, reason="PyTorch is not installed"
        ),
    ),
}
either = pytest.mark.parametrize("how", WITH.values(), ids=WITH)


def run(how, program, *arguments):
    """The lines that a program prints."""
    command = [sys.executable, "-W", "error", *how, str(program), *map(str, arguments)]
    paths = os.pathsep.join([str(PROGRAMS), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with names, digits and photographs that are quickly told apart."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    names = ["".join(rng.permutation(["ma", "ri", "no", "la"])[:3]) for _ in range(200)]
    (folder / "names.txt").write_text("\n".join(names))
    for part, count in (("train", 96), ("t10k", 32)):
        labels = (np.arange(count) % 10).astype(np.uint8)
        digits = rng.integers(0, 60, (count, 28, 28)).astype(np.uint8)
        for digit, label in zip(digits, labels, strict=True):
            digit[2 * label + 4 : 2 * label + 8] += 180  # a bright bar, the lower the higher
        for kind, header, values in (("images-idx3", 16, digits), ("labels-idx1", 8, labels)):
            with gzip.open(folder / f"{part}-{kind}-ubyte.gz", "wb") as file:
                file.write(bytes(header) + values.tobytes())
    with tarfile.open(folder / "cifar.tar.gz", "w:gz") as tar:
        for name in ("data_batch_1", "data_batch_2", "test_batch"):
            labels = np.arange(20) % 10
            images = rng.integers(0, 60, (20, 3, 32, 32))
            images[np.arange(20), labels % 3] += 10 * labels[:, None, None]
            records = np.concatenate([labels[:, None], images.reshape(20, -1)], axis=1)
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}.bin")
            member.size = records.size
            tar.addfile(member, io.BytesIO(records.astype(np.uint8).tobytes()))
    return folder


def means(lines, name):
    """The figure of that name in each line of a log."""
    lines = [line for line in lines if LINE.fullmatch(line)]
    assert len(lines) == 10
    return [float(re.search(rf"  {name} (-?\d+\.\d+)", line)[1]) for line in lines]


def figure(line, name):
    return float(re.fullmatch(rf".*{name} (\d+\.\d+)", line)[1])


@either
@pytest.mark.parametrize("model", ["mlp", "rnn", "gru"])
def test_names(how, model, made):
    lines = run(how, PROGRAMS / "names.py", "--data", made / "names.txt", "--model", model,
                "--iterations", 60, "--batch", 32)  # fmt: skip
    losses = means(lines, "loss")
    assert losses[-1] < 0.6 * losses[0]
    assert figure(lines[-2], "held-out loss") < 0.6 * losses[0]
    names = lines[-1].split()
    assert any(re.fullmatch("((ma|ri|no|la)+)", name) for name in names)


@either
def test_vae(how, made, tmp_path):
    arguments = ["--data", made, "--epochs", 10, "--batch", 16]
    if importlib.util.find_spec("PIL"):
        arguments += ["--picture", tmp_path / "digits.png"]
    lines = run(how, PROGRAMS / "vae.py", *arguments)
    losses = means(lines, "loss")
    assert losses[-1] < 0.8 * losses[0]
    assert figure(lines[-1], "test loss") < 0.8 * losses[0]
    if importlib.util.find_spec("PIL"):
        from PIL import Image

        with Image.open(tmp_path / "digits.png") as picture:
            assert (picture.size, picture.mode) == ((8 * 28, 8 * 28), "L")


@either
@pytest.mark.parametrize("model", ["mlp", "dcgan"])
def test_gan(how, model, made):
    lines = run(how, PROGRAMS / "gan.py", "--data", made, "--model", model, "--epochs", 3,
                "--batch", 16)  # fmt: skip
    losses = means(lines, "discriminator")
    assert min(losses) < 0.8 * losses[0]
    assert all(0 < loss < 20 for loss in means(lines, "generator"))


@either
def test_lstm_rows(how, made):
    lines = run(how, PROGRAMS / "lstm_rows.py", "--data", made, "--epochs", 10, "--batch", 16)
    losses = means(lines, "loss")
    assert losses[-1] < 0.6 * losses[0]
    assert figure(lines[-1], "test accuracy") > 0.3


@either
def test_resnet20(how, made):
    lines = run(how, PROGRAMS / "resnet20.py", "--data", made / "cifar.tar.gz", "--epochs", 5,
                "--batch", 10, "--limit", 20)  # fmt: skip
    assert lines[0] == "269,722 parameters"
    losses = means(lines, "loss")
    assert min(losses[5:]) < 0.9 * losses[0]
    assert 0 <= figure(lines[-1], "test accuracy") <= 1


@either
def test_gcn(how):
    lines = run(how, PROGRAMS / "gcn.py", "--iterations", 150)
    losses = means(lines, "loss")
    assert losses[-1] < 0.1 * losses[0]
    assert int(lines[-1].split()[0]) >= 30


@either
def test_reinforce(how):
    lengths = means(run(how, PROGRAMS / "reinforce.py", "--iterations", 60), "length")
    assert max(lengths[5:]) > 1.5 * lengths[0]


READS = """
import sys
import torch
from images import cifar10, mnist, save_picture

folder = sys.argv[1]
images, labels = mnist(folder, limit=11)
assert images.shape == (11, 1, 28, 28) and images.dtype == torch.float32
assert labels.tolist() == [*range(10), 0] and labels.dtype == torch.int64
for image, label in zip(images[:, 0], labels.tolist()):
    bright = (image.mean(dim=1) > 0.7).nonzero().flatten().tolist()
    assert bright == list(range(2 * label + 4, 2 * label + 8))
assert len(mnist(folder, train=False)[0]) == 32
images, labels = cifar10(folder + "/cifar.tar.gz", limit=30)
assert images.shape == (30, 3, 32, 32) and labels.tolist() == [*range(10)] * 3
assert images[8, 2].mean() > images[8, 0].mean() + 0.2
assert len(cifar10(folder + "/cifar.tar.gz")[0]) == 40
assert len(cifar10(folder + "/cifar.tar.gz", train=False)[1]) == 20
print("read")
"""


@either
def test_images_are_read(how, made, tmp_path):
    (tmp_path / "reads.py").write_text(READS)
    assert run(how, tmp_path / "reads.py", made) == ["read"]
