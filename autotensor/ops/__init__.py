"""Operations on tensors: each one function, its value and its gradient rules side by side.

Parameters have PyTorch's names. Formulas, and bodies once the operands are checked, call the input
``x`` and the other operand ``y``.
"""

from autotensor.ops import methods
from autotensor.ops.activation import log_softmax, relu, softmax
from autotensor.ops.compare import *
from autotensor.ops.elementary import *
from autotensor.ops.elementwise import *
from autotensor.ops.indexing import *
from autotensor.ops.linalg import *
from autotensor.ops.random import *
from autotensor.ops.reduce import *
from autotensor.ops.shape import *
