"""Two-stage analysis of cluster summaries: one number a cluster, then the arms compared by t.

The field's reference for few clusters: Hayes and Moulton, Cluster Randomised Trials, 2nd ed. 2017, chapters 10-11;
degrees of freedom and zero events as in the command clan, Stata J 2023, doi 10.1177/1536867X231196294.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..columns import quoted_list
from ..errors import DesignError, FitError, PlanError, TrialWarning
from ..fit import Fit
from .choices import Choices, Ddf, Interval, Weights, choose, in_words, size_column
from .comparison import between_variance, compare
from .summaries import Kind, Roles, summarise

Array = NDArray[np.float64]

FEW = 4
"""Below this many degrees of freedom a t interval depends on normal cluster summaries and says so."""


@dataclass(frozen=True, kw_only=True)
class ClusterLevelFit(Fit):
    """A `Fit` of one coefficient, the arm; `clusters` are the summaries that it compares.

    `clusters` has one row a cluster: `cluster arm stratum rows size total expected summary weight`, `arm` 1 for
    intervention. `summary` is what stage two compares, on the scale of the link: (total - expected) / size, or the
    logarithm of total / expected (total / expected itself for a Taylor interval), where without covariates
    `expected` is size times the overall mean, proportion or rate.
    """

    clusters: pd.DataFrame


def cluster_level(
    outcome: str,
    data: pd.DataFrame,
    *,
    cluster: str,
    arm: str,
    kind: Kind = "mean",
    measure: str | None = None,
    denominator: str | None = None,
    person_time: str | None = None,
    covariates: Sequence[str] = (),
    strata: str | None = None,
    weights: Weights = "none",
    interval: Interval = "log",
    ddf: Ddf = "clusters",
) -> ClusterLevelFit:
    """The effect of the arm from a two-stage analysis of cluster summaries.

    Stage one turns the rows, individuals or clusters, into one mean, proportion or rate a cluster. With covariates it
    regresses the outcome on them and the strata without the arm (linear, logistic, or Poisson with person-time), and
    the summary becomes the difference residual (observed - expected) / size or the ratio residual observed / expected.
    Stage two regresses the summaries, or their logarithms for a ratio, on the arm and the strata.

    Parameters
    ----------
    outcome : values (mean), 0 and 1 or successes (proportion), or events (rate)
    data : a row an individual or a cluster; rows with a missing outcome, size or covariate are left out and counted
    cluster, arm : columns; the arm is 1 and 0, or "intervention" and "control", and gives the coefficient its name
    kind : "mean", "proportion" or "rate"
    measure : "mean difference"; "risk difference" (default) or "risk ratio"; "rate ratio" (default) or "rate
        difference". Ratios are estimated as logarithms: `tidy(exponentiate=True)` shows them
    denominator : how many individuals a row stands for (mean, proportion); one if not given
    person_time : time at risk of a row, in any unit (rate); a rate difference is per that unit
    covariates : roles, or terms such as `log(baseline_rate)`
    strata : column of the strata of the randomisation
    weights : of the clusters in stage two. "none": a cluster counts once, the average over clusters. "size":
        individuals or person-time count once. "inverse-variance": 1 / (between + sampling variance), the most precise
        average. The between-cluster variance is estimated by moments and not below zero (Johnson et al. 2015, Stat Med
        34:3531); the sampling variance is the pooled variance of individuals within clusters, or the binomial or
        Poisson variance of the expected totals. Both choices take the standard error from these variances, times a
        factor estimated from the residuals: weighted by size, least squares alone rejects too often when clusters
        differ
    interval : of a ratio. "log": geometric means, t on the logarithms; if a cluster has no events, half an event is
        added to every cluster, with a warning and a note. "taylor": arithmetic means, which need no such addition,
        and a delta-method standard error from the variances of the two arms
    ddf : "clusters": t with clusters - strata - 1 degrees of freedom (clusters - 2 without strata), less one for each
        covariate that is constant within clusters. "normal": the large-sample reference

    Raises
    ------
    PlanError : an unknown column or option, or options that do not go together
    DataError : a cell that cannot be: a missing cluster, a count that is none, person-time that is not positive
    DesignError : an arm with fewer than two clusters, an arm or stratum that varies within a cluster, an arm that the
        strata determine, no degrees of freedom
    FitError : outcomes that do not vary, an arm without events in a ratio, a stage one that does not converge

    Examples
    --------
    >>> import core_trial as ct, pandas as pd
    >>> teams = pd.DataFrame(
    ...     {
    ...         "team": list("abcdef"),
    ...         "arm": ["intervention"] * 3 + ["control"] * 3,
    ...         "admissions": [31, 28, 40, 45, 38, 52],
    ...         "person_years": [400, 390, 450, 420, 380, 460],
    ...     }
    ... )
    >>> fit = ct.cluster_level(
    ...     "admissions", teams, cluster="team", arm="arm", kind="rate", person_time="person_years"
    ... )
    >>> fit.tidy(exponentiate=True).round(3).loc[0, ["estimate", "conf_low", "conf_high", "df"]].tolist()
    [0.742, 0.608, 0.906, 4.0]
    """
    choices = choose(kind, measure, weights, interval, ddf)
    roles = Roles(
        outcome=outcome,
        kind=kind,
        cluster=cluster,
        arm=arm,
        size=size_column(kind, denominator, person_time),
        covariates=(covariates,) if isinstance(covariates, str) else tuple(covariates),
        strata=strata,
    )
    stage_one = summarise(data, roles)
    design = _design(stage_one.clusters, strata)
    df = _degrees(design, stage_one.cluster_level)
    clusters, event_notes = _summaries(stage_one.clusters, choices)
    clusters["weight"], clusters["precision"], weight_notes = _weights(clusters, design, roles, choices)
    estimate, variance = _effect(clusters, design, choices)
    reference = np.inf if ddf == "normal" else float(df)
    return ClusterLevelFit(
        terms=(arm,),
        estimate=np.array([estimate]),
        covariance=np.array([[variance]]),
        degrees=lambda _: reference,
        measure=choices.measure,
        link="log" if choices.ratio else "identity",
        method=in_words(roles, choices, design.shape, stage_one.cluster_level),
        notes=(*stage_one.notes, *event_notes, *weight_notes, *_single_arm(clusters, strata), *_few_degrees(df)),
        summary=_glance(clusters, roles, choices, reference),
        clusters=clusters.drop(columns=["variance", "sampling_variance", "precision"]),
    )


def _design(clusters: pd.DataFrame, strata: str | None) -> Array:
    """(K, p): control, intervention, and the strata but the first."""
    arm = clusters["arm"].to_numpy(dtype=float)
    others = pd.get_dummies(clusters["stratum"], drop_first=True, dtype=float).to_numpy()
    design = np.column_stack([1 - arm, arm, others])
    if np.linalg.matrix_rank(design) < design.shape[1]:
        raise DesignError(f"no stratum of {strata!r} holds clusters of both arms: it cannot be told from the arm")
    return design


def _degrees(design: Array, cluster_level: int) -> int:
    clusters, coefficients = design.shape
    df = clusters - coefficients - cluster_level
    if df < 1:
        raise DesignError(
            f"{clusters} clusters leave no degrees of freedom after {coefficients} coefficients of arm and strata "
            f"and {cluster_level} cluster-level covariates: adjust for fewer"
        )
    return int(df)


def _summaries(clusters: pd.DataFrame, choices: Choices) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The clusters with `summary` and its `sampling_variance` on the scale of stage two."""
    if not choices.ratio:
        size = clusters["size"]
        return clusters.assign(
            summary=(clusters["total"] - clusters["expected"]) / size,
            sampling_variance=clusters["variance"] / size**2,
        ), ()
    _check_events(clusters, choices)
    notes: tuple[str, ...] = ()
    if choices.logarithms:
        clusters, notes = _without_zeros(clusters)
    ratio = clusters["total"] / clusters["expected"]
    return clusters.assign(
        summary=np.log(ratio) if choices.logarithms else ratio,
        sampling_variance=clusters["variance"] / clusters["expected"] ** 2,
    ), notes


