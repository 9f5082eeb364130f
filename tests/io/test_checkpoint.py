"""Checkpoint files. ``torch.pt`` beside this file was written by PyTorch 2.13."""

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

import autotensor
from autotensor import Tensor, nn, optim, tensor
from autotensor.io import checkpoint, load, save

WRITTEN_BY_TORCH = Path(__file__).with_name("torch.pt")


def stored(value, **options):
    """``value`` after a round trip through memory."""
    file = io.BytesIO()
    save(value, file)
    file.seek(0)
    return load(file, **options)


def test_a_file_of_pytorch():
    found = load(WRITTEN_BY_TORCH, map_location="cpu")
    assert found["w"].tolist() == [[0, 1, 2], [3, 4, 5]] and found["column"].tolist() == [1, 4]
    assert isinstance(found["p"], nn.Parameter) and found["p"].tolist() == [1.5]
    assert found["bf"].tolist() == [1.5, -2] and found["bf"].dtype == np.float32
    assert found["n"] == [1, (None, "a")] and found["dtype"] == autotensor.float32
    found["w"].array[0, 1] = 9
    assert found["column"].tolist() == [9, 4]  # still the same memory
    norm = nn.BatchNorm1d(2)
    norm.load_state_dict(found["state"])


def test_memory_that_was_shared_is_shared():
    weight = tensor(np.arange(12.0).reshape(3, 4))
    found = stored({"whole": weight, "row": weight[1], "column": weight[:, 2], "again": weight})
    found["whole"].array[1, 2] = 50
    assert found["row"].tolist() == [4, 5, 50, 7] and found["column"].tolist() == [2, 50, 10]
    assert found["again"] is found["whole"]


def test_other_orders_in_memory():
    images = Tensor(np.arange(24.0).reshape(1, 2, 3, 4).transpose(0, 3, 1, 2))
    found = stored([images, Tensor(images.array[:, ::-1])])
    assert found[0].tolist() == images.tolist() and found[0].stride() == images.stride()
    assert found[1].tolist() == images.array[:, ::-1].tolist()


def test_training_goes_on_from_a_checkpoint(tmp_path):
    def trained(steps, state=None):
        autotensor.manual_seed(0)
        model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
        optimizer = optim.Adam(model.parameters(), lr=0.1)
        if state is not None:
            model.load_state_dict(state["model"])
            optimizer.load_state_dict(state["optimizer"])
        x = tensor(np.random.default_rng(0).standard_normal((8, 3)), dtype=autotensor.float32)
        for _ in range(steps):
            optimizer.zero_grad()
            (model(x) ** 2).sum().backward()
            optimizer.step()
        return model, optimizer

    model, optimizer = trained(3)
    path = tmp_path / "run.tar"
    save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3}, path)
    resumed, straight = trained(2, load(path))[0], trained(5)[0]
    for a, b in zip(resumed.parameters(), straight.parameters(), strict=True):
        np.testing.assert_array_equal(a.array, b.array)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(2, 2)

    def forward(self, x):
        return self.inner(x)


class Settings:
    def __init__(self):
        self.width = 3


def test_modules_need_to_be_asked_for():
    block = Block()
    with pytest.raises(pickle.UnpicklingError, match=r"Block, and only .* weights_only=False"):
        stored(block)
    found = stored(block, weights_only=False)
    assert isinstance(found, Block)
    np.testing.assert_array_equal(found.inner.weight.array, block.inner.weight.array)


def test_other_classes_need_to_be_allowed():
    with pytest.raises(pickle.UnpicklingError, match="Settings"):
        stored(Settings(), weights_only=False)
    with checkpoint.safe_globals([Settings]):
        assert stored({"settings": Settings()})["settings"].width == 3
        assert checkpoint.get_safe_globals() == [Settings]
    assert checkpoint.get_safe_globals() == []


class Harmful:
    def __reduce__(self):
        return print, ("executed",)


@pytest.mark.parametrize("weights_only", [True, False])
def test_nothing_in_a_file_is_executed(weights_only, capsys):
    with pytest.raises(pickle.UnpicklingError, match="print"):
        stored(Harmful(), weights_only=weights_only)
    assert capsys.readouterr().out == ""


def rewritten(change):
    """PyTorch's file with its pickle changed."""
    file = io.BytesIO()
    with zipfile.ZipFile(WRITTEN_BY_TORCH) as source, zipfile.ZipFile(file, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            target.writestr(name, change(content) if name.endswith("data.pkl") else content)
    file.seek(0)
    return file


def test_a_tensor_may_not_reach_beyond_its_storage():
    shape = pickle.BININT1 + b"\x02" + pickle.BININT1 + b"\x03"
    larger = pickle.BININT1 + b"\xf2" + pickle.BININT1 + b"\x03"
    with pytest.raises(pickle.UnpicklingError, match="beyond its storage"):
        load(rewritten(lambda content: content.replace(shape, larger)))


def test_what_is_no_checkpoint(tmp_path):
    with pytest.raises(autotensor.io.DataError, match="cannot be read as a checkpoint"):
        load(io.BytesIO(b"\x80\x02}."))


def test_pytorch_reads_what_is_written(tmp_path):
    torch = pytest.importorskip("torch")
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    half = tensor([1.5], dtype=autotensor.float16)
    weight = tensor(np.arange(6.0).reshape(2, 3))
    save({"model": model.state_dict(), "half": half, "w": weight, "t": weight.T, "lr": 0.1,
          "dtype": autotensor.int64, "p": model[0].bias}, tmp_path / "a.pt")  # fmt: skip
    found = torch.load(tmp_path / "a.pt")
    twin = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    twin.load_state_dict(found["model"])
    np.testing.assert_array_equal(twin[0].weight.detach().numpy(), model[0].weight.detach().numpy())
    assert found["half"].dtype == torch.float16 and found["dtype"] is torch.int64
    assert found["t"].data_ptr() == found["w"].data_ptr() and found["t"].stride() == (1, 3)
    assert isinstance(found["p"], torch.nn.Parameter)
