"""`ct.glmm` against lme4 (Laplace, adaptive quadrature) and glmmTMB (NB2, NB1, beta-binomial, zero inflation)."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import core_trial as ct

REFERENCE = Path(__file__).parents[1] / "reference" / "glmm"
CASES = json.loads((REFERENCE / "expected.json").read_text())
ESTIMATE, STD_ERROR, VARIANCE, DISPERSION, LIKELIHOOD = 1e-4, 1e-4, 1e-4, 1e-4, 1e-7
"""Estimates as a share of their standard error, the others relative: the programs stop about so far from the end."""
LAYS_ASIDE = {"Poisson, 9 nodes", "events"}
"""lme4's log-likelihood by quadrature leaves a constant of the outcome out."""


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "data.csv")


@pytest.fixture(scope="module", params=CASES)
def case(request, data):
    expected = CASES[request.param]
    options = {name: expected.get(name) for name in ("family", "link", "n_agq", "weights", "zero_inflated")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ct.TrialWarning)
        return request.param, expected, ct.glmm(expected["formula"], data, **options)


def as_in_r(term: str) -> str:
    return re.sub(r"\[T\.(.*?)\]", r"\1", term)


def test_coefficients(case):
    _, expected, fit = case
    theirs, ours = pd.DataFrame(expected["fixed"]), fit.tidy()
    assert ours["term"].map(as_in_r).tolist() == theirs["term"].tolist()
    np.testing.assert_array_less(np.abs(ours["estimate"] - theirs["estimate"]) / theirs["std_error"], ESTIMATE)
    np.testing.assert_allclose(ours["std_error"], theirs["std_error"], rtol=STD_ERROR)


def test_variances(case):
    _, expected, fit = case
    theirs = pd.DataFrame(expected["variances"]).set_index("group")["covariance"].sort_values()
    ours = fit.variance_components()["covariance"].sort_values()
    np.testing.assert_allclose(ours, theirs, rtol=VARIANCE, atol=VARIANCE * theirs.max())


def test_likelihood_and_dispersion(case):
    name, expected, fit = case
    if name not in LAYS_ASIDE:
        np.testing.assert_allclose(fit.glance()["loglik"], expected["loglik"], rtol=LIKELIHOOD)
    theirs = [expected[key] for key in ("dispersion", "inflation") if expected.get(key) is not None]
    np.testing.assert_allclose(fit.dispersion()["estimate"], theirs, rtol=DISPERSION)
