import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from core_trial.errors import DataError, PlanError
from core_trial.plots.series import MISSING, UNSOLVABLE, WITHHELD, observations, trajectory_data, unbroken


def panel(rows, columns=("team", "arm", "timepoint", "score", "events")):
    return pd.DataFrame(rows, columns=list(columns))


def a_trial():
    """Three intervention teams reviewed at 0, 6 and 12 (B misses 6), two control teams at 0 and 12."""
    return panel(
        [
            *[("A", "intervention", time, value, 20) for time, value in ((0, 1.0), (6, 2.0), (12, 3.0))],
            *[("B", "intervention", time, value, 20) for time, value in ((0, 2.0), (6, np.nan), (12, 5.0))],
            *[("C", "intervention", time, value, 20) for time, value in ((0, 3.0), (6, 4.0), (12, 7.0))],
            *[("X", "control", time, value, 20) for time, value in ((0, 1.0), (12, 2.0))],
            *[("Y", "control", time, value, 20) for time, value in ((0, 3.0), (12, 6.0))],
        ]
    )


def data_of(frame, *, basis=None, min_count=8, conf_level=0.95):
    return trajectory_data(observations(frame, "score", basis), min_count, conf_level)


def of_arm(data, arm, level="arm"):
    return data[(data["level"] == level) & (data["arm"] == arm)]


def test_means_have_t_intervals_between_teams():
    first = of_arm(data_of(a_trial()), "intervention").iloc[0]
    half = stats.t.ppf(0.975, 2) * 1 / np.sqrt(3)
    assert (first["value"], first["teams"]) == (2.0, 3)
    assert (first["conf_low"], first["conf_high"]) == pytest.approx((2 - half, 2 + half))


def test_one_team_has_a_mean_without_interval():
    means = of_arm(data_of(a_trial().query("team != 'Y'")), "control")
    assert means["value"].tolist() == [1.0, 2.0]
    assert means["conf_low"].isna().all()


def test_a_missing_review_is_a_row_that_says_so():
    data = data_of(a_trial())
    missing = data[data["note"] == MISSING]
    assert missing[["team", "timepoint"]].to_numpy().tolist() == [["B", 6.0]]
    assert of_arm(data, "intervention")["teams"].tolist() == [3, 2, 3]


def test_a_missing_review_without_a_row_is_missing_too():
    pd.testing.assert_frame_equal(data_of(a_trial().dropna()), data_of(a_trial()))


def test_what_an_arm_does_not_plan_is_not_missing():
    assert of_arm(data_of(a_trial()), "control", "team")["timepoint"].unique().tolist() == [0, 12]


def test_a_stray_review_of_one_control_breaks_no_other_line():
    stray = pd.concat([a_trial(), panel([("Z", "control", time, 1.0, 20) for time in (0, 6, 12)])])
    controls = of_arm(data_of(stray), "control", "team")
    assert (controls["note"] == "").all()
    assert [len(run) for run in unbroken(controls)] == [2, 2, 3]


def test_lines_break_where_a_value_is_missing():
    runs = unbroken(of_arm(data_of(a_trial()), "intervention", "team"))
    assert [run[:, 0].tolist() for run in runs] == [[0, 6, 12], [0], [12], [0, 6, 12]]


def events_of_teams(*events):
    return panel([(f"T{i}", "control", 0, float(i), count) for i, count in enumerate(events)])


def test_small_counts_are_withheld_with_those_that_give_them_away():
    data = data_of(events_of_teams(30, 7, 9, 12, 40), basis="events")
    teams = data[data["level"] == "team"].set_index("team")
    assert teams.index[teams["note"] == WITHHELD].tolist() == ["T1", "T2", "T3"]
    assert teams["value"].isna().tolist() == [False, True, True, True, False]
    assert of_arm(data, "control")["value"].tolist() == [2.0]


def test_counts_at_the_threshold_are_shown():
    assert (data_of(events_of_teams(8, 8, 9), basis="events")["note"] == "").all()


def test_a_value_with_an_unknown_count_is_withheld():
    data = data_of(events_of_teams(np.nan, 30, 30, 30), basis="events")
    assert WITHHELD in data.loc[data["team"] == "T0", "note"].tolist()


@pytest.mark.parametrize("events", [(3,), (3, 30), (2, 2, 2)])
def test_a_mean_that_gives_teams_away_or_rests_on_few_is_withheld(events):
    data = data_of(events_of_teams(*events), basis="events")
    assert data["value"].isna().all()
    assert data["conf_high"].isna().all()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 20), min_size=1, max_size=12), st.integers(0, 12))
def test_no_small_count_can_be_read_or_solved(events, min_count):
    data = data_of(events_of_teams(*events), basis="events", min_count=min_count)
    teams = data[data["level"] == "team"].set_index("team")
    shown = teams["value"].notna()
    counts = pd.Series(events, index=[f"T{i}" for i in range(len(events))])
    assert (counts[shown[shown].index] >= min_count).all()
    hidden = int((~shown).sum())
    assert hidden == 0 or hidden >= UNSOLVABLE or data["value"].isna().all()


def test_an_unknown_outcome_suggests_the_nearest():
    with pytest.raises(PlanError, match=r"'scor'; did you mean 'score'"):
        observations(a_trial(), "scor", None)


def test_a_missing_count_column_is_an_error_not_a_leak():
    with pytest.raises(PlanError, match="'admissions'"):
        observations(a_trial(), "score", "admissions")


def test_words_are_no_outcome():
    with pytest.raises(PlanError, match="no numbers"):
        observations(a_trial(), "arm", None)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"score": np.inf}, "not a number"),
        ({"timepoint": 0}, "second row for its timepoint"),
        ({"arm": ["control"] + ["intervention"] * 12}, "differs within a team"),
        ({"arm": None}, "missing"),
        ({"score": np.nan}, "no team has a value"),
    ],
)
def test_bad_panels_are_named(change, rule):
    with pytest.raises(DataError, match=rule):
        observations(a_trial().assign(**change), "score", None)


def test_an_empty_panel_is_an_error():
    with pytest.raises(DataError, match="nothing to show"):
        observations(a_trial().iloc[:0], "score", None)
