"""The truth table: every configuration of the conditions, the cases in it, and whether it is sufficient."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...columns import refuse_rows
from ...errors import PlanError, TrialWarning
from .measures import Array, consistency, pri
from .membership import Memberships, read_memberships

MAXIMUM_CONDITIONS = 6
TOLERANCE = 1e-9


@dataclass(frozen=True)
class Cuts:
    """A configuration has output 1 when its consistency and PRI reach theirs; fewer cases make it a remainder."""

    consistency: float
    frequency: int
    pri: float

    def __post_init__(self) -> None:
        if not 0 < self.consistency <= 1:
            raise PlanError(f"consistency_cut is {self.consistency}; give a number above 0 and at most 1, such as 0.8")
        if not 0 <= self.pri <= 1:
            raise PlanError(f"pri_cut is {self.pri}; give a number from 0 to 1, such as 0.5")
        if self.frequency < 1 or self.frequency != int(self.frequency):
            raise PlanError(f"frequency_cut is {self.frequency}; give a number of cases, at least 1")


@dataclass(frozen=True, eq=False)
class TruthTable:
    """Configurations of k conditions.

    Attributes
    ----------
    sets : membership of the cases
    cuts : the cut-offs in force
    rows : a row for each of the 2^k configurations, best first: row (1 to 2^k), a column of 1 and 0 for each condition,
        output ("1" sufficient, "0" not, "?" a logical remainder: too few cases), n (cases with membership over 0.5),
        consistency and pri over all cases (missing for remainders), contradictory (its cases are both in and out of the
        outcome), cases
    """

    sets: Memberships
    cuts: Cuts
    rows: pd.DataFrame = field(repr=False)

    @property
    def outcome(self) -> str:
        return self.sets.outcome

    @property
    def conditions(self) -> tuple[str, ...]:
        return self.sets.conditions

    @cached_property
    def negated(self) -> TruthTable:
        """The table of the negated outcome, at the same cut-offs."""
        return _build(self.sets.negated, self.cuts)

    def at(
        self, *, consistency_cut: float | None = None, frequency_cut: int | None = None, pri_cut: float | None = None
    ) -> TruthTable:
        """The table at other cut-offs; those not given stay."""
        given = {"consistency": consistency_cut, "frequency": frequency_cut, "pri": pri_cut}
        changed: dict[str, Any] = {name: cut for name, cut in given.items() if cut is not None}
        return _build(self.sets, replace(self.cuts, **changed))

    def with_output(self, output: str) -> frozenset[int]:
        """Configurations of this output, counted from 0."""
        return frozenset((self.rows.loc[self.rows["output"] == output, "row"] - 1).tolist())

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader must know before the table is minimised."""
        k, n = len(self.conditions), len(self.sets.cases)
        observed = int((self.rows["n"] > 0).sum())
        notes = [*self.sets.notes, f"limited diversity: {n} cases are in {observed} of {2**k} configurations"]
        contradictory = self.rows[self.rows["contradictory"]]
        notes += [
            f"contradictory configuration {row}: {cases}" for row, cases in contradictory[["row", "cases"]].to_numpy()
        ]
        both = self.with_output("1") & self.negated.with_output("1")
        if both:
            notes.append(f"sufficient for {self.outcome} and for its negation: {_listed(both)}; look at the PRI")
        return tuple(notes)


