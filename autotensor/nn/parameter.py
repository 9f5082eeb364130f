"""Parameter: a tensor that a module trains."""

from autotensor.tensor import Tensor


class Parameter(Tensor):
    """A tensor that becomes a parameter of the :class:`Module` it is assigned to.

    Shares memory with ``data``, and records gradients unless ``requires_grad`` is false.
    """

    def __init__(self, data, requires_grad=True):
        if not isinstance(data, Tensor):
            raise TypeError(
                f"Parameter: expected a Tensor, got {type(data).__name__}: "
                "make one with autotensor.tensor(...)"
            )
        super().__init__(data.array)
        self.requires_grad_(requires_grad)

    def __repr__(self):
        return "Parameter containing:\n" + super().__repr__()
