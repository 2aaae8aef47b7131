"""The analyses of an outcome side by side: numbers of the models, and a verdict that says why they differ."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import core_trial as ct
from core_trial.errors import PlanError
from core_trial.side_by_side.comparison import COLUMNS, ESTIMATES
from core_trial.side_by_side.disagreement import verdict


@pytest.fixture(scope="module")
def people() -> pd.DataFrame:
    """Synthetic patients of 12 teams of unequal size in 3 trusts, 7 with the intervention."""
    rng = np.random.default_rng(5)
    sizes = rng.integers(4, 30, 12)
    team = np.repeat(np.arange(12), sizes)
    arm = np.array([1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0, 1])[team]
    score = 20 + rng.normal(0, 3, 12)[team] + arm + rng.normal(0, 4, len(team))
    frame = pd.DataFrame({"team": team, "trust": [f"S{i % 3}" for i in team], "intervention": arm, "score": score})
    return frame.assign(well=(score > 21).astype(int))


@pytest.fixture(scope="module")
def teams(people: pd.DataFrame) -> pd.DataFrame:
    """Their totals."""
    totals = people.groupby("team").agg(intervention=("intervention", "first"), events=("well", "sum"))
    return totals.assign(years=10 + people.groupby("team").size()).reset_index()


def row(comparison: ct.Comparison, analysis: str) -> pd.Series:
    return comparison.table.set_index("analysis").loc[analysis]


def same(found: pd.Series, fit: ct.Fit, *, ratio: bool) -> None:
    expected = fit.tidy(exponentiate=ratio).set_index("term").loc["intervention"]
    for name in ESTIMATES:
        assert found[name] == pytest.approx(expected[name], rel=1e-10), name


def test_rows_of_means_are_the_models(people: pd.DataFrame) -> None:
    found = ct.compare(people, "score", prespecified="lmm-kenward-roger")
    assert list(found.table.columns) == list(COLUMNS)
    same(row(found, "lmm-kenward-roger"), ct.lmm("score ~ intervention + (1 | team)", people), ratio=False)
    fit = ct.gee("score ~ intervention", people, cluster="team", family="gaussian", correction="fg")
    same(row(found, "gee-fg"), fit, ratio=False)
    same(row(found, "ols-cr2"), ct.cluster_robust("score ~ intervention", people, cluster="team"), ratio=False)
    weighted = ct.cluster_level("score", people, cluster="team", arm="intervention", weights="size")
    same(row(found, "two-stage-size"), weighted, ratio=False)
    assert row(found, "two-stage")["average"] == "cluster"
    assert row(found, "ols-cr2")["average"] == "participant"
    assert row(found, "gee-cr2")["average"] == "between the two"


def test_rows_of_proportions_have_an_odds_ratio_and_a_risk_difference(people: pd.DataFrame) -> None:
    found = ct.compare(people, "well", kind="proportion", strata="trust")
    fit = ct.glmm("well ~ intervention + trust + (1 | team)", people, family="binomial", ddf="clusters")
    same(row(found, "glmm"), fit, ratio=True)
    assert row(found, "glmm")["effect"] == "cluster-specific"
    assert set(found.table["measure"]) == {"odds ratio", "risk difference"}
    assert row(found, "two-stage")["adjusted"] == row(found, "gee-cr2")["adjusted"] == "trust"


def test_rows_of_rates_are_the_models(teams: pd.DataFrame) -> None:
    found = ct.compare(teams, "events", kind="rate", person_time="years")
    fit = ct.count_regression("events ~ intervention", teams, cluster="team", exposure="years", correction="cr2")
    same(row(found, "negative-binomial-cr2"), fit, ratio=True)
    assert set(found.table["measure"]) == {"rate ratio"}


def test_analyses_that_have_no_answer_keep_their_row_and_say_why(teams: pd.DataFrame) -> None:
    none = teams.assign(events=teams["events"].where(teams["intervention"] == 1, 0))
    found = ct.compare(none, "events", kind="rate", person_time="years")
    failed = found.table[found.table["estimate"].isna()]
    assert len(failed)
    assert failed["notes"].str.len().gt(10).all()
    assert any("Not carried out" in sentence or "No analysis" in sentence for sentence in found.verdict)


@pytest.mark.parametrize("dtype", [object, "str", "category"])
def test_an_arm_in_words_is_the_same(people: pd.DataFrame, dtype: str) -> None:
    words = people["intervention"].map({1: "intervention", 0: "control"}).astype(dtype)
    found = ct.compare(people.assign(intervention=words), "score").table
    pd.testing.assert_frame_equal(found, ct.compare(people, "score").table)


@pytest.mark.parametrize(
    ("arm", "error", "message"),
    [
        (1, ct.DesignError, "no row has the control arm of 'intervention'"),
        ("A", ct.DataError, "'intervention' is no arm in rows 1, 2"),
        (None, ct.DataError, "'intervention' is missing in rows 1, 2"),
    ],
)
def test_arms_that_cannot_be_compared(people: pd.DataFrame, arm: object, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        ct.compare(people.assign(intervention=arm), "score")


def test_a_cluster_of_both_arms_is_refused(people: pd.DataFrame) -> None:
    both = people["intervention"].where(people.index > 0, 1 - people["intervention"])
    with pytest.raises(ct.DesignError, match="'intervention' varies within cluster 0"):
        ct.compare(people.assign(intervention=both), "score")


def test_an_analysis_that_the_rows_do_not_allow_leaves_the_others(people: pd.DataFrame) -> None:
    found = ct.compare(people.groupby("team", as_index=False).first(), "score")
    assert "needs the sizes of clusters" in row(found, "two-stage-size")["notes"]
    assert np.isfinite(row(found, "ols-cr2")["estimate"])
    with pytest.raises(PlanError, match="did you mean 'score'"):
        ct.compare(people, "well", covariates=["scores"])


def test_analyses_without_a_standard_error_give_no_verdict(people: pd.DataFrame) -> None:
    found = ct.compare(people[people["team"].isin([0, 1])], "score")
    assert np.isfinite(row(found, "ols-cr2")["estimate"])
    assert found.verdict[0] == "No analysis could be carried out: see the notes."
    three = ct.compare(people[people["team"].isin([0, 1, 3])], "score")
    assert not any("nan" in sentence for sentence in three.verdict)


def test_a_trial_brings_its_plan(trial: ct.Trial) -> None:
    found = ct.compare(trial, "csq8")
    planned = found.table[found.table["prespecified"]]
    assert planned["analysis"].tolist() == ["csq8.lmm"]
    effects = ct.effects(ct.analyse(trial, ct.read_plan(), ["csq8"])[0], ct.read_plan())
    own = found.table.set_index("analysis").loc[effects["analysis"]]
    np.testing.assert_allclose(own["p_value"], effects["p_value"], rtol=1e-12)
    settings = found.table[["estimate", "std_error", "df"]].round(9)
    assert not settings.loc[found.table["analysis"] == "lmm-kenward-roger"].size, "the plan has this analysis already"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "count"}, "choose from mean, proportion, rate"),
        ({"prespecified": "anova"}, "no analysis 'anova'; choose from lmm-kenward-roger"),
        ({"cluster": "teem"}, "did you mean 'team'"),
    ],
)
def test_wrong_options_are_named(people: pd.DataFrame, options: dict[str, str], message: str) -> None:
    with pytest.raises(PlanError, match=message):
        ct.compare(people, "score", **options)


def test_the_forest_marks_the_analysis_that_was_planned(people: pd.DataFrame) -> None:
    plot = ct.compare(people, "well", kind="proportion", prespecified="gee-cr2").forest()
    assert plot.data.loc[plot.data["prespecified"], "label"].tolist() == ["GEE, exchangeable, CR2"]
    assert plot.data["measure"].nunique() == 2


# -- The verdict ------------------------------------------------------------------------------------------------------

PLANNED = {
    "label": "A",
    "prespecified": True,
    "measure": "mean difference",
    "ratio": False,
    "average": "participant",
    "effect": "marginal",
    "adjusted": "trust",
    "estimate": 2.0,
    "std_error": 0.9,
    "p_value": 0.04,
}


def judged(other: dict[str, object], informative: float | None = None) -> str:
    rows = [PLANNED, {**PLANNED, "label": "B", "prespecified": False} | other]
    return " ".join(verdict(pd.DataFrame(rows), 0.95, informative))


def test_agreement_is_said() -> None:
    assert judged({"estimate": 2.1, "p_value": 0.03}) == (
        "2 analyses give a mean difference of 2.00 to 2.10 (p 0.030 to 0.040). Every p value is below 0.05."
    )


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"p_value": 0.06}, "The same estimate with another small-sample method"),
        ({"p_value": 0.3, "adjusted": ""}, "Not adjusted: B (0.300)"),
        ({"p_value": 0.3, "estimate": 1.0, "average": "cluster"}, "the average over clusters"),
        ({"p_value": 0.3, "estimate": 1.0, "effect": "cluster-specific"}, "a cluster-specific effect"),
        ({"p_value": 0.3, "estimate": 1.0}, "Another model of the same estimand"),
    ],
)
def test_disagreement_is_explained(other: dict[str, object], reason: str) -> None:
    assert reason in judged(other)


def test_far_estimates_bring_the_test_of_informative_size() -> None:
    text = judged({"estimate": 3.0, "p_value": 0.01, "average": "cluster"}, 0.02)
    assert "1 analysis that averages over clusters (3.00)" in text
    assert "Test of informative cluster size, that averages over participants and over clusters differ: p 0.020" in text


def test_other_measures_are_not_compared() -> None:
    assert judged({"measure": "odds ratio", "p_value": 0.9}).startswith("1 analysis gives a mean difference")
