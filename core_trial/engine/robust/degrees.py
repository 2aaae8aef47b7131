"""Reference distributions of robust Wald statistics, under the working covariance (Pustejovsky and Tipton, 2018,
J Bus Econ Stat 36:672).

With white noise z for the outcomes, a contrast's variance estimate is sum_i (a_i'e_i)^2 of residuals e_i = z_i - X_i
X'z, where X_i are the columns of cluster i (X'X = I), a_i = X_i F_i'c, and F_i adjusts its scores. So cov(a_i'e_i,
a_j'e_j) = [i = j] d_i - u_i'u_j, with d_i = c'F_i G_i F_i'c and u_i = G_i F_i'c. Sums over pairs of clusters are taken
from p x p matrices.
"""

from __future__ import annotations

import numpy as np

from ...errors import PlanError
from ..arrays import Array
from ..inference import Reference
from .sandwich import ClusterParts, Correction, adjustments

ROUNDING = 1e-12
LINEAR: tuple[Correction, ...] = ("none", "cr1", "cr1s", "cr2", "kc", "md", "fg")


def satterthwaite_robust(parts: ClusterParts, correction: Correction, contrast: Array) -> float:
    """Degrees of freedom 2 E(v)^2 / var(v) of the variance estimate v of one contrast (p,) (Bell and McCaffrey, 2002).

    PlanError for corrections that do more than multiply scores.
    """
    return _moments(parts, correction, contrast[None])


def hotelling_robust(parts: ClusterParts, correction: Correction, contrast: Array) -> Reference:
    """Of the rows of a contrast (q, p) together: Hotelling's T^2 with the degrees of freedom nu of a Wishart matrix
    whose elements have the same total variance; AHT or HTZ (section 4.2).

    The mean square of the statistics times (nu - q + 1) / nu is compared with F(q, nu - q + 1).
    """
    return hotelling(_moments(parts, correction, np.atleast_2d(contrast)), len(np.atleast_2d(contrast)))


def hotelling(nu: float, q: int) -> Reference:
    """Of q contrasts whose covariance estimate has nu degrees of freedom; NaN where these are too few."""
    if np.isinf(nu):
        return Reference(np.inf, 1.0)
    df = nu - q + 1
    return Reference(df, df / nu) if df > 0 else Reference(np.nan, np.nan)


def _moments(parts: ClusterParts, correction: Correction, contrast: Array) -> float:
    """nu = q (q + 1) / sum of the variances of the elements of E(v)^-1/2 v E(v)^-1/2, v the (q, q) estimate."""
    if correction not in LINEAR:
        raise PlanError(
            f"Satterthwaite degrees of freedom need a correction that multiplies scores, which {correction!r} does not:"
            " take correction='cr2', or another reference, such as ddf='clusters'"
        )
    turned = np.einsum("kab,qa->kbq", adjustments(parts, correction), parts.whiten(contrast))
    u = parts.shares @ turned
    own = turned.swapaxes(1, 2) @ u
    total = own.sum(axis=0)
    expected = total - np.einsum("kas,kat->st", u, u)
    root = _inverse_root(expected, ROUNDING * np.trace(total))
    return _match(u @ root, root @ own @ root)


def _match(u: Array, own: Array) -> float:
    """nu from u (K, p, q) and own (K, q, q), the estimate having mean I.

    cov(h_i, h_j) = C_ij = [i = j] own_i - u_i'u_j of the vectors h_i whose products sum to the estimate, and its
    elements have the total variance sum_ij (tr C_ij)^2 + tr C_ij C_ij.
    """
    q = own.shape[1]
    norms = np.einsum("kas,kas->k", u, u)
    traces = np.trace(own, axis1=1, axis2=2)
    squares = u.swapaxes(1, 2) @ u
    pairs = np.einsum("kas,kbt->asbt", u, u)
    by_trace = np.sum(traces**2 - 2 * traces * norms) + np.sum(pairs**2)
    by_square = np.einsum("kst,kts->", own, own - 2 * squares) + np.einsum("asbt,atbs->", pairs, pairs)
    return float(q * (q + 1) / (by_trace + by_square))


def _inverse_root(matrix: Array, least: float) -> Array:
    """NaN where an eigenvalue is not above `least`: a contrast that one cluster determines has no variance estimate."""
    values, axes = np.linalg.eigh(matrix)
    return np.asarray((axes / np.sqrt(np.where(values > least, values, np.nan))) @ axes.T)
