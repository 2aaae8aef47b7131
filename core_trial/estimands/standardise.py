"""Means of a model with every row in one arm and then in the other, averaged over participants or over clusters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from ..columns import ARM_CODES
from ..engine.arrays import Array
from ..errors import DesignError, PlanError
from ..fit import Fit
from ..formula.coding import Columns
from ..formula.matrices import Grouping
from .standardisable import Standardisable, standardisable

Average = Literal["participant", "cluster"]


@dataclass(frozen=True)
class Question:
    """Whose means are asked for.

    Attributes
    ----------
    arm : column of the arm
    average : over participants, each once; or over clusters, each once
    cluster : column of the clusters, None for those of the fit
    at : values that variables take in every row
    augmented : whether the means are corrected by those of the residuals
    """

    arm: str
    average: Average
    cluster: str | None
    at: Mapping[str, Any]
    augmented: bool


@dataclass(frozen=True)
class Standardised:
    """Averages over the rows of a fit.

    Attributes
    ----------
    means : (2,) of control and intervention
    gradient : (2, p) of the means by the coefficients
    cluster : of each row
    arm : (n,) of each row, 1 for intervention
    """

    means: Array
    gradient: Array
    cluster: Grouping
    arm: Array


def check_question(question: Question) -> None:
    if question.average not in get_args(Average):
        choices = ", ".join(map(repr, get_args(Average)))
        raise PlanError(f"average is {question.average!r}; choose one of {choices}")
    if question.arm in question.at:
        raise PlanError(f"at= sets variables beside the arm; leave {question.arm!r} out")


def standardise(fit: Fit, question: Question) -> Standardised:
    """Marginal means in both arms.

    `augmented` adds the mean residual of each arm, weighted alike, to its mean (model-robust standardisation: Li et
    al. 2025, Stat Med 44:e70270, with the residuals' weights scaled to one); the means are then those of the arms
    whatever the model, and the covariates only make them more precise.
    """
    rows = standardisable(fit)
    arm, values = _arms(rows, question.arm)
    cluster = rows.cluster(arm, question.cluster)
    weight = _weights(rows.weight, cluster, question.average)
    means, gradient = np.empty(2), np.empty((2, len(fit.estimate)))
    for code, value in enumerate(values):
        mean, slope = _arm_means(fit, rows, {question.arm: value, **question.at})
        means[code], gradient[code] = weight @ mean / weight.sum(), weight @ slope / weight.sum()
        if question.augmented:
            own = weight * (arm == code)
            means[code] += own @ (rows.y - mean) / own.sum()
    return Standardised(means, gradient, cluster, arm)


def _arms(rows: Standardisable, name: str) -> tuple[Array, tuple[Any, Any]]:
    """The arm of each row, 1 for intervention, and the values of control and intervention in the data."""
    columns = rows.frame.columns
    if name not in rows.frame.terms.variables:
        raise PlanError(f"{name!r} is no variable of the model; it has {', '.join(rows.frame.terms.variables)}")
    codes: dict[Any, int] = {**ARM_CODES, 0: 0, 1: 1}
    arm = columns[name].astype(object).map(codes)
    if arm.isna().any() or arm.nunique() != 2:
        raise PlanError(f"{name!r} does not tell two arms apart: code it 1 and 0, or 'intervention' and 'control'")
    values = columns[name].groupby(arm.to_numpy()).first()
    return arm.to_numpy(float), (values[0], values[1])


def _weights(weight: Array, cluster: Grouping, average: Average) -> Array:
    if average == "participant":
        return weight
    return np.asarray(weight / np.bincount(cluster.level, weight)[cluster.level])


def _arm_means(fit: Fit, rows: Standardisable, settings: Mapping[str, Any]) -> tuple[Array, Array]:
    """Mean (n,) of each row with these values, and its gradient (n, p) by the coefficients."""
    columns = _with(rows.frame.columns, settings)
    design = rows.frame.design(columns)
    if np.isnan(design).any():
        raise DesignError(
            "the data do not determine the mean of every row in both arms: leave out what tells them apart"
        )
    mean, slope = rows.mean(columns, design @ fit.estimate + rows.offset)
    return mean, slope[:, None] * design


def _with(columns: Columns, settings: Mapping[str, Any]) -> Columns:
    """The columns with some of them set to one value."""
    unknown = [name for name in settings if name not in columns]
    if unknown:
        raise PlanError(f"{unknown[0]!r} is no variable of the model; it has {', '.join(columns)}")
    return {**columns, **{name: _constant(value, columns[name]) for name, value in settings.items()}}


def _constant(value: Any, column: pd.Series) -> pd.Series:
    """The value in every row; of a categorical column, as one of its categories."""
    constant = pd.Series(value, column.index)
    return constant.astype(column.dtype) if isinstance(column.dtype, pd.CategoricalDtype) else constant
