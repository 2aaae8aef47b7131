"""What the synthetic trial is drawn from: published figures where there are any, and the draws agree with it."""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

import core_trial as ct
from core_trial.data.panel import build_panel
from core_trial.data.synthetic.people import csq8_scale, draw_patients, draw_staff
from core_trial.data.synthetic.reviews import draw_fidelity_items
from core_trial.data.synthetic.tables import draw_trial
from core_trial.data.synthetic.teams import draw_allocation, draw_course, draw_teams

TRUTH = ct.Truth()
MANY = 3000
"""Teams of a trial so large that its means are close to what they should be."""


def tables_of(seed: int = 1, n_teams: int = 25, truth: ct.Truth = TRUTH, scale: float = 1) -> dict[str, pd.DataFrame]:
    return draw_trial(seed, n_teams, truth, scale).tables()


@pytest.fixture(scope="module")
def many() -> dict[str, pd.DataFrame]:
    """Teams, allocation and course of a large trial."""
    rng = np.random.default_rng(11)
    teams = draw_teams(rng, MANY, TRUTH, 1)
    allocation = draw_allocation(rng, teams)
    return {"teams": teams, "allocation": allocation, "course": draw_course(rng, allocation, TRUTH)}


def test_the_satisfaction_scale_has_the_stated_sd_and_icc_which_give_the_published_standard_error() -> None:
    scale = csq8_scale(TRUTH)
    variance = scale.total_variance(scale.within(7.0))
    between = scale.team_covariance(scale.between(7.0, 0.065))
    assert np.sqrt(variance) == pytest.approx(7.0, abs=1e-9)
    assert between / variance == pytest.approx(0.065, abs=1e-9)
    std_error = np.sqrt((variance + 14 * between) / 15 * (1 / 15 + 1 / 10))
    published = ct.published.headline.set_index("quantity")["value"].filter(like="standard error").iloc[0]
    assert std_error == pytest.approx(published, abs=0.005)


def test_satisfaction_as_drawn(many: dict[str, pd.DataFrame]) -> None:
    patients = draw_patients(np.random.default_rng(5), many["course"], TRUTH)
    patients = patients.dropna(subset=["csq8_total"]).merge(many["allocation"], on="team")
    control = patients[patients["arm"] == "control"]
    total = control["csq8_total"].astype(float)
    assert total.mean() == pytest.approx(25.2, abs=0.25)
    assert total.std() == pytest.approx(7.0, abs=0.1)
    assert total.median() == 28
    assert icc(control, "csq8_total") == pytest.approx(0.065, abs=0.01)
    means = patients.groupby(["wave", "arm"])["csq8_total"].mean()
    effect = means["follow_up", "intervention"] - means["follow_up", "control"]
    assert effect == pytest.approx(0.97, abs=4 * 7 * np.sqrt(1.91 / 15 * (1 / 1800 + 1 / 1200)))
    assert means["baseline", "intervention"] == pytest.approx(25.2, abs=0.25)


def icc(people: pd.DataFrame, column: str) -> float:
    """Analysis-of-variance estimator, teams by waves of nearly equal size."""
    groups = people.astype({column: float}).groupby(["team", "wave"])[column]
    size = groups.size().mean()
    between, within = size * groups.mean().var(), groups.var().mean()
    return float((between - within) / (between + (size - 1) * within))


def test_fidelity_as_drawn(many: dict[str, pd.DataFrame]) -> None:
    items = draw_fidelity_items(np.random.default_rng(6), many["allocation"], many["course"], TRUTH)
    complete = items.groupby(["team", "timepoint"])["score"].agg(["min", "sum"]).query("min > 0")["sum"]
    baseline = complete.xs(0, level="timepoint")
    assert baseline.mean() == pytest.approx(122, abs=4 * 15.6 / np.sqrt(len(baseline)))
    assert baseline.std() == pytest.approx(15.6, abs=0.8)
    assert baseline.quantile([0.25, 0.75]).to_numpy() == pytest.approx([111, 132], abs=2)
    change = (complete.xs(12, level="timepoint") - baseline).dropna()
    treated = many["course"].set_index("team")["intervention"].loc[change.index]
    error = 4 * change.std() * np.sqrt(1 / treated.sum() + 1 / (~treated).sum())
    assert change[treated].mean() - change[~treated].mean() == pytest.approx(TRUTH.fidelity_effect, abs=error)
    assert change[~treated].mean() == pytest.approx(TRUTH.fidelity_trend, abs=error)


def test_staff_scales_as_drawn(many: dict[str, pd.DataFrame]) -> None:
    staff = draw_staff(np.random.default_rng(7), many["teams"], many["course"], TRUTH).merge(
        many["allocation"], on="team"
    )
    answered = staff[staff["ghq12"] >= 0]
    assert len(answered) / len(staff) == pytest.approx(TRUTH.staff_response, abs=0.01)
    for scale in TRUTH.staff_scales:
        means = answered.groupby(["wave", "arm"])[scale.name].mean()
        error = 5 * scale.sd * np.sqrt(1.6 / 16 * (1 / 1800 + 1 / 1200))
        assert means["follow_up", "intervention"] - means["follow_up", "control"] == pytest.approx(
            scale.effect, abs=error
        )
        assert answered[scale.name].astype(float).std() == pytest.approx(scale.sd, rel=0.06)


