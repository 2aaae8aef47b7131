"""Intracluster correlation of continuous outcomes, with intervals that hold at unequal cluster sizes.

The model is one-way: y_ij = mean + u_i + e_ij, or with a mean in each group of clusters (`within`), so that the effect
of the intervention does not pass for variation between clusters. rho = var(u) / (var(u) + var(e)).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
from scipy import stats

from ..columns import constant_within, known, numeric, require_columns
from ..errors import DesignError, FitError, PlanError

# LMM
from ..mixed.model import lmm
from .one_way import LIMITS, OneWay

Method = Literal["anova", "reml"]
Interval = Literal["exact", "searle", "thomas-hultquist", "smith"]


@dataclass(frozen=True, kw_only=True)
class IntraclusterCorrelation:
    """An intracluster correlation and the clusters that it comes from.

    Attributes
    ----------
    estimate, std_error, conf_low, conf_high, conf_level : the correlation; the standard error is Smith's (1956)
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
        return pd.DataFrame(
            {
                "term": ["icc"],
                "estimate": self.estimate,
                "std_error": self.std_error,
                "conf_low": self.conf_low,
                "conf_high": self.conf_high,
                "design_effect": self.design_effect,
                "n_clusters": self.n_clusters,
                "nobs": self.nobs,
                "mean_size": self.mean_size,
                "cv_size": self.cv_size,
            }
        )


def icc(
    outcome: str,
    data: pd.DataFrame,
    *,
    cluster: str,
    within: str | None = None,
    method: Method = "anova",
    interval: Interval = "exact",
    conf_level: float = 0.95,
) -> IntraclusterCorrelation:
    """The intracluster correlation of a continuous outcome.

    Parameters
    ----------
    outcome : column of individual values; rows without one are left out and counted in the notes
    data : a row an individual
    cluster : column of the clusters
    within : column that is constant within clusters, such as the arm: the correlation is pooled within its values. A
        trial's needs it, or the effect of the intervention is counted as variation between clusters
    method : "anova", unbiased variance components, negative values possible (Donner 1986, Int Stat Rev 54:67); "reml",
        from `core_trial.lmm`, never negative
    interval : "exact" (Wald 1940, Ann Math Stat 11:96) holds for normal outcomes at any cluster sizes; "searle" (1971,
        Linear Models: n0 for the common size) and "thomas-hultquist" (1978, Ann Stat 6:582: unweighted cluster means,
        harmonic mean size) approximate it in closed form and equal it when the sizes are equal; "smith" (1956, Ann Hum
        Genet 21:363) takes the large-sample standard error. Ukoumunne (2002, Stat Med 21:3757) compares the last three
    conf_level : of the interval

    Raises
    ------
    PlanError : an unknown column or option
    DataError : a missing cluster, an outcome that is not a number
    DesignError : no more clusters than groups, no cluster of two individuals, `within` varying within a cluster
    FitError : outcomes that do not vary within clusters

    Examples
    --------
    >>> import core_trial as ct, pandas as pd
    >>> people = pd.DataFrame({"team": list("aaabbbccc"), "score": [1, 2, 3, 3, 4, 5, 2, 3, 4]})
    >>> ct.icc("score", people, cluster="team").tidy().round(3).loc[0, ["estimate", "conf_low", "conf_high"]].tolist()
    [0.4, -0.243, 0.975]
    """
    _check_options(method, interval, conf_level)
    rows, left_out = _rows(outcome, data, cluster, within)
    anova = _one_way(rows, outcome)
    (between, within_variance), notes = (anova.components(), ()) if method == "anova" else _reml_components(rows)
    rho = between / (between + within_variance)
    std_error = anova.std_error(rho)
    low, high = _limits(anova, rho, std_error, interval, conf_level)
    negative = ("negative estimate: the clusters differ no more than chance would make them",) if rho < 0 else ()
    return IntraclusterCorrelation(
        estimate=rho,
        std_error=std_error,
        conf_low=low,
        conf_high=high,
        conf_level=conf_level,
        between=between,
        within=within_variance,
        n_clusters=len(anova.size),
        nobs=int(anova.size.sum()),
        mean_size=float(anova.size.mean()),
        cv_size=float(anova.size.std() / anova.size.mean()),
        method=_in_words(method, interval, within),
        notes=(*left_out, *notes, *negative),
    )


