"""The bootstrap of a mixed model: responses drawn from the fit, or clusters drawn from the data, and fitted again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import pandas as pd

from ..engine.arrays import Array
from ..engine.batch import BatchFits, fit_resampled, fit_responses, joined
from ..errors import FitError, PlanError
from .bootstrap_quantities import Quantities, Statistic, own_quantities, standard_quantities
from .simulation import response_model, streams

if TYPE_CHECKING:
    from .fit import LmmFit

Kind = Literal["parametric", "clusters"]
BootstrapInterval = Literal["percentile", "basic", "studentised"]
FEW = 50  # clusters, below which their bootstrap is known to be too confident


@dataclass(frozen=True, kw_only=True)
class Bootstrap:
    """Estimates of many data sets made from one.

    Attributes
    ----------
    names : a row a quantity, `group term other quantity`
    observed : values and standard errors of the fit itself, (1, s) each
    replicates : the same of the B data sets made from it, (B, s) each
    method, notes : what was done, and what the reader must know
    """

    names: pd.DataFrame
    observed: Quantities
    replicates: Quantities
    method: str
    notes: tuple[str, ...] = ()

    def tidy(self, *, interval: BootstrapInterval = "percentile", conf_level: float = 0.95) -> pd.DataFrame:
        """A row a quantity: `group term other quantity estimate bias std_error conf_low conf_high`.

        `percentile` takes quantiles q of the replicates; `basic` twice the estimate less these; `studentised` the
        estimate less its standard error times quantiles of (replicate - estimate) / standard error of the replicate
        (Davison and Hinkley, 1997, Bootstrap Methods and their Application, chapter 5).
        """
        if interval not in get_args(BootstrapInterval):
            raise PlanError(f"interval {interval!r} is unknown; choose from {', '.join(get_args(BootstrapInterval))}")
        if not 0 < conf_level < 1:
            raise PlanError(f"conf_level {conf_level:g} is no probability between 0 and 1")
        tails = np.array([1 - conf_level, 1 + conf_level]) / 2
        values = self.replicates.values
        if len(values) + 1 < 1 / tails[0]:
            raise PlanError(f"{len(values)} replicates are too few for an interval of {conf_level:g}: draw more")
        low, high = self._limits(interval, tails)
        (estimate,) = self.observed.values
        numbers = (estimate, values.mean(axis=0) - estimate, values.std(axis=0, ddof=1), low, high)
        columns = ("estimate", "bias", "std_error", "conf_low", "conf_high")
        return self.names.assign(**dict(zip(columns, numbers, strict=True)))

    def _limits(self, interval: BootstrapInterval, tails: Array) -> Array:
        (estimate,), (std_error,) = self.observed.values, self.observed.std_errors
        if interval == "studentised":
            if np.isnan(std_error).any():
                raise PlanError("a statistic of your own has no standard error: ask for percentile or basic intervals")
            pivots = (self.replicates.values - estimate) / self.replicates.std_errors
            return np.asarray(estimate - std_error * _quantiles(pivots, tails[::-1]))
        if interval == "basic":
            return np.asarray(2 * estimate - _quantiles(self.replicates.values, tails[::-1]))
        return _quantiles(self.replicates.values, tails)


def bootstrap(fit: LmmFit, n: int, seed: int, *, kind: Kind, statistic: Statistic | None) -> Bootstrap:
    """See `LmmFit.bootstrap`."""
    if kind not in get_args(Kind):
        raise PlanError(f"bootstrap of kind {kind!r} is unknown; choose from {', '.join(get_args(Kind))}")
    observed = fit_responses(fit.design, fit.matrices.y[None], reml=fit.result.deviance.reml)
    drawn = _parametric(fit, n, seed) if kind == "parametric" else _clusters(fit, n, seed)
    if not drawn.converged.any():
        raise FitError(f"none of the {n} data sets drawn could be fitted")
    names, quantities = own_quantities(statistic, observed) if statistic else standard_quantities(fit)
    return Bootstrap(
        names=names,
        observed=quantities(observed),
        replicates=quantities(drawn).take(drawn.converged),
        method=_method(fit, kind, n, seed),
        notes=tuple(_notes(fit, kind, drawn)),
    )


def _parametric(fit: LmmFit, n: int, seed: int) -> BatchFits:
    reml = fit.result.deviance.reml
    return joined([fit_responses(fit.design, drawn, reml=reml) for drawn in response_model(fit).draw(n, seed)])


def _clusters(fit: LmmFit, n: int, seed: int) -> BatchFits:
    clusters = fit.design.random.absorbed[0].n_levels
    draws = [generator.integers(0, clusters, (size, clusters)) for size, generator in streams(n, seed)]
    return fit_resampled(fit.design, fit.matrices.y, np.concatenate(draws), reml=fit.result.deviance.reml)


def _method(fit: LmmFit, kind: Kind, n: int, seed: int) -> str:
    likelihood = "restricted maximum likelihood" if fit.result.deviance.reml else "maximum likelihood"
    what = "responses drawn from the fitted model" if kind == "parametric" else "clusters drawn with replacement"
    name = "Parametric bootstrap" if kind == "parametric" else "Cluster bootstrap"
    return f"{name}: {n} times {what} (seed {seed}) and fitted by {likelihood}"


def _notes(fit: LmmFit, kind: Kind, drawn: BatchFits) -> list[str]:
    notes = []
    clusters = max(len(random.grouping.labels) for random in fit.matrices.random)
    if kind == "clusters" and clusters < FEW:
        notes.append(
            f"with {clusters} clusters, standard errors and intervals by the cluster bootstrap are too small: prefer"
            " the parametric bootstrap or Kenward and Roger's method"
        )
    if lost := int((~drawn.converged).sum()):
        notes.append(f"{lost} of {len(drawn)} data sets could not be fitted and are left out")
    if singular := int((drawn.singular & drawn.converged).sum()):
        notes.append(f"{singular} of {len(drawn)} fits are on the boundary")
    return notes


def _quantiles(values: Array, tails: Array) -> Array:
    """(2, s) quantiles at (B + 1) times the tails, of (B, s)."""
    return np.asarray(np.quantile(values, tails, axis=0, method="weibull"))
