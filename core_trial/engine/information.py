"""What small-sample inference needs of a mixed model: derivatives, and information about the variance parameters."""

from __future__ import annotations

import numpy as np

from .arrays import Array
from .covariance import Stacked
from .inference import VarianceParts
from .profile import Profile

UNKNOWN = 1e-10  # an eigenvalue below this, of an information matrix scaled to a unit diagonal, counts as zero


def variance_parts(at: Profile, structure: Stacked, theta: Array) -> VarianceParts:
    """Parts for the covariances that `structure` gives `theta`, the residual variance being 1.

    Observed information is that of (theta, sigma), as lmerTest takes it: on the boundary it differs from that of the
    variances, because the gradient by them is not zero there.
    """
    likelihood = at.with_residual_variance
    jacobian, curvature = _by_theta_and_sigma(at.gamma, structure.jacobian(theta), structure.curvature)
    bent = np.einsum("r,rab->ab", likelihood.gradient, curvature)
    observed = jacobian.T @ likelihood.hessian @ jacobian + bent
    return VarianceParts(
        covariance=at.unscaled,
        first=likelihood.derivatives.first[:, :-1, :-1],
        second=likelihood.derivatives.second[:, :, :-1, :-1],
        parameter_covariance={
            "expected": 2 * inverse(likelihood.traces),
            "observed": jacobian @ (2 * inverse(observed)) @ jacobian.T,
        },
    )


def inverse(information: Array) -> Array:
    """Inverse of an information matrix (r, r), leaving out directions in which there is none."""
    size = np.sqrt(np.abs(np.diagonal(information)))
    size = np.where(size > 0, size, 1.0)
    values, axes = np.linalg.eigh(information / np.outer(size, size))
    known = values > UNKNOWN
    return np.asarray((axes[:, known] / values[known]) @ axes[:, known].T / np.outer(size, size))


def _by_theta_and_sigma(gamma: Array, jacobian: Array, curvature: Array) -> tuple[Array, Array]:
    """First and second derivatives of (sigma^2 gamma, sigma^2) by (theta, sigma), where sigma is 1."""
    r = len(gamma)
    first = np.zeros((r + 1, r + 1))
    first[:r, :r], first[:r, r], first[r, r] = jacobian, 2 * gamma, 2
    second = np.zeros((r + 1, r + 1, r + 1))
    second[:r, :r, :r] = curvature
    second[:r, :r, r] = second[:r, r, :r] = 2 * jacobian
    second[:, r, r] = np.append(2 * gamma, 2)
    return first, second
