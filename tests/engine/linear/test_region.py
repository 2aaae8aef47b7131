"""The likelihood as a function of all parameters, and the extremes of quantities over where it is high."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import approx_fprime

from core_trial.engine.linear.extremes import Quantity, contrast_interval, quantity_estimate, quantity_interval
from core_trial.engine.linear.lmm import LmmResult, fit_lmm
from core_trial.engine.linear.random import RandomTerm
from core_trial.engine.linear.region import Region

EXCESS = 3.841458820694124
seeds = st.integers(0, 2**32 - 1)


def fitted(problem, reml=False) -> LmmResult:
    return fit_lmm(problem.y, problem.x, problem.terms, reml=reml)


def near(region: Region, rng: np.random.Generator, spread: float) -> np.ndarray:
    return region.centre + region.axes @ (spread * rng.normal(size=len(region.centre)))


@given(seeds)
@settings(deadline=None, max_examples=5)
def test_the_deviance_is_that_of_explicit_matrices(dense, draw_problem, kind, seed):
    problem, rng = draw_problem(kind, seed), np.random.default_rng(seed)
    result = fitted(problem, reml=True)
    region = Region(result)
    x = near(region, rng, 1.0)
    covariances, sigma2 = region.components(x)
    there = dense(problem.y, problem.x, problem.terms, covariances, sigma2)
    rise = -2 * (there.log_likelihood(True) - result.log_likelihood)
    np.testing.assert_allclose(region(x)[0], rise, rtol=1e-6, atol=1e-7)


@given(seeds)
@settings(deadline=None, max_examples=5)
def test_a_contrast_adds_what_moving_it_costs(dense, draw_problem, kind, seed):
    """At fixed variances the deviance is a parabola in l'beta, of the width of its standard error."""
    problem, rng = draw_problem(kind, seed), np.random.default_rng(seed)
    result = fitted(problem)
    contrast = rng.normal(size=3)
    inside = result.response.fixed.transform.T @ contrast
    region = Region(result, inside)
    x = near(region, rng, 0.7)
    covariances, sigma2 = region.components(x)
    there = dense(problem.y, problem.x, problem.terms, covariances, sigma2)
    moved = contrast @ result.estimate + result.response.scale * x[-1] - contrast @ there.beta
    expected = -2 * (there.log_likelihood(False) - result.log_likelihood)
    expected += moved**2 / (contrast @ there.covariance @ contrast)
    np.testing.assert_allclose(region(x)[0], expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("contrast", [None, np.array([0.2, 1.0, -0.4])])
def test_gradients_are_those_of_differences(draw_problem, kind, contrast):
    region = Region(fitted(draw_problem(kind, 3)), contrast)
    x = near(region, np.random.default_rng(0), 0.5)
    numerical = approx_fprime(x, lambda at: region(at)[0], 1e-7)
    np.testing.assert_allclose(region(x)[1], numerical, rtol=1e-4, atol=1e-3)


@given(seeds)
@example(14_491_260)  # a slope whose covariance with the intercept is at its end: the region has two peaks on each side
@settings(deadline=None, max_examples=3)
def test_no_place_in_the_region_lies_beyond_the_interval(draw_problem, kind, seed):
    problem, rng = draw_problem(kind, seed), np.random.default_rng(seed)
    result = fitted(problem)
    region = Region(result)
    quantity = Quantity(lambda at: at.covariances[0][0, 0] / (at.covariances[0][0, 0] + at.sigma2), 0, 1)
    low, high = quantity_interval(Region(result), quantity, EXCESS)
    assert low - 1e-9 <= quantity_estimate(Region(result), quantity)[0] <= high + 1e-9
    places = [near(region, rng, 1.0) for _ in range(60)]
    inside = [quantity.value(region.components(x)) for x in places if region(x)[0] <= EXCESS]
    assert inside
    assert low - 2e-4 <= min(inside) <= max(inside) <= high + 2e-4


def test_intervals_of_contrasts_are_linear(draw_problem):
    result = fitted(draw_problem("slope", 6))
    contrast = np.array([1.0, 0.5, -2.0])
    low, high = contrast_interval(result, contrast, EXCESS)
    np.testing.assert_allclose(contrast_interval(result, -3 * contrast, EXCESS), [-3 * high, -3 * low], rtol=1e-5)


def test_the_standard_error_of_a_variance_is_that_of_its_information(dense, draw_problem):
    problem = draw_problem("intercept", 9)
    result = fitted(problem, reml=True)
    assert not result.singular
    textbook = dense(problem.y, problem.x, problem.terms, result.covariances, result.sigma**2)
    covariance = np.linalg.inv(textbook.observed_information)
    for place, value in enumerate([lambda at: at.covariances[0][0, 0], lambda at: at.sigma2]):
        estimate, error = quantity_estimate(Region(result), Quantity(value))
        np.testing.assert_allclose(estimate, textbook.phi[place], rtol=1e-9)
        np.testing.assert_allclose(error, np.sqrt(covariance[place, place]), rtol=1e-5)


def test_the_end_of_the_range_of_a_correlation_is_found():
    """Compound symmetry of three effects: the correlation cannot be below -1/2, and is there."""
    rng = np.random.default_rng(124)
    team = np.repeat(np.arange(10), 6)
    visit = np.tile(np.arange(3), 20)
    effects = rng.normal(size=(10, 3))
    effects -= effects.mean(axis=1, keepdims=True)
    y = effects[team, visit] + 0.5 * rng.normal(size=60)
    result = fit_lmm(y, np.ones((60, 1)), [RandomTerm(np.eye(3)[visit], team, 10, "team", "cs")])
    correlation = Quantity(lambda at: at.covariances[0][1, 0] / at.covariances[0][0, 0], -1, 1)
    assert quantity_estimate(Region(result), correlation)[0] == pytest.approx(-0.5, abs=1e-6)
    low, high = quantity_interval(Region(result), correlation, EXCESS)
    assert low == pytest.approx(-0.5, abs=1e-3)
    assert -0.5 < high < 0.2
