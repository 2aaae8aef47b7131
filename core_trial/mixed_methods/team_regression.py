"""Least squares over teams: one row each, with t inference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from ..errors import DesignError, PlanError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class TeamRegression:
    """An outcome (n,) on named columns (n, p), by least squares.

    Attributes
    ----------
    estimate : (p,)
    covariance : (p, p), with one residual variance
    residuals : (n,)
    df : n - p
    """

    names: tuple[str, ...]
    estimate: Array
    covariance: Array
    residuals: Array
    df: int

    def row(self, name: str, conf_level: float) -> dict[str, float]:
        """`estimate std_error df statistic p_value conf_low conf_high` of one column."""
        at = self.names.index(name)
        return t_row(float(self.estimate[at]), float(np.sqrt(self.covariance[at, at])), self.df, conf_level)


def regress(outcome: Array, columns: pd.DataFrame) -> TeamRegression:
    """Raises DesignError where the columns are not independent or leave no degrees of freedom."""
    x = columns.to_numpy("float64")
    df = degrees_of_freedom(x)
    inverse = np.linalg.inv(x.T @ x)
    estimate = inverse @ (x.T @ outcome)
    residuals = outcome - x @ estimate
    return TeamRegression(tuple(map(str, columns)), estimate, inverse * (residuals @ residuals / df), residuals, df)


def degrees_of_freedom(x: Array) -> int:
    """Rows less independent columns, at least one."""
    n, p = len(x), len(x.T)
    if n <= p or np.linalg.matrix_rank(x) < p:
        raise DesignError(
            f"{n} teams cannot tell {p} coefficients apart: leave out strata or covariates, or teams without a value"
        )
    return n - p


def held_columns(teams: pd.DataFrame, covariates: Sequence[str], *, strata: bool) -> pd.DataFrame:
    """A constant, the covariates, and an indicator of each stratum but the first."""
    columns = pd.DataFrame({"constant": 1.0, **{name: teams[name] for name in covariates}}, index=teams.index)
    if not strata:
        return columns
    return columns.join(pd.get_dummies(teams["stratum"], drop_first=True, dtype="float64"))


def check_level(conf_level: float) -> None:
    """Raise a PlanError unless the level is between 0 and 1."""
    if not 0 < conf_level < 1:
        raise PlanError(f"conf_level is {conf_level}; it lies between 0 and 1, such as 0.95")


def t_row(estimate: float, std_error: float, df: float, conf_level: float) -> dict[str, float]:
    """An estimate with its t test and interval."""
    check_level(conf_level)
    half = stats.t.ppf(0.5 + conf_level / 2, df) * std_error
    statistic = estimate / std_error
    return {
        "estimate": estimate,
        "std_error": std_error,
        "df": df,
        "statistic": statistic,
        "p_value": 2 * stats.t.sf(abs(statistic), df),
        "conf_low": estimate - half,
        "conf_high": estimate + half,
    }
