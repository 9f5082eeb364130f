"""Values with their first and second derivatives, by forward differentiation: an oracle.

A `Jet` holds for each element its value, its derivatives by `SEEDS` numbers, and the second ones.
Nothing here is shared with the library: no graph, no backward pass, no rule of it. A `Shown` tensor
is a memory of values, a history of derivatives, and where its elements lie in them: aliases share
the memory, and views the history, too.
"""

import numpy as np

SEEDS = 8


class Jet:
    """Values ``v`` of any shape, derivatives ``g`` (..., SEEDS) and ``h`` (..., SEEDS, SEEDS)."""

    def __init__(self, v, g=None, h=None):
        self.v = np.asarray(v, float)
        self.g = np.zeros((*self.v.shape, SEEDS)) if g is None else g
        self.h = np.zeros((*self.v.shape, SEEDS, SEEDS)) if h is None else h

    shape = property(lambda self: self.v.shape)

    def moved(self, places):
        """The elements at ``places`` (integers into the flat values)."""
        return Jet(
            self.v.reshape(-1)[places],
            self.g.reshape(-1, SEEDS)[places],
            self.h.reshape(-1, SEEDS, SEEDS)[places],
        )

    def shown(self, view):
        """A view, ``view`` being what it is of an array."""
        return self.moved(view(np.arange(self.v.size).reshape(self.shape)))

    def _linear(self, change):
        return Jet(change(self.v), change(self.g), change(self.h))

    def expand(self, shape):
        return self._linear(lambda part: np.broadcast_to(part, shape + part.shape[self.v.ndim :]))

    def sum(self, dim=None):
        axes = tuple(range(self.v.ndim)) if dim is None else (dim % self.v.ndim,)
        return self._linear(lambda part: part.sum(axes))

    def cumsum(self, dim):
        return self._linear(lambda part: part.cumsum(dim))

    def scaled(self, factor):
        """Derivatives times a number: what a hook on the gradient does."""
        return Jet(self.v, self.g * factor, self.h * factor)

    def _through(self, value, slope, bend):
        g = self.g[..., :, None] * self.g[..., None, :]
        return Jet(
            value,
            slope[..., None] * self.g,
            slope[..., None, None] * self.h + bend[..., None, None] * g,
        )

    def sin(self):
        return self._through(np.sin(self.v), np.cos(self.v), -np.sin(self.v))

    def tanh(self):
        t = np.tanh(self.v)
        return self._through(t, 1 - t * t, -2 * t * (1 - t * t))

    def sigmoid(self):
        s = 1 / (1 + np.exp(-self.v))
        return self._through(s, s * (1 - s), s * (1 - s) * (1 - 2 * s))

    def exp(self):
        e = np.exp(self.v)
        return self._through(e, e, e)

    def reciprocal(self):
        return self._through(1 / self.v, -1 / self.v**2, 2 / self.v**3)

    def __add__(self, other):
        if not isinstance(other, Jet):
            return self + Jet(other)
        return Jet(self.v + other.v, self.g + other.g, self.h + other.h)

    def __mul__(self, other):
        a, b = self, other if isinstance(other, Jet) else Jet(other)
        mixed = a.g[..., :, None] * b.g[..., None, :]
        return Jet(
            a.v * b.v,
            a.g * b.v[..., None] + b.g * a.v[..., None],
            a.h * b.v[..., None, None]
            + b.h * a.v[..., None, None]
            + mixed
            + np.swapaxes(mixed, -1, -2),
        )

    def __sub__(self, other):
        return self + other * -1.0

    def __truediv__(self, other):
        return self * other.reciprocal()

    def __matmul__(self, other):
        columns = self.moved(np.arange(self.v.size).reshape(self.shape)[:, :, None])
        return (columns * other).sum(1)


def where(mask, a, b):
    """``a`` where the array ``mask`` holds, else ``b``; both of its shape."""
    return Jet(
        np.where(mask, a.v, b.v),
        np.where(mask[..., None], a.g, b.g),
        np.where(mask[..., None, None], a.h, b.h),
    )


def cat(jets):
    """Joined along the first dimension."""
    return Jet(*(np.concatenate([getattr(jet, part) for jet in jets]) for part in "vgh"))


class _History:
    """The derivatives of what a memory holds, shared by a tensor and its views."""

    def __init__(self, size, tracked):
        self.g = np.zeros((size, SEEDS))
        self.h = np.zeros((size, SEEDS, SEEDS))
        self.tracked = tracked
        self.version = 0


class Shown:
    """A tensor of the model: elements ``places`` of ``memory`` and of ``history``.

    ``own`` is for a view that does not take its derivatives from the history (yet): made without
    recording, or asked for its own gradient. It holds until the history has another version.
    """

    def __init__(self, memory, history, places, own=None, is_view=False):
        self.memory, self.history, self.places, self.own = memory, history, places, own
        self.is_view = is_view

    @classmethod
    def of(cls, jet, tracked):
        """A new tensor."""
        made = cls(
            jet.v.reshape(-1).copy(),
            _History(jet.v.size, tracked),
            np.arange(jet.v.size).reshape(jet.shape),
        )
        if tracked:
            made.history.g[:] = jet.g.reshape(-1, SEEDS)
            made.history.h[:] = jet.h.reshape(-1, SEEDS, SEEDS)
        return made

    @property
    def values(self):
        return self.memory[self.places]

    def _own(self):
        return self.own if self.own is not None and self.own[0] == self.history.version else None

    @property
    def tracked(self):
        own = self._own()
        return self.history.tracked if own is None else own[2]

    def read(self):
        """The jet of what it shows now."""
        own = self._own()
        if own is not None:
            return Jet(self.values, own[1].g, own[1].h)
        return Jet(self.values, self.history.g[self.places], self.history.h[self.places])

    def view(self, shown, recording):
        """A view; ``shown`` makes the same of an array."""
        own = self._own()
        places, version = shown(self.places), self.history.version
        if self.tracked and not recording:
            own = (version, Jet(np.zeros(places.shape)), False)
        elif own is not None:
            own = (version, self.read().shown(shown), own[2])
        return Shown(self.memory, self.history, places, own, True)

    def detached(self):
        """Another tensor on the same memory."""
        return Shown(self.memory, _History(self.memory.size, False), self.places)

    def write(self, jet, recording, tracked):
        """Overwrite what it shows."""
        self.memory[self.places] = jet.v
        if recording and tracked:
            self.history.g[self.places] = jet.g
            self.history.h[self.places] = jet.h
            self.history.tracked = True
            self.history.version += 1

    def forget(self):
        """Let the whole history go."""
        self.history.g[:], self.history.h[:] = 0, 0
        self.history.tracked = False
        self.history.version += 1

    def seed(self, first):
        """Make it a leaf whose elements are the seeds from ``first`` on."""
        g = np.zeros((*self.places.shape, SEEDS))
        g.reshape(-1, SEEDS)[np.arange(self.places.size), first + np.arange(self.places.size)] = 1
        if self.is_view:
            self.own = (self.history.version, Jet(self.values, g), True)
            return
        self.history.g[self.places] = g
        self.history.tracked = True
        self.history.version += 1
