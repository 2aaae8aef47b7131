"""The rows that analyses take."""

from __future__ import annotations

import pandas as pd
import pytest

import core_trial as ct


@pytest.mark.parametrize(("name", "rows"), [("panel", 65), ("teams", 25), ("patients", 375), ("staff", 560)])
def test_no_row_is_left_out_and_numbers_are_floats(trial: ct.Trial, name: str, rows: int) -> None:
    frame = trial.frame(name)
    assert len(frame) == rows
    assert set(frame["intervention"]) == {0, 1}
    assert ((frame["intervention"] == 1) == (frame["arm"] == "intervention")).all()
    assert not any(isinstance(dtype, pd.Int64Dtype) for dtype in frame.dtypes)


def test_panel_frame_has_months(trial: ct.Trial) -> None:
    frame = trial.frame("panel")
    assert frame.groupby("timepoint")[["month_6", "month_12"]].first().to_numpy().tolist() == [[0, 0], [1, 0], [0, 1]]
    pd.testing.assert_series_equal(frame["fidelity"], trial.panel()["fidelity"])


def test_teams_frame_has_both_time_points(trial: ct.Trial) -> None:
    frame = trial.frame("teams").set_index("team")
    panel = trial.panel().set_index(["timepoint", "team"])
    for column in ("fidelity", "admission_rate", "bed_days", "csq8_mean", "ghq12_mean"):
        pd.testing.assert_series_equal(frame[column], panel.loc[12, column].astype(float))
        before = panel.loc[0, column].astype(float).rename(f"{column}_baseline")
        pd.testing.assert_series_equal(frame[f"{column}_baseline"], before)
    assert "band_baseline" not in frame


@pytest.mark.parametrize(("name", "column"), [("patients", "csq8_total"), ("staff", "ghq12")])
def test_people_frames_have_the_mean_of_their_team_at_baseline(trial: ct.Trial, name: str, column: str) -> None:
    frame = trial.frame(name)
    assert set(frame["wave"]) == {"follow_up"}
    people = trial.table(name)
    for team, rows in frame.groupby("team"):
        baseline = people[(people["team"] == team) & (people["wave"] == "baseline")][column].dropna()
        assert rows[f"{column}_baseline"].to_numpy() == pytest.approx(sum(baseline) / len(baseline), rel=1e-12)
    merged = frame.merge(trial.table("teams"), on="team", suffixes=("", "_of_team"))
    assert merged["trust"].equals(merged["trust_of_team"])
    assert merged["setting"].equals(merged["setting_of_team"])


def test_a_team_without_baseline_keeps_its_rows(trial: ct.Trial) -> None:
    patients = trial.table("patients")
    given = {name: trial.table(name) for name in ("teams", "allocation")}
    given["patients"] = patients[(patients["team"] != "T01") | (patients["wave"] == "follow_up")]
    with pytest.warns(ct.TrialWarning, match="no patients"):
        frame = ct.load_trial(given).frame("patients")
    assert len(frame) == 375
    assert frame.loc[frame["team"] == "T01", "csq8_total_baseline"].isna().all()


def test_an_unknown_frame_is_answered_with_the_known_ones(trial: ct.Trial) -> None:
    with pytest.raises(ct.PlanError, match="no frame 'team'; the frames are panel, teams, patients, staff"):
        trial.frame("team")


def test_a_frame_of_an_absent_table_says_so(trial: ct.Trial) -> None:
    given = {name: trial.table(name) for name in ("teams", "allocation")}
    with pytest.raises(ct.DataError, match="no table staff"):
        ct.load_trial(given).frame("staff")
