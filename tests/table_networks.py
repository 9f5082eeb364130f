"""Rows of the operation table for layers and losses; their values have tests of their own."""

import numpy as np
from table import MASK, Row, X, real

IMAGE = real(2, 4, 5, 6)
SEQUENCE = real(2, 4, 7)
VOLUME = real(1, 4, 3, 4, 5)
CHANNEL = real(4, low=0.5, high=1.5)
PROBABILITY = real(3, 4, low=0.1, high=0.9)
CLASSES = np.array([1, 3, 0])
BAGS = np.array([[1, 2, 1], [2, 3, 0]])
SIGNS = np.where(MASK, 1, -1)
LABELS, LENGTHS = np.array([[1, 1], [3, 2], [2, 0]]), np.array([2, 2, 1])
ELEMENTWISE = (
    *("celu", "elu", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu"),
    *("logsigmoid", "mish", "relu", "relu6", "selu", "silu", "softplus", "softshrink"),
    *("softsign", "swish", "tanhshrink"),
)


def _row(name, *args, empty=None, **named):
    """A row without value reference."""
    return Row(name, args, named, empty=empty)


ACTIVATIONS = [
    *(_row(name, X, empty=(0, 3)) for name in ELEMENTWISE),
    _row("gelu", X, empty=(0, 3)),
    _row("gelu", X, approximate="tanh"),
    _row("elu", X, alpha=0.7),
    _row("leaky_relu", X, negative_slope=0.2),
    _row("hardtanh", X, min_val=-0.5, max_val=0.25),
    _row("threshold", X, 0.5, -1.0, empty=(0, 3)),
    _row("prelu", IMAGE, CHANNEL),
    _row("prelu", X, real(1)),
    _row("glu", X, empty=(0, 4)),
    _row("glu", IMAGE, dim=1),
    *(_row(name, X, dim=d) for name in ("softmax", "log_softmax", "softmin") for d in (0, 1)),
    _row("softmax", real(2, 3, 4), dim=-2, empty=(0, 3, 4)),
]

LAYERS = [
    _row("conv1d", SEQUENCE, real(6, 4, 3), real(6), padding=1),
    _row("conv1d", SEQUENCE, real(6, 2, 3), stride=2, dilation=2, groups=2),
    _row("conv2d", IMAGE, real(3, 4, 3, 3), real(3)),
    _row("conv2d", IMAGE, real(3, 4, 3, 3), real(3), padding="same"),
    _row("conv2d", IMAGE, real(6, 2, 2, 3), stride=(2, 1), padding=(1, 2), groups=2),
    _row("conv2d", IMAGE, real(4, 1, 3, 3), real(4), groups=4, dilation=2, padding=2),
    _row("conv2d", IMAGE, real(3, 4, 1, 1)),
    _row("conv_transpose1d", SEQUENCE, real(4, 3, 3), real(3), stride=2, output_padding=1),
    _row("conv_transpose2d", IMAGE, real(4, 3, 2, 3), real(3), stride=2, padding=1),
    _row("conv_transpose2d", IMAGE, real(4, 2, 3, 3), groups=2, dilation=2),
    _row("max_pool1d", SEQUENCE, 3, 2, 1),
    _row("max_pool2d", IMAGE, 2),
    _row("max_pool2d", IMAGE, 3, 2, 1, ceil_mode=True),
    _row("avg_pool1d", SEQUENCE, 3, 2, 1),
    _row("avg_pool2d", IMAGE, 2),
    _row("avg_pool2d", IMAGE, 3, 2, 1, count_include_pad=False),
    _row("adaptive_avg_pool1d", SEQUENCE, 3),
    _row("adaptive_avg_pool2d", IMAGE, (2, 4)),
    _row("adaptive_max_pool1d", SEQUENCE, 3),
    _row("adaptive_max_pool2d", IMAGE, (2, 4)),
    _row("global_avg_pool", IMAGE),
    _row("embedding", np.array([[1, 0, 1], [2, 2, 0]]), real(3, 4)),
    _row("scaled_dot_product_attention", real(2, 3, 4), real(2, 5, 4), real(2, 5, 3)),
    _row("scaled_dot_product_attention", *(real(2, 4, 3) for _ in range(3)), is_causal=True),
    _row("scaled_dot_product_attention", X, X, X, MASK[:, :3]),
    _row("batch_norm", IMAGE, None, None, CHANNEL, CHANNEL, True),
    _row("batch_norm", IMAGE, np.zeros(4), np.ones(4), CHANNEL, CHANNEL, False),
    _row("batch_norm", real(5, 4), None, None, training=True),
    _row("layer_norm", X, (4,), real(4), real(4)),
    _row("layer_norm", IMAGE, (5, 6)),
    _row("group_norm", IMAGE, 2, CHANNEL, CHANNEL),
    _row("instance_norm", IMAGE, None, None, CHANNEL, CHANNEL),
    *(
        Row(name, (x,), {"p": 0.4}, empty=None)
        for name, x in [
            ("dropout", X),
            ("dropout1d", SEQUENCE),
            ("dropout2d", IMAGE),
            ("dropout3d", VOLUME),
        ]
    ),
    *(
        _row(name, x, 0.4, True)
        for name, x in [("alpha_dropout", X), ("feature_alpha_dropout", IMAGE)]
    ),
    _row("rrelu", X, training=True),
    _row("rrelu", X),
    _row("gumbel_softmax", X, tau=0.7),
    _row("rms_norm", X, (4,), real(4)),
    _row("local_response_norm", IMAGE, 3, 0.1),
    _row("embedding_bag", BAGS, real(4, 3)),
    *(_row("embedding_bag", BAGS, real(4, 3), mode=m, padding_idx=2) for m in ("sum", "max")),
    _row("embedding_bag", np.array([1, 1, 3, 0]), real(4, 3), np.array([0, 3, 3])),
    _row("embedding_bag", BAGS, real(4, 3), None, None, 2, False, "sum", False, real(2, 3)),
]

VOLUMES = [
    _row("conv3d", VOLUME, real(2, 4, 2, 3, 2), real(2), stride=(1, 2, 1), padding=1),
    _row("conv3d", VOLUME, real(4, 2, 2, 2, 2), groups=2, dilation=(2, 1, 1)),
    _row("conv_transpose3d", VOLUME, real(4, 2, 2, 3, 2), real(2), stride=2, padding=1),
    _row("conv_transpose3d", VOLUME, real(4, 1, 2, 2, 2), groups=2, stride=2, output_padding=1),
    _row("max_pool3d", VOLUME, 2, 1),
    _row("max_pool3d", VOLUME, (2, 3, 2), 2, 1),
    _row("avg_pool3d", VOLUME, 2, 1),
    _row("avg_pool3d", VOLUME, 3, 2, 1, count_include_pad=False, ceil_mode=True),
    _row("adaptive_avg_pool3d", VOLUME, (2, 3, 1)),
    _row("adaptive_max_pool3d", VOLUME, 2),
]

RESAMPLED = [
    *(_row("interpolate", IMAGE, (7, 4), mode=m) for m in ("nearest", "nearest-exact", "area")),
    *(_row("interpolate", IMAGE, None, 1.5, m, True) for m in ("bilinear", "bicubic")),
    *(_row("interpolate", IMAGE, None, 1.5, m, False) for m in ("bilinear", "bicubic")),
    _row("interpolate", SEQUENCE, 5, mode="linear"),
    _row("interpolate", VOLUME, None, 2, "trilinear"),
    _row("affine_grid", real(2, 2, 3), (2, 1, 3, 4)),
    _row("affine_grid", real(2, 3, 4), (2, 1, 2, 3, 4), True),
    *(
        _row("grid_sample", IMAGE, real(2, 3, 4, 2), padding_mode=m, align_corners=a)
        for m, a in (("zeros", False), ("border", False), ("reflection", True))
    ),
    _row("grid_sample", IMAGE, np.linspace(-1.2, 1.2, 16).reshape(2, 2, 2, 2), "nearest"),
    _row("functional.unfold", IMAGE, (2, 3), padding=1, stride=2, dilation=(2, 1)),
    _row("fold", real(2, 12, 20), (5, 6), 2),
    _row("fold", real(2, 24, 9), (5, 6), (2, 3), dilation=(2, 1), padding=1, stride=2),
    _row("pixel_shuffle", IMAGE, 2),
    _row("pixel_unshuffle", real(2, 4, 6, 4), 2),
    _row("channel_shuffle", IMAGE, 2),
    _row("lp_pool1d", real(2, 4, 7, low=0.5), 2.0, 3),
    _row("lp_pool2d", real(2, 4, 5, 6, low=0.5), 3, 2, 1),
    _row("lp_pool3d", real(1, 2, 3, 4, 4, low=0.5), 2, 2),
    _row("max_unpool1d", real(1, 2, 3), np.array([[[1, 3, 4], [0, 2, 5]]]), 2),
    _row("max_unpool2d", real(1, 2, 1, 2), np.array([[[[3, 6]], [[0, 7]]]]), 2),
    _row("max_unpool3d", real(1, 1, 1, 1, 2), np.array([[[[[3, 14]]]]]), 2),
]

# x, the states before the first step, and w_ih, w_hh, b_ih, b_hh by the number of gates
STEPS, STATE = real(3, 2, 4), real(2, 5)


def _weights(gates):
    shapes = ((gates * 5, 4), (gates * 5, 5), (gates * 5,), (gates * 5,))
    return [real(*shape, low=-0.6, high=0.6) for shape in shapes]


RECURRENT = [
    _row("lstm", STEPS, STATE, STATE, *_weights(4)),
    _row("lstm", STEPS, STATE, STATE, *_weights(4)[:2], reverse=True),
    _row("gru", STEPS, STATE, *_weights(3)),
    _row("gru", STEPS, STATE, *_weights(3), reverse=True),
    _row("rnn", STEPS, STATE, *_weights(1)),
    _row("rnn", STEPS, STATE, *_weights(1), nonlinearity="relu", reverse=True),
]


def _losses(name, *args, reductions=("mean", "sum", "none"), **named):
    """A row for each reduction."""
    return [_row(name, *args, reduction=reduction, **named) for reduction in reductions]


WEIGHTS = np.array([1.0, 2.0, 0.5, 4.0])
PLACES = np.arange(60).reshape(2, 5, 6) % 4

LOSSES = [
    *_losses("cross_entropy", X, CLASSES),
    *_losses("cross_entropy", X, CLASSES, WEIGHTS, ignore_index=3),
    *_losses("cross_entropy", X, CLASSES, CHANNEL, label_smoothing=0.1, ignore_index=3),
    *_losses("cross_entropy", X, PROBABILITY),
    *_losses("cross_entropy", X, PROBABILITY, WEIGHTS, label_smoothing=0.1),
    *_losses("cross_entropy", IMAGE, PLACES, ignore_index=1),
    _row("cross_entropy", real(4), np.array(2)),
    *_losses("nll_loss", X, CLASSES),
    *_losses("nll_loss", X, CLASSES, WEIGHTS, ignore_index=3),
    *_losses("nll_loss", IMAGE, PLACES),
    *_losses("mse_loss", X, X),
    *_losses("l1_loss", X, X),
    *_losses("smooth_l1_loss", X, X),
    *_losses("smooth_l1_loss", X, X, beta=0.5),
    *_losses("smooth_l1_loss", X, X, beta=0.0),
    *_losses("huber_loss", X, X, delta=0.5),
    *_losses("binary_cross_entropy", PROBABILITY, PROBABILITY),
    *_losses("binary_cross_entropy", PROBABILITY, MASK.astype(float), WEIGHTS),
    *_losses("binary_cross_entropy_with_logits", X, PROBABILITY),
    *_losses("binary_cross_entropy_with_logits", X, PROBABILITY, WEIGHTS),
    _row("binary_cross_entropy_with_logits", X, PROBABILITY, None, "mean", WEIGHTS),
    _row("binary_cross_entropy_with_logits", X, PROBABILITY, WEIGHTS, "none", WEIGHTS),
    *_losses("kl_div", X, PROBABILITY, reductions=("mean", "batchmean", "sum", "none")),
    *_losses("kl_div", X, X, log_target=True, reductions=("mean", "batchmean", "sum", "none")),
    *_losses("hinge_embedding_loss", X, SIGNS),
    *_losses("hinge_embedding_loss", X, SIGNS, margin=0.5),
    *_losses("margin_ranking_loss", X, X, SIGNS, 0.5),
    *_losses("cosine_embedding_loss", X, X, np.array([1, -1, 1])),
    *_losses("cosine_embedding_loss", X, X, np.array([1, -1, 1]), margin=-0.9),
    *_losses("gaussian_nll_loss", X, X, real(3, 4, low=0.5, high=2), full=True),
    *_losses("gaussian_nll_loss", X, X, real(3, 1, low=0.5, high=2)),
    *_losses("triplet_margin_loss", X, X, X, margin=3.0),
    *_losses("triplet_margin_loss", X, X, X, margin=3.0, swap=True),
    *_losses("triplet_margin_with_distance_loss", X, X, X, margin=2.5),
    *_losses("multi_margin_loss", X, CLASSES, p=2),
    *_losses("multi_margin_loss", X, CLASSES, 1, 1.0, WEIGHTS),
    *_losses("multilabel_margin_loss", X, np.array([[3, 0, -1, 1], [-1, 0, 1, 2], [0, 1, 2, 3]])),
    *_losses("multilabel_soft_margin_loss", X, PROBABILITY, CHANNEL),
    *_losses("soft_margin_loss", X, SIGNS.astype(float)),
    *_losses("poisson_nll_loss", X, real(3, 4, low=1.5, high=4), full=True),
    *_losses("poisson_nll_loss", real(3, 4, low=0.2), real(3, 4, low=0, high=0.9), False),
    *_losses("ctc_loss", real(5, 3, 4), LABELS, np.array([5, 4, 3]), LENGTHS),
    _row("pairwise_distance", X, X, 3),
    _row("pdist", X),
]
NETWORKS = [*ACTIVATIONS, *LAYERS, *VOLUMES, *RESAMPLED, *RECURRENT, *LOSSES]
