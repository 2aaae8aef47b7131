"""Collecting, counting and wording of failed checks."""

from __future__ import annotations

import pytest

from core_trial.data import checks
from core_trial.data.checks import FailureLog, Problem, describe, failure_frame
from core_trial.errors import FAILURE_COLUMNS


def test_an_empty_log_has_the_columns_of_failures() -> None:
    failures = FailureLog().table()
    assert failures.empty
    assert failures.columns.tolist() == list(FAILURE_COLUMNS)
    assert failures.dtypes["row"] == "Int64"


def test_errors_stand_first_then_tables_and_rows() -> None:
    log = FailureLog()
    log.add_problems("teams", [Problem("odd", "odd", 1, "team", severity="warning"), Problem("bad", "bad", 3, "team")])
    log.add_problems("staff", [Problem("bad", "bad", 2, "ghq12"), Problem("gone", "gone")])
    order = log.table()[["severity", "table"]].to_numpy().tolist()
    assert order == [["error", "staff"], ["error", "staff"], ["error", "teams"], ["warning", "teams"]]
    assert log.table()["row"].isna().tolist() == [True, False, False, False]


def test_rows_beyond_the_limit_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "LISTED", 3)
    log = FailureLog()
    log.add_problems("staff", [Problem("bad", "bad", row, "ghq12") for row in (1, 2)])
    log.add_problems("staff", [Problem("bad", "bad", row, "ghq12") for row in (3, 4)], unlisted=10)
    log.add_problems("staff", [Problem("odd", "odd", row, "ghq12") for row in (1, 2, 3)])
    table = log.table()
    assert table.loc[table["row"].isna(), ["rule", "message"]].to_numpy().tolist() == [
        ["bad", "11 more rows break this rule"]
    ]
    assert table.groupby("rule")["row"].apply(lambda rows: rows.dropna().tolist()).to_dict() == {
        "bad": [1, 2, 3],
        "odd": [1, 2, 3],
    }


def test_the_summary_has_a_line_a_rule() -> None:
    problems = [
        Problem("bad", f"ghq12 {v} is above 36", row, "ghq12", v) for row, v in enumerate((40, 41, 42), start=5)
    ]
    others = [Problem(f"rule {i}", "is wrong") for i in range(6)]
    text = describe(failure_frame("staff", [*problems, *others]), lines=2)
    assert text.splitlines() == [
        "9 errors in staff (9)",
        "  staff row 5, ghq12: ghq12 40 is above 36 (and 2 more rows)",
        "  staff: is wrong",
        "  5 more rules are broken",
    ]
