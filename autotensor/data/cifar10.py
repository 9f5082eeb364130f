"""CIFAR-10: 50,000 + 10,000 colour images, 32x32, in ten classes (Krizhevsky 2009)."""

import gzip
import lzma
import tarfile
import zlib
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from autotensor.data.cifar_pickle import read_pickle
from autotensor.data.fetch import download as fetch
from autotensor.data.images import ImageDataset, check_labels
from autotensor.io.files import DataError

CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
TRAIN = [f"data_batch_{k}" for k in range(1, 6)]
TEST = ["test_batch"]
RECORDS = 10_000  # images a file
PIXELS = 3 * 32 * 32

_FOLDERS = ("", "cifar-10-batches-bin", "cifar-10-batches-py")
_ARCHIVES = [
    f"cifar-10-{form}.tar{packing}"
    for form in ("binary", "python")
    for packing in (".gz", ".xz", "")
]
_DOWNLOAD = "cifar-10-binary.tar.gz"
_MD5 = "c32a1d4ab5d03f1284b67883e8d87530"


class CIFAR10(ImageDataset):
    """CIFAR-10 in its binary or its Python form, unpacked or as the archive (.tar.gz, .tar.xz).

    ``root`` is the folder that holds either, or the archive. ``images`` (N, 32, 32, 3) uint8,
    ``labels`` (N,) int64. With ``download`` a missing archive is fetched into ``root``.
    `splits` reads an archive once for both sets.
    Raises FileNotFoundError, DataError for a broken file, ConnectionError.
    """

    mirror = "https://www.cs.toronto.edu/~kriz"

    def __init__(self, root, train=True, transform=None, download=False):
        images, labels = _read(self._find(root, download), TRAIN if train else TEST)
        super().__init__(images, labels, CLASSES, transform)

    @classmethod
    def splits(cls, root, train_transform=None, test_transform=None, download=False):
        """(training set, test set)."""
        images, labels = _read(cls._find(root, download), TRAIN + TEST)
        end = len(TRAIN) * RECORDS
        return (
            ImageDataset(images[:end], labels[:end], CLASSES, train_transform),
            ImageDataset(images[end:], labels[end:], CLASSES, test_transform),
        )

    @classmethod
    def _find(cls, root, download):
        """The folder with the batches, or the archive."""
        root = Path(root)
        if root.is_file():
            return root
        for folder in _FOLDERS:
            if any(Path(root, folder, name).is_file() for name in _file_names(TRAIN + TEST)):
                return root / folder
        for name in _ARCHIVES:
            if (root / name).is_file():
                return root / name
        if not download:
            raise FileNotFoundError(
                f"CIFAR-10: {root} holds neither data_batch_1.bin, data_batch_1, "
                f"{_FOLDERS[1]}/, {_FOLDERS[2]}/ nor an archive such as {_DOWNLOAD}; "
                "name the right folder or pass download=True"
            )
        fetch(f"{cls.mirror}/{_DOWNLOAD}", root / _DOWNLOAD, _MD5)
        return root / _DOWNLOAD


def _file_names(batches):
    """File name -> batch, for the binary and the Python form."""
    return {name + ending: name for name in batches for ending in (".bin", "")}


def _read(source, batches):
    """The images (N, 32, 32, 3) and labels (N,) of the named batches, in that order."""
    images = np.empty((len(batches), RECORDS, 32, 32, 3), np.uint8)
    labels = np.empty((len(batches), RECORDS), np.int64)
    missing = set(batches)
    for path, batch, raw in (_unpacked if source.is_dir() else _packed)(source, batches):
        decode = _binary if path.suffix == ".bin" else read_pickle
        pixels, batch_labels = decode(raw, path, RECORDS)
        check_labels(batch_labels, CLASSES, path)
        place = batches.index(batch)
        images[place] = pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        labels[place] = batch_labels
        missing.discard(batch)
    if missing:
        raise FileNotFoundError(
            f"CIFAR-10: {source} has no {min(missing)}.bin (or {min(missing)}): it is "
            "incomplete, get all batches again"
        )
    return images.reshape(-1, 32, 32, 3), labels.reshape(-1)


def _binary(raw, path, records):
    """Records of a label byte and 3,072 pixel bytes, plane by plane."""
    expected = records * (1 + PIXELS)
    if len(raw) != expected:
        raise DataError(
            f"{path}: expected {expected} bytes ({records} records of {1 + PIXELS}), "
            f"found {len(raw)}; the file is truncated or not CIFAR-10: get it again"
        )
    table = np.frombuffer(raw, np.uint8).reshape(records, 1 + PIXELS)
    return table[:, 1:], table[:, 0]


def _unpacked(folder, batches):
    """(path, batch, bytes) of each batch found in a folder."""
    for batch in batches:
        for path in (folder / f"{batch}.bin", folder / batch):
            if path.is_file():
                yield path, batch, path.read_bytes()
                break


def _packed(archive, batches):
    """(path, batch, bytes) of each batch in an archive, read as a stream and to its check sum."""
    wanted = _file_names(batches)
    try:
        with _decompressed(archive) as stream, tarfile.open(fileobj=stream, mode="r:") as tar:
            for member in tar:
                batch = wanted.get(Path(member.name).name)
                if batch and member.isfile():
                    yield archive / member.name, batch, tar.extractfile(member).read()
            while stream.read(1 << 20):
                pass
    except (tarfile.TarError, lzma.LZMAError, zlib.error, gzip.BadGzipFile, EOFError) as error:
        raise DataError(
            f"{archive}: the archive is truncated or corrupt ({error}); get it again"
        ) from error


@contextmanager
def _decompressed(archive):
    """The archive's bytes unpacked; the content and not the name tells how it is packed."""
    with open(archive, "rb") as file:
        start = file.read(6)
        file.seek(0)
        openers = {b"\x1f\x8b": gzip.open, b"\xfd7": lzma.open}
        opener = openers.get(start[:2])
        if opener is None:
            yield file
        else:
            with opener(file) as stream:
                yield stream
