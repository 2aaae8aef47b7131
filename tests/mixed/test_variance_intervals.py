"""Intervals by the profile likelihood against lme4, and by identities."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import core_trial as ct

FOLDER = Path(__file__).parents[1] / "reference"
EXPECTED = json.loads((FOLDER / "likelihood/expected.json").read_text())["intervals"]
QUIET = pytest.mark.filterwarnings("ignore:boundary fit:core_trial.TrialWarning")


@pytest.fixture(scope="module")
def frames() -> dict[str, pd.DataFrame]:
    return {"data": pd.read_csv(FOLDER / "lmm/data.csv"), "growth": pd.read_csv(FOLDER / "likelihood/growth.csv")}


def named(limits: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """Our intervals under lme4's names."""
    found = {}
    for row in limits.itertuples():
        kind = {"sd": f"sd_{row.term}", "correlation": f"cor_{row.other}.{row.term}"}[row.quantity]
        group = re.sub(r"\.\d+$", "", row.group)
        found["sigma" if group == "Residual" else f"{kind}|{group}"] = (row.conf_low, row.conf_high)
    return found


@QUIET
@pytest.mark.parametrize("case", EXPECTED, ids=lambda case: case["formula"])
def test_profile_intervals_are_those_of_lme4(frames, case):
    fit = ct.lmm(case["formula"], frames[case["data"]])
    ours = named(fit.variance_intervals(reml=False))
    fixed = fit.profile_intervals().assign(term=lambda t: t["term"].str.replace(r"\[T\.(\w+)\]", r"\1", regex=True))
    ours |= {row.term: (row.conf_low, row.conf_high) for row in fixed.itertuples()}
    assert set(ours) == set(case["parameter"])
    compared = 0
    for name, low, high in zip(case["parameter"], case["low"], case["high"], strict=True):
        if low is not None:  # lme4 gives none for sigma where a variance is zero
            np.testing.assert_allclose(ours[name], (low, high), rtol=1e-4, atol=1e-5, err_msg=name)
            compared += 1
    assert compared >= len(case["parameter"]) - 1


def test_a_profile_meets_its_definition(frames):
    """At either end, the least deviance with the coefficient fixed there is the quantile above the minimum."""
    data = frames["data"]
    limits = ct.lmm("score ~ arm + month + (month | team)", data).profile_intervals(conf_level=0.9).set_index("term")
    least = ct.lmm("score ~ arm + month + (month | team)", data, reml=False, ddf="normal").result.log_likelihood
    for end in limits.loc["month", ["conf_low", "conf_high"]]:
        moved = data.assign(moved=data["score"] - end * data["month"])
        fixed = ct.lmm("moved ~ arm + (month | team)", moved, reml=False, ddf="normal").result.log_likelihood
        np.testing.assert_allclose(2 * (least - fixed), stats.chi2.ppf(0.9, 1), rtol=1e-4)


def test_a_profile_of_balanced_clusters_is_symmetric():
    rng = np.random.default_rng(2)
    team = np.repeat(np.arange(14), 5)
    data = pd.DataFrame({"y": rng.normal(size=14)[team] + rng.normal(size=70), "team": team, "arm": team % 2})
    row = ct.lmm("y ~ arm + (1 | team)", data).profile_intervals().set_index("term").loc["arm"]
    np.testing.assert_allclose(row["conf_high"] - row["estimate"], row["estimate"] - row["conf_low"], rtol=1e-5)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_intervals_follow_the_units_of_the_data(frames, scale):
    data = frames["growth"].assign(score=lambda d: d["score"] * scale, month=lambda d: d["month"] * scale**0.5)
    fit = ct.lmm("score ~ arm + month + (month | team)", data)
    plain = ct.lmm("score ~ arm + month + (month | team)", frames["growth"])
    units = [scale, scale**0.5, 1, scale]
    for interval in ("profile", "wald"):
        ours = fit.variance_intervals(interval=interval)[["estimate", "conf_low", "conf_high"]].to_numpy(float)
        expected = plain.variance_intervals(interval=interval)[["estimate", "conf_low", "conf_high"]].to_numpy(float)
        np.testing.assert_allclose(ours, expected * np.array(units)[:, None], rtol=2e-4)
    limits, plain_limits = fit.profile_intervals(), plain.profile_intervals()
    np.testing.assert_allclose(limits["conf_low"].iloc[1], plain_limits["conf_low"].iloc[1] * scale, rtol=1e-5)


