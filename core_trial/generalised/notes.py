"""What the reader of a generalised mixed model must know of it, and what stops it before it is fitted."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping

import numpy as np

from ..columns import quoted_list
from ..engine.generalised.glmm import GlmmResult
from ..engine.generalised.problem import Problem
from ..errors import FitError, TrialWarning
from ..fits.notes import without_coefficient
from ..formula.coding import INTERCEPT
from ..formula.matrices import Matrices
from ..mixed.summary import boundary_note

ENORMOUS = 10.0  # standard deviation of random effects, on the scale of a logarithm, that tells of no finite maximum
ENDS = {
    "theta": "theta runs to infinity: the counts vary no more than Poisson counts, whose limit this is",
    "alpha": "alpha runs to zero: the counts vary no more than Poisson counts, whose limit this is",
    "precision": "the precision runs to infinity: the proportions vary no more than binomial ones, whose limit this is",
    "zero_inflation": "the zero inflation runs to zero: there are no more zeros than the counts have by themselves",
}


def refuse_constant_levels(matrices: Matrices, problem: Problem) -> None:
    """FitError where no level of a factor has events and none: the variance of its effects runs to infinity."""
    rows = problem.rows
    for grouping in {random.grouping.name: random.grouping for random in matrices.random}.values():
        events, trials = (np.bincount(grouping.level, values) for values in (rows.y, rows.trials))
        if problem.family.proportions and np.all((events == 0) | (events == trials)) and trials.max() > 1:
            raise FitError(
                f"every {grouping.name} has events only, or none: the variance of its random effects runs to infinity;"
                " analyse one row a cluster"
            )


def glmm_notes(
    matrices: Matrices, result: GlmmResult, ends: Mapping[str, float], quadrature: str, *, stacklevel: int
) -> tuple[str, ...]:
    """Rows and coefficients left out, ends and boundaries that were reached, clusters without events."""
    notes = (*matrices.notes, *without_coefficient(matrices.names, result.kept))
    warned = [ENDS[name] for name in ends] + list(_boundaries(matrices, result))
    for note in warned:
        warnings.warn(note, TrialWarning, stacklevel=stacklevel + 1)
    return (*notes, *warned, *_without_events(matrices, result), *([quadrature] if quadrature else []))


def _boundaries(matrices: Matrices, result: GlmmResult) -> Iterator[str]:
    for random, boundary, covariance in zip(matrices.random, result.boundary, result.covariances, strict=True):
        if boundary:
            yield boundary_note(random)
        if random.names[0] == INTERCEPT and covariance[0, 0] > ENORMOUS**2:
            yield (
                f"the random effects of {random.grouping.name} have a standard deviation of"
                f" {np.sqrt(covariance[0, 0]):.3g}: its levels have all or no events, and the likelihood may have no"
                " maximum; analyse one row a cluster"
            )


def _without_events(matrices: Matrices, result: GlmmResult) -> Iterator[str]:
    rows = result.problem.rows
    for grouping in {random.grouping.name: random.grouping for random in matrices.random}.values():
        if len(grouping.labels) == matrices.n_rows:
            continue
        events = np.bincount(grouping.level, rows.y)
        lone = [grouping.labels[i] for i in np.flatnonzero(events == 0)]
        if lone:
            yield f"no events in {grouping.name} {quoted_list(lone)}"
