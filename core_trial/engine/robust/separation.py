"""Outcomes that a combination of columns separates: the likelihood then rises for ever as its coefficients grow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array, Codes

ZERO = 1e-7  # weights and sums that differ from zero by less are rounding of the linear programme
NEAR = 1e-6  # distance of a fitted mean from its bound, as a share of the range or of one event, that raises suspicion

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Separation:
    """A combination of columns along which the likelihood never falls.

    Attributes
    ----------
    columns : those that take part, the intercept left out where others do
    weights : (p,) of each column in the combination
    complete : whether it tells all outcomes apart, and not only some of them
    rows : those whose fitted mean would go to its bound
    """

    columns: Codes
    weights: Array
    complete: bool
    rows: Codes


def find_separation(x: Array, lowest: Mask, highest: Mask) -> Separation | None:
    """The separation of outcomes by the columns of x (n, p), or None where a finite estimate exists.

    Parameters
    ----------
    lowest, highest : (n,) whether the outcome of a row is the lowest or highest that can be (0; all trials). Counts
        without an upper limit have no highest. Rows that are neither must not move along the combination

    A linear programme looks for b with x b >= 0 in the highest rows, <= 0 in the lowest and = 0 in the others, not all
    zero, and of these for the one of few columns (Albert and Anderson, 1984, Biometrika 71:1; Konis, 2007, thesis,
    Oxford; for counts Correia, Guimaraes and Zylkin, 2019, arXiv 1903.01633).
    """
    size = np.abs(x).max(axis=0)
    size[size == 0] = 1.0
    rows = _split_rows(x / size, lowest, highest)
    if not len(rows.signed):
        return None
    everywhere = bool(np.all(lowest | highest) and lowest.any() and highest.any())
    complete = everywhere and _combination(rows, apart=True) is not None
    weights = _sparsest(rows, np.ptp(x, axis=0) == 0, apart=complete)
    if weights is None:
        return None
    moved = np.flatnonzero((lowest | highest) & (np.abs(x / size @ weights) > ZERO))
    return Separation(_taking_part(x, weights), weights / size, complete, moved)


def is_suspect(y: Array, mean: Array, trials: Array | None = None) -> bool:
    """Whether a fitted mean has come so near the bound that its outcome stands at that separation may be why.

    `y` events of `trials`, or counts without a limit; `mean` (n,) the fitted number of events.
    """
    low = (y == 0) & (mean < NEAR)
    high = np.zeros(len(y), bool) if trials is None else (y == trials) & (trials - mean < NEAR * trials)
    return bool(np.any(low | high))


class _Rows(NamedTuple):
    """In columns of size 1: rows at a bound, signed so that they may only move up, and R of those that must not."""

    signed: Array
    fixed: Array


def _split_rows(scaled: Array, lowest: Mask, highest: Mask) -> _Rows:
    bounded = lowest | highest
    signed = np.where(highest, 1.0, -1.0)[bounded, None] * scaled[bounded]
    fixed = np.linalg.qr(scaled[~bounded], mode="r") / np.sqrt(len(scaled))
    return _Rows(np.unique(signed, axis=0), fixed[np.abs(fixed).max(axis=1, initial=0.0) > ZERO])


def _sparsest(rows: _Rows, constant: Mask, *, apart: bool) -> Array | None:
    """A combination that no column can be left out of, but for constant ones; or None."""
    weights = _combination(rows, apart=apart)
    if weights is None:
        return None
    allowed = np.abs(weights) > ZERO * np.abs(weights).max()
    for column in np.flatnonzero(allowed & ~constant):
        fewer = allowed & (np.arange(len(allowed)) != column) | constant
        found = _combination(_Rows(rows.signed[:, fewer], rows.fixed[:, fewer]), apart=apart)
        if found is not None:
            allowed, weights = fewer, np.zeros(len(fewer))
            weights[fewer] = found
    return weights


def _combination(rows: _Rows, *, apart: bool) -> Array | None:
    """b of least sum |b| with fixed b = 0 and signed b >= 1 (`apart`), or signed b >= 0 and mean 1; or None."""
    from scipy.optimize import linprog  # slow to load, and rarely needed

    signed, equal = rows
    p, values = signed.shape[1], np.zeros(len(equal))
    if not apart:
        equal, values = np.vstack([equal, signed.mean(axis=0)]), np.append(values, 1.0)
    found = linprog(
        np.ones(2 * p),
        A_ub=-np.hstack([signed, -signed]),
        b_ub=np.full(len(signed), -1.0 if apart else 0.0),
        A_eq=np.hstack([equal, -equal]) if len(equal) else None,
        b_eq=values if len(equal) else None,
        method="highs",
    )
    return cast(Array, found.x[:p] - found.x[p:]) if found.status == 0 else None


def _taking_part(x: Array, weights: Array) -> Codes:
    """The columns with a weight, but for constant ones where others have one."""
    part = np.abs(weights) > ZERO * np.abs(weights).max()
    varying = part & (np.ptp(x, axis=0) > 0)
    return np.flatnonzero(varying if varying.any() else part)
