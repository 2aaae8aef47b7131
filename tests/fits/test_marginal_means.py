"""Estimated marginal means against emmeans, and by identities."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import core_trial as ct

FOLDER = Path(__file__).parents[1] / "reference"
CASES = json.loads((FOLDER / "marginal_means/expected.json").read_text())
MEANS = [(name, i) for name, case in CASES.items() for i in range(len(case["means"]))]
DIFFERENCES = [(name, i) for name, case in CASES.items() for i in range(len(case["differences"]))]


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    data = pd.read_csv(FOLDER / "lmm/data.csv")
    visit = pd.Categorical(data["month"].astype(int).astype(str), ["0", "6", "12"])
    return data.assign(visit=visit, treated=(data["arm"] == "intervention").astype(int))


def fit_case(case: dict[str, Any], data: pd.DataFrame, ddf: Any) -> ct.LmmFit:
    absent = (data["arm"] == "control") & (data["month"] == 6)
    return ct.lmm(case["formula"], data[~absent] if case["without"] else data, ddf=ddf)


def assert_columns_agree(ours: pd.DataFrame, expected: dict[str, Any], tolerances: dict[str, float]) -> None:
    for column, tolerance in tolerances.items():
        theirs = np.array(expected[column], float).reshape(-1)
        np.testing.assert_allclose(ours[column], theirs, rtol=tolerance, err_msg=column)


NUMBERS = {"estimate": 1e-6, "std_error": 1e-6, "df": 1e-6, "conf_low": 1e-6, "conf_high": 1e-6}


@pytest.mark.parametrize(("name", "which"), MEANS)
def test_means_are_those_of_emmeans(data, name, which):
    expected = CASES[name]["means"][which]
    fit = fit_case(CASES[name], data, expected["ddf"])
    ours = fit.marginal_means(expected["by"], at=expected["at"], weights=expected["weights"])
    order = pd.DataFrame(expected["values"]).astype(str)
    keyed = ours.assign(**{name: ours[name].astype(str) for name in expected["by"]})
    assert_columns_agree(order.merge(keyed, on=expected["by"], validate="one_to_one"), expected, NUMBERS)


@pytest.mark.parametrize(("name", "which"), DIFFERENCES)
def test_differences_are_those_of_emmeans(data, name, which):
    expected = CASES[name]["differences"][which]
    fit = fit_case(CASES[name], data, expected["ddf"])
    ours = fit.marginal_differences(expected["of"], expected["by"], weights=expected["weights"])
    assert_columns_agree(ours, expected, NUMBERS | {"p_value": 5e-6})


def test_means_of_a_model_without_covariates_are_its_coefficients(data):
    fit = ct.lmm("score ~ 0 + arm + (1 | team)", data)
    means, coefficients = fit.marginal_means("arm"), fit.tidy()
    columns = ["estimate", "std_error", "df", "conf_low", "conf_high"]
    assert means["arm"].tolist() == ["control", "intervention"]
    np.testing.assert_allclose(means[columns], coefficients[columns], rtol=1e-12)


def test_means_are_predictions_at_the_grid_averaged(data):
    fit = ct.lmm("score ~ arm * visit + log(age) + rater + (1 | team)", data)
    grid = pd.MultiIndex.from_product([["intervention"], ["0", "6", "12"], sorted(data["rater"].unique())])
    rows = grid.to_frame(index=False, name=["arm", "visit", "rater"]).assign(age=data["age"].mean())
    design = fit.frame.design({name: rows[name] for name in rows})
    means = fit.marginal_means("arm").set_index("arm")
    np.testing.assert_allclose(means.loc["intervention", "estimate"], (design @ fit.estimate).mean(), rtol=1e-12)


def test_a_difference_of_two_arms_in_an_additive_model_is_the_coefficient(data):
    fit = ct.lmm("score ~ arm + age + I(age**2) + rater + (month | team)", data)
    difference, coefficient = fit.marginal_differences("arm").iloc[0], fit.tidy().set_index("term")
    assert difference["term"] == "intervention - control"
    for column in ("estimate", "std_error", "df", "statistic", "p_value", "conf_low", "conf_high"):
        expected = coefficient.loc["arm[T.intervention]", column]
        np.testing.assert_allclose(difference[column], expected, rtol=1e-7)


def test_repeated_measures_have_the_means_of_the_same_model(data):
    """Compound symmetry over the visits is a random intercept of persons."""
    seen = data.drop_duplicates(["person", "visit"])
    mixed = ct.lmm("score ~ arm * visit + age + (1 | person)", seen, information="expected")
    options = {"subject": "person", "visit": "visit", "covariance": "cs", "information": "expected"}
    repeated = ct.mmrm("score ~ arm * visit + age", seen, **options)
    means = [fit.marginal_means(["arm", "visit"]).drop(columns=["arm", "visit"]) for fit in (mixed, repeated)]
    np.testing.assert_allclose(*means, rtol=1e-6)


def test_numbers_that_are_compared_or_coded_are_categories(data):
    compared = ct.lmm("score ~ I(month == 6) + I(month == 12) + rater + (1 | team)", data)
    coded = ct.lmm("score ~ C(month) + rater + (1 | team)", data)
    np.testing.assert_allclose(
        compared.marginal_means("month").to_numpy(float), coded.marginal_means("month").to_numpy(float), rtol=1e-7
    )
    averaged = [fit.marginal_means("rater")["estimate"] for fit in (compared, coded)]
    np.testing.assert_allclose(*averaged, rtol=1e-9)


def test_rows_that_the_data_do_not_determine_are_missing(data):
    absent = data[(data["arm"] == "intervention") | (data["month"] != 6)]
    fit = ct.lmm("score ~ arm * visit + (1 | team)", absent)
    means = fit.marginal_means(["arm", "visit"])
    unknown = means["estimate"].isna()
    assert means.loc[unknown, ["arm", "visit"]].to_numpy().tolist() == [["control", "6"]]
    differences = fit.marginal_differences("arm", "visit")
    assert differences.loc[differences["estimate"].isna(), "visit"].tolist() == ["6"]
    assert fit.marginal_means("arm")["estimate"].isna().tolist() == [True, False]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"by": "sex"}, "'sex' is no variable of the fixed effects; they are arm, visit, age"),
        ({"by": []}, "name each variable once"),
        ({"by": ["arm", "arm"]}, "name each variable once"),
        ({"by": "arm", "at": {"team": "T01"}}, "'team' is no variable"),
        ({"by": "arm", "at": {"visit": "9"}}, "'visit' has no value 9; it has 0, 6, 12"),
        ({"by": "age"}, "at={'age'"),
        ({"by": "arm", "weights": "cells"}, "choose from equal, proportional"),
    ],
)
def test_what_is_no_grid_is_refused(data, arguments, message):
    fit = ct.lmm("score ~ arm + visit + age + (1 | team)", data)
    with pytest.raises(ct.PlanError, match=message):
        fit.marginal_means(**arguments)


def test_a_single_value_has_no_differences(data):
    fit = ct.lmm("score ~ arm + visit + (1 | team)", data)
    with pytest.raises(ct.PlanError, match="single value"):
        fit.marginal_differences("arm", at={"arm": "control"})
