"""Covariance structures: what they look like, their derivatives by differences, and where the search starts."""

import numpy as np
import pytest

from core_trial.engine.repeated.structures import KINDS, start_groups

TIMES = np.array([0.0, 3.0, 6.0, 12.0])
N_PARAMETERS = {"us": 10, "toep": 4, "toeph": 7, "ar1": 2, "ar1h": 5, "cs": 2, "csh": 5, "ad": 4, "adh": 7, "sp_exp": 2}


def typical(seed=1, m=4):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(10 * m, m)).cumsum(axis=1) + rng.normal(size=(10 * m, m)) * np.arange(1, m + 1)
    return np.cov(rows.T)


def perturbed(name, groups=1, seed=2):
    """A structure and parameters near its start."""
    structure, theta = start_groups(name, TIMES, [typical(g) for g in range(groups)])
    return structure, theta + 0.05 * np.random.default_rng(seed).normal(size=len(theta))


def differences(function, theta, step=1e-6):
    return np.array(
        [(function(theta + step * e) - function(theta - step * e)) / (2 * step) for e in np.eye(len(theta))]
    )


def correlations(covariance):
    sd = np.sqrt(np.diagonal(covariance))
    return covariance / np.outer(sd, sd), sd


@pytest.mark.parametrize("name", KINDS)
def test_number_of_parameters(name):
    assert len(perturbed(name)[1]) == N_PARAMETERS[name]


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("groups", [1, 2])
def test_derivatives(name, groups):
    structure, theta = perturbed(name, groups)
    slopes = structure.slopes(theta)
    np.testing.assert_allclose(slopes, differences(structure.covariance, theta), atol=1e-7)
    weights = np.random.default_rng(3).normal(size=slopes.shape[1:])
    weights = weights + weights.T
    bend = np.tensordot(differences(structure.slopes, theta), weights, 2)
    np.testing.assert_allclose(structure.bend(theta, weights), bend, atol=1e-6)


@pytest.mark.parametrize("name", KINDS)
def test_homogeneous_structures_have_one_variance(name):
    _, sd = correlations(perturbed(name)[0].covariance(perturbed(name)[1]))
    assert (np.ptp(sd) < 1e-12) == (not KINDS[name].heterogeneous)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cs", lambda r: r[0, 1] * (1 - np.eye(4)) + np.eye(4)),
        ("ar1h", lambda r: r[0, 1] ** np.abs(np.subtract.outer(range(4), range(4)))),
        ("sp_exp", lambda r: r[0, 1] ** (np.abs(np.subtract.outer(TIMES, TIMES)) / 3)),
        ("toep", lambda r: r[0][np.abs(np.subtract.outer(range(4), range(4)))]),
    ],
)
def test_correlations_by_their_definition(name, expected):
    structure, theta = perturbed(name)
    r, _ = correlations(structure.covariance(theta))
    np.testing.assert_allclose(r, expected(r), atol=1e-14)


def test_ante_dependence_multiplies_the_correlations_of_steps():
    structure, theta = perturbed("adh")
    r, _ = correlations(structure.covariance(theta))
    assert r[0, 3] == pytest.approx(r[0, 1] * r[1, 2] * r[2, 3], rel=1e-13)
    inverse = np.linalg.inv(structure.covariance(theta))
    np.testing.assert_allclose([inverse[0, 2], inverse[0, 3], inverse[1, 3]], 0, atol=1e-14)


def test_groups_do_not_share_parameters_or_residuals():
    structure, theta = perturbed("us", groups=2)
    covariance = structure.covariance(theta)
    np.testing.assert_array_equal(covariance[:4, 4:], 0)
    np.testing.assert_array_equal(structure.slopes(theta)[:10, 4:, 4:], 0)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_start_is_positive_definite(name, share):
    """Also where the typical covariance, made of different subjects for each pair of visits, is not."""
    broken = np.array([[1, 0.9, -0.9, 0.9], [0.9, 1, 0.9, 0.2], [-0.9, 0.9, 1, 0.1], [0.9, 0.2, 0.1, 1]])
    assert np.linalg.eigvalsh(broken)[0] < 0
    structure, theta = start_groups(name, TIMES, [share * broken + (1 - share) * np.eye(4)])
    assert np.linalg.eigvalsh(structure.covariance(theta))[0] > 0
    assert np.isfinite(structure.slopes(theta)).all()
    assert np.isfinite(structure.bend(theta, np.ones((4, 4)))).all()


def test_the_unstructured_start_is_the_typical_covariance():
    structure, theta = start_groups("us", TIMES, [typical()])
    r, _ = correlations(typical())
    assert np.linalg.eigvalsh(r)[0] > 0.1
    np.testing.assert_allclose(structure.covariance(theta), typical(), rtol=1e-12)


@pytest.mark.parametrize(("name", "rho"), [("cs", -0.4), ("cs", 1.1), ("toep", 0.99), ("ar1", 1.0), ("ad", -1.2)])
def test_outside_of_the_positive_definite(name, rho):
    structure, theta = perturbed(name)
    theta[1] = rho
    with pytest.raises(np.linalg.LinAlgError):
        structure.covariance(theta)
