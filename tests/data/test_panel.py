"""The panel by SQL against its rules written out one record at a time, and at their edges."""

from __future__ import annotations

import datetime as dt
import math
import statistics
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import core_trial as ct
from core_trial.data.panel import COLUMNS_FROM, COUNTS, STAFF_SCALES, build_panel, score_counts

Row = dict[str, Any]
Tables = dict[str, list[Row]]

DAY_0 = dt.datetime(2014, 9, 1)
SCALES = {
    "fidelity": range(1, 40),
    "fidelity_referrals": range(1, 11),
    "fidelity_content": range(11, 27),
    "fidelity_staffing": range(27, 38),
    "fidelity_location": range(38, 40),
}
VISITS = {0: ("before", "baseline"), 6: (None, None), 12: ("after", "follow_up")}
DDL = {
    "teams": "team VARCHAR, trust VARCHAR, setting VARCHAR, population BIGINT, caseload BIGINT, staff_fte DOUBLE",
    "allocation": "team VARCHAR, stratum VARCHAR, arm VARCHAR, randomised_on TIMESTAMP",
    "fidelity_items": "team VARCHAR, timepoint BIGINT, reviewed_on TIMESTAMP, item BIGINT, score BIGINT",
    "admissions": "person VARCHAR, team VARCHAR, admitted_on TIMESTAMP, discharged_on TIMESTAMP, "
    "legal_status VARCHAR, readmission BIGINT",
    "exposure": "team VARCHAR, period VARCHAR, start_on TIMESTAMP, end_on TIMESTAMP, population BIGINT",
    "patients": "person VARCHAR, team VARCHAR, wave VARCHAR, csq8_total BIGINT, continuity DOUBLE",
    "staff": "person VARCHAR, team VARCHAR, wave VARCHAR, " + ", ".join(f"{scale} DOUBLE" for scale in STAFF_SCALES),
}


def panel_of(tables: Tables) -> pd.DataFrame:
    """The panel of tables given as rows; a table that is not given is absent from the trial."""
    with duckdb.connect() as connection:
        for name, columns in DDL.items():
            connection.execute(f"CREATE TABLE {name} ({columns})")
            if tables.get(name):
                connection.register("rows", pd.DataFrame(tables[name]))
                connection.execute(f"INSERT INTO {name} BY NAME FROM rows")
        return build_panel(connection, tables)


# -- The rules, one record at a time ----------------------------------------------------------------------------------


def slow_panel(tables: Tables) -> list[Row]:
    allocated = {row["team"]: row for row in tables["allocation"]}
    rows = []
    for team in sorted(tables["teams"], key=lambda row: row["team"]):
        arm = allocated[team["team"]]["arm"]
        for timepoint, (period, wave) in VISITS.items():
            if timepoint == 6 and arm == "control":
                continue
            row = {"team": team["team"], "timepoint": timepoint, "arm": arm, "trust": team["trust"]}
            row |= {"stratum": allocated[team["team"]]["stratum"], "setting": team["setting"]}
            row |= slow_fidelity(tables, team["team"], timepoint)
            row |= slow_service_use(tables, team["team"], period)
            row |= slow_answers(tables, team["team"], wave)
            rows.append(row)
    return rows


def slow_fidelity(tables: Tables, team: str, timepoint: int) -> Row:
    review = [row for row in tables["fidelity_items"] if (row["team"], row["timepoint"]) == (team, timepoint)]
    answer: Row = {"items_scored": sum(row["score"] is not None for row in review) if review else None}
    for name, items in SCALES.items():
        scored = [row["score"] for row in review if row["item"] in items and row["score"] is not None]
        enough = len(scored) / len(items) >= 35 / 39
        answer[name] = sum(scored) / len(scored) * len(items) if scored and enough else None
    total = answer["fidelity"]
    answer["band"] = None if total is None else "low" if total < 117 else "moderate" if total < 156 else "high"
    return answer


def slow_service_use(tables: Tables, team: str, period: str | None) -> Row:
    window = [row for row in tables["exposure"] if (row["team"], row["period"]) == (team, period)]
    if not window:
        return dict.fromkeys((*COLUMNS_FROM["admissions"], "person_years"))
    start, end = window[0]["start_on"], window[0]["end_on"]
    days = [start + dt.timedelta(days=day) for day in range((end - start).days)]
    spells = [row for row in tables["admissions"] if row["team"] == team]
    within = [spell for spell in spells if spell["admitted_on"] in days]
    known = [spell["readmission"] for spell in within if spell["readmission"] is not None]
    nights = sum(
        spell["admitted_on"] <= day and (spell["discharged_on"] is None or day < spell["discharged_on"])
        for spell in spells
        for day in days
    )
    detained = sum(spell["legal_status"] == "detained" for spell in within)
    person_years = window[0]["population"] * len(days) / 365.25
    return {
        "admissions": len(within),
        "bed_days": nights,
        "detained": detained,
        "readmissions": sum(known),
        "person_years": person_years,
        "admission_rate": 1000 * len(within) / person_years,
        "bed_day_rate": 1000 * nights / person_years,
        "detained_rate": 1000 * detained / person_years,
        "readmission_share": sum(known) / len(known) if known else None,
    }


