"""Subjects by the pattern of visits at which they were seen."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array, Codes
from .cells import Cells, collect_cells
from .stacks import Stacks, condense


@dataclass(frozen=True)
class Patterns:
    """All that a model for repeated measures needs to know of the rows.

    There are P patterns of at most M visits; `visits` at which a pattern was not observed are padding, after the rest.

    Attributes
    ----------
    visits : (P, M) levels of the residual covariance
    observed : (P, M) which of these were observed
    subjects : (P,) number of subjects
    within : the columns w = [X y] of each pattern; where there are cells, less the means of these
    cells : the sums that a random effect of clusters needs, if there is one
    """

    visits: Codes
    observed: NDArray[np.bool_]
    subjects: Array
    within: Stacks
    cells: Cells | None = None

    @cached_property
    def stacks(self) -> Stacks:
        """The columns w of each pattern."""
        return self.within if self.cells is None else self.within.beside(self.cells.means())

    @cached_property
    def pairs(self) -> NDArray[np.bool_]:
        """(P, M, M) pairs of observed visits."""
        return self.observed[:, :, None] & self.observed[:, None, :]

    def blocks(self, covariance: Array) -> Array:
        """(..., P, M, M) a matrix over the levels (..., L, L) as each pattern sees it."""
        return covariance[..., self.visits[:, :, None], self.visits[:, None, :]]

    def scatter(self, blocks: Array, n_levels: int) -> Array:
        """(L, L) the sum of `blocks` (P, M, M) over the pairs of levels that were observed."""
        place = self.visits[:, :, None] * n_levels + self.visits[:, None, :]
        total = np.bincount(place[self.pairs], blocks[self.pairs], n_levels**2)
        return np.asarray(total.reshape(n_levels, n_levels), float)


def collect_patterns(subject: Codes, level: Codes, w: Array, cluster: Codes | None = None) -> Patterns:
    """Patterns of n rows.

    Parameters
    ----------
    subject : (n,) subjects, 0 to S - 1, each with a row at least
    level : (n,) level of the residual covariance: the visit, or the pair of group and visit; no subject has one twice
    w : (n, k) the columns of X, then y
    cluster : (S,) cluster of each subject, 0 to J - 1
    """
    order = np.lexsort((level, subject))
    subject, level = subject[order], level[order]
    starts = np.flatnonzero(np.diff(subject, prepend=-1))
    slot = np.arange(len(subject)) - starts[subject]
    values = np.zeros((len(starts), slot.max() + 1, w.shape[1]))
    values[subject, slot] = w[order]
    visits = np.full(values.shape[:2], -1)
    visits[subject, slot] = level
    visits, pattern, counts = np.unique(visits, axis=0, return_inverse=True, return_counts=True)
    sizes, cells = np.sum(visits >= 0, axis=1), None
    if cluster is not None:
        cells, values = collect_cells(values, sizes, pattern, cluster)
    by_pattern = np.split(np.argsort(pattern, kind="stable"), np.cumsum(counts)[:-1])
    blocks = [condense(values[i, :m]).swapaxes(0, 1) for i, m in zip(by_pattern, sizes, strict=True)]
    return Patterns(np.maximum(visits, 0), visits >= 0, counts.astype(float), Stacks(blocks), cells)
