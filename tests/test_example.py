"""The example report that is committed is what the package makes."""

from __future__ import annotations

from pathlib import Path

import pytest

import core_trial as ct

EXAMPLE = Path(__file__).parent.parent / "reports" / "example"


@pytest.mark.filterwarnings("ignore::core_trial.errors.TrialWarning")
def test_example_report_verifies() -> None:
    comparison = ct.verify(EXAMPLE)
    assert comparison.ok, comparison.summary()


def test_example_report_says_that_it_is_synthetic() -> None:
    assert "SYNTHETIC DATA" in (EXAMPLE / "report.html").read_text(encoding="utf-8")