def test_engagement_leads_to_fidelity_and_fidelity_to_fewer_admissions(many: dict[str, pd.DataFrame]) -> None:
    course = many["course"].query("intervention")
    assert np.polyfit(course["engagement"], course["gain"], 1)[0] == pytest.approx(8.0, abs=0.7)
    slope = np.polyfit(course["gain"], course["after"] - course["before"], 1)[0]
    assert slope == pytest.approx(TRUTH.admission_log_ratio_per_point, abs=0.002)
    controls = many["course"].query("not intervention")
    assert (controls["gain"] == 0).all()


def test_admissions_and_bed_days_as_drawn() -> None:
    tables = tables_of(8, 1500, scale=0.2)
    with duckdb.connect() as connection:
        for name, table in tables.items():
            connection.register("drawn", table)
            connection.execute(f"CREATE TABLE {name} AS FROM drawn")
        panel = build_panel(connection, tables).set_index(["timepoint", "team"])
    treated = panel.loc[0, "arm"] == "intervention"
    for rate, truth in {"admission_rate": 0.85, "bed_day_rate": TRUTH.effects()["bed_days"]}.items():
        change = panel.loc[12, rate] / panel.loc[0, rate]
        ratio = change[treated].median() / change[~treated].median()
        assert ratio == pytest.approx(truth, rel=0.04)
    trend = panel.loc[12, "admission_rate"][~treated].mean() / panel.loc[0, "admission_rate"][~treated].mean()
    assert trend == pytest.approx(TRUTH.admission_trend, rel=0.03)
    assert panel.loc[0, "admission_rate"].median() == pytest.approx(TRUTH.admission_rate, rel=0.05)


def test_team_sizes_have_the_published_medians(many: dict[str, pd.DataFrame]) -> None:
    medians = many["teams"][["population", "caseload", "staff_fte"]].median()
    assert medians.to_numpy() == pytest.approx([150_000, 29, 21], rel=0.03)


def test_published_parameters_are_those_of_the_published_tables() -> None:
    norms = ct.published.survey_norms.set_index("quantity")["value"]
    assert norms["fidelity score: median"] == TRUTH.fidelity_mean
    assert norms.filter(like="standard deviation").iloc[0] == TRUTH.fidelity_sd
    assert norms["full-time staff: median"] == TRUTH.staff_median
    assert norms["caseload: median"] == TRUTH.caseload_median
    assert norms["population"] == TRUTH.population_median
    assert ct.published.headline["value"][0] == TRUTH.csq8_effect


# -- Truth ------------------------------------------------------------------------------------------------------------


def test_every_parameter_says_what_it_is(trial: ct.Trial) -> None:
    parameters = ct.Truth.parameters()
    assert all(set(stated) == {"unit", "meaning", "status"} for stated in parameters.values())
    assert {stated["status"] for stated in parameters.values()} == {"FOUND", "DERIVED", "illustrative"}
    assert trial.truth is not None
    assert trial.truth["parameters"] == parameters
    assert trial.truth["values"].keys() == parameters.keys()


def test_the_true_effects_are_those_of_the_outcomes_of_the_plan(plan: Any) -> None:
    assert {outcome.id for outcome in plan.outcomes} == TRUTH.effects().keys()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"csq8_icc": 1.5}, r"csq8_icc=1.5\) is a share"),
        ({"fidelity_sd": -1.0}, r"fidelity_sd=-1.0\) is a standard deviation"),
        ({"admission_ratio": 0.0}, r"admission_ratio=0.0\) is a ratio"),
    ],
)
def test_an_impossible_parameter_is_refused(change: dict[str, float], message: str) -> None:
    with pytest.raises(ct.PlanError, match=message):
        ct.Truth(**change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"csq8_sd": 12.5}, "8 items cannot give a standard deviation of 12.5"),
        ({"csq8_mean": 33.0}, "8 items give mean totals of 8.0 to 32.0, not 33.0"),
        ({"fidelity_sd": 2.0}, "39 items cannot give a standard deviation of 2.0"),
    ],
)
def test_a_score_that_its_items_cannot_give_is_refused(change: dict[str, float], message: str) -> None:
    with pytest.raises(ct.PlanError, match=message):
        tables_of(truth=ct.Truth(**change))


def test_a_truth_without_effects_has_arms_that_do_not_differ(many: dict[str, pd.DataFrame]) -> None:
    null = ct.Truth(csq8_effect=0.0)
    patients = draw_patients(np.random.default_rng(5), many["course"], null).dropna(subset=["csq8_total"])
    means = patients.merge(many["allocation"], on="team").groupby(["wave", "arm"])["csq8_total"].mean()
    assert means["follow_up", "intervention"] == pytest.approx(means["follow_up", "control"], abs=0.4)
