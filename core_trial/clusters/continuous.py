"""Intracluster correlation of continuous outcomes, with intervals that hold at unequal cluster sizes."""

from __future__ import annotations

from typing import Any

import pandas as pd
from scipy import stats

from ..errors import FitError
from ..mixed.model import lmm
from .estimation import Choice, Limits, bootstrap
from .one_way import LIMITS, OneWay


def one_way(rows: pd.DataFrame, outcome: str) -> OneWay:
    """The analysis of variance of `value cluster group`."""
    by_cluster = rows.groupby(["cluster", "group"], observed=True)["value"]
    squares = (rows["value"] - by_cluster.transform("mean")) ** 2
    if squares.sum() <= len(rows) * (1e-12 * rows["value"].abs().max()) ** 2:
        raise FitError(f"{outcome!r} does not vary within clusters: it is no outcome of individuals")
    clusters = by_cluster.agg(["size", "mean"]).reset_index()
    sums = squares.groupby([rows["cluster"], rows["group"]], observed=True).sum()
    group, _ = pd.factorize(clusters["group"])
    return OneWay(clusters["size"].to_numpy(float), clusters["mean"].to_numpy(float), sums.to_numpy(float), group)


def correlation(rows: pd.DataFrame, anova: OneWay, choice: Choice) -> dict[str, Any]:
    """Estimate, interval, components and notes of the correlation."""
    (between, within), notes = (anova.components(), ()) if choice.method == "anova" else _reml_components(rows)
    rho = between / (between + within)
    limits = _limits(anova, rho, choice)
    return {"estimate": rho, **limits._asdict(), "between": between, "within": within, "notes": notes}


def _reml_components(rows: pd.DataFrame) -> tuple[tuple[float, float], tuple[str, ...]]:
    """Variance between and within clusters, and the notes of the fit."""
    groups = "group" if len(rows["group"].unique()) > 1 else "1"
    fit = lmm(f"value ~ {groups} + (1 | cluster)", rows, ddf="normal")
    variance = fit.variance_components().set_index("group")["covariance"]
    return (float(variance["cluster"]), float(variance["Residual"])), fit.notes


def _limits(anova: OneWay, rho: float, choice: Choice) -> Limits:
    if choice.interval == "bootstrap":
        return bootstrap(lambda chosen: anova.take(chosen).correlation(), anova.group, choice)
    std_error = anova.std_error(rho)
    if choice.interval == "smith":
        low, high = (rho + std_error * float(stats.norm.ppf(tail)) for tail in choice.tails)
    else:
        low, high = (LIMITS[choice.interval](anova, float(stats.f.isf(tail, *anova.df))) for tail in choice.tails)
    return Limits(std_error, low, high)
