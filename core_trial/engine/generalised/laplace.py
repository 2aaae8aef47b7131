"""Laplace's approximation for any random terms, through the cross-products of the linear mixed model.

At the mode b = G e, where e = Z'g and g is the score of each row, the weights W of rows take the part of 1 / sigma^2:
with V1 = Z'V^-1 Z and R of `marginal.py` from weighted cross-products, A = (G^-1 + Z'WZ)^-1 and s = diag Z A Z',

    D = -2 log f(y | b) + e'G e + log |I + Z'WZ G|,      c = W's,   e_c = R Z'c,   t = Z G e_c
    dD / d eta = -2 g + c - W t,     dD / d gamma_r = tr V1 B_r - e'B_r e + e_c'B_r e

(the modes move with the parameters; Skaug and Fournier, 2006, Comput Stat Data Anal 51:699, equation 6).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array

from ..arrays import Array
from ..linear.crossed import marginal
from ..linear.crossprod import Crossed, CrossProducts
from ..linear.marginal import Marginal
from .density import Density
from .modes import LEVEL, MAX_STEPS, SETTLED, SHORTEST
from .problem import Parameters, Problem


@dataclass(frozen=True)
class Arrangement:
    """A problem, whose random effects stand with those of the absorbed factor before the others."""

    problem: Problem

    @property
    def z(self) -> csr_array:
        """(n, effects)"""
        return self.problem.random.columns

    def products(self, weight: Array, columns: Array) -> CrossProducts:
        """Z'WZ and Z'`columns`, columns (n, c)."""
        first = self.problem.random.absorbed[0]
        z = np.hstack([term.z for term in self.problem.random.absorbed])
        pairs = (weight[:, None, None] * z[:, :, None] * z[:, None]).reshape(len(z), -1)
        sums = [np.bincount(first.level, column, minlength=first.n_levels).astype(float) for column in pairs.T]
        zz = np.stack(sums, axis=-1).reshape(-1, z.shape[1], z.shape[1])
        zw = (self.problem.random.absorbed_columns.T @ columns).reshape(first.n_levels, z.shape[1], -1)
        return CrossProducts(np.zeros(1), zz, zw, np.zeros((1, *2 * columns.shape[1:])), self._crossed(weight, columns))

    def _crossed(self, weight: Array, columns: Array) -> Crossed | None:
        random = self.problem.random
        if not random.crossed:
            return None
        behind = random.crossed_columns
        weighted = csr_array(behind * weight[:, None])
        zu = csr_array(random.absorbed_columns.T @ weighted)
        return Crossed(zu, (behind.T @ weighted).toarray(), behind.T @ columns)


@dataclass(frozen=True)
class Point:
    """One parameter point: `gamma` (r,) the elements of the covariances, `fixed` (n,) offset + X beta."""

    data: Arrangement
    parameters: Parameters

    @cached_property
    def gamma(self) -> Array:
        return self.data.problem.random.structure.gamma(self.parameters.theta[0])

    @cached_property
    def fixed(self) -> Array:
        return np.asarray(self.data.problem.offset + self.data.problem.fixed.columns @ self.parameters.beta[0])

    @cached_property
    def covariance(self) -> csr_array:
        """(effects, effects) G."""
        random = self.data.problem.random
        return random.covariance(self.gamma)

    def density(self, effects: Array) -> Density:
        eta = self.fixed + self.data.z @ (self.covariance @ effects)
        return self.data.problem.family.at(eta, self.parameters.beside(0), self.data.problem.rows)

    def penalised(self, density: Density, effects: Array) -> float:
        """-log f + e'G e / 2."""
        return float(effects @ (self.covariance @ effects) / 2 - np.sum(density.value))

    def marginal(self, weight: Array, columns: Array) -> Marginal:
        return marginal(self.data.products(weight, columns), self.data.problem.random.basis, self.gamma)


def find_effects(point: Point, effects: Array) -> tuple[Array, Density]:
    """e = G^-1 b at the mode b, by penalised iteratively reweighted least squares from e (effects,)."""
    density = point.density(effects)
    height = point.penalised(density, effects)
    for _ in range(MAX_STEPS):
        step, share = _least_squares(point, effects, density) - effects, 1.0
        promised = float((point.data.z.T @ density.score - effects) @ (point.covariance @ step))
        while True:
            moved = effects + share * step
            density = point.density(moved)
            reached = point.penalised(density, moved)
            if reached <= height + LEVEL * (1 + abs(height)):
                break
            share /= 2
            if share < SHORTEST:
                raise np.linalg.LinAlgError("the conditional modes were not found")
        effects, height = moved, reached
        if promised < SETTLED:
            return effects, density
    raise np.linalg.LinAlgError("the conditional modes were not found")


def _least_squares(point: Point, effects: Array, density: Density) -> Array:
    """R Z'(W Z b + g); where weights below zero leave no positive definite matrix, they are taken as zero."""
    change = point.data.z @ (point.covariance @ effects)

    def solve(weight: Array) -> Array:
        working = weight * change + density.score
        return point.marginal(weight, working[:, None]).effects(np.eye(1))[:, 0]

    try:
        return solve(density.weight)
    except np.linalg.LinAlgError:
        return solve(np.maximum(density.weight, 0.0))


@dataclass(frozen=True)
class Laplace:
    """The deviance at a point, and its gradient.

    Attributes
    ----------
    effects : (effects,) e
    """

    point: Point
    effects: Array
    density: Density

    @cached_property
    def _spread(self) -> csr_array:
        """(n, effects) Z G."""
        return csr_array(self.point.data.z @ self.point.covariance)

    @cached_property
    def _pulled(self) -> tuple[Marginal, Array]:
        """V of the columns W Z b + g and c, and s (n,)."""
        weight, z = self.density.weight, self.point.data.z
        working = weight * (self._spread @ self.effects) + self.density.score
        alone = self.point.marginal(weight, working[:, None])
        variance = np.asarray(self._spread.multiply(z).sum(axis=1)).ravel() - alone.quadratic(self._spread)
        columns = np.column_stack([working, self.density.bend * variance])
        return self.point.marginal(weight, columns), variance

    @cached_property
    def value(self) -> float:
        marginal, _ = self._pulled
        return 2 * self.point.penalised(self.density, self.effects) + marginal.log_det

    @cached_property
    def gradient(self) -> Array:
        """(k,)"""
        problem, (marginal, variance), at = self.point.data.problem, self._pulled, self.density
        pulled = self._spread @ marginal.effects(np.eye(2))[:, 1]
        by_eta = at.bend * variance - at.weight * pulled - 2 * at.score
        derivatives = marginal.derivatives(np.eye(2))
        by_gamma = derivatives.trace - derivatives.first[:, 0, 0] + derivatives.first[:, 1, 0]
        theta = problem.random.structure.jacobian(self.point.parameters.theta[0]).T @ by_gamma
        others = [np.sum(o.weight * variance + o.score * pulled - 2 * o.value) for o in at.others]
        return np.concatenate([problem.fixed.columns.T @ by_eta, theta, others])