def _check_events(clusters: pd.DataFrame, choices: Choices) -> None:
    events = clusters.groupby("arm")["total"].sum()
    for code, label in enumerate(("control", "intervention")):
        if events[code] == 0:
            difference = choices.measure.replace("ratio", "difference")
            raise FitError(f"the {label} arm has no events, so there is no {choices.measure}; use the {difference}")


def _without_zeros(clusters: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Half an event more in every cluster if one has none: its logarithm would not exist."""
    zero = clusters.loc[clusters["total"] == 0, "cluster"]
    if zero.empty:
        return clusters, ()
    note = (
        f"0.5 events added to every cluster, because {quoted_list(zero)} had none; interval='taylor' needs no addition"
    )
    warnings.warn(note, TrialWarning, stacklevel=4)
    return clusters.assign(total=clusters["total"] + 0.5), (note,)


def _weights(
    clusters: pd.DataFrame, design: Array, roles: Roles, choices: Choices
) -> tuple[Array, Array, tuple[str, ...]]:
    """Weights of the clusters in the estimate, precision of their summaries, and notes."""
    equal = np.ones(len(clusters))
    if choices.weights == "none":
        return equal, equal, ()
    size = clusters["size"].to_numpy()
    if roles.size is None and (size == 1).all():
        raise PlanError(
            f"weights={choices.weights!r} needs the sizes of clusters: rows of individuals or a denominator"
        )
    sampling = clusters["sampling_variance"].to_numpy()
    if not (sampling > 0).all():
        if choices.weights == "size":
            return size, size, ("no variance within clusters: that of a cluster is taken as proportional to 1 / size",)
        raise PlanError(
            "weights='inverse-variance' needs the variance of individuals within clusters, and these rows show none: "
            "give rows of individuals, or use weights='size'"
        )
    between = between_variance(clusters["summary"].to_numpy(), sampling, design)
    precision = 1 / (between + sampling)
    boundary = () if between else ("between-cluster variance estimated at zero",)
    return size if choices.weights == "size" else precision, precision, boundary


def _effect(clusters: pd.DataFrame, design: Array, choices: Choices) -> tuple[float, float]:
    """Estimate, on the scale of the link, and variance."""
    summary = clusters["summary"].to_numpy()
    comparison = compare(summary, design, clusters["weight"].to_numpy(), clusters["precision"].to_numpy())
    scale = 1.0 if choices.ratio else (clusters["total"] / clusters["size"]).abs().max()
    if np.abs(comparison.residual).max() <= 1e-12 * scale:
        raise FitError("the cluster summaries do not vary within arms and strata, so no standard error can be computed")
    if not choices.ratio or choices.logarithms:
        return comparison.difference()
    estimate, variance = comparison.log_ratio()
    if not variance > 0:
        raise FitError("an arm has no positive mean or no variation, so a Taylor interval cannot be computed")
    return estimate, variance


def _single_arm(clusters: pd.DataFrame, strata: str | None) -> tuple[str, ...]:
    arms = clusters.groupby("stratum")["arm"].nunique()
    alone = arms.index[arms < 2]
    if strata is None or alone.empty:
        return ()
    return (f"{strata} {quoted_list(alone)}: clusters of one arm only, so nothing to compare there",)


def _few_degrees(df: int) -> tuple[str, ...]:
    if df >= FEW:
        return ()
    note = f"{df} degrees of freedom: the interval depends on normally distributed cluster summaries"
    warnings.warn(note, TrialWarning, stacklevel=3)
    return (note,)


def _glance(clusters: pd.DataFrame, roles: Roles, choices: Choices, df: float) -> dict[str, Any]:
    """Numbers analysed and the crude summary of each arm, averaged over clusters as the effect is."""
    people = clusters["rows" if roles.kind == "rate" else "size"]
    crude = clusters["total"] / clusters["size"]
    row: dict[str, Any] = {"nobs": int(people.sum()), "n_clusters": len(clusters), "df": df}
    for code, label in ((1, "intervention"), (0, "control")):
        arm = clusters["arm"] == code
        row |= {f"clusters_{label}": int(arm.sum()), f"n_{label}": int(people[arm].sum())}
        row[f"summary_{label}"] = float(np.exp(np.log(crude[arm]).mean()) if choices.logarithms else crude[arm].mean())
    return row
