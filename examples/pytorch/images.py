"""Images for the programs: files of MNIST and CIFAR-10 as tensors, and tensors as a picture."""

import gzip
import tarfile
from pathlib import Path

import numpy as np
import torch


def mnist(folder, train=True, limit=None):
    """The first ``limit`` digits of MNIST's files: images (N, 1, 28, 28) in 0..1, and labels."""
    part = "train" if train else "t10k"
    pixels = _idx(Path(folder, f"{part}-images-idx3-ubyte.gz"), 16, limit, 28 * 28)
    labels = _idx(Path(folder, f"{part}-labels-idx1-ubyte.gz"), 8, limit, 1)
    return _tensors(pixels.reshape(-1, 1, 28, 28), labels[:, 0])


def _idx(path, header, limit, width):
    """The first ``limit`` items of an IDX file, ``width`` bytes each, after its header."""
    with gzip.open(path) as file:
        file.read(header)
        items = file.read(-1 if limit is None else limit * width)
    return np.frombuffer(items, np.uint8).reshape(-1, width)


def cifar10(archive, train=True, limit=None):
    """The first ``limit`` images of CIFAR-10's binary archive: (N, 3, 32, 32) in 0..1, labels."""
    records, count = [], 0
    with tarfile.open(archive) as tar:
        for member in tar:  # in the order of the archive, so that no more is unpacked than needed
            if ("data_batch" if train else "test_batch") in member.name:
                file = np.frombuffer(tar.extractfile(member).read(), np.uint8).reshape(-1, 3073)
                records.append(file[: None if limit is None else limit - count])
                count += len(records[-1])
                if count == limit:
                    break
    records = np.concatenate(records)
    return _tensors(records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0])


def _tensors(pixels, labels):
    return torch.tensor(pixels, dtype=torch.float32) / 255, torch.tensor(labels, dtype=torch.long)


def save_picture(images, path, columns=8):
    """Write grey ``images`` (N, 1, H, W) in 0..1 as a grid; needs Pillow."""
    from PIL import Image

    rows = [torch.cat(list(row[:, 0]), dim=1) for row in images.split(columns)]
    pixels = (torch.cat(rows).clamp(0, 1) * 255).to(torch.uint8)
    Image.fromarray(pixels.numpy()).save(path)
