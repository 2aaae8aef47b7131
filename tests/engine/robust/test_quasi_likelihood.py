"""Fisher scoring against statsmodels, and theta against its likelihood."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from core_trial.engine.basis import orthogonal_basis
from core_trial.engine.generalised.links import LINKS
from core_trial.engine.robust.overdispersion import fit_negative_binomial, log_likelihood
from core_trial.engine.robust.quasi_likelihood import Data, MeanModel, fit_quasi
from core_trial.errors import FitError

N = 150
RNG = np.random.default_rng(3)
X = np.column_stack([np.ones(N), RNG.integers(0, 2, N), RNG.normal(45, 10, N)])
OFFSET = np.log(RNG.uniform(0.5, 3, N))
ETA = X @ [-0.8, -0.4, 0.02]
FAMILIES = {"gaussian": sm.families.Gaussian, "binomial": sm.families.Binomial, "poisson": sm.families.Poisson}
SM_LINKS = {"log": sm.families.links.Log, "logit": sm.families.links.Logit, "identity": sm.families.links.Identity}
OUTCOMES = {
    ("gaussian", "identity"): 5 + RNG.normal(ETA),
    ("gaussian", "log"): RNG.normal(np.exp(ETA + OFFSET), 0.3),
    ("binomial", "logit"): RNG.binomial(1, 1 / (1 + np.exp(-ETA - OFFSET))),
    ("binomial", "log"): RNG.binomial(1, np.exp(ETA - ETA.max() - 0.5)),
    ("binomial", "identity"): RNG.binomial(1, 0.2 + 0.2 * X[:, 1]),
    ("poisson", "log"): RNG.poisson(np.exp(ETA + OFFSET)),
    ("poisson", "identity"): RNG.poisson(2 + X[:, 1]),
}


def data(y, offset=OFFSET, weights=None, x=X):
    return Data(np.asarray(y, float), orthogonal_basis(x), offset, np.ones(len(y)) if weights is None else weights)


@pytest.mark.filterwarnings("ignore:The .* link function:statsmodels.tools.sm_exceptions.DomainWarning")
@pytest.mark.parametrize(("family", "link"), OUTCOMES)
def test_estimates_are_those_of_statsmodels(family, link):
    y = OUTCOMES[family, link]
    offset = OFFSET if link == "logit" or (family, link) in {("poisson", "log"), ("gaussian", "log")} else 0 * OFFSET
    weights = RNG.integers(1, 4, N).astype(float)
    fit = fit_quasi(MeanModel(family, LINKS[link]), data(y, offset, weights))
    theirs = sm.GLM(y, X, family=FAMILIES[family](SM_LINKS[link]()), offset=offset, freq_weights=weights)
    expected = theirs.fit(start_params=fit.estimate, tol=1e-12)
    assert fit.converged
    np.testing.assert_allclose(fit.estimate, expected.params, rtol=1e-5, atol=1e-7)
    assert fit.deviance == pytest.approx(expected.deviance, rel=1e-9)
    np.testing.assert_allclose(X.T @ fit.pull, 0, atol=1e-3)


def test_separated_outcomes_do_not_explode():
    y = X[:, 1]
    fit = fit_quasi(MeanModel("binomial", LINKS["logit"]), data(y, 0 * OFFSET))
    assert np.isfinite(fit.coefficients).all()
    assert fit.deviance < 1e-6


def test_means_that_no_coefficients_bring_into_range():
    x = np.column_stack([np.ones(20), np.arange(20.0)])
    model, rows = MeanModel("binomial", LINKS["log"]), data(np.arange(20) % 2, np.full(20, 5.0), x=x[:, 1:])
    with pytest.raises(FitError, match="range"):
        fit_quasi(model, rows)


def overdispersed(theta):
    mean = np.exp(ETA + OFFSET + 1)
    return np.random.default_rng(4).poisson(np.random.default_rng(5).gamma(theta, mean / theta))


def negative_binomial(y, weights=None):
    model = MeanModel("negative_binomial", LINKS["log"])
    rows = data(y, weights=weights)
    return fit_negative_binomial(model, rows, fit_quasi(replace(model, name="poisson"), rows))


@pytest.mark.parametrize("theta", [0.3, 2.0, 15.0])
def test_theta_maximises_the_likelihood(theta):
    y = overdispersed(theta)
    found = negative_binomial(y)

    def likelihood(value):
        model = replace(found.fit.model, theta=value)
        return log_likelihood(fit_quasi(model, found.fit.data))

    at = [likelihood(found.theta * factor) for factor in (0.99, 1.0, 1.01)]
    assert at[1] == pytest.approx(found.log_likelihood)
    assert at[1] > max(at[0], at[2])
    mean = found.fit.mean
    full = stats.nbinom.logpmf(y, found.theta, found.theta / (found.theta + mean)).sum()
    constant = stats.poisson.logpmf(y, mean).sum() - (y @ np.log(mean) - mean.sum())
    assert found.log_likelihood + constant == pytest.approx(full, rel=1e-9)


def test_weights_are_repetitions_in_theta_too():
    y, times = overdispersed(2.0), RNG.integers(1, 4, N)
    weighted = negative_binomial(y, times.astype(float))
    rows = data(np.repeat(y, times), np.repeat(OFFSET, times), x=np.repeat(X, times, axis=0))
    model = MeanModel("negative_binomial", LINKS["log"])
    repeated = fit_negative_binomial(model, rows, fit_quasi(replace(model, name="poisson"), rows))
    assert weighted.theta == pytest.approx(repeated.theta, rel=1e-6)


def test_no_more_variation_than_poisson_has_an_infinite_theta():
    found = negative_binomial(np.rint(np.exp(ETA + OFFSET)))
    assert np.isinf(found.theta)
    assert found.log_likelihood == pytest.approx(log_likelihood(found.fit))


def test_more_variation_than_negative_binomial_is_said():
    y = np.zeros(N)
    y[3], y[7] = 1, 1e6
    with pytest.raises(FitError, match="theta runs to zero"):
        negative_binomial(y, weights=np.where(y > 0, 1.0, 1e5))
