"""How rows of repeated measures depend on each other, and what is known of some given the others.

Rows of one subject covary as their visits do, and all rows of a cluster by the variance of clusters besides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cholesky, solve_triangular

from ..arrays import Array, Codes
from ..linear.conditional import Conditional
from .mmrm import MmrmResult

NOBODY = -1  # the subject or cluster of a row that shares it with no other


@dataclass(frozen=True)
class Rows:
    """Level of the residual covariance, subject and cluster (m,) of some rows; `NOBODY` where they share it with none.

    Where there are no clusters, `cluster` is `NOBODY` for all.
    """

    level: Codes
    subject: Codes
    cluster: Codes

    def take(self, which: Codes) -> Rows:
        return Rows(self.level[which], self.subject[which], self.cluster[which])


def fitted_rows(result: MmrmResult) -> Rows:
    visits = result.visits
    cluster = np.full(len(visits.group), NOBODY) if visits.cluster is None else visits.cluster
    return Rows(visits.level, visits.subject, cluster[visits.subject])


def units(rows: Rows) -> list[Codes]:
    """The rows of each cluster, or each subject where there are no clusters, by subject and visit."""
    unit = rows.subject if np.all(rows.cluster == NOBODY) else rows.cluster
    order = np.lexsort((rows.level, rows.subject, unit))
    return np.split(order, np.flatnonzero(np.diff(unit[order])) + 1)


def variances(result: MmrmResult, rows: Rows) -> Array:
    """(m,) of each row about its mean."""
    return np.diagonal(result.level_covariance)[rows.level] + (result.cluster_variance or 0.0)


def covariances(result: MmrmResult, left: Rows, right: Rows) -> Array:
    """(a, b) of two sets of rows; a row of nobody's covaries with none."""
    same = (left.subject[:, None] == right.subject) & (left.subject[:, None] != NOBODY)
    together = (left.cluster[:, None] == right.cluster) & (left.cluster[:, None] != NOBODY)
    within = np.where(same, result.level_covariance[np.ix_(left.level, right.level)], 0.0)
    return np.asarray(within + (result.cluster_variance or 0.0) * together)


def decorrelate(result: MmrmResult, values: Array) -> Array:
    """L^-1 of values (n, k) of the rows of the fit, V = L L'."""
    rows, white = fitted_rows(result), np.empty_like(values)
    for which in units(rows):
        own = rows.take(which)
        white[which] = solve_triangular(cholesky(covariances(result, own, own), lower=True), values[which], lower=True)
    return white


def condition_rows(result: MmrmResult, residual: Array, x: Array, new: Rows) -> Conditional:
    """What `new` rows have more than their mean, given the outcomes: `residual` (n,) about the mean of design x (n, p).

    The outcome of a row that was observed is known.
    """
    rows, both = fitted_rows(result), np.column_stack([residual, x])
    known, variance = np.zeros((len(new.level), both.shape[1])), variances(result, new)
    for which, asked in _shared_units(rows, new):
        own, others = rows.take(which), new.take(asked)
        across = covariances(result, others, own)
        weights = np.linalg.solve(covariances(result, own, own), across.T).T
        seen = (others.subject[:, None] == own.subject) & (others.level[:, None] == own.level)
        weights = np.where(seen.any(axis=1, keepdims=True), seen, weights)
        known[asked] = weights @ both[which]
        variance[asked] -= np.sum(weights * across, axis=1)
    return Conditional(known[:, 0], known[:, 1:], np.maximum(variance, 0.0))


def cluster_modes(result: MmrmResult, residual: Array) -> tuple[Array, Array]:
    """(J,) conditional modes of the effects of clusters, and their standard deviations about these."""
    rows, variance = fitted_rows(result), result.cluster_variance or 0.0
    modes, deviations = [], []
    for which in units(rows):
        own = rows.take(which)
        weights = np.linalg.solve(covariances(result, own, own), np.full(len(which), variance))
        modes.append(weights @ residual[which])
        deviations.append(np.sqrt(max(variance - variance * weights.sum(), 0.0)))
    return np.array(modes), np.array(deviations)


def _shared_units(rows: Rows, new: Rows) -> Iterator[tuple[Codes, Codes]]:
    """The rows of each unit, and those `new` ones that belong to it."""
    by_subject = np.all(rows.cluster == NOBODY)
    unit = new.subject if by_subject else new.cluster
    for which in units(rows):
        own = (rows.subject if by_subject else rows.cluster)[which[0]]
        if len(asked := np.flatnonzero(unit == own)):
            yield which, asked
