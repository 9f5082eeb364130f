"""Training and evaluating a classifier: the loop, its log, and the models it keeps."""

import csv
import math
import signal
import sys
import time
from collections import namedtuple
from itertools import islice

from tqdm import tqdm

from autotensor import no_grad, save

Row = namedtuple("Row", "epoch seconds total_seconds loss acc val_loss val_acc")


class Trainer:
    """Trains ``model`` and keeps in ``folder`` its best and last state and log.csv.

    ``loss(outputs, labels)`` is the mean over a batch; ``line(row, epochs, steps)`` is the text to
    print after an epoch of so many steps; ``history`` collects the rows. A ``schedule`` of the
    learning rate moves on after every step. ``objective`` is what training minimises, by default
    the loss.
    """

    def __init__(
        self, model, loss, optimizer, train, test, folder, line, schedule=None, objective=None
    ):
        self.model = model
        self.loss = loss
        self.optimizer = optimizer
        self.train = train
        self.test = test
        self.folder = folder
        self.line = line
        self.schedule = schedule
        self.objective = objective or loss
        self.history = []
        self.steps = 0

    def fit(self, epochs, steps=None):
        """Train, for ``steps`` steps at most; False if Ctrl-C ended it."""
        per_epoch = len(self.train)
        left = min(epochs * per_epoch, steps or math.inf)
        epochs = math.ceil(left / per_epoch)
        times = [time.perf_counter()]
        make_folder(self.folder)
        with _open_log(self.folder) as log, _bar(left) as bar, Interrupt() as interrupt:
            try:
                for epoch in range(1, epochs + 1):
                    bar.set_description(f"Epoch {epoch}/{epochs}")
                    self.prepare(epoch, epochs)
                    count = min(left, per_epoch)
                    left -= count
                    trained = self._learn(count, bar, interrupt)
                    self.settle()
                    means = (*trained, *self.evaluate(interrupt))
                    times.append(time.perf_counter())
                    row = Row(epoch, times[-1] - times[-2], times[-1] - times[0], *means)
                    self._keep(row, log)
                    bar.write(self.line(row, epochs, count))
                    sys.stdout.flush()
            except KeyboardInterrupt:
                self._save("last")
                return False
        return True

    def _learn(self, count, bar, interrupt):
        """Mean loss and accuracy of ``count`` training steps, while the weights move."""
        self.model.train()
        means = Means()
        for images, labels in islice(self.train, count):
            interrupt.check()
            self.optimizer.zero_grad()
            outputs = self.model(images)
            loss = self.objective(outputs, labels)
            loss.backward()
            means.add(loss, outputs, labels)
            if not math.isfinite(means.total):
                raise FloatingPointError(
                    f"the loss became {loss.item()} in step {self.steps + 1}: use a smaller --lr"
                )
            self.optimizer.step()
            if self.schedule:
                self.schedule.step()
            self.steps += 1
            bar.set_postfix(loss=f"{means.loss:.4f}", acc=f"{means.accuracy:.4f}", refresh=False)
            bar.update()
        return means.loss, means.accuracy

    def prepare(self, epoch, epochs):
        """What a subclass does before the training steps of an epoch."""

    def settle(self):
        """What a subclass does between the training steps of an epoch and the test after them."""

    def evaluate(self, interrupt=None):
        """Mean loss and accuracy over the test set."""
        self.model.eval()
        means = Means()
        with no_grad():
            for images, labels in self.test:
                if interrupt:
                    interrupt.check()
                outputs = self.model(images)
                means.add(self.loss(outputs, labels), outputs, labels)
        return means.loss, means.accuracy

    def _keep(self, row, log):
        log(row)
        self._save("last")
        if all(row.val_acc > earlier.val_acc for earlier in self.history):
            self._save("best")
        self.history.append(row)

    def _save(self, name):
        save(self.model.state_dict(), self.folder / f"{name}.safetensors")


class Means:
    """Loss and accuracy averaged over samples, batch by batch."""

    def __init__(self):
        self.count = self.total = self.correct = 0

    def add(self, loss, outputs, labels):
        """Count a batch: its mean loss, and where the greatest output is the label's."""
        self.count += len(labels)
        self.total += loss.item() * len(labels)
        self.correct += int((outputs.array.argmax(1) == labels.array).sum())

    loss = property(lambda self: self.total / self.count)
    accuracy = property(lambda self: self.correct / self.count)


class Interrupt:
    """While entered, Ctrl-C waits for the next `check`, so that no step is left half done.

    A second Ctrl-C does not wait.
    """

    def __enter__(self):
        self.wanted = False
        self.usual = signal.signal(signal.SIGINT, self._wait)
        return self

    def _wait(self, number, frame):
        self.wanted = True
        signal.signal(signal.SIGINT, self.usual)

    def check(self):
        """Raise KeyboardInterrupt if Ctrl-C was pressed."""
        if self.wanted:
            raise KeyboardInterrupt

    def __exit__(self, *exc):
        signal.signal(signal.SIGINT, self.usual)


def make_folder(folder):
    """Make a folder for output, with those above it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise NotADirectoryError(
            f"cannot make the folder {folder}: there is a file of that name; change --output"
        ) from None


class _open_log:
    """log.csv in ``folder``: entered, a function that writes a row at once."""

    def __init__(self, folder):
        self.path = folder / "log.csv"

    def __enter__(self):
        self.file = open(self.path, "w", newline="")
        self._write(Row._fields)
        return self._write

    def _write(self, row):
        rounded = [f"{x:.6g}" if isinstance(x, float) else x for x in row]
        csv.writer(self.file).writerow(rounded)
        self.file.flush()

    def __exit__(self, *exc):
        self.file.close()


def _bar(steps):
    """A progress bar over the whole training, for a terminal only."""
    hidden = not sys.stderr.isatty()
    return tqdm(total=steps, unit="step", smoothing=0.01, disable=hidden, leave=False)
