"""Paths from the allocation through a mediator to an outcome."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st

import core_trial as ct
from core_trial.mixed_methods.mediation import e_value, product_interval


@pytest.fixture(scope="module")
def mediation(trial: ct.Trial) -> ct.mixed_methods.Mediation:
    return ct.mixed_methods.mediate(trial)


def paths(mediation: ct.mixed_methods.Mediation) -> pd.DataFrame:
    return mediation.paths.set_index("path")


def test_direct_and_indirect_add_up(mediation: ct.mixed_methods.Mediation) -> None:
    estimate = paths(mediation)["estimate"]
    assert estimate["indirect"] == pytest.approx(estimate["arm to mediator"] * estimate["mediator to outcome"])
    assert estimate["total"] == pytest.approx(estimate["direct"] + estimate["indirect"])


def test_each_path_is_a_regression_over_teams(trial: ct.Trial) -> None:
    teams = trial.frame("teams").dropna(subset=["fidelity", "fidelity_baseline"])
    y = np.log(teams["admission_rate"])
    held = pd.DataFrame(
        {
            "constant": 1.0,
            "arm": teams["intervention"],
            "f0": teams["fidelity_baseline"],
            "y0": np.log(teams["admission_rate_baseline"]),
        }
    )
    first = sm.OLS(teams["fidelity"], held).fit()
    second = sm.OLS(y, held.assign(fidelity=teams["fidelity"])).fit()
    found = paths(ct.mixed_methods.mediate(trial, strata=False))
    for path, fit, name in [
        ("arm to mediator", first, "arm"),
        ("mediator to outcome", second, "fidelity"),
        ("direct", second, "arm"),
        ("total", sm.OLS(y, held).fit(), "arm"),
    ]:
        low, high = fit.conf_int().loc[name]
        expected = (fit.params[name], fit.bse[name], fit.df_resid, fit.pvalues[name], low, high)
        columns = ["estimate", "std_error", "df", "p_value", "conf_low", "conf_high"]
        assert tuple(found.loc[path, columns]) == pytest.approx(expected)
    centred = (teams["fidelity"] - teams["fidelity"].mean()) * (teams["intervention"] - teams["intervention"].mean())
    product = sm.OLS(y, held.assign(fidelity=teams["fidelity"], product=centred)).fit()
    assert found.loc["arm by mediator", "p_value"] == pytest.approx(product.pvalues["product"])


def test_the_interval_of_the_product_against_simulation() -> None:
    a = {"estimate": 10.0, "std_error": 4.0, "df": 12.0}
    b = {"estimate": -0.005, "std_error": 0.002, "df": 11.0}
    rng = np.random.default_rng(2)
    drawn = (10 + 4 * rng.standard_t(12, 400_000)) * (-0.005 + 0.002 * rng.standard_t(11, 400_000))
    np.testing.assert_allclose(product_interval(a, b, 0.95), np.quantile(drawn, [0.025, 0.975]), atol=0.0015)


def test_correlated_errors_move_the_indirect_effect_through_zero(mediation: ct.mixed_methods.Mediation) -> None:
    table = mediation.sensitivity.set_index("error_correlation")["indirect"]
    assert table[0.0] == pytest.approx(paths(mediation).loc["indirect", "estimate"])
    at_zero = mediation.correlation_at_zero
    below, above = table[table.index < at_zero].iloc[-1], table[table.index > at_zero].iloc[0]
    assert below * above < 0
    assert table.is_monotonic_decreasing or table.is_monotonic_increasing


def test_an_unmeasured_cause_of_both_is_what_the_sensitivity_describes() -> None:
    """Errors correlated by 0.6 and no path: the apparent indirect effect vanishes at the correlation of 0.6."""
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({"team": range(200), "stratum": "A", "intervention": np.tile([0, 1], 100)})
    cause, arm = rng.normal(size=(3, len(frame))), frame["intervention"]
    frame["m_baseline"], frame["y_baseline"] = rng.normal(size=(2, len(frame)))
    frame["m"] = arm + np.sqrt(0.6) * cause[0] + np.sqrt(0.4) * cause[1]
    frame["y"] = arm + np.sqrt(0.6) * cause[0] + np.sqrt(0.4) * cause[2]
    trial = SimpleNamespace(frame={"teams": frame}.get)
    found = ct.mixed_methods.mediate(trial, "m", "y", log=False, strata=False)  # type: ignore[arg-type]
    assert paths(found).loc["indirect", "p_value"] < 0.001
    assert found.correlation_at_zero == pytest.approx(0.6, abs=0.1)


@given(st.floats(0.05, 20))
def test_e_values(ratio: float) -> None:
    assert e_value(ratio) == pytest.approx(e_value(1 / ratio))
    assert e_value(ratio) >= max(ratio, 1 / ratio)


def test_e_value_of_the_paper_that_introduced_it() -> None:
    assert round(e_value(3.9), 2) == 7.26
    assert round(e_value(2.4), 2) == 4.23
    assert e_value(1.0) == 1.0


def test_the_e_value_of_an_interval_over_no_effect_is_one(mediation: ct.mixed_methods.Mediation) -> None:
    row = paths(mediation).loc["indirect"]
    assert row["conf_low"] < 0 < row["conf_high"]
    assert mediation.e_value_limit == 1
    assert mediation.e_value == pytest.approx(e_value(np.exp(row["estimate"])))


def test_the_synthetic_path_is_found_where_teams_are_many() -> None:
    truth = ct.Truth(fidelity_gain_sd=12.0, fidelity_team_persistence=0.95, fidelity_item_persistence=0.95)
    with pytest.warns(ct.TrialWarning):
        large = ct.simulate_trial(11, n_teams=100, scale=0.3, truth=truth)
    found = ct.mixed_methods.mediate(large, strata=False)
    row = paths(found).loc["indirect"]
    assert row["conf_low"] < truth.fidelity_effect * truth.admission_log_ratio_per_point < row["conf_high"] < 0
    direct = paths(found).loc["direct"]
    assert direct["conf_low"] < 0 < direct["conf_high"], "the whole effect goes through fidelity"
    assert found.e_value_limit > 1
    total = paths(found).loc["total"]
    assert total["conf_low"] < np.log(truth.admission_ratio) < total["conf_high"]


def test_ratios_of_a_logarithm_only(trial: ct.Trial, mediation: ct.mixed_methods.Mediation) -> None:
    ratios = mediation.ratios().set_index("path")
    assert "arm to mediator" not in ratios.index
    assert ratios.loc["total", "estimate"] == pytest.approx(np.exp(paths(mediation).loc["total", "estimate"]))
    differences = ct.mixed_methods.mediate(trial, "fidelity", "ghq12_mean", log=False, strata=False)
    with pytest.raises(ct.PlanError, match="not analysed as a logarithm"):
        differences.ratios()
    assert differences.e_value > 1


def test_assumptions_and_teams_left_out_are_said(mediation: ct.mixed_methods.Mediation) -> None:
    assert len(mediation.assumptions) == 6
    assert "2 of 25 teams left out, without a value that is needed: 'T05', 'T08'" in mediation.notes
    assert mediation.method.endswith("Exploratory")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"mediator": "fidelty"}, ct.PlanError, "did you mean 'fidelity'"),
        ({"outcome": "fidelity"}, ct.PlanError, "mediator and outcome are both 'fidelity'"),
        ({"conf_level": 0}, ct.PlanError, "conf_level is 0"),
        ({"outcome": "band"}, ct.PlanError, "not a number measured at 0 and 12"),
    ],
)
def test_bad_options(trial: ct.Trial, arguments: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        ct.mixed_methods.mediate(trial, **arguments)


def test_too_few_teams_for_the_strata() -> None:
    with pytest.warns(ct.TrialWarning):
        small = ct.simulate_trial(n_teams=6)
    with pytest.raises(ct.DesignError, match="teams cannot tell"):
        ct.mixed_methods.mediate(small)
