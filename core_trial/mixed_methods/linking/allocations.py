"""Permutation inference for few teams: every arrangement of what was allocated or observed, or a sample of them.

p values and intervals come from the same arrangements. An interval by inversion holds the effects that the permutation
test does not reject; for a statistic that is linear in the effect each arrangement gives the point at which it stops to
be as extreme as the one observed, so that the interval needs no search (Ernst 2004, Stat Sci 19:676; for an effect per
unit of dose, Imbens and Rosenbaum 2005, J R Stat Soc A 168:109).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from math import factorial, prod

import numpy as np
from numpy.typing import NDArray

from ...errors import PlanError

Array = NDArray[np.float64]

ENUMERATED = 200_000
"""Up to this many different arrangements, all are taken."""

DRAWS = 19_999
"""Beyond it, as many are drawn, and the one observed is counted with them."""

TOLERANCE = 1e-9
"""Statistics that differ by less than this share of the largest count as equal."""


@dataclass(frozen=True)
class Arrangements:
    """`rows` (R, n), the observed one among them: all of them where `exact`, else drawn with equal probability."""

    rows: Array
    exact: bool

    def p_error(self, p_value: float) -> float:
        """Monte Carlo standard error of a p value; none where all arrangements were taken."""
        return 0.0 if self.exact else float(np.sqrt(p_value * (1 - p_value) / len(self.rows)))


@dataclass(frozen=True)
class Resampling:
    """How arrangements are taken: all up to `enumerated`, beyond it `draws` with the stated `seed`."""

    enumerated: int = ENUMERATED
    draws: int = DRAWS
    seed: int = 2014

    def __post_init__(self) -> None:
        for name, least in (("enumerated", 0), ("draws", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise PlanError(f"{name} is {getattr(self, name)}; give {least} or more")

    def arrange(self, values: Array, strata: NDArray[np.int64] | None = None) -> Arrangements:
        """Arrangements of `values` (n,) over the teams, within strata coded 0, 1, ... where these are given."""
        strata = np.zeros(len(values), dtype=int) if strata is None else strata
        members = [np.flatnonzero(strata == stratum) for stratum in np.unique(strata)]
        if count_arrangements(values, members) <= self.enumerated:
            return Arrangements(_all_arrangements(values, members), exact=True)
        rows = np.tile(values, (self.draws + 1, 1))
        rng = np.random.default_rng(self.seed)
        for teams in members:
            rows[1:, teams] = rng.permuted(rows[1:, teams], axis=1)
        return Arrangements(rows, exact=False)


def count_arrangements(values: Array, members: list[NDArray[np.int64]]) -> int:
    """How many different arrangements there are: n! / (t1! t2! ...) in each stratum, with t equal values."""
    return prod(_multinomial(values[teams]) for teams in members)


def settled(values: Array) -> Array:
    """The values, with those that differ by rounding only made equal to the smallest of them; NaN stays."""
    known = np.flatnonzero(np.isfinite(values))
    order = known[np.argsort(values[known])]
    ordered = values[order]
    new = np.append(True, np.diff(ordered) > TOLERANCE * np.abs(ordered).max(initial=0))[: len(order)]
    out = values.copy()
    out[order] = ordered[new][np.cumsum(new) - 1]
    return out


def p_value(statistics: Array, observed: float) -> float:
    """Share of arrangements whose statistic is as far from zero as the one observed, or farther."""
    size = np.abs(statistics)
    return float(np.mean(size >= abs(observed) - TOLERANCE * size.max(initial=abs(observed))))


@dataclass(frozen=True)
class Contrast:
    """Sum over teams of an arranged column times a column freed of those held fixed (n, p).

    The columns held fixed are the same in every arrangement (Rosenbaum 2002, Stat Sci 17:286). The ratio of two
    contrasts of an arrangement, of outcome and dose, is the estimate of two-stage least squares.
    """

    held: Array

    @cached_property
    def _basis(self) -> Array:
        """(n, r) orthonormal columns that span those held fixed."""
        left, size, _ = np.linalg.svd(self.held, full_matrices=False)
        return left[:, size > TOLERANCE * size[0]]

    def free(self, column: Array) -> Array:
        """(n,) what those held fixed leave of a column."""
        residual: Array = column - self._basis @ (self._basis.T @ column)
        return residual

    def of(self, rows: Array, column: Array) -> Array:
        """(R,) the contrast of a column (n,) in each row (R, n)."""
        return rows @ self.free(column)


def invert(observed: tuple[float, float], outcome: Array, dose: Array, conf_level: float) -> tuple[float, float]:
    """Ends of the smallest interval that holds every effect `t` of a unit of dose which the test does not reject.

    The test compares |Y - t D| of the arrangement observed with those of all arrangements, where Y and D are the
    contrasts of the outcome and of the dose. With s = t - Y0 / D0 and C = Y - D Y0 / D0, an arrangement is as extreme
    for s > 0 up to |C| / (|D0| + D sign C), or, where |D| > |D0|, from |C| / (|D| - |D0|) on; s < 0 mirrors it. Where
    too many arrangements have a dose contrast as large as the observed one, the interval is the whole line.

    Parameters
    ----------
    observed : (Y0, D0), D0 not zero
    outcome, dose : (R,) contrasts of each arrangement, the observed one among them
    """
    estimate = observed[0] / observed[1]
    distance = outcome - estimate * dose
    distance = np.where(np.abs(distance) > TOLERANCE * np.abs(outcome).max(initial=0), distance, 0.0)
    above = _reach(distance, dose, abs(observed[1]), conf_level)
    below = _reach(-distance, dose, abs(observed[1]), conf_level)
    return estimate - below, estimate + above


def _reach(distance: Array, dose: Array, dose_observed: float, conf_level: float) -> float:
    """The largest s >= 0 that is not rejected."""
    least = TOLERANCE * dose_observed
    sign = np.sign(distance)
    towards = dose_observed + dose * sign
    leaves = np.where(towards > least, np.abs(distance) / np.maximum(towards, least), np.inf)
    leaves = np.where((sign == 0) & (np.abs(dose) >= dose_observed - least), np.inf, leaves)
    beyond = dose * sign - dose_observed
    enters = np.sort(np.abs(distance[beyond > least]) / beyond[beyond > least])
    leaves = np.sort(leaves)
    extreme = len(leaves) - np.searchsorted(leaves, leaves, side="left") + np.searchsorted(enters, leaves, side="right")
    kept = leaves[extreme > (1 - conf_level) * len(leaves) + TOLERANCE]
    unbounded = np.isinf(leaves).sum() + len(enters) > (1 - conf_level) * len(leaves) + TOLERANCE
    return np.inf if unbounded else float(kept.max(initial=0.0))


def _multinomial(values: Array) -> int:
    _, counts = np.unique(values, return_counts=True)
    return factorial(len(values)) // prod(factorial(int(count)) for count in counts)


def _all_arrangements(values: Array, members: list[NDArray[np.int64]]) -> Array:
    """(R, n) every combination of the arrangements of the strata."""
    parts = [_arrangements_of(values[teams]) for teams in members]
    which = np.indices([len(part) for part in parts]).reshape(len(parts), -1)
    rows = np.empty((which.shape[1], len(values)))
    for teams, part, index in zip(members, parts, which, strict=True):
        rows[:, teams] = part[index]
    return rows


def _arrangements_of(values: Array) -> Array:
    """(R, n) the different orders of `values`: positions of the smallest among all, of the next among the rest, ..."""
    n = len(values)
    free = np.arange(n)[None]
    rows = np.empty((1, n))
    for value, count in zip(*np.unique(values, return_counts=True), strict=True):
        chosen = np.array(list(combinations(range(free.shape[1]), int(count))))
        rest = np.array([np.setdiff1d(np.arange(free.shape[1]), each) for each in chosen]).astype(int)
        rows = np.repeat(rows, len(chosen), axis=0)
        np.put_along_axis(rows, free[:, chosen].reshape(len(rows), -1), value, axis=1)
        free = free[:, rest].reshape(len(rows), -1)
    return rows
