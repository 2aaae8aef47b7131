"""Covariance and degrees of freedom of a generalised mixed model; never a normal reference unless asked for."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from ..engine.arrays import Array
from ..engine.generalised.glmm import GlmmResult
from ..engine.generalised.sandwich import cluster_robust_covariance
from ..engine.inference import between_within, cluster_degrees
from ..errors import DesignError, PlanError
from ..formula.matrices import Grouping, Matrices
from ..mixed.degrees import SmallSample, by_column

Ddf = Literal["between-within", "clusters", "residual", "normal"]
CovarianceName = Literal["model", "robust"]
FEW = 50  # clusters, below which a normal reference is known to be too confident
COVARIANCES = {
    "model": "standard errors from the observed information about all parameters",
    "robust": "cluster-robust standard errors, corrected as by Mancl and DeRouen (2001)",
}


def small_sample(ddf: Ddf | None, covariance: CovarianceName, result: GlmmResult, matrices: Matrices) -> SmallSample:
    """What `ddf` and `covariance` mean for a fit; PlanError for an option that is unknown or does not apply."""
    if ddf is not None and ddf not in get_args(Ddf):
        raise PlanError(f"ddf {ddf!r} is unknown; choose from {', '.join(get_args(Ddf))}")
    if covariance not in get_args(CovarianceName):
        raise PlanError(f"covariance {covariance!r} is unknown; choose from {', '.join(get_args(CovarianceName))}")
    column, words = _degrees(ddf, matrices.x[:, result.kept], _groupings(matrices))
    matrix = result.covariance if covariance == "model" else cluster_robust_covariance(result)
    return by_column(matrix, column, f"{COVARIANCES[covariance]}; {words}")


def _groupings(matrices: Matrices) -> list[Grouping]:
    """The grouping factors, but for one whose levels are the rows."""
    groupings = {random.grouping.name: random.grouping for random in matrices.random}
    return [grouping for grouping in groupings.values() if len(grouping.labels) < matrices.n_rows]


def _degrees(ddf: Ddf | None, x: Array, groupings: list[Grouping]) -> tuple[Array, str]:
    """(p,) degrees of freedom of each coefficient, and what they are."""
    n, p = x.shape
    if ddf == "normal":
        return np.full(p, np.inf), "normal reference distribution, without a small-sample correction"
    if ddf == "residual" or not groupings:
        if n <= p:
            raise DesignError("as many coefficients as rows: no degrees of freedom are left")
        return np.full(p, float(n - p)), "t with residual degrees of freedom (rows less coefficients)"
    if ddf is None:
        return _default(x, groupings)
    levels = [grouping.level for grouping in groupings]
    if ddf == "between-within":
        return between_within(x, levels), "t with between-within degrees of freedom"
    clusters = cluster_degrees(x, levels)
    name = groupings[clusters.factor].name
    return np.full(p, clusters.df), f"t with degrees of freedom of clusters ({name}) less cluster-level parameters"


def _default(x: Array, groupings: list[Grouping]) -> tuple[Array, str]:
    """Between-within where the factors are nested and leave degrees of freedom at every level, or else clusters."""
    try:
        return _degrees("between-within", x, groupings)
    except (PlanError, DesignError):
        return _degrees("clusters", x, groupings)
