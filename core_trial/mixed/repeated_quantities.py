"""What is made of the covariance of repeated measures: deviations, correlations, shares, standardised effects."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from itertools import combinations
from typing import TYPE_CHECKING, get_args

import numpy as np
import pandas as pd

from ..engine.arrays import Array
from ..engine.linear.extremes import Quantity, quantity_estimate
from ..engine.linear.region import Components
from ..engine.repeated.mmrm import MmrmResult, fit_mmrm
from ..engine.repeated.region import RepeatedRegion
from ..engine.repeated.structures import KINDS
from ..errors import PlanError
from ..formula.coding import INTERCEPT
from .effect_size import Standard, standardised
from .intervals import Interval, Wanted, correlation, element, quantity_table

if TYPE_CHECKING:
    from .repeated import MmrmFit


def deviations(fit: MmrmFit) -> Iterator[Wanted]:
    """Standard deviations and correlations of the visits of each group, after the deviation of clusters."""
    groups, visits = fit.residual_names, [str(label) for label in fit.layout.visit.labels]
    if fit.layout.cluster is not None:
        between = Quantity(element(len(groups), 0, 0), 0)
        names = (fit.layout.cluster.name, INTERCEPT, INTERCEPT, "sd")
        yield Wanted(names, between, (len(groups),), shown=np.sqrt)
    for place, (group, covariance) in enumerate(zip(groups, fit.result.residual_covariances, strict=True)):
        variances = _variances(fit, place)
        for visit, variance in zip(visits, variances, strict=True):
            yield Wanted((group, visit, visit, "sd"), variance, (place,), shown=np.sqrt)
        for i, j in combinations(range(len(visits)), 2):
            if np.isfinite(covariance[i, j]):
                names = (group, visits[i], visits[j], "correlation")
                yield Wanted(names, Quantity(correlation(place, i, j), -1, 1), (place,))


def shares(fit: MmrmFit) -> Iterator[Wanted]:
    """The share of clusters in the variance at each visit; PlanError where there are none."""
    cluster, groups = fit.layout.cluster, fit.residual_names
    if cluster is None:
        raise PlanError("the model has no clusters to correlate; name them by cluster=, such as cluster='team'")
    for place, group in enumerate(groups):
        for i, label in enumerate(fit.layout.visit.labels):
            names = (f"{cluster.name} {group.removeprefix('Residual')}".strip(), str(label), str(label), "icc")
            yield Wanted(names, Quantity(_share(len(groups), place, i), 0, 1), (len(groups),))


def covariance_table(
    fit: MmrmFit, wanted: Iterator[Wanted], interval: Interval, conf_level: float, reml: bool | None
) -> pd.DataFrame:
    """A row for each quantity; see `MmrmFit.variance_intervals`."""
    result = fit.result if reml in (None, fit.reml) else refit_by(fit, reml=bool(reml))
    boundaries = [result.uncorrelated and fit.layout.spatial] * len(fit.residual_names) + [result.singular]
    return quantity_table(RepeatedRegion(result), boundaries, wanted, interval, conf_level)


def refit_by(fit: MmrmFit, *, reml: bool) -> MmrmResult:
    """The same model by the other likelihood."""
    return fit_mmrm(fit.matrices.y, fit.matrices.x, fit.layout.engine, fit.structure, reml=reml)


def effect_size(
    fit: MmrmFit, contrast: Array, visit: Hashable | None, standard: Standard, conf_level: float
) -> dict[str, float]:
    """`estimate std_error df conf_low conf_high sd` of a contrast (p,); see `MmrmFit.effect_size`."""
    if standard not in get_args(Standard):
        raise PlanError(f"standard {standard!r} is unknown; choose from {', '.join(get_args(Standard))}")
    labels = fit.layout.visit.labels
    if visit is not None and visit not in labels:
        raise PlanError(f"visit {visit} is not in the fit; it has {', '.join(map(str, labels))}")
    at = np.ones(len(fit.matrices.y), bool) if visit is None else fit.layout.visit.level == labels.index(visit)
    weights = np.bincount(fit.result.visits.level[at], minlength=len(fit.result.level_covariance)) / at.sum()
    spread = Quantity(_spread(weights, len(fit.residual_names), standard == "total" and bool(fit.layout.cluster)))
    return standardised(fit, contrast, quantity_estimate(RepeatedRegion(fit.result), spread), conf_level)


def _variances(fit: MmrmFit, place: int) -> list[Quantity]:
    """One for each visit; equal where the structure makes them so."""
    own = [Quantity(element(place, i, i), 0) for i in range(len(fit.layout.visit.labels))]
    return own if KINDS[fit.structure].heterogeneous else [own[0]] * len(own)


def _share(cluster: int, place: int, visit: int) -> Callable[[Components], float]:
    def value(at: Components) -> float:
        between = float(at.covariances[cluster][0, 0])
        return between / (between + float(at.covariances[place][visit, visit]))

    return value


def _spread(weights: Array, groups: int, clusters: bool) -> Callable[[Components], float]:
    """The mean of the variances with `weights` (L,), and of clusters if they count."""

    def value(at: Components) -> float:
        within = weights @ np.concatenate([np.diagonal(c) for c in at.covariances[:groups]])
        return float(within + (at.covariances[groups][0, 0] if clusters else 0.0))

    return value
