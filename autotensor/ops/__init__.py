"""Operations on tensors: each one function, its value and its gradient rules side by side."""

from autotensor.ops import methods
from autotensor.ops.activation import log_softmax, relu, softmax
from autotensor.ops.compare import *
from autotensor.ops.elementary import *
from autotensor.ops.elementwise import *
from autotensor.ops.fused import *
from autotensor.ops.indexing import *
from autotensor.ops.linalg import *
from autotensor.ops.placement import *
from autotensor.ops.random import *
from autotensor.ops.reduce import *
from autotensor.ops.shape import *
from autotensor.ops.strided import diagonal
