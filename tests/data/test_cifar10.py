import gzip
import hashlib
import io
import lzma
import os
import pickle
import struct
import tarfile

import numpy as np
import pytest

from autotensor.data import CIFAR10, DataError, cifar10


def binary_files(batches):
    return {
        f"{name}.bin": np.concatenate([labels[:, None], planes.reshape(4, -1)], 1).tobytes()
        for name, (planes, labels) in batches.items()
    }


def python_2_pickle(planes, labels):
    """A batch as Python 2 pickled the original ones: protocol 2, byte strings."""

    def text(value):
        return b"U" + bytes([len(value)]) + value

    def number(value):
        return b"K" + bytes([value])

    def long(value):
        return b"J" + struct.pack("<i", value)

    content = planes.tobytes()
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n"
        + (number(0) + b"\x85" + text(b"b") + b"\x87R")
        + (b"(" + number(1) + number(len(planes)) + long(3072) + b"\x86")
        + (b"cnumpy\ndtype\n" + text(b"u1") + number(0) + number(1) + b"\x87R")
        + (b"(" + number(3) + text(b"|") + b"NNN" + long(-1) + long(-1) + number(0) + b"tb")
        + (b"\x89T" + struct.pack("<i", len(content)) + content + b"tb")
    )
    numbers = b"](" + b"".join(number(label) for label in labels) + b"e"
    items = text(b"labels") + numbers + text(b"data") + array
    return b"\x80\x02}(" + text(b"batch_label") + text(b"training batch") + items + b"u."


def python_files(batches):
    return {name: python_2_pickle(*batch) for name, batch in batches.items()}


def tar_bytes(files, folder):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in {"readme.html": b"<html>", **files}.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def write_folder(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def check(root, batches):
    train, test = CIFAR10.splits(root)
    for data, names in ((train, cifar10.TRAIN), (test, cifar10.TEST)):
        planes = np.concatenate([batches[name][0] for name in names])
        labels = np.concatenate([batches[name][1] for name in names])
        np.testing.assert_array_equal(data.images, planes.transpose(0, 2, 3, 1))
        np.testing.assert_array_equal(data.labels, labels)
        assert data.images.flags.c_contiguous and data.labels.dtype == np.int64
        assert data.classes[3] == "cat"
    np.testing.assert_array_equal(CIFAR10(root, train=False).images, test.images)
    np.testing.assert_array_equal(CIFAR10(root).labels, train.labels)


@pytest.mark.parametrize("below", ["", "cifar-10-batches-bin"])
def test_binary_folder(cifar_batches, tmp_path, below):
    write_folder(tmp_path / below, binary_files(cifar_batches))
    check(tmp_path, cifar_batches)


@pytest.mark.parametrize("below", ["", "cifar-10-batches-py"])
def test_python_folder(cifar_batches, tmp_path, below):
    write_folder(tmp_path / below, python_files(cifar_batches))
    check(tmp_path, cifar_batches)


@pytest.mark.parametrize("form", ["binary", "python"])
@pytest.mark.parametrize(
    ("ending", "pack"),
    [(".tar.gz", gzip.compress), (".tar.xz", lzma.compress), (".tar", bytes)],
)
def test_archives(cifar_batches, tmp_path, form, ending, pack):
    files = (binary_files if form == "binary" else python_files)(cifar_batches)
    archive = tmp_path / f"cifar-10-{form}{ending}"
    archive.write_bytes(pack(tar_bytes(files, "cifar-10-batches")))
    check(tmp_path, cifar_batches)
    check(archive, cifar_batches)


def test_a_pickle_made_by_numpy_of_today(cifar_batches, tmp_path):
    for name, (planes, labels) in cifar_batches.items():
        content = {b"data": planes.reshape(4, -1), b"labels": labels.tolist()}
        write_folder(tmp_path, {name: pickle.dumps(content, protocol=3)})
    check(tmp_path, cifar_batches)


def test_a_pickle_cannot_run_anything(cifar_batches, tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "made"),)

    write_folder(tmp_path, {"test_batch": pickle.dumps({b"data": Evil(), b"labels": []}, 3)})
    with pytest.raises(DataError, match=r"test_batch: not a pickled .* asks for (posix|nt)\.mkdir"):
        CIFAR10(tmp_path, train=False)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("test_batch.bin", lambda raw: raw[:-1], r"expected 12292 bytes .* found 12291; the file"),
        ("test_batch.bin", lambda raw: raw[:3073], "expected 12292 bytes .* found 3073"),
        ("test_batch.bin", lambda raw: b"\x0a" + raw[1:], r"label 10 of image 0 is outside 0\.\.9"),
        ("test_batch", lambda raw: raw[:-500], "not a pickled CIFAR-10 batch"),
        ("test_batch", lambda raw: b"", "not a pickled CIFAR-10 batch"),
        ("test_batch", lambda raw: pickle.dumps([1, 2]), "not a pickled CIFAR-10 batch"),
        ("test_batch", lambda raw: pickle.dumps({"data": 1}), "not a pickled CIFAR-10 batch"),
        ("test_batch", lambda raw: raw.replace(b"u1", b"i1"), "i1 and not u1"),
    ],
)
def test_a_broken_batch_is_named(cifar_batches, tmp_path, name, change, message):
    files = {**binary_files(cifar_batches), **python_files(cifar_batches)}
    write_folder(tmp_path, {name: change(files[name])})
    with pytest.raises(DataError, match=message) as raised:
        CIFAR10(tmp_path, train=False)
    assert str(tmp_path / name) in str(raised.value)