def slow_answers(tables: Tables, team: str, wave: str | None) -> Row:
    if wave is None:
        return dict.fromkeys((*COLUMNS_FROM["patients"], *COLUMNS_FROM["staff"]))
    patients, staff = (
        [row for row in tables[name] if (row["team"], row["wave"]) == (team, wave)] for name in ("patients", "staff")
    )
    satisfaction = answers(patients, "csq8_total")
    row: Row = {
        "csq8_mean": statistics.fmean(satisfaction) if satisfaction else None,
        "csq8_sd": statistics.stdev(satisfaction) if len(satisfaction) > 1 else None,
        "csq8_n": len(satisfaction),
        "staff_n": sum(any(person[scale] is not None for scale in STAFF_SCALES) for person in staff),
    }
    for people, scale in [(patients, "continuity"), *((staff, scale) for scale in STAFF_SCALES)]:
        values = answers(people, scale)
        row |= {f"{scale}_mean": statistics.fmean(values) if values else None, f"{scale}_n": len(values)}
    return row


def answers(people: list[Row], column: str) -> list[float]:
    return [person[column] for person in people if person[column] is not None]


# -- Trials to compare on ---------------------------------------------------------------------------------------------

day = st.integers(-30, 90).map(lambda days: DAY_0 + dt.timedelta(days=days))
maybe = lambda values: st.none() | values  # noqa: E731


@st.composite
def spells(draw: st.DrawFn, team: str) -> Row:
    admitted_on = draw(day)
    nights = draw(maybe(st.integers(0, 70)))
    return {
        "person": "A",
        "team": team,
        "admitted_on": admitted_on,
        "discharged_on": None if nights is None else admitted_on + dt.timedelta(days=nights),
        "legal_status": draw(st.sampled_from(["informal", "detained", None])),
        "readmission": draw(st.sampled_from([0, 1, None])),
    }


@st.composite
def windows(draw: st.DrawFn, team: str) -> list[Row]:
    """Some of a team's two windows, in order: the loader refuses windows that overlap."""
    rows, start_on = [], draw(day)
    for period in ("before", "after"):
        end_on = start_on + dt.timedelta(days=draw(st.integers(1, 30)))
        window = {"team": team, "period": period, "start_on": start_on, "end_on": end_on}
        rows.append(window | {"population": draw(st.integers(1, 9))})
        start_on = end_on + dt.timedelta(days=draw(st.integers(0, 30)))
    return draw(st.sampled_from([rows, rows[:1], rows[1:], []]))


@st.composite
def reviews(draw: st.DrawFn, team: str) -> list[Row]:
    rows = []
    for timepoint in draw(st.sets(st.sampled_from([0, 6, 12]))):
        scores = draw(st.lists(st.integers(1, 5), min_size=39, max_size=39))
        unscored = draw(st.sets(st.integers(1, 39), max_size=6))
        rows += [
            {"team": team, "timepoint": timepoint, "item": item, "score": None if item in unscored else score}
            for item, score in enumerate(scores, 1)
        ]
    return rows


@st.composite
def people(draw: st.DrawFn, team: str, scales: dict[str, tuple[int, int]]) -> list[Row]:
    waves = draw(st.lists(st.sampled_from(["baseline", "follow_up"]), max_size=5))
    return [
        {"person": f"P{n}", "team": team, "wave": wave}
        | {scale: draw(maybe(st.integers(*limits))) for scale, limits in scales.items()}
        for n, wave in enumerate(waves)
    ]


@st.composite
def trials(draw: st.DrawFn) -> Tables:
    names = [f"T{n}" for n in range(draw(st.integers(2, 3)))]
    arms = {name: draw(st.sampled_from(["intervention", "control"])) for name in names}
    tables: Tables = {
        "teams": [{"team": name, "trust": "X", "setting": "urban"} for name in names],
        "allocation": [{"team": name, "stratum": "X", "arm": arms[name]} for name in names],
        "fidelity_items": [row for name in names for row in draw(reviews(name))],
        "admissions": [row for name in names for row in draw(st.lists(spells(name), max_size=6))],
        "exposure": [row for name in names for row in draw(windows(name))],
        "patients": [
            row for name in names for row in draw(people(name, {"csq8_total": (8, 32), "continuity": (16, 80)}))
        ],
        "staff": [row for name in names for row in draw(people(name, dict.fromkeys(STAFF_SCALES, (0, 6))))],
    }
    return tables


