"""The covariance V of repeated measures, one block a subject, and what its derivatives make of the columns w = [X y].

V has the same block Sigma_p = L_p L_p' for every subject of a pattern p, and W_p is the inverse: one factor a pattern.
With the columns x = L^-1 w, and h_r = L^-1 V_r W w for a slope V_r of V,

    w'V^-1 w = x'x,    w'V^-1 V_r V^-1 w = x'h_r,    w'V^-1 V_r V^-1 V_s V^-1 w = h_r'h_s.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from ..arrays import Array
from .patterns import Patterns
from .stacks import Stacks


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
    patterns : of visits
    stacks : the columns w
    root : (P, M, M) inverse of the Cholesky factor of Sigma_p, zero where not observed
    log_det : log |V|
    """

    patterns: Patterns
    stacks: Stacks
    root: Array
    log_det: float

    @cached_property
    def inverse(self) -> Array:
        """(P, M, M) W."""
        return np.asarray(self.root.swapaxes(1, 2) @ self.root)

    @cached_property
    def repeated(self) -> Array:
        """(P, M, M) the sum of W over the subjects of a pattern."""
        return self.patterns.subjects[:, None, None] * self.inverse

    @cached_property
    def white(self) -> Array:
        """(N, k) w divided by the root of V."""
        return np.asarray(self.stacks.transform(self.root[None])[0])

    @cached_property
    def products(self) -> Array:
        return np.asarray(self.white.T @ self.white)

    def slopes(self, slopes: Array, weights: Array) -> WithinSlopes:
        return WithinSlopes(self, slopes, self.stacks.weigh(weights))


def within(patterns: Patterns, covariance: Array) -> Within:
    """V for the residual `covariance` (L, L); LinAlgError where a pattern's block is not positive definite."""
    unit = np.eye(patterns.visits.shape[1])  # in place of visits that were not observed
    factors = np.linalg.cholesky(np.where(patterns.pairs, patterns.blocks(covariance), unit))
    log_det = 2 * float(patterns.subjects @ np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(axis=1))
    return Within(patterns, patterns.stacks, np.linalg.inv(factors) * patterns.pairs, log_det)


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
    def rows(self) -> Array:
        """(r, P, M) 1'W V_r W."""
        return np.asarray((self.within.inverse @ self._half).sum(axis=2))

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

    @cached_property
    def _white(self) -> Array:
        """(r, N, k) V_r V^-1 w divided by the root of V."""
        return self.within.stacks.transform(self.within.root @ self._half)

    def first(self) -> Array:
        return np.asarray(self.within.white.T @ self._white)

    def second(self, n_columns: int) -> Array:
        r = len(self.slopes)
        rows = self._white[..., :n_columns].swapaxes(0, 1).reshape(-1, r * n_columns)
        return (rows.T @ rows).reshape(r, n_columns, r, n_columns).swapaxes(1, 2)

    def traces(self) -> Array:
        return self.pairs(self.within.repeated)
