"""Tables of failed checks: made from problems, collected, counted and put into words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from typing import Any, Literal, NamedTuple

import pandas as pd

from ..errors import FAILURE_COLUMNS

LISTED = 10_000
"""Rows listed for one rule of one column; the rest are counted in a closing row."""

RULE_KEY = ("severity", "table", "column", "rule")


class Problem(NamedTuple):
    """One failed check of one table. `row` counts the data rows from 1; None stands for the whole table."""

    rule: str
    message: str
    row: int | None = None
    column: str | None = None
    value: Any = None
    severity: Literal["error", "warning"] = "error"


def failure_frame(table: str, problems: Iterable[Problem]) -> pd.DataFrame:
    """A row a problem, with the columns `FAILURE_COLUMNS`."""
    frame = pd.DataFrame(list(problems), columns=list(Problem._fields)).assign(table=table)
    return _typed(frame)


class FailureLog:
    """Failures as they are found. Of each rule of a column the first `LISTED` rows are kept, the rest counted."""

    def __init__(self) -> None:
        self._frames: list[pd.DataFrame] = []
        self._found: Counter[tuple[Hashable, ...]] = Counter()

    def add(self, failures: pd.DataFrame, *, unlisted: int = 0) -> None:
        """Add failures; `unlisted` more of the same rule were found and are not among them."""
        for key, group in failures.groupby(list(RULE_KEY), dropna=False, sort=False):
            self._frames.append(group.head(max(LISTED - self._found[key], 0)))
            self._found[key] += len(group) + unlisted

    def add_problems(self, table: str, problems: Iterable[Problem], *, unlisted: int = 0) -> None:
        """Add problems of one table."""
        if found := list(problems):
            self.add(failure_frame(table, found), unlisted=unlisted)

    def table(self) -> pd.DataFrame:
        """All failures, errors first, then by table and row; a closing row a rule counts those that are not listed."""
        more = [
            {**dict(zip(RULE_KEY, key, strict=True)), "message": f"{n - LISTED:,} more rows break this rule"}
            for key, n in self._found.items()
            if n > LISTED
        ]
        failures = pd.concat([_typed(pd.DataFrame(more)), *self._frames], ignore_index=True)
        order = ["severity", "table", "row", "column", "rule"]
        return failures.sort_values(order, na_position="first", kind="stable", ignore_index=True)


def describe(failures: pd.DataFrame, *, lines: int = 5) -> str:
    """How many failures there are in which tables, and the first few of them."""
    counts = failures["table"].value_counts(sort=False)
    severity = failures["severity"].iloc[0]
    number = f"{len(failures):,} {severity}{'s' if len(failures) > 1 else ''}"
    where = ", ".join(f"{table} ({n:,})" for table, n in counts.items())
    rules = failures.groupby(list(RULE_KEY), dropna=False, sort=False)
    first = rules.head(1).assign(more=rules["message"].transform("size") - 1)
    shown = [f"  {_line(each)}" for each in first.head(lines).itertuples()]
    rest = [f"  {len(first) - lines} more rules are broken"] if len(first) > lines else []
    return "\n".join([f"{number} in {where}", *shown, *rest])


def _line(failure: Any) -> str:
    row = "" if pd.isna(failure.row) else f" row {failure.row}"
    column = "" if pd.isna(failure.column) else f", {failure.column}"
    more = f" (and {failure.more:,} more row{'s' if failure.more > 1 else ''})" if failure.more else ""
    return f"{failure.table}{row}{column}: {failure.message}{more}"


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    dtypes = {column: "Int64" if column == "row" else "str" for column in FAILURE_COLUMNS}
    return frame.reindex(columns=list(FAILURE_COLUMNS)).astype(dtypes)
