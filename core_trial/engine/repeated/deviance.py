"""The deviance of a model for repeated measures, and its derivatives."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..arrays import Array
from .clustered import Clustered
from .least_squares import LeastSquares
from .patterns import Patterns
from .structures import Structure
from .within import Marginal, Slopes, within


@dataclass(frozen=True)
class Deviance:
    """Minus twice the (restricted) log-likelihood, constants included, with the fixed effects profiled out.

    theta are the parameters of `structure`, then the standard deviation of clusters if `patterns` have cells.
    """

    patterns: Patterns
    structure: Structure
    n_rows: int
    reml: bool

    @property
    def df(self) -> int:
        """Rows that variances are estimated from: n - p by REML, n by ML."""
        return self.n_rows - self.reml * (self.patterns.stacks.n_columns - 1)

    def __call__(self, theta: Array) -> Point:
        """LinAlgError where the covariance is not positive definite."""
        cells = self.patterns.cells
        structured = theta if cells is None else theta[:-1]
        deviation = None if cells is None else float(theta[-1])
        covariance = self.structure.covariance(structured)
        subjects = within(self.patterns, covariance)
        marginal = subjects if cells is None or deviation is None else Clustered(subjects, cells, deviation)
        fit = LeastSquares(marginal.products)
        value = marginal.log_det + fit.squares + self.reml * fit.log_det + self.df * np.log(2 * np.pi)
        return Point(self, structured, deviation, covariance, marginal, fit, float(value))


@dataclass(frozen=True)
class Point:
    """The deviance at one theta.

    Attributes
    ----------
    structured : the parameters of the residual covariance
    cluster_deviation : standard deviation of clusters, if they are in the model
    residual_covariance : (L, L)
    fit : of the fixed effects
    """

    deviance: Deviance
    structured: Array
    cluster_deviation: float | None
    residual_covariance: Array
    marginal: Marginal
    fit: LeastSquares
    value: float

    @cached_property
    def slopes(self) -> Slopes:
        """Weighted by the products of residuals, and for REML by the covariance of the fixed effects."""
        weights = np.outer(self.fit.residual, self.fit.residual)
        if self.deviance.reml:
            weights[:-1, :-1] += self.fit.covariance
        return self.marginal.slopes(self.deviance.structure.slopes(self.structured), weights)

    @cached_property
    def gradient(self) -> Array:
        return self.slopes.gradient()

    @cached_property
    def hessian(self) -> Array:
        cross = (self._first @ self.fit.residual)[:, :-1]
        hessian = self.slopes.hessian() - 2 * cross @ self.fit.covariance @ cross.T
        hessian -= self.deviance.reml * _pairs(self.first @ self.fit.covariance)
        r = len(self.structured)
        hessian[:r, :r] += self.deviance.structure.bend(self.structured, self.slopes.score)
        return hessian

    @cached_property
    def _first(self) -> Array:
        return self.slopes.first()

    @property
    def first(self) -> Array:
        """(r, p, p) X'V^-1 V_r V^-1 X."""
        return self._first[:, :-1, :-1]

    @cached_property
    def second(self) -> Array:
        """(r, r, p, p) X'V^-1 V_r V^-1 V_s V^-1 X."""
        return self.slopes.second(self.first.shape[-1])

    @cached_property
    def expected(self) -> Array:
        """(r, r) tr P V_r P V_s, twice the expected information; P = V^-1 - V^-1 X (X'V^-1 X)^-1 X'V^-1, by ML V^-1."""
        traces, covariance = self.slopes.traces(), self.fit.covariance
        if not self.deviance.reml:
            return traces
        return np.asarray(traces - 2 * np.tensordot(self.second, covariance, 2) + _pairs(self.first @ covariance))


def _pairs(matrices: Array) -> Array:
    """(r, r) tr A_r A_s."""
    return np.asarray(np.einsum("rab,sba->rs", matrices, matrices))
