"""What small-sample inference needs of a mixed model: derivatives, and information about the variance parameters."""

from __future__ import annotations

import numpy as np

from ..arrays import Array, with_residual
from ..inference import Curvature, VarianceParts
from .covariance import Stacked
from .profile import Likelihood, Profile

UNKNOWN = 1e-10  # an eigenvalue below this, of an information matrix scaled to a unit diagonal, counts as zero


def variance_parts(at: Profile, structure: Stacked, theta: Array) -> VarianceParts:
    """Parts for the covariances that `structure` gives `theta`, the residual variance being 1.

    Observed information is that of (theta, sigma), as lmerTest takes it: on the boundary it differs from that of the
    variances, because the gradient by them is not zero there.
    """
    likelihood = at.with_residual_variance
    jacobian, bent = _by_theta_and_sigma(at.gamma, likelihood.gradient, structure, theta)
    observed = jacobian.T @ likelihood.hessian @ jacobian + bent
    ways = with_residual(structure.tangent(theta))
    return VarianceParts(
        covariance=at.unscaled,
        first=likelihood.derivatives.first[:, :-1, :-1],
        second=likelihood.derivatives.second[:, :, :-1, :-1],
        parameter_covariance={
            "expected": ways @ (2 * inverse(ways.T @ likelihood.traces @ ways)) @ ways.T,
            "observed": jacobian @ (2 * inverse(observed)) @ jacobian.T,
        },
        curvature=_curvature(likelihood, structure, theta),
    )


def inverse(information: Array) -> Array:
    """Inverse of an information matrix (r, r), leaving out directions in which there is none."""
    size = np.sqrt(np.abs(np.diagonal(information)))
    size = np.where(size > 0, size, 1.0)
    values, axes = np.linalg.eigh(information / np.outer(size, size))
    known = values > UNKNOWN
    return np.asarray((axes[:, known] / values[known]) @ axes[:, known].T / np.outer(size, size))


def _by_theta_and_sigma(gamma: Array, weights: Array, structure: Stacked, theta: Array) -> tuple[Array, Array]:
    """First (r + 1, s + 1) and weighted second (s + 1, s + 1) derivatives of (sigma^2 gamma, sigma^2), at sigma = 1."""
    jacobian = structure.jacobian(theta)
    r, s = jacobian.shape
    first = np.zeros((r + 1, s + 1))
    first[:r, :s], first[:r, s], first[r, s] = jacobian, 2 * gamma, 2
    second = np.zeros((s + 1, s + 1))
    second[:s, :s] = structure.bend(theta, weights[:r])
    second[:s, s] = second[s, :s] = 2 * weights[:r] @ jacobian
    second[s, s] = 2 * (weights[:r] @ gamma + weights[r])
    return first, second


def _curvature(likelihood: Likelihood, structure: Stacked, theta: Array) -> Curvature | None:
    """Second derivatives by the parameters of `structure.tangent`, as if gamma were moved by them."""
    bent = structure.tangent_bend(theta)
    if not bent.any() or any(structure.on_boundary(theta)):
        return None
    by_gamma = np.linalg.pinv(structure.tangent(theta))
    by_gamma = np.pad(np.einsum("gst,sk,tl->gkl", bent, by_gamma, by_gamma), (0, 1))
    return Curvature(
        fixed=np.einsum("gkl,gab->klab", by_gamma, likelihood.derivatives.first[:, :-1, :-1]),
        traces=np.einsum("hg,gkl->hkl", likelihood.traces, by_gamma),
    )
