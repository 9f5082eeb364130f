"""Train a small convolutional network on CIFAR-10 and show where it looks.

Six 3x3 convolutions in three scales, a 1x1 convolution to one map for each class, and the mean of
each map as the score of its class: the map of the predicted class then shows which parts of the
image spoke for it (class activation mapping, Zhou et al. 2016).
"""

import sys
from collections import OrderedDict
from functools import partial
from itertools import islice

import numpy as np
import options as opts
import pictures
from tqdm import tqdm
from training import Trainer, make_folder

from autotensor import nn, no_grad, optim
from autotensor.data import (
    Compose,
    DataLoader,
    ImageDataset,
    Normalize,
    RandomCrop,
    RandomHorizontalFlip,
    RandomZoom,
)
from autotensor.nn import functional as F

SIZE = 32
MOMENTUM = 0.01  # of batch normalisation; 0.99 in Keras's sense
DEFAULTS = {
    "cifar10": {"epochs": 50, "batch_size": 128, "lr": 0.1, "schedule": "constant"},
    "mnist": {"epochs": 5, "batch_size": 128, "lr": 0.1, "schedule": "cosine"},
    "digits": {"epochs": 10, "batch_size": 32, "lr": 0.1, "schedule": "cosine"},
}
FAST = {"epochs": 8, "batch_size": 128, "lr": 0.2, "schedule": "triangle"}
SMALL_PART = 1 / 2  # of the fast recipe's epochs: those with small windows
NORMALIZE = Normalize((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616))
SHOWN = 6  # images of each class on the contact sheet


def network(classes=10, momentum=MOMENTUM):
    """The network: (N, 3, 32, 32) -> probabilities (N, classes), 290,090 parameters for ten."""
    layers = OrderedDict()
    channels = 3
    for scale, width in enumerate((32, 64, 128), 1):
        for k in (2 * scale - 1, 2 * scale):
            conv = nn.Conv2D(channels, width, 3, padding="same")
            nn.init.he_normal_(conv.weight)
            nn.init.zeros_(conv.bias)
            layers[f"conv2d_{k}"] = conv
            layers[f"batch_normalization_{k}"] = nn.BatchNorm(width, eps=1e-3, momentum=momentum)
            layers[f"activation_{k}"] = nn.Activation("relu")
            channels = width
        if scale < 3:
            layers[f"max_pooling2d_{scale}"] = nn.MaxPool2d(2)
    layers["class_activation_map"] = nn.Conv2D(channels, classes, 1)
    nn.init.glorot_uniform_(layers["class_activation_map"].weight)
    nn.init.zeros_(layers["class_activation_map"].bias)
    layers["global_average_pooling2d_1"] = nn.GAP()
    layers["activation_7"] = nn.Activation("softmax")
    return nn.Sequential(layers)


def augmentation(dataset):
    """Zoom by up to a half in height and width; mirror photographs, but not digits."""
    zoom = RandomZoom(0.5, 1.5)
    return Compose([RandomHorizontalFlip(0.5), zoom]) if dataset == "cifar10" else zoom


def as_photographs(dataset):
    """The images enlarged to 32x32 where smaller, and grey ones in three equal channels."""
    images = dataset.images
    if images.shape[1:] == (SIZE, SIZE, 3):
        return dataset
    images = np.rint(pictures.resize(images, SIZE)).astype(np.uint8)
    images = np.repeat(images[..., None], 3, axis=3)
    return ImageDataset(images, dataset.labels, dataset.classes)


class PublishedTrainer(Trainer):
    """A trainer whose tests in the first epochs do not suffer from outdated batch statistics."""

    def settle(self):
        """Average batch statistics anew, with the weights as they are now (Wu, Johnson 2021).

        Running ones remember the last hundred steps, and at first the weights move too fast for
        that: test figures would be those of no network at all. Training does not use them.
        """
        if self.steps > 1000:
            return
        norms = [module for module in self.model.modules() if isinstance(module, nn.BatchNorm)]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # plain average
        with no_grad():
            for images, _ in islice(self.train, 20):
                self.model(images)
        for norm in norms:
            norm.momentum = MOMENTUM


class FastTrainer(Trainer):
    """A trainer that shows smaller windows of the images first, which take half the time."""

    def prepare(self, epoch, epochs):
        """Windows of 24x24 in the first part of the training, later all of a shifted image."""
        small = epoch <= round(SMALL_PART * epochs)
        crop = RandomCrop(24) if small else RandomCrop(SIZE, padding=3)
        self.train.dataset.transform = Compose([crop, RandomHorizontalFlip(), NORMALIZE])


def line(row, epochs, steps):
    """The line of an epoch; its time includes the test, as Keras counts it."""
    return (
        f"Epoch {row.epoch}/{epochs} - {steps} steps - {row.seconds:.0f}s "
        f"{1e3 * row.seconds / steps:.0f}ms/step - loss: {row.loss:.4f} - acc: {row.acc:.4f} - "
        f"val_loss: {row.val_loss:.4f} - val_acc: {row.val_acc:.4f}"
    )


