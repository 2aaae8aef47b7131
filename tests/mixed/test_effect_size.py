"""Standardised effect sizes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

import core_trial as ct


def two_arms(n_clusters: int, size: int, effect: float, rng: np.random.Generator) -> pd.DataFrame:
    team = np.repeat(np.arange(n_clusters), size)
    noise = 0.5 * rng.normal(size=n_clusters)[team] + rng.normal(size=len(team))
    return pd.DataFrame({"team": team, "arm": team % 2, "y": effect * (team % 2) + noise})


@pytest.fixture(scope="module")
def fit() -> ct.LmmFit:
    return ct.lmm("y ~ arm + (1 | team)", two_arms(24, 10, 0.6, np.random.default_rng(8)))


@pytest.mark.parametrize("standard", ["total", "within"])
def test_the_estimate_is_the_corrected_ratio(fit, standard):
    size = fit.effect_size("arm", standard=standard).iloc[0]
    variances = fit.variance_components()["covariance"]
    variance = variances.sum() if standard == "total" else variances.iloc[-1]
    np.testing.assert_allclose(size["sd"], np.sqrt(variance), rtol=1e-9)
    arm = fit.tidy().set_index("term").loc["arm"]
    d = arm["estimate"] / size["sd"]
    assert 0.98 * d < size["estimate"] < d
    np.testing.assert_allclose(size["df"], arm["df"])
    half = stats.t.ppf(0.975, size["df"]) * size["std_error"]
    np.testing.assert_allclose(
        [size["conf_low"], size["conf_high"]], [size["estimate"] - half, size["estimate"] + half]
    )


def test_within_clusters_of_one_size_the_correction_is_that_of_the_residual_degrees(fit):
    """The residual variance of balanced clusters has N - M degrees of freedom."""
    df = 240 - 24
    correction = np.exp(special.gammaln(df / 2) - special.gammaln((df - 1) / 2)) / np.sqrt(df / 2)
    arm = fit.tidy().set_index("term").loc["arm"]
    size = fit.effect_size("arm", standard="within").iloc[0]
    d = arm["estimate"] / size["sd"]
    np.testing.assert_allclose(size["estimate"], d * correction, rtol=1e-7)
    expected = correction * np.sqrt((arm["std_error"] / size["sd"]) ** 2 + d**2 / (2 * df))
    np.testing.assert_allclose(size["std_error"], expected, rtol=1e-6)


def test_the_total_has_the_degrees_of_its_mean_squares(fit):
    """S^2 = MSB / n + MSW (n - 1) / n of balanced clusters, by Satterthwaite's rule."""
    n, clusters = 10, 24
    data = fit.model_frame.columns
    frame = pd.DataFrame(data)
    means = frame.groupby("team").agg({"y": "mean", "arm": "first"})
    between = n * sum(((g["y"] - g["y"].mean()) ** 2).sum() for _, g in means.groupby("arm")) / (clusters - 2)
    within = ((frame["y"] - frame.groupby("team")["y"].transform("mean")) ** 2).sum() / (240 - clusters)
    parts = np.array([between / n, within * (n - 1) / n])
    h = parts.sum() ** 2 / (parts**2 / [clusters - 2, 240 - clusters]).sum()
    size = fit.effect_size("arm").iloc[0]
    np.testing.assert_allclose(size["sd"] ** 2, parts.sum(), rtol=1e-7)
    correction = np.exp(special.gammaln(h / 2) - special.gammaln((h - 1) / 2)) / np.sqrt(h / 2)
    estimate = fit.tidy().set_index("term").loc["arm", "estimate"]
    np.testing.assert_allclose(size["estimate"], correction * estimate / size["sd"], rtol=1e-5)


def test_it_has_no_units(fit):
    data = pd.DataFrame(fit.model_frame.columns)
    scaled = ct.lmm("y ~ arm + (1 | team)", data.assign(y=data["y"] * 1e6 + 3e7)).effect_size("arm")
    ours = fit.effect_size("arm").drop(columns=["term", "sd"])
    np.testing.assert_allclose(scaled.drop(columns=["term", "sd"]), ours, rtol=1e-6)


@pytest.mark.filterwarnings("ignore:boundary fit:core_trial.TrialWarning")
def test_intervals_cover_the_true_effect():
    rng = np.random.default_rng(5)
    true = 0.8 / np.sqrt(1.25)
    covered, estimates = [], []
    for _ in range(150):
        size = ct.lmm("y ~ arm + (1 | team)", two_arms(16, 6, 0.8, rng)).effect_size("arm").iloc[0]
        covered.append(size["conf_low"] < true < size["conf_high"])
        estimates.append(size["estimate"])
    assert np.mean(covered) == pytest.approx(0.95, abs=0.05)
    assert np.mean(estimates) == pytest.approx(true, abs=4 * np.std(estimates) / np.sqrt(150))


def test_combinations_and_wrong_names(fit):
    both = fit.effect_size({"(Intercept)": 1, "arm": 1}).iloc[0]
    assert both["term"] == "(Intercept) + arm"
    np.testing.assert_allclose(both["estimate"] * both["sd"], fit.estimate.sum(), rtol=0.05)
    with pytest.raises(ct.PlanError, match="no coefficient 'team'"):
        fit.effect_size("team")
    with pytest.raises(ct.PlanError, match="choose from total, within"):
        fit.effect_size("arm", standard="baseline")


def test_slopes_count_with_the_average_of_their_variance():
    rng = np.random.default_rng(4)
    team = np.repeat(np.arange(20), 8)
    time = np.tile(np.arange(8.0), 20)
    y = (1 + 0.4 * time) * rng.normal(size=20)[team] + rng.normal(size=160)
    fit = ct.lmm("y ~ time + (time | team)", pd.DataFrame({"y": y, "team": team, "time": time}))
    g = fit.result.covariances[0]
    z = np.column_stack([np.ones(160), time])
    total = np.einsum("ij,jk,ik->i", z, g, z).mean() + fit.result.sigma**2
    np.testing.assert_allclose(fit.effect_size("time").loc[0, "sd"], np.sqrt(total), rtol=1e-9)
