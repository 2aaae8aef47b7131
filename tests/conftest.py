"""What many tests share: the embedded synthetic trial, drawn once."""

from __future__ import annotations

import pytest

import core_trial as ct


@pytest.fixture(scope="session")
def trial() -> ct.Trial:
    with pytest.warns(ct.TrialWarning):
        return ct.simulate_trial()


@pytest.fixture(scope="session")
def plan() -> ct.Plan:
    return ct.read_plan()
