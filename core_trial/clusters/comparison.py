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
    weight : (K,) of the clusters in the estimate
    precision : (K,) reciprocals of the variances of the summaries, but for a factor that is estimated
    estimator : (p, K), the matrix that takes the summaries to the coefficients
    coefficient : (p,), the two arms first
    residual : (K,) of the fit weighted by the precision
    """

    design: Array
    weight: Array
    precision: Array
    estimator: Array
    coefficient: Array
    residual: Array

    def difference(self) -> tuple[float, float]:
        """Intervention minus control and its variance, the factor of the variances pooled over the arms."""
        clusters, coefficients = self.design.shape
        contrast = np.r_[-1.0, 1.0, np.zeros(coefficients - 2)]
        factor = float(self.precision @ self.residual**2) / (clusters - coefficients)
        return float(contrast @ self.coefficient), float((contrast @ self.estimator) ** 2 @ (factor / self.precision))

    def log_ratio(self) -> tuple[float, float]:
        """Logarithm of the ratio of the arms' means and its delta-method variance (Taylor series).

        var = s1^2 / (c1 m1^2) + s0^2 / (c0 m0^2) without strata and weights, for means m, standard deviations s and
        c clusters an arm (Hayes and Moulton 2017, chapter 10). With strata the means are those of the average stratum,
        and each arm keeps its own factor of the variances. Not a number if a mean is not positive.
        """
        average_stratum = self.weight @ self.design[:, 2:] / self.weight.sum()
        means = np.column_stack([np.eye(2), np.tile(average_stratum, (2, 1))])
        control, intervention = means @ self.coefficient
        if min(control, intervention) <= 0:
            return np.nan, np.nan
        gradient = means[1] / intervention - means[0] / control
        variance = self._factor_by_arm() / self.precision
        return float(np.log(intervention / control)), float((gradient @ self.estimator) ** 2 @ variance)

    def _factor_by_arm(self) -> Array:
        """(K,) factor of each cluster's arm: its residual sum of squares over its share of the degrees of freedom."""
        arms = self.design[:, :2]
        freedom = 1 - _leverage(self.design, self.precision)
        return np.asarray(arms @ ((self.precision * self.residual**2 @ arms) / (freedom @ arms)))


def compare(summary: Array, design: Array, weight: Array, precision: Array) -> Comparison:
    """Summaries (K,) on a design (K, p) of full rank, weighted by `weight`; `precision` only serves their variance."""
    estimator = _estimator(design, weight)
    residual = summary - design @ (_estimator(design, precision) @ summary)
    return Comparison(design, weight, precision, estimator, estimator @ summary, residual)


def between_variance(summary: Array, sampling_variance: Array, design: Array) -> float:
    """Between-cluster variance by moments, not below zero.

    With w = 1 / sampling variance, the weighted residual sum of squares Q has the expectation (K - p) + tau^2 c,
    c = sum w (1 - leverage); for means and two arms this is the analysis of variance with its n0
    (Searle 1971, Linear Models, chapter 9; Johnson et al. 2015, Stat Med 34:3531).
    """
    precision = 1 / sampling_variance
    residual = summary - design @ (_estimator(design, precision) @ summary)
    excess = precision @ residual**2 - (design.shape[0] - design.shape[1])
    return max(0.0, float(excess / (precision @ (1 - _leverage(design, precision)))))


def _estimator(design: Array, weight: Array) -> Array:
    """(X'WX)^-1 X'W."""
    weighted = design.T * weight
    return np.asarray(np.linalg.solve(weighted @ design, weighted), dtype=np.float64)


def _leverage(design: Array, weight: Array) -> Array:
    return np.asarray(np.einsum("kp,pk->k", design, _estimator(design, weight)))
