"""What several distributions need: parameters of one shape, probabilities and logits."""

import functools
import math
import numbers

import numpy as np

from autotensor import dtypes
from autotensor.creation import default_generator
from autotensor.ops.activation import softmax
from autotensor.ops.elementary import log, log1p, sigmoid
from autotensor.ops.elementwise import clamp
from autotensor.ops.reduce import logsumexp
from autotensor.ops.shape import expand, reshape
from autotensor.tensor import Tensor

HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)
EULER = 0.57721566490153286060


def broadcast_all(*values):
    """Numbers and tensors as tensors of one shape; numbers take the dtype of the tensors."""
    if not all(isinstance(v, (Tensor, numbers.Number)) for v in values):
        raise ValueError(
            "Input arguments must all be instances of Number, torch.Tensor or objects implementing "
            "__torch_function__."
        )
    given = [v for v in values if isinstance(v, Tensor)]
    kind = dtypes.float32
    if given:
        kind = dtypes.floating(functools.reduce(dtypes.promote_types, [v.dtype for v in given]))
    tensors = [v if isinstance(v, Tensor) else Tensor(np.asarray(v, kind)) for v in values]
    shape = np.broadcast_shapes(*[v.shape for v in tensors])
    return tuple(v if v.shape == shape else expand(v, shape) for v in tensors)


def clamp_probs(probs):
    """Probabilities kept from 0 and 1 by the precision of the dtype."""
    eps = float(np.finfo(probs.dtype).eps)
    return clamp(probs, eps, 1 - eps)


def logits_to_probs(logits, is_binary=False):
    """Sigmoid of log odds, or softmax of unnormalised logarithms over the last dimension."""
    return sigmoid(logits) if is_binary else softmax(logits, -1)


def probs_to_logits(probs, is_binary=False):
    """Log odds, or logarithms of probabilities; kept finite."""
    kept = clamp_probs(probs)
    return log(kept) - log1p(-kept) if is_binary else log(kept)


def normalised(logits):
    """Logarithms of probabilities that sum to 1 over the last dimension."""
    return logits - logsumexp(logits, -1, keepdim=True)


def either(probs, logits):
    """ValueError unless exactly one of the two is given; the name of that, and its value."""
    if (probs is None) == (logits is None):
        raise ValueError("Either `probs` or `logits` must be specified, but not both.")
    return ("probs", probs) if logits is None else ("logits", logits)


def uniform(shape, dtype):
    """Numbers drawn evenly from the open interval (0, 1)."""
    drawn = default_generator.numpy.random(shape, dtypes.float64)
    tiny, below = np.finfo(dtype).tiny, 1 - np.finfo(dtype).epsneg
    return Tensor(np.clip(np.asarray(drawn), tiny, below).astype(dtype))


def drawn(method, shape, dtype, *parameters):
    """Numbers from a method of NumPy's generator, at parameters that broadcast to ``shape``."""
    arrays = [np.broadcast_to(p.array, shape) for p in parameters]
    values = getattr(default_generator.numpy, method)(*arrays, size=shape)
    return Tensor(np.asarray(values).astype(dtype))


def enumerated(values, batch_shape, expanded):
    """``values`` (n) as (n, 1, ...), or repeated over the batch."""
    values = reshape(values, -1, *(1,) * len(batch_shape))
    return expand(values, values.shape[:1] + batch_shape) if expanded else values
