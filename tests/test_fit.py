"""The schema that every analysis returns: its table, contrasts and ratios."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import core_trial as ct
from core_trial.fit import TIDY

COVARIANCE = np.array([[0.04, 0.01], [0.01, 0.09]])
DF = {0: 12.5, 1: np.inf}


def make(link: str = "identity", estimate: tuple[float, float] = (1.0, -0.5)) -> ct.Fit:
    return ct.Fit(
        terms=("a", "b"),
        estimate=np.array(estimate),
        covariance=COVARIANCE,
        degrees=lambda contrast: DF[int(np.argmax(np.abs(contrast)))],
        link=link,
        method="A method.",
        summary={"nobs": 9},
    )


def test_tidy_is_t_on_its_degrees_of_freedom_and_normal_where_they_are_infinite():
    table = make().tidy()
    assert tuple(table.columns) == TIDY
    se = np.sqrt(np.diag(COVARIANCE))
    np.testing.assert_allclose(table["std_error"], se)
    np.testing.assert_allclose(table["statistic"], [1 / 0.2, -0.5 / 0.3])
    np.testing.assert_allclose(table["p_value"], [2 * stats.t(12.5).sf(5), 2 * stats.norm.sf(0.5 / 0.3)], rtol=1e-12)
    half = np.array([stats.t(12.5).ppf(0.975), stats.norm.ppf(0.975)]) * se
    np.testing.assert_allclose(table["conf_low"], table["estimate"] - half)
    np.testing.assert_allclose(table["conf_high"], table["estimate"] + half)


def test_small_p_values_keep_their_digits():
    table = make(estimate=(20.0, 10.0)).tidy()
    np.testing.assert_allclose(table["p_value"], [2 * stats.t(12.5).sf(100), 2 * stats.norm.sf(100 / 3)], rtol=1e-9)
    assert (table["p_value"] > 0).all()


@pytest.mark.parametrize("level", [0.5, 0.9, 0.99])
def test_intervals_have_the_level_that_is_asked_for(level):
    row = make().tidy(conf_level=level).iloc[0]
    np.testing.assert_allclose(row["conf_high"] - row["estimate"], stats.t(12.5).ppf(0.5 + level / 2) * 0.2)


def test_contrast_is_a_linear_combination_with_its_own_degrees():
    row = make().contrast({"a": 1, "b": -2}).iloc[0]
    assert row["term"] == "a - 2*b"
    np.testing.assert_allclose(row["estimate"], 2)
    np.testing.assert_allclose(row["std_error"] ** 2, 0.04 - 4 * 0.01 + 4 * 0.09)
    assert np.isinf(row["df"])


def test_contrast_of_one_term_is_its_row():
    pd.testing.assert_series_equal(make().contrast({"a": 1}).iloc[0], make().tidy().iloc[0])


def test_contrast_names_the_terms_that_there_are():
    with pytest.raises(ct.PlanError, match="no coefficient 'c'; the fit has a, b"):
        make().contrast({"c": 1})


@pytest.mark.parametrize("link", ["log", "logit"])
def test_ratios_are_exponentials_with_the_same_test(link):
    plain, ratio = make(link).tidy(), make(link).tidy(exponentiate=True)
    for column in ("estimate", "conf_low", "conf_high"):
        np.testing.assert_allclose(ratio[column], np.exp(plain[column]))
    for column in ("std_error", "df", "statistic", "p_value"):
        np.testing.assert_array_equal(ratio[column], plain[column])


def test_differences_have_no_ratio():
    with pytest.raises(ct.PlanError, match="exponentiate"):
        make().tidy(exponentiate=True)


def test_an_estimate_without_spread_has_no_statistic():
    fit = ct.Fit(terms=("a",), estimate=np.ones(1), covariance=np.zeros((1, 1)), degrees=lambda _: 5.0, method="")
    row = fit.tidy().iloc[0]
    assert np.isnan(row["statistic"])
    assert np.isnan(row["p_value"])
    assert row["conf_low"] == row["conf_high"] == 1


def test_glance_is_one_row():
    assert make().glance().to_dict("records") == [{"nobs": 9}]
