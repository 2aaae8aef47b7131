"""How well one fuzzy set contains another: the parameters of fit of set relations.

Membership lies in [0, 1]; AND is the minimum, OR the maximum, NOT one minus. Every function takes `x` of shape
(..., n), one or many sets of n cases, and `y` of shape (n,); what nobody belongs to has no consistency: nan.

Sources: Ragin 2006, Political Analysis 14:291 (consistency, coverage); Ragin 2008, Redesigning Social Inquiry (PRI);
Schneider and Wagemann 2012, Set-Theoretic Methods for the Social Sciences, p 236 (relevance of necessity).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]


def consistency(x: Array, y: Array) -> Array:
    """Sufficiency of x for y: sum min(x, y) / sum x; as much as x is needed, the coverage of its necessity."""
    return _ratio(np.minimum(x, y).sum(-1), x.sum(-1))


def coverage(x: Array, y: Array) -> Array:
    """How much of y is in x: sum min(x, y) / sum y; as a statement of need, the consistency of necessity."""
    return _ratio(np.minimum(x, y).sum(-1), y.sum(-1))


def pri(x: Array, y: Array) -> Array:
    """Proportional reduction in inconsistency: consistency for y without what is consistent with not-y as well.

    (sum min(x, y) - sum min(x, y, 1 - y)) / (sum x - sum min(x, y, 1 - y))
    """
    both = np.minimum(x, np.minimum(y, 1 - y)).sum(-1)
    return _ratio(np.minimum(x, y).sum(-1) - both, x.sum(-1) - both)


def relevance(x: Array, y: Array) -> Array:
    """Relevance of necessity (RoN) of x for y, near 0 for a trivial condition: sum(1 - x) / sum(1 - min(x, y))."""
    return _ratio((1 - x).sum(-1), (1 - np.minimum(x, y)).sum(-1))


def _ratio(numerator: Array, denominator: Array) -> Array:
    empty = np.isclose(denominator, 0)
    return np.where(empty, np.nan, numerator / np.where(empty, 1, denominator))
