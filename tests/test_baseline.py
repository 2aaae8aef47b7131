"""Baseline characteristics: right numbers, no tests, small counts withheld."""

from __future__ import annotations

import pandas as pd
import pytest

import core_trial as ct
from core_trial.baseline import GROUPS, baseline
from core_trial.report.disclosure import Disclosure


@pytest.fixture(scope="module")
def shown(trial: ct.Trial) -> pd.DataFrame:
    return baseline(trial, Disclosure.preset("nhs_hes")).frame


def row(frame: pd.DataFrame, level: str, beginning: str) -> pd.Series:
    return frame[(frame["level"] == level) & frame["characteristic"].str.startswith(beginning)].iloc[0]


def test_numbers_of_teams_and_people(shown: pd.DataFrame) -> None:
    assert row(shown, "Teams", "Teams")[list(GROUPS)].tolist() == [15, 10, 25]
    assert row(shown, "Patients", "Patients")[list(GROUPS)].tolist() == [225, 150, 375]


def test_means_are_of_the_baseline_wave(shown: pd.DataFrame, trial: ct.Trial) -> None:
    people = trial.sql("FROM patients JOIN allocation USING (team) WHERE wave = 'baseline'")
    for arm, values in people.groupby("arm")["csq8_total"]:
        csq8 = row(shown, "Patients", "CSQ-8")
        assert csq8[arm] == pytest.approx(values.mean())
        assert csq8[f"{arm}_low"] == pytest.approx(values.std())
        assert csq8[f"{arm}_n"] == values.count()


def test_teams_are_described_by_quartiles(shown: pd.DataFrame, trial: ct.Trial) -> None:
    caseload = row(shown, "Teams", "Caseload")
    assert (
        caseload[["total_low", "total", "total_high"]].tolist()
        == trial.table("teams")["caseload"].quantile([0.25, 0.5, 0.75]).tolist()
    )


def test_no_count_of_people_below_the_threshold_is_shown(shown: pd.DataFrame) -> None:
    categories = shown[(shown["level"] != "Teams") & shown["statistic"].str.endswith("of category")]
    numbers = pd.to_numeric(categories[list(GROUPS)].melt()["value"], errors="coerce").dropna()
    assert len(categories)
    assert ((numbers == 0) | (numbers > 7)).all()


def test_what_was_withheld_is_listed(trial: ct.Trial) -> None:
    protected = baseline(trial, Disclosure.preset("nhs_hes"))
    withheld = (protected.frame[list(GROUPS)] == "*").to_numpy().sum()
    assert withheld == len([action for action in protected.actions if "withheld" in action["action"]]) > 0
    assert not baseline(trial, Disclosure.preset("none")).actions


def test_absent_tables_of_people_leave_their_part_out(trial: ct.Trial) -> None:
    teams = ct.load_trial({name: trial.table(name) for name in ("teams", "allocation")})
    assert set(baseline(teams, Disclosure.preset("nhs_hes")).frame["level"]) == {"Teams"}
