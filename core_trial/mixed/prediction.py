"""Predictions of a mixed model for the rows of its fit or for others, with intervals."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

import numpy as np
import pandas as pd
from scipy import special

from ..columns import known, require_columns
from ..engine.arrays import Array, Codes
from ..engine.linear.conditional import Conditional, Effects, condition
from ..engine.linear.lmm import LmmResult
from ..errors import PlanError
from ..fit import Fit
from ..formula.coding import Columns, code_new, levels
from ..formula.frame import ModelFrame
from ..formula.matrices import Grouping
from ..formula.parse import Bar

if TYPE_CHECKING:
    from .fit import LmmFit

Interval = Literal["confidence", "prediction"]


def predictions(
    fit: LmmFit, new: pd.DataFrame | None, conditional: bool, interval: Interval, conf_level: float
) -> pd.DataFrame:
    """A row a row of `new`: `estimate std_error df conf_low conf_high`; see `LmmFit.predict`."""
    if interval not in get_args(Interval):
        raise PlanError(f"interval {interval!r} is unknown; choose from {', '.join(get_args(Interval))}")
    frame = fit.model_frame
    rows = frame.columns if new is None else _columns(frame, new, conditional or interval == "prediction")
    weights = frame.design(rows)
    estimate = weights @ fit.estimate
    own: Array | float = fit.result.sigma**2 if interval == "prediction" else 0.0
    if conditional or interval == "prediction":
        random = _random_part(fit, frame, rows, conditional)
        estimate, weights, own = estimate + random.mode, weights - random.moved, own + random.variance
    return with_interval(fit, Predicted(estimate, weights, own), next(iter(rows.values())).index, conf_level)


class Predicted(NamedTuple):
    """Estimates (m,) of m rows, which hang on the coefficients by `weights` (m, p), and their `own` variance (m,)."""

    estimate: Array
    weights: Array
    own: Array | float


def with_interval(fit: Fit, rows: Predicted, index: pd.Index, conf_level: float) -> pd.DataFrame:
    """A row a row: `estimate std_error df conf_low conf_high`."""
    estimate, weights, own = rows
    std_error = np.sqrt(np.einsum("ij,jk,ik->i", weights, fit.covariance, weights) + own)
    df = _degrees(fit, weights)
    half = special.stdtrit(df, 0.5 + conf_level / 2) * std_error
    columns = (estimate, std_error, df, estimate - half, estimate + half)
    names = ("estimate", "std_error", "df", "conf_low", "conf_high")
    return pd.DataFrame(dict(zip(names, columns, strict=True)), index=index)


def _columns(frame: ModelFrame, new: pd.DataFrame, random: bool) -> Columns:
    """The columns of `new` that the formula mentions; DataError where a value is missing."""
    bars = [name for bar in frame.bars for name in (*bar.columns.variables, *bar.group)] if random else []
    return new_rows(new, [*frame.terms.variables, *bars])


def new_rows(new: pd.DataFrame, names: Iterable[str]) -> Columns:
    """The columns `names` of rows to predict, or one of zeros if there are none; DataError where a value is missing."""
    names = dict.fromkeys(names)
    require_columns(new, names)
    if not len(new):
        raise PlanError("there are no rows to predict")
    return {name: known(new[name]) for name in names} or {"": pd.Series(0, index=new.index)}


def check_effects(result: LmmResult) -> None:
    """PlanError where random effects are spoken of that cannot be."""
    if any(np.any(np.diagonal(covariance) < 0) for covariance in result.covariances):
        raise PlanError("the variance of the clusters is negative: there are no random effects that have it")


def _random_part(fit: LmmFit, frame: ModelFrame, rows: Columns, conditional: bool) -> Conditional:
    """Given the outcome of the levels that the fit knows, or of none."""
    check_effects(fit.result)
    n = len(next(iter(rows.values())))
    effects = []
    for bar, random in zip(frame.bars, fit.matrices.random, strict=True):
        level = known_levels(bar, random.grouping, frame.columns, rows) if conditional else np.full(n, -1)
        effects.append(Effects(code_new(bar.columns, frame.columns, rows), level))
    return condition(fit.result, effects)


def known_levels(bar: Bar, grouping: Grouping, columns: Columns, rows: Columns) -> Codes:
    """The level of each row in the grouping factor of `bar`, -1 where the fit does not know it."""
    seen = [{value: value for value in levels(columns[name])[1]} for name in bar.group]
    parts = [[known_as.get(value) for value in rows[name]] for name, known_as in zip(bar.group, seen, strict=True)]
    labels = parts[0] if len(parts) == 1 else [":".join(map(str, row)) for row in zip(*parts, strict=True)]
    place = {label: i for i, label in enumerate(grouping.labels)}
    return np.array([place.get(label, -1) for label in labels], dtype=np.intp)


def _degrees(fit: Fit, weights: Array) -> Array:
    """(m,) of each row, computed once for equal rows; NaN for rows that the data do not determine.

    Of rows that do not hang on the coefficients, infinite.
    """
    unique, which = np.unique(weights, axis=0, return_inverse=True)
    rows = [row if np.isfinite(row).all() else None for row in unique]
    df = [np.nan if row is None else fit.degrees(row) if row.any() else np.inf for row in rows]
    return np.array(df, float)[which.ravel()]
