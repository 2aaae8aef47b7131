"""The row that describes a generalised mixed model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..engine.generalised.glmm import GlmmResult
from ..formula.matrices import Matrices


def glmm_summary(matrices: Matrices, result: GlmmResult, ends: Mapping[str, float]) -> dict[str, Any]:
    """What `glance()` shows; the parameters of the family beside the mean have their names."""
    parameters, nobs = len(result.minimum.theta) + len(ends), matrices.n_rows
    return {
        "nobs": nobs,
        "n_clusters": _clusters([len(random.grouping.labels) for random in matrices.random], nobs),
        "loglik": result.log_likelihood,
        "aic": 2 * parameters - 2 * result.log_likelihood,
        "bic": np.log(nobs) * parameters - 2 * result.log_likelihood,
        "n_agq": result.n_nodes,
        "singular": result.singular,
        "converged": True,
        **result.others,
        **ends,
    }


def _clusters(levels: list[int], nobs: int) -> int:
    """The most levels of a factor, but for one whose levels are the rows."""
    return max((count for count in levels if count < nobs), default=nobs)
