"""Intracluster correlation of a proportion, with an interval that holds for rare events and unequal clusters.

The interval is the set of correlations that a Wald test does not refute, its variance taken at the correlation tested:
(estimate - rho)^2 <= z^2 V(rho), the estimate being that of Fleiss and Cuzick (1979, Appl Psychol Meas 3:537),
1 - A / B with A = sum Y_i (n_i - Y_i) / n_i and B = sum over groups of (N - K) p (1 - p).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize, stats

from .estimation import Choice, Limits, bootstrap
from .one_way import OneWay

Array = NDArray[np.float64]
Moments = Callable[[Array, Array, float], list[Array]]

ALMOST_ONE = 0.999
STEPS = 100
"""Of the search for the upper limit, from the estimate up."""


def one_way(rows: pd.DataFrame) -> OneWay:
    """The analysis of variance of the zeros and ones behind the successes `value` of `size`, in `cluster group`."""
    clusters = rows.groupby(["cluster", "group"], observed=True)[["value", "size"]].sum().reset_index()
    size, mean = clusters["size"].to_numpy(), (clusters["value"] / clusters["size"]).to_numpy()
    return OneWay(size, mean, size * mean * (1 - mean), pd.factorize(clusters["group"])[0])


def correlation(anova: OneWay, choice: Choice) -> dict[str, Any]:
    """Estimate, interval and components of the correlation."""
    estimator = OneWay.correlation if choice.method == "anova" else fleiss_cuzick
    rho = estimator(anova)
    p = _proportions(anova)
    variance = float((anova.sum(anova.size) * p * (1 - p)).sum() / anova.size.sum())
    limits = _limits(anova, estimator, choice)
    return {"estimate": rho, **limits._asdict(), "between": rho * variance, "within": (1 - rho) * variance}


def fleiss_cuzick(anova: OneWay) -> float:
    """1 - A / B; the sum of squares within a cluster is Y (n - Y) / n."""
    return float(1 - anova.squares.sum() / _expected_squares(anova).sum())


def variance(anova: OneWay, rho: float, moments: Moments) -> float:
    """Of the Fleiss-Cuzick estimate, to first order, where the correlation is rho.

    1 - A / B changes with cluster i by (Y^2 / n + (d - 1) Y) / B, d = (1 - rho) (N - K) (1 - 2 p) / N in its group. The
    variance of this quadratic follows from the moments of Y.
    """
    p, total, clusters = _proportions(anova), anova.sum(anova.size), anova.sum(np.ones_like(anova.size))
    d = (1 - rho) * (total - clusters) * (1 - 2 * p) / total
    square, linear = 1 / anova.size, d[anova.group] - 1
    m1, m2, m3, m4 = _raw(moments(anova.size, p[anova.group], rho))
    each = square**2 * (m4 - m2**2) + 2 * square * linear * (m3 - m1 * m2) + linear**2 * (m2 - m1**2)
    return float(each.sum() / _expected_squares(anova).sum() ** 2)


def beta_binomial(size: Array, p: Array, rho: float) -> list[Array]:
    """Factorial moments 1 to 4: n(n-1)..(n-r+1) times the product of (p (1-rho) + i rho) / (1 - rho + i rho), i < r."""
    factors = [(size - i) * (p * (1 - rho) + i * rho) / (1 - rho + i * rho) for i in range(4)]
    return list(np.cumprod(factors, axis=0))


def common_correlation(size: Array, p: Array, rho: float) -> list[Array]:
    """Factorial moments where with probability rho all of a cluster are alike: n(n-1).. (rho p + (1 - rho) p^r)."""
    falling = np.cumprod([size - i for i in range(4)], axis=0)
    return [falling[r] * (rho * p + (1 - rho) * p ** (r + 1)) for r in range(4)]


MOMENTS: dict[str, Moments] = {"beta-binomial": beta_binomial, "zou-donner": common_correlation}


def _limits(anova: OneWay, estimator: Callable[[OneWay], float], choice: Choice) -> Limits:
    if choice.interval == "bootstrap":
        return bootstrap(lambda chosen: estimator(anova.take(chosen)), anova.group, choice)
    z = float(stats.norm.ppf(choice.tails[1]))
    if choice.interval == "smith":
        rho = anova.correlation()
        std_error = anova.std_error(rho)
        return Limits(std_error, rho - z * std_error, rho + z * std_error)
    moments, rho = MOMENTS[choice.interval], fleiss_cuzick(anova)
    low, high = _inverted(rho, lambda at: variance(anova, at, moments), z)
    return Limits(float(np.sqrt(variance(anova, max(rho, 0.0), moments))), low, high)


def _inverted(estimate: float, variance_at: Callable[[float], float], z: float) -> tuple[float, float]:
    """The correlations around the estimate, none below zero, with (estimate - rho)^2 <= z^2 V(rho)."""

    def refuted(rho: float) -> float:
        return (estimate - rho) ** 2 - z**2 * variance_at(rho)

    start = max(estimate, 0.0)
    if refuted(start) > 0:
        return start, start
    low = optimize.brentq(refuted, 0.0, start) if refuted(0.0) > 0 else 0.0
    grid = np.linspace(start, ALMOST_ONE, STEPS)
    above = next((i for i, rho in enumerate(grid) if refuted(rho) > 0), None)
    return float(low), float(optimize.brentq(refuted, grid[above - 1], grid[above])) if above else 1.0


def _raw(factorial: list[Array]) -> tuple[Array, Array, Array, Array]:
    """Moments of Y from its factorial moments."""
    f1, f2, f3, f4 = factorial
    return f1, f2 + f1, f3 + 3 * f2 + f1, f4 + 6 * f3 + 7 * f2 + f1


def _proportions(anova: OneWay) -> Array:
    return np.asarray(anova.sum(anova.size * anova.mean) / anova.sum(anova.size))


def _expected_squares(anova: OneWay) -> Array:
    """(G,) B: what A is without correlation."""
    p = _proportions(anova)
    return np.asarray((anova.sum(anova.size) - anova.sum(np.ones_like(anova.size))) * p * (1 - p))
