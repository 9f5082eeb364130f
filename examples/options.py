"""What the trainers share on the command line: options, data sets, errors in one sentence.

To be imported first: it ends the program if a package is missing that the others import.
"""

import argparse
import logging
import math
import os
import sys
from pathlib import Path


def fail(sentence, code=2):
    """End the program with one sentence on stderr."""
    print(f"{Path(sys.argv[0]).name}: {sentence}", file=sys.stderr)
    sys.exit(code)


logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it would tell when it caches fonts
try:
    import matplotlib
    import tqdm  # noqa: F401

    from autotensor import data, manual_seed, set_num_threads
    from autotensor import load as load_file
except ImportError as error:
    fail(f'{error}: pip install ".[examples]" installs all that the trainers need')

matplotlib.use("agg")

READERS = {"cifar10": data.CIFAR10, "mnist": data.MNIST, "digits": data.Digits}


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaint is one sentence, without the usage in front."""

    def error(self, message):
        self.exit(2, f"{self.prog}: {message}\n")


def parser(description, dataset):
    """The options that every trainer has; ``dataset`` is the default."""
    made = Parser(description=description)
    add = made.add_argument
    add("--dataset", choices=READERS, default=dataset,
        help="default %(default)s; digits comes with the package and needs no files")  # fmt: skip
    add("--data", metavar="FOLDER", type=Path, default=Path("data"),
        help="folder with the data set, or its archive (default: data)")  # fmt: skip
    add("--download", action="store_true", help="fetch missing files into the folder")
    add("--limit", metavar="N", type=_whole, help="first N training images, as large a part of "
        "the test images")  # fmt: skip
    add("--epochs", metavar="N", type=_whole, help="times through the training images")
    add("--steps", metavar="N", type=_whole, help="stop after N training steps")
    add("--batch-size", metavar="N", type=_whole, help="images a step")
    add("--lr", metavar="RATE", type=_rate, help="learning rate")
    add("--seed", metavar="N", type=int, default=0,
        help="same seed, same result, whatever the number of threads (default 0)")  # fmt: skip
    add("--threads", metavar="N", type=_whole, help="default: all processors")
    add("--output", metavar="FOLDER", type=Path,
        help="for models, log and pictures (default: runs/TRAINER-DATASET)")  # fmt: skip
    add("--load", metavar="FILE", type=Path, help="evaluate a saved model, train nothing")
    return made


def parse(made, trainer, arguments=None):
    """The options as given, with threads and seed already set."""
    options = made.parse_args(arguments)
    options.output = options.output or Path("runs", f"{trainer}-{options.dataset}")
    if options.threads:
        try:
            set_num_threads(options.threads)
        except RuntimeError as error:
            made.error(str(error))
    manual_seed(options.seed)
    return options


def fill_in(options, **defaults):
    """Give the options that were left out their default values."""
    for name, value in defaults.items():
        if getattr(options, name) is None:
            setattr(options, name, value)


def _whole(text):
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 up, got {text!r}")
    return int(text)


def _rate(text):
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not 0 < rate < math.inf:
        raise argparse.ArgumentTypeError(f"expected a positive number, got {text!r}")
    return rate


def read(options):
    """The training and the test set, cut down to ``--limit``."""
    if options.dataset == "digits":
        sets = data.Digits.splits()
    else:
        note(f"reading {options.dataset} from {options.data}")
        try:
            sets = READERS[options.dataset].splits(options.data, download=options.download)
        except FileNotFoundError as error:
            remedy = "use --download, or --dataset digits, which needs no files"
            raise FileNotFoundError(str(error).replace("pass download=True", remedy)) from error
    if options.limit is None:
        return sets
    part = options.limit / len(sets[0])
    sizes = [math.ceil(len(one) * min(part, 1)) for one in sets]
    return tuple(
        data.ImageDataset(one.images[:n], one.labels[:n], one.classes)
        for one, n in zip(sets, sizes, strict=True)
    )


def load(model, path):
    """Put the parameters in the file ``path`` into ``model``; DataError if they do not fit."""
    try:
        model.load_state_dict(load_file(path))
    except (RuntimeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise data.DataError(
            f"{path} cannot be loaded into this model: {reason} Use a file that this trainer "
            "saved, with the same --dataset and --model"
        ) from error


def note(text):
    """Tell a person at a terminal; a pipe gets the lines of the epochs and nothing else."""
    if sys.stderr.isatty():
        print(text, file=sys.stderr)


def run(main):
    """Call ``main()`` and exit with what it returns, or with one sentence for what is wrong."""
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # whoever read the lines, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except data.DataError as error:
        fail(str(error))
    except FloatingPointError as error:
        fail(str(error), 1)
