"""One-way analysis of variance of unequal clusters, and limits of the intracluster correlation from its F ratio."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

Array = NDArray[np.float64]


@dataclass(frozen=True)
class OneWay:
    """Analysis of variance of K clusters in G groups.

    Attributes
    ----------
    size, mean : (K,) individuals and mean of each cluster
    squares : (K,) sum of the squared deviations from that mean
    group : (K,) its group, 0 to G - 1
    """

    size: Array
    mean: Array
    squares: Array
    group: NDArray[np.intp]

    def take(self, chosen: NDArray[np.intp]) -> OneWay:
        """The same of some clusters, one as often as it is chosen."""
        return replace(
            self,
            size=self.size[chosen],
            mean=self.mean[chosen],
            squares=self.squares[chosen],
            group=self.group[chosen],
        )

    @property
    def df(self) -> tuple[int, int]:
        """Degrees of freedom between and within clusters: K - G and N - K."""
        return len(self.size) - int(self.group.max()) - 1, int(self.size.sum()) - len(self.size)

    @property
    def within(self) -> float:
        """Mean square within clusters."""
        return float(self.squares.sum() / self.df[1])

    @property
    def n0(self) -> float:
        """The size that stands for unequal ones in E(MSB) = within + n0 between."""
        return float((self.size.sum() - (self.sum(self.size**2) / self.sum(self.size)).sum()) / self.df[0])

    def f(self, theta: float = 0.0) -> float:
        """F ratio of the cluster means, weighted for var(u) / var(e) = theta; at the true theta it is distributed as F.

        F(theta) = sum w_i (mean_i - weighted group mean)^2 / (K - G) / MSW with w_i = m_i / (1 + m_i theta).
        """
        return self._mean_square(self.size / (1 + self.size * theta)) / self.within

    def components(self) -> tuple[float, float]:
        """Variance between and within clusters, unbiased: ((MSB - MSW) / n0, MSW)."""
        return (self._mean_square(self.size) - self.within) / self.n0, self.within

    def correlation(self) -> float:
        """The share of the variance that is between clusters; not a number without variance."""
        between, within = self.components()
        return between / (between + within) if between + within else np.nan

    def unweighted(self) -> tuple[float, float]:
        """F ratio of the unweighted cluster means, and the harmonic mean size that it takes for all."""
        clusters = self.sum(np.ones_like(self.size))
        harmonic = self.df[0] / ((1 - 1 / clusters) * self.sum(1 / self.size)).sum()
        return harmonic * self._mean_square(np.ones_like(self.size)) / self.within, float(harmonic)

    def std_error(self, rho: float) -> float:
        """Large-sample standard error of the analysis-of-variance estimate, at rho (Smith 1956).

        2 (1-rho)^2 / n0^2 {[1 + (n0-1) rho]^2 / (N-K) + [(K-G)(1-rho)(1 + (2 n0 - 1) rho) + rho^2 s] / (K-G)^2},
        s the sum over groups of S2 - 2 S3 / N + S2^2 / N^2, with S2 and S3 the sums of m^2 and m^3.
        """
        n0, (between, within) = self.n0, self.df
        total, square, cube = (self.sum(self.size**power) for power in (1, 2, 3))
        spread = (square - 2 * cube / total + (square / total) ** 2).sum()
        means = (between * (1 - rho) * (1 + (2 * n0 - 1) * rho) + rho**2 * spread) / between**2
        return float((1 - rho) / n0 * np.sqrt(2 * ((1 + (n0 - 1) * rho) ** 2 / within + means)))

    def sum(self, values: Array) -> Array:
        """(G,) sums over the clusters of each group."""
        return np.asarray(np.bincount(self.group, values), dtype=np.float64)

    def _mean_square(self, weight: Array) -> float:
        centre = self.sum(weight * self.mean) / self.sum(weight)
        return float(weight @ (self.mean - centre[self.group]) ** 2) / self.df[0]


def exact(anova: OneWay, quantile: float) -> float:
    """The correlation rho = theta / (1 + theta) at which F(theta), which falls as theta rises, is the quantile.

    Wald 1940, Ann Math Stat 11:96: exact for normal outcomes, whatever the sizes. The least correlation that clusters
    of m can have is -1 / (m - 1), so a limit that would lie below that of the largest cluster is put there.
    """
    lowest = -1 / (anova.size.max() - 1)
    margin = 1e-12 * (1 - lowest)
    low, high = lowest + margin, 1 - margin

    def excess(rho: float) -> float:
        return anova.f(rho / (1 - rho)) - quantile

    if excess(low) <= 0:
        return float(lowest)
    if excess(high) >= 0:
        return 1.0
    return float(optimize.brentq(excess, low, high, xtol=1e-14))


def searle(anova: OneWay, quantile: float) -> float:
    """Searle 1971: the balanced formula with n0 for the common size."""
    return _balanced(anova.f(), anova.n0, quantile)


def thomas_hultquist(anova: OneWay, quantile: float) -> float:
    """Thomas and Hultquist 1978, Ann Stat 6:582: unweighted cluster means, and their harmonic mean size."""
    return _balanced(*anova.unweighted(), quantile)


def _balanced(f: float, size: float, quantile: float) -> float:
    theta = (f / quantile - 1) / size
    return theta / (1 + theta)


LIMITS: dict[str, Callable[[OneWay, float], float]] = {
    "exact": exact,
    "searle": searle,
    "thomas-hultquist": thomas_hultquist,
}
"""Limit of rho at a quantile of F, by the name of its method."""
