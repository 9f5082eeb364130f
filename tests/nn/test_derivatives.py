"""Every layer, recurrent layer and loss module differentiates twice, by inputs and parameters."""

import inspect
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import pytest
from derivatives import assert_close, orders
from table import Draw, real
from table_networks import CLASSES, IMAGE, LABELS, LENGTHS, PROBABILITY, SIGNS, X

import autotensor as at
from autotensor import nn
from autotensor.tensor import Tensor
from autotensor.testing import gradcheck, gradgradcheck

from .test_layers import CASES

pytestmark = pytest.mark.filterwarnings("ignore:kl_div")  # of its mean, which divides too much


class Layer(NamedTuple):
    """A module, and what it is called with: tensors to be drawn, and constant arrays."""

    make: Callable
    inputs: tuple

    @property
    def name(self):
        return repr(self.make()).split("\n")[0][:60]


def _drawn(case):
    shapes = case.inputs if isinstance(case.inputs[0], tuple) else (case.inputs,)
    return tuple(real(*shape) for shape in shapes)


def _losses(make, *inputs, reductions=("mean", "sum", "none"), **options):
    return [Layer(partial(make, reduction=r, **options), inputs) for r in reductions]


def _recurrent(make, *inputs, **options):
    return Layer(partial(make, 4, 3, **options), inputs)


STEPS, STATE, STATES = real(3, 2, 4), real(2, 3), real(4, 2, 3)
WEIGHTS = np.array([1.0, 2.0, 0.5, 4.0])

VARIANTS = [
    Layer(partial(nn.Conv1D, 4, 3, 3), (real(2, 4, 6),)),
    Layer(partial(nn.Conv2D, 4, 3, 3, padding=1, padding_mode="replicate"), (IMAGE,)),
    Layer(partial(nn.Conv2d, 4, 4, 3, groups=4, padding=1, padding_mode="circular"), (IMAGE,)),
    Layer(partial(nn.ConvTranspose2d, 4, 4, 3, stride=2, groups=2, bias=False), (IMAGE,)),
    Layer(partial(nn.BatchNorm2d, 4), (IMAGE,)),
    Layer(partial(nn.InstanceNorm, 4, affine=True), (IMAGE,)),
    Layer(partial(nn.Linear, 4, 3), (real(4),)),
    Layer(partial(nn.PReLU), (X,)),
    Layer(partial(nn.GAP), (IMAGE,)),
    Layer(partial(nn.Dropout, 0.3), (X,)),
    Layer(partial(nn.Dropout1d, 0.3), (real(2, 4, 7),)),
    Layer(lambda: nn.Sequential(nn.Conv2d(4, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2),
                                nn.Flatten(), nn.Linear(6, 2), nn.LogSoftmax(1)), (IMAGE,)),
    *(
        _recurrent(make, STEPS, **options)
        for make in (nn.RNN, nn.LSTM, nn.GRU)
        for options in (
            {},
            {"bias": False, "batch_first": True},
            {"num_layers": 2, "bidirectional": True, "dropout": 0.3},
        )
    ),
    _recurrent(nn.RNN, STEPS, STATES, nonlinearity="relu", num_layers=2, bidirectional=True),
    _recurrent(nn.GRU, STEPS, STATES, num_layers=4),
    *(_recurrent(make, real(2, 4)) for make in (nn.RNNCell, nn.LSTMCell, nn.GRUCell)),
    _recurrent(nn.RNNCell, real(2, 4), STATE, nonlinearity="relu"),
    Layer(partial(nn.Embedding, 5, 3), (np.array([[1, 4, 1], [0, 2, 2]]),)),
    Layer(partial(nn.MultiheadAttention, 4, 2), (STEPS, STEPS, STEPS)),
    Layer(partial(nn.MultiheadAttention, 4, 2, bias=False, add_bias_kv=True, add_zero_attn=True,
                  kdim=3, vdim=5, batch_first=True, dropout=0.3),
          (STEPS, real(3, 3, 3), real(3, 3, 5))),
    *(Layer(partial(nn.TransformerEncoderLayer, 4, 2, 6, **options), (STEPS,))
      for options in ({}, {"norm_first": True, "activation": "gelu", "batch_first": True})),
    *(Layer(partial(nn.TransformerDecoderLayer, 4, 2, 6, **options), (STEPS, STEPS))
      for options in ({}, {"norm_first": True, "bias": False})),
    Layer(partial(nn.Transformer, 4, 2, 1, 1, 6), (STEPS, STEPS)),
    Layer(lambda: nn.DataParallel(nn.Linear(4, 3)), (X,)),
    _recurrent(nn.GRUCell, real(2, 4), STATE, bias=False),
    *_losses(nn.CrossEntropyLoss, X, CLASSES),
    *_losses(nn.CrossEntropyLoss, X, CLASSES, label_smoothing=0.1, ignore_index=3),
    *_losses(lambda **o: nn.CrossEntropyLoss(at.tensor(WEIGHTS), **o), X, PROBABILITY),
    *_losses(lambda **o: nn.NLLLoss(at.tensor(WEIGHTS), **o), X, CLASSES),
    *_losses(nn.MSELoss, X, X),
    *_losses(nn.L1Loss, X, X),
    *_losses(nn.SmoothL1Loss, X, X, beta=0.5),
    *_losses(nn.HuberLoss, X, X, delta=0.5),
    *_losses(nn.BCELoss, PROBABILITY, PROBABILITY),
    *_losses(nn.BCEWithLogitsLoss, X, PROBABILITY),
    *_losses(lambda **o: nn.BCEWithLogitsLoss(pos_weight=at.tensor(WEIGHTS), **o), X, PROBABILITY),
    *_losses(nn.KLDivLoss, X, PROBABILITY, reductions=("mean", "batchmean", "sum", "none")),
    *_losses(nn.KLDivLoss, X, X, log_target=True),
    *_losses(nn.HingeEmbeddingLoss, X, SIGNS),
    *_losses(nn.MarginRankingLoss, X, X, SIGNS, margin=0.5),
    *_losses(nn.CosineEmbeddingLoss, X, X, np.array([1, -1, 1]), margin=-0.9),
    *_losses(nn.GaussianNLLLoss, X, X, real(3, 4, low=0.5, high=2), full=True),
]  # fmt: skip

