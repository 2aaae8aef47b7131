"""The fit against dense algebra on small problems, identities, and data that are numerically hard."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from core_trial.engine.linear.lmm import LmmResult, fit_lmm
from core_trial.engine.linear.random import RandomTerm
from core_trial.errors import DesignError, FitError

seeds = st.integers(0, 2**32 - 1)


def fit(problem, reml=True) -> LmmResult:
    return fit_lmm(problem.y, problem.x, problem.terms, reml=reml)


def textbook_of(dense, problem, result):
    return dense(problem.y, problem.x, problem.terms, result.covariances, result.sigma**2)


@given(seeds, st.booleans())
@settings(deadline=None, max_examples=15)
def test_fit_agrees_with_dense_algebra(dense, draw_problem, kind, seed, reml):
    problem = draw_problem(kind, seed)
    result = fit(problem, reml)
    textbook = textbook_of(dense, problem, result)
    np.testing.assert_allclose(result.estimate, textbook.beta, rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(result.covariance, textbook.covariance, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(result.log_likelihood, textbook.log_likelihood(reml), rtol=1e-9)
    for which, modes in enumerate(result.modes):
        np.testing.assert_allclose(modes, textbook.modes(which), rtol=1e-6, atol=1e-7)


def move(covariance, rng):
    """Another covariance matrix nearby."""
    turn = np.eye(len(covariance)) + rng.normal(0, 0.05, covariance.shape)
    return turn @ (covariance + 1e-3 * rng.random() * np.eye(len(covariance))) @ turn.T


@given(seeds, st.booleans())
@settings(deadline=None, max_examples=10)
def test_no_likelihood_nearby_is_higher(dense, draw_problem, kind, seed, reml):
    problem = draw_problem(kind, seed)
    result = fit(problem, reml)
    rng = np.random.default_rng(seed)
    for _ in range(5):
        moved = [move(g, rng) for g in result.covariances]
        other = dense(problem.y, problem.x, problem.terms, moved, result.sigma**2 * rng.uniform(0.9, 1.1))
        assert other.log_likelihood(reml) <= result.log_likelihood + 1e-9


@given(st.lists(st.integers(1, 50), min_size=3, max_size=12).filter(lambda s: max(s) > 1), seeds)
@settings(deadline=None, max_examples=40)
def test_random_intercept_of_any_cluster_sizes(dense, sizes, seed):
    rng = np.random.default_rng(seed)
    level = np.repeat(np.arange(len(sizes)), sizes)
    x = np.column_stack([np.ones(len(level)), rng.normal(size=len(level))])
    y = x @ [1, 2] + rng.normal(size=len(sizes))[level] + rng.normal(size=len(level))
    assume(len(level) > len(sizes) + 1)
    term = RandomTerm(np.ones((len(level), 1)), level, len(sizes), "team")
    result = fit_lmm(y, x, [term])
    textbook = dense(y, x, [term], result.covariances, result.sigma**2)
    np.testing.assert_allclose(result.log_likelihood, textbook.log_likelihood(True), rtol=1e-9)
    np.testing.assert_allclose(result.estimate, textbook.beta, rtol=1e-7)


def balanced(seed: int, clusters: int = 9, rows: int = 6):
    rng = np.random.default_rng(seed)
    level = np.repeat(np.arange(clusters), rows)
    y = 3 + 2 * rng.normal(size=clusters)[level] + rng.normal(size=len(level))
    return y, level, RandomTerm(np.ones((len(level), 1)), level, clusters, "team")


def anova(y, level):
    """Mean squares between and within the clusters of a balanced layout."""
    groups = np.array([y[level == j] for j in np.unique(level)])
    between = groups.shape[1] * groups.mean(axis=1).var(ddof=1)
    return between, groups.var(axis=1, ddof=1).mean()


@pytest.mark.parametrize("seed", range(5))
def test_balanced_one_way_is_analysis_of_variance(seed):
    y, level, term = balanced(seed)
    between, within = anova(y, level)
    result = fit_lmm(y, np.ones((len(y), 1)), [term])
    np.testing.assert_allclose(result.sigma**2, within, rtol=1e-9)
    np.testing.assert_allclose(result.covariances[0], (between - within) / 6, rtol=1e-9)
    np.testing.assert_allclose(result.covariance, between / len(y), rtol=1e-9)


def test_order_of_rows_and_terms_is_irrelevant(draw_problem, kind):
    problem = draw_problem(kind, seed=4)
    order = np.random.default_rng(1).permutation(len(problem.y))
    terms = [RandomTerm(t.z[order], t.level[order], t.n_levels, t.factor) for t in problem.terms]
    shuffled = replace(problem, y=problem.y[order], x=problem.x[order], terms=terms[::-1])
    ours, other = fit(problem), fit(shuffled)
    np.testing.assert_allclose(other.estimate, ours.estimate, rtol=1e-7)
    np.testing.assert_allclose(other.log_likelihood, ours.log_likelihood, rtol=1e-11)
    for a, b in zip(ours.covariances, other.covariances[::-1], strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("scale", [1e-9, 1e9])
@pytest.mark.parametrize("shift", [0.0, 1e9])
def test_units_of_outcome_and_covariate_change_nothing_else(draw_problem, scale, shift):
    problem = draw_problem("intercept", seed=6)
    base = fit(problem)
    x = problem.x.copy()
    x[:, 2] = (x[:, 2] + (shift if scale > 1 else 0)) / scale
    scaled = fit_lmm(scale * problem.y + (shift if scale < 1 else 0) * scale, x, problem.terms)
    np.testing.assert_allclose(scaled.estimate[1:], base.estimate[1:] * [scale, scale**2], rtol=1e-6)
    np.testing.assert_allclose(scaled.covariances[0], scale**2 * base.covariances[0], rtol=1e-6)
    np.testing.assert_allclose(scaled.covariance[2, 2], scale**4 * base.covariance[2, 2], rtol=1e-6)


def test_random_slope_of_a_column_far_from_zero(draw_problem):
    problem = draw_problem("slope", seed=8)
    far = problem.terms[0].z + np.array([0, 1e6])
    result = fit_lmm(problem.y, problem.x, [replace(problem.terms[0], z=far)])
    base = fit(problem)
    np.testing.assert_allclose(result.log_likelihood, base.log_likelihood, rtol=1e-9)
    np.testing.assert_allclose(result.covariances[0][1, 1], base.covariances[0][1, 1], rtol=1e-6)


@pytest.mark.parametrize("offset", [1, 10**6, 10**12])
def test_large_offset_and_small_variance_agree_with_exact_arithmetic(offset):
    """One-way data in the manner of NIST's SmLs series: nine groups that differ by tenths about a large constant."""
    means, rows = [0.4, 0.3, 0.1, 0.5, 0.4, 0.6, 0.4, 0.5, 0.6], 21
    wobble = np.append(0.0, np.tile([-0.1, 0.1], rows // 2))
    y = offset + np.repeat(means, rows) + np.tile(wobble, len(means))
    level = np.repeat(np.arange(len(means)), rows)
    within, between = exact_components(y, level)
    result = fit_lmm(y, np.ones((len(y), 1)), [RandomTerm(np.ones((len(y), 1)), level, len(means), "group")])
    np.testing.assert_allclose(result.sigma**2, within, rtol=1e-12)
    np.testing.assert_allclose(result.covariances[0][0, 0], between, rtol=1e-11)


def exact_components(y, level):
    groups = [[Fraction(v) for v in y[level == j]] for j in np.unique(level)]
    means = [sum(g) / len(g) for g in groups]
    grand = sum(means) / len(means)
    within = sum((v - m) ** 2 for g, m in zip(groups, means, strict=True) for v in g) / (len(y) - len(groups))
    between = len(groups[0]) * sum((m - grand) ** 2 for m in means) / (len(groups) - 1)
    return float(within), float((between - within) / len(groups[0]))


@pytest.mark.parametrize("ratio", [1e-3, 1.0, 1e3])
def test_variances_of_very_different_size(ratio):
    y, level, term = balanced(2)
    y = y + ratio * np.repeat(np.linspace(-5, 5, 9), 6)
    between, within = anova(y, level)
    result = fit_lmm(y, np.ones((len(y), 1)), [term])
    np.testing.assert_allclose(result.sigma**2, within, rtol=1e-8)
    np.testing.assert_allclose(result.covariances[0], (between - within) / 6, rtol=1e-8)


def test_variance_on_its_boundary_is_zero_and_flagged():
    y, level, term = balanced(0)
    y = y - np.array([y[level == j].mean() for j in level])
    result = fit_lmm(y, np.ones((len(y), 1)), [term])
    assert result.singular
    assert result.covariances[0][0, 0] < 1e-10
    np.testing.assert_allclose(result.sigma**2, y.var(ddof=1), rtol=1e-9)


def test_dependent_columns_have_no_coefficient(draw_problem):
    problem = draw_problem("intercept", seed=9)
    wide = np.column_stack([problem.x, problem.x[:, 1] - 2 * problem.x[:, 2], np.full(len(problem.y), 3.0)])
    result = fit_lmm(problem.y, wide, problem.terms)
    np.testing.assert_array_equal(result.kept, [0, 1, 2])
    np.testing.assert_allclose(result.estimate, fit(problem).estimate)


def test_path_ends_at_the_reported_likelihood(draw_problem):
    path = fit(draw_problem("crossed slopes", seed=1)).path
    assert np.all(np.diff(path[:, 0]) <= 1e-9)
    assert path[-1, 1] < 1e-6


def test_clusters_of_one_are_not_identified():
    y = np.random.default_rng(0).normal(size=20)
    term = RandomTerm(np.ones((20, 1)), np.arange(20), 20, "team")
    with pytest.raises(DesignError, match="random effects of team cannot be told"):
        fit_lmm(y, np.ones((20, 1)), [term])


def test_fixed_effects_of_the_same_clusters_leave_nothing_for_random_ones():
    y, level, term = balanced(1)
    with pytest.raises(DesignError, match="team cannot be told from the fixed effects"):
        fit_lmm(y, np.eye(9)[level], [term])


def test_dependent_random_columns_are_refused(draw_problem):
    problem = draw_problem("slope", seed=0)
    twice = np.column_stack([problem.terms[0].z, problem.terms[0].z[:, 1]])
    with pytest.raises(DesignError, match="linearly dependent"):
        fit_lmm(problem.y, problem.x, [replace(problem.terms[0], z=twice)])


def test_as_many_coefficients_as_rows_are_refused(draw_problem):
    problem = draw_problem("intercept", seed=0)
    with pytest.raises(DesignError, match="no rows are left"):
        fit_lmm(problem.y, np.eye(len(problem.y)), problem.terms)


def test_an_outcome_that_the_fixed_effects_fit_exactly_is_refused(draw_problem):
    problem = draw_problem("intercept", seed=0)
    with pytest.raises(DesignError, match="exactly"):
        fit_lmm(problem.x @ [1, 2, 3], problem.x, problem.terms)


def test_an_outcome_constant_within_clusters_has_no_maximum():
    y, level, term = balanced(1)
    with pytest.raises(FitError, match="does not vary within"):
        fit_lmm(level.astype(float), np.ones((len(y), 1)), [term])
