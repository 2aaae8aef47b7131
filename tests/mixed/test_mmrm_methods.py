"""What one does with a fit of repeated measures, against explicit matrices and against `lmm` where the models agree."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import core_trial as ct

pytestmark = pytest.mark.filterwarnings("ignore:boundary fit:core_trial.TrialWarning")

REFERENCE = Path(__file__).parents[1] / "reference"
GLS = json.loads((REFERENCE / "gls/expected.json").read_text())
ROLES = {"subject": "person", "visit": "month"}
MODELS = {
    "us": {},
    "cs": {"covariance": "cs"},
    "ar1h": {"covariance": "ar1h"},
    "sp_exp": {"covariance": "sp_exp", "reml": False, "ddf": "satterthwaite"},
    "group": {"covariance": "csh", "group": "arm"},
    "cluster": {"covariance": "ar1", "cluster": "team"},
}


@pytest.fixture(scope="module")
def people() -> pd.DataFrame:
    """Sixty synthetic people of ten teams, seen at up to three visits."""
    rng = np.random.default_rng(8)
    person, month = np.repeat(np.arange(60), 3), np.tile([0, 6, 12], 60)
    team, arm = person % 10, person % 2
    effects = rng.normal(size=60)[person] + 0.8 * rng.normal(size=10)[team]
    score = 20 + month / 6 + arm + effects + rng.normal(size=180) * (1 + month / 12)
    frame = pd.DataFrame({"person": person, "team": team, "arm": arm, "month": month, "score": score})
    return frame[rng.random(180) < 0.85].reset_index(drop=True)


@pytest.fixture(scope="module", params=MODELS)
def fit(request, people) -> ct.MmrmFit:
    return ct.mmrm("score ~ arm * C(month)", people, **ROLES, **MODELS[request.param])


def covariance(fit: ct.MmrmFit, rows: pd.DataFrame) -> np.ndarray:
    """Of the outcomes of any rows, element by element."""
    table = fit.residual_covariance()
    between = fit.result.cluster_variance or 0.0
    v = np.zeros((len(rows), len(rows)))
    for i, a in enumerate(rows.itertuples()):
        for j, b in enumerate(rows.itertuples()):
            within = table[a.arm] if isinstance(table, dict) else table
            v[i, j] = within.loc[a.month, b.month] if a.person == b.person else 0.0
            v[i, j] += between * (a.team == b.team)
    return v


def errors(fit: ct.MmrmFit) -> np.ndarray:
    return fit.matrices.y - fit.matrices.x @ fit.estimate


def test_scaled_residuals_are_white_in_units(fit, people):
    """L^-1 of each unit by itself is L^-1 of all, rows in the order of units, subjects and visits."""
    unit = people["team" if fit.layout.cluster else "person"]
    order = np.lexsort((people["month"], people["person"], unit))
    v = covariance(fit, people.iloc[order])
    expected = np.linalg.solve(np.linalg.cholesky(v), errors(fit)[order])
    np.testing.assert_allclose(fit.residuals("scaled").to_numpy()[order], expected, rtol=1e-8, atol=1e-10)


def test_other_residuals(fit, people):
    v, between = covariance(fit, people), fit.result.cluster_variance or 0.0
    same = np.equal.outer(people["team"].to_numpy(), people["team"].to_numpy())
    conditional = errors(fit) - between * same @ np.linalg.solve(v, errors(fit))
    np.testing.assert_allclose(fit.residuals("marginal"), errors(fit), rtol=1e-12)
    np.testing.assert_allclose(fit.residuals(), conditional, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(fit.residuals("pearson"), conditional / np.sqrt(np.diag(v) - between), rtol=1e-8)


def test_predictions_given_what_was_seen(fit, people):
    """Two visits of people of the fit, one not seen, and a newcomer to a team of the fit."""
    missing = next(p for p in range(60) if (people["person"] == p).sum() == 2)
    month = next(m for m in (0, 6, 12) if not ((people["person"] == missing) & (people["month"] == m)).any())
    first = people.iloc[:1]
    asked = pd.DataFrame({"person": [missing, 99], "team": [missing % 10, 3], "arm": [missing % 2, 1]})
    new = pd.concat([asked.assign(month=month), first])[["person", "team", "arm", "month"]]
    ours = fit.predict(new, conditional=True, interval="prediction")
    both = covariance(fit, pd.concat([people, new], ignore_index=True))
    n, x = len(people), fit.model_frame.design({name: new[name] for name in new})
    inside, across = both[:n, :n], both[n:, :n]
    weights = np.linalg.solve(inside, across.T).T
    moved = x - weights @ fit.matrices.x
    variance = np.diag(both[n:, n:]) - np.sum(weights * across, axis=1)
    np.testing.assert_allclose(ours["estimate"], x @ fit.estimate + weights @ errors(fit), rtol=1e-9)
    expected = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", moved, fit.covariance, moved) + variance, 0))
    np.testing.assert_allclose(ours["std_error"], expected, rtol=1e-7, atol=1e-6)
    assert ours.iloc[2][["estimate", "conf_low", "conf_high"]].tolist() == pytest.approx([first["score"].item()] * 3)
    narrow = fit.predict(new, conditional=True)
    assert (narrow["std_error"].iloc[:2] < ours["std_error"].iloc[:2]).all()


def test_predictions_for_others(fit, people):
    mean, single = fit.predict(), fit.predict(interval="prediction")
    np.testing.assert_allclose(mean["estimate"], fit.matrices.x @ fit.estimate, rtol=1e-12)
    expected = mean["std_error"] ** 2 + np.diag(covariance(fit, people))
    np.testing.assert_allclose(single["std_error"] ** 2, expected, rtol=1e-10)


def test_draws_have_the_covariance_of_the_fit(fit, people):
    draws = fit.simulate(4000, seed=3)
    np.testing.assert_allclose(draws.mean(axis=0), fit.matrices.x @ fit.estimate, atol=0.2)
    v = covariance(fit, people)
    scale = np.sqrt(np.outer(np.diag(v), np.diag(v)))
    assert np.abs((np.cov(draws.T) - v) / scale).max() < 5.5 / np.sqrt(4000)
    np.testing.assert_array_equal(fit.simulate(3, seed=3), draws[:3])


def test_intervals_hold_the_estimates(fit):
    components = fit.variance_components()
    for interval in ("wald", "profile"):
        table = fit.variance_intervals(interval=interval, conf_level=0.5)
        inside = table[~table["boundary"]]
        assert ((inside["conf_low"] < inside["estimate"]) & (inside["estimate"] < inside["conf_high"])).all()
        own = components[components["term"] == components["other"]]["covariance"]
        np.testing.assert_allclose(table[table["quantity"] == "sd"]["estimate"] ** 2, own, rtol=1e-9)
        assert len(table) == len(components)


def test_a_profile_meets_its_definition(people):
    """With the correlation of cs held at either end, the rest at its best, the deviance is the quantile higher."""
    fit = ct.mmrm("score ~ arm * C(month)", people, **ROLES, covariance="cs", reml=False, ddf="satterthwaite")
    table = fit.variance_intervals(conf_level=0.9).set_index("quantity")
    same = np.equal.outer(people["person"].to_numpy(), people["person"].to_numpy())
    for rho in table.loc["correlation", ["conf_low", "conf_high"]].to_numpy(float)[0]:
        v = np.where(same, rho, 0.0) + (1 - rho) * np.eye(len(people))
        root = np.linalg.cholesky(v)
        x, y = (np.linalg.solve(root, value) for value in (fit.matrices.x, fit.matrices.y))
        residual = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
        n = len(y)
        loglik = -0.5 * (n * np.log(2 * np.pi * residual @ residual / n) + n) - np.log(np.diag(root)).sum()
        np.testing.assert_allclose(2 * (fit.result.log_likelihood - loglik), stats.chi2.ppf(0.9, 1), rtol=1e-3)


@pytest.mark.parametrize("interval", ["profile", "wald"])
def test_compound_symmetry_has_the_correlation_and_effect_size_of_a_random_intercept(people, interval):
    ours = ct.mmrm("score ~ arm * C(month)", people, **ROLES, covariance="cs")
    theirs = ct.lmm("score ~ arm * C(month) + (1 | person)", people)
    row = ours.variance_intervals(interval=interval).query("quantity == 'correlation'").iloc[0]
    expected = theirs.icc_intervals(interval=interval).iloc[0]
    for name in ("estimate", "conf_low", "conf_high"):
        np.testing.assert_allclose(row[name], expected[name], rtol=1e-4)
    size, plain = ours.effect_size("arm"), theirs.effect_size("arm")
    for name in ("estimate", "std_error", "sd"):
        np.testing.assert_allclose(size[name], plain[name], rtol=1e-4)


def test_an_effect_size_takes_the_deviation_of_its_visit(fit):
    late, all_visits = fit.effect_size("arm", visit=12), fit.effect_size("arm")
    components = fit.variance_components()
    at = components[(components["term"] == "12") & (components["other"] == "12")]["covariance"]
    if fit.layout.group is None:
        expected = np.sqrt(at.item() + (fit.result.cluster_variance or 0.0))
        np.testing.assert_allclose(late["sd"], expected, rtol=1e-9)
    assert all_visits["sd"].item() > 0
    assert fit.effect_size("arm", standard="within")["sd"].item() <= all_visits["sd"].item()


def test_clusters_have_modes_and_an_icc(people):
    fit = ct.mmrm("score ~ arm * C(month)", people, **ROLES, **MODELS["cluster"])
    v, between = covariance(fit, people), fit.result.cluster_variance
    indicator = np.equal.outer(np.arange(10), people["team"].to_numpy()).astype(float)
    modes = between * indicator @ np.linalg.solve(v, errors(fit))
    spread = between - between**2 * np.diag(indicator @ np.linalg.solve(v, indicator.T))
    np.testing.assert_allclose(fit.ranef()["mode"], modes, rtol=1e-8)
    np.testing.assert_allclose(fit.ranef()["std_error"] ** 2, spread, rtol=1e-8)
    icc = fit.icc_intervals()
    np.testing.assert_allclose(icc["estimate"], between / (between + np.diag(fit.residual_covariance())), rtol=1e-9)
    assert (icc["conf_low"] < icc["estimate"]).all()


@pytest.mark.parametrize("name", ["us", "sp_exp", "cluster"])
def test_refits_are_fits(people, name):
    fit = ct.mmrm("score ~ arm * C(month)", people, **ROLES, **MODELS[name])
    drawn = fit.simulate(1, seed=5)[0]
    ours = fit.refit(drawn)
    expected = ct.mmrm("drawn ~ arm * C(month)", people.assign(drawn=drawn), **ROLES, **MODELS[name])
    pd.testing.assert_frame_equal(ours.tidy(), expected.tidy(), rtol=1e-6)
    assert ours.summary == pytest.approx(expected.summary)


def test_the_bootstrap_has_about_the_standard_errors(people):
    fit = ct.mmrm("score ~ arm * C(month)", people, **ROLES, covariance="csh")
    drawn = fit.bootstrap(99, seed=2)
    table = drawn.tidy(conf_level=0.9)
    coefficients = table[table["quantity"] == "coefficient"]
    np.testing.assert_allclose(coefficients["estimate"], fit.estimate, rtol=1e-9)
    np.testing.assert_allclose(coefficients["std_error"], fit.tidy()["std_error"], rtol=0.3)
    assert table[table["quantity"] != "coefficient"]["estimate"].tolist() == pytest.approx(
        fit.variance_components()["covariance"].tolist()
    )
    pd.testing.assert_frame_equal(fit.bootstrap(99, seed=2).tidy(conf_level=0.9), table)


@pytest.mark.parametrize("name", ["us", "cluster", "group"])
def test_influence_is_a_fit_of_the_rows_left(people, name):
    fit = ct.mmrm("score ~ arm + C(month)", people, **ROLES, **MODELS[name])
    table = fit.influence("arm", by="team" if name == "cluster" else "person").iloc[:3]
    for row in table.itertuples():
        left = people[people[row.group] != row.level]
        expected = ct.mmrm("score ~ arm + C(month)", left, **ROLES, **MODELS[name]).tidy().set_index("term").loc["arm"]
        for column in ("estimate", "std_error", "df", "p_value"):
            np.testing.assert_allclose(getattr(row, column), expected[column], rtol=1e-5)
        assert row.rows == len(people) - len(left)


@pytest.mark.parametrize(
    ("small", "large", "df"),
    [
        ({"covariance": "cs"}, {"covariance": "us"}, 4),
        ({"covariance": "ar1"}, {"covariance": "adh"}, 3),
        ({"covariance": "toep"}, {"covariance": "toeph"}, 2),
        ({"covariance": "csh"}, {"covariance": "csh", "group": "arm"}, 4),
    ],
)
@pytest.mark.parametrize("reml", [True, False])
def test_nested_covariances_compare(people, small, large, df, reml):
    options = {**ROLES, "reml": reml, "ddf": "satterthwaite"}
    fits = [ct.mmrm("score ~ arm * C(month)", people, **options, **model) for model in (small, large)]
    test = ct.likelihood_ratio(*fits)
    assert test.df == df
    assert test.statistic == pytest.approx(2 * (fits[1].summary["loglik"] - fits[0].summary["loglik"]))
    assert test.p_value == pytest.approx(stats.chi2.sf(test.statistic, df))
    assert test.notes == ()


def test_clusters_are_tested_on_their_boundary_and_effects_by_maximum_likelihood(people):
    plain, clustered = (ct.mmrm("score ~ arm", people, **ROLES, cluster=cluster) for cluster in (None, "team"))
    test = ct.likelihood_ratio(plain, clustered)
    assert test.df == 1
    assert test.p_value == pytest.approx(stats.chi2.sf(test.statistic, 1) / 2)
    larger = ct.mmrm("score ~ arm * C(month)", people, **ROLES)
    formulas = ("score ~ arm", "score ~ arm * C(month)")
    by_ml = [ct.mmrm(formula, people, **ROLES, reml=False, ddf="normal") for formula in formulas]
    both = ct.likelihood_ratio(plain, larger)
    assert both.statistic == pytest.approx(2 * (by_ml[1].summary["loglik"] - by_ml[0].summary["loglik"]), rel=1e-6)
    assert "maximum likelihood" in both.notes[0]


@pytest.mark.parametrize(
    ("small", "large", "message"),
    [
        ({"covariance": "cs"}, {"covariance": "ar1h"}, "not nested"),
        ({"covariance": "us"}, {"covariance": "cs"}, "not nested"),
        ({"covariance": "cs", "cluster": "team"}, {"covariance": "us"}, "not nested"),
        ({"covariance": "cs"}, {"covariance": "cs"}, "more parameters"),
    ],
)
def test_covariances_that_are_not_nested_are_refused(people, small, large, message):
    fits = [ct.mmrm("score ~ arm * C(month)", people, **ROLES, **model) for model in (small, large)]
    with pytest.raises(ct.PlanError, match=message):
        ct.likelihood_ratio(*fits)


def test_what_cannot_be_answered_is_refused(people):
    fit = ct.mmrm("score ~ arm * C(month)", people, **ROLES)
    with pytest.raises(ct.PlanError, match="no random effects; name clusters"):
        fit.ranef()
    with pytest.raises(ct.PlanError, match="no clusters to correlate"):
        fit.icc_intervals()
    by_arm = ct.mmrm("score ~ arm", people, **ROLES)
    with pytest.raises(ct.PlanError, match="month 3 is not in the fit"):
        by_arm.predict(people.assign(month=people["month"].replace(6, 3)), conditional=True)
    with pytest.raises(ct.PlanError, match="visit 7 is not in the fit; it has 0, 6, 12"):
        fit.effect_size("arm", visit=7)
    with pytest.raises(ct.PlanError, match="neither the clusters nor the subjects"):
        fit.influence("arm", by="team")
    with pytest.raises(ct.PlanError, match="fit both by one of them"):
        ct.likelihood_ratio(fit, ct.lmm("score ~ arm * C(month) + (1 | person)", people))


@pytest.mark.parametrize("case", GLS, ids=lambda case: f"{case['covariance']}-{case['reml']}")
def test_residuals_and_likelihoods_are_those_of_gls(case):
    """Whose compound-symmetric residuals take another root of the covariance."""
    data = pd.read_csv(REFERENCE / "mmrm/data.csv").dropna()
    options = {"subject": "patient", "visit": "visit", "reml": case["reml"], "ddf": "satterthwaite"}
    fit = ct.mmrm("score ~ arm * visit", data, covariance=case["covariance"], **options)
    np.testing.assert_allclose(fit.summary["loglik"], case["loglik"], rtol=1e-9)
    rows = pd.MultiIndex.from_frame(data[["patient", "visit"]])
    asked = list(zip(case["patient"], case["visit"], strict=True))
    scaled = {} if case["covariance"].startswith("cs") else {"scaled": "normalized"}
    for kind, name in {"pearson": "pearson", **scaled}.items():
        ours = pd.Series(fit.residuals(kind).to_numpy(), index=rows)[asked]
        np.testing.assert_allclose(ours, case[name], atol=1e-4)
