"""The profiled deviance against dense algebra, and its derivatives against differences."""

from __future__ import annotations

import numpy as np
import pytest

from core_trial.engine.linear.random import random_design
from core_trial.engine.linear.search import Deviance


@pytest.fixture(params=[True, False], ids=["reml", "ml"])
def reml(request) -> bool:
    return request.param


@pytest.fixture
def deviance(kind, reml, draw_problem) -> Deviance:
    problem = draw_problem(kind, seed=3)
    random = random_design(problem.terms)
    return Deviance(random.products(np.column_stack([problem.x, problem.y])), random, reml)


def some_theta(deviance: Deviance) -> np.ndarray:
    return np.random.default_rng(5).normal(0.8, 0.3, deviance.random.structure.size)


def differences(function, at, step):
    steps = step * np.eye(len(at))
    return np.stack([(function(at + s) - function(at - s)) / (2 * step) for s in steps], axis=-1)


def test_profile_is_the_dense_likelihood(kind, reml, deviance, dense, draw_problem):
    problem = draw_problem(kind, seed=3)
    theta = some_theta(deviance)
    profile = deviance(theta).profile
    factors = deviance.random.structure.factors(theta)
    covariances = [profile.sigma2 * f @ f.T for f in factors]
    textbook = dense(problem.y, problem.x, deviance.random.terms, covariances, profile.sigma2)
    np.testing.assert_allclose(profile.value, -2 * textbook.log_likelihood(reml), rtol=1e-12)
    np.testing.assert_allclose(profile.beta, textbook.beta, rtol=1e-9)
    np.testing.assert_allclose(profile.sigma2 * profile.unscaled, textbook.covariance, rtol=1e-9)


def test_derivatives_by_theta(deviance):
    theta = some_theta(deviance)
    at = deviance(theta)
    np.testing.assert_allclose(at.gradient, differences(lambda t: deviance(t).value, theta, 1e-5), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(
        at.hessian, differences(lambda t: deviance(t).gradient, theta, 1e-5), rtol=1e-6, atol=1e-6
    )


def test_derivatives_with_the_residual_variance(kind, reml, deviance, dense, draw_problem):
    problem = draw_problem(kind, seed=3)
    theta = some_theta(deviance)
    profile = deviance(theta).profile
    covariances = [profile.sigma2 * f @ f.T for f in deviance.random.structure.factors(theta)]
    textbook = dense(problem.y, problem.x, deviance.random.terms, covariances, profile.sigma2)
    likelihood = profile.with_residual_variance
    if reml:
        traces = 2 * profile.sigma2**2 * textbook.expected_information
        np.testing.assert_allclose(likelihood.traces, traces, rtol=1e-8, atol=1e-8)
        hessian = 2 * profile.sigma2**2 * textbook.observed_information
        np.testing.assert_allclose(likelihood.hessian, hessian, rtol=1e-7, atol=1e-7 * np.abs(hessian).max())
    np.testing.assert_allclose(likelihood.gradient[-1], -profile.gradient @ profile.gamma, rtol=1e-7, atol=1e-8)
