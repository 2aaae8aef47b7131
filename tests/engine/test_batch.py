"""Fits in a batch have the numbers of single fits, whatever the design, the likelihood and the chunks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from core_trial.engine.batch import (
    BatchFits,
    Question,
    batch_design,
    fit_allocations,
    fit_resampled,
    fit_responses,
    products,
)
from core_trial.engine.inference import kenward_roger, kenward_roger_covariance, satterthwaite
from core_trial.engine.linear.lmm import LmmResult, fit_lmm
from core_trial.engine.linear.random import RandomTerm
from core_trial.errors import DesignError, FitError

seeds = st.integers(0, 2**32 - 1)
SAME = {"rtol": 1e-8, "atol": 1e-9}


def variances(result: LmmResult) -> np.ndarray:
    blocks = [np.r_[np.diagonal(g), g[np.triu_indices(len(g), 1)]] for g in result.covariances]
    return np.concatenate([*blocks, [result.sigma**2]])


def assert_same(fits: BatchFits, i: int, result: LmmResult, contrasts: np.ndarray | None = None) -> None:
    """Fit i of a batch, by Satterthwaite's method, is `result`."""
    rows = np.eye(len(result.estimate)) if contrasts is None else contrasts
    np.testing.assert_allclose(fits.estimate[i], rows @ result.estimate, **SAME)
    np.testing.assert_allclose(fits.std_error[i] ** 2, np.diag(rows @ result.covariance @ rows.T), **SAME)
    np.testing.assert_allclose(fits.df[i], [satterthwaite(result.parts, result.units.T @ row) for row in rows], **SAME)
    np.testing.assert_allclose(fits.variances[i], variances(result), **SAME)
    np.testing.assert_allclose(fits.log_likelihood[i], result.log_likelihood, **SAME)
    assert fits.singular[i] == result.singular
    assert fits.converged[i]


def draw_responses(problem, seed: int, count: int = 6) -> np.ndarray:
    """Responses with much, with little and without variance between the levels of each random term."""
    rng = np.random.default_rng(seed)
    responses = problem.x @ [10, 1, 0.5] + rng.normal(size=(count, len(problem.y)))
    for term in problem.terms:
        effects = rng.normal(size=(count, term.n_levels, term.z.shape[1])) * rng.choice([0, 0.3, 2], size=(count, 1, 1))
        responses += np.einsum("bnq,nq->bn", effects[:, term.level], term.z)
    return responses


ASKED = Question(ddf="satterthwaite")


@pytest.mark.parametrize("reml", [True, False])
def test_responses_are_fitted_as_one_by_one(draw_problem, kind, reml):
    problem = draw_problem(kind, 11)
    responses = draw_responses(problem, 12, 12)
    fits = fit_responses(batch_design(problem.x, problem.terms), responses, reml=reml, question=ASKED)
    assert 0 < fits.singular.sum() < len(fits)
    for i, response in enumerate(responses):
        assert_same(fits, i, fit_lmm(response, problem.x, problem.terms, reml=reml))


@pytest.mark.parametrize("structure", ["diag", "cs", "csh", "ar1", "ar1h"])
def test_every_structure_of_covariance_is_fitted_as_one_by_one(draw_problem, structure):
    problem = draw_problem("intercept", 3)
    (term,) = problem.terms
    visit = np.arange(len(term.level)) % 3
    terms = [RandomTerm(np.eye(3)[visit], term.level, term.n_levels, "cluster", structure)]
    responses = draw_responses(problem, 4)
    fits = fit_responses(batch_design(problem.x, terms), responses, question=ASKED)
    for i, response in enumerate(responses):
        assert_same(fits, i, fit_lmm(response, problem.x, terms))


@pytest.mark.parametrize("reml", [True, False])
def test_a_variance_of_any_sign_is_fitted_as_one_by_one(draw_problem, reml):
    """Rows less some of the mean of their cluster: the last are on the boundary, or by ML have no maximum."""
    problem, rng = draw_problem("intercept", 3), np.random.default_rng(4)
    (term,) = problem.terms
    free = replace(term, structure="any sign")
    inside = np.equal.outer(np.arange(term.n_levels), term.level) / np.bincount(term.level)[:, None]
    noise, taken = rng.normal(size=(12, len(term.level))), np.linspace(-1, 1, 12)[:, None]
    responses = noise - taken * (noise @ inside.T)[:, term.level]
    fits = fit_responses(batch_design(problem.x, [free]), responses, reml=reml, question=ASKED)
    assert fits.converged.all() == fits.singular[fits.converged].any() == reml
    for i, response in enumerate(responses):
        if fits.converged[i] and not fits.singular[i]:
            assert_same(fits, i, fit_lmm(response, problem.x, [free], reml=reml))
        elif fits.converged[i]:
            np.testing.assert_allclose(
                fits.estimate[i], fit_lmm(response, problem.x, [free], reml=reml).estimate, rtol=1e-6
            )
        else:
            with pytest.raises(FitError, match="unconstrained=False"):
                fit_lmm(response, problem.x, [free], reml=reml)


