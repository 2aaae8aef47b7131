"""The analyses of a plan: one row each, with the numbers of the fit it came from."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import core_trial as ct
from core_trial.plan import parse_plan


@pytest.fixture(scope="module")
def effects(trial: ct.Trial, plan: ct.Plan) -> pd.DataFrame:
    with pytest.warns(ct.TrialWarning, match="boundary"):
        results, left_out = ct.analyse(trial, plan)
    assert not left_out
    return ct.effects(results, plan).set_index("analysis")


def test_every_analysis_has_a_row(effects: pd.DataFrame, plan: ct.Plan) -> None:
    assert list(effects.index) == [analysis.id for outcome in plan.outcomes for analysis in outcome.analyses]
    assert effects[["estimate", "conf_low", "conf_high", "p_value", "df"]].notna().all(axis=None)
    assert effects.groupby("outcome")["prespecified"].sum().eq(1).all()


def test_numbers_are_those_of_the_model_called_by_hand(effects: pd.DataFrame, trial: ct.Trial) -> None:
    by_hand = ct.lmm(
        "csq8_total ~ intervention + csq8_total_baseline + trust + (1 | team)", trial.frame("patients")
    ).tidy()
    row = by_hand.set_index("term").loc["intervention"]
    for column in ("estimate", "std_error", "df", "statistic", "p_value", "conf_low", "conf_high"):
        assert effects.loc["csq8.lmm", column] == row[column]


def test_ratios_are_shown_as_ratios(effects: pd.DataFrame) -> None:
    rates = effects[effects["measure"] == "rate ratio"]
    assert rates["ratio"].all()
    assert (rates[["estimate", "conf_low", "conf_high"]] > 0).all(axis=None)
    assert np.allclose(np.log(rates["estimate"]) / rates["std_error"], rates["statistic"])


def test_large_sample_interval_is_the_normal_one(effects: pd.DataFrame) -> None:
    row = effects.loc["csq8.unadjusted"]
    satterthwaite_error = (row["z_high"] - row["z_low"]) / (2 * 1.959963984540054)
    assert row["z_high"] - row["z_low"] < row["conf_high"] - row["conf_low"]
    assert satterthwaite_error == pytest.approx(row["std_error"], rel=1e-3)


def test_numbers_analysed_are_those_that_the_fits_report(trial: ct.Trial, plan: ct.Plan) -> None:
    results, _ = ct.analyse(trial, plan, ["csq8", "fidelity", "admissions"])
    table = ct.effects(results, plan)
    for result, (_, row) in zip(results, table.iterrows(), strict=True):
        assert result.fit is not None
        glance = result.fit.glance().iloc[0]
        assert row["n_intervention"] + row["n_control"] == glance["nobs"]
        assert row["clusters_intervention"] + row["clusters_control"] == glance["n_clusters"]


def test_variation_between_teams_stands_with_the_prespecified_analysis(effects: pd.DataFrame, trial: ct.Trial) -> None:
    within = ct.icc("csq8_total", trial.frame("patients"), cluster="team", within="arm")
    options = {"cluster": "team", "within": "arm", "kind": "rate", "person_time": "person_years"}
    k = ct.icc("admissions", trial.frame("teams"), **options)
    assert effects.loc["csq8.lmm", ["icc_of", "icc"]].tolist() == ["icc", within.estimate]
    assert effects.loc["admissions.two-stage", ["icc_of", "icc"]].tolist() == ["k", k.estimate]
    assert effects.loc[["csq8.two-stage", "admissions.unadjusted"], "icc"].isna().all()


def test_an_analysis_that_misses_the_estimand_says_so(effects: pd.DataFrame) -> None:
    assert "weights clusters between the two" in effects.loc["csq8.lmm", "notes"]
    assert "estimand" not in effects.loc["admissions.two-stage", "notes"]


def test_outcome_without_records_is_left_out_and_says_so(trial: ct.Trial, plan: ct.Plan) -> None:
    tables = {name: trial.table(name) for name in ("teams", "allocation", "patients")}
    results, left_out = ct.analyse(ct.load_trial(tables), plan, ["csq8", "fidelity", "admissions"])
    assert {result.outcome.id for result in results} == {"csq8"}
    assert [str(outcome) for outcome in left_out] == [
        "Model fidelity: left out, the trial has no table fidelity_items",
        "Inpatient admissions: left out, the trial has no table admissions and no table exposure",
    ]


def test_model_that_cannot_be_fitted_is_a_row_with_its_reason(trial: ct.Trial, plan: ct.Plan) -> None:
    tables = {name: trial.table(name) for name in ("teams", "allocation", "patients")}
    items = [f"csq8_{item}" for item in range(1, 9)]
    tables["patients"] = tables["patients"].assign(**dict.fromkeys(items, 4), csq8_total=32)
    results, _ = ct.analyse(ct.load_trial(tables), plan, ["csq8"])
    table = ct.effects(results, plan)
    assert table["estimate"].isna().all()
    assert table["notes"].str.contains("csq8_total").all()
    assert (table["method"] == "not estimated").all()


def test_effect_that_is_no_coefficient_is_an_error_of_the_plan(trial: ct.Trial, plan: ct.Plan) -> None:
    wrong = parse_plan(plan.text.replace('effect = "month_12:intervention"', 'effect = "arm"'))
    results, _ = ct.analyse(trial, wrong, ["fidelity"])
    with pytest.raises(ct.PlanError, match=r"'arm' is no coefficient.*arm\[T.intervention\]"):
        ct.effects(results, wrong)


def test_small_numbers_of_events_are_withheld(trial: ct.Trial, plan: ct.Plan) -> None:
    few = trial.table("admissions").assign(legal_status="informal")
    few.loc[few.index[:3], "legal_status"] = "detained"
    tables = {name: trial.table(name) for name in ("teams", "allocation", "exposure")} | {"admissions": few}
    results, _ = ct.analyse(ct.load_trial(tables), plan, ["detained"])
    table = ct.effects(results, plan)
    shown = set(table["intervention_summary"]) | set(table["control_summary"])
    assert shown <= {"*", "0.00 (0)"}


def test_a_column_that_is_not_there_is_named_with_its_analysis(trial: ct.Trial, plan: ct.Plan) -> None:
    outcome = plan.outcome("csq8")
    wrong = outcome.primary_analysis.model_copy(update={"covariates": ("csq8_total_basline",)})
    mistaken = plan.model_copy(update={"outcomes": (outcome.model_copy(update={"analyses": (wrong,)}),)})
    with pytest.raises(ct.PlanError, match=r"^csq8\.lmm: the data have no column 'csq8_total_basline'; did you mean"):
        ct.analyse(trial, mistaken)
