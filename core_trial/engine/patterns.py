"""Cross-products of subjects by the pattern of visits at which they were seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from .arrays import Array, Codes


@dataclass(frozen=True)
class Cells:
    """Sums over the subjects of one pattern in one of J clusters, for the C pairs of these that occur.

    Attributes
    ----------
    pattern, cluster : (C,) sorted by pattern
    subjects : (C,) their number
    sums : (C, M, k) sum of w at each of their visits
    """

    pattern: Codes
    cluster: Codes
    subjects: Array
    sums: Array

    @cached_property
    def by_cluster(self) -> csr_array:
        """(J, C) sums over the cells of each cluster."""
        return csr_array((np.ones(len(self.cluster)), (self.cluster, np.arange(len(self.cluster)))))

    def add(self, rows: Array, sums: Array) -> Array:
        """(J, r, k) the sum over a cluster of `rows` (r, P, M) times `sums` (C, M, k)."""
        products = rows.swapaxes(0, 1)[self.pattern] @ sums
        return np.asarray(self.by_cluster @ _flat(products, 2)).reshape(-1, *products.shape[1:])

    def count(self, rows: Array) -> Array:
        """(J, r) the sum over the subjects of a cluster, and their visits, of `rows` (r, P, M)."""
        return np.asarray(self.by_cluster @ (self.subjects[:, None] * rows.sum(axis=2).T[self.pattern]))


@dataclass(frozen=True)
class Patterns:
    """All that a model for repeated measures needs to know of the rows, with w = [X y] of k columns.

    There are P patterns of at most M visits; `visits` at which a pattern was not observed are padding.

    Attributes
    ----------
    visits : (P, M) levels of the residual covariance
    observed : (P, M) which of these were observed
    subjects : (P,) number of subjects
    products : (P, M, M, k, k) sum over subjects of w_a w_b', for visits a and b
    cells : the sums that a random effect of clusters needs, if there is one
    """

    visits: Codes
    observed: NDArray[np.bool_]
    subjects: Array
    products: Array
    cells: Cells | None = None

    @property
    def n_columns(self) -> int:
        """k"""
        return int(self.products.shape[-1])

    @cached_property
    def pairs(self) -> NDArray[np.bool_]:
        """(P, M, M) pairs of observed visits."""
        return self.observed[:, :, None] & self.observed[:, None, :]

    def columns(self, number: int) -> Patterns:
        """The first columns of w alone."""
        return replace(self, products=np.ascontiguousarray(self.products[..., :number, :number]))

    def blocks(self, covariance: Array) -> Array:
        """(..., P, M, M) a matrix over the levels (..., L, L) as each pattern sees it."""
        return covariance[..., self.visits[:, :, None], self.visits[:, None, :]]

    def weigh(self, weights: Array) -> Array:
        """(P, M, M) sum over subjects of w_a' `weights` w_b, weights (k, k)."""
        return (_flat(self.products, 2) @ weights.ravel()).reshape(self.pairs.shape)

    def collect(self, weights: Array) -> Array:
        """(..., k, k) sum over subjects and visits of `weights` (..., P, M, M)_ab w_a w_b'."""
        k = self.n_columns
        collected = weights.reshape(-1, self.pairs.size) @ self.products.reshape(self.pairs.size, -1)
        return np.asarray(collected.reshape(*weights.shape[:-3], k, k))

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
    by_pattern = np.split(np.argsort(pattern, kind="stable"), np.cumsum(counts)[:-1])
    products = _products(values, by_pattern)
    cells = None if cluster is None else _cells(values, pattern, cluster)
    return Patterns(np.maximum(visits, 0), visits >= 0, counts.astype(float), products, cells)


def _products(values: Array, by_pattern: Sequence[Codes]) -> Array:
    """(P, M, M, k, k) from the values (S, M, k) of the subjects of each pattern."""
    _, m, k = values.shape
    flat = _flat(values, 2)
    products = np.stack([flat[subjects].T @ flat[subjects] for subjects in by_pattern])
    return np.ascontiguousarray(products.reshape(-1, m, k, m, k).swapaxes(2, 3))


def _cells(values: Array, pattern: Codes, cluster: Codes) -> Cells:
    pairs, cell, counts = np.unique(
        np.column_stack([pattern, cluster]), axis=0, return_inverse=True, return_counts=True
    )
    indicator = csr_array((np.ones(len(cell)), (cell, np.arange(len(cell)))))
    sums = (indicator @ _flat(values, 2)).reshape(-1, *values.shape[1:])
    return Cells(pairs[:, 0], pairs[:, 1], counts.astype(float), sums)


def _flat(array: Array, axes: int) -> Array:
    """The last `axes` axes as one."""
    return array.reshape(*array.shape[:-axes], -1)
