"""Train a perceptron, a multilayer perceptron or a small convolutional network on MNIST.

The perceptron is one dense layer with sigmoid outputs, trained by plain gradient descent on the
mean squared error, as in many a first course.
"""

import sys

import options as opts
import pictures
from training import Trainer

from autotensor import eye, nn, optim
from autotensor.data import DataLoader
from autotensor.nn import functional as F

DEFAULTS = {
    "perceptron": {"epochs": 20, "lr": 0.5},
    "mlp": {"epochs": 10, "lr": 1e-3},
    "cnn": {"epochs": 5, "lr": 1e-3},
}


def perceptron(shape, classes):
    """One dense layer and a sigmoid: 784 -> 10."""
    height, width, channels = shape
    dense = nn.Linear(height * width * channels, classes)
    nn.init.uniform_(dense.weight, -0.01, 0.01)
    nn.init.zeros_(dense.bias)
    return nn.Sequential(nn.Flatten(), dense, nn.Sigmoid())


def mlp(shape, classes):
    """Three dense layers: 784 -> 256 -> 128 -> 10."""
    height, width, channels = shape
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(height * width * channels, 256),
        nn.ReLU(),
        nn.Linear(256, 128),
        nn.ReLU(),
        nn.Linear(128, classes),
    )


def cnn(shape, classes):
    """Two convolutions, each halved by pooling, and a dense layer."""
    height, width, channels = shape
    return nn.Sequential(
        nn.Conv2D(channels, 16, 3, padding="same"),
        nn.BatchNorm(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2D(16, 32, 3, padding="same"),
        nn.BatchNorm(32),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * (height // 4) * (width // 4), classes),
    )


MODELS = {"perceptron": perceptron, "mlp": mlp, "cnn": cnn}


def squared_error(outputs, labels):
    """The mean over all outputs of the squared distance from the one-hot label."""
    return F.mse_loss(outputs, eye(outputs.shape[1])[labels])


def line(row, epochs, steps):
    """The line of an epoch: training / test figures, and seconds since the start."""
    return (
        f"loss: {row.loss:.4f} / {row.val_loss:.4f}  accuracy: {row.acc:.4f} / {row.val_acc:.4f}  "
        f"step {row.epoch}  {row.total_seconds:.2f} sec"
    )


def main():
    parser = opts.parser(__doc__, dataset="mnist")
    parser.add_argument("--model", choices=MODELS, default="perceptron")
    options = opts.parse(parser, "mnist")
    small = options.dataset == "digits"
    opts.fill_in(options, batch_size=16 if small else 128, **DEFAULTS[options.model])
    train, test = opts.read(options)
    shape = (*train.images.shape[1:], 1)[:3]
    model = MODELS[options.model](shape, len(train.classes))
    plain = options.model == "perceptron"
    optimizer = optim.SGD if plain else optim.Adam
    trainer = Trainer(
        model,
        squared_error if plain else F.cross_entropy,
        optimizer(model.parameters(), lr=options.lr),
        DataLoader(train, options.batch_size, shuffle=not plain, seed=options.seed),
        DataLoader(test, 500),
        options.output,
        line,
    )
    if options.load:
        opts.load(model, options.load)
        print("loss: {:.4f}  accuracy: {:.4f}".format(*trainer.evaluate()))
        return 0
    if sys.stdout.isatty():
        nn.summary(model, (shape[2], *shape[:2]))
    finished = trainer.fit(options.epochs, options.steps)
    if trainer.history:
        title = f"{options.model} on {options.dataset}, {len(train):,} images"
        pictures.curves(trainer.history, options.output / "curves.png", title)
    opts.note(f"models, log.csv and curves.png are in {options.output}")
    return 0 if finished else 130


if __name__ == "__main__":
    opts.run(main)
