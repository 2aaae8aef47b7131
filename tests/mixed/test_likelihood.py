"""Likelihood-ratio tests against lme4 and lmerTest, and by identities."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import core_trial as ct

FOLDER = Path(__file__).parents[1] / "reference"
EXPECTED = json.loads((FOLDER / "likelihood/expected.json").read_text())
QUIET = pytest.mark.filterwarnings("ignore:boundary fit:core_trial.TrialWarning")


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    return pd.read_csv(FOLDER / "lmm/data.csv")


@pytest.mark.parametrize("case", EXPECTED["ratios"], ids=lambda case: case["large"])
def test_ratios_are_those_of_lme4(data, case):
    ddf = "satterthwaite"
    small, large = (ct.lmm(case[which], data, reml=case["reml"], ddf=ddf) for which in ("small", "large"))
    test = ct.likelihood_ratio(small, large)
    np.testing.assert_array_equal(test.models["parameters"], case["npar"])
    np.testing.assert_allclose(test.models["loglik"], case["loglik"], rtol=1e-9)
    np.testing.assert_allclose(test.models["aic"], case["aic"], rtol=1e-9)
    np.testing.assert_allclose(test.statistic, case["statistic"], rtol=1e-6)
    assert test.df == case["df"]
    assert bool(test.notes) == (case["reml"] and case["refit"])


def test_a_ratio_of_fixed_effects_has_the_p_value_of_lme4(data):
    case = EXPECTED["ratios"][0]
    test = ct.likelihood_ratio(ct.lmm(case["small"], data), ct.lmm(case["large"], data))
    np.testing.assert_allclose(test.tidy().loc[0].tolist(), [test.statistic, test.df, case["p_value"]], rtol=1e-6)
    assert "refitted by maximum likelihood" in test.notes[0]
    assert test.method == "Likelihood-ratio test from likelihoods, compared with chi-squared with 1 degrees of freedom"


def test_a_ratio_of_one_random_slope_takes_the_even_mixture(data):
    case = EXPECTED["ratios"][2]
    test = ct.likelihood_ratio(ct.lmm(case["small"], data), ct.lmm(case["large"], data))
    chi1, chi2 = stats.chi2.sf(case["statistic"], [1, 2])
    np.testing.assert_allclose(test.p_value, (chi1 + chi2) / 2, rtol=1e-6)
    np.testing.assert_allclose(chi2, case["p_value"], rtol=1e-9)
    assert "restricted" in test.method
    assert "mixture of chi-squared with 1 and 2" in test.method


@QUIET
@pytest.mark.parametrize("case", EXPECTED["variances"], ids=lambda case: f"{case['formula']}, {case['reml']}")
def test_variances_are_tested_as_by_lmertest_with_the_boundary(data, case):
    fit = ct.lmm(case["formula"], data, reml=case["reml"], ddf="satterthwaite")
    tests = fit.test_variances()
    np.testing.assert_allclose(fit.result.log_likelihood, case["loglik"][0], rtol=1e-9)
    loglik, statistic = np.atleast_1d(case["loglik"])[1:], np.atleast_1d(case["statistic"])
    np.testing.assert_allclose(tests["loglik"], loglik, rtol=1e-9)
    np.testing.assert_allclose(tests["statistic"], statistic, rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(tests["df"], case["df"])
    naive = np.atleast_1d(case["p_value"])
    expected = naive / 2 if np.all(tests["df"] == 1) and tests["statistic"].min() > 0 else naive
    np.testing.assert_allclose(tests["p_value"], expected, rtol=1e-5)


@QUIET
def test_under_no_variance_half_of_the_tests_are_at_one():
    rng = np.random.default_rng(11)
    team = np.repeat(np.arange(12), 6)
    p_values = []
    for _ in range(60):
        fit = ct.lmm("y ~ 1 + (1 | team)", pd.DataFrame({"y": rng.normal(size=72), "team": team}))
        p_values.append(fit.test_variances()["p_value"].iloc[0])
    at_one = np.mean(np.array(p_values) == 1)
    assert 0.4 < at_one < 0.75
    assert stats.kstest([p for p in p_values if p < 1], stats.uniform(0, 0.5).cdf).pvalue > 0.01


def test_a_variance_of_any_sign_is_not_on_a_boundary(data):
    test = ct.lmm("noise ~ arm + (1 | team)", data, unconstrained=True).test_variances().iloc[0]
    assert test["reference"] == "chi-squared with 1 degrees of freedom"
    np.testing.assert_allclose(test["p_value"], stats.chi2.sf(test["statistic"], 1))
    assert test["statistic"] > 1


def test_the_test_without_random_effects_is_that_of_least_squares(data):
    fit = ct.lmm("score ~ arm + (1 | team)", data, reml=False, ddf="normal")
    arm = (data["arm"] == "intervention").to_numpy()
    residual = data["score"].to_numpy() - np.where(arm, data["score"][arm].mean(), data["score"][~arm].mean())
    expected = stats.norm(0, residual.std()).logpdf(residual).sum()
    np.testing.assert_allclose(fit.test_variances()["loglik"], [expected], rtol=1e-9)


def test_nested_terms_are_recognised_however_they_are_written(data):
    small = ct.lmm("score ~ I(age / 10) + (1 | team)", data)
    large = ct.lmm("score ~ arm + age + (1 | team) + (1 | team:rater)", data)
    test = ct.likelihood_ratio(small, large)
    assert test.df == 2
    assert test.statistic > 0


@pytest.mark.parametrize(
    ("small", "large", "message"),
    [
        ("score ~ age + (1 | team)", "score ~ arm + (1 | team)", "not nested"),
        ("score ~ age + (1 | rater)", "score ~ age + arm + (1 | team)", "not nested"),
        ("score ~ age + (1 | team)", "score ~ 1 + (1 | team)", "not nested"),
        ("score ~ age + (1 | team)", "score ~ I(2 * age) + (1 | team)", "more parameters"),
        ("noise ~ 1 + (1 | rater)", "score ~ age + (1 | rater)", "same outcome in the same rows"),
        ("score ~ 1 + (age | team)", "score ~ 1 + (age || team) + (1 | rater) + (1 | team:rater)", "not nested"),
        ("score ~ 1 + (1 | team)", "score ~ 1 + diag(0 + C(month) | team)", "not nested"),
        ("score ~ 1 + ar1(0 + C(month) | team)", "score ~ 1 + csh(0 + C(month) | team)", "not nested"),
        ("score ~ 1 + us(0 + C(month) | team)", "score ~ arm + csh(0 + C(month) | team)", "not nested"),
    ],
)
@QUIET
def test_models_that_do_not_compare_are_refused(data, small, large, message):
    fits = [ct.lmm(formula, data) for formula in (small, large)]
    with pytest.raises(ct.PlanError, match=message):
        ct.likelihood_ratio(*fits)


@QUIET
@pytest.mark.parametrize(
    ("small", "large", "df"),
    [
        ("(1 | team)", "cs(0 + C(month) | team)", 1),
        ("(1 | team)", "ar1(0 + C(month) | team)", 1),
        ("cs(0 + C(month) | team)", "csh(0 + C(month) | team)", 2),
        ("diag(0 + C(month) | team)", "ar1h(0 + C(month) | team)", 1),
        ("ar1h(0 + C(month) | team)", "us(0 + C(month) | team)", 2),
    ],
)
def test_a_structure_is_nested_in_those_that_it_is_a_case_of(data, small, large, df):
    fits = [ct.lmm(f"score ~ arm + {bars}", data) for bars in (small, large)]
    test = ct.likelihood_ratio(*fits)
    assert test.df == df
    assert test.statistic == pytest.approx(2 * (fits[1].result.log_likelihood - fits[0].result.log_likelihood))


def test_other_rows_are_refused(data):
    with pytest.raises(ct.PlanError, match="same rows"):
        ct.likelihood_ratio(ct.lmm("score ~ 1 + (1 | team)", data), ct.lmm("score ~ age + (1 | team)", data[1:]))