def assert_same(panel: pd.DataFrame, expected: list[Row]) -> None:
    assert len(panel) == len(expected)
    for found, wanted in zip(panel.to_dict("records"), expected, strict=True):
        assert found.keys() == wanted.keys()
        for column, value in wanted.items():
            if value is None:
                assert pd.isna(found[column]), column
            elif isinstance(value, float):
                assert math.isclose(found[column], value, rel_tol=1e-12), column
            else:
                assert found[column] == value, column


@settings(max_examples=40, deadline=None)
@given(trials())
def test_sql_gives_what_the_rules_give_one_record_at_a_time(tables: Tables) -> None:
    assert_same(panel_of(tables), slow_panel(tables))


# -- Edges ------------------------------------------------------------------------------------------------------------

START, END = DAY_0, DAY_0 + dt.timedelta(days=10)


def one_team(**tables: list[Row]) -> pd.Series:
    """The baseline row of one team's panel."""
    given_tables: Tables = {
        "teams": [{"team": "T1", "trust": "X", "setting": "urban"}],
        "allocation": [{"team": "T1", "stratum": "X", "arm": "intervention"}],
        "exposure": [{"team": "T1", "period": "before", "start_on": START, "end_on": END, "population": 1000}],
    }
    panel = panel_of(given_tables | tables)
    assert list(panel["timepoint"]) == [0, 6, 12]
    return panel.iloc[0]


def spell(first: int, nights: int | None) -> Row:
    admitted_on = START + dt.timedelta(days=first)
    discharged_on = None if nights is None else admitted_on + dt.timedelta(days=nights)
    return {"person": "A", "team": "T1", "admitted_on": admitted_on, "discharged_on": discharged_on}


@pytest.mark.parametrize(
    ("first", "nights", "admissions", "bed_days"),
    [
        pytest.param(0, 1, 1, 1, id="admitted on the first day"),
        pytest.param(9, 1, 1, 1, id="admitted on the last day"),
        pytest.param(9, 5, 1, 1, id="stays beyond the end"),
        pytest.param(10, 5, 0, 0, id="admitted on the day after the end"),
        pytest.param(-1, 1, 0, 0, id="discharged on the first day"),
        pytest.param(-1, 2, 0, 1, id="begun before, one night within"),
        pytest.param(-5, 50, 0, 10, id="begun before, ended after"),
        pytest.param(3, 0, 1, 0, id="discharged on the day of admission"),
        pytest.param(3, None, 1, 7, id="open, censored at the end"),
        pytest.param(-3, None, 0, 10, id="open, begun before"),
        pytest.param(11, None, 0, 0, id="open, begun after"),
        pytest.param(-9, 4, 0, 0, id="wholly before"),
    ],
)
def test_spells_at_the_edges_of_a_window(first: int, nights: int | None, admissions: int, bed_days: int) -> None:
    row = one_team(admissions=[spell(first, nights)])
    assert (row["admissions"], row["bed_days"]) == (admissions, bed_days)


def test_a_long_spell_counts_in_both_windows_once_as_an_admission() -> None:
    after = {"team": "T1", "period": "after", "start_on": START + dt.timedelta(days=30), "population": 1000}
    after["end_on"] = START + dt.timedelta(days=35)
    before = {"team": "T1", "period": "before", "start_on": START, "end_on": END, "population": 1000}
    rows = panel_of(
        {
            "teams": [{"team": "T1", "trust": "X", "setting": "urban"}],
            "allocation": [{"team": "T1", "stratum": "X", "arm": "control"}],
            "exposure": [before, after],
            "admissions": [spell(8, 100)],
        }
    )
    assert list(rows["admissions"]) == [1, 0]
    assert list(rows["bed_days"]) == [2, 5]


def test_person_years_and_rates_are_per_1000_person_years() -> None:
    row = one_team(admissions=[spell(0, 2), spell(1, 2) | {"legal_status": "detained"}])
    assert row["person_years"] == pytest.approx(1000 * 10 / 365.25, rel=1e-14)
    assert row["admission_rate"] == pytest.approx(2 * 36.525, rel=1e-14)
    assert row["bed_day_rate"] == pytest.approx(4 * 36.525, rel=1e-14)
    assert row["detained_rate"] == pytest.approx(36.525, rel=1e-14)


def test_a_window_without_admissions_has_none_and_a_missing_window_is_missing() -> None:
    with_window = one_team(admissions=[])
    assert (with_window["admissions"], with_window["bed_days"], with_window["admission_rate"]) == (0, 0, 0)
    without = one_team(admissions=[spell(1, 1)], exposure=[])
    assert without[[*COLUMNS_FROM["admissions"], "person_years"]].isna().all()


