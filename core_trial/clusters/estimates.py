"""What `icc` returns: the variation between clusters, its interval and the design effect that it implies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class IntraclusterCorrelation:
    """An intracluster correlation and the clusters that it comes from.

    Attributes
    ----------
    estimate, std_error, conf_low, conf_high, conf_level : the correlation, with its large-sample standard error
    between, within : variance components; `between` is negative when the estimate is
    n_clusters, nobs : clusters and individuals
    mean_size, cv_size : mean of the cluster sizes and their standard deviation over it
    method, notes : what was done, and what the reader must know
    """

    estimate: float
    std_error: float
    conf_low: float
    conf_high: float
    conf_level: float
    between: float
    within: float
    n_clusters: int
    nobs: int
    mean_size: float
    cv_size: float
    method: str
    notes: tuple[str, ...] = ()

    @property
    def design_effect(self) -> float:
        """1 + ((cv^2 + 1) m - 1) rho for clusters of mean size m (Eldridge et al. 2006, Int J Epidemiol 35:1292)."""
        return 1 + ((self.cv_size**2 + 1) * self.mean_size - 1) * self.estimate

    def tidy(self) -> pd.DataFrame:
        """One row: the correlation with its interval, the design effect, and the numbers behind them."""
        return pd.DataFrame([self._row("icc", self.estimate, self.std_error, self.conf_low, self.conf_high)])

    def _row(self, term: str, estimate: float, std_error: float, low: float, high: float) -> dict[str, Any]:
        return {
            "term": term,
            "estimate": estimate,
            "std_error": std_error,
            "conf_low": low,
            "conf_high": high,
            "design_effect": self.design_effect,
            "n_clusters": self.n_clusters,
            "nobs": self.nobs,
            "mean_size": self.mean_size,
            "cv_size": self.cv_size,
        }


@dataclass(frozen=True, kw_only=True)
class BetweenClusterVariation(IntraclusterCorrelation):
    """The coefficient of variation k of clusters' true rates; sizes are person-time, `nobs` counts rows.

    `between` is the variance of the true rates and `within` that of the count of one unit of person-time;
    `row_events` are the events of the mean row.
    """

    row_events: float

    @property
    def design_effect(self) -> float:
        """1 + k^2 rate m (1 + cv^2) for mean person-time m: the variance of the overall rate over that of Poisson."""
        return 1 + self.between / self.within * self.mean_size * (1 + self.cv_size**2)

    def tidy(self) -> pd.DataFrame:
        """A row `k`, and a row `icc`: the correlation of the counts of two rows of a cluster, of mean person-time.

        That is k^2 e / (1 + k^2 e) where a row has e events in the mean: with rows of individuals, the correlation of
        individuals on the scale of the data.
        """
        k = (self.estimate, self.conf_low, self.conf_high)
        rho, low, high = (1 - 1 / (1 + value**2 * self.row_events) for value in k)
        slope = 2 * self.estimate * self.row_events / (1 + self.estimate**2 * self.row_events) ** 2
        return pd.DataFrame(
            [
                self._row("k", self.estimate, self.std_error, self.conf_low, self.conf_high),
                self._row("icc", rho, slope * self.std_error, low, high),
            ]
        )


def sizes(size: NDArray[np.float64]) -> dict[str, Any]:
    """Number, mean and coefficient of variation of the clusters' sizes (K,)."""
    return {
        "n_clusters": len(size),
        "mean_size": float(size.mean()),
        "cv_size": float(size.std() / size.mean()),
    }
