"""Small-sample inference against explicit matrices, and by identities."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from core_trial.engine.inference import (
    between_within,
    kenward_roger,
    kenward_roger_covariance,
    satterthwaite,
)
from core_trial.engine.linear.lmm import fit_lmm
from core_trial.engine.linear.random import RandomTerm
from core_trial.errors import DesignError, PlanError

seeds = st.integers(0, 2**32 - 1)


def fit_inside(problem):
    """A fit whose variances are all positive, and so at a smooth maximum."""
    result = fit_lmm(problem.y, problem.x, problem.terms)
    assume(not result.singular)
    return result


def textbook_of(dense, problem, result):
    return dense(problem.y, problem.x, problem.terms, result.covariances, result.sigma**2)


@given(seeds)
@settings(deadline=None, max_examples=12)
@pytest.mark.parametrize("information", ["expected", "observed"])
def test_kenward_roger_is_that_of_the_explicit_matrices(dense, draw_problem, kind, information, seed):
    problem = draw_problem(kind, seed)
    expected = information == "expected"
    result = fit_lmm(problem.y, problem.x, problem.terms) if expected else fit_inside(problem)
    textbook = textbook_of(dense, problem, result)
    matrix = textbook.expected_information if expected else textbook.observed_information
    adjusted = result.units @ kenward_roger_covariance(result.parts, information) @ result.units.T
    np.testing.assert_allclose(adjusted, textbook.kenward_roger_covariance(matrix), rtol=1e-5, atol=1e-7)
    for contrast in (np.array([[0.0, 1, 0]]), np.array([[0.0, 1, 0], [0, 1, -1]])):
        ours = kenward_roger(result.parts, contrast @ result.units, information)
        np.testing.assert_allclose(ours, textbook.kenward_roger_f(contrast, matrix), rtol=1e-5)


@given(seeds)
@settings(deadline=None, max_examples=12)
def test_satterthwaite_is_two_over_the_squared_variation_of_the_variance(dense, draw_problem, kind, seed):
    problem = draw_problem(kind, seed)
    result = fit_inside(problem)
    textbook = textbook_of(dense, problem, result)
    contrast = np.array([0.3, 1, -0.5])
    row = textbook.covariance @ contrast
    gradient = np.array([-row @ p @ row for p in textbook.p])
    variance = contrast @ row
    df = 2 * variance**2 / (gradient @ np.linalg.solve(textbook.observed_information, gradient))
    np.testing.assert_allclose(satterthwaite(result.parts, result.units.T @ contrast), df, rtol=1e-5)


def test_one_contrast_has_the_same_degrees_by_both_methods_from_one_information(draw_problem, kind):
    problem = draw_problem(kind, seed=2)
    result = fit_lmm(problem.y, problem.x, problem.terms)
    for contrast in np.eye(3):
        inside = result.units.T @ contrast
        reference = kenward_roger(result.parts, inside, "expected")
        np.testing.assert_allclose(reference.df, satterthwaite(result.parts, inside, "expected"), rtol=1e-9)
        np.testing.assert_allclose(reference.scale, 1, rtol=1e-9)


@pytest.mark.parametrize("clusters", [3, 4, 12])
def test_balanced_clusters_have_one_degree_of_freedom_less_than_their_number(clusters):
    rng = np.random.default_rng(clusters)
    level = np.repeat(np.arange(clusters), 5)
    y = 3 * rng.normal(size=clusters)[level] + rng.normal(size=len(level))
    result = fit_lmm(y, np.ones((len(y), 1)), [RandomTerm(np.ones((len(y), 1)), level, clusters, "team")])
    assert not result.singular
    np.testing.assert_allclose(kenward_roger(result.parts, result.units[0]).df, clusters - 1, rtol=1e-9)
    np.testing.assert_allclose(satterthwaite(result.parts, result.units[0]), clusters - 1, rtol=1e-7)
    np.testing.assert_allclose(kenward_roger_covariance(result.parts), result.parts.covariance, rtol=1e-9)


def layout():
    team = np.repeat(np.arange(10), 8)
    person = np.repeat(np.arange(40), 2)
    rng = np.random.default_rng(0)
    x = np.column_stack(
        [np.ones(80), team % 2, rng.normal(size=10)[team], rng.normal(size=40)[person], rng.normal(size=80)]
    )
    return team, person, x


def test_between_within_counts_groups_at_the_level_where_a_column_varies():
    team, person, x = layout()
    np.testing.assert_array_equal(between_within(x, [team]), [7, 7, 7, 80 - 10 - 2, 80 - 10 - 2])
    np.testing.assert_array_equal(between_within(x, [person, team]), [7, 7, 7, 40 - 10 - 1, 80 - 40 - 1])


def test_between_within_needs_nested_factors():
    team, _, x = layout()
    with pytest.raises(PlanError, match="nested"):
        between_within(x, [team, np.arange(80) % 3])


def test_between_within_needs_more_groups_than_coefficients():
    team = np.repeat(np.arange(2), 5)
    with pytest.raises(DesignError, match="no between-within"):
        between_within(np.column_stack([np.ones(10), team]), [team])
