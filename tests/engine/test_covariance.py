"""Parameters of random-effect covariances and their derivatives."""

from __future__ import annotations

import numpy as np
import pytest

from core_trial.engine.covariance import Stacked, Unstructured

RNG = np.random.default_rng(11)


def structures() -> list[Unstructured | Stacked]:
    frame = RNG.normal(size=(2, 2)) + 2 * np.eye(2)
    parts = [Unstructured(1, np.array([[2.0]])), Unstructured(2, frame)]
    return [*parts, Unstructured(3, np.eye(3)), Stacked(parts)]


def differences(function, theta, step=1e-6):
    """Central differences, the derivative's axis last."""
    steps = step * np.eye(len(theta))
    return np.stack([(function(theta + s) - function(theta - s)) / (2 * step) for s in steps], axis=-1)


@pytest.mark.parametrize("structure", structures())
def test_derivatives_are_those_of_gamma(structure):
    size = structure.curvature.shape[0]
    theta = RNG.normal(size=size)
    np.testing.assert_allclose(structure.jacobian(theta), differences(structure.gamma, theta), atol=1e-8)
    np.testing.assert_allclose(structure.curvature, differences(structure.jacobian, theta), atol=1e-8)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_gamma_are_the_elements_of_the_covariance(size):
    structure = Unstructured(size, RNG.normal(size=(size, size)) + 2 * np.eye(size))
    theta = RNG.normal(size=len(structure.basis))
    factor = structure.factor(theta)
    covariance = np.einsum("r,rab->ab", structure.gamma(theta), structure.basis)
    np.testing.assert_allclose(covariance, factor @ factor.T, atol=1e-12)
    np.testing.assert_allclose(structure.gamma(structure.theta(factor)), structure.gamma(theta), atol=1e-12)


def test_nearest_keeps_a_covariance_and_lifts_what_is_no_variance():
    structure = Unstructured(2, np.eye(2))
    kept = np.array([2.0, 0.5, 1.0])
    np.testing.assert_allclose(structure.gamma(structure.nearest(kept, 0.1)), kept)
    np.testing.assert_allclose(
        structure.gamma(structure.nearest(np.array([-1.0, 0, 3]), 0.1)), [0.01, 0, 3], atol=1e-12
    )
