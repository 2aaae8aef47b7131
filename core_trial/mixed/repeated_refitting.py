"""Models for repeated measures fitted again: to other outcomes, to outcomes drawn from the fit, to some of the rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ..engine.arrays import Array
from ..engine.repeated.mmrm import MmrmResult, fit_mmrm
from ..errors import DesignError, FitError, PlanError
from ..formula.matrices import Grouping, Matrices
from ..formula.visits import Layout
from .bootstrap import Bootstrap
from .bootstrap_quantities import NAMES, Quantities
from .influence import Kept, Without, influence_row, influence_table, levels_left
from .refitting import numbers
from .repeated_inference import repeated_sample
from .repeated_rows import response_model
from .summary import repeated_notes, repeated_summary

if TYPE_CHECKING:
    from .repeated import MmrmFit


def refit(fit: MmrmFit, response: ArrayLike) -> MmrmFit:
    """See `MmrmFit.refit`."""
    (y,) = numbers(fit.matrices, np.asarray(response)[None])
    matrices, result = replace(fit.matrices, y=y), _fit(fit, y)
    inference = repeated_sample(*fit.ddf, result, matrices, fit.layout)
    return replace(
        fit,
        estimate=result.estimate,
        covariance=inference.covariance,
        degrees=inference.degrees,
        joint=inference.joint,
        notes=repeated_notes(matrices, fit.layout, result, stacklevel=3),
        summary=repeated_summary(result, fit.layout),
        result=result,
        matrices=matrices,
    )


def _fit(fit: MmrmFit, y: Array) -> MmrmResult:
    return fit_mmrm(y, fit.matrices.x, fit.layout.engine, fit.structure, reml=fit.reml)


def bootstrap(fit: MmrmFit, n: int, seed: int) -> Bootstrap:
    """See `MmrmFit.bootstrap`."""
    components = fit.variance_components()
    names = [("", term, "", "coefficient") for term in fit.terms] + [
        (group, term, other, "variance" if term == other else "covariance")
        for group, term, other in components[["group", "term", "other"]].itertuples(index=False)
    ]
    fits = list(_refitted(fit, n, seed))
    found = [one for one in fits if one is not None]
    if not found:
        raise FitError(f"none of the {n} data sets drawn could be fitted")
    lost, singular = n - len(found), sum(result.singular for result in found)
    notes = (f"{lost} of {n} data sets could not be fitted and are left out",) * bool(lost)
    notes += (f"{singular} of {n} fits are on the boundary",) * bool(singular)
    likelihood = "restricted maximum likelihood" if fit.reml else "maximum likelihood"
    return Bootstrap(
        names=pd.DataFrame(names, columns=list(NAMES)),
        observed=_quantities([fit.result]),
        replicates=_quantities(found),
        method=f"Parametric bootstrap: {n} times responses drawn from the fitted model (seed {seed}) and fitted by"
        f" {likelihood}",
        notes=notes,
    )


def _refitted(fit: MmrmFit, n: int, seed: int) -> Iterator[MmrmResult | None]:
    """None for an outcome that could not be fitted."""
    for drawn in response_model(fit).draw(n, seed):
        for y in drawn:
            try:
                yield _fit(fit, y)
            except (DesignError, FitError):
                yield None


def _quantities(results: list[MmrmResult]) -> Quantities:
    """Coefficients, the variance of clusters, variances of visits, then covariances, group by group."""
    deviations = [np.sqrt(np.diagonal(result.covariance)) for result in results]
    components = np.array([np.concatenate(list(_components(result))) for result in results])
    return Quantities(
        np.hstack([[result.estimate for result in results], components]),
        np.hstack([deviations, np.full_like(components, np.nan)]),
    )


def _components(result: MmrmResult) -> Iterator[Array]:
    if result.cluster_variance is not None:
        yield np.array([result.cluster_variance])
    for covariance in result.visits.by_group(result.level_covariance):
        yield np.diagonal(covariance)
        yield covariance[np.triu_indices(len(covariance), 1)]


def influence(fit: MmrmFit, term: str, by: str | None) -> pd.DataFrame:
    """A row a level; see `MmrmFit.influence`."""
    weights = fit.row({term: 1.0})
    factors = {factor.name: factor for factor in fit.layout.nested}
    name = by or next(iter(factors))
    if name not in factors:
        raise PlanError(f"{name!r} is neither the clusters nor the subjects of the model: {', '.join(factors)}")
    grouping = factors[name]
    rows = [_row(fit, weights, grouping.level != i) for i in range(len(grouping.labels))]
    return influence_table(grouping, rows)


def _row(fit: MmrmFit, weights: Array, kept: Kept) -> tuple[object, ...]:
    lost = int(np.sum(~kept))
    try:
        matrices, layout = _matrices(fit, kept), _layout(fit.layout, kept)
        result = fit_mmrm(matrices.y, matrices.x, layout.engine, fit.structure, reml=fit.reml)
        if not np.all(np.isin(np.flatnonzero(weights), result.kept)):
            raise DesignError("the rows left do not determine the coefficient")
        inference = repeated_sample(*fit.ddf, result, matrices, layout)
    except (DesignError, FitError) as error:
        return lost, *[np.nan] * 6, str(error)
    missing = [name for i, name in enumerate(fit.terms) if i not in result.kept]
    notes = [f"no coefficient for {', '.join(missing)} in the rows left"] * bool(missing)
    notes += ["boundary fit"] * result.singular
    without = Without(result.estimate, inference, weights[result.kept], "; ".join(notes))
    return influence_row(fit, weights, lost, without)


def _matrices(fit: MmrmFit, kept: Kept) -> Matrices:
    """Of the rows `kept` and the coefficients of the fit."""
    matrices, x = fit.matrices, fit.matrices.x[np.ix_(kept, fit.result.kept)]
    return replace(matrices, y=matrices.y[kept], x=x, names=fit.terms, rows=matrices.rows[kept])


def _layout(layout: Layout, kept: Kept) -> Layout:
    """Of the rows `kept`; visits and groups keep their places."""
    taken = [
        None if factor is None else Grouping(factor.name, factor.labels, factor.level[kept])
        for factor in (layout.visit, layout.group)
    ]
    clusters = None if layout.cluster is None else levels_left(layout.cluster, kept)
    visit = taken[0] or layout.visit
    return replace(layout, subject=levels_left(layout.subject, kept), visit=visit, group=taken[1], cluster=clusters)
