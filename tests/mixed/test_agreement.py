"""The models of the embedded synthetic trial give R's tables, and docs/agreement.md shows what they give."""

import runpy
from pathlib import Path

import pytest

PAGE = runpy.run_path(str(Path(__file__).parents[1] / "reference" / "synthetic_trial" / "page.py"))
COMPARISONS = list(PAGE["comparisons"]())


@pytest.mark.parametrize("comparison", COMPARISONS, ids=lambda c: f"{c.model}-{c.ddf}")
def test_tables_are_those_of_r(comparison):
    assert comparison.difference < 1e-6
    assert comparison.loglik[0] == pytest.approx(comparison.loglik[1], abs=1e-7)


def test_the_page_shows_the_tables():
    assert PAGE["PAGE"].read_text() == PAGE["page"]()
