"""Cross-products of each cluster: all that a Gaussian mixed model needs to know of the rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csc_array, csr_array

from ..arrays import Array, Codes


@dataclass(frozen=True)
class Crossed:
    """Cross-products that involve u, the m indicator columns of the factors behind the absorbed one.

    Attributes
    ----------
    zu : (J q, m) sparse, row j q + a for column a of z in cluster j
    uu : (m, m)
    uw : (m, k)
    """

    zu: csr_array
    uu: Array
    uw: Array

    def __add__(self, other: Crossed) -> Crossed:
        return Crossed(csr_array(self.zu + other.zu), self.uu + other.uu, self.uw + other.uw)

    def __neg__(self) -> Crossed:
        return Crossed(-self.zu, -self.uu, -self.uw)


@dataclass(frozen=True)
class CrossProducts:
    """Sums over the rows of each of J clusters, with w = [X y]; chunks of rows merge with `+`,
    and part again with `-`.

    Attributes
    ----------
    rows : (J,) number of rows
    zz : (J, q, q) z'z, where z are the q random-effect columns of the absorbed factor
    zw : (J, q, k) z'w
    ww : (J, k, k) w'w
    crossed : the same for the other factors, if there are any
    """

    rows: Array
    zz: Array
    zw: Array
    ww: Array
    crossed: Crossed | None = None

    def __add__(self, other: CrossProducts) -> CrossProducts:
        crossed = self.crossed + other.crossed if self.crossed and other.crossed else None
        return CrossProducts(
            self.rows + other.rows, self.zz + other.zz, self.zw + other.zw, self.ww + other.ww, crossed
        )

    def __sub__(self, other: CrossProducts) -> CrossProducts:
        """Without the rows of `other`."""
        crossed = -other.crossed if other.crossed else None
        return self + CrossProducts(-other.rows, -other.zz, -other.zw, -other.ww, crossed)

    @property
    def n_rows(self) -> int:
        return round(float(self.rows.sum()))

    @cached_property
    def total(self) -> Array:
        """(k, k) w'w of all clusters."""
        return np.asarray(self.ww.sum(axis=0))


def cross_products(
    z: Array, cluster: Codes, w: Array, n_clusters: int, crossed: csr_array | None = None
) -> CrossProducts:
    """Cross-products of a chunk of n rows.

    Parameters
    ----------
    z : (n, q) random-effect columns of the absorbed factor
    cluster : (n,) its levels, 0 to n_clusters - 1; chunks that are to be merged share the numbering
    w : (n, k) the columns of X, then y
    crossed : (n, m) sparse random-effect columns of the other factors

    Examples
    --------
    >>> cross_products(np.ones((3, 1)), np.array([0, 0, 1]), np.array([[1.0], [2], [5]]), 2).zw[:, 0, 0].tolist()
    [3.0, 5.0]
    """
    q = z.shape[1]
    both = np.hstack([z, w])
    products = (_by_cluster(both, cluster, n_clusters) @ both).reshape(n_clusters, *2 * both.shape[1:])
    rows = np.bincount(cluster, minlength=n_clusters).astype(float)
    behind = None
    if crossed is not None:
        zu = csr_array(_by_cluster(z, cluster, n_clusters) @ crossed)
        behind = Crossed(zu, (crossed.T @ crossed).toarray(), crossed.T @ w)
    return CrossProducts(rows, products[:, :q, :q], products[:, :q, q:], products[:, q:, q:], behind)


def _by_cluster(columns: Array, cluster: Codes, n_clusters: int) -> csc_array:
    """(J s, n) sparse matrix whose product with a row-wise table sums it, times each of the s columns, by cluster."""
    n, s = columns.shape
    position = (cluster.astype(np.int32)[:, None] * np.int32(s) + np.arange(s, dtype=np.int32)).ravel()
    starts = np.arange(0, n * s + 1, s, dtype=np.int32)
    return csc_array((columns.ravel(), position, starts), shape=(n_clusters * s, n))
