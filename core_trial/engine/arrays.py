"""The arrays that the engine takes and returns."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
"""Real numbers."""

Codes = NDArray[np.intp]
"""Levels or positions, counted from 0."""


def with_residual(derivative: Array) -> Array:
    """(r + 1, s + 1) a derivative of gamma (r, s), bordered by the residual variance, which stands for itself."""
    bordered = np.zeros(np.add(derivative.shape, 1))
    bordered[:-1, :-1], bordered[-1, -1] = derivative, 1.0
    return bordered


def combine(weights: Array, matrices: Array) -> Array:
    """(..., a, b) the sum of `matrices` (r, a, b) with `weights` (..., r)."""
    r, *shape = matrices.shape
    return np.asarray((weights @ matrices.reshape(r, -1)).reshape(*weights.shape[:-1], *shape))
