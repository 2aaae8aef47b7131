"""Effect of engagement with the allocation as instrument."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

import core_trial as ct

complier_effect = ct.mixed_methods.complier_effect


@pytest.fixture(scope="module")
def fit(trial: ct.Trial) -> ct.mixed_methods.ComplierFit:
    return complier_effect(trial, "admission_rate", log=True)


def columns(teams: pd.DataFrame, outcome: str) -> tuple[np.ndarray, ...]:
    held = pd.get_dummies(teams["stratum"], dtype=float).assign(baseline=teams[f"{outcome}_baseline"]).to_numpy()
    return held, *(teams[name].to_numpy(float) for name in (outcome, "dose", "intervention"))


def test_the_estimate_is_the_ratio_of_the_effects_of_the_offer(fit: ct.mixed_methods.ComplierFit) -> None:
    held, y, dose, offer = columns(fit.teams, "admission_rate")
    x = np.column_stack([held, offer])
    effects = [sm.OLS(each, x).fit() for each in (dose, y)]
    assert fit.estimate[0] == pytest.approx(effects[1].params[-1] / effects[0].params[-1])
    np.testing.assert_allclose(fit.stages["estimate"], [each.params[-1] for each in effects])
    np.testing.assert_allclose(fit.stages["std_error"], [each.bse[-1] for each in effects])
    np.testing.assert_allclose(fit.stages["conf_low"], [each.conf_int()[-1, 0] for each in effects])
    assert fit.stages["f"].iloc[0] == pytest.approx(effects[0].tvalues[-1] ** 2)
    assert fit.randomisation["estimate"].item() == pytest.approx(fit.estimate[0])


@pytest.mark.parametrize(("std_errors", "cov_type"), [("robust", "HC1"), ("classical", "nonrobust")])
def test_standard_errors_are_those_of_two_stage_least_squares(trial: ct.Trial, std_errors: str, cov_type: str) -> None:
    fit = complier_effect(trial, "admission_rate", log=True, std_errors=std_errors)
    held, y, dose, offer = columns(fit.teams, "admission_rate")
    fitted = sm.OLS(dose, np.column_stack([held, offer])).fit().fittedvalues
    second = sm.OLS(y, np.column_stack([held, fitted])).fit()
    residual = y - np.column_stack([held, dose]) @ second.params
    x = np.column_stack([held, fitted])
    bread = np.linalg.inv(x.T @ x)
    squares = residual**2 if cov_type == "HC1" else np.full(len(y), np.mean(residual**2))
    covariance = bread @ (x.T * squares) @ x @ bread * len(y) / fit.summary["df"]
    row = fit.tidy().iloc[0]
    assert row["std_error"] == pytest.approx(np.sqrt(covariance[-1, -1]))
    assert row["df"] == 25 - 10


def test_the_interval_by_randomisation_against_a_grid(fit: ct.mixed_methods.ComplierFit) -> None:
    held, y, dose, offer = columns(fit.teams, "admission_rate")
    projection = np.eye(len(y)) - held @ np.linalg.pinv(held)
    strata = fit.teams["stratum"].to_numpy()
    rng = np.random.default_rng(0)
    rows = np.array([_shuffled(rng, offer, strata) for _ in range(4_000)])

    def p_of(effect: float) -> float:
        left = projection @ (y - effect * dose)
        return float(np.mean(np.abs(rows @ left) >= abs(offer @ left) - 1e-9))

    low, high = fit.randomisation[["conf_low", "conf_high"]].iloc[0]
    width = high - low
    assert fit.randomisation["exact"].item()
    assert p_of(low - 0.1 * width) < 0.06
    assert p_of(high + 0.1 * width) < 0.06
    assert p_of(low) == pytest.approx(0.05, abs=0.02)
    assert p_of(high) == pytest.approx(0.05, abs=0.02)
    assert p_of(0.0) == pytest.approx(fit.randomisation["p_value"].item(), abs=0.01)


def _shuffled(rng: np.random.Generator, offer: np.ndarray, strata: np.ndarray) -> np.ndarray:
    row = offer.copy()
    for stratum in np.unique(strata):
        row[strata == stratum] = rng.permutation(row[strata == stratum])
    return row


def test_controls_have_no_dose_and_teams_without_an_index_are_left_out(trial: ct.Trial) -> None:
    engagement = trial.table("engagement")
    lacking = engagement[~((engagement["team"] == "T01") & (engagement["component"] == "actions"))]
    tables = {name: trial.table(name) for name in trial.tables}
    with pytest.warns(ct.TrialWarning):
        changed = ct.load_trial({**tables, "engagement": lacking})
    fit = complier_effect(changed, "admission_rate", log=True)
    assert (fit.teams.loc[fit.teams["arm"] == "control", "dose"] == 0).all()
    assert "T01" not in set(fit.teams["team"])
    assert "1 of 25 teams left out, without a value that is needed: 'T01'" in fit.notes
    lenient = complier_effect(changed, "admission_rate", log=True, most_missing=0.2)
    assert "T01" in set(lenient.teams["team"])


def test_a_threshold_asks_for_the_effect_of_being_engaged(trial: ct.Trial) -> None:
    fit = complier_effect(trial, "admission_rate", log=True, threshold=1.0, strata=False)
    assert set(fit.teams["dose"]) == {0.0, 1.0}
    assert fit.measure == "ratio, engagement of 1 or more"
    assert fit.stages["estimate"].iloc[0] <= 1
    assert abs(fit.estimate[0]) >= abs(fit.stages["estimate"].iloc[1])
    assert not any(note.startswith("assumed: each point") for note in fit.notes)
    assert "the baseline held fixed" in fit.method


def test_assumptions_stand_beside_the_estimate(fit: ct.mixed_methods.ComplierFit) -> None:
    assert sum(note.startswith("assumed: ") for note in fit.notes) == 4
    ratio = fit.tidy(exponentiate=True).iloc[0]
    assert ratio["estimate"] == pytest.approx(np.exp(fit.estimate[0]))
    assert fit.glance()["first_stage_f"].item() > 10


def test_a_weak_instrument_is_warned_of_and_the_interval_widens_without_bounds(trial: ct.Trial) -> None:
    with pytest.warns(ct.TrialWarning, match="weak instrument: the first-stage F is"):
        fit = complier_effect(trial, "admission_rate", log=True, threshold=2.9)
    assert fit.summary["weak"]
    assert fit.randomisation[["conf_low", "conf_high"]].abs().to_numpy().min() == np.inf
    assert any("rely on the interval by randomisation" in note for note in fit.notes)


def test_no_engaged_team(trial: ct.Trial) -> None:
    with pytest.raises(ct.DesignError, match="no intervention team reached the threshold of 3"):
        complier_effect(trial, threshold=3.0)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"outcome": "fidelty"}, ct.PlanError, "did you mean 'fidelity'"),
        ({"outcome": "band"}, ct.PlanError, "not a number measured at 0 and 12"),
        ({"conf_level": 1.0}, ct.PlanError, "conf_level is 1.0"),
        ({"std_errors": "HC3"}, ct.PlanError, "choose robust or classical"),
    ],
)
def test_bad_options(trial: ct.Trial, arguments: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        complier_effect(trial, **arguments)


@pytest.mark.filterwarnings("ignore::core_trial.TrialWarning")
def test_a_rate_of_zero_has_no_logarithm(trial: ct.Trial) -> None:
    tables = {name: trial.table(name) for name in trial.tables}
    exposure = tables["exposure"].set_index(["team", "period"])
    start, end = exposure.loc[("T04", "after"), ["start_on", "end_on"]]
    admissions = tables["admissions"]
    inside = (admissions["team"] == "T04") & admissions["admitted_on"].between(start, end)
    changed = ct.load_trial({**tables, "admissions": admissions[~inside]})
    with pytest.raises(ct.DataError, match="'admission_rate' is not above 0 in row 4: analyse it without log=True"):
        complier_effect(changed, "admission_rate", log=True)
