"""How uncertain marginal means and their effect are: the delta method, and the jackknife of clusters."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..engine.arrays import Array
from ..engine.inference import cluster_degrees
from ..errors import DesignError, FitError, TrialError, TrialWarning
from ..fit import Fit
from .measures import Measure, check_means, transform
from .standardise import Question, Standardised, standardise

Refit = Callable[[pd.DataFrame], Fit]


@dataclass(frozen=True)
class Spread:
    """Variance of an effect and covariance (2, 2) of the means that it compares, with their degrees of freedom."""

    variance: float
    df: float
    means: Array
    means_df: Array


def delta(fit: Fit, found: Standardised, measure: Measure) -> Spread:
    """From the covariance of the coefficients; t on the degrees of freedom of the contrast that is the gradient."""
    slope = transform(measure).slope(found.means)
    gradient = np.array([-1.0, 1.0]) * slope @ found.gradient
    return Spread(
        variance=float(gradient @ fit.covariance @ gradient),
        df=fit.degrees(gradient),
        means=found.gradient @ fit.covariance @ found.gradient.T,
        means_df=np.array([fit.degrees(row) for row in found.gradient]),
    )


def jackknife(fit: Fit, found: Standardised, question: Question, measure: Measure, refit: Refit) -> Spread:
    """(K - 1) / K times the squares of the K estimates without a cluster about their mean; t on K - parameters."""
    _check_arms(found)
    without = np.array([_without(fit, found, question, refit, i) for i in range(len(found.cluster.labels))])
    for means in without:
        check_means(means, measure)
    of = transform(measure).of(without)
    frame = fit.model_frame
    df = cluster_degrees(frame.design(frame.columns), [found.cluster.level]).df
    return Spread(
        variance=float(_variance((of[:, 1] - of[:, 0])[:, None])[0, 0]),
        df=df,
        means=_variance(without),
        means_df=np.array([df, df]),
    )


def _variance(without: Array) -> Array:
    """(q, q) of estimates (K, q) without a cluster."""
    deviation, clusters = without - without.mean(axis=0), len(without)
    return np.asarray((clusters - 1) / clusters * deviation.T @ deviation)


def _check_arms(found: Standardised) -> None:
    for code, name in enumerate(("control", "intervention")):
        if len(np.unique(found.cluster.level[found.arm == code])) < 2:
            raise DesignError(f"the {name} arm has a single cluster: nothing is left of it when that is left out")


def _without(fit: Fit, found: Standardised, question: Question, refit: Refit, i: int) -> Array:
    """(2,) means of a fit to the rows of other clusters."""
    rows = pd.DataFrame(dict(fit.model_frame.columns))[found.cluster.level != i]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TrialWarning)
            return standardise(refit(rows), question).means
    except TrialError as error:
        label = found.cluster.labels[i]
        raise FitError(f"the jackknife found no fit without {found.cluster.name} {label}: {error}") from error
