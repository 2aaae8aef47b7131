"""Targeted items against others of the same team."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import core_trial as ct

MIXED, HELD, PERMUTED = (
    "mixed model",
    "mixed model, baseline score held",
    "permutation within teams, baseline score held",
)


@pytest.fixture(scope="module")
def scores(trial: ct.Trial) -> pd.DataFrame:
    allocation = trial.table("allocation")
    offered = allocation.loc[allocation["arm"] == "intervention", "team"]
    items = trial.table("fidelity_items").dropna(subset="score")
    both = items[items["timepoint"].isin([0, 12])].groupby(["team", "item"])["timepoint"].transform("size") == 2
    return items[items["team"].isin(offered) & (items["timepoint"] == 0) & both]


def test_lowest_items_rise_by_regression_to_the_mean_only(trial: ct.Trial, scores: pd.DataFrame) -> None:
    lowest = scores.sort_values("score", kind="stable").groupby("team").head(6)[["team", "item"]]
    effects = ct.mixed_methods.link_items(trial, lowest, draws=999).effects.set_index("analysis")
    assert effects.loc[MIXED, "conf_low"] > 0
    for analysis in (HELD, PERMUTED):
        assert effects.loc[analysis, "conf_low"] < 0 < effects.loc[analysis, "conf_high"]


@pytest.fixture(scope="module")
def chosen(scores: pd.DataFrame) -> pd.DataFrame:
    return scores.groupby("team").sample(6, random_state=5)[["team", "item"]]


def raised(trial: ct.Trial, chosen: pd.DataFrame) -> ct.Trial:
    """The trial with every targeted item a point higher at 12 months, where the scale allows."""
    items = trial.table("fidelity_items").merge(chosen.assign(targeted=1), how="left", on=["team", "item"])
    up = (items["targeted"] == 1) & (items["timepoint"] == 12) & (items["score"] < 5)
    items["score"] += up.astype("int64")
    tables = {name: trial.table(name) for name in ("teams", "allocation")}
    return ct.load_trial({**tables, "fidelity_items": items.drop(columns="targeted")})


@pytest.mark.filterwarnings("ignore::core_trial.TrialWarning")
def test_items_that_were_raised_are_found(trial: ct.Trial, chosen: pd.DataFrame) -> None:
    before, after = (ct.mixed_methods.link_items(each, chosen, draws=999) for each in (trial, raised(trial, chosen)))
    gain = (after.effects["estimate"] - before.effects["estimate"]).to_numpy()
    share = (after.items["change"] - before.items["change"])[after.items["targeted"] == 1].mean()
    assert 0.6 < share <= 1
    np.testing.assert_allclose(gain, share, atol=0.2)
    assert (after.effects["p_value"] < 0.01).all()
    assert after.effects["p_value"].iloc[2] >= 1 / 1000
    assert (after.effects["conf_low"] > 0.3).all()


def test_tables_by_team_and_subscale_are_means_of_the_items(trial: ct.Trial, chosen: pd.DataFrame) -> None:
    linked = ct.mixed_methods.link_items(trial, chosen, draws=99)
    items = linked.items
    row = linked.teams.set_index("team").loc["T12"]
    own = items[items["team"] == "T12"]
    means = own.groupby("targeted")["change"].mean()
    assert (row["targeted"], row["other"]) == (6, len(own) - 6)
    assert row["difference"] == pytest.approx(means[1] - means[0])
    assert row["baseline_targeted"] == pytest.approx(own.loc[own["targeted"] == 1, "baseline"].mean())
    assert linked.subscales["subscale"].tolist() == ["referrals", "content", "staffing", "location"]
    assert linked.subscales[["targeted", "other"]].to_numpy().sum() == len(items)
    assert "exploratory" in linked.method.lower()
    assert linked.fit.terms == ("(Intercept)", "targeted", "baseline")


def test_targets_that_are_the_same_in_all_teams_leave_nothing_to_permute(trial: ct.Trial) -> None:
    targets = pd.DataFrame({"team": np.repeat(["T01", "T12"], 3), "item": [8, 11, 13] * 2})
    linked = ct.mixed_methods.link_items(trial, targets, draws=99)
    assert linked.effects.set_index("analysis").loc[PERMUTED].isna().all()
    assert any(note.startswith("all teams targeted the same items") for note in linked.notes)


def test_what_is_left_out_is_counted(trial: ct.Trial) -> None:
    targets = pd.DataFrame({"team": ["T01", "T02", "T02"], "item": [8, 2, 7]})
    notes = ct.mixed_methods.link_items(trial, targets, draws=99).notes
    assert "1 of 3 targeted items are not scored at both times and left out" in notes
    assert any(note.startswith("left out, without targets or scores: 'T05', 'T07'") for note in notes)


@pytest.mark.parametrize(
    ("team", "item", "message"),
    [
        (["T01", "T03"], [1, 2], "'team' is no intervention team of the trial in row 2"),
        (["T01", "T1"], [1, 2], "is no intervention team of the trial in row 2: the nearest is T"),
        (["T01", "T01"], [1, 40], "'item' is no item of the scale in row 2: items are 1 to 39"),
        (["T01", "T01"], [3, 3], "'item' repeats an item of the team in row 2"),
        (["T01", None], [3, 3], "'team' is missing in row 2"),
        (["T01", "T02"], [3, "x"], "'item' is not a number in row 2"),
    ],
)
def test_targets_that_cannot_be(trial: ct.Trial, team: list, item: list, message: str) -> None:
    with pytest.raises(ct.DataError, match=message):
        ct.mixed_methods.link_items(trial, pd.DataFrame({"team": team, "item": item}))


def test_nothing_to_compare(trial: ct.Trial) -> None:
    everything = pd.DataFrame({"team": "T01", "item": range(1, 40)})
    with pytest.raises(ct.DesignError, match="two teams at least need targeted and other items"):
        ct.mixed_methods.link_items(trial, everything)
    with pytest.raises(ct.PlanError, match="no column 'item'"):
        ct.mixed_methods.link_items(trial, pd.DataFrame({"team": ["T01"], "items": [1]}))
