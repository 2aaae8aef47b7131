"""Engagement: raters taken together, timing and dose against the plan, the index and what depends on its weights."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import core_trial as ct
from core_trial.mixed_methods.engagement import MEASURES, weigh

derive = ct.mixed_methods.derive_engagement
COMPONENTS = list(ct.published.components["component"])


def record(team: str, component: str, rating: int | None, rater: str = "r1", **more: object) -> dict[str, object]:
    return {"team": team, "component": component, "rating": rating, "rater": rater, **more}


def full(ratings: dict[str, int], rater: str = "r1") -> pd.DataFrame:
    """Every component of each team with the team's rating."""
    return pd.DataFrame([record(team, name, rating, rater) for team, rating in ratings.items() for name in COMPONENTS])


def cell(engagement: ct.mixed_methods.Engagement, team: str, component: str) -> pd.Series:
    rows = engagement.components
    return rows[(rows["team"] == team) & (rows["component"] == component)].iloc[0]


def test_raters_are_taken_together_and_the_plan_is_the_yardstick() -> None:
    records = pd.DataFrame(
        [
            record("A", "learning_events", 3, "r1", delivered="yes", month=7, sessions=2),
            record("A", "learning_events", 1, "r2", delivered="yes", month=5, sessions=1),
            record("A", "scoping_day", 2, "r1", delivered="yes", month=6, sessions=1),
            record("A", "scoping_day", None, "r2", delivered="unknown"),
            record("A", "coaching", 2, "r1", delivered="yes", sessions=26),
            record("A", "coaching", 2, "r2", delivered="no"),
        ]
    )
    engagement = derive(records)
    events = cell(engagement, "A", "learning_events")
    assert (events["rating"], events["raters"], events["rating_range"], events["months_late"]) == (2, 2, 2, 1)
    assert (events["sessions"], events["planned_sessions"], events["dose"]) == (1.5, 2, 0.75)
    scoping = cell(engagement, "A", "scoping_day")
    assert (scoping["rating"], scoping["raters"], scoping["delivered"], scoping["months_late"]) == (2, 1, True, 5)
    coaching = cell(engagement, "A", "coaching")
    assert coaching["delivered"] is pd.NA
    assert (coaching["dose"], coaching["hours"]) == (0.5, 26 * 3.75)
    assert cell(derive(records, hours_per_session=4), "A", "coaching")["hours"] == 104
    unrecorded = cell(engagement, "A", "actions")
    assert unrecorded[["delivered", "month", "sessions", "rating"]].isna().all()
    assert "1 of 8 pairs of team and component have ratings two points or more apart" in engagement.notes
    assert "1 of 8 pairs of team and component rest on one rater" in engagement.notes
    disagreement = "1 of 8 pairs of team and component have raters who disagree whether the component was delivered"
    assert disagreement in engagement.notes


def test_missing_ratings_leave_the_index_missing_between_its_bounds() -> None:
    records = full({"A": 2, "B": 2})
    records = records[~((records["team"] == "A") & (records["component"] == "actions"))]
    index = derive(records).index.set_index("team")
    assert np.isnan(index.loc["A", "index"])
    assert (index.loc["A", "index_low"], index.loc["A", "index_high"]) == (2 * 7 / 8, 2 * 7 / 8 + 3 / 8)
    assert (index.loc["A", "rated"], index.loc["B", "index"]) == (7, 2)
    lenient = derive(records, most_missing=1 / 8).index.set_index("team")
    assert lenient.loc["A", "index"] == 2
    unweighted = derive(records, weights={"coaching": 2, "scoping_day": 1}).index
    assert unweighted["index"].tolist() == [2, 2]


ratings = st.lists(st.lists(st.one_of(st.none(), st.integers(0, 3)), min_size=4, max_size=4), min_size=1, max_size=6)


@given(ratings, st.lists(st.floats(0.01, 10), min_size=4, max_size=4), st.floats(0, 0.99))
def test_the_index_is_a_weighted_mean_within_its_bounds(
    table: list[list[int | None]], weights: list[float], most_missing: float
) -> None:
    names = list("abcd")
    frame = pd.DataFrame(table, columns=names, dtype="float64")
    index = weigh(frame, dict(zip(names, weights, strict=True)), most_missing)
    assert (index["index_low"] <= index["index_high"] + 1e-9).all()
    for row, given_index in zip(frame.to_numpy(), index["index"], strict=True):
        known = ~np.isnan(row)
        if known.any() and np.dot(known, weights) / sum(weights) > 1 - most_missing + 1e-6:
            assert given_index == pytest.approx(np.average(row[known], weights=np.array(weights)[known]))
    complete = frame.notna().all(axis=1)
    expected = index.loc[complete, ["index", "index"]].to_numpy()
    np.testing.assert_allclose(index.loc[complete, ["index_low", "index_high"]], expected, atol=1e-9)


def test_equal_weights_and_scaled_weights_are_the_same(trial: ct.Trial) -> None:
    equal = derive(trial)
    scaled = derive(trial, weights=dict.fromkeys(COMPONENTS, 7.0))
    pd.testing.assert_frame_equal(equal.index, scaled.index)
    assert sum(equal.weights.values()) == pytest.approx(1)
    assert "equal (8 components)" in equal.method
    assert "scoping_day 0.125" in scaled.method