def test_kenward_roger_is_that_of_single_fits(draw_problem, kind):
    problem = draw_problem(kind, 21)
    responses = draw_responses(problem, 22)
    contrasts = np.array([[0, 1.0, 0], [1, 0.5, -2]])
    question = Question(contrasts, "kenward-roger", "expected")
    fits = fit_responses(batch_design(problem.x, problem.terms), responses, question=question)
    for i, response in enumerate(responses):
        result = fit_lmm(response, problem.x, problem.terms)
        inside = contrasts @ result.units
        adjusted = inside @ kenward_roger_covariance(result.parts) @ inside.T
        np.testing.assert_allclose(fits.estimate[i], contrasts @ result.estimate, **SAME)
        np.testing.assert_allclose(fits.std_error[i] ** 2, np.diag(adjusted), **SAME)
        np.testing.assert_allclose(fits.df[i], [kenward_roger(result.parts, row).df for row in inside], **SAME)


def cluster_term(sizes: list[int], rng: np.random.Generator, slope: bool) -> RandomTerm:
    level = np.repeat(np.arange(len(sizes)), sizes)
    columns = [np.ones(len(level))] + [rng.normal(size=len(level))] * slope
    return RandomTerm(np.column_stack(columns), level, len(sizes), "team")


@given(st.lists(st.integers(1, 50), min_size=4, max_size=12), seeds, st.booleans(), st.booleans())
@settings(deadline=None, max_examples=40)
def test_clusters_of_any_size(sizes, seed, slope, reml):
    rng = np.random.default_rng(seed)
    term = cluster_term(sizes, rng, slope)
    n = len(term.level)
    assume(n > len(sizes) * (1 + slope) + 4)
    x = np.column_stack([np.ones(n), term.level % 2, rng.normal(size=n)])
    effects = rng.normal(size=(len(sizes), 1 + slope)) * rng.choice([0, 0.5, 3])
    response = x @ [5, 1, -1] + np.sum(term.z * effects[term.level], axis=1) + rng.normal(size=n)
    try:
        result = fit_lmm(response, x, [term], reml=reml)
    except (DesignError, FitError):
        assume(False)
    fits = fit_responses(batch_design(x, [term]), response[None], reml=reml, question=ASKED)
    assert fits.log_likelihood[0] >= result.log_likelihood - 1e-9  # the higher of two maxima, where there are two
    if fits.log_likelihood[0] < result.log_likelihood + 1e-9:
        assert_same(fits, 0, result)


@given(seeds, st.booleans())
@example(1148416, True)  # crossed slopes: moment estimates leave the residuals nothing, and there are two maxima
@settings(deadline=None, max_examples=6)
def test_allocations_are_fitted_as_one_by_one(draw_problem, kind, seed, reml):
    problem = draw_problem(kind, seed)
    rng = np.random.default_rng(seed)
    unit = problem.terms[rng.integers(len(problem.terms))]  # allocated by any factor of the model
    allocations = rng.permuted(np.tile(np.arange(unit.n_levels) % 2.0, (3, 1)), axis=1)
    x = problem.x[:, [0, 2]]
    fits = fit_allocations(
        batch_design(x, problem.terms), problem.y, unit.level, allocations, reml=reml, question=ASKED
    )
    for i, allocation in enumerate(allocations):
        whole = np.column_stack([x, allocation[unit.level]])
        result = fit_lmm(problem.y, whole, problem.terms, reml=reml)
        if abs(fits.log_likelihood[i] - result.log_likelihood) < 1e-9:
            assert_same(fits, i, result, np.eye(3)[-1:])
        else:
            assert fits.log_likelihood[i] > result.log_likelihood


@pytest.mark.parametrize("kind", ["intercept", "slope", "uncorrelated"])
def test_clusters_drawn_twice_count_as_two(draw_problem, kind):
    problem = draw_problem(kind, 31)
    level, j = problem.terms[0].level, problem.terms[0].n_levels
    draws = np.random.default_rng(32).integers(0, j, (8, j))
    fits = fit_resampled(batch_design(problem.x, problem.terms), problem.y, draws, question=ASKED)
    for i, draw in enumerate(draws):
        rows = [np.flatnonzero(level == cluster) for cluster in draw]
        copies, rows = np.repeat(np.arange(j), [len(r) for r in rows]), np.concatenate(rows)
        terms = [RandomTerm(term.z[rows], copies, j, "cluster") for term in problem.terms]
        assert_same(fits, i, fit_lmm(problem.y[rows], problem.x[rows], terms))


