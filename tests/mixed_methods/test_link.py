"""Engagement and change: estimates, regression to the mean, what too few teams cannot show, and the published six."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import core_trial as ct
from core_trial.mixed_methods.linking.associations import FEWEST
from core_trial.mixed_methods.linking.ranks import STATISTICS

COMPONENTS = list(ct.published.components["component"])


@pytest.fixture(scope="module")
def linked(trial: ct.Trial) -> ct.mixed_methods.Link:
    return ct.mixed_methods.link(trial, draws=1_999)


def teams(n: int, seed: int = 0, **columns: object) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    baseline = rng.normal(115, 10, n)
    follow_up = baseline + rng.normal(15, 8, n)
    return pd.DataFrame({"team": [f"T{i}" for i in range(n)], "baseline": baseline, "follow_up": follow_up, **columns})


def test_a_row_for_each_outcome_measure_and_statistic(linked: ct.mixed_methods.Link) -> None:
    keys = linked.associations[["outcome", "measure", "statistic"]]
    expected = [
        (outcome, measure, statistic)
        for outcome in ("change", "adjusted_change")
        for measure in ("index", *COMPONENTS)
        for statistic in STATISTICS
    ]
    assert list(keys.itertuples(index=False, name=None)) == expected
    assert (linked.associations["lowest"] <= linked.associations["estimate"] + 1e-9).all()
    assert (linked.associations["highest"] >= linked.associations["estimate"] - 1e-9).all()
    slopes = linked.associations.query("statistic == 'theil_sen'")
    assert (slopes["conf_low"] <= slopes["estimate"]).all()
    assert (slopes["conf_high"] >= slopes["estimate"]).all()
    others = linked.associations.query("statistic != 'theil_sen'")
    assert others[["conf_low", "conf_high"]].isna().all(axis=None)


def test_numbers_are_those_of_scipy_on_the_same_teams(linked: ct.mixed_methods.Link) -> None:
    known = linked.teams.dropna(subset=["change", "index"])
    rows = linked.associations.query("outcome == 'change' and measure == 'index'").set_index("statistic")["estimate"]
    assert rows["kendall_tau_b"] == pytest.approx(stats.kendalltau(known["index"], known["change"]).statistic)
    assert rows["spearman"] == pytest.approx(stats.spearmanr(known["index"], known["change"]).statistic)
    left_out = [known.drop(index=team) for team in known.index]
    taus = [stats.kendalltau(few["index"], few["change"]).statistic for few in left_out]
    row = linked.associations.query("outcome == 'change' and measure == 'index'").iloc[0]
    assert (row["lowest"], row["highest"]) == pytest.approx((min(taus), max(taus)))


def test_adjusted_p_values_are_for_components_and_not_below_their_own(linked: ct.mixed_methods.Link) -> None:
    table = linked.associations
    assert table.loc[(table["measure"] == "index") | (table["statistic"] == "spearman"), "p_adjusted"].isna().all()
    components = table[(table["measure"] != "index") & (table["statistic"] != "spearman")]
    assert (components["p_adjusted"] >= components["p_value"]).all()


def test_the_change_is_adjusted_by_the_slope_within_arms(trial: ct.Trial, linked: ct.mixed_methods.Link) -> None:
    changes = ct.mixed_methods.derive_changes(trial)
    rows = changes.teams.dropna()
    design = np.column_stack([rows["arm"] == "intervention", rows["arm"] == "control", rows["baseline"]]).astype(float)
    slope = np.linalg.lstsq(design, rows["follow_up"], rcond=None)[0][-1]
    assert changes.regression["slope"].item() == pytest.approx(slope)
    assert changes.regression["teams"].item() == len(rows)
    assert changes.regression["conf_low"].item() < slope < changes.regression["conf_high"].item()
    within = rows.groupby("arm")
    assert rows["adjusted_change"].groupby(rows["arm"]).mean().to_numpy() == pytest.approx(
        within["change"].mean().to_numpy()
    )
    for _, arm in within:
        residual = arm["adjusted_change"] - arm["adjusted_change"].mean()
        np.testing.assert_allclose(residual, arm["change"] - arm["expected_change"], atol=1e-9)
    assert any(note.startswith("regression to the mean: within arms") for note in linked.notes)


def test_regression_to_the_mean_alone_gives_no_adjusted_association() -> None:
    rng = np.random.default_rng(3)
    truth = rng.normal(115, 5, 400)
    frame = pd.DataFrame({"team": range(400), "baseline": truth + rng.normal(0, 10, 400)})
    frame["follow_up"] = truth + 15 + rng.normal(0, 10, 400)
    frame["need"] = -frame["baseline"]
    changes = ct.mixed_methods.linking.change.adjust_for_baseline(frame)
    raw, adjusted = (stats.kendalltau(frame["need"], changes.teams[name]) for name in ("change", "adjusted_change"))
    assert raw.pvalue < 1e-6
    assert adjusted.pvalue > 0.05
    assert changes.regression["correlation"].item() < -0.3


def test_a_strong_synthetic_link_is_found_and_its_slope_held() -> None:
    truth = ct.Truth(fidelity_team_persistence=0.95, fidelity_item_persistence=0.95, fidelity_per_engagement=25.0)
    with pytest.warns(ct.TrialWarning):
        strong = ct.simulate_trial(8, n_teams=30, scale=0.05, truth=truth)
    found = ct.mixed_methods.link(strong, most_missing=0.2, draws=499)
    row = found.summary().loc["index"]
    assert row["teams"] >= 14
    assert row["p_value"] < 0.01
    assert row["conf_low"] < truth.fidelity_per_engagement < row["conf_high"]


def test_the_weights_of_the_index(linked: ct.mixed_methods.Link) -> None:
    assert linked.weights["weighting"].tolist() == [f"without {name}" for name in COMPONENTS] * 2
    assert linked.weights["p_value"].between(0, 1).all()


def test_every_word_is_there(linked: ct.mixed_methods.Link) -> None:
    assert linked.method.startswith("Exploratory, over 13 teams whose engagement was not randomised")
    assert "no change is known of 'T05', 'T08'" in linked.notes
    assert any("Engagement index: mean over components" in note for note in linked.notes)


def test_a_component_that_one_team_lacks_excludes_no_difference() -> None:
    frame = teams(8, delivered_actions=[True] * 7 + [False])
    found = ct.mixed_methods.link_teams(frame, delivered=["delivered_actions"])
    row = found.differences.iloc[0]
    assert (row["with_component"], row["without_component"], row["arrangements"]) == (7, 1, 8)
    assert row["p_smallest"] == 1 / 8
    assert (row["conf_low"], row["conf_high"]) == (-np.inf, np.inf)
    assert found.notes[-1].startswith("Actions delivered: none of its 8 arrangements can have a p value below 0.125")


def test_differences_of_delivered_and_not() -> None:
    frame = teams(10, delivered_coaching=[1, 1, 1, 1, 1, 0, 0, 0, 0, None])
    frame.loc[:4, "follow_up"] += 60
    found = ct.mixed_methods.link_teams(frame, delivered=["delivered_coaching"])
    row = found.differences.query("outcome == 'change'").iloc[0]
    change = frame["follow_up"] - frame["baseline"]
    assert row["estimate"] == pytest.approx(change[:5].mean() - change[5:9].mean())
    assert row["p_value"] == pytest.approx(1 / 126)
    assert row["exact"]
    assert 0 < row["conf_low"] < row["estimate"] < row["conf_high"] < 120
    assert row["mean_with"] - row["mean_without"] == pytest.approx(row["estimate"])


def test_teams_that_all_engaged_alike_give_a_note_and_no_number() -> None:
    frame = teams(8, index=3.0, coaching=[3, 2, 1, 3, 2, 1, 0, 1])
    found = ct.mixed_methods.link_teams(frame, index="index", components=["coaching"])
    rows = found.associations.query("measure == 'index'")
    assert rows[["estimate", "p_value", "lowest"]].isna().all(axis=None)
    assert found.associations.query("measure == 'coaching'")["p_value"].notna().all()
    assert "Engagement index: it is the same in all 8 teams; there is no variation to relate" in found.notes


def test_fewer_than_five_teams_show_no_statistic() -> None:
    found = ct.mixed_methods.link_teams(teams(FEWEST - 1, coaching=[3, 2, 1, 0]), components=["coaching"])
    assert found.associations["estimate"].isna().all()
    enough = ct.mixed_methods.link_teams(teams(FEWEST, coaching=[3, 2, 1, 0, 2]), components=["coaching"])
    change = enough.associations.query("outcome == 'change'")
    assert change["p_smallest"].iloc[0] <= 0.05
    assert enough.associations.query("outcome == 'adjusted_change'")["estimate"].isna().all()


def test_the_published_six_carry_no_test() -> None:
    flags = ["scoping_day", "learning_events", "coaching"]
    found = ct.mixed_methods.link_teams(ct.published.sip_teams, delivered=flags)
    assert found.teams["change"].dropna().tolist() == [18, 13, 4, 37]
    assert found.teams["adjusted_change"].isna().all()
    assert found.differences[["estimate", "p_value", "conf_low"]].isna().all(axis=None)
    assert found.differences.query("outcome == 'change'")["with_component"].tolist() == [3, 0, 0]
    assert "no change is known of '3', '5'" in found.notes
    assert "Scoping day: known with a change of 3 teams; nothing is estimated from fewer than 5" in found.notes


def test_another_measure_and_outcome(trial: ct.Trial) -> None:
    found = ct.mixed_methods.link(trial, outcome="admission_rate", using="dose", draws=199)
    assert found.teams["coaching"].between(0, 1).all()
    assert found.associations.query("measure == 'online_resources'")["estimate"].isna().all()
    assert (found.summary("change")["teams"].drop(["online_resources", "actions", "research_support"]) > 10).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"outcome": "fidelty"}, "did you mean 'fidelity'"),
        ({"outcome": "band"}, "'band' is not a number measured at 0 and 12 months"),
        ({"using": "stars"}, "no measure 'stars'"),
        ({"weights": {"coachng": 1}}, "did you mean 'coaching'"),
        ({"conf_level": 95}, "conf_level is 95; it lies between 0 and 1"),
        ({"draws": 0}, "draws is 0; give 1 or more"),
        ({"seed": -1}, "seed is -1; give 0 or more"),
    ],
)
def test_bad_options(trial: ct.Trial, arguments: dict, message: str) -> None:
    with pytest.raises(ct.PlanError, match=message):
        ct.mixed_methods.link(trial, **arguments)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"delivered_coaching": [1, 0, 2, 1, 0, 1]}, "'delivered_coaching' is neither yes nor no in row 3"),
        ({"delivered_coaching": list("yynnyn")}, "'delivered_coaching' is not a number"),
        ({"team": list("ABCDEA")}, "'team' repeats a team in row 6: give one row a team"),
        ({"follow_up": [1, 2, 3, 4, 5, np.inf]}, "'follow_up' is not a number in row 6"),
    ],
)
def test_rows_that_cannot_be(change: dict, message: str) -> None:
    frame = teams(6, delivered_coaching=[True, False, None, True, False, True]).assign(**change)
    with pytest.raises(ct.DataError, match=message):
        ct.mixed_methods.link_teams(frame, delivered=["delivered_coaching"])


def test_a_column_that_is_not_there_and_an_outcome_that_is_not_one(linked: ct.mixed_methods.Link) -> None:
    with pytest.raises(ct.PlanError, match="no column 'coach'; did you mean 'coaching'"):
        ct.mixed_methods.link_teams(teams(6, coaching=1), components=["coach"])
    with pytest.raises(ct.PlanError, match="no outcome 'score'"):
        linked.summary("score")


def test_no_teams_are_named() -> None:
    with pytest.raises(ct.DataError, match="the data have no rows"):
        ct.mixed_methods.link_teams(pd.DataFrame(columns=["team", "baseline", "follow_up"]))