def test_sensitivity_to_the_weights(trial: ct.Trial) -> None:
    engagement = derive(trial)
    table = engagement.sensitivity(draws=50)
    assert table["weighting"].tolist() == [*(f"without {name}" for name in COMPONENTS), "least of 50 at random"]
    assert table["kendall_tau_b"].between(-1, 1).all()
    assert table["kendall_tau_b"].iloc[-1] == table["kendall_tau_b"].min()
    assert (table["teams"] == 15).all()
    pd.testing.assert_frame_equal(table, engagement.sensitivity(draws=50))
    direct = derive(trial, weights={name: float(name != "coaching") for name in COMPONENTS})
    reweighted = engagement.reweighted()["without coaching"]
    np.testing.assert_allclose(reweighted.to_numpy(), direct.index["index"])


def test_one_component_alone_has_no_other_weighting(trial: ct.Trial) -> None:
    table = derive(trial, weights={"coaching": 1}).sensitivity(draws=20)
    assert table["weighting"].tolist() == ["least of 20 at random"]


def test_the_synthetic_trial_recovers_the_engagement_it_was_drawn_with(trial: ct.Trial) -> None:
    engagement = derive(trial)
    values = trial.truth["values"]
    assert len(engagement.components) == 15 * 8
    error = values["engagement_sd"] / np.sqrt(15)
    assert engagement.index["index"].mean() == pytest.approx(values["engagement_mean"], abs=3 * error)
    for measure in MEASURES:
        assert engagement.by_team(measure).shape == (15, 8)


def test_control_teams_and_silent_teams_are_noted(trial: ct.Trial) -> None:
    records = trial.table("engagement").assign(team=lambda table: table["team"].replace({"T01": "T03"}))
    tables = {name: trial.table(name) for name in ("teams", "allocation")}
    with pytest.warns(ct.TrialWarning, match="delivered to the control team T03"):
        changed = ct.load_trial({**tables, "engagement": records})
    notes = derive(changed).notes
    assert "1 control team left out: 'T03'" in notes
    assert "1 intervention team without a record of engagement: 'T01'" in notes
    assert "1 team without an index, for missing ratings: 'T01'" in notes


def test_no_record_of_an_intervention_team(trial: ct.Trial) -> None:
    tables = {name: trial.table(name) for name in ("teams", "allocation")}
    records = pd.DataFrame([record("T03", "coaching", 1)])
    with pytest.raises(ct.DesignError, match="no intervention team has a record of engagement"):
        derive(ct.load_trial({**tables, "engagement": records}))
    with pytest.raises(ct.DataError, match="no table engagement"):
        derive(ct.load_trial(tables))


def test_ratings_out_of_range_name_their_row() -> None:
    records = full({"A": 1})
    records.loc[4, "rating"] = 4
    with pytest.raises(ct.DataError, match="row 5, rating: rating 4 is above 3; allowed: 0 to 3") as caught:
        derive(records)
    assert caught.value.failures["row"].tolist() == [5]


def test_a_component_spelled_two_ways_is_met_with_the_nearest() -> None:
    records = pd.DataFrame([record("A", "scoping_day", 1), record("B", "scoping-day", 1)])
    with pytest.raises(ct.DataError, match=r"row 2, component: .*did you mean scoping_day\?"):
        derive(records)
    labels = pd.DataFrame([record("A", "Scoping day", 1), record("B", "scoping_day", 1)])
    assert derive(labels).by_team()["scoping_day"].tolist() == [1, 1]


def test_two_ratings_by_one_rater_are_refused() -> None:
    records = pd.DataFrame([record("A", "coaching", 1), record("A", "coaching", 2)])
    with pytest.raises(ct.DataError, match="the same team, component, rater stands in row 1"):
        derive(records)


def test_one_rater_only_says_that_agreement_is_not_defined() -> None:
    assert "one rater only: agreement between raters is not defined" in derive(full({"A": 1, "B": 2})).notes


def test_teams_that_all_engaged_fully_are_noted() -> None:
    engagement = derive(full({"A": 3, "B": 3, "C": 3}))
    assert "the index is 3 of every team: it has no variation to relate to anything" in engagement.notes
    assert engagement.sensitivity(draws=5)["kendall_tau_b"].isna().all()


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"coachin": 1}, "did you mean 'coaching'"),
        ({"coaching": -1}, "the weight of coaching is -1"),
        ({"coaching": np.nan}, "the weight of coaching is nan"),
        ({"coaching": 0}, "all weights are zero"),
    ],
)
def test_weights_that_cannot_be(weights: dict[str, float], message: str) -> None:
    with pytest.raises(ct.PlanError, match=message):
        derive(full({"A": 1}), weights=weights)


def test_options_that_cannot_be() -> None:
    with pytest.raises(ct.PlanError, match="most_missing is 1"):
        derive(full({"A": 1}), most_missing=1)
    with pytest.raises(ct.PlanError, match="no measure 'ratings'; engagement is measured by rating"):
        derive(full({"A": 1})).by_team("ratings")  # type: ignore[arg-type]


def test_the_order_of_records_does_not_matter(trial: ct.Trial) -> None:
    records = trial.table("engagement")
    straight, shuffled = derive(records), derive(records.sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(straight.components, shuffled.components)
    pd.testing.assert_frame_equal(straight.index, shuffled.index)
