"""Pictures of a training: its curves, class activation maps, and a sheet of examples."""

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.image import imsave
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from autotensor.io.files import replacing

BLUE, ORANGE, GREY, RED = "#1f6fb4", "#e07b00", "#6b6b6b", "#d62728"


def resize(images, size):
    """Bilinear: (N, H, W, ...) -> (N, size, size, ...); pixels are areas, edges are repeated."""
    height, width = (_reader(n, size) for n in images.shape[1:3])
    return np.einsum("ph,qw,nhw...->npq...", height, width, images, optimize=True)


def _reader(n, size):
    """(size, n): the weights with which every new pixel reads the old ones."""
    places = (np.arange(size) + 0.5) * n / size - 0.5
    return np.stack([np.interp(places, np.arange(n), pixel) for pixel in np.eye(n)], axis=1)


def overlay(images, maps):
    """Activation maps (N, h, w) in JET colours over images (N, H, W, 3) uint8, half and half.

    Every map is scaled to 0..1 by itself.
    """
    low, high = maps.min((1, 2), keepdims=True), maps.max((1, 2), keepdims=True)
    scaled = (maps - low) / np.maximum(high - low, np.finfo(np.float32).tiny)
    colours = resize(matplotlib.colormaps["jet"](scaled)[..., :3], images.shape[1])
    return np.rint(127.5 * colours + 0.5 * images).astype(np.uint8)


def save_png(path, image):
    """An array (H, W, 3) of uint8 as a PNG file."""
    imsave(path, image)


def curves(history, path, title):
    """Loss and accuracy over the epochs, on training and test images."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    figure.suptitle(title)
    epochs = [row.epoch for row in history]
    for axes, name in zip(figure.subplots(1, 2), ("loss", "acc"), strict=True):
        for kind, prefix, colour in (("training", "", ORANGE), ("test", "val_", BLUE)):
            values = [getattr(row, prefix + name) for row in history]
            axes.plot(epochs, values, color=colour, marker="o" if len(values) < 30 else None,
                      markersize=3.5, label=f"{kind}: {values[-1]:.4f}")  # fmt: skip
        axes.set_xlabel("epoch")
        axes.set_ylabel("accuracy" if name == "acc" else name)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
    _save(figure, path)


def contact_sheet(examples, classes, path, title):
    """A row for every predicted class: images, each beside its activation map.

    ``examples[k]`` lists ``(image, overlay, label)`` for what was taken for class k.
    """
    columns = max(map(len, examples))
    width, height = 1.5 + 1.75 * columns, 1.2 + 0.98 * len(classes)  # inches
    figure = Figure(figsize=(width, height))
    figure.text(0.5, 1 - 0.32 / height, title, ha="center", fontsize=14)
    legend = (
        "a row for each predicted class: the image, and the map of that class over it\n"
        "red: most evidence for the class, blue: least; red frame: the prediction is wrong"
    )
    figure.text(0.5, 1 - 0.8 / height, legend, ha="center", fontsize=9, color=GREY)
    grid = figure.subplots(len(classes), columns, squeeze=False)
    figure.subplots_adjust(1.25 / width, 0.1 / height, 0.99, 1 - 1.05 / height, 0.08, 0.24)
    for name, pairs, row in zip(classes, examples, grid, strict=True):
        row[0].text(-0.1, 0.5, name, transform=row[0].transAxes, ha="right", va="center",
                    fontsize=12)  # fmt: skip
        if not pairs:
            row[0].text(0, 0.5, "no image", transform=row[0].transAxes, va="center", color=GREY)
        for axes in row:
            axes.axis("off")
        for axes, (image, blend, label) in zip(row, pairs, strict=False):
            _pair(axes, image, blend, None if classes[label] == name else classes[label])
    _save(figure, path)


def _pair(axes, image, blend, truth):
    """An image beside its map, framed if the prediction is wrong: then ``truth`` is the class."""
    side = image.shape[0]
    gap = np.full((side, 1, 3), 255, np.uint8)
    axes.imshow(np.concatenate([image, gap, blend], axis=1), interpolation="nearest")
    if truth is not None:
        frame = Rectangle((-0.5, -0.5), 2 * side + 1, side, fill=False, edgecolor=RED, linewidth=2)
        axes.add_patch(frame)
        axes.set_title(f"is: {truth}", color=RED, fontsize=8, pad=2)


def _save(figure, path):
    with replacing(path) as file:
        figure.savefig(file, format="png", dpi=110)
