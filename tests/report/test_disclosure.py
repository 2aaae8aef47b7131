"""No withheld count can be worked out from what is shown, whatever the table."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from core_trial.errors import PlanError
from core_trial.report.disclosure import PRESETS, TOTAL, Disclosure
from core_trial.report.suppression import complete, places, recoverable, with_totals

TABLES = st.tuples(st.integers(1, 5), st.integers(1, 4)).flatmap(
    lambda shape: st.lists(
        st.lists(st.integers(0, 20), min_size=shape[1], max_size=shape[1]), min_size=shape[0], max_size=shape[0]
    )
)


def attack(shown: pd.DataFrame, lowest: int) -> dict[tuple[int, int], tuple[float, float]]:
    """Least and greatest value of each withheld count that agrees with what is shown, by linear programming."""
    rows, columns = shown.shape
    values = shown.to_numpy()
    row_sums = [{(row, column): -1 if column == columns - 1 else 1 for column in range(columns)} for row in range(rows)]
    column_sums = [{(row, column): -1 if row == rows - 1 else 1 for row in range(rows)} for column in range(columns)]
    cells = list(itertools.product(range(rows), range(columns)))
    system = np.array([[equation.get(cell, 0) for cell in cells] for equation in row_sums + column_sums])
    bounds = [(lowest, 10_000) if values[cell] == "*" else (values[cell], values[cell]) for cell in cells]
    found = {}
    for place, cell in enumerate(cells):
        if values[cell] == "*":
            goal = np.eye(len(cells))[place]
            ends = [linprog(sign * goal, A_eq=system, b_eq=np.zeros(len(system)), bounds=bounds) for sign in (1, -1)]
            assert all(end.success for end in ends)
            found[cell] = (ends[0].fun, -ends[1].fun)
    return found


@pytest.mark.parametrize("name", ["nhs_hes", "threshold10"])
@given(cells=TABLES)
def test_no_withheld_count_can_be_recovered(name: str, cells: list[list[int]]) -> None:
    rules = Disclosure.preset(name)
    shown = rules.protect(pd.DataFrame(cells)).frame
    for low, high in attack(shown, lowest=0 if rules.zeros else 1).values():
        assert high - low >= 1 - 1e-6


@given(cells=TABLES)
def test_every_small_count_is_withheld_and_every_shown_one_true(cells: list[list[int]]) -> None:
    rules = Disclosure.preset("nhs_hes")
    whole = with_totals(np.array(cells))
    shown = rules.protect(pd.DataFrame(cells)).frame.to_numpy()
    for place in places(whole):
        if 1 <= whole[place] <= 7:
            assert shown[place] == "*"
        elif shown[place] != "*":
            assert shown[place] == whole[place]
    assert not np.any(shown[whole == 0] == "*")


@given(cells=TABLES, hidden=st.sets(st.tuples(st.integers(0, 5), st.integers(0, 4)), max_size=8))
def test_recoverable_counts_are_those_that_an_attack_finds(cells: list[list[int]], hidden: set) -> None:
    whole = with_totals(np.array(cells))
    hidden = {place for place in hidden if place in set(places(whole)) and whole[place] > 0}
    shown = pd.DataFrame(whole.astype(object))
    for place in hidden:
        shown.iloc[place] = "*"
    found = {place for place, (low, high) in attack(shown, lowest=1).items() if high - low < 1e-6}
    assert recoverable(whole, hidden, lowest=1) == found


def test_one_small_count_hides_a_rectangle_and_no_total() -> None:
    counts = pd.DataFrame({"intervention": [120, 99, 30, 6], "control": [81, 66, 20, 12]}, index=list("fmxo"))
    shown = Disclosure.preset("nhs_hes").protect(counts).frame
    assert [tuple(cell) for cell in np.argwhere(shown.to_numpy() == "*")] == [(2, 0), (2, 1), (3, 0), (3, 1)]


def test_two_ones_are_not_enough_company_for_each_other() -> None:
    """1 + 1 = 2 leaves no other pair of counts above zero: the total must go too."""
    whole = with_totals(np.array([[1, 1], [50, 60]]))
    assert (0, 2) in complete(whole, {(0, 0), (0, 1)}, lowest=1)


def test_percentages_rest_on_what_is_shown() -> None:
    counts = pd.DataFrame({"a": [90, 10, 0], "b": [52, 40, 8]}, index=["yes", "no", "unknown"])
    rules = Disclosure.preset("nhs_hes", rounding=5)
    percent = rules.protect(counts).percent()
    assert percent.loc["unknown", "a"] == 0
    assert percent.loc["yes", "b"] == 50
    assert percent.loc[TOTAL, "b"] == 100
    hidden = rules.protect(counts.replace(8, 3)).percent()
    assert hidden.loc["unknown", "b"] == "*"


def test_percentage_of_an_empty_group_is_missing() -> None:
    percent = Disclosure.preset("none").protect(pd.DataFrame({"a": [0, 0]})).percent()
    assert percent["a"].isna().all()


def test_what_was_done_is_listed_without_the_values() -> None:
    counts = pd.DataFrame({"a": [90, 3], "b": [52, 40]}, index=["yes", "no"])
    actions = Disclosure.preset("mhsds").protect(counts, "gender").actions
    assert actions[0] == {
        "table": "gender",
        "row": "yes",
        "column": "a",
        "action": "withheld: would give a small count away",
    }
    assert {action["action"] for action in actions} == {
        "withheld: small",
        "withheld: would give a small count away",
        "rounded to a multiple of 5",
    }
    assert "3" not in str(actions)


@pytest.mark.parametrize(
    ("name", "largest", "zero"),
    [("nhs_hes", 7, False), ("mhsds", 4, True), ("opensafely", 7, True), ("threshold10", 9, True), ("none", -1, False)],
)
def test_thresholds(name: str, largest: int, zero: bool) -> None:
    rules = Disclosure.preset(name)
    assert [count for count in range(15) if rules.withholds(count)] == list(range(0 if zero else 1, largest + 1))
    assert rules.allows_summary(max(largest, 0) + 1)
    assert name == "none" or not rules.allows_summary(largest)


def test_unknown_rules_are_an_error_that_lists_the_known() -> None:
    with pytest.raises(PlanError, match=f"nhs.*{', '.join(PRESETS)}"):
        Disclosure.preset("nhs")
