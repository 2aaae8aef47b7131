"""Marginal models against gee, geepack, clubSandwich, MASS and sandwich, on synthetic data."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import core_trial as ct

FOLDER = Path(__file__).parents[1] / "reference"
GEE = json.loads((FOLDER / "gee/expected.json").read_text())
ROBUST = json.loads((FOLDER / "cluster_robust/expected.json").read_text())
COUNTS = json.loads((FOLDER / "count_regression/expected.json").read_text())


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return pd.read_csv(FOLDER / "gee/data.csv")


@pytest.fixture(scope="module")
def totals() -> pd.DataFrame:
    return pd.read_csv(FOLDER / "count_regression/data.csv")


def in_r(term: str) -> str:
    return re.sub(r"\[T\.(.*?)\]", r"\1", term).replace("numpy.", "").replace("np.", "")


def label(case) -> str:
    return f"{case['formula']}, {case['family']}, {case.get('correlation') or case.get('weights')}"


@pytest.mark.parametrize("case", GEE, ids=label)
def test_estimates_are_those_of_r(rows, case):
    fit = ct.gee(
        case["formula"],
        rows,
        cluster="team",
        family=case["family"],
        correlation=case["correlation"],
        correction="none",
    )
    assert list(map(in_r, fit.terms)) == case["term"]
    np.testing.assert_allclose(fit.estimate, case["estimate"], rtol=1e-7)
    np.testing.assert_allclose(fit.tidy()["std_error"], case["robust"], rtol=1e-6)
    if case["correlation"] == "exchangeable":
        assert fit.working["within clusters"] == pytest.approx(case["rho"], rel=1e-6)


@pytest.mark.parametrize("correction", ["none", "kc", "cr2", "md", "fg", "mbn", "avg"])
@pytest.mark.parametrize("case", [case for case in GEE if "std_error" in case], ids=label)
def test_corrections_are_those_of_the_papers_with_an_offset_too(rows, case, correction):
    fit = ct.gee(case["formula"], rows, cluster="team", family=case["family"], correction="none")
    errors = np.sqrt(np.diag(fit.with_correction(correction)))
    np.testing.assert_allclose(errors, case["std_error"][correction], rtol=1e-6)


def cluster_robust(rows, case, correction):
    options = {"family": case["family"], "weights": case["weights"], "correction": correction}
    return ct.cluster_robust(case["formula"], rows, cluster="team", **options)


@pytest.mark.parametrize(
    ("case", "correction"),
    [(case, correction) for case in ROBUST["same"] for correction in case["tests"]],
    ids=lambda value: value if isinstance(value, str) else label(value),
)
def test_least_squares_and_glm_are_those_of_clubsandwich(rows, case, correction):
    wanted = case["tests"][correction]
    fit = cluster_robust(rows, case, correction)
    table = fit.tidy()
    known = table["std_error"].notna().to_numpy()
    assert list(map(in_r, fit.terms)) == case["term"]
    np.testing.assert_allclose(table["estimate"], case["estimate"], rtol=1e-6)
    for column in ("std_error", "df", "p_value"):
        np.testing.assert_allclose(table[column][known], np.array(wanted[column], float)[known], rtol=2e-6)
    assert known.all() or "team" in case["formula"]
    if case["joint"]:
        terms = [term for term in fit.terms if in_r(term) in case["joint"]]
        joint = fit.test([f"{term} = 0" for term in terms]).iloc[0]
        for column in ("statistic", "df", "p_value"):
            assert joint[column] == pytest.approx(wanted["joint"][column], rel=2e-6)


@pytest.mark.parametrize("case", ROBUST["near"], ids=label)
def test_where_variances_differ_within_clusters_another_root_is_near(rows, case):
    """Both roots of I - H make CR2 unbiased under the working model."""
    table = cluster_robust(rows, case, "cr2").tidy()
    np.testing.assert_allclose(table["std_error"], case["tests"]["cr2"]["std_error"], rtol=1e-2)
    np.testing.assert_allclose(table["df"], case["tests"]["cr2"]["df"], rtol=3e-2)


@pytest.mark.parametrize("correction", ["none", "kc", "md"])
@pytest.mark.parametrize("case", COUNTS, ids=lambda case: case["family"])
def test_one_row_a_cluster_gives_hc0_hc2_and_hc3(totals, case, correction):
    fit = ct.count_regression(
        "admissions ~ arm + log(baseline)",
        totals,
        cluster="team",
        exposure="years",
        family=case["family"],
        correction=correction,
    )
    np.testing.assert_allclose(fit.estimate, case["estimate"], rtol=2e-6)
    np.testing.assert_allclose(fit.tidy()["std_error"], case["std_error"][correction], rtol=2e-6)
    if case["theta"]:
        assert fit.theta == pytest.approx(case["theta"], rel=1e-6)
