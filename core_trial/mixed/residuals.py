"""Residuals of a mixed model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import pandas as pd
from scipy.linalg import cholesky, solve_triangular
from scipy.sparse import block_array, csr_array, hstack
from scipy.sparse.csgraph import connected_components

from ..engine.arrays import Array, Codes
from ..errors import PlanError
from .prediction import check_effects

if TYPE_CHECKING:
    from .fit import LmmFit

Kind = Literal["marginal", "conditional", "pearson", "scaled"]
LARGEST = 10_000  # rows that depend on each other, of which a covariance matrix is formed


def residuals(fit: LmmFit, kind: Kind) -> pd.Series:
    """A residual for each row of the fit; see `LmmFit.residuals`."""
    if kind not in get_args(Kind):
        raise PlanError(f"residuals of kind {kind!r} are unknown; choose from {', '.join(get_args(Kind))}")
    frame = fit.model_frame
    matrices, result = fit.matrices, fit.result
    marginal = matrices.y - matrices.x[:, result.kept] @ result.estimate
    values: Array = _scaled(fit, marginal) if kind == "scaled" else marginal
    if kind in ("conditional", "pearson"):
        values = (marginal - _effects(fit)) / (result.sigma if kind == "pearson" else 1.0)
    return pd.Series(values, index=next(iter(frame.columns.values())).index, name=kind)


def _effects(fit: LmmFit) -> Array:
    """(n,) Z b at the conditional modes."""
    check_effects(fit.result)
    pairs = zip(fit.matrices.random, fit.result.modes, strict=True)
    return np.asarray(np.sum([np.sum(r.columns * modes[r.grouping.level], axis=1) for r, modes in pairs], axis=0))


def _scaled(fit: LmmFit, values: Array) -> Array:
    """L^-1 of the marginal residuals, V = L L', for each set of rows that depend on each other."""
    components = _components([random.grouping.level for random in fit.matrices.random])
    order = np.argsort(components, kind="stable")
    scaled = np.empty_like(values)
    for rows in np.split(order, np.flatnonzero(np.diff(components[order])) + 1):
        if len(rows) > LARGEST:
            raise PlanError(f"{len(rows)} rows depend on each other, too many to scale; take pearson residuals")
        covariance = fit.result.sigma**2 * np.eye(len(rows))
        for random, g in zip(fit.matrices.random, fit.result.covariances, strict=True):
            z, level = random.columns[rows], random.grouping.level[rows]
            covariance += np.where(level[:, None] == level, z @ g @ z.T, 0.0)
        scaled[rows] = solve_triangular(cholesky(covariance, lower=True), values[rows], lower=True)
    return scaled


def _components(levels: list[Codes]) -> Codes:
    """(n,) which set each row belongs to, rows that share a level being in one."""
    n = len(levels[0])
    sharing = hstack([csr_array((np.ones(n), level, np.arange(n + 1))) for level in levels])
    _, which = connected_components(block_array([[None, sharing], [sharing.T, None]]), directed=False)
    return np.asarray(which[:n], dtype=np.intp)
