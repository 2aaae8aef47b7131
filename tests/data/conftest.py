"""A small trial that breaks no rule: four teams of two trusts, every table filled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import core_trial as ct

TEAMS = ["T1", "T2", "T3", "T4"]
ARMS = ["intervention", "control", "intervention", "control"]
WAVES = ["baseline", "follow_up"]
RANDOMISED = pd.Timestamp("2014-09-01")
CSQ8 = [f"csq8_{i}" for i in range(1, 9)]
STAFF = {
    "burnout_exhaustion": 22.5,
    "burnout_depersonalisation": 7.0,
    "burnout_accomplishment": 34.0,
    "work_engagement": 4.25,
    "ghq12": 12.0,
    "flexibility": 35.5,
}

Tables = dict[str, pd.DataFrame]


@pytest.fixture
def tables() -> Tables:
    return _tables()


@pytest.fixture
def core() -> Tables:
    """The two tables that every trial needs."""
    return {"teams": _teams(), "allocation": _allocation()}


@pytest.fixture
def few(core: Tables) -> Tables:
    """Four tables with text, codes, dates, whole numbers, fractions and empty cells."""
    return core | {"admissions": _admissions(), "engagement": _engagement()}


@pytest.fixture(scope="session")
def small_trial() -> ct.Trial:
    """The trial of `tables`, for comparison."""
    return ct.load_trial(_tables())


@pytest.fixture
def write_csv(tmp_path: Path) -> Callable[[Tables], Path]:
    """Write tables to a folder, a CSV file each."""

    def write(tables: Tables) -> Path:
        for name, table in tables.items():
            table.to_csv(tmp_path / f"{name}.csv", index=False)
        return tmp_path

    return write


def _tables() -> Tables:
    return {
        "teams": _teams(),
        "allocation": _allocation(),
        "fidelity_items": _fidelity_items(),
        "admissions": _admissions(),
        "exposure": _exposure(),
        "patients": _patients(),
        "staff": _staff(),
        "engagement": _engagement(),
    }


def _teams() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "team": TEAMS,
            "trust": ["A", "A", "B", "B"],
            "setting": ["urban", "rural", "urban", "rural"],
            "population": [100_000, 120_000, 140_000, 160_000],
            "caseload": [29, 31, 25, 27],
            "staff_fte": [21.5, 18.0, 22.0, 24.25],
        }
    )


def _allocation() -> pd.DataFrame:
    return pd.DataFrame({"team": TEAMS, "stratum": ["A", "A", "B", "B"], "arm": ARMS, "randomised_on": RANDOMISED})


def _fidelity_items() -> pd.DataFrame:
    reviews = [
        (team, timepoint)
        for team, arm in zip(TEAMS, ARMS, strict=True)
        for timepoint in (0, 6, 12)
        if arm == "intervention" or timepoint != 6
    ]
    rows = [
        (team, timepoint, RANDOMISED + pd.DateOffset(months=timepoint), item, 1 + (item + timepoint) % 5)
        for team, timepoint in reviews
        for item in range(1, 40)
    ]
    return pd.DataFrame(rows, columns=["team", "timepoint", "reviewed_on", "item", "score"])


def _admissions() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "person": [f"P{i:02d}" for i in range(8)],
            "team": TEAMS * 2,
            "admitted_on": pd.to_datetime(["2014-05-01"] * 4 + ["2015-05-01"] * 4),
            "discharged_on": pd.to_datetime(["2014-05-11"] * 4 + ["2015-05-21", "2015-05-01", None, "2016-01-01"]),
            "legal_status": ["informal", "detained"] * 4,
            "readmission": [0, 1, 0, 0, 1, 0, 0, 1],
        }
    )


def _exposure() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "team": TEAMS * 2,
            "period": ["before"] * 4 + ["after"] * 4,
            "start_on": pd.to_datetime(["2014-03-01"] * 4 + ["2015-03-01"] * 4),
            "end_on": pd.to_datetime(["2014-09-01"] * 4 + ["2015-09-01"] * 4),
            "population": [100_000, 120_000, 140_000, 160_000] * 2,
        }
    )


def _patients() -> pd.DataFrame:
    people = pd.DataFrame({"person": [f"S{i:02d}" for i in range(16)], "team": TEAMS * 4, "wave": np.repeat(WAVES, 8)})
    items = pd.DataFrame({name: [1 + (i + k) % 4 for i in range(16)] for k, name in enumerate(CSQ8)})
    return pd.concat([people, items], axis=1).assign(
        csq8_total=items.sum(axis=1), age=range(20, 36), gender=["female", "male"] * 8, continuity=40.5
    )


def _staff() -> pd.DataFrame:
    people = pd.DataFrame({"person": [f"W{i}" for i in range(4)] * 2, "team": TEAMS * 2, "wave": np.repeat(WAVES, 4)})
    return people.assign(**STAFF)


def _engagement() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "team": ["T1", "T1", "T3"],
            "component": ["scoping_day", "coaching", "coaching"],
            "delivered": ["yes", "yes", "no"],
            "month": pd.array([1, 1, None], dtype="Int64"),
            "sessions": pd.array([1, 20, 0], dtype="Int64"),
            "rating": pd.array([2, 3, 0], dtype="Int64"),
            "rater": ["R1", "R1", "R2"],
        }
    )