def test_a_pickle_with_another_number_of_images(cifar_batches, tmp_path):
    planes, labels = cifar_batches["test_batch"]
    write_folder(tmp_path, {"test_batch": python_2_pickle(planes[:3], labels[:3])})
    with pytest.raises(DataError, match=r"expected 4 images .* \(3, 3072\) and \(3,\)"):
        CIFAR10(tmp_path, train=False)


def test_an_incomplete_set_is_refused(cifar_batches, tmp_path):
    files = binary_files(cifar_batches)
    del files["data_batch_3.bin"]
    write_folder(tmp_path / "folder", files)
    packed = gzip.compress(tar_bytes(files, "cifar-10-batches-bin"))
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(packed)
    for root in (tmp_path / "folder", tmp_path):
        with pytest.raises(FileNotFoundError, match=r"has no data_batch_3\.bin .* incomplete"):
            CIFAR10(root)
    with pytest.raises(FileNotFoundError, match=r"neither data_batch_1\.bin.*download=True"):
        CIFAR10(tmp_path / "nowhere")


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress, bytes])
@pytest.mark.parametrize("keep", [0.3, 0.9])
def test_a_truncated_archive_is_named(cifar_batches, tmp_path, pack, keep):
    whole = pack(tar_bytes(binary_files(cifar_batches), "cifar-10-batches-bin"))
    archive = tmp_path / "cifar-10-binary.tar.gz"
    archive.write_bytes(whole[: int(len(whole) * keep)])
    with pytest.raises((DataError, FileNotFoundError), match=r"cifar-10-binary\.tar\.gz"):
        CIFAR10(tmp_path)


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_a_wrong_bit_in_an_archive_is_found(cifar_batches, tmp_path, pack):
    packed = bytearray(pack(tar_bytes(binary_files(cifar_batches), "cifar-10-batches-bin")))
    packed[len(packed) // 2] ^= 1
    (tmp_path / "cifar-10-binary.tar.xz").write_bytes(packed)
    with pytest.raises(DataError, match="truncated or corrupt"):
        CIFAR10(tmp_path)


def test_something_else_in_the_archives_place(tmp_path):
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(b"<html>not found</html>" * 100)
    with pytest.raises(DataError, match="truncated or corrupt"):
        CIFAR10(tmp_path)


def test_download(cifar_batches, tmp_path, server, monkeypatch, capsys):
    packed = gzip.compress(tar_bytes(binary_files(cifar_batches), "cifar-10-batches-bin"))
    server.files = {"/cifar-10-binary.tar.gz": packed}
    monkeypatch.setattr(CIFAR10, "mirror", server.url)
    monkeypatch.setattr(cifar10, "_MD5", hashlib.md5(packed).hexdigest())
    train = CIFAR10(tmp_path / "new", download=True)
    assert len(train) == 20 and "cifar-10-binary.tar.gz" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["cifar-10-binary.tar.gz"]
    server.files = {}
    assert len(CIFAR10(tmp_path / "new", train=False, download=True)) == 4


def test_the_real_archive(public_data):
    train, test = CIFAR10.splits(public_data)
    assert (len(train), len(test)) == (50_000, 10_000)
    assert np.bincount(train.labels).tolist() == [5000] * 10
    planes = test.images.transpose(0, 3, 1, 2).reshape(10_000, -1)
    records = np.concatenate([test.labels[:, None].astype(np.uint8), planes], 1)
    assert hashlib.md5(records.tobytes()).hexdigest() == "803d5f7f4d78ea53de84dbe85f74fb6d"
    mean = [train.images[..., c].mean() / 255 for c in range(3)]
    np.testing.assert_allclose(mean, [0.49139968, 0.48215841, 0.44653091], atol=1e-7)
