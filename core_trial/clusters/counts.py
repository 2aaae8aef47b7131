"""The coefficient of variation between clusters, k: standard deviation of the clusters' true rates over their mean.

Events are Poisson in each cluster; k of Hayes and Bennett (1999, Int J Epidemiol 28:319), with the clusters weighted by
their precision. Q(k^2) = sum (r_i - rate)^2 / (rate / t_i + k^2 rate^2), over rates r_i and person-time t_i, is near
chi-squared with clusters - groups degrees of freedom at the true k: the estimate equates it with these, and the limits
with quantiles (Q-profile; Viechtbauer 2007, Stat Med 26:37).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize, stats

from .estimation import Choice, Limits, bootstrap

Array = NDArray[np.float64]

SETTLED = 1e-10  # relative change of the rates from one weighting to the next


@dataclass(frozen=True)
class Rates:
    """Events of K clusters in G groups.

    Attributes
    ----------
    events, time : (K,) and the person-time in which they happened
    group : (K,) 0 to G - 1
    """

    events: Array
    time: Array
    group: NDArray[np.intp]

    @property
    def df(self) -> int:
        return len(self.events) - int(self.group.max()) - 1

    @property
    def rate(self) -> float:
        """Events over person-time."""
        return float(self.events.sum() / self.time.sum())

    def take(self, chosen: NDArray[np.intp]) -> Rates:
        """Some clusters, one as often as it is chosen."""
        return Rates(self.events[chosen], self.time[chosen], self.group[chosen])

    def expected(self, squared: float) -> Array:
        """(K,) the rate of each cluster's group: the clusters weighted for k^2 = `squared`."""
        rate, last = self._pooled(self.time), np.zeros(1)
        while np.abs(rate - last).max() > SETTLED * rate.max():
            rate, last = self._pooled(self.time / (1 + squared * rate * self.time)), rate
        return rate

    def variance(self, squared: float) -> Array:
        """(K,) of the observed rates about that of their group."""
        rate = self.expected(squared)
        return np.asarray(rate / self.time + squared * rate**2)

    def q(self, squared: float) -> float:
        """The squared deviations of the rates over their variances at k^2, which falls as k rises."""
        deviation, variance = self.events / self.time - self.expected(squared), self.variance(squared)
        return float(np.divide(deviation**2, variance, out=np.zeros_like(variance), where=variance > 0).sum())

    def k(self, target: float) -> float:
        """The k at which Q is the target, or zero."""
        if self.q(0.0) <= target:
            return 0.0
        high = 1.0
        while self.q(high) > target:
            high *= 4
            if high > 1e6:
                return np.inf
        return float(np.sqrt(optimize.brentq(lambda squared: self.q(squared) - target, 0.0, high)))

    def estimate(self) -> float:
        return self.k(self.df)

    def _pooled(self, weight: Array) -> Array:
        rates = np.bincount(self.group, weight * self.events / self.time) / np.bincount(self.group, weight)
        return np.asarray(rates[self.group])


def gather(rows: pd.DataFrame) -> Rates:
    """The events `value` in the person-time `size`, summed over the rows of each cluster."""
    clusters = rows.groupby(["cluster", "group"], observed=True)[["value", "size"]].sum().reset_index()
    return Rates(clusters["value"].to_numpy(), clusters["size"].to_numpy(), pd.factorize(clusters["group"])[0])


def variation(rates: Rates, choice: Choice) -> dict[str, Any]:
    """Estimate, interval and components of k: `between` the variance of the rates, `within` that of a unit of time."""
    k = rates.estimate()
    limits = _limits(rates, k, choice)
    return {"estimate": k, **limits._asdict(), "between": (k * rates.rate) ** 2, "within": rates.rate}


def _limits(rates: Rates, k: float, choice: Choice) -> Limits:
    if choice.interval == "bootstrap":
        return bootstrap(lambda chosen: rates.take(chosen).estimate(), rates.group, choice)
    low, high = (rates.k(float(stats.chi2.isf(tail, rates.df))) for tail in choice.tails)
    return Limits(_std_error(rates, k), low, high)


def _std_error(rates: Rates, k: float) -> float:
    """sqrt(2 df) over the slope of Q in k, its variance being that of chi-squared; not a number at zero."""
    if k == 0:
        return np.nan
    slope = 2 * k * (rates.expected(k**2) ** 2 / rates.variance(k**2)).sum()
    return float(np.sqrt(2 * rates.df) / slope)
