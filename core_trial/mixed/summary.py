"""What the reader of a linear mixed model must know of it, and the row that describes it."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ..engine.lmm import LmmResult
from ..errors import TrialWarning
from ..formula.coding import INTERCEPT
from ..formula.matrices import Matrices


def lmm_notes(matrices: Matrices, result: LmmResult, *, stacklevel: int) -> tuple[str, ...]:
    """Rows left out, coefficients that there are none of, and fits on the boundary, of which a warning is given too."""
    notes = list(matrices.notes)
    dropped = [name for i, name in enumerate(matrices.names) if i not in result.kept]
    if dropped:
        notes.append(f"no coefficient for {', '.join(dropped)}: a linear combination of the columns before it")
    for random, boundary in zip(matrices.random, result.boundary, strict=True):
        if boundary:
            what = "a variance of zero" if len(random.names) == 1 else "a singular covariance"
            what = "the most negative variance possible" if random.structure == "any sign" else what
            notes.append(f"boundary fit: {what} is estimated for the random effects of {random.grouping.name}")
            warnings.warn(notes[-1], TrialWarning, stacklevel=stacklevel + 1)
    return tuple(notes)


def lmm_summary(matrices: Matrices, result: LmmResult) -> dict[str, Any]:
    """What `glance()` shows."""
    nobs = matrices.n_rows
    parameters = len(result.estimate) + len(result.minimum.theta) + 1
    summary = {
        "nobs": nobs,
        "n_clusters": max(len(random.grouping.labels) for random in matrices.random),
        "loglik": result.log_likelihood,
        "aic": 2 * parameters - 2 * result.log_likelihood,
        "bic": np.log(nobs) * parameters - 2 * result.log_likelihood,
        "sigma": result.sigma,
        "reml": result.deviance.reml,
        "singular": result.singular,
        "converged": True,
    }
    if len(matrices.random) == 1 and matrices.random[0].names == (INTERCEPT,):
        between = float(result.covariances[0][0, 0])
        summary["icc"] = between / (between + result.sigma**2)
    return summary
