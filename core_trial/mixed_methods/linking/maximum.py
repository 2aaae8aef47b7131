"""Several components at once: p values by the permutation maximum, stepping down.

Westfall and Young, Resampling-Based Multiple Testing, 1993, algorithm 2.8. Outcomes are rearranged over teams; all
components see the same arrangement, so that what they have in common is kept. A statistic is taken over its standard
deviation in the arrangements, and pairs or teams with a component that is not known count nothing in it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .allocations import TOLERANCE, Resampling
from .ranks import pair_signs

Array = NDArray[np.float64]
SLICE = 5_000


def adjust_scores(measures: Array, outcome: Array, resampling: Resampling) -> Array:
    """(J,) adjusted p values of Kendall's S of J measures (n, J), NaN where not known, with an outcome (n,)."""
    signs = np.column_stack([np.nan_to_num(pair_signs(column)) for column in measures.T])
    rows = resampling.arrange(outcome).rows
    scores = [_pair_sign_rows(rows[i : i + SLICE]) @ signs for i in range(0, len(rows), SLICE)]
    return step_down(np.vstack(scores), pair_signs(outcome) @ signs)


def adjust_differences(delivered: Array, outcome: Array, resampling: Resampling) -> Array:
    """(J,) adjusted p values of the differences of means between teams with (1) and without (0) J components."""
    known = np.isfinite(delivered)
    received, lacked = known & (delivered == 1), known & (delivered == 0)
    weights = received / received.sum(axis=0) - lacked / lacked.sum(axis=0)
    return step_down(resampling.arrange(outcome).rows @ weights, outcome @ weights)


def step_down(statistics: Array, observed: Array) -> Array:
    """(J,) from statistics (R, J) of the arrangements: each is compared with the largest of those not above it."""
    spread = np.sqrt(np.mean(statistics**2, axis=0))
    size, observed = np.abs(statistics) / spread, np.abs(observed) / spread
    order = np.argsort(-observed)
    largest = np.maximum.accumulate(size[:, order[::-1]], axis=1)[:, ::-1]
    p = np.mean(largest >= observed[order] * (1 - TOLERANCE), axis=0)
    adjusted = np.empty(len(order))
    adjusted[order] = np.maximum.accumulate(p)
    return adjusted


def _pair_sign_rows(rows: Array) -> Array:
    """(R, pairs) signs of the differences of each row."""
    first, second = np.triu_indices(rows.shape[1], 1)
    signs: Array = np.sign(rows[:, second] - rows[:, first])
    return signs
