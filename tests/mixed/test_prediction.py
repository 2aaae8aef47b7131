"""Predictions, conditional modes and residuals against lme4, and by identities."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import core_trial as ct

FOLDER = Path(__file__).parents[1] / "reference"
EXPECTED = json.loads((FOLDER / "predictions/expected.json").read_text())
CASES = pytest.mark.parametrize("case", EXPECTED["cases"], ids=lambda case: case["formula"])


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    return pd.read_csv(FOLDER / "lmm/data.csv")


@pytest.fixture(scope="module")
def new() -> pd.DataFrame:
    return pd.DataFrame(EXPECTED["new"])


@CASES
def test_modes_are_those_of_lme4(data, case):
    ours = ct.lmm(case["formula"], data).ranef()
    ours = ours.assign(group=ours["group"].str.replace(r"\.\d+$", "", regex=True), level=ours["level"].astype(str))
    theirs = pd.DataFrame(case["modes"])
    both = theirs.merge(ours, on=["group", "term", "level"], suffixes=("", "_ours"), validate="one_to_one")
    assert len(both) == len(theirs) == len(ours)
    np.testing.assert_allclose(both["mode_ours"], both["mode"], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(both["std_error_ours"], both["std_error"], rtol=1e-5)


@CASES
def test_predictions_are_those_of_lme4(data, new, case):
    fit = ct.lmm(case["formula"], data)
    np.testing.assert_allclose(fit.predict(new)["estimate"], case["population"], rtol=1e-7)
    np.testing.assert_allclose(fit.predict(new, conditional=True)["estimate"], case["conditional"], rtol=1e-6)


@CASES
def test_residuals_are_those_of_lme4(data, case):
    fit = ct.lmm(case["formula"], data)
    for kind in ("conditional", "pearson", "marginal"):
        np.testing.assert_allclose(fit.residuals(kind)[:20], case[f"{kind}_residuals"], rtol=1e-5, atol=1e-5)


def test_predictions_of_the_rows_of_the_fit_need_no_rows(data):
    fit = ct.lmm("score ~ arm * month + (month | team)", data)
    pd.testing.assert_frame_equal(fit.predict(), fit.predict(data))
    conditional = fit.predict(conditional=True)
    np.testing.assert_allclose(data["score"] - conditional["estimate"], fit.residuals("conditional"), atol=1e-9)
    np.testing.assert_allclose(data["score"] - fit.predict()["estimate"], fit.residuals("marginal"), atol=1e-9)


def test_a_population_mean_has_the_inference_of_its_contrast(data):
    fit = ct.lmm("score ~ arm + age + (1 | team)", data)
    row = fit.predict(pd.DataFrame({"arm": ["intervention"], "age": [30]})).iloc[0]
    contrast = fit.contrast({"(Intercept)": 1, "arm[T.intervention]": 1, "age": 30}).iloc[0]
    for column in ("estimate", "std_error", "df", "conf_low", "conf_high"):
        np.testing.assert_allclose(row[column], contrast[column], rtol=1e-9)


def test_a_new_outcome_varies_by_all_variances(data, new):
    fit = ct.lmm("score ~ arm + month + (1 | team)", data)
    mean, outcome = fit.predict(new), fit.predict(new, interval="prediction")
    total = fit.variance_components()["covariance"].sum()
    np.testing.assert_allclose(outcome["std_error"] ** 2, mean["std_error"] ** 2 + total, rtol=1e-9)
    known = fit.predict(new, conditional=True, interval="prediction")
    unseen = (new["team"] == "unseen").to_numpy()
    np.testing.assert_allclose(known["std_error"][unseen], outcome["std_error"][unseen], rtol=1e-9)
    assert (known["std_error"][~unseen] < outcome["std_error"][~unseen]).all()


def test_intervals_for_new_outcomes_cover_them():
    rng = np.random.default_rng(3)
    inside, outside = [], []
    for _ in range(60):
        team = np.repeat(np.arange(20), 6)
        effects = rng.normal(0, 1, 24)
        old = pd.DataFrame({"team": team, "y": effects[team] + rng.normal(size=120)})
        new = pd.DataFrame({"team": np.arange(24)})
        y = effects + rng.normal(size=24)
        fit = ct.lmm("y ~ 1 + (1 | team)", old)
        for conditional, found in ((True, inside), (False, outside)):
            limits = fit.predict(new, conditional=conditional, interval="prediction", conf_level=0.9)
            found.append(np.mean((limits["conf_low"] < y) & (y < limits["conf_high"])))
    assert np.mean(inside) == pytest.approx(0.9, abs=0.03)
    assert np.mean(outside) == pytest.approx(0.9, abs=0.03)


@pytest.mark.parametrize(
    "formula",
    [
        "score ~ arm + (1 | team)",
        "score ~ arm + (month | team) + (1 | person)",
        "score ~ arm + (1 | team) + (1 | rater)",
    ],
)
def test_scaled_residuals_have_the_deviance_as_their_square(data, formula):
    fit = ct.lmm(formula, data, reml=False, ddf="normal")
    squares = (fit.residuals("scaled") ** 2).sum()
    np.testing.assert_allclose(squares, len(data), rtol=1e-8)  # e'V^-1 e = n at maximum likelihood


def test_residuals_keep_the_index_of_their_rows(data):
    some = data.assign(score=data["score"].where(data.index % 7 > 0)).set_index(data.index + 1000)
    fit = ct.lmm("score ~ arm + (1 | team)", some)
    assert fit.residuals().index.tolist() == some.index[some["score"].notna()].tolist()
    assert fit.predict().index.equals(fit.residuals().index)


def test_rows_that_the_data_do_not_determine_are_missing(data):
    absent = data[(data["arm"] == "intervention") | (data["month"] != 6)]
    fit = ct.lmm("score ~ arm * C(month) + (1 | team)", absent)
    rows = pd.DataFrame({"arm": ["control", "control"], "month": [0.0, 6.0], "team": "T01"})
    for conditional in (False, True):
        assert fit.predict(rows, conditional=conditional)["estimate"].isna().tolist() == [False, True]


def test_a_mean_alone_is_predicted_for_each_new_row(data):
    new = pd.DataFrame({"team": ["T01", "T02"]}, index=[7, 9])
    mixed = ct.lmm("score ~ 1 + (1 | team)", data)
    repeated = ct.mmrm("score ~ 1", data.drop_duplicates(["person", "month"]), subject="person", visit="month")
    for fit in (mixed, repeated):
        predicted = fit.predict(new)
        assert predicted.index.tolist() == [7, 9]
        np.testing.assert_allclose(predicted["estimate"], fit.estimate[0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda new: new.drop(columns="month"), "no column 'month'"),
        (lambda new: new.assign(month=[0, None, 6, 12]), "'month' is missing in row 2"),
        (lambda new: new.assign(arm="placebo"), "'arm' has a category that the fit does not know in rows 1, 2"),
        (lambda new: new.assign(month=7), "does not know the value 7 of a factor"),
        (lambda new: new[:0], "no rows to predict"),
        (lambda new: new.assign(team=None), "'team' is missing"),
    ],
)
def test_rows_that_cannot_be_predicted_are_refused(data, new, change, message):
    fit = ct.lmm("score ~ arm + C(month) + (1 | team)", data)
    with pytest.raises(ct.TrialError, match=message):
        fit.predict(change(new.assign(month=6)), conditional=True)


def test_options_that_do_not_exist_are_refused(data):
    fit = ct.lmm("score ~ arm + (1 | team)", data)
    with pytest.raises(ct.PlanError, match="choose from confidence, prediction"):
        fit.predict(interval="tolerance")
    with pytest.raises(ct.PlanError, match="choose from marginal, conditional, pearson, scaled"):
        fit.residuals("deviance")


def test_clusters_are_known_whatever_the_type_of_their_names(data):
    numbered = data.assign(team=data["team"].str[1:].astype(int), rater=data["rater"].str[1:].astype(int))
    fit = ct.lmm("score ~ arm + (1 | team) + (1 | team:rater)", numbered)
    rows = numbered[:6]
    expected = fit.predict(conditional=True)[:6]
    for kind in (float, object):
        found = fit.predict(rows.astype({"team": kind, "rater": kind}), conditional=True)
        pd.testing.assert_frame_equal(found, expected)
    new = fit.predict(rows.assign(team="new"), conditional=True)
    np.testing.assert_allclose(new["estimate"], fit.predict(rows)["estimate"], rtol=1e-12)


def test_a_negative_variance_has_no_random_effects(data):
    fit = ct.lmm("noise ~ arm + (1 | team)", data, unconstrained=True)
    assert fit.variance_components()["covariance"].iloc[0] < 0
    for attempt in (lambda: fit.predict(conditional=True), fit.ranef):
        with pytest.raises(ct.PlanError, match="negative"):
            attempt()
    assert len(fit.predict()) == len(data)
