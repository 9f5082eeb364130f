"""Operations on tensors: each one function, its value and its gradient rules side by side.

Parameters have PyTorch's names. Formulas, and bodies once the operands are checked, call the input
``x`` and the other operand ``y``.
"""

from autotensor.ops import conversion, methods
from autotensor.ops.activation import log_softmax, relu, softmax
from autotensor.ops.compare import *
from autotensor.ops.complex import (
    angle,
    complex,
    conj,
    imag,
    polar,
    real,
    vdot,
    view_as_complex,
    view_as_real,
)
from autotensor.ops.contraction import *
from autotensor.ops.decompositions import cholesky_of as cholesky
from autotensor.ops.decompositions import qr_of_some as qr
from autotensor.ops.decompositions import svd_of_v as svd
from autotensor.ops.diagonals import *
from autotensor.ops.elementary import *
from autotensor.ops.elementwise import *
from autotensor.ops.fused import *
from autotensor.ops.indexing import *
from autotensor.ops.joining import *
from autotensor.ops.least_squares import pinv as pinverse
from autotensor.ops.linalg import *
from autotensor.ops.padding import *
from autotensor.ops.placement import *
from autotensor.ops.properties import *
from autotensor.ops.properties import Size
from autotensor.ops.random import *
from autotensor.ops.reduce import *
from autotensor.ops.running import *
from autotensor.ops.sampling import poisson
from autotensor.ops.scattering import *
from autotensor.ops.shape import *
from autotensor.ops.shape import expand as broadcast_to
from autotensor.ops.solving import det, logdet, matrix_exp, slogdet
from autotensor.ops.solving import inv as inverse
from autotensor.ops.sorting import *
from autotensor.ops.sparse import sparse_coo_tensor, spmm
from autotensor.ops.special import *
from autotensor.ops.statistics import *
from autotensor.ops.strided import diagonal

_ALIASES = methods.ALIASES | {
    "concat": "cat",
    "concatenate": "cat",
    "ger": "outer",
    "row_stack": "vstack",
    "trapz": "trapezoid",
}
globals().update({alias: globals()[name] for alias, name in _ALIASES.items()})
__all__ = [name for name, value in globals().items() if callable(value)]
