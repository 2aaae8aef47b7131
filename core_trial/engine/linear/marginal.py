"""The marginal covariance V = I + sum_r gamma_r V_r of a mixed model, inverted through cross-products alone.

gamma are elements of the random-effect covariances relative to the residual variance, V_r = Z B_r Z'.
With G = sum_r gamma_r B_r and R = (I + Z'Z G)^-1, Woodbury's identity gives, cluster by cluster,

    Z'V^-1 Z = R Z'Z,    Z'V^-1 w = R Z'w,    w'V^-1 w = w'w - w'Z G R Z'w,    |V| = |I + Z'Z G|.

`crossed.py` applies the identity a second time, to the factors behind the absorbed one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.sparse import bsr_array, csr_array

from ..arrays import Array, combine
from .crossprod import CrossProducts


@dataclass(frozen=True)
class Derivatives:
    """What derivatives of a Gaussian likelihood are made of.

    Attributes
    ----------
    first : (r, k, k) w'V^-1 V_r V^-1 w
    second : (r, r, k, k) w'V^-1 V_r V^-1 V_s V^-1 w
    trace : (r,) tr V^-1 V_r
    traces : (r, r) tr V^-1 V_r V^-1 V_s
    """

    first: Array
    second: Array
    trace: Array
    traces: Array


class Marginal(Protocol):
    """V^-1 between the columns of a model."""

    @property
    def log_det(self) -> float:
        """log |V|."""
        ...

    @property
    def ww(self) -> Array:
        """(k, k) w'V^-1 w."""
        ...

    def effects(self, weights: Array) -> Array:
        """Z'V^-1 w t for `weights` t (k, c): a row a random effect, those of the absorbed factor first."""
        ...

    def derivatives(self, weights: Array) -> Derivatives:
        """Derivatives with the columns w t in place of w."""
        ...

    def quadratic(self, rows: csr_array) -> Array:
        """(m,) a'Z'V^-1 Z a for each of the `rows` a' (m, random effects)."""
        ...


class OneFactor:
    """V of the absorbed factor; raises LinAlgError where `gamma` (r,) does not leave it positive definite."""

    def __init__(self, products: CrossProducts, basis: Array, gamma: Array):
        self.basis = basis
        self.covariance = combine(gamma, basis)  # G
        inner = np.eye(basis.shape[1]) + products.zz @ self.covariance
        self.log_det = log_determinant(inner)
        self.shrink = np.linalg.inv(inner)  # R
        self.zz = self.shrink @ products.zz
        self.zw = self.shrink @ products.zw
        removed = flat(products.zw).T @ flat(self.covariance @ self.zw)
        self.ww = products.total - (removed + removed.T) / 2

    def effects(self, weights: Array) -> Array:
        return flat(self.zw) @ weights

    def derivatives(self, weights: Array) -> Derivatives:
        effects = self.zw @ weights
        left = self.basis[:, None] @ effects
        first = flat(effects).T @ flat(left)
        second = flat(left)[:, None].swapaxes(2, 3) @ flat(self.zz @ left)
        return Derivatives(first, second, *self.traces())

    def quadratic(self, rows: csr_array) -> Array:
        return row_products(rows @ block_diagonal(self.zz), rows)

    def traces(self) -> tuple[Array, Array]:
        inner = self.basis[:, None] @ self.zz
        return np.einsum("rjaa->r", inner), np.einsum("rjab,sjba->rs", inner, inner)


def flat(blocks: Array) -> Array:
    """(..., J, q, k) as (..., J q, k)."""
    return blocks.reshape(*blocks.shape[:-3], -1, blocks.shape[-1])


def block_diagonal(blocks: Array) -> bsr_array:
    """Sparse block-diagonal matrix of `blocks` (J, q, q)."""
    n = len(blocks)
    return bsr_array((blocks, np.arange(n), np.arange(n + 1)))


def row_products(left: csr_array, right: csr_array) -> Array:
    """(m,) inner product of each row of one with that of the other."""
    return np.asarray(left.multiply(right).sum(axis=1)).ravel()


def log_determinant(matrices: Array) -> float:
    """Sum of the log determinants; LinAlgError unless each is positive."""
    sign, log = np.linalg.slogdet(matrices)
    if not np.all(sign > 0):
        raise np.linalg.LinAlgError("the covariance matrix is not positive definite")
    return float(np.sum(log))
