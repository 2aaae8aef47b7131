"""Several coefficients tested together: against lmerTest and pbkrtest, and by identities."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import core_trial as ct
from core_trial.mixed.degrees import Ddf

FOLDER = Path(__file__).parents[1] / "reference"
CASES = json.loads((FOLDER / "joint_tests/expected.json").read_text())
METHODS: list[Ddf] = ["kenward-roger", "satterthwaite", "between-within", "clusters", "residual", "normal"]


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    data = pd.read_csv(FOLDER / "lmm/data.csv")
    return data.assign(visit=pd.Categorical(data["month"].astype(int).astype(str), ["0", "6", "12"]))


def fit_case(name: str, data: pd.DataFrame, ddf: Ddf) -> ct.LmmFit:
    absent = (data["arm"] == "control") & (data["month"] == 6)
    return ct.lmm(CASES[name]["formula"], data[~absent] if "do not occur" in name else data, ddf=ddf)


def assert_tests_agree(ours: pd.DataFrame, expected: list[dict[str, float]]) -> None:
    theirs = pd.DataFrame(expected)
    np.testing.assert_array_equal(ours["num_df"], theirs["num_df"])
    np.testing.assert_allclose(ours[["df", "statistic"]], theirs[["df", "statistic"]], rtol=1e-6)
    np.testing.assert_allclose(ours["p_value"], theirs["p_value"], rtol=5e-6)


@pytest.mark.parametrize("ddf", ["satterthwaite", "kenward-roger"])
@pytest.mark.parametrize("name", CASES)
def test_terms_are_tested_as_by_lmertest(data, name, ddf):
    ours = fit_case(name, data, ddf).anova()
    assert ours["term"].tolist() == CASES[name]["terms"]
    assert_tests_agree(ours, CASES[name]["anova"][ddf])


@pytest.mark.parametrize("ddf", ["satterthwaite", "kenward-roger"])
@pytest.mark.parametrize("name", [name for name in CASES if CASES[name]["contrast"]])
def test_contrasts_are_tested_as_by_lmertest_and_pbkrtest(data, name, ddf):
    contrast = np.array(CASES[name]["contrast"])
    assert_tests_agree(fit_case(name, data, ddf).test(contrast), CASES[name]["test"][ddf])


@pytest.mark.parametrize("ddf", METHODS)
def test_one_row_is_the_square_of_t(data, ddf):
    fit = ct.lmm("score ~ arm * month + (month | team)", data, ddf=ddf)
    t = fit.contrast({"arm[T.intervention]": 1, "arm[T.intervention]:month": 12}).iloc[0]
    f = fit.test("arm[T.intervention] + 12 * arm[T.intervention]:month").iloc[0]
    np.testing.assert_allclose(f["statistic"], t["statistic"] ** 2, rtol=1e-12)
    np.testing.assert_allclose([f["df"], f["p_value"]], [t["df"], t["p_value"]], rtol=1e-9)


def test_type_three_does_not_depend_on_how_factors_are_coded(data):
    treatment = ct.lmm("score ~ arm * visit + rater + (1 | team)", data).anova()
    sums = ct.lmm("score ~ C(arm, contr.sum) * C(visit, contr.helmert) + rater + (1 | team)", data).anova()
    np.testing.assert_allclose(treatment.drop(columns="term"), sums.drop(columns="term"), rtol=1e-9)


def test_type_three_of_a_factor_is_the_test_of_its_marginal_means(data):
    fit = ct.lmm("score ~ arm * visit + rater + (1 | team)", data)
    anova = fit.anova().set_index("term")
    difference = fit.marginal_differences("arm").iloc[0]
    np.testing.assert_allclose(anova.loc["arm", "statistic"], difference["statistic"] ** 2, rtol=1e-10)
    np.testing.assert_allclose(anova.loc["arm", "df"], difference["df"], rtol=1e-9)


@given(st.integers(1, 3), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=25)
def test_kenward_roger_does_not_depend_on_which_rows_say_the_hypothesis(data, q, seed):
    fit = ct.lmm("score ~ visit + age + (month | team)", data)
    rng = np.random.default_rng(seed)
    rows, mix = rng.normal(size=(q, 4)), np.eye(q) + 0.3 * rng.normal(size=(q, q))
    redundant = np.vstack([mix @ rows, rows.sum(axis=0)])
    plain = fit.test(rows).drop(columns="term")
    np.testing.assert_allclose(fit.test(mix @ rows).drop(columns="term"), plain, rtol=1e-6)
    np.testing.assert_allclose(fit.test(redundant).drop(columns="term"), plain, rtol=1e-6)


def test_values_other_than_zero_are_tested(data):
    fit = ct.lmm("score ~ arm + age + (1 | team)", data)
    true = fit.test([f"arm[T.intervention] = {fit.estimate[1]:.15g}", f"age = {fit.estimate[2]:.15g}"]).iloc[0]
    assert true["num_df"] == 2
    assert true["p_value"] == pytest.approx(1)
    off = fit.test("arm[T.intervention] = 100, age = 1").iloc[0]
    assert off["statistic"] > 100


def test_repeated_measures_are_tested_by_the_same_code(data):
    """Compound symmetry over the visits is a random intercept of persons."""
    seen = data.drop_duplicates(["person", "visit"])
    mixed = ct.lmm("score ~ arm * visit + age + (1 | person)", seen, information="expected")
    options = {"subject": "person", "visit": "visit", "covariance": "cs", "information": "expected"}
    repeated = ct.mmrm("score ~ arm * visit + age", seen, **options)
    np.testing.assert_allclose(repeated.anova().drop(columns="term"), mixed.anova().drop(columns="term"), rtol=1e-6)
    rows = ["arm[T.intervention]:visit[T.6]", "arm[T.intervention]:visit[T.12]"]
    np.testing.assert_allclose(*(fit.test(rows).drop(columns="term") for fit in (mixed, repeated)), rtol=1e-6)
    free = ct.mmrm("score ~ arm * visit + age", seen, subject="person", visit="visit", cluster="team").anova()
    assert free["p_value"].between(0, 1).all()


def test_an_exact_hypothesis_has_exact_degrees():
    """A balanced one-way layout: the F test is that of the analysis of variance of cluster means."""
    rng = np.random.default_rng(4)
    team = np.repeat(np.arange(12), 5)
    y = 2 * rng.normal(size=12)[team] + rng.normal(size=60)
    data = pd.DataFrame({"y": y, "team": team, "group": np.array(list("abc"))[team % 3]})
    means = data.groupby("team")["y"].mean().to_numpy()
    groups = np.array([means[np.arange(12) % 3 == g] for g in range(3)])
    between = 4 * groups.mean(axis=1).var(ddof=1)
    within = groups.var(axis=1, ddof=1).mean()
    for ddf in ("kenward-roger", "satterthwaite", "between-within", "clusters"):
        test = ct.lmm("y ~ group + (1 | team)", data, ddf=ddf).anova().iloc[0]
        np.testing.assert_allclose([test["df"], test["scale"]], [9, 1], rtol=1e-6)
        np.testing.assert_allclose(test["statistic"], between / within, rtol=1e-9)


def test_a_model_without_a_joint_rule_takes_the_fewest_degrees(data):
    fit = ct.cluster_level("score", data, cluster="team", arm="arm")
    one, t = fit.test(np.eye(len(fit.terms))[:1]).iloc[0], fit.tidy().iloc[0]
    np.testing.assert_allclose([one["df"], one["statistic"]], [t["df"], t["statistic"] ** 2], rtol=1e-12)
    with pytest.raises(ct.PlanError, match="keeps no rows and formula"):
        fit.anova()
