"""Gamma(t + y) / Gamma(t) and its derivatives by t, also where t is so large that y is lost beside it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import special

from ..arrays import Array

LARGE = 1e3  # beyond which Stirling's series is exact to rounding


def log_rise(t: Array, y: Array) -> Array:
    """log Gamma(t + y) - log Gamma(t) - y log t, which vanishes as t grows."""

    def near(t: Array, y: Array) -> Array:
        return np.asarray(special.gammaln(t + y) - special.gammaln(t) - y * np.log(t))

    def far(t: Array, y: Array) -> Array:
        series = _change(lambda x: 1 / (12 * x) - 1 / (360 * x**3), t, y)
        return np.asarray((t + y - 0.5) * np.log1p(y / t) - y + series)

    return _either(near, far, t, y)


def digamma_rise(t: Array, y: Array) -> Array:
    """psi(t + y) - psi(t)."""

    def far(t: Array, y: Array) -> Array:
        return np.log1p(y / t) + _change(lambda x: -1 / (2 * x) - 1 / (12 * x**2) + 1 / (120 * x**4), t, y)

    return _either(lambda t, y: _change(special.psi, t, y), far, t, y)


def polygamma_rise(order: int, t: Array, y: Array) -> Array:
    """The difference of the `order`-th derivative of psi at t + y and t."""
    return _change(lambda x: special.polygamma(order, x), t, y)


def _change(function: Callable[[Array], Array], t: Array, y: Array) -> Array:
    return np.asarray(function(t + y) - function(t))


def _either(near: Callable[[Array, Array], Array], far: Callable[[Array, Array], Array], t: Array, y: Array) -> Array:
    """`near` below `LARGE`, `far` above it."""
    large = t > LARGE
    if np.all(large):
        return far(t, y)
    if not np.any(large):
        return near(t, y)
    return np.where(large, far(np.maximum(t, LARGE), y), near(np.minimum(t, LARGE), y))
