"""Each rule of the trial: a trial that keeps them all, and for each rule one that breaks it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import core_trial as ct
from core_trial.data.checks import FailureLog
from core_trial.data.rule_checks import check_rules
from core_trial.data.rules import RULES, Rule
from core_trial.data.store.sql import Store, connect
from core_trial.data.store.staging import create_table

Tables = dict[str, pd.DataFrame]
Change = Callable[[Tables], Tables]
NO_ROW = None


def change(table: str, query: str, **values: Any) -> Change:
    """Give the rows that a query finds other values."""

    def changed(tables: Tables) -> Tables:
        rows = tables[table].eval(query)
        return tables | {
            table: tables[table].assign(
                **{name: tables[table][name].mask(rows, value) for name, value in values.items()}
            )
        }

    return changed


def drop(table: str, query: str) -> Change:
    """Leave out the rows that a query finds."""
    return lambda tables: tables | {table: tables[table].query(f"not ({query})").reset_index(drop=True)}


def add(table: str, query: str, **values: Any) -> Change:
    """Append copies of the rows that a query finds, with other values."""
    return lambda tables: (
        tables | {table: pd.concat([tables[table], tables[table].query(query).assign(**values)], ignore_index=True)}
    )


def day(text: str) -> pd.Timestamp:
    return pd.Timestamp(text)


REVIEW = "team == 'T3' and timepoint == 12"

CASES = {
    "team_allocated": (drop("allocation", "team == 'T4'"), [(4, "T4")]),
    "one_arm": (add("allocation", "team == 'T2'", arm="intervention"), [(5, "intervention")]),
    "arm_with_teams": (change("allocation", "arm == 'control'", arm="intervention"), [(NO_ROW, "control")]),
    "one_stratum_a_trust": (change("allocation", "team == 'T2'", stratum="C"), [(2, "C")]),
    "both_arms_in_stratum": (change("allocation", "team == 'T4'", arm="intervention"), [(3, "B")]),
    "one_review_date": (change("fidelity_items", "index == 4", reviewed_on=day("2014-09-03")), [(1, "2014-09-01")]),
    "reviews_in_order": (change("fidelity_items", REVIEW, reviewed_on=day("2015-03-01")), [(274, "2015-03-01")]),
    "review_near_timepoint": (change("fidelity_items", REVIEW, reviewed_on=day("2015-11-03")), [(274, "2015-11-03")]),
    "control_review_at_6": (change("fidelity_items", "team == 'T2' and timepoint == 12", timepoint=6), [(157, "6")]),
    "review_present": (drop("fidelity_items", "team == 'T3' and timepoint == 6"), [(NO_ROW, "6")]),
    "items_missing": (change("fidelity_items", "index < 4", score=None), [(1, "35")]),
    "too_many_items_missing": (drop("fidelity_items", "index < 5"), [(1, "34")]),
    "window_has_days": (change("exposure", "index == 2", end_on=day("2014-03-01")), [(3, "2014-03-01")]),
    "windows_in_order": (change("exposure", "index == 5", start_on=day("2014-08-31")), [(6, "2014-08-31")]),
    "window_before_randomisation": (change("exposure", "index == 0", end_on=day("2014-10-01")), [(1, "2014-10-01")]),
    "window_after_randomisation": (
        change("allocation", "team == 'T1'", randomised_on=day("2015-06-01")),
        [(5, "2015-03-01")],
    ),
    "window_present": (drop("exposure", "team == 'T2' and period == 'after'"), [(NO_ROW, "after")]),
    "discharge_after_admission": (
        change("admissions", "index == 1", discharged_on=day("2014-04-30")),
        [(2, "2014-04-30")],
    ),
    "no_overlap": (change("admissions", "index == 7", person="P06"), [(8, "2015-05-01")]),
    "admissions_in_windows": (drop("admissions", "team == 'T1'"), [(NO_ROW, "T1")]),
    "csq8_total": (change("patients", "index == 6", csq8_total=9), [(7, "9")]),
    "one_wave_a_person": (change("patients", "index == 8", person="S00"), [(9, "***")]),
    "patients_in_wave": (drop("patients", "team == 'T1' and wave == 'follow_up'"), [(NO_ROW, "follow_up")]),
    "staff_in_wave": (drop("staff", "team == 'T3' and wave == 'baseline'"), [(NO_ROW, "baseline")]),
    "no_programme_for_controls": (change("engagement", "index == 0", team="T2"), [(1, "yes")]),
    "delivered_agrees": (change("engagement", "index == 2", sessions=4), [(3, "no")]),
}
"""For each rule a change that breaks it, and the rows and values that must be named."""

DICTIONARY = ct.read_dictionary()
BY_NAME = {rule.name: rule for rule in RULES}


def failures_of(rule: Rule, tables: Tables) -> pd.DataFrame:
    """The failures of one rule on tables that are put into DuckDB as they are."""
    log, folder = FailureLog(), Path(gettempdir())
    with connect(folder, None, 1) as connection:
        for name, schema in DICTIONARY.tables.items():
            create_table(Store(connection, folder, log), schema)
            connection.register("given", tables[name].assign(row=np.arange(1, len(tables[name]) + 1)))
            connection.execute(f"INSERT INTO numbered.{name} BY NAME FROM given")
        check_rules(connection, DICTIONARY, ["teams", "allocation", rule.table, *rule.needs], log)
    failures = log.table()
    return failures[failures["rule"] == rule.name]


def test_a_trial_that_keeps_all_rules_has_no_failures(small_trial: ct.Trial) -> None:
    assert small_trial.checks.empty
    assert len(small_trial.tables) == 8


def test_every_rule_has_a_case() -> None:
    assert list(CASES) == [rule.name for rule in RULES]
    assert len(BY_NAME) == len(RULES)


@pytest.mark.parametrize("name", CASES)
def test_a_broken_rule_names_row_and_value(name: str, tables: Tables) -> None:
    rule, (broken, expected) = BY_NAME[name], CASES[name]
    failures = failures_of(rule, broken(tables))
    named = [(None if pd.isna(row) else row, value) for row, value in failures[["row", "value"]].to_numpy()]
    assert named == expected
    assert set(failures["table"]) == {rule.table}
    assert set(failures["column"]) == {rule.column}
    assert set(failures["severity"]) == {rule.severity}


def test_messages_hold_no_identifier(tables: Tables) -> None:
    same = change("patients", "index == 8", person="S00")(change("admissions", "index == 7", person="P06")(tables))
    failures = ct.check_trial(same)
    assert set(failures["rule"]) == {"no_overlap", "one_wave_a_person"}
    assert not failures["message"].str.contains("S00|P06").any()


def test_one_person_admitted_again_on_the_day_of_discharge_does_not_overlap(tables: Tables) -> None:
    again = change("admissions", "index == 4", person="P00", admitted_on=day("2014-05-11"))(tables)
    assert failures_of(BY_NAME["no_overlap"], again).empty


def test_an_open_spell_overlaps_what_follows(tables: Tables) -> None:
    again = add("admissions", "index == 6", admitted_on=day("2016-02-01"))(tables)
    assert failures_of(BY_NAME["no_overlap"], again)["row"].tolist() == [9]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("AB"), st.integers(0, 30), st.integers(0, 5)), min_size=2, max_size=12))
def test_an_overlap_is_found_if_and_only_if_a_spell_begins_within_another(stays: list[tuple[str, int, int]]) -> None:
    spells = sorted((person, start, start + nights) for person, start, nights in stays)
    begins_within = any(
        one[0] == other[0] and other[1] < one[2] for i, one in enumerate(spells) for other in spells[i + 1 :]
    )
    admissions = pd.DataFrame(spells, columns=["person", "admitted_on", "discharged_on"])
    dates = admissions[["admitted_on", "discharged_on"]].apply(pd.to_datetime, unit="D")
    numbered = dates.assign(person=admissions["person"], row=range(1, len(spells) + 1))
    found = duckdb.query_df(numbered, "admissions", BY_NAME["no_overlap"].sql).fetchall()
    assert bool(found) == begins_within


@pytest.mark.parametrize(
    ("table", "key"),
    [("teams", "team"), ("fidelity_items", "team, timepoint, item"), ("patients", "person, wave")],
)
def test_a_repeated_key_names_both_rows(table: str, key: str, tables: Tables, core: Tables) -> None:
    n = len(tables[table])
    failures = ct.check_trial(core | {table: pd.concat([tables[table], tables[table].head(1)])})
    repeated = failures[failures["rule"] == "unique_key"]
    assert repeated[["row", "column"]].to_numpy().tolist() == [[n + 1, key]]
    assert "stands in row 1" in repeated["message"].item()
    if table == "patients":
        assert repeated["value"].item() == "***, baseline"


def test_rows_without_a_key_do_not_repeat_one(core: Tables, tables: Tables) -> None:
    unknown = tables["patients"].assign(person=[None, None, *tables["patients"]["person"][2:]])
    failures = ct.check_trial(core | {"patients": unknown})
    assert failures[["rule", "row"]].to_numpy().tolist() == [["required", 1], ["required", 2]]


def test_long_names_are_cut_in_messages(core: Tables) -> None:
    long = {"trust": ["A" * 10_000] * 4, "setting": "urban"}
    failures = ct.check_trial({"teams": core["teams"].assign(**long), "allocation": core["allocation"]})
    assert failures["rule"].tolist() == ["one_stratum_a_trust"]
    assert failures["message"].str.len().max() < 200


@pytest.mark.parametrize("table", ["allocation", "fidelity_items", "admissions", "exposure", "patients", "staff"])
def test_a_team_that_is_not_in_teams_is_named(table: str, tables: Tables, core: Tables) -> None:
    renamed = tables[table].assign(team=tables[table]["team"].replace("T4", "T9"))
    failures = ct.check_trial(core | {table: renamed})
    unknown = failures[failures["rule"] == "foreign_key"]
    assert set(unknown["table"]) == {table}
    assert set(unknown["value"]) == {"T9"}
    assert unknown["row"].tolist() == (np.flatnonzero(tables[table]["team"] == "T4") + 1).tolist()


def test_rules_of_absent_tables_are_not_checked(core: Tables) -> None:
    assert ct.check_trial(core).empty
