"""`ct.glmm`: formula and data frame -> engine -> fit."""

from __future__ import annotations

import pandas as pd

from ..engine.generalised.family import Family, FamilyName, find_family
from ..engine.generalised.glmm import GlmmResult, pose, starting_point
from ..engine.generalised.links import LinkName
from ..engine.generalised.problem import Problem
from ..errors import FitError, PlanError
from ..formula.frame import ModelFrame
from ..formula.matrices import Matrices, model_matrices
from ..formula.parse import MixedFormula, parse_formula
from ..mixed.model import random_term, random_words
from ..robust.separation import refuse_separation
from .degrees import CovarianceName, Ddf, small_sample
from .fit import GlmmFit
from .nodes import NodeCount, NodedFit, fit_with_nodes
from .notes import glmm_notes, refuse_constant_levels
from .outcomes import check_exposures, model_offset, outcome_rows
from .summary import glmm_summary

MEASURES = {
    ("log", False): "rate ratio",
    ("log", True): "risk ratio",
    ("logit", True): "odds ratio",
    ("identity", False): "rate difference",
    ("identity", True): "risk difference",
}


def glmm(
    formula: str,
    data: pd.DataFrame,
    *,
    family: FamilyName,
    link: LinkName | None = None,
    n_agq: NodeCount = 1,
    weights: str | None = None,
    zero_inflated: bool = False,
    ddf: Ddf | None = None,
    covariance: CovarianceName = "model",
) -> GlmmFit:
    """Generalised linear mixed model of counts or proportions by maximum likelihood.

    Parameters
    ----------
    formula : of lme4, such as `admissions ~ arm * period + offset(log(population)) + (1 | team)`; random terms as in
        `ct.lmm`. The outcome of proportions is 0 and 1, `cbind(events, others)`, or a proportion whose trials are the
        column `weights`. A random intercept of a column that numbers the rows takes up extra variation.
    data : rows with missing values in a column of the formula are left out and counted in `notes`
    family : `poisson`; `binomial`; `negative_binomial`, of variance mu + mu^2 / theta (NB2, glmmTMB's `nbinom2`);
        `nb1`, of variance mu (1 + alpha); `beta_binomial`. theta, alpha and the precision are estimated with the rest
    link : by default the log for counts and the logit for proportions; `identity` for `poisson`, `log` and `identity`
        for `binomial` where these converge
    n_agq : nodes of adaptive Gauss-Hermite quadrature for each random effect of the one grouping factor; 1 is Laplace's
        approximation, for any random terms; "auto" doubles the nodes until the estimates stop moving
    weights : column of how often a row counts, or for a proportion of its trials
    zero_inflated : a share of the counts is zero for certain
    ddf : `between-within`, `clusters` (less the parameters at their level), `residual`, or `normal` for z tests. By
        default between-within, or clusters where factors are crossed
    covariance : `model`, from observed information, or `robust`, to a wrong variance within and between clusters

    Returns
    -------
    GlmmFit; effects are on the scale of the link, `tidy(exponentiate=True)` gives ratios.

    Raises
    ------
    PlanError : the formula or an option is wrong
    DataError : counts that are negative or not whole, proportions of no trials, exposures of zero or less
    DesignError : a grouping factor with one level, more effects than the rows can tell apart
    FitError : separation, or a likelihood without a maximum that could be found

    Examples
    --------
    >>> data = pd.DataFrame({"team": list("aabbccddeeff"), "arm": [0] * 6 + [1] * 6, "people": [90, 80, 70] * 4})
    >>> data["visits"] = [19, 17, 8, 6, 12, 11, 4, 6, 12, 13, 2, 4]
    >>> fit = glmm("visits ~ arm + offset(log(people)) + (1 | team)", data, family="poisson")
    >>> fit.tidy(exponentiate=True).round(2).loc[1, ["estimate", "df"]].tolist()
    [0.54, 4.0]
    """
    parsed = parse_formula(formula, generalised=True)
    if not parsed.bars:
        raise PlanError(f"formula {formula!r} has no random term; add one, such as '(1 | team)'")
    model = find_family(family, link, zero_inflated=zero_inflated)
    check_exposures(parsed, data)
    matrices = model_matrices(parsed, data, [weights] if weights else [])
    found = _fit(parsed, matrices, model, weights, n_agq)
    result = found.result
    inference = small_sample(ddf, covariance, result, matrices)
    return GlmmFit(
        terms=tuple(matrices.names[i] for i in result.kept),
        estimate=result.estimate,
        covariance=inference.covariance,
        degrees=inference.degrees,
        joint=inference.joint,
        measure=MEASURES[model.link.name, model.proportions],
        link=model.link.name,
        method=_method(model, matrices, result, inference.words, offset=parsed.offset is not None),
        notes=glmm_notes(matrices, result, found.ends, found.note, stacklevel=2),
        summary=glmm_summary(matrices, result, found.ends),
        frame=ModelFrame(parsed.fixed, matrices.columns, result.kept, parsed.bars),
        result=result,
        matrices=matrices,
        formula=parsed,
        ends=found.ends,
    )


def _fit(formula: MixedFormula, matrices: Matrices, family: Family, weights: str | None, n_agq: NodeCount) -> NodedFit:
    rows = outcome_rows(matrices, formula, family, weights)
    offset = model_offset(matrices, formula, family)
    problem, shift = pose(family, rows, offset, matrices.x, [random_term(random) for random in matrices.random])
    refuse_constant_levels(matrices, problem)
    start, suspect = starting_point(problem)
    if suspect:
        _refuse_separation(matrices, problem)
    try:
        return fit_with_nodes(problem, shift, start, n_agq)
    except FitError:
        _refuse_separation(matrices, problem)
        raise


def _refuse_separation(matrices: Matrices, problem: Problem) -> None:
    """FitError where columns tell events from none, so that their coefficients have no finite estimate."""
    kept, rows = problem.fixed.kept, problem.rows
    trials = rows.trials if problem.family.proportions else None
    refuse_separation(matrices.x[:, kept], [matrices.names[i] for i in kept], rows.y, rows.y, trials, suspect=True)


def _method(family: Family, matrices: Matrices, result: GlmmResult, inference: str, *, offset: bool) -> str:
    nodes = f"adaptive Gauss-Hermite quadrature of {result.n_nodes} nodes" if result.n_nodes > 1 else "Laplace's method"
    random = " and ".join(map(random_words, matrices.random))
    return (
        f"Generalised linear mixed model, {family.words}, {family.link.name} link{' with an offset' if offset else ''},"
        f" fitted by maximum likelihood ({nodes}) to {matrices.n_rows} rows with {random}; {inference}"
    )
