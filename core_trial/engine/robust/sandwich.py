"""Cluster-robust covariance of estimates with p coefficients, and its corrections for few clusters.

Every correction of scores s_i = D_i'V_i^-1 r_i by a function of the leverage H_i = D_i M D_i'V_i^-1 of a cluster can
be had from matrices p x p, because D_i'V_i^-1 f(H_i) r_i = f(G_i M) s_i with G_i = D_i'V_i^-1 D_i, M = (sum G_i)^-1.
So clusters may have any size, and whatever is in the mean and in V_i, an offset too, is in the correction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from ...errors import FitError
from ..arrays import Array, Codes

Correction = Literal["none", "cr1", "cr1s", "cr2", "kc", "md", "fg", "mbn", "avg"]
LONE = 1e-8  # 1 - leverage of a direction that a single cluster determines: rounding of zero
FG_BOUND = 0.75  # of Fay and Graubard
MBN_RATE, MBN_FLOOR = 0.5, 1.0  # of Morel, Bokossa and Neerchal


@dataclass(frozen=True)
class ClusterParts:
    """What K clusters say of p coefficients: all that robust inference takes from a model.

    Attributes
    ----------
    scores : (K, p) s_i = D_i'V_i^-1 r_i, which sum to zero
    information : (K, p, p) G_i = D_i'V_i^-1 D_i, or minus the derivative of s_i; their sum has the inverse M
    n_rows : in all clusters
    units : (p, p) the coefficients reported are `units` times those of the scores
    plain : D_i'r_i (K, p) and D_i'D_i (K, p, p), for correlated rows: what geesmv takes the axes of I - H_i by
    """

    scores: Array
    information: Array
    n_rows: float
    units: Array
    plain: tuple[Array, Array] | None = None

    @property
    def n_clusters(self) -> int:
        return len(self.scores)

    @cached_property
    def root(self) -> Array:
        """(p, p) R with R R' = M."""
        try:
            return np.asarray(np.linalg.inv(np.linalg.cholesky(self.information.sum(axis=0))).T)
        except np.linalg.LinAlgError:
            raise FitError(
                "the information about the coefficients is not positive definite: use fewer of them"
            ) from None

    @property
    def model_covariance(self) -> Array:
        """(p, p) of the coefficients reported, if the working covariance V is that of the outcomes."""
        out = self.units @ self.root
        return np.asarray(out @ out.T)

    @cached_property
    def shares(self) -> Array:
        """(K, p, p) R'G_i R, which sum to the identity: the part of each cluster in what is known."""
        return np.asarray(self.root.T @ self.information @ self.root)

    @cached_property
    def white(self) -> Array:
        """(K, p) R's_i."""
        return np.asarray(self.scores @ self.root)

    @cached_property
    def _spectrum(self) -> tuple[Array, Array]:
        """What the other clusters know along each axis of a cluster (K, p), and the axes (K, p, p)."""
        own, axes = np.linalg.eigh((self.shares + self.shares.swapaxes(1, 2)) / 2)
        rest = 1 - own
        if rest.min() < -LONE:
            raise FitError("a cluster has more information than all together: its leverage is above 1")
        return np.where(rest > LONE, rest, 0.0), axes

    def leverage_power(self, power: float) -> Array:
        """(K, p, p) (I - R'G_i R)^power; zero where only cluster i knows, as its residuals vanish there."""
        rest, axes = self._spectrum
        powers = np.power(rest, power, out=np.zeros_like(rest), where=rest > 0)
        return np.asarray((axes * powers[:, None]) @ axes.swapaxes(1, 2))

    def by_unit_axes(self, pull: Array, square: Array) -> Array:
        """(K, p) white scores D'V^-1 U (I - L)^-1/2 U'r, as geesmv has them; H_i = U L U^-1, columns of U of length 1.

        U' stands where U^-1 would give the inverse root of I - H_i. They are the same where H_i is symmetric, as when
        covariates and variances are constant within clusters. `pull` are D'r, `square` D'D, as in `plain`.
        """
        rest, axes = self._spectrum
        length = np.einsum("kaj,kab,kbj->kj", axes, self.root.T @ square @ self.root, axes)
        along = (axes.swapaxes(1, 2) @ (pull @ self.root)[:, :, None])[:, :, 0]
        usable = (rest > 0) & (length > 0)
        factor = np.where(usable, (1 - rest) / np.where(usable, length * np.sqrt(rest), 1.0), 0.0)
        return np.asarray((axes @ (factor * along)[:, :, None])[:, :, 0])

    @cached_property
    def lone(self) -> Array:
        """(m, p) combinations, in units of the white scores, that one cluster alone determines."""
        rest, axes = self._spectrum
        return np.asarray(axes.swapaxes(1, 2)[rest == 0])

    def whiten(self, contrast: Array) -> Array:
        """(..., p) weights of coefficients as weights of R^-1 times those of the scores."""
        return np.asarray(contrast @ self.units @ self.root)

    def is_lone(self, contrast: Array) -> bool:
        """Whether a contrast (p,) takes in what one cluster alone determines: no residual tells of its error."""
        white = self.whiten(contrast)
        return bool(np.any(np.abs(self.lone @ white) > np.sqrt(LONE) * np.linalg.norm(white)))


