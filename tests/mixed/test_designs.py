"""Trials measured before and after: the formulas that are written, and their fits."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import core_trial as ct

EFFECT = "I(arm == 'intervention'):I(month == 12)"


def panel(seed: int = 1, months: tuple[int, ...] = (0, 12)) -> pd.DataFrame:
    """A row a team and month."""
    rng = np.random.default_rng(seed)
    team, visit = np.divmod(np.arange(24 * len(months)), len(months))
    month = np.array(months)[visit]
    treated = (team % 2 == 1) & (month > 0)
    score = 20 + 3 * rng.normal(size=24)[team] + 0.2 * month + 2 * treated + rng.normal(size=len(team))
    arm = np.where(team % 2 == 1, "intervention", "control")
    return pd.DataFrame({"team": [f"T{i}" for i in team], "month": month, "arm": arm, "score": score})


def people(*, cohort: bool) -> pd.DataFrame:
    """Four persons of each team and month, the same again if `cohort`."""
    rows = panel(3, (0, 6, 12)).loc[lambda p: p.index.repeat(4)].reset_index(drop=True)
    rng = np.random.default_rng(5)
    person = rows["team"] + "-" + (rows.index % 4).astype(str)
    effects = dict(zip(person.unique(), rng.normal(size=person.nunique()), strict=True))
    score = rows["score"] + (person.map(effects) if cohort else 0) + rng.normal(size=len(rows))
    return rows.assign(person=person, score=score)


def analyse(data: pd.DataFrame, **options) -> ct.LmmFit:
    return ct.longitudinal("score", data, cluster="team", timepoint="month", arm="arm", **options)


def same_inference(ours: pd.DataFrame, term: str, theirs: pd.DataFrame, other: str) -> None:
    columns = ["estimate", "std_error", "df", "p_value"]
    row, expected = ours.set_index("term").loc[term, columns], theirs.set_index("term").loc[other, columns]
    np.testing.assert_allclose(row.astype(float), expected.astype(float), rtol=1e-8)


def test_constrained_analysis_has_one_mean_at_baseline_and_effects_after():
    data = panel(months=(0, 6, 12))
    later = {f"late_{m}": ((data["month"] == m) & (data["arm"] == "intervention")).astype(int) for m in (6, 12)}
    by_hand = ct.lmm("score ~ C(month) + late_6 + late_12 + (1 | team)", data.assign(**later))
    ours = analyse(data)
    for month in (6, 12):
        same_inference(ours.tidy(), EFFECT.replace("12", str(month)), by_hand.tidy(), f"late_{month}")
    assert ours.method.startswith(
        "Constrained longitudinal data analysis, the arms equal at month 0, score ~ C(month) +"
        " I(arm == 'intervention'):I(month == 6) + I(arm == 'intervention'):I(month == 12) + (1 | team): Linear mixed"
    )


def test_constrained_means_are_equal_at_baseline_only():
    differences = analyse(panel()).marginal_differences("arm", "month").set_index("month")
    assert differences.loc[0, ["estimate", "std_error"]].tolist() == [0, 0]
    assert np.isnan(differences.loc[0, "p_value"])
    same_inference(analyse(panel()).tidy(), EFFECT, differences.loc[[12]].assign(term=EFFECT), EFFECT)


def test_change_of_a_panel_with_two_later_visits_compares_changes():
    data = panel(months=(0, 6, 12))
    wide = data.pivot_table(index="team", columns="month", values="score")
    treated = data.groupby("team")["arm"].first() == "intervention"
    ours = analyse(data, method="difference").tidy().set_index("term")["estimate"]
    for month in (6, 12):
        change = wide[month] - wide[0]
        expected = change[treated].mean() - change[~treated].mean()
        np.testing.assert_allclose(ours[EFFECT.replace("12", str(month))], expected, rtol=1e-9)


def test_covariance_analysis_of_persons_takes_their_own_baseline():
    data = people(cohort=True)
    before = data[data["month"] == 0].set_index("person")["score"]
    later = data[data["month"] == 12].assign(before=lambda d: d["person"].map(before))
    by_hand = ct.lmm("score ~ arm + before + (1 | team)", later)
    ours = analyse(data[data["month"] != 6], method="ancova", subject="person")
    same_inference(ours.tidy(), "I(arm == 'intervention')", by_hand.tidy(), "arm[T.intervention]")
    assert "score ~ I(arm == 'intervention') + score_baseline + (1 | team):" in ours.method


def test_without_subjects_the_baseline_is_the_mean_of_the_cluster():
    data = people(cohort=False)
    before = data[data["month"] == 0].groupby("team")["score"].mean()
    later = data[data["month"] == 12].assign(before=lambda d: d["team"].map(before))
    by_hand = ct.lmm("score ~ arm + before + (1 | team)", later)
    ours = analyse(data[data["month"] != 6], method="ancova")
    same_inference(ours.tidy(), "I(arm == 'intervention')", by_hand.tidy(), "arm[T.intervention]")


def test_several_later_visits_have_slopes_on_the_baseline_of_their_own():
    ours = analyse(people(cohort=True), method="ancova", subject="person")
    assert "C(month)[T.12]:score_baseline" in ours.terms
    assert {EFFECT, EFFECT.replace("12", "6")} <= set(ours.terms)


@pytest.mark.parametrize(
    ("data", "options", "random"),
    [
        (panel(), {}, "(1 | team):"),
        (people(cohort=False), {}, "(1 | team) + (1 | team:month):"),
        (people(cohort=True), {"subject": "person"}, "(1 | team) + (1 | team:month) + (1 | team:person):"),
        (people(cohort=True), {"random": "(month | team)"}, "(month | team):"),
    ],
)
@pytest.mark.filterwarnings("ignore:boundary fit:core_trial.TrialWarning")
def test_random_effects_are_those_of_the_sampling(data, options, random):
    assert random in analyse(data, **options).method


def test_repeated_measures_have_a_covariance_of_their_visits():
    data = panel(months=(0, 6, 12))
    ours = analyse(data, covariance="us")
    assert isinstance(ours, ct.MmrmFit)
    assert ours.residual_covariance().shape == (3, 3)
    assert ours.marginal_differences("arm", "month")["estimate"].iloc[0] == 0
    equal = analyse(data, covariance="cs", ddf="normal").tidy()
    same_inference(equal, EFFECT, analyse(data, ddf="normal").tidy(), EFFECT)
    persons = analyse(people(cohort=True), covariance="cs", subject="person")
    assert "random intercepts by team (24 levels)" in persons.method


def test_covariates_join_the_formula():
    data = panel().assign(urban=lambda d: d["team"].str[1:].astype(int) % 3)
    assert "urban" in analyse(data, covariates=["urban"]).terms


@pytest.mark.parametrize("method", ["clda", "ancova", "difference"])
def test_a_visit_of_one_arm_has_no_effect(method):
    data = panel(months=(0, 6, 12))
    data = data[(data["arm"] == "intervention") | (data["month"] != 6)]
    fit = analyse(data, method=method)
    assert EFFECT in fit.terms
    assert EFFECT.replace("12", "6") not in fit.terms
    assert fit.notes[0] == "score was observed at month 6 in intervention only: no effect is estimated there"
    if method == "clda":
        means = fit.marginal_means(["arm", "month"]).set_index(["arm", "month"])["estimate"]
        assert np.isnan(means["control", 6])
        assert np.isfinite(means["intervention", 6])


def test_rows_without_a_baseline_still_count_when_it_is_an_outcome():
    data = panel(months=(0, 6, 12))
    data.loc[(data["team"] == "T3") & (data["month"] == 0), "score"] = np.nan
    assert analyse(data).summary["nobs"] == 71
    adjusted = analyse(data, method="ancova")
    assert adjusted.summary["nobs"] == 46
    assert "2 of 48 rows left out, with no value of score_baseline (2)" in adjusted.notes


def test_arms_and_visits_may_be_coded_in_other_ways():
    data = panel()
    words = data.assign(
        arm=(data["arm"] == "intervention").astype(int), month=np.where(data["month"] == 0, "before", "after")
    )
    ours = analyse(words, baseline="before").tidy()
    same_inference(ours, "I(arm == 1):I(month == 'after')", analyse(data).tidy(), EFFECT)
    awkward = data.rename(columns={"month": "month of visit"})
    fit = ct.longitudinal("score", awkward, cluster="team", timepoint="month of visit", arm="arm")
    np.testing.assert_allclose(fit.estimate[-1], analyse(data).estimate[-1], rtol=1e-9)


@pytest.mark.parametrize(
    ("change", "options", "error", "message"),
    [
        (lambda d: d, {"method": "anova"}, ct.PlanError, "choose from clda, ancova, difference"),
        (lambda d: d, {"baseline": 3}, ct.PlanError, "'month' has no value 3; it has 0, 12"),
        (lambda d: d.drop(columns="arm"), {}, ct.PlanError, "no column 'arm'"),
        (lambda d: d.assign(score="high"), {}, ct.DataError, "'score' is not a number"),
        (lambda d: d.assign(month=d["month"].where(d.index > 2)), {}, ct.DataError, "'month' is missing"),
        (lambda d: d.assign(arm="control"), {}, ct.DesignError, "an effect needs two"),
        (lambda d: d.assign(arm=np.where(d["month"], "a", "b")), {}, ct.DesignError, "varies within"),
        (lambda d: d[(d["month"] == 0) | (d["arm"] == "control")], {}, ct.DesignError, "in both arms"),
        (lambda d: d, {"method": "ancova"}, ct.DesignError, "cluster_level"),
        (lambda d: d.assign(score_baseline=1), {"method": "ancova"}, ct.PlanError, "rename it"),
    ],
)
def test_what_is_no_such_trial_is_refused(change, options, error, message):
    with pytest.raises(error, match=message):
        analyse(change(panel()), **options)
