"""A random intercept of clusters beside the covariance within subjects: subjects are absorbed first, then clusters.

V = V1 + v Z Z', where V1 is that of `within.py`, W its inverse and Z (n, J) says to which cluster a row belongs.
With s = Z'W Z (diagonal, as no subject is in two clusters), t = Z'W w and f = (1 + v s)^-1, Woodbury's identity gives

    |V| = |V1| prod_j (1 + v s_j),    w'V^-1 w = w'W w - v t'f t,    V^-1 w = W u,    u = w - Z h,    h = v f t,

so that inverses of V are those of V1 with u in place of w, which is taken from the means of the cells of pattern and
cluster. In products of more than two inverses, V^-1 = W - W Z (v f) Z'W adds the terms that are written where used.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..arrays import Array
from .cells import Cells
from .within import Within, WithinSlopes


@dataclass(frozen=True)
class Clustered:
    """V with the cluster variance v = `deviation`^2; see `within.Marginal`."""

    within: Within
    cells: Cells
    deviation: float

    @cached_property
    def _rows(self) -> Array:
        """(P, M) 1'W."""
        return np.asarray(self.within.inverse.sum(axis=1))

    @cached_property
    def size(self) -> Array:
        """(J,) s."""
        return self.cells.count(self._rows[None])[:, 0]

    @cached_property
    def shrink(self) -> Array:
        """(J,) f."""
        return np.asarray(1 / (1 + self.deviation**2 * self.size))

    @cached_property
    def removed(self) -> Array:
        """(J,) v f."""
        return self.deviation**2 * self.shrink

    @cached_property
    def _sums(self) -> Array:
        """(J, k) t."""
        return self.cells.add(self._rows[None])[:, 0]

    @cached_property
    def between(self) -> Array:
        """(J, k) Z'V^-1 w."""
        return self.shrink[:, None] * self._sums

    @property
    def log_det(self) -> float:
        return self.within.log_det - float(np.log(self.shrink).sum())

    @cached_property
    def products(self) -> Array:
        return self.within.products - (self.removed[:, None] * self._sums).T @ self._sums

    def slopes(self, slopes: Array, weights: Array) -> ClusteredSlopes:
        cells = self.cells.less(self.removed[:, None] * self._sums)
        within = replace(self.within, stacks=self.within.patterns.within.beside(cells.means()))
        uncertain = np.bincount(cells.pattern, cells.subjects * self.removed[cells.cluster]).astype(float)
        moments = within.stacks.weigh(weights) + uncertain[:, None, None]
        return ClusteredSlopes(self, WithinSlopes(within, slopes, moments), weights, cells, uncertain)


@dataclass(frozen=True)
class ClusteredSlopes:
    """See `within.Slopes`; the last parameter is the standard deviation of clusters.

    Attributes
    ----------
    clustered : V
    within : slopes of V1 with u in place of w; its moments are those of the residuals and of the cluster effects
    weights : (k, k)
    cells : with the sums of u
    uncertain : (P,) sum over subjects of v f
    """

    clustered: Clustered
    within: WithinSlopes
    weights: Array
    cells: Cells
    uncertain: Array

    @property
    def _step(self) -> float:
        """Derivative of v by its root."""
        return 2 * self.clustered.deviation

    @cached_property
    def _effects(self) -> Array:
        """(J, r, k) Z'W V_r V^-1 w."""
        return self.cells.add(self.within.rows)

    @cached_property
    def _spread(self) -> Array:
        """(J, r) Z'W V_r W Z."""
        return self.cells.count(self.within.rows)

    @cached_property
    def _size(self) -> Array:
        """(J,) Z'V^-1 Z."""
        return self.clustered.shrink * self.clustered.size

    @cached_property
    def _squares(self) -> Array:
        """(J,) weighted sum of the products of Z'V^-1 w."""
        return np.asarray(np.einsum("jk,kl,jl->j", self.clustered.between, self.weights, self.clustered.between))

    @property
    def score(self) -> Array:
        return self.within.score

    def gradient(self) -> Array:
        return np.append(self.within.gradient(), self._step * np.sum(self._size - self._squares))

    def hessian(self) -> Array:
        """Its second derivative by the deviation is complete."""
        shrink, removed = self.clustered.shrink, self.clustered.removed
        energy = np.einsum("j,jrk,kl,jsl->rs", removed, self._effects, self.weights, self._effects, optimize=True)
        spread = removed[:, None] * self._spread
        across = np.einsum("j,jrk,kl,jl->r", shrink, self._effects, self.weights, self.clustered.between, optimize=True)
        last = np.sum(2 * self._size * self._squares - self._size**2)
        return _bordered(
            self.within.hessian() - 2 * energy - spread.T @ spread,
            self._step * (2 * across - shrink**2 @ self._spread),
            self._step**2 * last + 2 * np.sum(self._size - self._squares),
        )

    def first(self) -> Array:
        between = self.clustered.between
        return np.concatenate([self.within.first(), self._step * (between.T @ between)[None]])

    def second(self, n_columns: int) -> Array:
        """V^-1 V_r V^-1 V_s V^-1 between V^-1 w: less v f of Z'W V_r V^-1 w in the middle."""
        effects, between = self._effects[..., :n_columns], self.clustered.between[:, :n_columns]
        r = effects.shape[1] + 1
        second = np.empty((r, r, n_columns, n_columns))
        middle = np.einsum("j,jra,jsb->rsab", self.clustered.removed, effects, effects, optimize=True)
        second[:-1, :-1] = self.within.second(n_columns) - middle
        across = self._step * np.einsum("j,jra,jb->rab", self.clustered.shrink, effects, between, optimize=True)
        second[:-1, -1], second[-1, :-1] = across, across.swapaxes(1, 2)
        second[-1, -1] = self._step**2 * (self._size[:, None] * between).T @ between
        return second

    def traces(self) -> Array:
        rows = self.within.within.inverse.sum(axis=1)
        twice = 2 * self.uncertain[:, None, None] * rows[:, :, None] * rows[:, None, :]
        spread = self.clustered.removed[:, None] * self._spread
        return _bordered(
            self.within.pairs(self.within.within.repeated - twice) + spread.T @ spread,
            self._step * (self.clustered.shrink**2 @ self._spread),
            self._step**2 * np.sum(self._size**2),
        )


def _bordered(block: Array, edge: Array, corner: np.floating[Any]) -> Array:
    """[[block, edge], [edge', corner]]"""
    return np.block([[block, edge[:, None]], [edge, corner]])
