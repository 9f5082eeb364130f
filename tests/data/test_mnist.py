import gzip
import hashlib
import struct

import numpy as np
import pytest

from autotensor.data import MNIST, DataError

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


def test_reads_plain_and_gzipped_files(mnist_folder):
    train, test = MNIST.splits(mnist_folder)
    assert train.images.shape == (6, 28, 28) and test.images.shape == (4, 28, 28)
    assert train.images.dtype == np.uint8 and train.labels.dtype == np.int64
    assert train.labels.tolist() == [0, 1, 2, 3, 4, 5] and train.classes[9] == "9"
    rng = np.random.default_rng(0)
    expected = rng.integers(0, 256, (6, 28, 28), dtype=np.uint8)
    np.testing.assert_array_equal(train.images, expected)
    image, label = train[2]
    assert image.shape == (1, 28, 28) and label.item() == 2
    np.testing.assert_array_equal(image.array[0], expected[2] / np.float32(255))


@pytest.mark.parametrize("folder", ["mnist", "MNIST/raw"])
def test_looks_into_the_usual_folders(mnist_folder, folder):
    target = mnist_folder / "below" / folder
    target.mkdir(parents=True)
    for path in list(mnist_folder.glob("t*-ubyte*")):
        path.rename(target / path.name)
    assert len(MNIST(mnist_folder / "below", train=False)) == 4


def test_a_gzipped_file_is_known_by_its_content(mnist_folder):
    path = mnist_folder / IMAGES
    path.write_bytes(gzip.compress(path.read_bytes()))
    assert len(MNIST(mnist_folder)) == 6


def damage(path, change):
    raw = bytearray(path.read_bytes())
    path.write_bytes(change(raw))


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (IMAGES, lambda raw: raw[:-1], "promises 4720 bytes .*found 4719; the file is truncated"),
        (IMAGES, lambda raw: raw + b"x", "promises 4720 bytes .*found 4721"),
        (IMAGES, lambda raw: raw[:7], "expected a header of 16 bytes, found 7"),
        (IMAGES, lambda raw: b"", "expected a header of 16 bytes, found 0"),
        (IMAGES, lambda raw: b"<html>404 not found</html>", "expected magic number 2051, found"),
        (LABELS, lambda raw: b"\0\0\x08\x03" + raw[4:], "magic number 2049, found 2051"),
        (
            LABELS,
            lambda raw: raw[:9] + b"\x0b" + raw[10:],
            r"label 11 of image 1 is outside 0\.\.9",
        ),
        (
            LABELS,
            lambda raw: raw[:4] + struct.pack(">I", 5) + raw[8:-1],
            "5 labels, but .*train-images-idx3-ubyte has 6 images",
        ),
        (
            IMAGES,
            lambda raw: raw[:8] + struct.pack(">II", 14, 56) + raw[16:],
            r"expected images of 28x28, found \(14, 56\)",
        ),
        (IMAGES, lambda raw: gzip.compress(raw)[:-9], "gzip file is truncated or corrupt"),
        (IMAGES, lambda raw: gzip.compress(raw)[:3], "gzip file is truncated or corrupt"),
        (
            IMAGES,
            lambda raw: gzip.compress(raw)[:-8] + bytes(8),
            "gzip file is truncated or corrupt .*CRC",
        ),
    ],
)
def test_a_broken_file_is_named_with_what_is_wrong(mnist_folder, name, change, message):
    damage(mnist_folder / name, change)
    with pytest.raises(DataError, match=message) as raised:
        MNIST(mnist_folder)
    assert str(mnist_folder / name) in str(raised.value)


def test_missing_files_are_named(mnist_folder):
    (mnist_folder / LABELS).unlink()
    with pytest.raises(FileNotFoundError, match=f"neither {LABELS} nor .* pass download=True"):
        MNIST(mnist_folder)
    with pytest.raises(FileNotFoundError, match="is in nowhere"):
        MNIST("nowhere")


def test_download_fetches_only_what_is_missing(mnist_folder, server, monkeypatch, capsys):
    labels = gzip.compress((mnist_folder / LABELS).read_bytes())
    (mnist_folder / LABELS).unlink()
    server.files = {f"/{LABELS}.gz": labels}
    monkeypatch.setattr(MNIST, "mirror", server.url)
    monkeypatch.setattr(MNIST, "md5", {LABELS: hashlib.md5(labels).hexdigest()})
    train = MNIST(mnist_folder, download=True)
    assert train.labels.tolist() == [0, 1, 2, 3, 4, 5]
    assert (mnist_folder / f"{LABELS}.gz").read_bytes() == labels
    assert LABELS in capsys.readouterr().err


def test_the_real_files(public_data):
    train, test = MNIST.splits(public_data / "mnist")
    assert (len(train), len(test)) == (60_000, 10_000)
    assert np.bincount(train.labels).tolist() == [
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
    ]  # fmt: skip
    assert test.labels[:5].tolist() == [7, 2, 1, 0, 4]
    header = struct.pack(">4I", 2051, 60_000, 28, 28)
    total = hashlib.md5(header + train.images.tobytes()).hexdigest()
    assert total == "6bbc9ace898e44ae57da46a324031adb"  # as published
