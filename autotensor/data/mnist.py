"""MNIST: 60,000 + 10,000 handwritten digits, 28x28 (LeCun, Cortes, Burges 1998)."""

from pathlib import Path

from autotensor.data.fetch import download as fetch
from autotensor.data.idx import read_idx
from autotensor.data.images import ImageDataset, check_labels
from autotensor.io.files import DataError

_MD5 = {
    "train-images-idx3-ubyte": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "train-labels-idx1-ubyte": "d53e105ee54ea40749a09fcbcd1e9432",
    "t10k-images-idx3-ubyte": "9fb629c4189551a2d022fa330f9573f3",
    "t10k-labels-idx1-ubyte": "ec29112dd5afa0611ce80d1b7f02629c",
}
_FOLDERS = ("", "mnist", "MNIST/raw")


class MNIST(ImageDataset):
    """The IDX files of MNIST, plain or gzipped, in ``root`` (or its mnist/ or MNIST/raw/).

    ``images`` (N, 28, 28) uint8, ``labels`` (N,) int64. With ``download`` missing files are
    fetched into ``root``. Raises FileNotFoundError, DataError for a broken file, ConnectionError.
    """

    mirror = "https://ossci-datasets.s3.amazonaws.com/mnist"

    def __init__(self, root, train=True, transform=None, download=False):
        part = "train" if train else "t10k"
        image_file = self._find(root, f"{part}-images-idx3-ubyte", download)
        label_file = self._find(root, f"{part}-labels-idx1-ubyte", download)
        images, labels = read_idx(image_file, 3), read_idx(label_file, 1)
        if images.shape[1:] != (28, 28):
            raise DataError(f"{image_file}: expected images of 28x28, found {images.shape[1:]}")
        if len(images) != len(labels):
            raise DataError(
                f"{label_file}: {len(labels)} labels, but {image_file} has {len(images)} images; "
                "the two files belong to different sets"
            )
        classes = [str(digit) for digit in range(10)]
        check_labels(labels, classes, label_file)
        super().__init__(images, labels, classes, transform)

    @classmethod
    def splits(cls, root, train_transform=None, test_transform=None, download=False):
        """(training set, test set)."""
        return (
            cls(root, True, train_transform, download),
            cls(root, False, test_transform, download),
        )

    @classmethod
    def _find(cls, root, name, download):
        for folder in _FOLDERS:
            for path in (Path(root, folder, name), Path(root, folder, name + ".gz")):
                if path.is_file():
                    return path
        if not download:
            raise FileNotFoundError(
                f"MNIST: neither {name} nor {name}.gz is in {root} (or its mnist/, MNIST/raw/); "
                "name the right folder or pass download=True"
            )
        path = Path(root, name + ".gz")
        fetch(f"{cls.mirror}/{path.name}", path, _MD5[name])
        return path
