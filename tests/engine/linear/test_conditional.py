"""What is known of random effects, against explicit matrices."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core_trial.engine.linear import crossed
from core_trial.engine.linear.conditional import Effects, condition, mode_deviations
from core_trial.engine.linear.lmm import fit_lmm
from core_trial.engine.linear.random import RandomTerm

seeds = st.integers(0, 2**32 - 1)


def draw_rows(problem, rng, m=6):
    """Effects in m new rows, some of levels that the fit does not know."""
    levels = {term.factor: rng.integers(-1, term.n_levels, m) for term in problem.terms}
    return [Effects(rng.normal(size=(m, term.z.shape[1])), levels[term.factor]) for term in problem.terms]


def joint_covariance(problem, textbook, effects):
    """Of the random parts of the new rows with themselves (m, m), and with y (m, n)."""
    own, with_y = 0.0, 0.0
    for e, term, g in zip(effects, problem.terms, textbook.covariances, strict=True):
        same_new = (e.level[:, None] == e.level) & (e.level[:, None] >= 0) | np.eye(len(e.level), dtype=bool)
        own = own + same_new * (e.z @ g @ e.z.T)
        with_y = with_y + (e.level[:, None] == term.level) * (e.z @ g @ term.z.T)
    return own, with_y


@given(seeds)
@settings(deadline=None, max_examples=12)
def test_new_rows_are_predicted_as_the_joint_normal_distribution_says(dense, draw_problem, kind, seed):
    problem = draw_problem(kind, seed)
    result = fit_lmm(problem.y, problem.x, problem.terms)
    textbook = dense(problem.y, problem.x, problem.terms, result.covariances, result.sigma**2)
    effects = draw_rows(problem, np.random.default_rng(seed))
    own, with_y = joint_covariance(problem, textbook, effects)
    found = condition(result, effects)
    np.testing.assert_allclose(found.mode, with_y @ textbook.inverse @ textbook.residual, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(found.moved, with_y @ textbook.inverse @ problem.x, rtol=1e-6, atol=1e-7)
    variance = np.diagonal(own - with_y @ textbook.inverse @ with_y.T)
    np.testing.assert_allclose(found.variance, variance, rtol=1e-6, atol=1e-8)


def test_rows_are_taken_in_pieces_where_they_are_many(draw_problem, monkeypatch):
    problem = draw_problem("crossed slopes", 3)
    result = fit_lmm(problem.y, problem.x, problem.terms)
    effects = draw_rows(problem, np.random.default_rng(0), m=20)
    whole = condition(result, effects).variance
    monkeypatch.setattr(crossed, "DENSE", 36)
    np.testing.assert_allclose(condition(result, effects).variance, whole, rtol=1e-10)


def test_modes_deviate_as_the_posterior_says(dense, draw_problem, kind):
    problem = draw_problem(kind, 5)
    result = fit_lmm(problem.y, problem.x, problem.terms)
    textbook = dense(problem.y, problem.x, problem.terms, result.covariances, result.sigma**2)
    for which, deviations in enumerate(mode_deviations(result)):
        term, g = problem.terms[which], result.covariances[which]
        for level in range(term.n_levels):
            z = term.z * (term.level == level)[:, None]
            posterior = g - g @ z.T @ textbook.inverse @ z @ g
            np.testing.assert_allclose(deviations[level] ** 2, np.diagonal(posterior), rtol=1e-6, atol=1e-9)


def test_a_level_with_no_variance_has_no_deviation():
    rng = np.random.default_rng(1)
    level = np.repeat(np.arange(6), 4)
    y = rng.normal(size=24) - rng.normal(size=24).mean()
    y -= np.array([y[level == i].mean() for i in range(6)])[level]
    result = fit_lmm(y, np.ones((24, 1)), [RandomTerm(np.ones((24, 1)), level, 6, "team")])
    assert result.singular
    assert mode_deviations(result)[0] == pytest.approx(np.zeros((6, 1)), abs=1e-6)