VOLUME, SEQUENCE = real(1, 4, 3, 4, 5), real(2, 4, 7)
POSITIVE = real(2, 4, 5, low=0.5)
TRIPLE = (X, real(3, 4), real(3, 4))
BAGS = np.array([[1, 2, 1], [2, 3, 0]])
PADS = [
    *(Layer(partial(make, 1), (x,))
      for rank, x in ((1, SEQUENCE), (2, IMAGE), (3, VOLUME))
      for make in (getattr(nn, f"{kind}Pad{rank}d")
                   for kind in ("Zero", "Reflection", "Replication", "Circular"))),
    *(Layer(partial(make, 1, 0.5), (x,)) for make, x in
      ((nn.ConstantPad1d, SEQUENCE), (nn.ConstantPad2d, IMAGE), (nn.ConstantPad3d, VOLUME))),
]  # fmt: skip


class _RoundTrip(nn.Module):
    """A pool and its way back."""

    def __init__(self, pool, unpool):
        super().__init__()
        self.pool, self.unpool = pool(2, return_indices=True), unpool(2)

    def forward(self, input):
        return self.unpool(*self.pool(input))


MORE = [
    Layer(partial(nn.Conv3d, 4, 2, (2, 3, 2), 2, 1), (VOLUME,)),
    Layer(partial(nn.ConvTranspose3d, 4, 2, (2, 3, 2), 2, 1), (VOLUME,)),
    Layer(partial(nn.AvgPool3d, 2, 1), (VOLUME,)),
    Layer(partial(nn.AdaptiveAvgPool3d, 2), (VOLUME,)),
    Layer(partial(nn.AdaptiveMaxPool3d, (2, 1, 3)), (VOLUME,)),
    Layer(partial(nn.LPPool1d, 2, 2), (POSITIVE,)),
    Layer(partial(nn.LPPool2d, 3, 2), (real(1, 2, 4, 4, low=0.5),)),
    Layer(partial(nn.LPPool3d, 2, 2), (real(1, 2, 2, 4, 4, low=0.5),)),
    Layer(lambda: _RoundTrip(nn.MaxPool1d, nn.MaxUnpool1d), (real(2, 2, 6),)),
    Layer(lambda: _RoundTrip(nn.MaxPool2d, nn.MaxUnpool2d), (real(1, 2, 4, 6),)),
    Layer(lambda: _RoundTrip(nn.MaxPool3d, nn.MaxUnpool3d), (real(1, 2, 2, 4, 4),)),
    Layer(partial(nn.BatchNorm3d, 4), (VOLUME,)),
    Layer(partial(nn.InstanceNorm3d, 4, affine=True), (VOLUME,)),
    Layer(partial(nn.RMSNorm, 4), (X,)),
    Layer(partial(nn.LocalResponseNorm, 3, 0.1), (IMAGE,)),
    Layer(partial(nn.PixelShuffle, 2), (IMAGE,)),
    Layer(partial(nn.PixelUnshuffle, 2), (real(1, 2, 4, 6),)),
    Layer(partial(nn.ChannelShuffle, 2), (IMAGE,)),
    Layer(partial(nn.Unfold, (2, 3), padding=1), (real(1, 2, 4, 5),)),
    Layer(partial(nn.Fold, (5, 6), 2, stride=(3, 2)), (real(1, 8, 6),)),
    Layer(partial(nn.Upsample, (7, 4), mode="bicubic"), (IMAGE,)),
    Layer(partial(nn.UpsamplingNearest2d, scale_factor=2), (real(1, 2, 3, 3),)),
    Layer(partial(nn.UpsamplingBilinear2d, (4, 5)), (real(1, 2, 3, 3),)),
    Layer(partial(nn.Softmax2d), (IMAGE,)),
    Layer(partial(nn.RReLU), (X,)),
    Layer(partial(nn.RReLU, 0.1, 0.5, True), (X,)),
    Layer(partial(nn.Dropout3d, 0.3), (VOLUME,)),
    Layer(partial(nn.AlphaDropout, 0.3), (X,)),
    Layer(partial(nn.FeatureAlphaDropout, 0.3), (SEQUENCE,)),
    Layer(partial(nn.CosineSimilarity), (X, real(3, 4))),
    Layer(partial(nn.PairwiseDistance), (X, real(3, 4))),
    *(Layer(partial(nn.EmbeddingBag, 4, 3, mode=mode, padding_idx=2), (BAGS,))
      for mode in ("sum", "mean", "max")),
    *_losses(nn.TripletMarginLoss, *TRIPLE, margin=3.0, swap=True),
    *_losses(nn.TripletMarginWithDistanceLoss, *TRIPLE, margin=3.0),
    *_losses(nn.MultiMarginLoss, X, CLASSES, p=2),
    *_losses(nn.MultiLabelMarginLoss, X, np.array([[3, 0, -1, 1], [-1, 0, 1, 2], [0, 1, 2, 3]])),
    *_losses(nn.MultiLabelSoftMarginLoss, X, PROBABILITY),
    *_losses(nn.SoftMarginLoss, X, SIGNS.astype(np.float32)),
    *_losses(nn.PoissonNLLLoss, X, real(3, 4, low=1.5, high=4), full=True),
    *_losses(nn.CTCLoss, real(5, 3, 4), LABELS, np.array([5, 4, 3]), LENGTHS),
]  # fmt: skip
LAYERS = [*(Layer(case.make, _drawn(case)) for case in CASES), *VARIANTS, *PADS, *MORE]
every = pytest.mark.parametrize("layer", LAYERS, ids=[layer.name for layer in LAYERS])
modes = pytest.mark.parametrize("training", [True, False])


