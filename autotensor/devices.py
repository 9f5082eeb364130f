"""Devices: PyTorch's names for them, of which one is there, the CPU."""

_KNOWN = ("cpu", "cuda", "mps", "xpu", "meta")


class device:
    """The name of a place for memory and work: ``device("cpu")``, ``device("cuda", 1)``.

    Any of PyTorch's can be named; memory is the CPU's, and asking for another raises.
    """

    __slots__ = ("index", "type")

    def __init__(self, type, index=None):
        if isinstance(type, device):
            type, index = type.type, type.index
        kind, _, number = str(type).partition(":")
        if kind not in _KNOWN or (number and not number.isdigit()):
            raise RuntimeError(f"device {type!r}: expected one of {', '.join(_KNOWN)}")
        self.type = kind
        self.index = int(number) if number else index

    def __eq__(self, other):
        if not isinstance(other, device):
            return NotImplemented
        return (self.type, self.index) == (other.type, other.index)

    def __hash__(self):
        return hash((self.type, self.index))

    def __str__(self):
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __repr__(self):
        index = "" if self.index is None else f", index={self.index}"
        return f"device(type={self.type!r}{index})"

    def __enter__(self):
        check(self, "with device")
        return self

    def __exit__(self, *exc):
        pass


CPU = device("cpu")


def check(wanted, name):
    """Raise RuntimeError unless a device (a `device`, its name, or None) is the CPU."""
    if wanted is None or wanted is CPU or wanted == "cpu":
        return
    if isinstance(wanted, int) or device(wanted).type != "cpu":
        raise RuntimeError(
            f"{name}: device {str(wanted)!r} is not available: tensors are on the CPU"
        )


def is_device(value):
    """Whether a value names a device."""
    return isinstance(value, device) or (
        isinstance(value, str) and value.partition(":")[0] in _KNOWN
    )