def review(scores: dict[int, int | None]) -> list[Row]:
    return [{"team": "T1", "timepoint": 0, "item": item, "score": scores.get(item, 3)} for item in range(1, 40)]


@pytest.mark.parametrize(
    ("unscored", "total"),
    [(0, 117), (1, 117), (4, 117), (5, None), (39, None)],
)
def test_totals_are_prorated_from_35_items(unscored: int, total: float | None) -> None:
    row = one_team(fidelity_items=review(dict.fromkeys(range(1, unscored + 1))))
    assert row["items_scored"] == 39 - unscored
    assert pd.isna(row["fidelity"]) if total is None else row["fidelity"] == total


def test_prorating_is_the_mean_of_the_scored_items_times_39() -> None:
    row = one_team(fidelity_items=review({1: None, 2: 5, 3: 5}))
    assert row["fidelity"] == pytest.approx((36 * 3 + 10) / 38 * 39, rel=1e-14)


@pytest.mark.parametrize(
    ("name", "items", "may_miss"),
    [
        ("referrals", range(1, 11), 1),
        ("content", range(11, 27), 1),
        ("staffing", range(27, 38), 1),
        ("location", range(38, 40), 0),
    ],
)
def test_subscales_are_prorated_by_their_own_share(name: str, items: range, may_miss: int) -> None:
    most = one_team(fidelity_items=review(dict.fromkeys(items[:may_miss])))
    assert most[f"fidelity_{name}"] == 3 * len(items)
    fewer = one_team(fidelity_items=review(dict.fromkeys(items[: may_miss + 1])))
    assert pd.isna(fewer[f"fidelity_{name}"])


@pytest.mark.parametrize(
    ("scores", "total", "band"),
    [
        ({1: 2}, 116, "low"),
        ({}, 117, "moderate"),
        (dict.fromkeys(range(1, 39), 4), 155, "moderate"),
        (dict.fromkeys(range(1, 40), 4), 156, "high"),
    ],
)
def test_bands(scores: dict[int, int], total: float, band: str) -> None:
    row = one_team(fidelity_items=review(scores))
    assert (row["fidelity"], row["band"]) == (total, band)


def test_a_team_without_follow_up_patients_has_none_of_them(trial: ct.Trial) -> None:
    tables = {name: trial.table(name) for name in ("teams", "allocation", "patients")}
    patients = tables["patients"]
    tables["patients"] = patients[(patients["team"] != "T03") | (patients["wave"] == "baseline")]
    with pytest.warns(ct.TrialWarning, match="no patients"):
        panel = ct.load_trial(tables).panel().set_index(["team", "timepoint"])
    assert panel.loc[("T03", 12), "csq8_n"] == 0
    assert np.isnan(panel.loc[("T03", 12), "csq8_mean"])
    assert panel.loc[("T03", 0), "csq8_n"] == 15


@pytest.mark.parametrize("absent", COLUMNS_FROM)
def test_columns_of_an_absent_table_are_missing_and_the_others_as_before(trial: ct.Trial, absent: str) -> None:
    whole = trial.panel()
    without = build_panel(trial.connection, set(trial.tables) - {absent})
    columns = list(COLUMNS_FROM[absent])
    assert without[columns].isna().all(axis=None)
    pd.testing.assert_frame_equal(without.drop(columns=columns), whole.drop(columns=columns))


def test_shape_order_and_types(trial: ct.Trial) -> None:
    panel = trial.panel()
    assert len(panel) == 25 * 2 + 15
    assert panel[["team", "timepoint"]].equals(panel[["team", "timepoint"]].sort_values(["team", "timepoint"]))
    assert set(panel.loc[panel["timepoint"] == 6, "arm"]) == {"intervention"}
    assert all(panel[column].dtype == "Int64" for column in COUNTS)
    assert all(panel[f"{scale}_mean"].dtype == "float64" for scale in STAFF_SCALES)
    assert panel.loc[panel["timepoint"] == 6, "admissions"].isna().all()


def test_the_panel_leaves_the_connection_as_it_was(trial: ct.Trial) -> None:
    before = trial.sql("SELECT schema_name, view_name FROM duckdb_views() ORDER BY ALL")
    trial.panel()
    pd.testing.assert_frame_equal(trial.sql("SELECT schema_name, view_name FROM duckdb_views() ORDER BY ALL"), before)


def test_score_counts_add_up(trial: ct.Trial) -> None:
    counts = score_counts(trial).set_index("scale")
    panel = trial.panel()
    assert list(counts.index) == ["total", "referrals", "content", "staffing", "location"]
    assert (counts["reviews"] == 65).all()
    assert (counts[["complete", "prorated", "missing"]].sum(axis=1) == counts["reviews"]).all()
    assert counts.loc["total", "complete"] == (panel["items_scored"] == 39).sum()
    assert counts.loc["total", "missing"] == panel["fidelity"].isna().sum() > 0