@QUIET
def test_the_boundary_is_said(frames):
    fit = ct.lmm("noise ~ arm + (1 | team)", frames["data"])
    for interval in ("profile", "wald"):
        table = fit.variance_intervals(interval=interval)
        assert table["boundary"].tolist() == [True, False]
        assert np.isfinite(table.loc[1, ["conf_low", "conf_high"]].to_numpy(float)).all()
        icc = fit.icc_intervals(interval=interval).iloc[0]
        assert icc["boundary"]
        assert icc["estimate"] == pytest.approx(0, abs=1e-12)
    assert fit.icc_intervals().loc[0, "conf_low"] == 0
    assert 0 < fit.icc_intervals().loc[0, "conf_high"] < 0.1
    assert np.isnan(fit.variance_intervals(interval="wald").loc[0, "conf_low"])


def test_wald_and_profile_agree_where_data_are_many():
    rng = np.random.default_rng(5)
    team = np.repeat(np.arange(400), 6)
    data = pd.DataFrame({"y": 0.7 * rng.normal(size=400)[team] + rng.normal(size=2400), "team": team})
    fit = ct.lmm("y ~ 1 + (1 | team)", data)
    for method in (fit.variance_intervals, fit.icc_intervals):
        profile, wald = (method(interval=interval)[["conf_low", "conf_high"]] for interval in ("profile", "wald"))
        np.testing.assert_allclose(profile, wald, rtol=0.01)


def test_the_icc_of_balanced_clusters_has_about_its_exact_interval():
    """The profile is that of a large sample; with 60 clusters the exact interval by F is near."""
    rng = np.random.default_rng(9)
    team = np.repeat(np.arange(60), 8)
    data = pd.DataFrame({"y": 0.5 * rng.normal(size=60)[team] + rng.normal(size=480), "team": team.astype(str)})
    ours = ct.lmm("y ~ 1 + (1 | team)", data).icc_intervals().iloc[0]
    exact = ct.icc("y", data, cluster="team")
    np.testing.assert_allclose(ours["estimate"], exact.estimate, rtol=1e-6)
    np.testing.assert_allclose([ours["conf_low"], ours["conf_high"]], [exact.conf_low, exact.conf_high], atol=0.02)


