"""Correlations within clusters from products of residuals, each pair's bias taken out.

With e = S^-1 r the residuals over their standard deviations, and f = S^-1 (I - H_i)^-1 r those about coefficients
estimated without the cluster, E(f e') is the working correlation times the dispersion if that is right, where E(e e')
is too small (Preisser, Lu and Qaqish, 2008, Biometrika 95:1011, equation 4, for other products of the same kind).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from ..arrays import Array, Codes

PairKind = Literal["exchangeable", "nested", "autoregressive"]


class Correlation(NamedTuple):
    """Of two rows of a cluster, and its standard error, from the variation between clusters."""

    estimate: float
    std_error: float


@dataclass(frozen=True)
class Residuals:
    """Of n rows, those of a cluster in the order of time.

    Attributes
    ----------
    fitted, deleted : (n,) e and f
    cluster : (n,) from 0
    inner : (n,) a group within the cluster, numbered over all clusters
    """

    fitted: Array
    deleted: Array
    cluster: Codes
    inner: Codes

    @property
    def own(self) -> Array:
        """(K,) sum of f e over the rows of each cluster, and"""
        return np.bincount(self.cluster, self.fitted * self.deleted).astype(float)

    @property
    def rows(self) -> Array:
        """(K,) how many these are."""
        return np.bincount(self.cluster).astype(float)


class Pairs(NamedTuple):
    """(K,) sum of f e over the ordered pairs of each cluster, and how many they are."""

    total: Array
    number: Array


def pair_correlations(kind: PairKind, residuals: Residuals) -> Mapping[str, Correlation]:
    """By the name of the pairs; none where no cluster has such a pair."""
    pairs = {"exchangeable": _exchangeable, "nested": _nested, "autoregressive": _adjacent}[kind](residuals)
    return {name: _ratio(each, residuals) for name, each in pairs.items() if each.number.any()}


def _exchangeable(residuals: Residuals) -> Mapping[str, Pairs]:
    return {"within clusters": _all(residuals, residuals.cluster, len(residuals.rows))}


def _nested(residuals: Residuals) -> Mapping[str, Pairs]:
    groups = int(residuals.inner.max()) + 1
    parent = np.zeros(groups, int)
    parent[residuals.inner] = residuals.cluster
    near = Pairs(*(_sums(parent, value) for value in _all(residuals, residuals.inner, groups)))
    every = _all(residuals, residuals.cluster, len(residuals.rows))
    return {
        "within subclusters": near,
        "between subclusters": Pairs(every.total - near.total, every.number - near.number),
    }


def _adjacent(residuals: Residuals) -> Mapping[str, Pairs]:
    e, f, cluster = residuals.fitted, residuals.deleted, residuals.cluster
    together = cluster[1:] == cluster[:-1]
    products = np.where(together, f[1:] * e[:-1] + f[:-1] * e[1:], 0.0)
    k = len(residuals.rows)
    number = _sums(cluster[1:], 2.0 * together, k)
    return {"adjacent": Pairs(_sums(cluster[1:], products, k), number)}


def _all(residuals: Residuals, group: Codes, n_groups: int) -> Pairs:
    """(groups,) over all pairs of different rows of a group."""
    e, f = residuals.fitted, residuals.deleted
    own, size = _sums(group, e * f, n_groups), _sums(group, np.ones(len(e)), n_groups)
    return Pairs(_sums(group, e, n_groups) * _sums(group, f, n_groups) - own, size * (size - 1))


def _sums(group: Codes, values: Array, n_groups: int = 0) -> Array:
    return np.bincount(group, values, minlength=n_groups).astype(float)


def _ratio(pairs: Pairs, residuals: Residuals) -> Correlation:
    """Mean product of the pairs over that of the rows with themselves, and its error from the clusters' parts of it."""
    k, rows, count = len(pairs.total), residuals.rows, pairs.number
    dispersion = residuals.own.sum() / rows.sum()
    estimate = pairs.total.sum() / count.sum() / dispersion
    error = pairs.total - estimate * dispersion * count
    error -= estimate * count.sum() / rows.sum() * (residuals.own - dispersion * rows)
    variance = k / (k - 1) * float(error @ error) / (dispersion * count.sum()) ** 2
    return Correlation(float(estimate), float(np.sqrt(variance)))
