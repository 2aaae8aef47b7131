"""Outcomes of generalised models: counts and proportions, checked row by row before anything is computed."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from ..columns import numeric, refuse_rows, require_columns
from ..engine.arrays import Array
from ..engine.generalised.density import Rows
from ..engine.generalised.family import Family
from ..errors import DataError, PlanError
from ..formula.expressions import Expression, expression
from ..formula.matrices import Matrices
from ..formula.parse import NAME, MixedFormula

WHOLE = 1e-6  # distance from a whole number that is rounding
WIDEST = 100.0  # range of an offset, on the scale of a logarithm, that no exposure has
LOGARITHM = re.compile(rf"log\(\s*({NAME})\s*\)")


def check_exposures(formula: MixedFormula, data: pd.DataFrame) -> None:
    """DataError for an exposure that is zero or negative in `offset(log(exposure))`."""
    if formula.offset is None:
        return
    require_columns(data, formula.offset.variables)
    for quoted in LOGARITHM.findall(formula.offset.text):
        column = data[quoted.strip("`")]
        remedy = "exposures are positive: correct it, or leave the row out if nobody was at risk"
        refuse_rows(column, (numeric(column) <= 0).to_numpy(), "is an exposure of zero or less", remedy)


def outcome_rows(matrices: Matrices, formula: MixedFormula, family: Family, weights: str | None) -> Rows:
    """What the engine takes of the outcome.

    Raises
    ------
    DataError : counts that are negative or not whole, proportions outside 0 to 1 or of no trials, weights below zero
    PlanError : `cbind` for a family of counts
    """
    counted = None if weights is None else _weights(matrices, weights)
    if formula.others is not None:
        if not family.proportions:
            raise PlanError(f"cbind(events, others) is for proportions; the outcome of {family.name} is one count")
        return _of_two_columns(matrices, formula, counted)
    outcome = expression(formula.response, matrices.y, matrices)
    if family.proportions:
        return _of_proportions(outcome, counted)
    _refuse_uncounted(
        outcome, "counts are whole numbers from 0; analyse the count with offset(log(exposure)), not a rate"
    )
    return Rows(matrices.y, np.ones(len(matrices.y)), counted)


def model_offset(matrices: Matrices, formula: MixedFormula, family: Family) -> Array:
    """(n,) the offset; DataError where its range would overflow."""
    if matrices.offset is None or formula.offset is None:
        return np.zeros(len(matrices.y))
    offset = expression(formula.offset, matrices.offset, matrices)
    if family.link.name != "identity":
        far = np.abs(offset.values - np.median(offset.values)) > WIDEST
        rule = f"makes the offset {WIDEST:g} or more from its median on the scale of the {family.link.name}"
        offset.refuse(far, rule, "an offset is the logarithm of an exposure: write offset(log(exposure))")
    return offset.values


def _refuse_uncounted(outcome: Expression, remedy: str) -> None:
    outcome.refuse(outcome.values < 0, "is negative", remedy)
    outcome.refuse(np.abs(outcome.values - np.round(outcome.values)) > WHOLE, "is not a whole number", remedy)


def _refuse_no_trials(outcome: Expression, trials: Array) -> None:
    outcome.refuse(trials == 0, "is out of no trials", "the proportion 0/0 says nothing: leave the row out")


def _weights(matrices: Matrices, name: str) -> Array:
    weights = Expression(name, matrices.columns[name].to_numpy(float), matrices.rows)
    weights.refuse(weights.values < 0, "is a weight below zero", "weights count rows, or trials")
    return weights.values


def _of_two_columns(matrices: Matrices, formula: MixedFormula, counted: Array | None) -> Rows:
    if matrices.others is None or formula.others is None:
        raise PlanError("write the outcome as cbind(events, others)")
    events = expression(formula.response, matrices.y, matrices)
    others = expression(formula.others, matrices.others, matrices)
    for column in (events, others):
        _refuse_uncounted(column, "cbind takes two columns of whole numbers from 0")
    trials = events.values + others.values
    _refuse_no_trials(events, trials)
    for none, what in ((events.values == 0, "no events"), (others.values == 0, "events only")):
        if none.all():
            raise DataError(f"the outcome has {what} in every row: there is no variation to analyse")
    return Rows(events.values, trials, counted)


def _of_proportions(outcome: Expression, trials: Array | None) -> Rows:
    share = outcome.values
    remedy = "give 0 and 1, a proportion with weights= for the trials, or cbind(events, others)"
    outcome.refuse((share < 0) | (share > 1), "is not between 0 and 1", remedy)
    if trials is None:
        outcome.refuse((share > 0) & (share < 1), "is a proportion of unknown trials", remedy)
        return Rows(share, np.ones(len(share)))
    _refuse_no_trials(outcome, trials)
    events = np.round(share * trials)
    apart = np.abs(events - share * trials) > WHOLE * np.maximum(trials, 1)
    outcome.refuse(apart, "is no share of a whole number of events in its trials", "correct either of them")
    return Rows(events, trials)
