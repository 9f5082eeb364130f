"""Hyper-parameters are checked when a layer is made: a mistake shows where it was written.

Each function takes the layer, the name of the argument and its value; it raises ``TypeError`` or
``ValueError`` with all three in the message, and returns the value otherwise.
"""

from numbers import Integral, Real


def integer(layer, name, value, minimum=1):
    """``value`` as an int of at least ``minimum``."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{_title(layer)}: {name} must be an integer, got {value!r}")
    if value < minimum:
        raise ValueError(f"{_title(layer)}: {name} must be at least {minimum}, got {value}")
    return int(value)


def integers(layer, name, value, rank, minimum=1):
    """``value``, one integer for every dimension or a sequence of ``rank``, as a tuple."""
    if isinstance(value, Integral):
        return (integer(layer, name, value, minimum),) * rank
    if not isinstance(value, (tuple, list)):
        raise TypeError(f"{_title(layer)}: {name} must be an integer or a tuple, got {value!r}")
    if len(value) != rank:
        raise ValueError(f"{_title(layer)}: {name} must have {rank} values, got {value!r}")
    return tuple(integer(layer, name, item, minimum) for item in value)


def number(layer, name, value, minimum=None, maximum=None):
    """``value``, a finite or infinite real number within the bounds."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{_title(layer)}: {name} must be a number, got {value!r}")
    low = minimum is not None and not value >= minimum
    high = maximum is not None and not value <= maximum
    if low or high:
        bounds = f"at least {minimum}" if maximum is None else f"between {minimum} and {maximum}"
        raise ValueError(f"{_title(layer)}: {name} must be {bounds}, got {value}")
    return value


def probability(layer, value):
    """``value``, a probability ``p``: PyTorch's message for the layers of the dropout family."""
    number(layer, "p", value)
    if not 0 <= value <= 1:
        raise ValueError(
            f"{_title(layer)}: dropout probability has to be between 0 and 1, but got {value}"
        )
    return value


def choice(layer, name, value, allowed):
    """``value``, one of the strings of ``allowed``."""
    if value not in allowed:
        listed = ", ".join(map(repr, allowed))
        raise ValueError(f"{_title(layer)}: {name} must be one of {listed}, got {value!r}")
    return value


def _title(layer):
    return layer if isinstance(layer, str) else type(layer).__name__
