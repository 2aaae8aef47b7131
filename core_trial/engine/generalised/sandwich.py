"""Cluster-robust covariance of the parameters of a generalised mixed model."""

from __future__ import annotations

import numpy as np

from ...errors import PlanError
from ..arrays import Array
from .approximation import Blockwise
from .deviance import STEP
from .glmm import GlmmResult


def cluster_robust_covariance(result: GlmmResult) -> Array:
    """(p, p) H^-1 (sum_j a_j g_j g_j'a_j') H^-1 of the coefficients, with gradient g_j and Hessian H_j of cluster j.

    a_j = (I - H_j H^-1)^-1 undoes what the cluster does to its own residuals, as Mancl and DeRouen (2001, Biometrics
    57:126) do: g_j then moves the estimates, in one step, to those without the cluster.
    PlanError with several grouping factors.
    """
    approximation = result.deviance.approximation
    if not isinstance(approximation, Blockwise) or result.problem.random.crossed:
        raise PlanError("the cluster-robust covariance is for models with random effects of one grouping factor")
    psi, k = result.minimum.theta, len(result.minimum.theta)
    points = psi + STEP * np.vstack([np.zeros(k), np.eye(k)])
    with np.errstate(all="ignore"):
        parts = [approximation.integral(row[None], result.minimum.at.effects).cluster_gradients()[0] for row in points]
    gradients = parts[0].T
    hessians = np.stack([(part - parts[0]) / STEP for part in parts[1:]], axis=-1).swapaxes(0, 1)
    bread = np.linalg.inv(result.hessian)
    corrected = np.linalg.solve(np.eye(k) - hessians @ bread, gradients[..., None])[..., 0] @ bread
    p, transform = result.problem.n_fixed, result.problem.fixed.transform
    return np.asarray(transform @ (corrected.T @ corrected)[:p, :p] @ transform.T)