def truth_table(
    data: pd.DataFrame,
    outcome: str,
    conditions: Sequence[str],
    consistency_cut: float = 0.8,
    frequency_cut: int = 1,
    *,
    pri_cut: float = 0.0,
    case: str | None = None,
) -> TruthTable:
    """The truth table of crisp or fuzzy conditions.

    Parameters
    ----------
    data : one row a case, with membership in [0, 1], booleans or two words in the columns of the sets
    outcome : its column, or "~Y" for the negation of column Y
    conditions : their columns, at most 6
    consistency_cut, pri_cut : least consistency, and least PRI, of a configuration that is sufficient
    frequency_cut : least number of cases of a configuration that is not a logical remainder
    case : column that names the cases; by default team or case, if there is one, else the index

    Raises
    ------
    PlanError : a column is not there, there are more than 6 conditions, or a cut-off is none
    DataError : a membership is missing, outside 0 to 1, or exactly 0.5 in a condition; the failures name the rows
    DesignError : all cases have the same membership in a set

    Warns
    -----
    TrialWarning : there are more configurations than cases

    Source: Ragin 2008, Redesigning Social Inquiry, chapter 7.

    Examples
    --------
    >>> import core_trial as ct
    >>> teams = pd.DataFrame({"A": [0, 0, 1, 1, 1], "B": [0, 1, 0, 1, 1], "Y": [0, 0, 1, 1, 0]})
    >>> table = ct.mixed_methods.qca.truth_table(teams, "Y", ["A", "B"])
    >>> table.rows[["A", "B", "output", "n", "consistency"]].values.tolist()
    [[1, 0, '1', 1, 1.0], [1, 1, '0', 2, 0.5], [0, 0, '0', 1, 0.0], [0, 1, '0', 1, 0.0]]
    """
    if len(conditions) > MAXIMUM_CONDITIONS:
        raise PlanError(
            f"{len(conditions)} conditions are more than {MAXIMUM_CONDITIONS}: choose those that theory names"
        )
    cuts = Cuts(consistency_cut, frequency_cut, pri_cut)
    sets = read_memberships(data, outcome, conditions, case)
    _refuse_half(sets)
    k, n = len(sets.conditions), len(sets.cases)
    if 2**k > n:
        message = f"{k} conditions make {2**k} configurations, more than the {n} cases: some are logical remainders"
        warnings.warn(message, TrialWarning, stacklevel=2)
    return _build(sets, cuts)


def _refuse_half(sets: Memberships) -> None:
    """A case at exactly 0.5 is in no configuration."""
    for name, values in zip(sets.conditions, sets.x.T, strict=True):
        half = values == 0.5
        remedy = f"{', '.join(sets.named(half))} would be in no configuration; move the crossover by what theory says"
        refuse_rows(pd.Series(values, name=name), half, "is exactly 0.5, neither in nor out,", remedy)


def _build(sets: Memberships, cuts: Cuts) -> TruthTable:
    k = len(sets.conditions)
    corners = (np.arange(2**k)[:, None] >> np.arange(k)[::-1]) & 1
    membership = np.where(corners[:, None, :] == 1, sets.x, 1 - sets.x).min(axis=-1)
    members = membership > 0.5
    n = members.sum(axis=1)
    seen = n >= cuts.frequency
    consistent, reduction = (np.where(seen, measure(membership, sets.y), np.nan) for measure in (consistency, pri))
    rows = pd.DataFrame(
        {
            "row": np.arange(1, 2**k + 1),
            **dict(zip(sets.conditions, corners.T, strict=True)),
            "output": np.where(seen, np.where(_sufficient(consistent, reduction, cuts), "1", "0"), "?"),
            "n": n,
            "consistency": consistent,
            "pri": reduction,
            "contradictory": (members & (sets.y > 0.5)).any(axis=1) & (members & (sets.y < 0.5)).any(axis=1),
            "cases": [", ".join(sets.named(row)) for row in members],
        }
    )
    order = np.lexsort((rows["row"], -n, -np.nan_to_num(consistent, nan=-1)))
    return TruthTable(sets, cuts, rows.iloc[order].reset_index(drop=True))


def _sufficient(consistent: Array, reduction: Array, cuts: Cuts) -> NDArray[np.bool_]:
    return (consistent >= cuts.consistency - TOLERANCE) & (np.nan_to_num(reduction) >= cuts.pri - TOLERANCE)


def _listed(rows: frozenset[int]) -> str:
    return ", ".join(f"configuration {row + 1}" for row in sorted(rows))
