"""A table of a model's layers, output shapes and numbers of parameters, as Keras prints it."""

import re
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from autotensor.modes import no_grad
from autotensor.tensor import Tensor

_BATCH = 2  # what stands for None: two samples, so that a size of 1 is not taken for the batch
_HEADINGS = ("Layer (type)", "Output Shape", "Param #")
_WIDTHS = (29, 26, 10)


@dataclass
class Summary:
    """What `summary` found: its rows (layer, output shape, parameters) and the totals."""

    rows: list = field(repr=False)
    total: int
    trainable: int
    non_trainable: int

    def __str__(self):
        columns = zip(_HEADINGS, *self.rows, strict=True)
        longest = [max(len(str(cell)) for cell in column) + 1 for column in columns]
        widths = list(map(max, _WIDTHS, longest))
        rule, double = "_" * sum(widths), "=" * sum(widths)

        def line(cells):
            return "".join(str(c).ljust(w) for c, w in zip(cells, widths, strict=True)).rstrip()

        return "\n".join(
            [
                rule,
                line(_HEADINGS),
                double,
                f"\n{rule}\n".join(map(line, self.rows)),
                double,
                f"Total params: {self.total:,}",
                f"Trainable params: {self.trainable:,}",
                f"Non-trainable params: {self.non_trainable:,}",
                rule,
            ]
        )


def summary(model, input_shape, dtype=None):
    """Print the layers of ``model`` in the order of their calls, and return a `Summary`.

    ``input_shape`` is that of one sample, without the batch: ``(3, 32, 32)``; a list of shapes for
    several inputs. The model runs once on zeros, in evaluation mode, and is left as it was.
    Running statistics count as parameters that are not trained.
    """
    shapes = input_shape if isinstance(input_shape, list) else [input_shape]
    if not all(isinstance(s, tuple) and all(isinstance(n, int) for n in s) for s in shapes):
        raise TypeError(
            f"summary: input_shape must be a tuple of ints or a list of such, got {input_shape!r}"
        )
    rows = [(f"input_{i} (InputLayer)", _shown((_BATCH, *s)), 0) for i, s in enumerate(shapes, 1)]
    rows += _layers(model, shapes, dtype or _dtype(model))
    trainable = sum(p.array.size for p in model.parameters() if p.requires_grad)
    total = sum(x.array.size for x in _counted(model, recurse=True))
    result = Summary(rows, total, trainable, total - trainable)
    print(result)
    return result


def _layers(model, shapes, dtype):
    """Rows for the modules that hold no others or hold parameters themselves, as called."""
    rows, numbers, handles = [], Counter(), []
    waiting, counted = {}, set()

    def add(module, shown):
        new = [x for x in _counted(module, recurse=False) if id(x) not in counted]
        counted.update(map(id, new))  # a parameter shared by layers counts for the first
        name = _name(waiting.pop(module), module, numbers)
        rows.append((name, shown, sum(x.array.size for x in new)))

    def called(module, args, output):
        if module in waiting:
            add(module, _shown(_shape(output)))

    modes = [(module, module.training) for module in model.modules()]
    try:
        for path, module in model.named_modules():
            if next(module.children(), None) is None or _has_any(module):
                waiting[module] = path
                handles.append(module.register_forward_hook(called))
        model.eval()
        with no_grad():
            model(*[Tensor(np.zeros((_BATCH, *shape), dtype)) for shape in shapes])
    finally:
        for handle in handles:
            handle.remove()
        for module, training in modes:
            module.training = training
    for module in list(waiting):
        if _has_any(module):
            add(module, "unused")
    return rows


def _name(path, module, numbers):
    """The path if it ends in a chosen name; a position says little, so there type and number."""
    kind = type(module).__name__
    if path and not path.rpartition(".")[2].isdigit():
        return f"{path} ({kind})"
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "_", kind).lower()
    numbers[snake] += 1
    return f"{snake}_{numbers[snake]} ({kind})"


def _counted(module, recurse):
    """Parameters and floating-point buffers, running statistics above all."""
    yield from module.parameters(recurse)
    yield from (x for x in module.buffers(recurse) if x.dtype.kind == "f")


def _has_any(module):
    return next(_counted(module, recurse=False), None) is not None


def _shape(output):
    """The shape of an output: of the first tensor if it holds several."""
    while isinstance(output, (tuple, list)) and output:
        output = output[0]
    if isinstance(output, dict) and output:
        return _shape(next(iter(output.values())))
    return output.shape if isinstance(output, Tensor) else None


def _shown(shape):
    if shape is None:
        return "-"
    return str((None, *shape[1:]) if shape[:1] == (_BATCH,) else tuple(shape))


def _dtype(model):
    return next((p.dtype for p in model.parameters() if p.dtype.kind == "f"), np.float32)
