"""What the reader of a mixed model must know of it, and the row that describes it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..engine.linear.lmm import LmmResult
from ..engine.repeated.mmrm import MmrmResult
from ..errors import TrialWarning
from ..fits.notes import without_coefficient
from ..formula.coding import INTERCEPT
from ..formula.matrices import Matrices, RandomColumns
from ..formula.visits import Layout


def lmm_notes(matrices: Matrices, result: LmmResult, *, stacklevel: int) -> tuple[str, ...]:
    """Rows left out, coefficients that there are none of, and fits on the boundary, of which a warning is given too."""
    pairs = zip(matrices.random, result.boundary, strict=True)
    boundaries = [boundary_note(random) for random, boundary in pairs if boundary]
    for note in boundaries:
        warnings.warn(note, TrialWarning, stacklevel=stacklevel + 1)
    return (*matrices.notes, *without_coefficient(matrices.names, result.kept), *boundaries)


def boundary_note(random: RandomColumns) -> str:
    """That the covariance of the random effects is at the end of what is possible."""
    what = "a variance of zero" if len(random.names) == 1 else "a singular covariance"
    what = "the most negative variance possible" if random.structure == "any sign" else what
    return f"boundary fit: {what} is estimated for the random effects of {random.grouping.name}"


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


def repeated_notes(matrices: Matrices, layout: Layout, result: MmrmResult, *, stacklevel: int) -> tuple[str, ...]:
    """The same of repeated measures, and covariances that the data do not determine."""
    notes = [*matrices.notes, *layout.notes, *_undetermined(matrices, layout, result)]
    boundary = []
    if result.singular and layout.cluster:
        boundary.append(f"a variance of zero is estimated for the random effects of {layout.cluster.name}")
    if layout.spatial and result.uncorrelated:
        boundary.append(f"a correlation of zero is estimated between any two of {layout.visit.name}")
    for what in boundary:
        notes.append(f"boundary fit: {what}")
        warnings.warn(notes[-1], TrialWarning, stacklevel=stacklevel + 1)
    return tuple(notes)


def _undetermined(matrices: Matrices, layout: Layout, result: MmrmResult) -> Iterator[str]:
    yield from without_coefficient(matrices.names, result.kept)
    unseen = sorted(
        {(i, j) for c in result.residual_covariances for i, j in np.argwhere(np.tril(np.isnan(c))).tolist()}
    )
    if unseen:
        labels = layout.visit.labels
        pairs = "; ".join(f"{labels[j]} and {labels[i]}" for i, j in unseen)
        yield f"the data do not determine the covariance of these visits, at which no subject was seen: {pairs}"


def repeated_summary(result: MmrmResult, layout: Layout) -> dict[str, Any]:
    """What `glance()` shows."""
    reml, deviance = result.at.deviance.reml, -2 * result.log_likelihood
    parameters = len(result.minimum.theta) + (0 if reml else len(result.kept))
    clusters = {"n_clusters": len(layout.cluster.labels)} if layout.cluster else {}
    units = len((layout.cluster or layout.subject).labels)
    return {
        "nobs": result.at.deviance.n_rows,
        "n_subjects": len(layout.subject.labels),
        **clusters,
        "loglik": result.log_likelihood,
        "aic": deviance + 2 * parameters,
        "bic": deviance + np.log(units) * parameters,
        "reml": reml,
        "singular": result.singular or (layout.spatial and result.uncorrelated),
        "converged": True,
    }
