"""The search for a minimum where it is plain, at a saddle, and where the function cannot be computed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core_trial.engine.newton import minimise


@dataclass(frozen=True)
class At:
    value: float
    gradient: np.ndarray
    hessian: np.ndarray


def rosenbrock(theta: np.ndarray) -> At:
    x, y = theta
    gradient = np.array([-400 * x * (y - x**2) - 2 * (1 - x), 200 * (y - x**2)])
    hessian = np.array([[1200 * x**2 - 400 * y + 2, -400 * x], [-400 * x, 200]])
    return At(100 * (y - x**2) ** 2 + (1 - x) ** 2, gradient, hessian)


def double_well(theta: np.ndarray) -> At:
    (x,) = theta
    return At((x**2 - 1) ** 2, np.array([4 * x * (x**2 - 1)]), np.array([[12 * x**2 - 4]]))


def log_barrier(theta: np.ndarray) -> At:
    (x,) = theta
    if x <= 0:
        raise np.linalg.LinAlgError
    return At(x - np.log(x), np.array([1 - 1 / x]), np.array([[1 / x**2]]))


def falling(theta: np.ndarray) -> At:
    return At(-theta[0], np.array([-1.0]), np.zeros((1, 1)) + 1e-3)


def test_a_curved_valley_is_followed_to_its_end():
    minimum = minimise(rosenbrock, np.array([-1.2, 1.0]))
    assert minimum.converged
    np.testing.assert_allclose(minimum.theta, [1, 1], atol=1e-7)


def test_the_path_falls_all_the_way():
    path = minimise(rosenbrock, np.array([-1.2, 1.0])).path
    assert np.all(np.diff(path[:, 0]) <= 0)
    np.testing.assert_array_equal(path[0, 2:], [-1.2, 1.0])


def test_a_saddle_is_left():
    minimum = minimise(double_well, np.array([0.0]))
    assert minimum.converged
    np.testing.assert_allclose(np.abs(minimum.theta), 1, atol=1e-7)


def test_steps_out_of_the_domain_are_shortened():
    minimum = minimise(log_barrier, np.array([5.0]))
    assert minimum.converged
    np.testing.assert_allclose(minimum.theta, 1, atol=1e-7)


def test_a_function_without_a_minimum_is_said_not_to_converge():
    assert not minimise(falling, np.array([0.0])).converged