def cluster_parts(
    columns: Array, weight: Array, pull: Array, cluster: Codes, units: Array, n_rows: float | None = None
) -> ClusterParts:
    """Parts of a model whose working covariance is diagonal.

    Parameters
    ----------
    columns : (n, p) of the linear predictor
    weight : (n,) of each row in the information, m'^2 / v of the derivative m' of the mean and the variance v
    pull : (n,) m' (y - mean) / v
    cluster : (n,) from 0, in any order
    units : (p, p) as of `ClusterParts`
    n_rows : if rows stand for several, how many these are
    """
    order = np.argsort(cluster, kind="stable")
    starts = np.flatnonzero(np.diff(cluster[order], prepend=-1))
    x = columns[order]
    pairs = (weight[order, None] * x)[:, :, None] * x[:, None, :]
    scores = np.add.reduceat(pull[order, None] * x, starts)
    return ClusterParts(scores, np.add.reduceat(pairs, starts), n_rows or float(len(x)), units)


def robust_covariance(parts: ClusterParts, correction: Correction) -> Array:
    """(p, p) covariance of the coefficients reported.

    ========  ==============================================================================================
    none      M sum s_i s_i' M (Liang and Zeger, 1986, Biometrika 73:13); CR0
    cr1       times K / (K - 1)
    cr1s      times K (n - 1) / ((K - 1) (n - p)), as Stata's `regress`
    cr2       (I - H)^-1/2 (Bell and McCaffrey, 2002, Surv Methodol 28:169): unbiased where V is the covariance of
              the outcomes
    kc        the same (Kauermann and Carroll, 2001, J Am Stat Assoc 96:1387); with `plain` parts, by unit axes
    md        (I - H)^-1 (Mancl and DeRouen, 2001, Biometrics 57:126); CR3, nearly the jackknife of clusters
    fg        diag(1 - min(0.75, (G_i M)_jj))^-1/2 (Fay and Graubard, 2001, Biometrics 57:1198); the one that
              depends on how covariates are coded
    mbn       c M sum s_i s_i' M + delta phi M, c = (n - 1) / (n - p) K / (K - 1), delta = min(1/2, p / (K - p)),
              phi = max(1, tr(M sum s_i s_i') / p) (Morel, Bokossa and Neerchal, 2003, Biom J 45:395)
    avg       standard errors the mean of those of cr2 and md (Ford and Westgate, 2017, Biom J 59:478),
              correlations those of the mean of the two covariances
    ========  ==============================================================================================
    """
    if correction == "avg":
        return _average(robust_covariance(parts, "cr2"), robust_covariance(parts, "md"))
    scores = _adjusted(parts, correction)
    meat: Array = small_sample_factor(parts, correction) * scores.T @ scores
    if correction == "mbn":
        meat = meat + _inflation(parts) * np.eye(len(meat))
    out = parts.units @ parts.root
    return np.asarray(out @ meat @ out.T)


