"""Values that are made when first read, so that what follows can take their inputs instead.

Training is as much memory traffic as arithmetic: a ReLU after batch normalisation then costs no
pass over memory of its own, and the normalised values are never stored. In evaluation, batch norm
and ReLU become part of the convolution before them.
"""

from autotensor.engine import observers
from autotensor.memory import is_lent, unread
from autotensor.tensor import Tensor


class Deferred(Tensor):
    """A tensor whose array is made by ``compute()`` when it is first read.

    Until then ``fused`` holds, by the name of the operation, functions that make the result of that
    operation on this tensor in the same pass over the arrays ``sources`` that ``compute`` takes.
    A write to their memory makes the array first.
    """

    __slots__ = ("_compute", "_dtype", "_made", "_shape", "fused", "sources")

    def __init__(self, shape, dtype, sources, compute, fused):
        self._shape, self._dtype = shape, dtype
        self._made, self._compute = None, compute
        self.sources, self.fused = sources, fused
        self.node = self.origin = None
        unread[id(self)] = self

    @property
    def array(self):
        """The array, made now if nobody has read it before."""
        if self._made is None:
            self.array = self._compute()
        return self._made

    @array.setter
    def array(self, array):
        self._made, self._shape, self._dtype = array, array.shape, array.dtype
        self._compute, self.sources, self.fused = None, (), {}
        unread.pop(id(self), None)
        if observers:
            observers[-1].made(self)

    waits = property(lambda self: self._made is None, doc="Whether nobody has read it yet.")
    shape = property(lambda self: self._shape, doc="The sizes, a tuple.")
    dtype = property(lambda self: self._dtype, doc="The element type, a NumPy dtype.")
    ndim = property(lambda self: len(self._shape), doc="The number of dimensions.")


def defer(shape, dtype, sources, compute, fused):
    """A `Deferred`; but the value itself if a NumPy array outside may write to a source unseen."""
    if any(map(is_lent, sources)):
        return Tensor(compute())
    value = Deferred(shape, dtype, sources, compute, fused)
    if observers:
        observers[-1].recorded(value, [(sources, None)])
    return value
