"""Layers, containers, losses and what they are made of, with PyTorch's names."""

from autotensor.nn import functional, init, parallel, utils
from autotensor.nn.activation import (
    CELU,
    ELU,
    GELU,
    GLU,
    SELU,
    Activation,
    Hardshrink,
    Hardsigmoid,
    Hardswish,
    Hardtanh,
    LeakyReLU,
    LogSigmoid,
    LogSoftmax,
    Mish,
    PReLU,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    Softmax,
    Softmin,
    Softplus,
    Softshrink,
    Softsign,
    Tanh,
    Tanhshrink,
    Threshold,
)
from autotensor.nn.attention import MultiheadAttention, NonDynamicallyQuantizableLinear
from autotensor.nn.container import (
    ModuleDict,
    ModuleList,
    ParameterDict,
    ParameterList,
    Sequential,
)
from autotensor.nn.conv import (
    Conv1D,
    Conv1d,
    Conv2D,
    Conv2d,
    ConvTranspose1d,
    ConvTranspose2d,
)
from autotensor.nn.dropout import Dropout, Dropout1d, Dropout2d
from autotensor.nn.embedding import Embedding
from autotensor.nn.linear import Bilinear, Identity, Linear
from autotensor.nn.loss import (
    BCELoss,
    BCEWithLogitsLoss,
    CosineEmbeddingLoss,
    CrossEntropyLoss,
    GaussianNLLLoss,
    HingeEmbeddingLoss,
    HuberLoss,
    KLDivLoss,
    L1Loss,
    MarginRankingLoss,
    MSELoss,
    NLLLoss,
    SmoothL1Loss,
)
from autotensor.nn.module import Module
from autotensor.nn.norm import (
    BatchNorm,
    BatchNorm1d,
    BatchNorm2d,
    GroupNorm,
    InstanceNorm,
    InstanceNorm1d,
    InstanceNorm2d,
    LayerNorm,
)
from autotensor.nn.parallel import DataParallel
from autotensor.nn.parameter import Parameter
from autotensor.nn.pool import (
    GAP,
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AdaptiveMaxPool1d,
    AdaptiveMaxPool2d,
    AvgPool1d,
    AvgPool2d,
    MaxPool1d,
    MaxPool2d,
)
from autotensor.nn.recurrent import GRU, LSTM, RNN, GRUCell, LSTMCell, RNNCell
from autotensor.nn.shape import Flatten, Unflatten
from autotensor.nn.summary import Summary, summary
from autotensor.nn.transformer import (
    Transformer,
    TransformerDecoder,
    TransformerDecoderLayer,
    TransformerEncoder,
    TransformerEncoderLayer,
)

__all__ = [name for name in dir() if not name.startswith("_") and name[0].isupper()]
__all__ += ["functional", "init", "parallel", "summary", "utils"]
