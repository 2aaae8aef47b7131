"""What a fit offers, so that its means in either arm can be averaged: one small seam for every kind of model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import Literal

import numpy as np

from ..clusters.level import ClusterLevelFit
from ..engine.arrays import Array
from ..engine.generalised.links import Link
from ..engine.inference import constant_within
from ..errors import PlanError
from ..fit import Fit
from ..formula.coding import Columns, code_new
from ..formula.frame import ModelFrame
from ..formula.matrices import Grouping, find_levels
from ..generalised.fit import GlmmFit
from ..mixed.fit import LmmFit
from ..mixed.repeated import MmrmFit
from ..robust.families import COUNTS
from ..robust.fit import RobustFit
from .integrals import integrated

Scale = Literal["mean", "risk", "rate"]
Mean = Callable[[Columns, Array], tuple[Array, Array]]


@dataclass(frozen=True, kw_only=True)
class Standardisable:
    """A fit, as rows whose mean the model gives in either arm.

    Attributes
    ----------
    frame : rows and fixed effects
    scale : what a mean is
    mean : mean and its derivative (n,) of rows with these columns and linear predictor (n,)
    y : (n,) the outcome, per unit of `weight`
    weight : (n,) individuals, trials or person-time that a row stands for
    offset : (n,) added to the linear predictor, but for person-time
    groupings : that the rows are known to belong to
    """

    frame: ModelFrame
    scale: Scale
    mean: Mean
    y: Array
    weight: Array
    offset: Array
    groupings: tuple[Grouping, ...]

    def cluster(self, arm: Array, name: str | None) -> Grouping:
        """The grouping `name`, or the coarsest with one arm (n,) in each of its levels."""
        if name is not None:
            return self._named(name)
        coarsest = sorted(self.groupings, key=lambda grouping: len(grouping.labels))
        whole = [grouping for grouping in coarsest if constant_within(arm[:, None], grouping.level)[0]]
        if not whole:
            raise PlanError("no grouping factor of the fit has one arm a group: name the clusters by cluster=")
        return whole[0]

    def _named(self, name: str) -> Grouping:
        known = {grouping.name: grouping for grouping in self.groupings}
        if name not in known and name not in self.frame.columns:
            raise PlanError(f"the fit knows no column {name!r}; it has {', '.join(self.frame.columns)}")
        return known.get(name) or find_levels([name], self.frame.columns)


@singledispatch
def standardisable(fit: Fit) -> Standardisable:
    """The seam of a fit; PlanError for a model that has no means by row."""
    if isinstance(fit, ClusterLevelFit):
        raise PlanError(
            "a cluster-level analysis is marginal as it is: read its tidy(), weights='size' for participants"
        )
    raise PlanError(f"effects of a {type(fit).__name__} cannot be standardised: give a fit by lmm, mmrm, glmm or gee")


@standardisable.register
def _(fit: LmmFit) -> Standardisable:
    return _gaussian(fit.model_frame, fit.matrices.y, [random.grouping for random in fit.matrices.random])


@standardisable.register
def _(fit: MmrmFit) -> Standardisable:
    groupings = [grouping for grouping in (fit.layout.cluster, fit.layout.subject) if grouping is not None]
    return _gaussian(fit.model_frame, fit.matrices.y, groupings)


@standardisable.register
def _(fit: RobustFit) -> Standardisable:
    observed, link = fit.observed, fit.observed.model.link
    counts = observed.model.name in COUNTS
    time = _person_time(observed.data.offset, link, counts)
    return Standardisable(
        frame=fit.model_frame,
        scale="rate" if counts else "risk" if observed.model.name == "binomial" else "mean",
        mean=lambda _, eta: link.inverse(eta)[:2],
        y=observed.data.y / time,
        weight=observed.data.weights * time,
        offset=observed.data.offset - np.log(time),
        groupings=(observed.cluster,),
    )


@standardisable.register
def _(fit: GlmmFit) -> Standardisable:
    """Means over the random effects; of a zero-inflated family, of the rows that are zero for certain too."""
    problem = fit.result.problem
    rows, family, offset = problem.rows, problem.family, problem.offset + fit.result.shift
    time = _person_time(offset, family.link, not family.proportions)
    share = 1 - fit.result.others.get("zero_inflation", 0.0)

    def mean(columns: Columns, eta: Array) -> tuple[Array, Array]:
        values, slope = integrated(family.link, eta, _random_variance(fit, columns))
        return share * values, share * slope

    return Standardisable(
        frame=fit.model_frame,
        scale="risk" if family.proportions else "rate",
        mean=mean,
        y=rows.y / rows.trials / time,
        weight=rows.trials * time * (1.0 if rows.weights is None else rows.weights),
        offset=offset - np.log(time),
        groupings=tuple(random.grouping for random in fit.matrices.random),
    )


def _gaussian(frame: ModelFrame, y: Array, groupings: Sequence[Grouping]) -> Standardisable:
    return Standardisable(
        frame=frame,
        scale="mean",
        mean=lambda _, eta: (eta, np.ones_like(eta)),
        y=y,
        weight=np.ones(len(y)),
        offset=np.zeros(len(y)),
        groupings=tuple(groupings),
    )


def _person_time(offset: Array, link: Link, counts: bool) -> Array:
    """(n,) what counts are over: the offset of a logarithm is that of person-time."""
    return np.exp(offset) if counts and link.name == "log" else np.ones(len(offset))


def _random_variance(fit: GlmmFit, columns: Columns) -> Array:
    """(n,) of the random part of the linear predictor."""
    designs = [code_new(bar.columns, fit.model_frame.columns, columns) for bar in fit.formula.bars]
    pairs = zip(designs, fit.result.covariances, strict=True)
    return np.asarray(np.sum([np.einsum("ij,jk,ik->i", z, covariance, z) for z, covariance in pairs], axis=0))
