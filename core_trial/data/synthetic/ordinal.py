"""Scales that are sums of ordinal items, calibrated to a mean, a standard deviation and an intraclass correlation.

Item j of a respondent is the number of thresholds that its latent variable z_j, standard normal plus a shift, exceeds.
Latents of one respondent correlate by r_within, those of two respondents in one team by r_between. With the
Hermite coefficients a_jm of item j, the covariance of two items at latent correlation r is sum_m a_jm a_km r^m
(Mehler's formula), so that the variance of a total and its covariance between respondents are power series in r, and
the latent correlations that give a stated standard deviation and intraclass correlation are roots of those.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import norm

from ...errors import PlanError

Array = NDArray[np.float64]
TERMS = 80
SHIFTS = np.linspace(-4, 4, 4001)


@dataclass(frozen=True)
class OrdinalScale:
    """Items scored 1, 2, ... with latent `thresholds` (items, categories - 1)."""

    thresholds: Array

    @classmethod
    def with_mean(cls, mean: float, cuts: Sequence[float], easiness: Array) -> OrdinalScale:
        """The scale of `len(easiness)` items whose expected total is `mean`; cuts and easiness on the latent scale."""
        uncentred = cls(np.asarray(cuts) - easiness[:, None])
        return cls(uncentred.thresholds - uncentred.shift_for(np.array(mean)))

    def mean(self, shift: Array) -> Array:
        """Expected total when every latent is shifted by `shift` (any shape)."""
        total: Array = len(self.thresholds) + norm.sf(self.thresholds - shift[..., None, None]).sum((-1, -2))
        return total

    def shift_for(self, mean: Array) -> Array:
        """Latent shift that gives an expected total, by interpolation in a table of `mean`."""
        means = self.mean(SHIFTS)
        if mean.min() < means[0] or mean.max() > means[-1]:
            limits = f"{means[0]:.1f} to {means[-1]:.1f}"
            raise PlanError(
                f"{len(self.thresholds)} items give mean totals of {limits}, not {mean.min()} to {mean.max()}"
            )
        return np.interp(mean, means, SHIFTS)

    def within(self, sd: float) -> float:
        """Latent correlation of two items of one respondent that gives totals with standard deviation `sd`."""
        return self._root(self.total_variance, sd**2, f"a standard deviation of {sd}")

    def between(self, sd: float, icc: float) -> float:
        """Latent correlation of respondents in one team that gives totals with intraclass correlation `icc`."""
        return self._root(self.team_covariance, icc * sd**2, f"an intraclass correlation of {icc}")

    def total_variance(self, r: float) -> float:
        """Variance of a respondent's total at the latent correlation `r` of its items."""
        single, paired = self._coefficients
        return float(self._item_variances.sum() + (paired - single) @ r ** np.arange(1, TERMS + 1))

    def team_covariance(self, r: float) -> float:
        """Covariance of the totals of two respondents whose latents correlate by `r`."""
        return float(self._coefficients[1] @ r ** np.arange(1, TERMS + 1))

    def score(self, latent: Array) -> NDArray[np.int64]:
        """Item scores (..., items) from 1 of latent values of the same shape."""
        scores: NDArray[np.int64] = 1 + (latent[..., None] > self.thresholds).sum(-1)
        return scores

    @property
    def _item_variances(self) -> Array:
        above: Array = norm.sf(self.thresholds)
        steps = np.arange(1, 2 * above.shape[1], 2)
        variances: Array = above @ steps - above.sum(1) ** 2
        return variances

    @cached_property
    def _coefficients(self) -> tuple[Array, Array]:
        """Sums over items of a_jm squared, and squares of the sums over items of a_jm; m = 1 ... TERMS."""
        hermite = [np.zeros_like(self.thresholds), np.ones_like(self.thresholds)]
        for m in range(1, TERMS):
            hermite.append((self.thresholds * hermite[-1] - np.sqrt(m - 1) * hermite[-2]) / np.sqrt(m))
        density = norm.pdf(self.thresholds)
        by_item = np.stack([(density * h).sum(1) / np.sqrt(m) for m, h in enumerate(hermite[1:], 1)])
        return (by_item**2).sum(1), by_item.sum(1) ** 2

    def _root(self, function: Callable[[float], float], target: float, wanted: str) -> float:
        low, high = function(0.0), function(0.95)
        if not low <= target <= high:
            raise PlanError(f"{len(self.thresholds)} items cannot give {wanted}")
        return float(brentq(lambda r: function(r) - target, 0.0, 0.95))
