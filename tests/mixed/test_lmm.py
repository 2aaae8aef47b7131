"""`ct.lmm`: against lme4, lmerTest, pbkrtest and statsmodels; identities; what it says and what it refuses."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st

import core_trial as ct

REFERENCE = Path(__file__).parents[1] / "reference" / "lmm"
CASES = json.loads((REFERENCE / "expected.json").read_text())
RELATIVE = {"estimate": 1e-6, "std_error": 1e-5, "df": 1e-5, "p_value": 1e-4}
"""Agreement with the reference program, whose optimiser stops about 1e-8 short of the maximum."""
VARIANCE = {"rtol": 1e-5, "atol": 1e-6}
LIKELIHOOD = {"rtol": 1e-10}
FORMULA = "score ~ arm + baseline + age + (1 | team)"
ARM = "arm[T.intervention]"


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "data.csv")


@pytest.fixture(scope="module")
def fit(data) -> ct.LmmFit:
    return ct.lmm(FORMULA, data)


def fit_of(name: str, data: pd.DataFrame, ddf: str) -> ct.LmmFit:
    case = CASES[name]
    with warnings.catch_warnings():
        if case["singular"]:
            warnings.simplefilter("ignore", ct.TrialWarning)
        return ct.lmm(case["formula"], data, reml=case["reml"], ddf=ddf)


def as_in_r(term: str) -> str:
    return re.sub(r"\[(?:T\.)?(.*?)\]", r"\1", term).replace("**", "^").replace(" ", "")


@pytest.mark.parametrize(
    ("name", "ddf"),
    [(name, "satterthwaite") for name in CASES] + [(name, "kenward-roger") for name in CASES if CASES[name]["reml"]],
)
def test_fixed_effects_are_those_of_lmertest_and_pbkrtest(name, ddf, data):
    expected = pd.DataFrame(CASES[name][ddf.replace("-", "_")])
    table = fit_of(name, data, ddf).tidy()
    assert table["term"].map(as_in_r).tolist() == expected["term"].map(as_in_r).tolist()
    for column, tolerance in RELATIVE.items():
        np.testing.assert_allclose(table[column], expected[column], rtol=tolerance, err_msg=column)


@pytest.mark.parametrize("name", CASES)
def test_likelihood_and_variances_are_those_of_lme4(name, data):
    case, ours = CASES[name], fit_of(name, data, "satterthwaite")
    row = ours.glance().iloc[0]
    np.testing.assert_allclose(
        [row["loglik"], row["aic"], row["bic"]], [case["loglik"], case["aic"], case["bic"]], **LIKELIHOOD
    )
    assert row["singular"] == case["singular"]
    table = ours.variance_components().set_index(["group", "term", "other"])["covariance"]
    for part in case["variances"]:
        term = part.get("term") or ""
        place = (part["group"], *((term, part.get("other") or term)))
        np.testing.assert_allclose(table.loc[place], part["covariance"], **VARIANCE)
    assert len(table) == len(case["variances"])


@pytest.mark.parametrize("name", CASES)
def test_conditional_modes_are_those_of_lme4(name, data):
    case = CASES[name]["modes"]
    table = fit_of(name, data, "satterthwaite").ranef()
    table = table[table["group"] == case["group"]]
    ours = table[table["term"] == table["term"].iloc[0]].set_index("level")["mode"]
    np.testing.assert_allclose(ours[case["level"]], case["mode"], atol=1e-5)


@pytest.mark.parametrize("reml", [True, False])
def test_agrees_with_statsmodels(reml, data, fit):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = smf.mixedlm("score ~ arm + baseline + age", data, groups="team").fit(reml=reml, method="powell")
    ours = fit if reml else ct.lmm(FORMULA, data, reml=False, ddf="normal")
    np.testing.assert_allclose(ours.estimate, theirs.fe_params, rtol=1e-5)
    np.testing.assert_allclose(ours.glance()["loglik"], theirs.llf, rtol=1e-8)
    np.testing.assert_allclose(
        ours.variance_components()["covariance"], [theirs.cov_re.iloc[0, 0], theirs.scale], rtol=1e-3
    )


def test_relabelled_arms_flip_the_sign(data, fit):
    other = data.assign(arm=data["arm"].map({"intervention": "a", "control": "b"}))
    flipped = ct.lmm(FORMULA, other).tidy().set_index("term").loc["arm[T.b]"]
    row = fit.tidy().set_index("term").loc[ARM]
    np.testing.assert_allclose(flipped["estimate"], -row["estimate"], rtol=1e-9)
    np.testing.assert_allclose(flipped[["std_error", "df", "p_value"]], row[["std_error", "df", "p_value"]], rtol=1e-7)


@given(st.integers(0, 2**32 - 1), st.sampled_from([1e-9, 1.0, 1e9]), st.floats(-1e3, 1e3))
@settings(deadline=None, max_examples=10)
def test_units_and_order_of_rows_do_not_matter(data, fit, seed, scale, shift):
    other = data.sample(frac=1, random_state=seed % 2**32).assign(score=lambda d: scale * (d["score"] + shift))
    ours, base = ct.lmm(FORMULA, other).tidy(), fit.tidy()
    np.testing.assert_allclose(ours["estimate"][1:], scale * base["estimate"][1:], rtol=1e-7)
    np.testing.assert_allclose(ours["std_error"], scale * base["std_error"], rtol=1e-7)
    np.testing.assert_allclose(ours["df"], base["df"], rtol=1e-6)
    np.testing.assert_allclose(ours["estimate"][0], scale * (base["estimate"][0] + shift), rtol=1e-7, atol=1e-6 * scale)


def test_balanced_arms_are_compared_as_by_the_t_test_of_team_means():
    rng = np.random.default_rng(1)
    team = np.repeat(np.arange(12), 5)
    frame = pd.DataFrame({"team": team, "arm": team % 2, "y": 2 * rng.normal(size=12)[team] + rng.normal(size=60)})
    row = ct.lmm("y ~ arm + (1 | team)", frame).tidy().iloc[1]
    means = frame.groupby(["arm", "team"])["y"].mean()
    pooled = (means[1].var() + means[0].var()) / 2
    np.testing.assert_allclose(row["estimate"], means[1].mean() - means[0].mean())
    np.testing.assert_allclose(row["std_error"], np.sqrt(pooled / 3))
    np.testing.assert_allclose(row["df"], 10)


def test_degrees_of_freedom_that_are_counted(data):
    table = {ddf: ct.lmm(FORMULA, data, ddf=ddf).tidy() for ddf in ("between-within", "residual", "normal")}
    rows, teams = len(data), data["team"].nunique()
    assert table["between-within"]["df"].tolist() == [teams - 3] * 3 + [rows - teams - 1]
    assert table["residual"]["df"].tolist() == [rows - 4] * 4
    assert np.isinf(table["normal"]["df"]).all()
    np.testing.assert_allclose(table["normal"]["std_error"], table["residual"]["std_error"])


def test_observed_and_expected_information_differ_and_are_named(data):
    fits = {kind: ct.lmm(FORMULA, data, information=kind) for kind in ("expected", "observed")}
    assert fits["expected"].tidy()["df"][1] != fits["observed"].tidy()["df"][1]
    for kind, one in fits.items():
        assert f"{kind} information" in one.method


def test_glance_has_the_sizes_and_the_correlation(data, fit):
    row = fit.glance().iloc[0]
    assert (row["nobs"], row["n_clusters"]) == (len(data), 25)
    assert row["converged"]
    between, within = fit.variance_components()["covariance"]
    np.testing.assert_allclose(row["icc"], between / (between + within))
    np.testing.assert_allclose(row["sigma"] ** 2, within)


def test_correlation_is_given_only_for_a_random_intercept_alone(data):
    assert "icc" not in ct.lmm("score ~ arm + (month | team)", data).glance()


def test_method_is_a_sentence_for_a_methods_section(fit, data):
    assert fit.method == (
        "Linear mixed model fitted by restricted maximum likelihood to 451 rows with random intercepts by team"
        " (25 levels); standard errors and degrees of freedom of Kenward and Roger (1997) with expected information"
    )
    nested = ct.lmm("score ~ arm + (month | team) + (1 | rater)", data, reml=False, ddf="satterthwaite")
    assert nested.method == (
        "Linear mixed model fitted by maximum likelihood to 451 rows with random intercepts and effects of month by"
        " team (25 levels) and random intercepts by rater (6 levels); Satterthwaite degrees of freedom with observed"
        " information"
    )


def test_groups_of_uncorrelated_terms_are_told_apart(data):
    table = ct.lmm("score ~ month + (month || team)", data).variance_components()
    assert table["group"].tolist() == ["team", "team.1", "Residual"]


def test_correlations_beside_covariances(data):
    table = ct.lmm("score ~ arm * month + (month | team)", data).variance_components()
    assert table["term"].tolist() == ["(Intercept)", "month", "(Intercept)", ""]
    assert table["other"].tolist() == ["(Intercept)", "month", "month", ""]
    a, b, c, _ = table["covariance"]
    np.testing.assert_allclose(table["correlation"], [1, 1, c / np.sqrt(a * b), 1])


def test_missing_rows_are_noted(data):
    fit = ct.lmm(FORMULA, data.assign(age=data["age"].where(data.index > 6)))
    assert fit.notes == ("7 of 451 rows left out, with no value of age (7)",)
    assert fit.glance()["nobs"].item() == 444


def test_dropped_columns_are_noted(data):
    fit = ct.lmm("score ~ arm + twice + baseline + (1 | team)", data.assign(twice=2.0 * (data["arm"] == "control")))
    assert fit.terms == ("(Intercept)", ARM, "baseline")
    assert fit.notes == ("no coefficient for twice: a linear combination of the columns before it",)


def test_boundary_fit_is_noted_and_warned_of(data):
    with pytest.warns(ct.TrialWarning, match="boundary fit") as caught:
        fit = ct.lmm("noise ~ arm + (1 | team)", data)
    assert len(caught) == 1
    assert fit.notes == ("boundary fit: a variance of zero is estimated for the random effects of team",)
    assert fit.glance()["singular"].item()


@pytest.mark.parametrize(
    ("formula", "options", "error", "complaint"),
    [
        ("score ~ arm", {}, ct.PlanError, "no random term"),
        (FORMULA, {"ddf": "kr"}, ct.PlanError, "'kr' is unknown; choose from kenward-roger, "),
        (FORMULA, {"reml": False}, ct.PlanError, "Kenward-Roger needs REML"),
        (FORMULA, {"information": "average"}, ct.PlanError, "choose from expected, observed"),
        (FORMULA, {"ddf": "normal", "information": "observed"}, ct.PlanError, "information is an option of"),
        ("score ~ arm + (1 | team) + (1 | rater)", {"ddf": "between-within"}, ct.PlanError, "nested"),
        ("score ~ arm + (1 | team) + (1 | team)", {}, ct.DesignError, "team cannot be told"),
        ("score ~ team + (1 | team)", {}, ct.DesignError, "team cannot be told"),
        ("score ~ arm + (arm | team)", {}, ct.DesignError, "team cannot be told"),
    ],
)
def test_what_is_wrong_is_said(formula, options, error, complaint, data):
    with pytest.raises(error, match=complaint):
        ct.lmm(formula, data, **options)


def test_an_empty_arm_is_refused(data):
    with pytest.raises(ct.DesignError, match="'arm' has only the level 'control'"):
        ct.lmm(FORMULA, data[data["arm"] == "control"])
