"""Predictions, residuals and draws of a model for repeated measures: what is done row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, get_args

import numpy as np
import pandas as pd

from ..engine.arrays import Array, Codes
from ..engine.repeated.dependence import (
    NOBODY,
    Rows,
    cluster_modes,
    condition_rows,
    decorrelate,
    fitted_rows,
    variances,
)
from ..engine.repeated.mmrm import MmrmResult
from ..errors import PlanError
from ..formula.coding import INTERCEPT, Columns
from ..formula.matrices import Grouping, RandomColumns
from .prediction import Interval, Predicted, new_rows, with_interval
from .residuals import Kind
from .simulation import Effects, RandomEffects, ResponseModel

if TYPE_CHECKING:
    from .repeated import MmrmFit


def marginal_residuals(fit: MmrmFit) -> Array:
    """(n,) y - X beta."""
    return np.asarray(fit.matrices.y - fit.matrices.x[:, fit.result.kept] @ fit.estimate)


def modes(fit: MmrmFit) -> pd.DataFrame:
    """See `MmrmFit.ranef`."""
    cluster = fit.layout.cluster
    if cluster is None:
        raise PlanError("the model has no random effects; name clusters by cluster=, such as cluster='team'")
    values, deviations = cluster_modes(fit.result, marginal_residuals(fit))
    level = np.array(cluster.labels, dtype=object)
    return pd.DataFrame(
        {"group": cluster.name, "level": level, "term": INTERCEPT, "mode": values, "std_error": deviations}
    )


def residuals(fit: MmrmFit, kind: Kind) -> pd.Series:
    """See `MmrmFit.residuals`."""
    if kind not in get_args(Kind):
        raise PlanError(f"residuals of kind {kind!r} are unknown; choose from {', '.join(get_args(Kind))}")
    values: Array = marginal_residuals(fit)
    if kind == "scaled":
        values = decorrelate(fit.result, values[:, None])[:, 0]
    elif kind != "marginal":
        values = values - _cluster_part(fit)
    if kind == "pearson":
        values = values / np.sqrt(np.diagonal(fit.result.level_covariance))[fit.result.visits.level]
    return pd.Series(values, index=next(iter(fit.model_frame.columns.values())).index, name=kind)


def _cluster_part(fit: MmrmFit) -> Array:
    cluster = fit.layout.cluster
    return np.zeros(len(fit.matrices.y)) if cluster is None else modes(fit)["mode"].to_numpy()[cluster.level]


def predictions(
    fit: MmrmFit, new: pd.DataFrame | None, conditional: bool, interval: Interval, conf_level: float
) -> pd.DataFrame:
    """See `MmrmFit.predict`."""
    if interval not in get_args(Interval):
        raise PlanError(f"interval {interval!r} is unknown; choose from {', '.join(get_args(Interval))}")
    frame = fit.model_frame
    columns = frame.columns if new is None else _columns(fit, new, conditional or interval == "prediction")
    weights = frame.design(columns)
    estimate = weights @ fit.estimate
    own: Array = np.zeros(len(weights))
    if conditional:
        x = fit.matrices.x[:, fit.result.kept]
        given = condition_rows(fit.result, marginal_residuals(fit), x, _rows(fit, columns))
        estimate, weights, own = estimate + given.mode, weights - given.moved, given.variance
    elif interval == "prediction":
        own = variances(fit.result, _rows(fit, columns))
    own = own if interval == "prediction" else np.zeros(len(own))
    return with_interval(fit, Predicted(estimate, weights, own), next(iter(columns.values())).index, conf_level)


def _columns(fit: MmrmFit, new: pd.DataFrame, roles: bool) -> Columns:
    """The columns of `new` that are needed; DataError where a value is missing."""
    factors = [factor.name for factor in _factors(fit) if factor is not None] if roles else []
    return new_rows(new, [*fit.model_frame.terms.variables, *factors])


def _factors(fit: MmrmFit) -> Sequence[Grouping | None]:
    layout = fit.layout
    return layout.subject, layout.visit, layout.group, layout.cluster


def _rows(fit: MmrmFit, columns: Columns) -> Rows:
    """Where rows belong: subjects and clusters that the fit does not know are nobody's."""
    subject, visit, group, cluster = (None if f is None else _places(f, columns) for f in _factors(fit))
    for place, factor in ((visit, fit.layout.visit), (group, fit.layout.group)):
        if place is not None and factor is not None and np.any(place == NOBODY):
            stranger = columns[factor.name].iloc[int(np.argmax(place == NOBODY))]
            raise PlanError(f"{factor.name} {stranger} is not in the fit: its variance is not known")
    assert subject is not None
    assert visit is not None
    level = visit if group is None else group * len(fit.layout.visit.labels) + visit
    return Rows(level, subject, np.full(len(level), NOBODY) if cluster is None else cluster)


def _places(factor: Grouping, columns: Columns) -> Codes:
    """The level of each row in `factor`, `NOBODY` where the fit does not know it."""
    place = {label: i for i, label in enumerate(factor.labels)}
    return np.array([place.get(value, NOBODY) for value in columns[factor.name]], dtype=np.intp)


@dataclass(frozen=True)
class WithinSubjects:
    """Independent residuals of unit variance become those of the visits of a subject."""

    result: MmrmResult
    size = 0

    @cached_property
    def _by_pattern(self) -> list[tuple[Codes, Array]]:
        """(s, m) rows of the subjects seen at the same visits, and the root (m, m) of the covariance there."""
        rows = fitted_rows(self.result)
        order = np.lexsort((rows.level, rows.subject))
        subjects = np.split(order, np.flatnonzero(np.diff(rows.subject[order])) + 1)
        patterns: dict[tuple[int, ...], list[Codes]] = {}
        for which in subjects:
            patterns.setdefault(tuple(rows.level[which].tolist()), []).append(which)
        covariance = self.result.level_covariance
        return [(np.array(which), np.linalg.cholesky(covariance[np.ix_(p, p)])) for p, which in patterns.items()]

    def add(self, residuals: Array, normal: Array) -> None:  # noqa: ARG002
        for which, root in self._by_pattern:
            residuals[:, which] = residuals[:, which] @ root.T


def response_model(fit: MmrmFit, *, conditional: bool = False) -> ResponseModel:
    """What a fit says of its outcome: with new effects of clusters, or if `conditional` with their modes."""
    cluster, mean = fit.layout.cluster, fit.matrices.x[:, fit.result.kept] @ fit.estimate
    effects: list[Effects] = [WithinSubjects(fit.result)]
    if conditional:
        mean = mean + _cluster_part(fit)
    elif cluster is not None:
        intercepts = RandomColumns(np.ones((len(mean), 1)), (INTERCEPT,), cluster)
        effects.append(RandomEffects(intercepts, np.array([[np.sqrt(fit.result.cluster_variance or 0.0)]])))
    return ResponseModel(np.asarray(mean), tuple(effects), 1.0)