def test_shares_of_periods_within_clusters(frames):
    fit = ct.lmm(
        "score ~ arm + (1 | team) + (1 | team:month)", frames["growth"].assign(month=lambda d: d["month"] // 4)
    )
    variances = fit.variance_components().set_index("group")["covariance"]
    table = fit.icc_intervals().set_index(["quantity", "group"])["estimate"]
    between, period, residual = variances["team"], variances["team:month"], variances["Residual"]
    total = between + period + residual
    np.testing.assert_allclose(table["icc", "team"], between / total, rtol=1e-9)
    np.testing.assert_allclose(table["icc", "team:month"], (between + period) / total, rtol=1e-9)
    np.testing.assert_allclose(table["autocorrelation", "team:month"], between / (between + period), rtol=1e-9)
    assert list(fit.icc_intervals()["other"])[-1] == "team"


def test_crossed_factors_each_have_an_icc(frames):
    table = ct.lmm("score ~ arm + (1 | team) + (1 | rater)", frames["data"]).icc_intervals()
    assert table["quantity"].tolist() == ["icc", "icc"]
    assert (table["conf_low"] < table["estimate"]).all()
    assert (table["estimate"] < table["conf_high"]).all()


def test_structured_periods_have_an_icc_and_an_autocorrelation(frames):
    fit = ct.lmm("score ~ arm + C(month) + ar1(0 + C(month) | team)", frames["data"])
    g = fit.result.covariances[0]
    table = fit.icc_intervals().set_index("quantity")
    np.testing.assert_allclose(table.loc["icc", "estimate"], g[0, 0] / (g[0, 0] + fit.result.sigma**2), rtol=1e-7)
    np.testing.assert_allclose(table.loc["autocorrelation", "estimate"], g[1, 0] / g[0, 0], rtol=1e-7)
    assert table.loc["autocorrelation", ["term", "other"]].tolist() == ["C(month)[0.0]", "C(month)[6.0]"]
    assert (table["conf_low"] <= table["estimate"]).all()


@QUIET
@pytest.mark.parametrize("structure", ["us", "csh", "ar1h", "diag"])
def test_periods_with_a_variance_each_have_an_icc_each(frames, structure):
    fit = ct.lmm(f"score ~ arm + C(month) + {structure}(0 + C(month) | team) + (1 | rater)", frames["data"])
    g, others = fit.result.covariances[0], fit.result.covariances[1][0, 0]
    total = np.diag(g) + others + fit.result.sigma**2
    table = fit.icc_intervals(interval="wald")
    icc = table[(table["quantity"] == "icc") & (table["group"] == "team")]
    np.testing.assert_allclose(icc["estimate"], np.diag(g) / total, rtol=1e-9)
    assert icc["term"].tolist() == list(fit.matrices.random[0].names)
    rater = table[(table["quantity"] == "icc") & (table["group"] == "rater")]
    np.testing.assert_allclose(rater["estimate"], others / total, rtol=1e-9)
    between = table[table["quantity"] == "autocorrelation"]["estimate"]
    expected = (
        []
        if structure == "diag"
        else g[np.triu_indices(3, 1)] / np.sqrt(np.outer(np.diag(g), np.diag(g)))[np.triu_indices(3, 1)]
    )
    np.testing.assert_allclose(between, expected, rtol=1e-9)


def test_a_period_has_the_interval_of_the_intercept_when_it_is_the_only_one(frames):
    """Of independent periods, each is as if its clusters were others."""
    data = frames["growth"].assign(late=lambda d: np.where(d["month"] > d["month"].median(), "yes", "no"))
    fit = ct.lmm("score ~ late + diag(0 + late | team)", data)
    by_variance = fit.variance_intervals().set_index("term")
    assert by_variance["quantity"].tolist() == ["sd", "sd", "sd"]
    icc = fit.icc_intervals().set_index("term")
    for late in ("late[no]", "late[yes]"):
        low, sd, high = by_variance.loc[late, ["conf_low", "estimate", "conf_high"]]
        sigma2 = fit.result.sigma**2
        np.testing.assert_allclose(icc.loc[late, "estimate"], sd**2 / (sd**2 + sigma2), rtol=1e-9)
        ends = [low**2 / (low**2 + sigma2), high**2 / (high**2 + sigma2)]
        np.testing.assert_allclose(icc.loc[late, ["conf_low", "conf_high"]].to_numpy(float), ends, atol=0.03)


def test_a_variance_of_any_sign_has_intervals_below_zero(frames):
    fit = ct.lmm("noise ~ arm + (1 | team)", frames["data"], unconstrained=True)
    for row in (fit.variance_intervals().iloc[0], fit.icc_intervals().iloc[0]):
        assert row["conf_low"] < row["estimate"] < 0 < row["conf_high"]
    assert fit.variance_intervals().loc[0, "quantity"] == "variance"
    wald = fit.variance_intervals(interval="wald").iloc[0]
    np.testing.assert_allclose((wald["conf_low"] + wald["conf_high"]) / 2, wald["estimate"], rtol=1e-9)


def test_what_has_no_interval_is_refused(frames):
    fit = ct.lmm("score ~ arm + (month | team)", frames["data"])
    with pytest.raises(ct.PlanError, match="depends on the covariates"):
        fit.icc_intervals()
    with pytest.raises(ct.PlanError, match="choose from profile, wald"):
        fit.variance_intervals(interval="exact")