def test_draws_without_one_of_the_arms_have_no_fit(draw_problem):
    problem = draw_problem("intercept", 41)
    draws = np.array([[0, 2, 4, 6, 0, 2, 4, 6], [0, 1, 2, 3, 4, 5, 6, 7]])  # arm is level % 2
    fits = fit_resampled(batch_design(problem.x, problem.terms), problem.y, draws)
    assert fits.converged.tolist() == [False, True]
    assert np.isnan(fits.estimate[0]).all()
    assert fit_resampled(batch_design(problem.x, problem.terms), problem.y, draws[:1]).converged.tolist() == [False]


@pytest.mark.parametrize("kind", ["intercept", "crossed slopes"])
def test_chunks_do_not_matter(draw_problem, kind, monkeypatch):
    problem = draw_problem(kind, 51)
    design, responses = batch_design(problem.x, problem.terms), draw_responses(problem, 52, 7)
    whole = fit_responses(design, responses)
    monkeypatch.setattr(products, "AT_ONCE", 1)
    chunked = fit_responses(design, responses)
    for name in ("estimate", "std_error", "variances", "variances_covariance", "log_likelihood"):
        np.testing.assert_allclose(getattr(chunked, name), getattr(whole, name), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("offset", "unit"), [(1e9, 1), (0, 1e9), (1e3, 1e-9)])
def test_offsets_and_units_do_no_harm(draw_problem, kind, offset, unit):
    problem = draw_problem(kind, 61)
    x, terms = problem.x * [1, 1e-9, 1e9], [replace(term, z=term.z * 1e6) for term in problem.terms]
    response = offset + unit * problem.y
    fits = fit_responses(batch_design(x, terms), response[None], question=ASKED)
    result = fit_lmm(response, x, terms)
    np.testing.assert_allclose(fits.estimate[0], result.estimate, rtol=1e-8)
    np.testing.assert_allclose(fits.std_error[0] ** 2, np.diag(result.covariance), rtol=1e-8)
    np.testing.assert_allclose(fits.log_likelihood[0], result.log_likelihood, rtol=1e-8)


@given(seeds)
@settings(deadline=None, max_examples=5)
def test_standard_errors_of_variances_are_those_of_expected_information(dense, draw_problem, kind, seed):
    problem = draw_problem(kind, seed)
    fits = fit_responses(batch_design(problem.x, problem.terms), problem.y[None])
    assume(not fits.singular[0])
    result = fit_lmm(problem.y, problem.x, problem.terms)
    textbook = dense(problem.y, problem.x, problem.terms, result.covariances, result.sigma**2)
    given_order = np.sqrt(np.diag(np.linalg.inv(textbook.expected_information)))  # lower triangles, row by row
    ours = np.sqrt(np.diagonal(fits.variances_covariance[0]))
    np.testing.assert_allclose(np.sort(ours), np.sort(given_order), rtol=1e-6)


def test_a_response_without_variation_within_clusters_has_no_fit(draw_problem):
    problem = draw_problem("intercept", 71)
    between = np.arange(8.0)[problem.terms[0].level] ** 2
    fits = fit_responses(batch_design(problem.x[:, :1], problem.terms), np.stack([problem.y, between]))
    assert fits.converged.tolist() == [True, False]


def test_bad_responses_are_named(draw_problem):
    problem = draw_problem("intercept", 81)
    design = batch_design(problem.x, problem.terms)
    missing = np.where(np.arange(len(problem.y)) == 5, np.nan, problem.y)
    for bad in (missing, problem.x @ [1, 2, 3]):
        with pytest.raises(DesignError, match="response 2 has missing values, or is fitted exactly"):
            fit_responses(design, np.stack([problem.y, bad]))


def test_an_allocation_with_an_empty_arm_is_named(draw_problem):
    problem = draw_problem("intercept", 91)
    design = batch_design(problem.x[:, [0, 2]], problem.terms)
    allocations = np.stack([np.arange(8) % 2, np.ones(8)])
    with pytest.raises(DesignError, match="allocation 2 has an empty arm"):
        fit_allocations(design, problem.y, problem.terms[0].level, allocations)


def test_clusters_of_several_factors_are_not_drawn_again(draw_problem):
    problem = draw_problem("crossed", 101)
    with pytest.raises(DesignError, match="one grouping factor"):
        fit_resampled(batch_design(problem.x, problem.terms), problem.y, np.zeros((1, 8), int))
