"""Regressions of rows taken as independent: `cluster_robust` for rows in clusters, `count_regression` for one each."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pandas as pd

from ..columns import numeric, refuse_rows, require_columns
from ..engine.generalised.links import LinkName
from ..engine.robust.quasi_likelihood import QuasiFit, QuasiName
from ..engine.robust.sandwich import ClusterParts, Correction, cluster_parts
from ..errors import DataError, PlanError
from .estimation import estimate
from .families import COUNTS, mean_model
from .fit import RobustFit
from .inference import ClusterCorrection, GeeCorrection, RobustDdf, read_correction
from .observations import Observations, observe
from .summary import fit_arguments


def cluster_robust(
    formula: str,
    data: pd.DataFrame,
    *,
    cluster: str,
    family: QuasiName = "gaussian",
    link: LinkName | None = None,
    correction: ClusterCorrection = "cr2",
    ddf: RobustDdf = "satterthwaite",
    weights: str | None = None,
) -> RobustFit:
    """Least squares, or a generalised linear model, with standard errors that allow for clusters.

    Parameters
    ----------
    formula : such as `csq8 ~ arm + csq8_baseline`. `offset(log(person_time))` adds to the linear predictor;
        `cbind(events, others) ~` is an outcome of several trials a row
    data : rows in any order; those with missing values in a column that is used are left out and counted in `notes`
    cluster : column
    family : `gaussian`, `binomial`, `poisson` or `negative_binomial` (theta by maximum likelihood)
    link : `identity`, `log` or `logit`; by default the usual one of the family
    correction : `cr0`, none; `cr1`, times K / (K - 1) of K clusters; `cr1s`, Stata's; `cr2`, of Bell and McCaffrey,
        unbiased if the working model holds; `cr3`, of Mancl and DeRouen, near the jackknife. The working model is
        independent rows with the variance of the family, over the weights; for correlated rows take `ct.gee` with
        `correction="cr2"` and `ddf="satterthwaite"`
    ddf : `satterthwaite`, also for several contrasts together, as Hotelling's F (HTZ of Pustejovsky and Tipton, 2018,
        J Bus Econ Stat 36:672); `clusters`, less cluster-level parameters; or `normal`
    weights : column of inverse variances: a weight of 2 is the same as the row twice

    A coefficient that the rows of one cluster alone determine, as of the cluster's own indicator, has no robust
    standard error; it is NaN, and a note says so. The others are right: where a leverage is 1, CR2 and CR3 take the
    generalised inverse, and CR3 is what the jackknife of the other clusters gives. Where the variance differs within a
    cluster there are several matrices whose square is I - H; CR2 takes the symmetric one on the scale of standardised
    residuals, which leaves a weight of 2 and a row twice the same. (clubSandwich takes another; both are unbiased.)

    Raises
    ------
    PlanError : the formula or an option is wrong
    DataError : an outcome, offset or weight that cannot be
    DesignError : a single cluster
    FitError : outcomes that are separated, or fitted exactly

    Examples
    --------
    >>> teams = [1, 1, 1, 2, 2, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 8]
    >>> arm, y = [0] * 8 + [1] * 8, [3, 4, 5, 5, 6, 4, 3, 3, 6, 8, 5, 7, 9, 8, 7, 5]
    >>> people = pd.DataFrame({"team": teams, "arm": arm, "y": y})
    >>> fit = cluster_robust("y ~ arm", people, cluster="team")
    >>> fit.tidy().round(2).loc[1, ["estimate", "std_error", "df"]].tolist()
    [2.75, 0.81, 5.01]
    """
    kind = read_correction(correction, get_args(ClusterCorrection))
    observed = observe(formula, data, cluster=cluster, model=mean_model(family, link), weights=weights)
    return _fitted(observed, kind, ddf, "Least squares" if family == "gaussian" else "Generalised linear model")


def count_regression(
    formula: str,
    data: pd.DataFrame,
    *,
    cluster: str,
    exposure: str | None = None,
    family: QuasiName = "negative_binomial",
    correction: GeeCorrection = "avg",
    ddf: RobustDdf = "clusters",
) -> RobustFit:
    """Regression of the totals of clusters, one row each: admissions or bed days, with person-time.

    For rare events a row a cluster loses nothing, and needs no model of how people within clusters depend. The standard
    errors allow for any variance between clusters and are corrected for few of them; with one row a cluster `none`,
    `cr2` and `md` are HC0, HC2 and HC3 of MacKinnon and White (1985, J Econom 29:305).

    Parameters
    ----------
    formula : such as `admissions ~ arm + log(baseline_rate)`
    data : a row a cluster
    cluster : column; each value once
    exposure : column of person-time, in any unit; its logarithm is the offset. Or write an `offset(...)` in the formula
    family : `negative_binomial`, theta by maximum likelihood, or `poisson`
    correction : `none`, `cr2` (which `kc` is too here), `md`, `fg`, `mbn`, or `avg`, the average of the standard
        errors of CR2 and MD (Ford and Westgate, 2017, Biom J 59:478)
    ddf : `clusters`, less parameters; `satterthwaite` (not with `mbn` and `avg`); or `normal`

    Raises
    ------
    PlanError : the formula or an option is wrong
    DataError : a cluster in more than one row, counts that are not whole, exposure that is not positive
    FitError : an arm without events, or another combination of columns that tells outcomes apart

    Examples
    --------
    >>> teams = pd.DataFrame({"team": list("abcdefgh"), "arm": [1, 1, 1, 1, 0, 0, 0, 0]})
    >>> teams["admissions"] = [31, 18, 40, 22, 45, 38, 72, 60]
    >>> teams["person_years"] = [400, 390, 450, 310, 420, 380, 460, 430]
    >>> fit = count_regression("admissions ~ arm", teams, cluster="team", exposure="person_years")
    >>> fit.tidy(exponentiate=True).round(3).loc[1, ["estimate", "conf_low", "conf_high", "df"]].tolist()
    [0.564, 0.36, 0.884, 6.0]
    """
    if family not in COUNTS:
        raise PlanError(f"family {family!r} is not for counts; choose from {', '.join(COUNTS)}")
    kind = read_correction(correction, get_args(GeeCorrection))
    require_columns(data, [cluster, *([exposure] if exposure else [])])
    repeated = data[cluster].duplicated() & data[cluster].notna()
    refuse_rows(data[cluster], repeated, "has more than one row", "add up its rows, or use ct.gee")
    if exposure is not None:
        _check_exposure(data[exposure])
        formula = f"{formula} + offset(log(`{exposure}`))"
    observed = observe(formula, data, cluster=cluster, model=mean_model(family))
    if np.any(observed.data.y != np.rint(observed.data.y)):
        raise DataError("the outcome is not whole counts: give numbers of events, and person-time as exposure=")
    return _fitted(observed, kind, ddf, f"Regression of {observed.matrices.n_rows} cluster totals")


def _check_exposure(column: pd.Series) -> None:
    broken = (numeric(column) <= 0).fillna(False)
    refuse_rows(
        column, broken, "is not positive", "a rate needs time at risk; leave clusters without it out, and say so"
    )


def _fitted(observed: Observations, correction: Correction, ddf: RobustDdf, what: str) -> RobustFit:
    independent = estimate(observed, stacklevel=3)
    parts = independent_parts(observed, independent.fit)
    state, notes = independent.fit, independent.notes
    return RobustFit(**fit_arguments(what, observed, state, parts, correction, ddf, notes, stacklevel=3))


def independent_parts(observed: Observations, state: QuasiFit) -> ClusterParts:
    """With the variance of the family times the dispersion as working variance."""
    basis, scale = observed.data.basis, state.dispersion
    level, n = observed.cluster.level, observed.n_rows
    return cluster_parts(basis.columns, state.weight / scale, state.pull / scale, level, basis.transform, n)
