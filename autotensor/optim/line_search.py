"""A line search for the strong Wolfe conditions.

Nocedal and Wright, "Numerical optimization", 2006, algorithms 3.5 and 3.6.
"""

import math

import numpy as np

_DECREASE, _CURVATURE = 1e-4, 0.9  # c1 and c2
_TOLERANCE = 1e-9  # a bracket whose points move by less is closed
_MOST = 25  # steps


def strong_wolfe(along, t, d, f, g, slope):
    """A step along ``d`` that lowers the loss enough and flattens the slope enough.

    ``along(t)`` is the loss and the gradient after the step ``t``; ``f``, ``g`` and ``slope`` are
    loss, gradient and directional derivative at 0. Returns loss, gradient, step and how often
    ``along`` was called.
    """
    start = _Point(0.0, f, g, slope)
    longest = np.abs(d).max()
    last, calls = start, 0

    def look(t):
        nonlocal calls
        calls += 1
        f, g = along(t)
        return _Point(t, f, g, float(g @ d))

    now = look(t)
    for step in range(_MOST):
        if not start.allows(now) or (step and now.f >= last.f):
            low, high = last, now
            break
        if abs(now.slope) <= -_CURVATURE * slope:
            return now.f, now.g, now.t, calls
        if now.slope >= 0:
            low, high = now, last
            break
        nearest, farthest = now.t + 0.01 * (now.t - last.t), now.t * 10
        guess = _cubic(last, now, nearest, farthest)
        last, now = now, look(guess)
    else:
        low, high = start, now
    if high.f < low.f and start.allows(high):
        low, high = high, low
    stuck = False
    for _ in range(calls, _MOST):
        width = abs(high.t - low.t)
        if width * longest < _TOLERANCE:
            break
        left, right = sorted((low.t, high.t))
        t = _cubic(low, high, left, right)
        edge = min(right - t, t - left)
        if edge < 0.1 * width:  # too near to an end, twice: step in by a tenth
            if stuck or t >= right or t <= left:
                t = right - 0.1 * width if right - t < t - left else left + 0.1 * width
            stuck = not stuck
        else:
            stuck = False
        now = look(t)
        if not start.allows(now) or now.f >= low.f:
            high = now
        elif abs(now.slope) <= -_CURVATURE * slope:
            low = now
            break
        else:
            if now.slope * (high.t - low.t) >= 0:
                high = low
            low = now
    return low.f, low.g, low.t, calls


class _Point:
    """A step, and the loss, gradient and directional derivative after it."""

    def __init__(self, t, f, g, slope):
        self.t, self.f, self.g, self.slope = t, f, g, slope

    def allows(self, other):
        """Whether ``other`` is low enough, seen from this start (Armijo); not if NaN."""
        return other.f <= self.f + _DECREASE * other.t * self.slope


def _cubic(a, b, least, most):
    """The minimum within bounds of the cubic through two points and their slopes (3.59)."""
    if a.t > b.t:
        a, b = b, a
    d1 = a.slope + b.slope - 3 * (a.f - b.f) / (a.t - b.t)
    square = d1 * d1 - a.slope * b.slope
    if not square >= 0:
        return (least + most) / 2
    d2 = math.sqrt(square)
    t = b.t - (b.t - a.t) * (b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2)
    return min(max(t, least), most)
