"""Correlations and k of generalised mixed models against numerical integrals and the moments of drawn outcomes."""

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, special, stats

import core_trial as ct
from core_trial.errors import PlanError


def people(seed=1, clusters=25):
    rng = np.random.default_rng(seed)
    team = np.repeat(np.arange(clusters), 6 + rng.poisson(12, clusters))
    arm, shift = team % 2, rng.normal(0, 0.7, clusters)[team]
    years = rng.uniform(0.5, 2, len(team))
    return pd.DataFrame(
        {
            "team": team,
            "arm": arm,
            "years": years,
            "relapse": rng.binomial(1, special.expit(-0.4 * arm + shift)),
            "visits": rng.poisson(years * np.exp(0.5 - 0.3 * arm + shift) * rng.gamma(3, 1 / 3, len(team))),
        }
    )


ROWS = people()


def test_a_proportion_on_both_scales():
    fit = ct.glmm("relapse ~ 1 + (1 | team)", ROWS, family="binomial")
    table = ct.model_icc(fit).set_index("scale")
    spread = np.sqrt(fit.variance_components().loc[0, "covariance"])
    assert table.loc["latent", "estimate"] == pytest.approx(spread**2 / (spread**2 + np.pi**2 / 3))

    def moment(power):
        value = lambda z: special.expit(fit.estimate[0] + spread * z) ** power * stats.norm.pdf(z)  # noqa: E731
        return integrate.quad(value, -9, 9, epsabs=1e-12)[0]

    mean, square = moment(1), moment(2)
    rho = (square - mean**2) / (mean * (1 - mean))
    assert table.loc["data", "estimate"] == pytest.approx(rho, rel=1e-7)
    size = ROWS.groupby("team").size()
    assert table.loc["data", "design_effect"] == pytest.approx(1 + ((size**2).sum() / size.sum() - 1) * rho)
    assert np.isnan(table.loc["latent", "design_effect"])
    limits = fit.variance_intervals().loc[0, ["conf_low", "conf_high"]].to_numpy(float) ** 2
    np.testing.assert_allclose(
        table.loc["latent", ["conf_low", "conf_high"]].to_numpy(float), limits / (limits + np.pi**2 / 3)
    )


@pytest.mark.parametrize("family", ["poisson", "negative_binomial", "nb1"])
def test_counts_have_the_correlation_of_drawn_outcomes(family):
    fit = ct.glmm("visits ~ arm + offset(log(years)) + (1 | team)", ROWS, family=family)
    table = ct.model_icc(fit).set_index("term")
    variance = fit.variance_components().loc[0, "covariance"]
    assert table.loc["k", "estimate"] == pytest.approx(np.sqrt(np.exp(variance) - 1))
    drawn = fit.simulate(6000, seed=1)
    mean = drawn.mean(axis=0)
    first = np.unique(ROWS["team"], return_index=True)[1]
    pairs = np.mean((drawn - mean)[:, first] * (drawn - mean)[:, first + 1], axis=0)
    rho = (pairs / (mean[first] * mean[first + 1])).mean() * (mean**2).sum() / drawn.var(axis=0).sum()
    assert table.loc["icc", "estimate"] == pytest.approx(rho, rel=0.08)
    events, years = ROWS.groupby("team")["years"].sum(), ROWS["years"].sum()
    expected = 1 + (np.exp(variance) - 1) * ROWS["visits"].sum() / years * (events**2).sum() / years
    assert table.loc["k", "design_effect"] == pytest.approx(expected)


def test_models_and_moments_agree_on_how_clusters_vary():
    rows = people(2, clusters=50)
    proportion = ct.model_icc(ct.glmm("relapse ~ arm + (1 | team)", rows, family="binomial")).loc[1]
    moments = ct.icc("relapse", rows, cluster="team", within="arm", kind="proportion")
    assert proportion["estimate"] == pytest.approx(moments.estimate, rel=0.15)
    rate = ct.model_icc(ct.glmm("visits ~ arm + offset(log(years)) + (1 | team)", rows, family="poisson")).loc[0]
    k = ct.icc("visits", rows, cluster="team", within="arm", kind="rate", person_time="years")
    assert rate["estimate"] == pytest.approx(k.estimate, rel=0.2)


BAD = {
    "slope": ("relapse ~ arm + (arm | team)", {"family": "binomial"}, "one random intercept"),
    "nested": ("relapse ~ arm + (1 | team) + (1 | half)", {"family": "binomial"}, "one random intercept"),
    "link": ("visits ~ arm + (1 | team)", {"family": "poisson", "link": "identity"}, "with their usual links"),
    "inflated": ("visits ~ arm + (1 | team)", {"family": "poisson", "zero_inflated": True}, "not zero-inflated"),
}


@pytest.mark.filterwarnings("ignore::core_trial.errors.TrialWarning")
@pytest.mark.parametrize("case", BAD)
def test_models_without_one_correlation(case):
    formula, options, message = BAD[case]
    rows = ROWS.assign(half=np.arange(len(ROWS)) % 7)
    fit = ct.glmm(formula, rows, **options)
    with pytest.raises(PlanError, match=message):
        ct.model_icc(fit)
