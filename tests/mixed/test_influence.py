"""Leaving out clusters against fits of the rows that are left, and against lme4."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import core_trial as ct

FOLDER = Path(__file__).parents[1] / "reference"
CASES = json.loads((FOLDER / "influence/expected.json").read_text())
NUMBERS = ["estimate", "std_error", "df", "p_value"]


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    return pd.read_csv(FOLDER / "lmm/data.csv")


@pytest.mark.filterwarnings("ignore:boundary fit:core_trial.TrialWarning")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["formula"])
def test_leaving_out_is_as_in_lme4(data, case):
    fit = ct.lmm(case["formula"], data, reml=case["reml"], ddf="satterthwaite")
    term = {"armintervention": "arm[T.intervention]"}.get(case["term"], case["term"])
    table = fit.influence(term, by=case["by"]).set_index("level").loc[case["level"]]
    np.testing.assert_allclose(table["estimate"], case["estimate"], rtol=1e-6)
    np.testing.assert_allclose(table["std_error"], case["std_error"], rtol=1e-5)
    np.testing.assert_allclose(table["df"], case["df"], rtol=1e-5)
    np.testing.assert_allclose(table["dfbetas"], case["dfbetas"], rtol=1e-5, atol=1e-5)
    levels = len(case["level"])
    scaled = table["cooks_distance"] * (levels - case["coefficients"]) / levels
    np.testing.assert_allclose(scaled, case["cooks_distance"], rtol=2e-5)


@pytest.mark.parametrize(
    ("formula", "options", "by"),
    [
        ("score ~ arm + baseline + (1 | team)", {}, None),
        ("score ~ arm + baseline + (1 | team)", {"ddf": "kenward-roger", "information": "observed"}, None),
        ("score ~ arm + baseline + (1 | team)", {"ddf": "between-within"}, None),
        ("score ~ arm + baseline + (1 | team)", {"ddf": "clusters"}, None),
        ("score ~ arm + baseline + (1 | team)", {"ddf": "satterthwaite", "reml": False}, None),
        ("score ~ arm + baseline + (1 | team)", {"unconstrained": True}, None),
        ("score ~ arm * month + (month || team)", {}, None),
        ("score ~ arm + month + (1 | trust / team)", {}, "trust"),
        ("score ~ arm + month + (1 | team) + (1 | rater)", {}, "rater"),
    ],
)
@pytest.mark.filterwarnings("ignore:boundary fit:core_trial.TrialWarning")
def test_leaving_out_is_fitting_the_rows_that_are_left(data, formula, options, by):
    fit = ct.lmm(formula, data, **options)
    table = fit.influence("arm[T.intervention]", by=by)
    group = by or "team"
    assert table["group"].eq(group).all()
    assert table["rows"].tolist() == data[group].value_counts().loc[table["level"]].tolist()
    for row in table.iloc[::4].itertuples():
        left = ct.lmm(formula, data[data[group] != row.level], **options)
        expected = left.contrast({"arm[T.intervention]": 1}).loc[0]
        np.testing.assert_allclose([getattr(row, name) for name in NUMBERS], expected[NUMBERS].astype(float), rtol=1e-8)
        change = left.estimate - fit.estimate
        cooks = change @ np.linalg.solve(fit.covariance, change) / len(change)
        np.testing.assert_allclose(row.cooks_distance, cooks, rtol=1e-8)
        shift = (expected["estimate"] - fit.contrast({"arm[T.intervention]": 1}).loc[0, "estimate"]) / row.std_error
        np.testing.assert_allclose(row.dfbetas, shift, rtol=1e-7, atol=1e-12)


def strata(sizes: dict[str, int]) -> pd.DataFrame:
    """Teams of five persons in strata with so many teams; every other team has the intervention."""
    rng = np.random.default_rng(5)
    stratum = np.repeat(list(sizes), list(sizes.values()))
    teams = pd.DataFrame({"team": [f"T{i:02d}" for i in range(len(stratum))], "stratum": stratum})
    teams["arm"] = np.arange(len(teams)) % 2
    teams["effect"] = rng.normal(0, 2, len(teams))
    people = teams.loc[teams.index.repeat(5)].reset_index(drop=True)
    return people.assign(y=people["effect"] + people["arm"] + rng.normal(size=len(people)))


def test_a_stratum_of_one_team_loses_its_coefficient_and_no_other():
    people = strata({"A": 6, "B": 6, "C": 1})
    fit = ct.lmm("y ~ arm + stratum + (1 | team)", people)
    table = fit.influence("arm").set_index("level")
    assert table.loc["T12", "note"] == "no coefficient for stratum[T.C] in the rows left"
    assert table["note"].drop("T12").eq("").all()
    left = ct.lmm("y ~ arm + stratum + (1 | team)", people[people["team"] != "T12"])
    expected = left.contrast({"arm": 1}).loc[0, NUMBERS].astype(float)
    np.testing.assert_allclose(table.loc["T12", NUMBERS].astype(float), expected, rtol=1e-8)
    assert np.isnan(table.loc["T12", "cooks_distance"])


@pytest.mark.parametrize("lonely", ["A", "C"])  # the reference stratum, and another
def test_the_coefficient_of_a_stratum_that_is_gone_has_no_numbers(lonely):
    people = strata({"A": 6, "B": 6, "C": 6} | {lonely: 1})
    fit = ct.lmm("y ~ arm + stratum + (1 | team)", people)
    table = fit.influence("stratum[T.C]").set_index("level")
    (team,) = people.loc[people["stratum"] == lonely, "team"].unique()
    assert table.loc[team, "note"] == "the rows left do not determine the coefficient"
    assert np.isnan(table.loc[team, [*NUMBERS, "dfbetas", "cooks_distance"]].astype(float)).all()
    assert np.isfinite(table.drop(team)["estimate"]).all()


def test_rows_left_that_cannot_be_fitted_say_why():
    people = strata({"A": 2}).assign(y=[1, 2, 3, 4, 5, 11, 12, 13, 14, 15])
    table = ct.lmm("y ~ 1 + (1 | team)", people).influence("(Intercept)")
    assert table["estimate"].isna().all()
    assert table["note"].str.contains("cannot be told from").all()


def test_a_boundary_fit_is_noted():
    people = strata({"A": 8})
    away = people["effect"] * (people["team"] == "T03") * 5  # one team makes all the variance
    people["y"] += away - people.groupby("team")["y"].transform("mean")
    table = ct.lmm("y ~ 1 + (1 | team)", people).influence("(Intercept)").set_index("level")
    assert table.loc["T03", "note"] == "boundary fit"
    assert table["note"].drop("T03").eq("").all()


def test_unknown_names_are_refused_with_those_there_are(data):
    fit = ct.lmm("score ~ arm + (1 | team)", data)
    with pytest.raises(ct.PlanError, match="no coefficient 'arm'; the fit has"):
        fit.influence("arm")
    with pytest.raises(ct.PlanError, match="'trust' is no grouping factor of the model; it has team"):
        fit.influence("arm[T.intervention]", by="trust")
