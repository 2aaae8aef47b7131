"""`marginal_effect`: the effect of the arm on the scale people read, from a fit of any kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from scipy import special

from ..engine.arrays import Array
from ..errors import PlanError
from ..fit import Fit
from .measures import Measure, check_means, choose_measure, transform
from .spread import Refit, Spread, delta, jackknife
from .standardisable import standardisable
from .standardise import Average, Question, Standardised, check_question, standardise
from .targets import MARGINAL, Target, target

Interval = Literal["delta", "jackknife"]


@dataclass(frozen=True, kw_only=True)
class MarginalFit(Fit):
    """A `Fit` of one coefficient, the effect of the arm; `tidy(exponentiate=True)` shows ratios.

    Attributes
    ----------
    means : (2,) marginal mean, risk or rate of control and intervention
    means_covariance : (2, 2)
    means_df : (2,) degrees of freedom of each
    average : over participants or clusters
    assured : whether that is so where cluster size is informative: of augmented means, and of models that target it
    """

    means: Array = field(repr=False)
    means_covariance: Array = field(repr=False)
    means_df: Array = field(repr=False)
    average: Average
    assured: bool

    def arm_means(self, *, conf_level: float = 0.95) -> pd.DataFrame:
        """Two rows: `arm estimate std_error df conf_low conf_high`, on the scale of the outcome."""
        std_error = np.sqrt(np.diagonal(self.means_covariance))
        half = special.stdtrit(self.means_df, 0.5 + conf_level / 2) * std_error
        return pd.DataFrame(
            {
                "arm": ["control", "intervention"],
                "estimate": self.means,
                "std_error": std_error,
                "df": self.means_df,
                "conf_low": self.means - half,
                "conf_high": self.means + half,
            }
        )


def marginal_effect(
    fit: Fit,
    arm: str,
    *,
    measure: Measure | None = None,
    average: Average = "participant",
    cluster: str | None = None,
    at: Mapping[str, Any] | None = None,
    augmented: bool = False,
    interval: Interval | None = None,
    refit: Refit | None = None,
) -> MarginalFit:
    """The marginal effect of the arm by standardisation (g-computation): a difference or ratio of average means.

    Every row is put into one arm and then the other, the model gives its mean there, averaged over the random effects
    of a generalised mixed model, and these means are averaged over participants or clusters.

    Parameters
    ----------
    fit : by `lmm`, `mmrm`, `glmm`, `gee`, `cluster_robust` or `count_regression`
    arm : its variable, 1 and 0 or "intervention" and "control"
    measure : of a mean "mean difference" (default) or "ratio of means"; of a proportion "risk difference", "risk
        ratio" or "odds ratio"; of counts "rate ratio" or "rate difference". Person-time is what stands in
        `offset(log(...))`, and rates are per its unit
    average : "participant", every participant (or unit of person-time) counts once; "cluster", every cluster does
        (Kahan et al. 2023, Int J Epidemiol 52:107)
    cluster : column of the clusters; by default the coarsest grouping of the fit with one arm a cluster
    at : values of other variables to set in every row, such as `{"month": 12}`
    augmented : add each arm's mean residual to its mean, so that the averages are right even if the model is not (Li et
        al. 2025, Stat Med 44:e70270). It needs the jackknife
    interval : "delta", from the covariance of the coefficients with the fit's degrees of freedom, the covariates and
        the variances of random effects being taken as known; or "jackknife", clusters left out one at a time, with t on
        clusters less cluster-level parameters. Default: delta, and the jackknife where `refit` is given
    refit : fits other rows in the same way, such as `lambda rows: ct.gee(formula, rows, ...)`; the jackknife calls it

    Returns
    -------
    A `MarginalFit`: `tidy()` has the effect, on the logarithm of ratios; `arm_means()` the two means.

    Raises
    ------
    PlanError : a measure or option that does not suit, a fit without rows
    DesignError : an arm with a single cluster (jackknife), a mean that the rows do not determine
    FitError : a ratio of a mean that is zero, a refit that fails

    Examples
    --------
    >>> import core_trial as ct
    >>> teams = np.repeat(list("abcdefgh"), 6)
    >>> people = pd.DataFrame({"team": teams, "arm": np.repeat([0, 1], 24), "age": [31, 45, 52, 38, 60, 27] * 8})
    >>> people["well"] = [0, 1, 0, 0, 1, 0, 1, 0, 0, 0, 1, 1, 0, 0, 1, 0, 0, 0, 1, 0, 1, 0, 1, 0] + [1, 1, 0, 1] * 6
    >>> def analysis(rows):
    ...     return ct.cluster_robust("well ~ arm + age", rows, cluster="team", family="binomial")
    >>> effect = ct.marginal_effect(analysis(people), "arm", measure="risk difference", refit=analysis)
    >>> effect.tidy().round(3).loc[0, ["estimate", "conf_low", "conf_high", "df"]].tolist()
    [0.375, 0.129, 0.621, 6.0]
    """
    question = Question(arm, average, cluster, at or {}, augmented)
    check_question(question)
    chosen = choose_measure(standardisable(fit).scale, measure)
    how = _interval(interval, refit, augmented)
    found = standardise(fit, question)
    check_means(found.means, chosen)
    if refit is not None and how == "jackknife":
        spread = jackknife(fit, found, question, chosen, refit)
    else:
        spread = delta(fit, found, chosen)
    return _result(fit, found, chosen, question, spread, how)


def _interval(interval: Interval | None, refit: Refit | None, augmented: bool) -> Interval:
    chosen = interval or ("delta" if refit is None else "jackknife")
    if chosen not in get_args(Interval):
        raise PlanError(f"interval is {chosen!r}; choose one of {', '.join(map(repr, get_args(Interval)))}")
    if chosen == "jackknife" and refit is None:
        raise PlanError(
            "the jackknife fits again without each cluster: give refit=lambda rows: ct.gee(formula, rows, ...)"
        )
    if chosen == "delta" and augmented:
        raise PlanError("augmented=True needs the jackknife: give refit=lambda rows: ct.gee(formula, rows, ...)")
    return chosen


def _result(
    fit: Fit, found: Standardised, measure: Measure, question: Question, spread: Spread, how: Interval
) -> MarginalFit:
    scale = transform(measure)
    control, intervention = scale.of(found.means)
    return MarginalFit(
        terms=(question.arm,),
        estimate=np.array([intervention - control]),
        covariance=np.array([[spread.variance]]),
        degrees=lambda _: spread.df,
        measure=measure,
        link=scale.link,
        method=_in_words(fit, found, measure, question, how),
        notes=fit.notes,
        summary={
            "nobs": len(found.arm),
            "n_clusters": len(found.cluster.labels),
            "df": spread.df,
            "mean_intervention": found.means[1],
            "mean_control": found.means[0],
        },
        means=found.means,
        means_covariance=spread.means,
        means_df=spread.means_df,
        average=question.average,
        assured=question.augmented or question.average in target(fit).averages,
    )


@target.register
def _(fit: MarginalFit) -> Target:
    averages = frozenset({fit.average}) if fit.assured else frozenset()
    return Target(averages, MARGINAL, f"a standardised {fit.measure}")


def _in_words(fit: Fit, found: Standardised, measure: Measure, question: Question, how: Interval) -> str:
    kind = "model-robust standardisation (Li et al. 2025)" if question.augmented else "standardisation"
    clusters = f"{len(found.cluster.labels)} clusters ({found.cluster.name})"
    spread = {"delta": "delta-method", "jackknife": "jackknife (one cluster left out at a time)"}[how]
    averaged = f"averaged over the {question.average}s of {clusters}"
    return f"Marginal {measure} by {kind}, {averaged}, {spread} interval; {fit.method}"
