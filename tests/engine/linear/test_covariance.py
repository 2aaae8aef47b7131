"""Parameters of random-effect covariances and their derivatives."""

from __future__ import annotations

import numpy as np
import pytest

from core_trial.engine.linear.covariance import Stacked, Structure, Unstructured
from core_trial.engine.linear.patterned import PATTERNS, AnySign, patterned

RNG = np.random.default_rng(11)


def structures() -> dict[str, Structure | Stacked]:
    frame = RNG.normal(size=(2, 2)) + 2 * np.eye(2)
    unstructured = [Unstructured(1, np.array([[2.0]])), Unstructured(2, frame), Unstructured(3, np.eye(3))]
    parts = {f"us {i}": part for i, part in enumerate(unstructured, 1)}
    parts |= {f"{name} {q}": patterned(name, q) for name in PATTERNS for q in (2, 4)}
    parts["any sign"] = AnySign(-0.1)
    return parts | {"stacked": Stacked(list(parts.values()))}


@pytest.fixture(scope="module", params=structures().items(), ids=lambda item: item[0])
def structure(request: pytest.FixtureRequest) -> Structure | Stacked:
    return request.param[1]


def count(structure: Structure | Stacked) -> int:
    return structure.size if isinstance(structure, Stacked) else structure.parameters


def differences(function, theta, step=1e-6):
    """Central differences, the derivative's axis last."""
    steps = step * np.eye(len(theta))
    return np.stack([(function(theta + s) - function(theta - s)) / (2 * step) for s in steps], axis=-1)


def test_derivatives_are_those_of_gamma(structure):
    theta = RNG.normal(size=count(structure))
    jacobian = structure.jacobian(theta)
    weights = RNG.normal(size=len(jacobian))
    np.testing.assert_allclose(jacobian, differences(structure.gamma, theta), atol=1e-7)
    bent = differences(lambda t: weights @ structure.jacobian(t), theta)
    np.testing.assert_allclose(structure.bend(theta, weights), bent, atol=1e-6)


def test_derivatives_by_parameters_of_their_own_lead_where_those_by_theta_do(structure):
    theta = RNG.normal(size=count(structure))
    both = np.hstack([structure.tangent(theta), structure.jacobian(theta)])
    assert np.linalg.matrix_rank(both) == np.linalg.matrix_rank(structure.jacobian(theta)) == len(theta)


def test_many_thetas_at_once(structure):
    thetas = RNG.normal(size=(3, count(structure)))
    weights = RNG.normal(size=structure.gamma(thetas).shape)
    for name in ("gamma", "jacobian", "tangent", "tangent_bend"):
        method = getattr(structure, name)
        np.testing.assert_allclose(method(thetas), [method(theta) for theta in thetas], atol=1e-12)
    bent = [structure.bend(theta, weight) for theta, weight in zip(thetas, weights, strict=True)]
    np.testing.assert_allclose(structure.bend(thetas, weights), bent, atol=1e-12)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_gamma_are_the_elements_of_the_covariance(size):
    structure = Unstructured(size, RNG.normal(size=(size, size)) + 2 * np.eye(size))
    theta = RNG.normal(size=len(structure.basis))
    factor = structure.factor(theta)
    covariance = np.einsum("r,rab->ab", structure.gamma(theta), structure.basis)
    np.testing.assert_allclose(covariance, factor @ factor.T, atol=1e-12)
    np.testing.assert_allclose(structure.gamma(structure.theta(factor)), structure.gamma(theta), atol=1e-12)


@pytest.mark.parametrize("name", PATTERNS)
def test_patterns_are_what_they_are_called(name):
    structure = patterned(name, 4)
    theta = np.abs(RNG.normal(size=structure.parameters)) + 0.1
    covariance = np.tensordot(structure.gamma(theta), structure.basis, 1)
    sd = np.sqrt(np.diagonal(covariance))
    rho = covariance[0, 1] / sd[0] / sd[1]
    apart = np.abs(np.subtract.outer(np.arange(4), np.arange(4)))
    power = apart if name.startswith("ar1") else np.minimum(apart, 1)
    np.testing.assert_allclose(covariance, np.outer(sd, sd) * rho**power, atol=1e-12)
    assert (np.ptp(sd) == 0) == (name in ("cs", "ar1"))
    factor = structure.factor(theta)
    np.testing.assert_allclose(factor @ factor.T, covariance, atol=1e-12)


@pytest.mark.parametrize("name", PATTERNS)
def test_nearest_keeps_a_pattern_and_has_boundaries_at_its_ends(name):
    structure = patterned(name, 3)
    gamma = structure.gamma(np.full(structure.parameters, 0.8))
    np.testing.assert_allclose(structure.gamma(structure.nearest(gamma, 0.1)), gamma, atol=1e-12)
    inside = structure.nearest(gamma, 0.1)
    assert not structure.on_boundary(inside)
    assert structure.on_boundary(np.append(0, inside[1:]))
    if name != "diag":
        assert structure.on_boundary(np.append(inside[:-1], np.pi / 2))


def test_nearest_keeps_a_covariance_and_lifts_what_is_no_variance():
    structure = Unstructured(2, np.eye(2))
    kept = np.array([2.0, 0.5, 1.0])
    np.testing.assert_allclose(structure.gamma(structure.nearest(kept, 0.1)), kept)
    np.testing.assert_allclose(
        structure.gamma(structure.nearest(np.array([-1.0, 0, 3]), 0.1)), [0.01, 0, 3], atol=1e-12
    )
