"""MNIST: 60,000 + 10,000 handwritten digits, 28x28 (LeCun, Cortes, Burges 1998).

And Fashion-MNIST, articles of clothing in its form (Xiao, Rasul, Vollgraf 2017).
"""

from pathlib import Path
from types import MappingProxyType

from autotensor.data.fetch import download as fetch
from autotensor.data.idx import read_idx
from autotensor.data.images import ImageDataset, check_labels
from autotensor.io.files import DataError


class MNIST(ImageDataset):
    """The IDX files of MNIST, plain or gzipped, in ``root`` (or its mnist/ or MNIST/raw/).

    ``images`` (N, 28, 28) uint8, ``labels`` (N,) int64. With ``download`` missing files are
    fetched into ``root``. Raises FileNotFoundError, DataError for a broken file, ConnectionError.
    """

    mirror = "https://ossci-datasets.s3.amazonaws.com/mnist"
    folders = ("", "mnist", "MNIST/raw")
    classes = tuple(str(digit) for digit in range(10))
    md5 = MappingProxyType(
        {
            "train-images-idx3-ubyte": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "train-labels-idx1-ubyte": "d53e105ee54ea40749a09fcbcd1e9432",
            "t10k-images-idx3-ubyte": "9fb629c4189551a2d022fa330f9573f3",
            "t10k-labels-idx1-ubyte": "ec29112dd5afa0611ce80d1b7f02629c",
        }
    )

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
        check_labels(labels, self.classes, label_file)
        super().__init__(images, labels, self.classes, transform)

    @classmethod
    def splits(cls, root, train_transform=None, test_transform=None, download=False):
        """(training set, test set)."""
        return (
            cls(root, True, train_transform, download),
            cls(root, False, test_transform, download),
        )

    @classmethod
    def _find(cls, root, name, download):
        for folder in cls.folders:
            for path in (Path(root, folder, name), Path(root, folder, name + ".gz")):
                if path.is_file():
                    return path
        if not download:
            raise FileNotFoundError(
                f"{cls.__name__}: neither {name} nor {name}.gz is in {root} (or its "
                f"{', '.join(f'{folder}/' for folder in cls.folders if folder)}); name the right "
                f"folder or pass download=True"
            )
        path = Path(root, name + ".gz")
        fetch(f"{cls.mirror}/{path.name}", path, cls.md5[name])
        return path


class FashionMNIST(MNIST):
    """Fashion-MNIST: as `MNIST`, in ``root``, its fashion-mnist/ or FashionMNIST/raw/."""

    mirror = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com"
    folders = ("FashionMNIST/raw", "fashion-mnist", "")
    classes = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker",
               "Bag", "Ankle boot")  # fmt: skip
    md5 = MappingProxyType(
        {
            "train-images-idx3-ubyte": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "train-labels-idx1-ubyte": "25c81989df183df01b3e8a0aad5dffbe",
            "t10k-images-idx3-ubyte": "bef4ecab320f06d8554ea6380940ec79",
            "t10k-labels-idx1-ubyte": "bb300cfdad3c16e7a12a480ee83cd310",
        }
    )