def predict(model, loader):
    """The predicted class of each image and its activation map: (N,), (N, h, w)."""
    model.eval()
    predicted, chosen = [], []
    with no_grad():
        for images, _ in loader:
            maps = model[:-2](images)  # all but the pooling and the softmax
            classes = maps.mean((2, 3)).argmax(1).array
            predicted.append(classes)
            chosen.append(maps.array[np.arange(len(classes)), classes])
    return np.concatenate(predicted), np.concatenate(chosen)


def draw_maps(model, loader, folder):
    """Each test image under the map of its predicted class, in folders by that class."""
    test = loader.dataset
    predicted, maps = predict(model, loader)
    for path in folder.glob("maps/*/[0-9]*_*.png"):
        path.unlink()  # an earlier run's
    for name in test.classes:
        make_folder(folder / "maps" / name)
    examples = [[] for _ in test.classes]
    for i in tqdm(range(len(test)), "maps", disable=not sys.stderr.isatty(), leave=False):
        image, label, k = test.images[i], test.labels[i], predicted[i]
        [blend] = pictures.overlay(image[None], maps[i : i + 1])
        name = f"{i:05d}_{test.classes[label]}.png"
        pictures.save_png(folder / "maps" / test.classes[k] / name, blend)
        if len(examples[k]) < SHOWN:
            examples[k].append((image, blend, label))
    right = np.mean(predicted == test.labels)
    title = f"Where the network looks: {len(test):,} test images, {right:.1%} recognised"
    pictures.contact_sheet(examples, test.classes, folder / "contact_sheet.png", title)
    opts.note(f"activation maps are in {folder / 'maps'}, some of each class in contact_sheet.png")


def parse():
    """The options of the command line."""
    parser = opts.parser(__doc__, dataset="cifar10")
    parser.add_argument("--recipe", choices=["published", "fast"], default="published",
        help="fast: as good on CIFAR-10 in a sixth of the epochs; its models need it to be "
        "loaded, too (default: %(default)s)")  # fmt: skip
    parser.add_argument("--schedule", choices=["constant", "cosine", "triangle"],
        help="of the learning rate: default constant for cifar10, triangle for the fast recipe, "
        "else cosine")  # fmt: skip
    options = opts.parse(parser, "cifar_cam")
    fast = options.recipe == "fast"
    if fast and options.dataset != "cifar10":
        parser.error(f"--recipe fast is for photographs (cifar10), not for {options.dataset}")
    opts.fill_in(options, **(FAST if fast else DEFAULTS[options.dataset]))
    return options


def schedule_of(options, optimizer, steps):
    """The schedule of the learning rate over the steps of the whole training, or None."""
    if options.schedule == "cosine":
        return optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    if options.schedule == "triangle":
        return optim.lr_scheduler.OneCycleLR(
            optimizer, options.lr, steps, pct_start=0.25, anneal_strategy="linear",
            cycle_momentum=False,
        )  # fmt: skip
    return None


def parameter_groups(model):
    """Filters, which decay, and biases and factors of norms, which do not."""
    parameters = list(model.parameters())
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": 5e-4},
        {"params": [p for p in parameters if p.ndim == 1]},
    ]


def make_trainer(options, model):
    """The trainer of ``model`` with the data and by the method that the options say."""
    train, test = map(as_photographs, opts.read(options))
    loader = DataLoader(train, options.batch_size, shuffle=True, seed=options.seed, num_workers=1)
    scores = model[:-1]  # the same layers without the softmax, which is part of cross_entropy
    fast = options.recipe == "fast"
    parameters = parameter_groups(model) if fast else model.parameters()
    optimizer = optim.SGD(parameters, lr=options.lr, momentum=0.9, nesterov=True)
    schedule = schedule_of(options, optimizer, options.epochs * len(loader))
    arguments = (scores, F.cross_entropy, optimizer, loader, DataLoader(test, 250),
                 options.output, line, schedule)  # fmt: skip
    if fast:
        test.transform = NORMALIZE
        return FastTrainer(*arguments, partial(F.cross_entropy, label_smoothing=0.1))
    train.transform = augmentation(options.dataset)
    return PublishedTrainer(*arguments)


def main():
    options = parse()
    model = network(momentum=0.1 if options.recipe == "fast" else MOMENTUM)
    trainer = make_trainer(options, model)
    if options.load:
        opts.load(model, options.load)
        print("val_loss: {:.4f} - val_acc: {:.4f}".format(*trainer.evaluate()), flush=True)
        draw_maps(model, trainer.test, options.output)
        return 0
    if sys.stdout.isatty():
        nn.summary(model, (3, SIZE, SIZE))
    finished = trainer.fit(options.epochs, options.steps)
    opts.note(f"models and log.csv are in {options.output}")
    if trainer.history:
        title = f"{options.dataset}, {len(trainer.train.dataset):,} images"
        pictures.curves(trainer.history, options.output / "curves.png", title)
    if not finished:
        return 130
    draw_maps(model, trainer.test, options.output)
    return 0


if __name__ == "__main__":
    opts.run(main)
