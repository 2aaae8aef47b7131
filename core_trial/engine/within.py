"""The covariance V of repeated measures, one block a subject, and what its derivatives make of cross-products.

V has the same block Sigma_p for every subject of a pattern p; W_p is the inverse. For slopes V_r of V,

    w'V^-1 w = sum_p sum_ab W_ab C_ab,    w'V^-1 V_r V^-1 w = sum_p sum_ab (W V_r W)_ab C_ab,

with the cross-products C_ab = sum w_a w_b' of a pattern's subjects at visits a and b, so no cost grows with subjects.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from .arrays import Array
from .patterns import Patterns


class Marginal(Protocol):
    """V^-1 between the columns of w: log |V| and w'V^-1 w (k, k)."""

    @property
    def log_det(self) -> float: ...
    @property
    def products(self) -> Array: ...
    def slopes(self, slopes: Array, weights: Array) -> Slopes:
        """Along `slopes` (r, L, L) of the residual covariance; `weights` (k, k) say how products of w are added up."""


class Slopes(Protocol):
    """What derivatives of a likelihood are made of, along r parameters of V."""

    @property
    def score(self) -> Array:
        """(L, L) derivative by each element of the residual covariance of log |V| + the weighted sum of w'V^-1 w."""

    def gradient(self) -> Array:
        """(r,) the same derivative by each parameter."""

    def hessian(self) -> Array:
        """(r, r) second derivatives of the same, as if the residual covariance were linear in its parameters."""

    def first(self) -> Array:
        """(r, k, k) w'V^-1 V_r V^-1 w."""

    def second(self, n_columns: int) -> Array:
        """(r, r, c, c) w'V^-1 V_r V^-1 V_s V^-1 w for the first c columns."""

    def traces(self) -> Array:
        """(r, r) tr V^-1 V_r V^-1 V_s."""


@dataclass(frozen=True)
class Within:
    """V of independent subjects.

    Attributes
    ----------
    patterns : cross-products
    inverse : (P, M, M) W, zero where not observed
    log_det : log |V|
    """

    patterns: Patterns
    inverse: Array
    log_det: float

    @cached_property
    def products(self) -> Array:
        return self.patterns.collect(self.inverse)

    @cached_property
    def repeated(self) -> Array:
        """(P, M, M) the sum of W over the subjects of a pattern."""
        return self.patterns.subjects[:, None, None] * self.inverse

    def slopes(self, slopes: Array, weights: Array) -> WithinSlopes:
        return WithinSlopes(self, slopes, self.patterns.weigh(weights))


def within(patterns: Patterns, covariance: Array) -> Within:
    """V for the residual `covariance` (L, L); LinAlgError where a pattern's block is not positive definite."""
    unit = np.eye(patterns.visits.shape[1])  # in place of visits that were not observed
    blocks = np.where(patterns.pairs, patterns.blocks(covariance), unit)
    diagonal = np.diagonal(np.linalg.cholesky(blocks), axis1=1, axis2=2)
    log_det = 2 * float(patterns.subjects @ np.log(diagonal).sum(axis=1))
    return Within(patterns, np.linalg.inv(blocks) * patterns.pairs, log_det)


@dataclass(frozen=True)
class WithinSlopes:
    """See `Slopes`.

    Attributes
    ----------
    within : V
    slopes : (r, L, L) of the residual covariance
    moments : (P, M, M) weighted sum over subjects of the products of w at two visits
    """

    within: Within
    slopes: Array
    moments: Array

    @cached_property
    def _blocks(self) -> Array:
        """(r, P, M, M) V_r."""
        return self.within.patterns.blocks(self.slopes)

    @cached_property
    def _half(self) -> Array:
        """(r, P, M, M) V_r W."""
        return self._blocks @ self.within.inverse

    @cached_property
    def middle(self) -> Array:
        """(r, P, M, M) W V_r W."""
        return self.within.inverse @ self._half

    @cached_property
    def _score(self) -> Array:
        return self.within.repeated - self.within.inverse @ self.moments @ self.within.inverse

    @property
    def score(self) -> Array:
        return self.within.patterns.scatter(self._score, self.slopes.shape[1])

    def pairs(self, weights: Array) -> Array:
        """(r, r) sum_p tr V_r W V_s A_p for `weights` A (P, M, M)."""
        right = (self._blocks @ weights).swapaxes(2, 3)
        r = len(right)
        return np.asarray(self._half.reshape(r, -1) @ right.reshape(r, -1).T)

    def gradient(self) -> Array:
        return np.tensordot(self._blocks, self._score, 3)

    def hessian(self) -> Array:
        return self.pairs(self.within.repeated - 2 * self._score)

    def first(self) -> Array:
        return self.within.patterns.collect(self.middle)

    def second(self, n_columns: int) -> Array:
        patterns = self.within.patterns.columns(n_columns)
        return np.stack([patterns.collect(row @ self._half) for row in self.middle])

    def traces(self) -> Array:
        return self.pairs(self.within.repeated)
