"""REDCap exports: forms side by side, events, repeated forms, checkboxes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import core_trial as ct
from core_trial.data.dictionary.redcap import redcap_names
from core_trial.data.sources.redcap import read_redcap
from core_trial.errors import DataError, TrialWarning

Tables = dict[str, pd.DataFrame]
Row = dict[str, Any]

ITEMS = {f"item_{i}": 1 + i % 5 for i in range(1, 40)}
REVIEWS = {
    "baseline_arm_1": "2014-09-01",
    "month_6_arm_1": "2015-03-01",
    "12_months_arm_1": "2015-09-01",
}


@pytest.fixture
def export(tables: Tables) -> list[Row]:
    """A record a team: its design at baseline, and its reviews at two or three events."""
    rows: list[Row] = []
    for design in tables["teams"].merge(tables["allocation"]).to_dict("records"):
        record = {"record_id": len(rows), "redcap_data_access_group": design.pop("team")}
        rows.append(record | {"redcap_event_name": "baseline_arm_1", "teams_complete": 2} | design)
        rows += [
            record | {"redcap_event_name": event, "reviewed_on": day} | ITEMS
            for event, day in REVIEWS.items()
            if design["arm"] == "intervention" or event != "month_6_arm_1"
        ]
    return rows


def write(rows: list[Row], folder: Path) -> Path:
    path = folder / "export.csv"
    pd.DataFrame(rows, dtype=object).to_csv(path, index=False)
    return path


def test_forms_and_events_become_tables(export: list[Row], tables: Tables, tmp_path: Path) -> None:
    trial = ct.load_trial(write(export, tmp_path))
    assert trial.tables == ("teams", "allocation", "fidelity_items")
    expected = ct.load_trial({name: tables[name] for name in trial.tables})
    pd.testing.assert_frame_equal(trial.table("teams"), expected.table("teams"))
    pd.testing.assert_frame_equal(trial.table("allocation"), expected.table("allocation"))
    reviews = trial.sql(
        "SELECT team, timepoint, count(score) AS n, min(reviewed_on) AS day FROM fidelity_items GROUP BY ALL"
    )
    assert len(reviews) == 10
    assert set(reviews["n"]) == {39}
    assert reviews.query("timepoint == 12")["day"].unique().tolist() == [pd.Timestamp("2015-09-01")]
    assert {(source.name, source.format) for source in trial.sources} == {("export.csv", "REDCap")}


def test_repeated_forms_take_team_and_person_from_their_record(tmp_path: Path) -> None:
    form = {"record_id": 7, "redcap_repeat_instrument": "admissions"}
    rows = [
        {"record_id": 7, "redcap_event_name": "baseline_arm_1", "team": "T1", "age": 40, "csq8_1": 3},
        form | {"admitted_on": "2014-05-01", "legal_status___detained": 1, "legal_status___informal": 0},
        form | {"admitted_on": "2014-06-01", "legal_status___detained": 0, "legal_status___informal": 1},
        {"record_id": 8, "redcap_event_name": "follow_up_arm_1", "team": "T2", "age": 50, "csq8_1": 4},
    ]
    tables, problems = read_redcap(ct.Redcap(write(rows, tmp_path)), ct.read_dictionary())
    assert problems == ()
    assert tables["patients"].frame[["person", "team", "wave"]].to_numpy().tolist() == [
        ["7", "T1", "baseline"],
        ["8", "T2", "follow_up"],
    ]
    admissions = tables["admissions"]
    assert admissions.frame["team"].tolist() == ["T1", "T1"]
    assert admissions.frame["person"].tolist() == ["7", "7"]
    assert admissions.frame["legal_status"].tolist() == ["detained", "informal"]
    assert admissions.rows.tolist() == [2, 3]


def test_a_project_of_the_shipped_dictionary_comes_back(tables: Tables, tmp_path: Path) -> None:
    """The names of the exported project are those of `redcap_dictionary`: every table has fields of its own."""
    names = redcap_names(ct.read_dictionary())
    rows = [
        {"record_id": f"{table}-{i}", "redcap_repeat_instrument": table}
        | {names[table, column]: value for column, value in row.items() if column not in ("item", "component")}
        | {f"{names[table, key]}": row[key] for key in ("item", "component") if key in row}
        for table, frame in tables.items()
        for i, row in enumerate(frame.to_dict("records"))
    ]
    path = write(rows, tmp_path)
    trial, expected = ct.load_trial(path), ct.load_trial(tables)
    for name in expected.tables:
        pd.testing.assert_frame_equal(trial.table(name), expected.table(name))


def test_components_as_checkboxes(core: Tables, tmp_path: Path) -> None:
    rows = [
        {"record_id": team, "team": team, "rater": "R1", "component___coaching": ticked, "component___scoping_day": 0}
        for team, ticked in (("T1", 1), ("T3", 0))
    ]
    trial = ct.load_trial(core | {"engagement": ct.Redcap(write(rows, tmp_path))})
    delivered = trial.table("engagement").set_index(["team", "component"])["delivered"]
    assert delivered.to_dict() == {
        ("T1", "scoping_day"): "no",
        ("T1", "coaching"): "yes",
        ("T3", "scoping_day"): "no",
        ("T3", "coaching"): "no",
    }


def test_events_that_are_not_known_are_named_and_can_be_told(core: Tables, tmp_path: Path) -> None:
    rows = [
        {"record_id": i, "redcap_event_name": "discharge_arm_1", "team": team, "csq8_1": 3}
        for i, team in enumerate(core["teams"]["team"])
    ]
    path = write(rows, tmp_path)
    failures = ct.check_trial(core | {"patients": ct.Redcap(path)})
    unknown = failures[failures["rule"] == "known_event"]
    assert unknown["row"].tolist() == [1, 2, 3, 4]
    assert unknown["message"].iloc[0] == (
        "the event discharge_arm_1 does not tell the wave; say it in ct.Redcap(path, events=...)"
    )
    told = ct.Redcap(path, events={"discharge_arm_1": {"wave": "follow_up"}})
    with pytest.warns(TrialWarning, match="no patients in the wave baseline"):
        trial = ct.load_trial(core | {"patients": told})
    assert trial.table("patients")["wave"].unique().tolist() == ["follow_up"]


def test_two_ticked_boxes_of_one_value_are_a_failure(core: Tables, tmp_path: Path) -> None:
    ticked = {"legal_status___informal": 1, "legal_status___detained": 1}
    row = {"record_id": 1, "person": "P1", "team": "T1", "admitted_on": "2014-05-01"} | ticked
    failures = ct.check_trial(core | {"admissions": ct.Redcap(write([row], tmp_path))})
    assert failures[["rule", "row", "column"]].to_numpy().tolist() == [["one_box", 1, "legal_status"]]


def test_fields_of_no_table_are_named_and_redcaps_own_are_not(export: list[Row], tmp_path: Path) -> None:
    path = write([row | {"hobby": "chess", "consent_timestamp": "2014-01-01"} for row in export], tmp_path)
    with pytest.warns(TrialWarning, match=r"fields that belong to no table were not read: hobby\n"):
        trial = ct.load_trial(path)
    assert trial.checks["table"].tolist() == ["export.csv"]


def test_an_export_without_the_table_or_any_is_refused(core: Tables, tmp_path: Path) -> None:
    path = write([{"record_id": 1, "hobby": "chess"}], tmp_path)
    with pytest.raises(DataError, match=r"export\.csv has no fields of the tables teams, allocation"):
        ct.check_trial(path)
    failures = ct.check_trial(core | {"staff": ct.Redcap(write([{"record_id": 1, "age": 3}], tmp_path))})
    assert failures["message"].tolist() == ["export.csv has no fields of the table staff"]
