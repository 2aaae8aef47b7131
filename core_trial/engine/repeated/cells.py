"""Sums over the subjects of one pattern in one cluster, which a random effect of clusters needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array

from ..arrays import Array, Codes


@dataclass(frozen=True)
class Cells:
    """The C pairs of a pattern and one of J clusters that occur.

    Attributes
    ----------
    pattern, cluster : (C,) sorted by pattern
    sizes : (P,) number of visits of each pattern
    subjects : (C,) their number
    sums : (C, M, k) sum of w over them, at each of their visits
    """

    pattern: Codes
    cluster: Codes
    sizes: Codes
    subjects: Array
    sums: Array

    @cached_property
    def _by_cluster(self) -> csr_array:
        """(J, C) sums over the cells of each cluster."""
        return csr_array((np.ones(len(self.cluster)), (self.cluster, np.arange(len(self.cluster)))))

    def add(self, rows: Array) -> Array:
        """(J, r, k) sum over the subjects of a cluster, and their visits, of `rows` (r, P, M) times w."""
        weighed = rows.swapaxes(0, 1)[self.pattern] @ self.sums
        return np.asarray(self._by_cluster @ weighed.reshape(len(weighed), -1)).reshape(-1, *weighed.shape[1:])

    def count(self, rows: Array) -> Array:
        """(J, r) sum over the subjects of a cluster, and their visits, of `rows` (r, P, M)."""
        return np.asarray(self._by_cluster @ (self.subjects[:, None] * rows.sum(axis=2).T[self.pattern]))

    def less(self, values: Array) -> Cells:
        """The same for w less `values` (J, k) of the cluster."""
        return replace(self, sums=self.sums - (self.subjects[:, None] * values[self.cluster])[:, None])

    def means(self) -> Sequence[Array]:
        """(m, C_p, k) for each pattern: the mean of w, times the root of the number of subjects, as one subject."""
        means = self.sums / np.sqrt(self.subjects)[:, None, None]
        by_pattern = np.split(means, np.searchsorted(self.pattern, np.arange(1, len(self.sizes))))
        return [block[:, :m].swapaxes(0, 1) for block, m in zip(by_pattern, self.sizes, strict=True)]


def collect_cells(values: Array, sizes: Codes, pattern: Codes, cluster: Codes) -> tuple[Cells, Array]:
    """Cells of S subjects with the values (S, M, k), and these less the mean of the cell."""
    pairs, cell, counts = np.unique(
        np.column_stack([pattern, cluster]), axis=0, return_inverse=True, return_counts=True
    )
    indicator = csr_array((np.ones(len(cell)), (cell, np.arange(len(cell)))))
    sums = np.asarray(indicator @ values.reshape(len(values), -1)).reshape(-1, *values.shape[1:])
    cells = Cells(pairs[:, 0], pairs[:, 1], sizes, counts.astype(float), sums)
    return cells, values - (sums / counts[:, None, None])[cell]
