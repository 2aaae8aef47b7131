"""Stage two of a two-stage analysis: the arms compared by weighted least squares on cluster summaries.

Arrays in, arrays out. A design (K, p) has the columns control, intervention and the strata but the first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Comparison:
    """Weighted least squares of summaries on the design.

    Attributes
    ----------
    design : (K, p)
    weight : (K,)
    coefficient : (p,), the two arms first
    bread : (p, p), the inverse of design' W design
    residual : (K,)
    """

    design: Array
    weight: Array
    coefficient: Array
    bread: Array
    residual: Array

    def difference(self) -> tuple[float, float]:
        """Intervention minus control and its variance, residual variances pooled over the arms."""
        clusters, coefficients = self.design.shape
        contrast = np.r_[-1.0, 1.0, np.zeros(coefficients - 2)]
        pooled = float(self.weight @ self.residual**2) / (clusters - coefficients)
        return float(contrast @ self.coefficient), pooled * float(contrast @ self.bread @ contrast)

    def log_ratio(self) -> tuple[float, float]:
        """Logarithm of the ratio of the arms' means and its delta-method variance (Taylor series).

        var = s1^2 / (c1 m1^2) + s0^2 / (c0 m0^2) without strata, for means m, standard deviations s and c clusters
        an arm (Hayes and Moulton 2017, chapter 10). With strata the means are those of the average stratum, and
        each arm keeps its own residual variance. Not a number if a mean is not positive.
        """
        means = np.column_stack([np.eye(2), np.tile(self._average_stratum(), (2, 1))])
        control, intervention = means @ self.coefficient
        if min(control, intervention) <= 0:
            return np.nan, np.nan
        gradient = means[1] / intervention - means[0] / control
        return float(np.log(intervention / control)), float(gradient @ self._covariance_by_arm() @ gradient)

    def _average_stratum(self) -> Array:
        return np.asarray(self.weight @ self.design[:, 2:] / self.weight.sum())

    def _covariance_by_arm(self) -> Array:
        """Covariance of the coefficients with a residual variance an arm, divided by the arm's share of the df."""
        leverage = self.weight * np.einsum("ki,ij,kj->k", self.design, self.bread, self.design)
        arms = self.design[:, :2]
        variance = (arms.T @ (self.weight * self.residual**2)) / (arms.T @ (1 - leverage))
        meat = self.design.T @ ((self.weight * (arms @ variance))[:, None] * self.design)
        return np.asarray(self.bread @ meat @ self.bread)


def compare(summary: Array, design: Array, weight: Array) -> Comparison:
    """Weighted least squares of summaries (K,) on a design (K, p) of full rank."""
    bread = np.asarray(np.linalg.inv(design.T @ (weight[:, None] * design)), dtype=np.float64)
    coefficient = bread @ (design.T @ (weight * summary))
    return Comparison(design, weight, coefficient, bread, summary - design @ coefficient)


def between_variance(summary: Array, sampling_variance: Array, design: Array) -> float:
    """Between-cluster variance by moments, not below zero.

    With w = 1 / sampling variance, the weighted residual sum of squares Q has the expectation (K - p) + tau^2 c,
    c = sum(w) - tr[(X'WX)^-1 X'W^2 X]; for means and two arms this is the analysis of variance with its n0
    (Searle 1971, Linear Models, chapter 9; Johnson et al. 2015, Stat Med 34:3531).
    """
    weight = 1 / sampling_variance
    fit = compare(summary, design, weight)
    squared = design.T @ (weight[:, None] ** 2 * design)
    scale = weight.sum() - np.trace(fit.bread @ squared)
    excess = weight @ fit.residual**2 - (design.shape[0] - design.shape[1])
    return max(0.0, float(excess / scale))
