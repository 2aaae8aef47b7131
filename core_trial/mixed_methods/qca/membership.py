"""Membership of cases in the sets of an analysis: checked once, here, before anything is computed from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...columns import known, numeric, refuse_rows, require_columns
from ...errors import DataError, DesignError, PlanError
from .words import positive_word

Array = NDArray[np.floating[Any]]

CASE_COLUMNS = ("team", "case")
"""Columns that name the cases, if the user names none."""


@dataclass(frozen=True)
class Memberships:
    """n cases, k conditions and an outcome.

    Attributes
    ----------
    outcome : name of the outcome set; "~Y" is the negation of Y
    conditions : k names
    x : (n, k) membership in the conditions
    y : (n,) membership in the outcome
    cases : n names
    notes : how words were read as membership
    """

    outcome: str
    conditions: tuple[str, ...]
    x: Array
    y: Array
    cases: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def negated(self) -> Memberships:
        """The same cases and conditions with the negation of the outcome."""
        return replace(self, outcome=negation(self.outcome), y=1 - self.y)

    def literal(self, position: int, present: bool) -> Array:
        """(n,) membership in a condition or in its negation."""
        return self.x[:, position] if present else 1 - self.x[:, position]

    def name(self, position: int, present: bool) -> str:
        return self.conditions[position] if present else negation(self.conditions[position])

    def named(self, chosen: NDArray[np.bool_]) -> tuple[str, ...]:
        """Names of the chosen cases."""
        return tuple(case for case, keep in zip(self.cases, chosen, strict=True) if keep)


def negation(name: str) -> str:
    return name.removeprefix("~") if name.startswith("~") else f"~{name}"


def read_memberships(data: pd.DataFrame, outcome: str, conditions: Sequence[str], case: str | None) -> Memberships:
    """The sets of an analysis, or an error that names what is wrong with them.

    An outcome "~Y" is the negation of column Y. Without `case`, a column team or case names the cases, else the index.
    """
    column = outcome.removeprefix("~")
    _check_names(column, conditions)
    require_columns(data, [column, *conditions, *([case] if case else [])])
    if data.empty:
        raise DataError("the data have no rows: give one a case")
    cases = _cases(data, case)
    read = [_membership(data[name]) for name in (column, *conditions)]
    x = np.column_stack([values for values, _ in read[1:]])
    notes = tuple(note for _, note in read if note)
    memberships = Memberships(column, tuple(conditions), x, read[0][0], tuple(cases.astype(str)), notes)
    return memberships.negated if outcome.startswith("~") else memberships


def _check_names(outcome: str, conditions: Sequence[str]) -> None:
    if isinstance(conditions, str) or not conditions:
        raise PlanError(f"conditions is {conditions!r}; give a list of at least one column")
    if len({outcome, *conditions}) <= len(conditions):
        raise PlanError(f"the outcome {outcome!r} and the conditions {', '.join(conditions)} must be different columns")


def _cases(data: pd.DataFrame, case: str | None) -> pd.Series:
    column = case or next((name for name in CASE_COLUMNS if name in data.columns), None)
    cases = known(data[column]) if column else pd.Series(data.index, name="case")
    refuse_rows(cases, cases.duplicated(keep=False), "names a case twice", "give each case one row")
    return cases


def _membership(column: pd.Series) -> tuple[Array, str]:
    """Membership of each case, and a note if it was read from words."""
    known(column)
    note = ""
    if pd.api.types.is_bool_dtype(column):
        column = column.astype(int)
    if not pd.api.types.is_numeric_dtype(column) and pd.to_numeric(column, errors="coerce").isna().all():
        positive = positive_word(column)
        note = f"{column.name}: {positive!r} is membership"
        column = (column == positive).astype(int)
    values = numeric(column)
    refuse_rows(values, ~values.between(0, 1), "is no membership", "calibrate it to values from 0 to 1")
    if values.eq(values.iloc[0]).all():
        raise DesignError(
            f"every case has membership {values.iloc[0]:g} in {column.name!r}: leave it out, it has no variation"
        )
    return values.to_numpy(dtype=float), note
