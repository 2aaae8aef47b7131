"""`mmrm`: the mixed model for repeated measures, frame -> engine -> Fit."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, get_args

import numpy as np
import pandas as pd

from ..engine.inference import Information, between_within, constant_within
from ..engine.mmrm import MmrmResult, fit_mmrm
from ..engine.structures import KINDS, CovarianceName
from ..errors import PlanError, TrialWarning
from ..fit import Array, Fit
from ..formula.coding import INTERCEPT
from ..formula.frame import ModelFrame
from ..formula.matrices import Matrices, RandomColumns, model_matrices
from ..formula.parse import parse_formula
from ..formula.visits import Layout, lay_out
from .comparison import Method, compare
from .degrees import Ddf, SmallSample, by_column, small_sample
from .fit import covariance_rows

INFORMED = ("kenward-roger", "satterthwaite")  # methods that take the information about the variance parameters


@dataclass(frozen=True, kw_only=True)
class MmrmFit(Fit):
    """A mixed model for repeated measures: beside the fixed effects, the covariance of the visits.

    Attributes
    ----------
    result : what the engine found, `result.minimum.path` being the way of its optimiser
    matrices, layout : what the engine was given
    ddf : the small-sample method, and the information that it takes
    """

    result: MmrmResult = field(repr=False)
    matrices: Matrices = field(repr=False)
    layout: Layout = field(repr=False)
    ddf: Method

    def residual_covariance(self) -> pd.DataFrame | dict[Any, pd.DataFrame]:
        """Covariance of the residuals, visits by visits; with `group`, one for each of its levels.

        A covariance that the data do not determine, of two visits at which no subject was seen, is NaN.
        """
        labels = pd.Index(self.layout.visit.labels, name=self.layout.visit.name)
        frames = [pd.DataFrame(c, index=labels, columns=labels) for c in self.result.residual_covariances]
        return frames[0] if self.layout.group is None else dict(zip(self.layout.group.labels, frames, strict=True))

    def variance_components(self) -> pd.DataFrame:
        """A row a variance or covariance: `group term other covariance correlation`; `group` is `Residual` for visits.

        The variance of clusters is first. With `group`, that of the visits is `Residual` and the level.
        """
        rows = []
        if self.layout.cluster is not None:
            rows.append((self.layout.cluster.name, INTERCEPT, INTERCEPT, self.result.cluster_variance, 1.0))
        groups = ("",) if self.layout.group is None else self.layout.group.labels
        names = [str(label) for label in self.layout.visit.labels]
        for group, covariance in zip(groups, self.result.residual_covariances, strict=True):
            rows.extend(covariance_rows(f"Residual {group}".strip(), names, covariance))
        return pd.DataFrame(rows, columns=["group", "term", "other", "covariance", "correlation"])

    def compare_ddf(self, term: str | None = None, *, conf_level: float = 0.95) -> pd.DataFrame:
        """Every small-sample method side by side: `ddf information`, the columns of `tidy()`, `chosen note`.

        A row a method and coefficient, or only the coefficient `term`; `chosen` marks the method of this fit. `note`
        says why a method does not apply; it has no numbers then.
        """

        def inference(ddf: Ddf, information: Information | None) -> SmallSample:
            return _inference(ddf, information, self.result, self.matrices, self.layout)

        return compare(self, inference, self.ddf, term, conf_level)


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
    ddf : `kenward-roger` (with adjusted standard errors; REML only), `satterthwaite`, `between-within` (Schluchter and
        Elashoff, 1990; the intercept's are those within subjects), `clusters` (clusters, or subjects, less the
        parameters at their level), `residual`, or `normal` for z tests
    information : `observed` (as SAS and the R package mmrm) or `expected`, from which the covariance of the variance
        parameters is taken
    reml : restricted maximum likelihood, or maximum likelihood
    group : column of groups of subjects, such as the arm, that have a covariance of their own each
    cluster : column of clusters of subjects, such as the team, with a random intercept

    Notes
    -----
    Kenward-Roger is the linear one: second derivatives of the covariance by its parameters are left out, which makes
    it independent of the choice of parameters. It is that of SAS for `us`, and `vcov = "Kenward-Roger-Linear"` of the
    R package mmrm for every covariance. `aic` counts the parameters of the covariance (by REML) or all (by maximum
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
    inference = _inference(*method, result, matrices, layout)
    return MmrmFit(
        terms=tuple(matrices.names[i] for i in result.kept),
        estimate=result.estimate,
        covariance=inference.covariance,
        degrees=inference.degrees,
        method=_method(matrices, layout, covariance, reml, inference.words),
        notes=(*matrices.notes, *layout.notes, *_notes(matrices, layout, result)),
        summary=_summary(result, layout),
        joint=inference.joint,
        frame=ModelFrame(parsed.fixed, matrices.columns, result.kept),
        result=result,
        matrices=matrices,
        layout=layout,
        ddf=method,
    )


def _check_options(formula: str, covariance: str, information: str) -> None:
    if parse_formula(formula).bars:
        raise PlanError(f"formula {formula!r} has a bar term: use subject=, visit= and cluster= in its place")
    if covariance not in KINDS:
        raise PlanError(f"covariance {covariance!r} is unknown; choose from {', '.join(KINDS)}")
    if information not in get_args(Information):
        raise PlanError(f"information {information!r} is unknown; choose from {', '.join(get_args(Information))}")


def _inference(
    ddf: Ddf, information: Information | None, result: MmrmResult, matrices: Matrices, layout: Layout
) -> SmallSample:
    if ddf == "kenward-roger-2009":
        raise PlanError("kenward-roger-2009 is for lmm; choose kenward-roger, which for mmrm is the linear one")
    if ddf == "between-within":
        words = "between-within degrees of freedom (Schluchter and Elashoff, 1990)"
        return by_column(
            result.covariance, _between_within(matrices.x[:, result.kept], matrices.names[0], layout), words
        )
    intercept = np.ones((len(matrices.y), 1))
    nested = replace(matrices, random=tuple(RandomColumns(intercept, (INTERCEPT,), f) for f in layout.nested))
    found = small_sample(ddf, result, nested, reml=result.at.deviance.reml, information=information)
    linear = ", second derivatives of the covariance left out" if ddf == "kenward-roger" else ""
    return replace(found, words=found.words + linear)


def _between_within(x: Array, first: str, layout: Layout) -> Array:
    """(p,) degrees of freedom of each coefficient; the intercept has those within subjects, as in the package mmrm."""
    column = between_within(x, [factor.level for factor in layout.nested])
    if first == INTERCEPT:
        varying = int(np.sum(~constant_within(x, layout.subject.level)))
        column[0] = len(x) - len(layout.subject.labels) - varying
    return column


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


def _notes(matrices: Matrices, layout: Layout, result: MmrmResult) -> Iterator[str]:
    dropped = [name for i, name in enumerate(matrices.names) if i not in result.kept]
    if dropped:
        yield f"no coefficient for {', '.join(dropped)}: a linear combination of the columns before it"
    unseen = sorted(
        {(i, j) for c in result.residual_covariances for i, j in np.argwhere(np.tril(np.isnan(c))).tolist()}
    )
    if unseen:
        labels = layout.visit.labels
        pairs = "; ".join(f"{labels[j]} and {labels[i]}" for i, j in unseen)
        yield f"the data do not determine the covariance of these visits, at which no subject was seen: {pairs}"
    boundary = []
    if result.singular and layout.cluster:
        boundary.append(f"a variance of zero is estimated for the random effects of {layout.cluster.name}")
    if layout.spatial and result.uncorrelated:
        boundary.append(f"a correlation of zero is estimated between any two of {layout.visit.name}")
    for what in boundary:
        warnings.warn(f"boundary fit: {what}", TrialWarning, stacklevel=3)
        yield f"boundary fit: {what}"


def _summary(result: MmrmResult, layout: Layout) -> dict[str, Any]:
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
