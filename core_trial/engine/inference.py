"""Small-sample inference for fixed effects of Gaussian models, from a handful of arrays that any of them can supply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import DesignError, PlanError
from .arrays import Array, Codes

Information = Literal["expected", "observed"]
EQUAL = 1e-8  # degrees of freedom that differ by less are the same


@dataclass(frozen=True)
class Curvature:
    """Second derivatives V_rs of a V that is not linear in its parameters.

    Attributes
    ----------
    fixed : (r, r, p, p) R_rs = X'V^-1 V_rs V^-1 X
    traces : (r, r, r) tr P V_r P V_st, with P = V^-1 - V^-1 X Phi X'V^-1
    """

    fixed: Array
    traces: Array


@dataclass(frozen=True)
class VarianceParts:
    """How the covariance of p fixed effects hangs on r variance parameters phi, V = sum_r phi_r V_r.

    Attributes
    ----------
    covariance : (p, p) Phi = (X'V^-1 X)^-1
    first : (r, p, p) P_r = X'V^-1 V_r V^-1 X
    second : (r, r, p, p) Q_rs = X'V^-1 V_r V^-1 V_s V^-1 X
    parameter_covariance : (r, r) covariance of the estimates of phi, by expected and by observed information
    curvature : what V adds where it is not linear in phi
    """

    covariance: Array
    first: Array
    second: Array
    parameter_covariance: Mapping[Information, Array]
    curvature: Curvature | None = None


class Reference(NamedTuple):
    """A scaled Wald statistic `scale` F is compared with F(rows of the contrast, `df`)."""

    df: float
    scale: float


def satterthwaite(parts: VarianceParts, contrast: Array, information: Information = "observed") -> float:
    """Degrees of freedom of one contrast l (p,): 2 v^2 / var(v), v = l'Phi l (Fai and Cornelius, 1996)."""
    row = parts.covariance @ contrast
    variance = contrast @ row
    gradient = parts.first @ row @ row
    return float(2 * variance**2 / (gradient @ parts.parameter_covariance[information] @ gradient))


def satterthwaite_joint(parts: VarianceParts, contrast: Array, information: Information = "observed") -> Reference:
    """Degrees of freedom of the rows of L (q, p) together (Fai and Cornelius, 1996, J Stat Comput Simul 54:363).

    L Phi L' is rotated to independent contrasts, of nu_i degrees each. F is the mean of their t^2, and has the mean of
    F(q, m) with m = 2 E / (E - q), E = sum nu_i / (nu_i - 2); or 2 where a nu_i is no more than that.
    """
    rows = np.atleast_2d(contrast)
    _, axes = np.linalg.eigh(rows @ parts.covariance @ rows.T)
    nu = np.array([satterthwaite(parts, row, information) for row in axes.T[::-1] @ rows])
    if np.all(np.abs(np.diff(nu)) < EQUAL):
        return Reference(float(nu.mean()), 1.0)
    if np.any(nu <= 2):
        return Reference(2.0, 1.0)
    mean = float(np.sum(nu / (nu - 2)))
    return Reference(2 * mean / (mean - len(nu)), 1.0)


def kenward_roger_covariance(parts: VarianceParts, information: Information = "expected") -> Array:
    """Phi + 2 Phi {sum_rs W_rs (Q_rs - P_r Phi P_s)} Phi (Kenward and Roger, 1997, Biometrics 53:983, section 2)."""
    phi, weight = parts.covariance, parts.parameter_covariance[information]
    pairs = parts.second - (parts.first @ phi)[:, None] @ parts.first
    adjusted = phi + 2 * phi @ np.tensordot(weight, pairs, 2) @ phi
    return (adjusted + adjusted.T) / 2


def kenward_roger_2009_covariance(parts: VarianceParts, information: Information = "expected") -> Array:
    """The adjustment of 1997, and what nonlinear parameters add (Kenward and Roger, 2009, Comput Stat Data An 53:2583).

    The estimate of Phi also has the bias sum_r b_r dPhi/dphi_r of the parameters that it is computed from. For REML, by
    Cox and Snell's (1968) expansion, b_r = -1/4 sum_s W_rs sum_tu W_tu tr P V_s P V_tu, so the adjusted covariance is

        Phi + 2 Phi {sum_rs W_rs (Q_rs - P_r Phi P_s - R_rs / 4)} Phi - sum_r b_r Phi P_r Phi.

    It does not change with the parameterisation, which that of 1997 does. Where V is linear in its parameters, as the
    variances and covariances of `lmm` are, all V_rs and so R and b are zero, and the two adjustments are the same.
    """
    adjusted = kenward_roger_covariance(parts, information)
    if parts.curvature is None:
        return adjusted
    phi, weight = parts.covariance, parts.parameter_covariance[information]
    bias = -weight @ np.tensordot(parts.curvature.traces, weight, 2) / 4
    bent = np.tensordot(weight, parts.curvature.fixed, 2) / 2 + np.tensordot(bias, parts.first, 1)
    return np.asarray(adjusted - phi @ bent @ phi)


def kenward_roger(parts: VarianceParts, contrast: Array, information: Information = "expected") -> Reference:
    """Denominator degrees of freedom and scale for the contrast L (q, p) (Kenward and Roger, 1997, section 3)."""
    rows = np.atleast_2d(contrast)
    q, phi = len(rows), parts.covariance
    spread = rows @ phi
    scaled = np.linalg.solve(rows @ spread.T, spread @ parts.first @ spread.T)  # similar to Theta Phi P_r Phi
    traces = np.trace(scaled, axis1=1, axis2=2)
    weight = parts.parameter_covariance[information]
    a1 = float(traces @ weight @ traces)
    a2 = float(np.einsum("rs,rab,sba->", weight, scaled, scaled))
    return _match_moments(q, a1, a2)


def _match_moments(q: int, a1: float, a2: float) -> Reference:
    """The scaled F distribution whose mean and variance A1 and A2 approximate."""
    b = (a1 + 6 * a2) / (2 * q)
    g = ((q + 1) * a1 - (q + 4) * a2) / ((q + 2) * a2)
    c1, c2, c3 = np.array([g, q - g, q + 2 - g]) / (3 * q + 2 * (1 - g))
    inverse_mean = 1 - a2 / q
    rho = _ratio(inverse_mean, 1 - c2 * b) ** 2 * (1 + c1 * b) / (1 - c3 * b) / q  # variance / (2 mean^2)
    df = 4 + (q + 2) / (q * rho - 1)
    return Reference(float(df), float(_ratio(inverse_mean, 1 - 2 / df)))


def _ratio(a: float, b: float) -> float:
    """a / b, whose limit is 1 where both vanish: at 2 degrees of freedom."""
    return 1.0 if max(abs(a), abs(b)) < 1e-10 else a / b


def between_within(x: Array, levels: Sequence[Codes]) -> Array:
    """Degrees of freedom of each column of x (n, p) by the level that it varies at (Pinheiro and Bates, 2000, p. 91).

    A column, the intercept too, belongs to the coarsest of the nested factors `levels` (each (n,)) within whose groups
    it is constant, or else to the rows. At a level of m groups, with m0 groups one level up and p columns of its own,
    m - m0 - p degrees of freedom are left. PlanError if the factors are not nested, DesignError if none are left.
    """
    ordered = [*sorted(levels, key=lambda level: level.max()), np.arange(len(x))]
    groups = np.array([0] + [level.max() + 1 for level in ordered])
    if any(len(np.unique(a * groups.max() + b)) > n for a, b, n in zip(ordered, ordered[1:], groups[2:], strict=False)):
        raise PlanError("between-within degrees of freedom are for nested grouping factors; use kenward-roger")
    constant = np.array([constant_within(x, level) for level in ordered])
    at = constant.argmax(axis=0)
    left = np.diff(groups) - np.bincount(at, minlength=len(ordered))
    if np.any(left[at] < 1):
        raise DesignError("as many coefficients as groups at one level: no between-within degrees of freedom are left")
    return np.asarray(left[at], float)


class ClusterDegrees(NamedTuple):
    """The place of a factor among others, and its groups less the columns that are constant within them."""

    factor: int
    df: float


def cluster_degrees(x: Array, levels: Sequence[Codes]) -> ClusterDegrees:
    """Clusters minus cluster-level parameters, for every column of x (n, p), as cluster-level analyses have them.

    The clusters are the groups of the coarsest of the factors `levels` (each (n,)) within whose groups a covariate is
    constant, or else of the coarsest. DesignError if no degree of freedom is left.
    """
    order = np.argsort([level.max() for level in levels])
    constant = np.array([constant_within(x, levels[i]) for i in order])
    chosen = int(np.any(constant & (np.ptp(x, axis=0) > 0), axis=1).argmax())
    left = levels[order[chosen]].max() + 1 - constant[chosen].sum()
    if left < 1:
        raise DesignError("as many cluster-level parameters as clusters: no degrees of freedom are left")
    return ClusterDegrees(int(order[chosen]), float(left))


def constant_within(x: Array, level: Codes) -> NDArray[np.bool_]:
    """(p,) whether each column has one value in each group, but for rounding."""
    first = np.unique(level, return_index=True)[1]
    return np.asarray(np.all(np.abs(x - x[first[level]]) <= 1e-12 * np.abs(x).max(axis=0), axis=0))
