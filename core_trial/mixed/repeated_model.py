"""`mmrm`: the mixed model for repeated measures, frame -> engine -> Fit."""

from __future__ import annotations

from typing import get_args

import pandas as pd

from ..engine.inference import Information
from ..engine.repeated.mmrm import fit_mmrm
from ..engine.repeated.structures import KINDS, CovarianceName
from ..errors import PlanError
from ..formula.frame import ModelFrame
from ..formula.matrices import Matrices, model_matrices
from ..formula.parse import parse_formula
from ..formula.visits import Layout, lay_out
from .degrees import Ddf
from .repeated import MmrmFit
from .repeated_inference import repeated_sample
from .summary import repeated_notes, repeated_summary

INFORMED = (
    "kenward-roger",
    "kenward-roger-2009",
    "satterthwaite",
)  # methods that take the information about the variance parameters


def mmrm(
    formula: str,
    data: pd.DataFrame,
    *,
    subject: str,
    visit: str,
    covariance: CovarianceName = "us",
    ddf: Ddf = "kenward-roger",
    information: Information = "observed",
    reml: bool = True,
    group: str | None = None,
    cluster: str | None = None,
) -> MmrmFit:
    """Mixed model for repeated measures, with small-sample inference for its fixed effects.

    Subjects are independent, or exchangeable within clusters; the residuals of one subject have a covariance over the
    visits. A subject contributes the visits that it has: the analysis is valid if what is missing depends on what was
    observed (missing at random).

    Parameters
    ----------
    formula : such as `csq8 ~ arm * month + csq8_baseline`, without bar terms. Columns of text are factors with levels
        in alphabetical order
    data : a row a subject and visit; rows with a missing value in a column that is used are left out and counted in
        `notes`
    subject : column that tells subjects apart, over all clusters
    visit : column of the visits, in the order of sorted labels or of the categories; the labels are times for `sp_exp`
    covariance : of the visits. `us` unstructured; `toep` a correlation for each lag; `ar1` correlation rho^lag; `cs`
        the same correlation for all, which may be negative; `ad` ante-dependence, the product of a correlation for
        each step. These, but for `us`, have one variance for all visits, and with `h` (`ar1h`) one for each. `sp_exp`
        has correlation rho^distance in time. Lags and steps count the visits that occur
    ddf : `kenward-roger` (with adjusted standard errors; REML only), `kenward-roger-2009` (not with `cluster`),
        `satterthwaite`, `between-within` (Schluchter and Elashoff, 1990; the intercept's are those within subjects),
        `clusters` (clusters, or subjects, less the parameters at their level), `residual`, or `normal` for z tests
    information : `observed` (as SAS and the R package mmrm) or `expected`, from which the covariance of the variance
        parameters is taken
    reml : restricted maximum likelihood, or maximum likelihood
    group : column of groups of subjects, such as the arm, that have a covariance of their own each
    cluster : column of clusters of subjects, such as the team, with a random intercept

    Notes
    -----
    Kenward-Roger is the linear one: second derivatives of the covariance by its parameters are left out, which makes
    it independent of the choice of parameters; `kenward-roger-2009` takes them in, and is so too. For `us`, `cs` and
    `toep` the two are the same. The linear one is that of SAS for `us`, and `vcov = "Kenward-Roger-Linear"` of the R
    package mmrm for every covariance. `aic` counts the parameters of the covariance (by REML) or all (by maximum
    likelihood), and `bic` takes the logarithm of the number of independent units, subjects or clusters, as SAS.

    Raises
    ------
    PlanError : the formula or an option is wrong, the outcome is not a number
    DataError : a value is infinite, a subject has more than one row of a visit, the outcome does not vary
    DesignError : a single visit, a subject in two groups or clusters, a visit without variation, more effects than the
        rows can tell apart
    FitError : the likelihood has no maximum that could be found

    Examples
    --------
    >>> data = pd.DataFrame(
    ...     {
    ...         "person": list("aabbccddee"),
    ...         "month": [6, 12] * 5,
    ...         "arm": [0, 0, 0, 0, 1, 1, 1, 1, 1, 1],
    ...         "score": [20, 23, 24, 25, 25, 31, 22, 26, 23, 30],
    ...     }
    ... )
    >>> fit = mmrm("score ~ arm * C(month)", data, subject="person", visit="month")
    >>> fit.tidy().round(3).loc[3, ["estimate", "df", "p_value"]].tolist()
    [3.667, 3.0, 0.074]
    """
    _check_options(formula, covariance, information)
    columns = [name for name in (subject, visit, group, cluster) if name is not None]
    parsed = parse_formula(formula)
    matrices = model_matrices(parsed, data, columns)
    layout = lay_out(
        data,
        matrices.rows,
        subject=subject,
        visit=visit,
        group=group,
        cluster=cluster,
        spatial=covariance == "sp_exp",
    )
    result = fit_mmrm(matrices.y, matrices.x, layout.engine, covariance, reml=reml)
    method = (ddf, information if ddf in INFORMED else None)
    inference = repeated_sample(*method, result, matrices, layout)
    return MmrmFit(
        terms=tuple(matrices.names[i] for i in result.kept),
        estimate=result.estimate,
        covariance=inference.covariance,
        degrees=inference.degrees,
        method=_method(matrices, layout, covariance, reml, inference.words),
        notes=repeated_notes(matrices, layout, result, stacklevel=2),
        summary=repeated_summary(result, layout),
        joint=inference.joint,
        frame=ModelFrame(parsed.fixed, matrices.columns, result.kept),
        result=result,
        matrices=matrices,
        layout=layout,
        ddf=method,
        structure=covariance,
    )


def _check_options(formula: str, covariance: str, information: str) -> None:
    if parse_formula(formula).bars:
        raise PlanError(f"formula {formula!r} has a bar term: use subject=, visit= and cluster= in its place")
    if covariance not in KINDS:
        raise PlanError(f"covariance {covariance!r} is unknown; choose from {', '.join(KINDS)}")
    if information not in get_args(Information):
        raise PlanError(f"information {information!r} is unknown; choose from {', '.join(get_args(Information))}")


def _method(matrices: Matrices, layout: Layout, covariance: CovarianceName, reml: bool, inference: str) -> str:
    likelihood = "restricted maximum likelihood" if reml else "maximum likelihood"
    by_group = f" for each {layout.group.name}" if layout.group else ""
    clusters = (
        f" and random intercepts by {layout.cluster.name} ({len(layout.cluster.labels)} levels)"
        if layout.cluster
        else ""
    )
    return (
        f"Mixed model for repeated measures fitted by {likelihood} to {len(matrices.y)} rows of"
        f" {len(layout.subject.labels)} subjects, with {KINDS[covariance].words} covariance of {layout.visit.name}"
        f" ({len(layout.visit.labels)} visits){by_group}{clusters}; {inference}"
    )
