"""The adjustment of 2009 on explicit matrices of a covariance that is not linear in its parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pytest

from core_trial.engine.inference import (
    Curvature,
    VarianceParts,
    kenward_roger_2009_covariance,
    kenward_roger_covariance,
)
from core_trial.engine.linear.lmm import fit_lmm
from core_trial.engine.linear.random import RandomTerm
from core_trial.engine.repeated.mmrm import fit_mmrm
from core_trial.engine.repeated.visits import Visits

VISITS, SUBJECTS, SMALL = 4, 9, 1e-4


def autoregressive(variance: float, rho: float) -> np.ndarray:
    lag = np.abs(np.subtract.outer(np.arange(VISITS), np.arange(VISITS)))
    return variance * rho**lag


def design() -> np.ndarray:
    rng = np.random.default_rng(6)
    time = np.tile(np.arange(VISITS), SUBJECTS)
    arm = np.repeat(np.arange(SUBJECTS) % 2, VISITS)
    return np.column_stack([np.ones(len(time)), arm, time, arm * time, rng.normal(size=len(time))])


@dataclass
class Textbook:
    """Everything from n by n matrices, the derivatives of V(psi) by central differences."""

    x: np.ndarray
    v: Callable[[np.ndarray], np.ndarray]
    psi: np.ndarray

    @cached_property
    def first(self) -> list[np.ndarray]:
        return [(self.v(self.psi + s) - self.v(self.psi - s)) / (2 * SMALL) for s in SMALL * np.eye(len(self.psi))]

    @cached_property
    def second(self) -> list[list[np.ndarray]]:
        steps, v, psi = SMALL * np.eye(len(self.psi)), self.v, self.psi

        def mixed(a, b):
            return (v(psi + a + b) - v(psi + a - b) - v(psi - a + b) + v(psi - a - b)) / (4 * SMALL**2)

        return [[mixed(a, b) for b in steps] for a in steps]

    @cached_property
    def parts(self) -> VarianceParts:
        x, inverse = self.x, np.linalg.inv(self.v(self.psi))
        vx = inverse @ x
        phi = np.linalg.inv(x.T @ vx)
        p = inverse - vx @ phi @ vx.T
        pv = [p @ a for a in self.first]
        information = 0.5 * np.array([[np.trace(a @ b) for b in pv] for a in pv])
        traces = [[[np.trace(a @ p @ b) for b in row] for row in self.second] for a in pv]
        return VarianceParts(
            covariance=phi,
            first=np.array([vx.T @ a @ vx for a in self.first]),
            second=np.array([[vx.T @ a @ inverse @ b @ vx for b in self.first] for a in self.first]),
            parameter_covariance={"expected": np.linalg.inv(information)},
            curvature=Curvature(np.array([[vx.T @ a @ vx for a in row] for row in self.second]), np.array(traces)),
        )


def subjects(covariance: Callable[[np.ndarray], np.ndarray], psi: list[float] | np.ndarray) -> VarianceParts:
    """Independent subjects, each with the same covariance of its visits."""
    return Textbook(design(), lambda at: np.kron(np.eye(SUBJECTS), covariance(at)), np.array(psi)).parts


@pytest.fixture(scope="module")
def natural() -> VarianceParts:
    return subjects(lambda psi: autoregressive(*psi), [2.0, 0.6])


@pytest.fixture(scope="module")
def transformed() -> VarianceParts:
    return subjects(lambda psi: autoregressive(np.exp(psi[0]), np.tanh(psi[1])), [np.log(2.0), np.arctanh(0.6)])


def test_it_does_not_depend_on_the_parameters(natural, transformed):
    ours = [kenward_roger_2009_covariance(parts) for parts in (natural, transformed)]
    np.testing.assert_allclose(*ours, rtol=1e-5)


def test_what_it_adds_is_needed_for_that(natural, transformed):
    """With R_rs alone, as 1997 has it for nonlinear parameters, or without bias, the parameters matter."""

    def of_1997(parts):
        phi, weight = parts.covariance, parts.parameter_covariance["expected"]
        bent = np.tensordot(weight, parts.curvature.fixed, 2) / 2
        return kenward_roger_covariance(parts) - phi @ bent @ phi

    differ = np.abs(of_1997(natural) / of_1997(transformed) - 1).max()
    assert differ > 1e-3


def test_linear_parameters_have_no_bias():
    """Unstructured covariance in its own elements: V_rs is zero, and what is added vanishes."""
    lower = np.tril_indices(VISITS)
    basis = np.zeros((len(lower[0]), VISITS, VISITS))
    basis[np.arange(len(basis)), *lower] = 1
    basis = np.maximum(basis, basis.swapaxes(1, 2))
    parts = subjects(lambda psi: np.tensordot(psi, basis, 1), autoregressive(2.0, 0.6)[lower])
    np.testing.assert_allclose(parts.curvature.fixed, 0, atol=1e-4)
    np.testing.assert_allclose(kenward_roger_2009_covariance(parts), kenward_roger_covariance(parts), rtol=1e-4)


def test_it_agrees_with_the_linear_form_where_parameters_are_only_written_differently():
    """Compound symmetry in (log variance, correlation) is linear underneath: 2009 finds its linear adjustment."""
    one, same = np.eye(VISITS), np.ones((VISITS, VISITS))
    linear = subjects(lambda psi: psi[0] * one + psi[1] * same, [1.2, 0.8])
    curved = subjects(
        lambda psi: np.exp(psi[0]) * ((1 - np.tanh(psi[1])) * one + np.tanh(psi[1]) * same),
        [np.log(2.0), np.arctanh(0.4)],
    )
    np.testing.assert_allclose(kenward_roger_2009_covariance(curved), kenward_roger_covariance(linear), rtol=1e-5)


def test_its_bias_is_that_of_simulated_estimates():
    """b_r = -1/4 W tr(...) against the mean of REML estimates of log variance, whose bias is known exactly.

    For n - p degrees of freedom the REML variance is s2 chi2 / (n - p), and E log chi2_m / m = psi(m/2) - log(m/2),
    about -1/m.
    """
    n, p = 40, 3
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, p))
    residual = np.eye(n) - x @ np.linalg.solve(x.T @ x, x.T)
    information = 0.5 * np.trace(residual)  # V = exp(psi) I at psi = 0: V_1 = V_11 = I
    weight = np.array([[1 / information]])
    bias = -weight @ np.tensordot(np.array([[[np.trace(residual)]]]), weight, 2) / 4
    np.testing.assert_allclose(bias, -1 / (n - p), rtol=1e-12)


def test_a_fit_with_decay_between_periods_has_the_adjustment_of_the_textbook():
    rng = np.random.default_rng(3)
    team, visit = np.repeat(np.arange(12), 10), np.tile(np.arange(5), 24)
    z = np.eye(5)[visit]
    effects = rng.multivariate_normal(np.zeros(5), 0.5 ** np.abs(np.subtract.outer(np.arange(5), np.arange(5))), 12)
    x = np.column_stack([np.ones(120), team % 2, visit, rng.normal(size=120)])
    y = effects[team, visit] + rng.normal(size=120)
    result = fit_lmm(y, x, [RandomTerm(z, team, 12, "team", "ar1")])
    assert not result.singular
    same = team[:, None] == team

    def v(psi):
        lag = np.abs(np.subtract.outer(visit, visit))
        return same * psi[0] * psi[1] ** lag + psi[2] * np.eye(120)

    g = result.covariances[0]
    parts = Textbook(x, v, np.array([g[0, 0], g[1, 0] / g[0, 0], result.sigma**2])).parts
    ours = result.units @ kenward_roger_2009_covariance(result.parts) @ result.units.T
    np.testing.assert_allclose(ours, kenward_roger_2009_covariance(parts), rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("covariance", ["us", "ar1", "ar1h", "adh", "toep", "sp_exp"])
@pytest.mark.parametrize("groups", [1, 2])
def test_repeated_measures_with_visits_missing(covariance, groups):
    rng = np.random.default_rng(4)
    subject, visit = np.repeat(np.arange(24), 3), np.tile(np.arange(3), 24)
    arm = subject % 2
    x = np.column_stack([np.ones(72), arm, visit, arm * visit, rng.normal(size=72)])
    y = rng.normal(size=24)[subject] + rng.normal(size=72) * (1 + visit / 3)
    seen = rng.random(72) < 0.85
    subject, visit, x, y = subject[seen], visit[seen], x[seen], y[seen]
    visits = Visits(subject, visit, np.array([0.0, 1, 3]), np.arange(24) % groups, None, ["visit"] * 3 * groups)
    result = fit_mmrm(y, x, visits, covariance)
    level, structure = visits.level, result.at.deviance.structure

    def v(theta: np.ndarray) -> np.ndarray:
        return np.where(subject[:, None] == subject, structure.covariance(theta)[np.ix_(level, level)], 0.0)

    expected = kenward_roger_2009_covariance(Textbook(result.response.fixed.columns, v, result.minimum.theta).parts)
    ours = kenward_roger_2009_covariance(result.curved_parts)
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-7)  # differences of step 1e-4 are no better
    linear = kenward_roger_covariance(result.parts)
    assert np.allclose(ours, linear, rtol=1e-9) == (covariance in ("us", "toep"))
