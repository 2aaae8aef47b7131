"""Stage one of a two-stage analysis: rows of individuals or clusters become one row a cluster, observed and expected.

An outcome is a total over a size: a sum over individuals (mean), successes over individuals (proportion), events
over person-time (rate). Covariates enter as the totals expected from a regression on them without the arm
(Hayes and Moulton 2017, chapter 10; Bennett et al. 2002, Int J Epidemiol 31:839).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from formulaic import Formula
from formulaic.errors import FormulaicError
from numpy.typing import NDArray

from ..columns import coded_arm, constant_within, known, numeric, quoted_list, refuse_rows, require_columns
from ..engine.arrays import Array, Codes
from ..errors import DataError, DesignError, FitError, PlanError

Kind = Literal["mean", "proportion", "rate"]


@dataclass(frozen=True, kw_only=True)
class Roles:
    """Which column of the data plays which part; `size` is the denominator or the person-time, if there is one."""

    outcome: str
    kind: Kind
    cluster: str
    arm: str
    size: str | None
    covariates: tuple[str, ...]
    strata: str | None

    def formula(self) -> str:
        """Stage one: covariates and strata, without the arm."""
        return " + ".join(["1", *self.covariates, *([f"C(`{self.strata}`)"] if self.strata else [])])


@dataclass(frozen=True)
class Summaries:
    """Stage one done.

    Attributes
    ----------
    clusters : a row a cluster, sorted: `cluster arm stratum rows size total expected variance`, where `expected` is the
        total expected without an effect of the arm and `variance` the sampling variance of the total
        (missing for means without replication)
    cluster_level : number of covariates that are constant within every cluster
    notes : what was left out
    """

    clusters: pd.DataFrame
    cluster_level: int
    notes: tuple[str, ...]


def summarise(data: pd.DataFrame, roles: Roles) -> Summaries:
    """One row a cluster, from rows of individuals or of clusters."""
    covariates, strata = _covariate_columns(roles), roles.strata
    parts = (roles.outcome, roles.cluster, roles.arm, roles.size, strata, *covariates)
    require_columns(data, parts)
    rows = _rows(data, roles)
    complete = (rows.notna().all(axis=1) & data[covariates].notna().all(axis=1)).to_numpy()
    notes = _left_out(rows["cluster"], complete)
    rows, data = rows[complete], data[complete]
    _check_variation(rows, roles.outcome)
    _check_arms(rows["arm"], rows["cluster"], roles.arm)
    if not roles.covariates:
        overall = rows["total"].sum() / rows["size"].sum()
        return Summaries(_gather(rows.assign(expected=overall * rows["size"]), roles.kind), 0, notes)
    design = _design(data[covariates + ([strata] if strata else [])], roles)
    rows = rows.assign(expected=_expected(rows, design, roles.kind))
    return Summaries(_gather(rows, roles.kind), _cluster_level(design, rows), notes)


def _covariate_columns(roles: Roles) -> list[str]:
    try:
        used = set(Formula(" + ".join(["1", *roles.covariates])).required_variables)
    except FormulaicError as error:
        raise _unreadable(roles, error) from error
    for part in ("outcome", "cluster", "arm", "size", "strata"):
        if getattr(roles, part) in used:
            raise PlanError(f"{getattr(roles, part)!r} is the {part} and cannot be a covariate too")
    return sorted(used)


def _unreadable(roles: Roles, error: FormulaicError) -> PlanError:
    return PlanError(f"the covariates {', '.join(roles.covariates)} cannot be read: {str(error).splitlines()[0]}")


def _rows(data: pd.DataFrame, roles: Roles) -> pd.DataFrame:
    """`cluster arm stratum size total` of every row, checked."""
    cluster = known(data[roles.cluster])
    arm = coded_arm(data[roles.arm])
    constant_within(arm, cluster)
    stratum = known(data[roles.strata]).astype(str) if roles.strata else pd.Series("", index=data.index)
    constant_within(stratum, cluster)
    size = numeric(data[roles.size]) if roles.size else pd.Series(1.0, index=data.index)
    refuse_rows(size, size <= 0, "is zero or negative", "the outcome cannot be counted over nothing")
    outcome = numeric(data[roles.outcome])
    if roles.kind != "mean":
        check_counts(outcome, size, roles.kind, roles.size)
    total = outcome * size if roles.kind == "mean" else outcome
    return pd.DataFrame({"cluster": cluster, "arm": arm, "stratum": stratum, "size": size, "total": total})


def check_counts(count: pd.Series, size: pd.Series, kind: Kind, denominator: str | None) -> None:
    """Raise a `DataError` for events that are not whole or negative, and successes that outnumber their trials."""
    refuse_rows(count, (count < 0) | (count % 1 > 0), "is not a count", "give whole numbers, zero or more")
    if kind == "proportion":
        limit = f"the denominator {denominator!r}" if denominator else "1"
        remedy = "give successes and their denominator, or 0 and 1 for individuals"
        refuse_rows(count, count > size, f"is greater than {limit}", remedy)
        refuse_rows(size, size % 1 > 0, "is not a count", "give whole numbers")


def _left_out(cluster: pd.Series, complete: NDArray[np.bool_]) -> tuple[str, ...]:
    if complete.all():
        return ()
    gone = sorted(set(cluster) - set(cluster[complete]), key=str)
    clusters = f", and with them all rows of {quoted_list(gone)}" if gone else ""
    return (f"{int((~complete).sum())} of {len(complete)} rows left out, with missing values{clusters}",)


def _check_variation(rows: pd.DataFrame, outcome: str) -> None:
    value = rows["total"] / rows["size"]
    if len(value) and value.max() == value.min():
        raise FitError(f"every value of {outcome!r} is the same ({value.iloc[0]:g}): there is no effect to estimate")


def _check_arms(arm: pd.Series, cluster: pd.Series, name: str) -> None:
    clusters = cluster.groupby(arm.to_numpy()).nunique()
    for code, label in enumerate(("control", "intervention")):
        if clusters.get(code, 0) < 2:
            number = "has a single cluster" if code in clusters else "is empty"
            raise DesignError(f"the {label} arm of {name!r} {number} among the rows analysed: two clusters are needed")


def _design(data: pd.DataFrame, roles: Roles) -> Array:
    """The model matrix (n, q) of stage one."""
    try:
        with np.errstate(divide="ignore", invalid="ignore"):
            matrix = Formula(roles.formula()).get_model_matrix(data.apply(_plain), na_action="ignore")
    except FormulaicError as error:
        raise _unreadable(roles, error) from error
    design: Array = matrix.to_numpy(dtype=float)
    for column, values in zip(matrix.columns, design.T, strict=True):
        if not np.isfinite(values).all():
            raise DataError(f"covariate {column!r} is not finite in every row: check the values it is computed from")
    if np.linalg.matrix_rank(design) < design.shape[1]:
        raise DesignError(f"the covariates {', '.join(matrix.columns[1:])} determine each other: leave one out")
    return design


def _plain(column: pd.Series) -> pd.Series:
    """Numbers as floats; anything else as the categories that occur."""
    if pd.api.types.is_numeric_dtype(column):
        return column.astype(float)
    return column.astype(str)


def _expected(rows: pd.DataFrame, design: Array, kind: Kind) -> Array:
    """Fitted totals of the linear, logistic or Poisson regression on the covariates.

    The Poisson regression of events with the logarithm of person-time as offset is the regression of the rate
    with the person-time as weight: the estimating equations are the same.
    """
    from statsmodels.genmod import families
    from statsmodels.genmod.generalized_linear_model import GLM
    from statsmodels.tools.sm_exceptions import PerfectSeparationWarning

    family = {"mean": families.Gaussian, "proportion": families.Binomial, "rate": families.Poisson}[kind]()
    size = rows["size"].to_numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("error", PerfectSeparationWarning)
        try:
            fit = GLM(rows["total"].to_numpy() / size, design, family=family, var_weights=size).fit()
        except PerfectSeparationWarning as error:
            raise FitError("stage one: the covariates predict the outcome perfectly; adjust for fewer") from error
    if not fit.converged:
        raise FitError("stage one: the regression on the covariates did not converge; adjust for fewer")
    return np.asarray(size * fit.fittedvalues)


def _gather(rows: pd.DataFrame, kind: Kind) -> pd.DataFrame:
    level, labels = pd.factorize(rows["cluster"], sort=True)
    first = rows.iloc[np.unique(level, return_index=True)[1]]
    size, total, expected = (_sums(rows[name].to_numpy(), level) for name in ("size", "total", "expected"))
    if kind == "mean":
        variance = _within_variance(rows, level) * size
    else:
        share = rows["expected"] / rows["size"] if kind == "proportion" else 0.0
        variance = _sums((rows["expected"] * (1 - share)).to_numpy(), level)
    return pd.DataFrame(
        {
            "cluster": labels,
            "arm": first["arm"].to_numpy(),
            "stratum": first["stratum"].to_numpy(),
            "rows": np.bincount(level),
            "size": size,
            "total": total,
            "expected": expected,
            "variance": variance,
        }
    )


def _within_variance(rows: pd.DataFrame, level: Codes) -> float:
    """Pooled variance of individual residuals around the means of their clusters; missing without replication."""
    df = len(rows) - len(np.unique(level))
    size = rows["size"].to_numpy()
    residual = (rows["total"] - rows["expected"]).to_numpy() / size
    mean = _sums(residual * size, level) / _sums(size, level)
    return float((size * (residual - mean[level]) ** 2).sum() / df) if df else np.nan


def _sums(values: Array, level: Codes) -> Array:
    return np.bincount(level, values).astype(float)


def _cluster_level(design: Array, rows: pd.DataFrame) -> int:
    """How many columns of the design are constant within every cluster, the intercept and the strata apart."""
    by_cluster = pd.DataFrame(design).groupby(rows["cluster"].to_numpy())
    return int((by_cluster.max() == by_cluster.min()).all().sum()) - rows["stratum"].nunique()
