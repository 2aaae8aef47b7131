"""Coefficients of a marginal model whose rows are taken as independent; what cannot be estimated is said here."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ..columns import quoted_list
from ..engine.robust.overdispersion import fit_negative_binomial
from ..engine.robust.quasi_likelihood import QuasiFit, fit_quasi
from ..errors import FitError, TrialWarning
from ..fits.notes import without_coefficient
from .families import COUNTS
from .observations import Observations
from .separation import refuse_separation

EXACT = 1e-20  # share of the squares of an outcome that rounding leaves of the residuals


@dataclass(frozen=True)
class Independent:
    """The fit, and what its reader must know."""

    fit: QuasiFit
    notes: tuple[str, ...]


def estimate(observed: Observations, *, stacklevel: int) -> Independent:
    """Maximum (quasi-)likelihood; theta of the negative binomial by maximum likelihood.

    FitError for separated outcomes, for means out of range, or where outcomes do not vary about their means.
    """
    overdispersed = observed.model.name == "negative_binomial"
    first = replace(observed.model, name="poisson") if overdispersed else observed.model
    with np.errstate(all="ignore"):
        fit = fit_quasi(first, observed.data)
        _check(observed, fit)
        if overdispersed:
            fit = fit_negative_binomial(observed.model, observed.data, fit).fit
    matrices = observed.matrices
    dropped = without_coefficient(matrices.names, observed.data.basis.kept)
    notes = [*matrices.notes, *dropped, *_without_events(observed), *_fractions(observed)]
    if overdispersed and np.isinf(fit.model.theta):
        notes.append("theta runs to infinity: no more variation than Poisson, whose limit is reported")
        warnings.warn(notes[-1], TrialWarning, stacklevel=stacklevel + 1)
    return Independent(fit, tuple(notes))


def _check(observed: Observations, fit: QuasiFit) -> None:
    if observed.model.name != "gaussian" and observed.model.link.name != "identity":
        trials = observed.trials if observed.model.name == "binomial" else None
        events, mean = observed.data.y * observed.trials, fit.mean * observed.trials
        refuse_separation(observed.x, observed.names, events, mean, trials, suspect=not fit.converged)
    data = observed.data
    squares = data.weights @ (data.y - fit.mean) ** 2
    if squares <= EXACT * (data.weights @ (data.y - data.y.mean()) ** 2) or len(data.y) <= len(fit.coefficients):
        raise FitError("the coefficients fit the outcomes exactly, so nothing is left to tell their errors from")
    if not fit.converged:
        raise FitError(
            f"the estimates of the {observed.model.name} family with link {observed.model.link.name!r} did not settle:"
            " use its usual link, or fewer coefficients"
        )


def _without_events(observed: Observations) -> Iterator[str]:
    if observed.model.name == "gaussian":
        return
    events = np.bincount(observed.cluster.level, observed.data.y * observed.trials)
    if np.any(events == 0):
        none = quoted_list(observed.cluster.labels[i] for i in np.flatnonzero(events == 0))
        yield f"no events in {observed.cluster.name} {none}"


def _fractions(observed: Observations) -> Iterator[str]:
    y = observed.data.y
    if observed.model.name in COUNTS and np.any(y != np.rint(y)):
        yield (
            "the outcome is not whole counts: for rates give the counts, and person-time as 'offset(log(person_time))'"
        )