def adjustments(parts: ClusterParts, correction: Correction) -> Array:
    """(K, p, p), or (1, p, p) if all the same: what the white score of each cluster is multiplied by."""
    return ADJUSTMENTS.get(correction, _identity)(parts)


def small_sample_factor(parts: ClusterParts, correction: Correction) -> float:
    """What the sum of products of the scores is multiplied by."""
    k, n, p = parts.n_clusters, parts.n_rows, parts.scores.shape[1]
    if correction == "cr1":
        return k / (k - 1)
    return k / (k - 1) * (n - 1) / (n - p) if correction in ("cr1s", "mbn") else 1.0


def influence_functions(parts: ClusterParts, correction: Correction) -> Array:
    """(K, p) what each cluster adds to the error of the coefficients reported; without correction M s_i.

    Their products sum to the covariance, but for `mbn` and `avg`, of which those of `cr1s` and `cr2` are given.
    """
    kind: Correction = "cr2" if correction == "avg" else correction
    scores = np.sqrt(small_sample_factor(parts, kind)) * _adjusted(parts, kind)
    return np.asarray(scores @ (parts.units @ parts.root).T)


def change_without(parts: ClusterParts) -> Array:
    """(K, p) what the coefficients of the scores lose by each cluster: (M^-1 - G_i)^-1 s_i, to first order."""
    return np.asarray(_adjusted(parts, "md") @ parts.root.T)


def _adjusted(parts: ClusterParts, correction: Correction) -> Array:
    """(K, p) white scores."""
    if correction == "kc" and parts.plain is not None:
        return parts.by_unit_axes(*parts.plain)
    return np.asarray((adjustments(parts, correction) @ parts.white[:, :, None])[:, :, 0])


def _identity(parts: ClusterParts) -> Array:
    return np.eye(parts.scores.shape[1])[None]


def _fay_graubard(parts: ClusterParts) -> Array:
    """The diagonal in the units of the design, taken to those of the white scores.

    White scores are A's of the scores s in these units, with A = `units` `root`, so that F s becomes A'F A'^-1.
    """
    out = parts.units @ parts.root
    back = np.linalg.inv(out)
    diagonal = np.einsum("bj,kbc,jc->kj", back, parts.shares, out)
    factor = (1 - np.minimum(FG_BOUND, diagonal)) ** -0.5
    return np.asarray(np.einsum("ja,kj,bj->kab", out, factor, back))


ADJUSTMENTS: Mapping[Correction, Callable[[ClusterParts], Array]] = {
    "cr2": lambda parts: parts.leverage_power(-0.5),
    "kc": lambda parts: parts.leverage_power(-0.5),
    "md": lambda parts: parts.leverage_power(-1.0),
    "fg": _fay_graubard,
}


def _inflation(parts: ClusterParts) -> float:
    """delta phi."""
    k, p = parts.scores.shape
    rate = min(MBN_RATE, p / (k - p)) if k > p else MBN_RATE
    return float(rate * max(MBN_FLOOR, np.sum(parts.white**2) / p))


def _average(first: Array, second: Array) -> Array:
    """Mean standard errors, and the correlations of the mean covariance."""
    mean = (first + second) / 2
    wanted = (_errors(first) + _errors(second)) / 2
    scale = np.divide(wanted, _errors(mean), out=np.ones(len(mean)), where=_errors(mean) > 0)
    return np.asarray(mean * np.outer(scale, scale))


def _errors(covariance: Array) -> Array:
    return np.sqrt(np.diagonal(covariance))