def _check_options(method: str, interval: str, conf_level: float) -> None:
    for name, value, allowed in (("method", method, get_args(Method)), ("interval", interval, get_args(Interval))):
        if value not in allowed:
            raise PlanError(f"{name} is {value!r}; choose one of {', '.join(map(repr, allowed))}")
    if not 0 < conf_level < 1:
        raise PlanError(f"conf_level is {conf_level}; it lies between 0 and 1, such as 0.95")


def _rows(outcome: str, data: pd.DataFrame, cluster: str, within: str | None) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """`value cluster group` of every row with a value, and how many rows have none."""
    require_columns(data, [name for name in (outcome, cluster, within) if name])
    group = known(data[within]) if within else pd.Series("", index=data.index)
    constant_within(group, known(data[cluster]))
    rows = pd.DataFrame({"value": numeric(data[outcome]), "cluster": data[cluster], "group": group.astype(str)})
    missing = int(rows["value"].isna().sum())
    return rows.dropna(), (f"{missing} of {len(rows)} rows left out, with no {outcome}",) if missing else ()


def _one_way(rows: pd.DataFrame, outcome: str) -> OneWay:
    by_cluster = rows.groupby(["cluster", "group"], observed=True)["value"]
    clusters = by_cluster.agg(["size", "mean"]).reset_index()
    group, groups = pd.factorize(clusters["group"])
    if len(clusters) - len(groups) < 1 or len(rows) == len(clusters):
        raise DesignError(
            f"{len(rows)} values of {outcome!r} in {len(clusters)} clusters and {len(groups)} groups: "
            "a correlation needs more clusters than groups, and a cluster with two values"
        )
    deviation = rows["value"] - by_cluster.transform("mean")
    within = float((deviation**2).sum() / (len(rows) - len(clusters)))
    if within <= (1e-12 * rows["value"].abs().max()) ** 2:
        raise FitError(f"{outcome!r} does not vary within clusters: it is no outcome of individuals")
    return OneWay(clusters["size"].to_numpy(float), clusters["mean"].to_numpy(float), group, within)


def _reml_components(rows: pd.DataFrame) -> tuple[tuple[float, float], tuple[str, ...]]:
    """Variance between and within clusters, and the notes of the fit."""
    groups = "group" if len(rows["group"].unique()) > 1 else "1"
    fit = lmm(f"value ~ {groups} + (1 | cluster)", rows, ddf="normal")
    variance = fit.variance_components().set_index("group")["covariance"]
    return (float(variance["cluster"]), float(variance["Residual"])), fit.notes


def _limits(anova: OneWay, rho: float, std_error: float, interval: Interval, conf_level: float) -> tuple[float, float]:
    upper_tail = np.array([0.5 - conf_level / 2, 0.5 + conf_level / 2])
    if interval == "smith":
        low, high = rho + std_error * stats.norm.isf(upper_tail[::-1])
        return float(low), float(high)
    quantiles = stats.f.isf(upper_tail, *anova.df)
    low, high = (LIMITS[interval](anova, quantile) for quantile in quantiles)
    return low, high


def _in_words(method: Method, interval: Interval, within: str | None) -> str:
    estimator = {"anova": "analysis of variance", "reml": "restricted maximum likelihood"}[method]
    pooled = f", pooled within {within}" if within else ""
    author = {
        "exact": "exact (Wald 1940)",
        "searle": "Searle (1971)",
        "thomas-hultquist": "Thomas and Hultquist (1978)",
        "smith": "large-sample (Smith 1956)",
    }[interval]
    return f"Intracluster correlation by {estimator}{pooled}, with the {author} interval"
