"""Estimation of marginal models with correlated rows by statsmodels, and what each cluster says at the estimates."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..engine.arrays import Array, Codes
from ..engine.robust.quasi_likelihood import MeanModel
from ..engine.robust.sandwich import ClusterParts
from ..errors import FitError

if TYPE_CHECKING:
    from statsmodels.genmod.cov_struct import CovStruct
    from statsmodels.genmod.families import Family
    from statsmodels.genmod.generalized_estimating_equations import GEE, GEEResults

WorkingCorrelation = Literal["exchangeable", "independence", "autoregressive", "nested"]
ITERATIONS = 200
NEAR = 0.1  # share of the lowest correlation
FAR = 10.0  # on the scale of a logit or logarithm, from independent rows: an overflow that statsmodels calls converged
TOLERANCE = 1e-10  # of the score a row, in orthogonal columns


@dataclass(frozen=True)
class WorkingRows:
    """What is estimated from, a row a person: sorted by cluster, and in it by time.

    Attributes
    ----------
    y, columns, offset : (n,), (n, p) and (n,)
    cluster : (n,) from 0
    inner : (n,) the group within the cluster, or time, numbered over all clusters
    """

    y: Array
    columns: Array
    offset: Array
    cluster: Codes
    inner: Codes


@dataclass(frozen=True)
class WorkingFit:
    """Where statsmodels came to an end.

    Attributes
    ----------
    coefficients : (p,) of the columns
    correlations : of pairs of rows, by their name, as the model took them
    scores, information : (K, p) and (K, p, p) of the clusters, by the working correlation, without the dispersion
    plain : the same without the working covariance
    notes : what was done instead
    """

    coefficients: Array
    correlations: dict[str, float]
    scores: Array
    information: Array
    plain: tuple[Array, Array]
    notes: tuple[str, ...] = ()

    def parts(self, dispersion: float, units: Array, n_rows: float) -> ClusterParts:
        return ClusterParts(self.scores / dispersion, self.information / dispersion, n_rows, units, self.plain)


def fit_working(model: MeanModel, rows: WorkingRows, start: Array, correlation: WorkingCorrelation) -> WorkingFit:
    """Solve the estimating equations from the coefficients `start` (p,); FitError where that does not succeed.

    Where rows of a cluster are less alike than by chance, and the equations with an exchangeable correlation have no
    solution for it, those of independent rows are solved, and `notes` says so: standard errors hold for any working
    correlation.
    """
    scale = float(rows.y.std()) if model.link.name == "identity" and model.name == "gaussian" else 1.0
    equations = _equations(model, rows, scale, correlation)
    found = _solve(equations, start / scale)
    notes: tuple[str, ...] = ()
    problem = _problem(correlation, equations, found, rows)
    if problem and correlation == "exchangeable":
        equations = _equations(model, rows, scale, "independence")
        found = _solve(equations, start / scale)
        notes = _too_different(equations, found, rows)
        correlation = "independence"
    if found is None or (problem and not notes):
        raise FitError(f"{problem}: use correlation='independence', which is right in expectation for any correlation")
    scores, information, pulls, squares = _by_cluster(equations)
    return WorkingFit(
        coefficients=np.asarray(found.params) * scale,
        correlations=_correlations(correlation, equations.cov_struct),
        scores=scores * scale,
        information=information,
        plain=(pulls * scale, squares),
        notes=notes,
    )


def _problem(correlation: WorkingCorrelation, equations: GEE, found: GEEResults | None, rows: WorkingRows) -> str:
    """Why the solution is none; empty if it is one."""
    if found is None:
        return f"the estimating equations with {correlation} correlation were not solved in {ITERATIONS} steps"
    lowest = _lowest(rows) if correlation == "exchangeable" else -1.0
    for name, value in _correlations(correlation, equations.cov_struct).items():
        if not lowest < value < 1:
            return (
                f"the estimated correlation {name}, {value:.3g}, cannot be that of a cluster of {_largest(rows)} rows"
            )
    return ""


def _too_different(equations: GEE, found: GEEResults | None, rows: WorkingRows) -> tuple[str, ...]:
    """A note where the rows of clusters are negatively correlated, as they cannot be in a large cluster."""
    if found is None:
        return ()
    moments = _structure("exchangeable")
    moments.initialize(equations)
    moments.update(found.params)
    if moments.dep_params >= 0:
        return ()
    return (
        f"the rows of clusters are less alike than by chance (correlation {moments.dep_params:.2g}), which an"
        f" exchangeable correlation of up to {_largest(rows)} rows cannot follow: a working correlation of 0 is used",
    )


def _largest(rows: WorkingRows) -> int:
    return int(np.bincount(rows.cluster).max())


def _lowest(rows: WorkingRows) -> float:
    """What the correlation in the largest cluster cannot be below, less a tenth: nearer it weighs far too much."""
    return -(1 - NEAR) / (_largest(rows) - 1) if _largest(rows) > 1 else -1.0


def _equations(model: MeanModel, rows: WorkingRows, scale: float, correlation: WorkingCorrelation) -> GEE:
    from statsmodels.genmod.generalized_estimating_equations import GEE

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of links, which were chosen
        return GEE(
            rows.y / scale,
            rows.columns,
            groups=rows.cluster,
            family=_family(model),
            cov_struct=_structure(correlation),
            offset=rows.offset / scale,
            dep_data=rows.inner if correlation == "nested" else None,
        )


def _solve(equations: GEE, start: Array) -> GEEResults | None:
    """None where statsmodels comes to no end; what it warns of is said by the caller in the terms of the trial."""
    from statsmodels.genmod.families.links import Identity

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = equations.fit(start_params=start, maxiter=ITERATIONS, ctol=TOLERANCE * len(equations.endog))
    if found is None or not found.converged or not np.isfinite(found.params).all():
        return None
    moved = np.abs(equations.exog @ (np.asarray(found.params) - start)).max()
    return found if moved < FAR or isinstance(equations.family.link, Identity) else None


def _structure(correlation: WorkingCorrelation) -> CovStruct:
    from statsmodels.genmod import cov_struct

    if correlation == "autoregressive":
        return cov_struct.Autoregressive(grid=True)
    return {
        "exchangeable": cov_struct.Exchangeable,
        "independence": cov_struct.Independence,
        "nested": cov_struct.Nested,
    }[correlation]()


def _family(model: MeanModel) -> Family:
    from statsmodels.genmod import families

    links = families.links
    link = {"identity": links.Identity, "log": links.Log, "logit": links.Logit}[model.link.name]()
    if model.name == "negative_binomial" and np.isfinite(model.theta):
        return families.NegativeBinomial(link, alpha=1 / model.theta)
    return {"gaussian": families.Gaussian, "binomial": families.Binomial}.get(model.name, families.Poisson)(link)


def _correlations(correlation: WorkingCorrelation, structure: Any) -> dict[str, float]:
    if correlation == "independence":
        return {"within clusters": 0.0}
    if correlation == "nested":
        between, more = structure.vcomp_coeff / structure.scale
        return {"within subclusters": float(between + more), "between subclusters": float(between)}
    name = "within clusters" if correlation == "exchangeable" else "adjacent"
    return {name: float(structure.dep_params)}


def _by_cluster(equations: GEE) -> tuple[Array, Array, Array, Array]:
    """D'V^-1 r (K, p), D'V^-1 D (K, p, p), D'r and D'D."""
    products = []
    for i, (mean, eta) in enumerate(equations.cached_means):
        slope = equations.mean_deriv(equations.exog_li[i], eta)
        deviation = np.sqrt(equations.family.variance(mean))
        residual = equations.endog_li[i] - mean
        weighted, pull = equations.cov_struct.covariance_matrix_solve(mean, i, deviation, (slope, residual))
        products.append((slope.T @ pull, slope.T @ weighted, slope.T @ residual, slope.T @ slope))
    scores, information, pulls, squares = (np.array(product) for product in zip(*products, strict=True))
    return scores, information, pulls, squares