def prepared(layer, dtype, training):
    """A function of inputs and parameters, and these."""
    at.manual_seed(0)
    module = layer.make().to(dtype).train(training)
    random = np.random.default_rng(0)
    for parameter in module.parameters():
        parameter.array[...] = random.uniform(0.2, 0.8, parameter.shape)
    inputs = [
        Tensor(random.uniform(x.low, x.high, x.shape).astype(dtype)).requires_grad_()
        if isinstance(x, Draw)
        else at.tensor(x)
        for x in layer.inputs
    ]
    leaves = [x for x in inputs if x.requires_grad]

    def function(*tensors):
        at.manual_seed(0)  # of dropout
        given = iter(x * 1 for x in tensors[: len(leaves)])  # no leaves: some write in place
        return module(*[next(given) if x.requires_grad else x for x in inputs])

    return function, [*leaves, *module.parameters()]


@every
@modes
def test_first_and_second_order(layer, training):
    function, tensors = prepared(layer, np.float64, training)
    gradcheck(function, tensors, fast_mode=True)
    gradgradcheck(function, tensors, fast_mode=True)


def flat(result):
    """The tensors among the outputs, of nested tuples."""
    if isinstance(result, (tuple, list)):
        return [y for part in result for y in flat(part)]
    return [result] if isinstance(result, Tensor) else []


@every
@modes
def test_float32_has_the_second_derivatives_of_float64(layer, training, always_compiled):
    found, expected = (
        orders(lambda *tensors: flat(function(*tensors)), tensors)
        for function, tensors in (prepared(layer, d, training) for d in (np.float32, np.float64))
    )
    for narrow, wide in zip(found, expected, strict=True):
        assert_close(narrow, wide, 1e-3)


def test_every_module_is_checked():
    modules = {m for m in vars(nn).values() if inspect.isclass(m) and issubclass(m, nn.Module)}
    holders = {nn.Module, nn.ModuleDict, nn.ModuleList, nn.ParameterDict, nn.ParameterList}
    holders |= {nn.RNNBase, nn.RNNCellBase, nn._ConvNd, nn._Loss}  # bases of others
    checked = {type(module) for layer in LAYERS for module in layer.make().modules()}
    checked |= {m for m in modules if getattr(m, "cls_to_become", None) in checked}  # lazy ones
    assert modules - holders - checked == set(), "add layers to LAYERS"
