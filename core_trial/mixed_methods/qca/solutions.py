"""Minimisation of a truth table: all models of the outcome, and beside them those of the negated outcome."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import get_args

import pandas as pd

from ...errors import DesignError, PlanError
from .expectations import Expectations, check_expectations, flipped, in_words
from .models import Model, Terms, fit_model
from .table import TruthTable
from .terms import Kind, contradictory_assumptions, find_terms

MINIMUM_CASES = 8
"""With fewer, three conditions already have more configurations than there are cases."""

TIDY = (
    "outcome",
    "solution",
    "model",
    "term",
    "consistency",
    "pri",
    "coverage",
    "unique_coverage",
    "cases",
    "deviant",
)


@dataclass(frozen=True, eq=False)
class Solution:
    """All models of the fewest terms: they fit the truth table equally well, and none is the better one.

    Attributes
    ----------
    kind : conservative, parsimonious or intermediate
    outcome : the set that is explained
    models : none, if no configuration is sufficient
    notes : what the reader must know
    negated : the same for the negated outcome
    """

    kind: Kind
    outcome: str
    models: tuple[Model, ...]
    notes: tuple[str, ...]
    negated: Solution | None = field(default=None, repr=False)

    def tidy(self) -> pd.DataFrame:
        """A row a term of every model, for the outcome and then its negation.

        Columns: outcome, solution, model (counted from 1), term, consistency, pri, coverage, unique_coverage, cases,
        deviant; the term "(model)" is the whole model.
        """
        own = [self._whole_and_parts(number, model) for number, model in enumerate(self.models, start=1)]
        rows = pd.concat(own) if own else pd.DataFrame(columns=TIDY)
        other = self.negated.tidy() if self.negated is not None else None
        parts = [part for part in (rows, other) if part is not None and len(part)]
        return pd.concat(parts, ignore_index=True) if parts else rows

    def _whole_and_parts(self, number: int, model: Model) -> pd.DataFrame:
        fit = {"consistency": model.consistency, "pri": model.pri, "coverage": model.coverage}
        whole = pd.DataFrame([{"term": "(model)", **fit}])
        rows = pd.concat([model.parts, whole], ignore_index=True)
        return rows.assign(outcome=self.outcome, solution=self.kind, model=number)[list(TIDY)]


def minimize(
    table: TruthTable, solution: Kind = "conservative", *, expectations: Expectations | None = None
) -> Solution:
    """Reduce the sufficient configurations of a truth table, and those of the negated outcome, to all minimal models.

    Parameters
    ----------
    table : of at least 8 cases
    solution : "conservative" assumes nothing of logical remainders; "parsimonious" takes whichever of them make terms
        shorter; "intermediate" only those that directional expectations make easy
    expectations : for the intermediate solution, whether a condition is expected to bring the outcome about when it is
        "present" or "absent", or None; left out altogether, all are expected to be present; turned about for the
        negated outcome

    Raises
    ------
    PlanError : the solution is none of the three, or the expectations do not fit the conditions
    DesignError : there are fewer than 8 cases; `necessity` and `sufficiency` of single conditions take any number

    Examples
    --------
    >>> import core_trial as ct
    >>> teams = pd.DataFrame({"A": [0, 0, 0, 1, 1, 1, 1, 1], "B": [0, 1, 1, 0, 0, 1, 1, 1], "Y": [0] * 3 + [1] * 5})
    >>> solution = ct.mixed_methods.qca.minimize(ct.mixed_methods.qca.truth_table(teams, "Y", ["A", "B"]))
    >>> [str(model) for model in solution.models], [str(model) for model in solution.negated.models]
    (['A'], ['~A'])
    """
    _check(table, solution)
    if solution != "intermediate":
        if expectations is not None:
            raise PlanError(f"expectations are for solution='intermediate', not for {solution!r}")
        return _beside_negated(table, solution, {}, {})
    expected = check_expectations(expectations, table.conditions)
    return _beside_negated(table, solution, expected, flipped(expected))


def _check(table: TruthTable, solution: str) -> None:
    if solution not in get_args(Kind):
        raise PlanError(f"solution is {solution!r}; choose one of {', '.join(map(repr, get_args(Kind)))}")
    n = len(table.sets.cases)
    if n < MINIMUM_CASES:
        raise DesignError(
            f"{n} cases are too few to minimise a truth table (at least {MINIMUM_CASES}): "
            "look at the necessity and sufficiency of single conditions"
        )


def _beside_negated(table: TruthTable, kind: Kind, expected: Expectations, unexpected: Expectations) -> Solution:
    covers, opposite = find_terms(table, kind, expected), find_terms(table.negated, kind, unexpected)
    both = contradictory_assumptions(table, covers, opposite)
    negated = _solution(table.negated, kind, opposite, unexpected, both)
    own = _solution(table, kind, covers, expected, both)
    return Solution(own.kind, own.outcome, own.models, own.notes, negated)


def _solution(
    table: TruthTable, kind: Kind, covers: list[Terms], expectations: Expectations, both: frozenset[int]
) -> Solution:
    models = tuple(fit_model(table.sets, terms) for terms in covers)
    return Solution(kind, table.outcome, models, tuple(_notes(table, models, expectations, both)))


def _notes(table: TruthTable, models: tuple[Model, ...], expectations: Expectations, both: frozenset[int]) -> list[str]:
    notes = list(table.notes)
    if not models:
        notes.append(f"no configuration is sufficient for {table.outcome} at these cut-offs")
    if len(models) > 1:
        notes.append(f"{len(models)} models tie: each covers the sufficient configurations with as few terms")
    if any(model.terms == ("1",) for model in models):
        notes.append("no configuration speaks against the outcome, so the conditions tell nothing about it")
    if expectations:
        notes.append(f"expected for {table.outcome}: {in_words(expectations)}")
    low = [number for number, model in enumerate(models, start=1) if model.pri < 0.5]
    notes += [f"PRI of model {number} is below 0.5: it is as consistent with the negated outcome" for number in low]
    if both:
        named = ", ".join(str(row + 1) for row in sorted(both))
        notes.append(f"contradictory assumptions: remainders {named} serve the outcome and its negation")
    return notes
